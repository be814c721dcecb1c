"""Probability of not being censored, by site or by covariates: for weights that hold where censoring depends on them.

G(t | x) = exp(-H_s(t) exp(x'b)): a Cox model of the time to censoring with one baseline for each stratum s (ties after Breslow), or,
without covariates, a Kaplan-Meier curve for each stratum. As in `censoring`, at a tied time events come before censorings.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hemapilots.evaluation.censoring import StepCurves, kaplan_meier

__all__ = ["SMALLEST", "CensoringModel", "by_covariates", "by_stratum"]

# No weight is larger than the inverse of this.
SMALLEST = 1e-3
STEPS, TOLERANCE = 30, 1e-9


@dataclass(frozen=True)
class CensoringModel:
    """Curves for a batch of patient weights: `stratum` (n,) codes, `curves` one per stratum at covariates 0, `relative` (batch, n)."""

    stratum: np.ndarray
    curves: list[StepCurves]
    relative: np.ndarray

    def hazards(self, times: np.ndarray, left: bool) -> np.ndarray:
        """Cumulative hazards of censoring (strata, batch, m) by `times` (m,), or just before them."""
        found = [curve.before(times) if left else curve.at(times) for curve in self.curves]
        return -np.log(np.maximum(np.array(found), SMALLEST))

    def own(self, time: np.ndarray) -> np.ndarray:
        """1 / G(time-) (batch, n) of each patient at the patient's own time (n,)."""
        hazards = np.empty(self.relative.shape)
        for code, curve in enumerate(self.curves):
            inside = self.stratum == code
            hazards[:, inside] = -np.log(np.maximum(curve.before(time[inside]), SMALLEST))
        return inverse(hazards * self.relative)

    def at(self, horizon: float) -> np.ndarray:
        """1 / G(horizon) (batch, n) of each patient."""
        hazards = self.hazards(np.array([horizon]), left=False)[:, :, 0]
        return inverse(hazards[self.stratum].T * self.relative)


def inverse(hazards: np.ndarray) -> np.ndarray:
    """1 / G for cumulative hazards of censoring, up to the largest weight."""
    return np.exp(np.minimum(hazards, -np.log(SMALLEST)))


def by_stratum(time: np.ndarray, event: np.ndarray, weights: np.ndarray, stratum: np.ndarray) -> CensoringModel:
    """A Kaplan-Meier curve of censoring for each stratum (n,), codes from 0, for weights (batch, n)."""
    curves = []
    for code in range(stratum.max(initial=-1) + 1):
        inside = stratum == code
        curves.append(kaplan_meier(time[inside], event[inside] != 0, weights[:, inside], censoring=True))
    return CensoringModel(stratum, curves, np.ones_like(weights))


def by_covariates(
    time: np.ndarray, event: np.ndarray, weights: np.ndarray, stratum: np.ndarray, x: np.ndarray
) -> CensoringModel | None:
    """A Cox model of censoring on covariates x (n, p) with a baseline for each stratum; None where no fit is reached or none varies.

    Coefficients are those of row 0 of the weights; the other rows take one Newton step from them with their own score, exact to first
    order, and have their own baseline.
    """
    spread = x.std(axis=0)
    if not spread.any():
        return None
    x = (x - x.mean(axis=0))[:, spread > 0] / spread[spread > 0]
    parts = [_Stratum.of(time, event, stratum == code) for code in range(stratum.max(initial=-1) + 1)]
    fitted = _fit(parts, x, weights[:1])
    if fitted is None:
        return None
    coefficients, information = fitted
    score = sum(part.score(x, weights, coefficients) for part in parts)
    batch = coefficients + np.linalg.solve(information, score.T).T
    batch[0] = coefficients
    relative = np.exp(batch @ x.T)
    return CensoringModel(stratum, [part.baseline(weights, relative) for part in parts], relative)


def _fit(parts: list["_Stratum"], x: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Coefficients (p,) by Newton's method, and the information (p, p) there."""
    coefficients = np.zeros(x.shape[1])
    for _ in range(STEPS):
        information = sum(part.information(x, weights, coefficients) for part in parts)
        if not np.isfinite(information).all() or np.linalg.cond(information) > 1e12:
            return None
        step = np.linalg.solve(information, sum(part.score(x, weights, coefficients)[0] for part in parts))
        coefficients = coefficients + step / max(1.0, np.abs(step).max())
        if np.abs(step).max() < TOLERANCE:
            return coefficients, information
    return None


@dataclass(frozen=True)
class _Stratum:
    """Patients of a stratum in order of time, events before censorings; `starts` of the groups that leave together."""

    members: np.ndarray
    time: np.ndarray
    censored: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, time: np.ndarray, event: np.ndarray, inside: np.ndarray) -> "_Stratum":
        members = np.flatnonzero(inside)
        members = members[np.lexsort((event[members] == 0, time[members]))]
        ordered, censored = time[members], event[members] == 0
        changed = (ordered[1:] != ordered[:-1]) | (censored[1:] != censored[:-1])
        return cls(members, ordered, censored, np.flatnonzero(np.r_[True, changed]))

    def at_risk(self, amounts: np.ndarray) -> np.ndarray:
        """Sums (..., groups) of amounts (..., m) over those who have not left before a group."""
        return np.add.reduceat(amounts, self.starts, axis=-1)[..., ::-1].cumsum(axis=-1)[..., ::-1]

    def hits(self, amounts: np.ndarray) -> np.ndarray:
        """Sums (..., groups) of amounts (..., m) over the censored of a group."""
        return np.add.reduceat(amounts * self.censored, self.starts, axis=-1)

    def _means(self, x: np.ndarray, weights: np.ndarray, coefficients: np.ndarray) -> Iterator[np.ndarray]:
        """Hits of the weights and, column by column, means of x (batch, groups) in the risk sets."""
        own = weights[:, self.members]
        risk = own * np.exp(x[self.members] @ coefficients)
        total = self.at_risk(risk)
        yield self.hits(own)
        for column in x[self.members].T:
            yield np.divide(self.at_risk(risk * column), total, out=np.zeros_like(total), where=total > 0)

    def score(self, x: np.ndarray, weights: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        """Derivative (batch, p) of the log partial likelihood."""
        hits, *means = self._means(x, weights, coefficients)
        observed = (weights[:, self.members] * self.censored) @ x[self.members]
        return observed - np.stack([(hits * mean).sum(axis=1) for mean in means], axis=1)

    def information(self, x: np.ndarray, weights: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        """Minus the second derivative (p, p), for one row of weights."""
        hits, *means = self._means(x, weights, coefficients)
        own, mean = x[self.members], np.concatenate(means)
        risk = weights[0, self.members] * np.exp(own @ coefficients)
        # Each patient counts in the risk sets up to the own group: sum of hits / total over them.
        group = np.searchsorted(self.starts, np.arange(len(own)), side="right") - 1
        rate = np.cumsum(np.divide(hits[0], self.at_risk(risk), out=np.zeros_like(hits[0]), where=hits[0] > 0))[group]
        return (own.T * (risk * rate)) @ own - (mean * hits[0]) @ mean.T

    def baseline(self, weights: np.ndarray, relative: np.ndarray) -> StepCurves:
        """exp(-H) at covariates 0 (batch, times), H after Breslow."""
        own = weights[:, self.members]
        total, hits = self.at_risk(own * relative[:, self.members]), self.hits(own)
        hazard = np.divide(hits, total, out=np.zeros_like(hits), where=total > 0)
        last = np.r_[self.time[self.starts][1:] != self.time[self.starts][:-1], True]
        return StepCurves(self.time[self.starts][last], np.exp(-np.cumsum(hazard, axis=1))[:, last])
