"""Training sets of one site side by side: equal length by padding, so that many fits are one tensor."""

from dataclasses import dataclass

import numpy as np

from hemapilots.models.data import TrainingData

# Sets share a tensor where the shortest has at least this part of the longest's rows: a step works on rows that only pad as well.
ALIKE = 0.9


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


def batches_of(data: TrainingData, state: dict, source: np.ndarray, sets: np.ndarray) -> list[tuple[np.ndarray, Batch]]:
    """The entries of `batch_of` in batches of like length: places (b,) of each batch's entries, and the batch."""
    length = np.array([len(data.members(training_set)) for training_set in state["sets"]])[sets]
    order, batches = np.argsort(-length, kind="stable"), []
    while order.size:
        alike = length[order] >= ALIKE * length[order[0]]
        places, order = np.sort(order[alike]), order[~alike]
        batches.append((places, batch_of(data, state, source[places], sets[places])))
    return batches
