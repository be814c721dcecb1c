"""Risk sets of training sets side by side, padded to equal length: where the sums of each row begin."""

from dataclasses import dataclass

import numpy as np

from hemapilots.models.batch import Batch
from hemapilots.models.data import TrainingData


@dataclass(frozen=True)
class Ranks:
    """Of B training sets with n rows each, sorted by time; rows that only pad are later than all others.

    member, dead (B, n); time, entry (B, n), inf and -inf where a row pads; first (B, n) the first row that is as late;
    fraction (B, n) of a death among those of its time (Efron 1977), 0 under Breslow;
    entered: None, or (order (B, n) by entry, position (B, n) in that order of the first row not yet in at the time).
    """

    member: np.ndarray
    dead: np.ndarray
    time: np.ndarray
    entry: np.ndarray
    first: np.ndarray
    fraction: np.ndarray
    entered: tuple[np.ndarray, np.ndarray] | None

    @classmethod
    def of(cls, data: TrainingData, batch: Batch, ties: str) -> "Ranks":
        """Of a site's rows in a batch; ties is `efron` or `breslow`."""
        time = np.where(batch.member, data.time[batch.rows], np.inf)
        entry = np.where(batch.member, data.entry[batch.rows], -np.inf)
        dead = batch.member & (data.event[batch.rows] == 1)
        first = ranks(time, time, "left")
        return cls(batch.member, dead, time, entry, first, _fractions(dead, first, ties), _entered(entry, time))


def ranks(sorted_: np.ndarray, at: np.ndarray, side: str) -> np.ndarray:
    """np.searchsorted row by row: (B, n)."""
    return np.array([np.searchsorted(row, values, side=side) for row, values in zip(sorted_, at, strict=True)])


def _fractions(dead: np.ndarray, first: np.ndarray, ties: str) -> np.ndarray:
    """Efron's l / d of each death among the d of its time (B, n)."""
    fraction = np.zeros(dead.shape)
    if ties == "breslow":
        return fraction
    for k in range(len(dead)):
        at = np.flatnonzero(dead[k])
        _, start, count = np.unique(first[k, at], return_index=True, return_counts=True)
        fraction[k, at] = (np.arange(at.size) - np.repeat(start, count)) / np.repeat(count, count)
    return fraction


def _entered(entry: np.ndarray, time: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows by entry, and where in that order those begin that enter at or after each row's time; None where nobody enters late."""
    if not (entry > 0).any():
        return None
    order = np.argsort(entry, axis=1, kind="stable")
    return order, ranks(np.take_along_axis(entry, order, axis=1), time, "left")
