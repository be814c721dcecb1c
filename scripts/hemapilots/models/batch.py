"""Training sets of one site side by side: equal length by padding, so that all fits are one tensor."""

from dataclasses import dataclass

import numpy as np

from hemapilots.models.data import TrainingData


@dataclass(frozen=True)
class Batch:
    """x (B, n, p) preprocessed, rows (B, n) of the site, member (B, n): False where a row only pads; size (B,) the members.

    Members come first and keep the site's order by time.
    """

    x: np.ndarray
    rows: np.ndarray
    member: np.ndarray

    @property
    def size(self) -> np.ndarray:
        """Members of each (B,)."""
        return self.member.sum(axis=1)


def batch_of(data: TrainingData, state: dict, source: np.ndarray, sets: np.ndarray) -> Batch:
    """One entry for each pair of a preprocessing (source, B) and a training set whose rows are taken (sets, B)."""
    rows = [data.members(state["sets"][s]) for s in sets]
    longest = max(1, max(map(len, rows)))
    x = np.zeros((len(rows), longest, data.x.shape[1]))
    index = np.zeros((len(rows), longest), dtype=np.int64)
    member = np.zeros((len(rows), longest), dtype=bool)
    for k, (own, members) in enumerate(zip(source, rows, strict=True)):
        x[k, : members.size] = state["preprocessing"].apply(data.x[members], own)
        index[k, : members.size], member[k, : members.size] = members, True
    return Batch(x, index, member)
