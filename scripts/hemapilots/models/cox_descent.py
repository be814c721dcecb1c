"""Gradient steps of a site on Cox models: all training sets and penalties at once."""

from dataclasses import dataclass

import numpy as np

from hemapilots.models.batch import batch_of
from hemapilots.models.control import correction, renewed
from hemapilots.models.data import TrainingData
from hemapilots.models.side_by_side import Ranks, ranks


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
    def of(cls, data: TrainingData, state: dict, ties: str) -> "Stacked":
        """The site's part of every training set of the state."""
        sets = np.unique(state["fit_set"])
        batch = batch_of(data, state, sets, sets)
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

    def gradient(self, coefficients: np.ndarray) -> np.ndarray:
        """Gradient of the log partial likelihood (B, L, p) at coefficients (B, L, p), as in `partial_likelihood.statistics`."""
        member, dead = self.ranks.member[:, :, None], self.ranks.dead.reshape(-1, 1)
        eta = self.x @ coefficients.transpose(0, 2, 1)
        shift = np.max(eta, axis=1, keepdims=True, where=member, initial=-np.inf)
        hazard = np.where(member, np.exp(np.where(member, eta - shift, 0.0)), 0.0)
        at_risk = self._from_end(hazard)[self.first]
        if self.entered is not None:
            order, position, _ = self.entered
            by_entry = hazard.reshape(-1, hazard.shape[2])[order].reshape(hazard.shape)
            at_risk -= self._padded(self._from_end(by_entry))[position]
        hazard = hazard.reshape(at_risk.shape)
        fraction = self.ranks.fraction.ravel()[self.tied, None]
        at_risk[self.tied] -= fraction * self._over_ties(hazard[self.tied])
        inverse = np.divide(1.0, at_risk, out=np.zeros_like(at_risk), where=dead)
        weights = hazard * self._expected(inverse, fraction)
        return (dead - weights).reshape(*member.shape[:2], -1).transpose(0, 2, 1) @ self.x

    def _expected(self, inverse: np.ndarray, fraction: np.ndarray) -> np.ndarray:
        """Each row's expected number of events for a hazard of 1, from 1/s of the deaths."""
        count, n = self.ranks.member.shape
        passed = np.zeros((count, n + 1, inverse.shape[1]))
        np.cumsum(inverse.reshape(count, n, -1), axis=1, out=passed[:, 1:])
        passed = passed.reshape(-1, inverse.shape[1])
        expected = passed[self.after]
        if self.entered is not None:
            expected -= passed[self.entered[2]]
        expected[self.tied] -= self._over_ties(fraction * inverse[self.tied])
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


@np.errstate(over="ignore", divide="ignore", invalid="ignore")
def descent(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """Coefficients (F, p) after `local_steps` gradient steps on the site's mean loss, with the site's share of the penalty.

    The penalty's part of a step is taken implicitly, b <- (b + rate * gradient) / (1 + rate * penalty / n), so that it cannot diverge.
    So is FedProx's pull to where the round began; SCAFFOLD's control variates are added where the state has them.
    `examples` (F,) are the site's patients in each fit's training set. A training set has as many fits as any other, side by side.
    """
    stacked: Stacked = data.kept("descent", Stacked.of, data, state, config["ties"])
    preprocessing, sets, (fits, p) = state["preprocessing"], np.unique(state["fit_set"]), state["coefficients"].shape
    rate, proximal, shape = config["learning_rate"], config.get("proximal-mu", 0.0), (sets.size, -1, p)
    size = stacked.ranks.member.sum(axis=1)
    shrink = state["penalties"].reshape(sets.size, -1, 1) / preprocessing.patients[sets][:, None, None]
    usable = (preprocessing.scale > 0)[sets][:, None]
    extra = (correction(state) + np.zeros((fits, p))).reshape(shape)
    begun = local = state["coefficients"].reshape(shape)
    for _ in range(config["local_steps"]):
        pull = stacked.gradient(local) / np.maximum(size, 1)[:, None, None] + proximal * begun - extra
        local = usable * (local + rate * pull) / (1 + rate * (shrink + proximal))
    # Where the site has nobody, it has nothing to say.
    after = np.where(size[:, None, None] > 0, local, begun).reshape(fits, p)
    examples = np.repeat(size, fits // sets.size).astype(float)
    return {"coefficients": after, "examples": examples} | renewed(state, state["coefficients"], after, config)
