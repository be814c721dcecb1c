"""Risk sets of training sets side by side, padded to equal length, and the partial likelihood of log hazards in them."""

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


@dataclass(frozen=True)
class Stacked:
    """B training sets of n rows: x (B, n, p), their ranks, and, of all rows one after the other (B * n,), where sums are read.

    first: where those at risk begin; after: where the deaths until the row's time end, in cumulative sums of n + 1 a set. entered: None,
    or by entry (order), the first not yet in, in sums of n + 1 a set (position), and where the deaths until the row's entry end (before).
    tied (T,): rows of deaths at the same time as others; start (G,), group (T,): the times that they share.
    """

    x: np.ndarray
    ranks: Ranks
    first: np.ndarray
    after: np.ndarray
    entered: tuple[np.ndarray, np.ndarray, np.ndarray] | None
    tied: np.ndarray
    start: np.ndarray
    group: np.ndarray

    @classmethod
    def of(cls, data: TrainingData, batch: Batch, ties: str) -> "Stacked":
        """Of a site's rows in a batch; ties is `efron` or `breslow`."""
        found, (count, n) = Ranks.of(data, batch, ties), batch.member.shape
        at, beyond = n * np.arange(count)[:, None], (n + 1) * np.arange(count)[:, None]
        entered = None
        if found.entered is not None:
            order, position = found.entered
            before = ranks(found.time, found.entry, "right")
            entered = ((order + at).ravel(), (position + beyond).ravel(), (before + beyond).ravel())
        first, after = (found.first + at).ravel(), (ranks(found.time, found.time, "right") + beyond).ravel()
        deaths = np.bincount(first, found.dead.ravel(), minlength=count * n)
        tied = np.flatnonzero(found.dead.ravel() & (deaths[first] > 1)) if found.fraction.any() else np.array([], int)
        _, start, group = np.unique(first[tied], return_index=True, return_inverse=True)
        return cls(batch.x, found, first, after, entered, tied, start, group)

    @np.errstate(divide="ignore")
    def loglik(self, eta: np.ndarray) -> np.ndarray:
        """Log partial likelihood (B, L) of log hazards (B, n, L), as in `partial_likelihood.loglik`."""
        shift, _, at_risk = self._sums(eta)
        terms = eta - shift - np.log(at_risk).reshape(eta.shape)
        return np.where(self.ranks.dead[:, :, None], terms, 0.0).sum(axis=1)

    def residuals(self, eta: np.ndarray) -> np.ndarray:
        """Derivative (B, n, L) of the log partial likelihood by log hazards (B, n, L): deaths less the expected number."""
        dead = self.ranks.dead.reshape(-1, 1)
        _, hazard, at_risk = self._sums(eta)
        inverse = np.divide(1.0, at_risk, out=np.zeros_like(at_risk), where=dead)
        return (dead - hazard * self._expected(inverse)).reshape(eta.shape)

    def _sums(self, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """shift (B, 1, L), hazards relative to it and, of each row, the sum over those at risk at its time (B * n, L)."""
        member = self.ranks.member[:, :, None]
        shift = np.max(eta, axis=1, keepdims=True, where=member, initial=-np.inf)
        hazard = np.where(member, np.exp(np.where(member, eta - shift, 0.0)), 0.0)
        at_risk = self._from_end(hazard)[self.first]
        flat = hazard.reshape(at_risk.shape)
        if self.entered is not None:
            order, position, _ = self.entered
            by_entry = flat[order].reshape(hazard.shape)
            # A difference of sums over hazards of very unequal size may cancel; who dies then is at risk.
            least = flat.copy()
            least[self.tied] = self._over_ties(flat[self.tied])
            at_risk = np.maximum(at_risk - self._padded(self._from_end(by_entry))[position], least)
        at_risk[self.tied] -= self._fraction * self._over_ties(flat[self.tied])
        return shift, flat, at_risk

    @property
    def _fraction(self) -> np.ndarray:
        """Efron's share of the tied deaths (T, 1)."""
        return self.ranks.fraction.ravel()[self.tied, None]

    def _expected(self, inverse: np.ndarray) -> np.ndarray:
        """Each row's expected number of events for a hazard of 1, from 1/s of the deaths."""
        count, n = self.ranks.member.shape
        passed = np.zeros((count, n + 1, inverse.shape[1]))
        np.cumsum(inverse.reshape(count, n, -1), axis=1, out=passed[:, 1:])
        passed = passed.reshape(-1, inverse.shape[1])
        expected = passed[self.after]
        if self.entered is not None:
            expected -= passed[self.entered[2]]
        expected[self.tied] -= self._over_ties(self._fraction * inverse[self.tied])
        return np.maximum(expected, 0.0)

    def _over_ties(self, values: np.ndarray) -> np.ndarray:
        """For each tied death the sum of values (T, L) over those of its time."""
        return np.add.reduceat(values, self.start, axis=0)[self.group] if self.tied.size else values

    def _padded(self, values: np.ndarray) -> np.ndarray:
        """Rows of all sets with a zero after each set's."""
        count, n = self.ranks.member.shape
        return np.pad(values.reshape(count, n, -1), ((0, 0), (0, 1), (0, 0))).reshape(count * (n + 1), -1)

    @staticmethod
    def _from_end(values: np.ndarray) -> np.ndarray:
        """Sums (B * n, L) from each row to its set's end."""
        return np.cumsum(values[:, ::-1], axis=1)[:, ::-1].reshape(-1, values.shape[2])


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
