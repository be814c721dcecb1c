"""Kaplan-Meier curves of survival and of censoring, and Aalen-Johansen curves, for a batch of patient weights.

At a tied time events come before censorings: a patient censored at t is at risk of the event at t, and a
patient with the event at t is not at risk of being censored at t. Then an event at t was observable if
censoring had not happened before t, and its inverse weight is G(t-) (Uno et al., Stat Med 2011; R's
survival::concordance). scikit-survival takes G(t): the two differ only where an event and a censoring share a
time, and `weigh(..., left=False)` gives its values there.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = [
    "StepCurves",
    "Weighted",
    "aalen_johansen",
    "kaplan_meier",
    "log_censoring_gradient",
    "probability_by",
    "weigh",
]


@dataclass(frozen=True)
class StepCurves:
    """Right-continuous curves that start at 1: `times` (u,) ascending, `values` (batch, u) from each on."""

    times: np.ndarray
    values: np.ndarray

    def at(self, t: np.ndarray) -> np.ndarray:
        """The curves at t (m,), shape (batch, m)."""
        return self._steps(np.searchsorted(self.times, t, side="right"))

    def before(self, t: np.ndarray) -> np.ndarray:
        """The curves just before t (m,), shape (batch, m)."""
        return self._steps(np.searchsorted(self.times, t, side="left"))

    def _steps(self, steps: np.ndarray) -> np.ndarray:
        if not self.times.size:
            return np.ones((len(self.values), len(steps)))
        found = self.values[:, np.maximum(steps, 1) - 1]
        found[:, steps == 0] = 1.0
        return found


def kaplan_meier(time: np.ndarray, event: np.ndarray, weights: np.ndarray, censoring: bool = False) -> StepCurves:
    """Survival S(t), or with `censoring` the censoring curve G(t), for weights (batch, n).

    `time` (n,) in any unit, `event` (n,) boolean. Where nobody is at risk the curve keeps its last value.
    """
    times, at_risk, (hits,) = _risk_table(time, weights, ~event if censoring else event, last=censoring)
    return StepCurves(times, np.cumprod(1 - _share(hits, at_risk), axis=1))


def _risk_table(
    time: np.ndarray, weights: np.ndarray, marked: np.ndarray, *kinds: np.ndarray, last: bool = False
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Distinct times (u,) of the marked, and per time the weight at risk, of the marked, and of those of a kind (batch, u).

    Of who leaves at one time the marked come first, or `last`: then the others are no longer at risk.
    """
    order = np.lexsort((marked if last else ~marked, time))
    places = np.flatnonzero(marked[order])
    ordered = time[order][places]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(places) else places
    leaving = np.add.reduceat(weights[:, order], places[first], axis=1)
    own = weights[:, order[places]]
    hits = [np.add.reduceat(own * kind[order[places]], first, axis=1) for kind in kinds]
    at_risk = leaving[:, ::-1].cumsum(axis=1)[:, ::-1]
    return ordered[first], at_risk, [np.add.reduceat(own, first, axis=1), *hits]


def _share(hits: np.ndarray, at_risk: np.ndarray) -> np.ndarray:
    """Hazards: 0 where nobody is at risk, so that nobody is hit."""
    return hits / np.where(at_risk > 0, at_risk, 1.0)


def aalen_johansen(time: np.ndarray, event: np.ndarray, weights: np.ndarray) -> StepCurves:
    """1 - CIF(t) of event 1 for weights (batch, n), `event` (n,) 0, 1 or 2; Kaplan-Meier's survival where nothing competes.

    CIF(t) sums S(u-) d1(u) / n(u) over event times u <= t, S being the survival without either event.
    """
    times, at_risk, (both, hits) = _risk_table(time, weights, event != 0, event == 1)
    free = np.cumprod(1 - _share(both, at_risk), axis=1)
    before = np.concatenate([np.ones((len(free), 1)), free[:, :-1]], axis=1)[:, : len(times)]
    return StepCurves(times, 1 - np.cumsum(before * _share(hits, at_risk), axis=1))


def probability_by(horizon: float, time: np.ndarray, event: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Probability of event 1 by the horizon (batch,); who outlives it is one group, whatever comes later."""
    later = time > horizon
    curve = aalen_johansen(np.where(later, np.inf, time), np.where(later, 0, event), weights)
    return 1 - curve.at(np.array([horizon]))[:, 0]


@dataclass(frozen=True)
class Weighted:
    """Outcomes (n,) under a batch of patient weights (batch, n), with what censoring makes of them.

    `event` (n,): 0 censored, 1 the event, 2 a competing one; boolean where nothing competes. `inverse` (batch, n): 1 / G(time-) of
    patients with an event of either kind, 0 for the censored; `curves`: G itself, for which both kinds end follow-up uncensored.
    """

    time: np.ndarray
    event: np.ndarray
    weights: np.ndarray
    inverse: np.ndarray
    curves: StepCurves
    left: bool

    @cached_property
    def mass(self) -> np.ndarray:
        """Patient weights times 1 / G(time-) (batch, n)."""
        return self.weights * self.inverse

    @cached_property
    def total(self) -> np.ndarray:
        """Sum of patient weights (batch,)."""
        return self.weights.sum(axis=1)

    def of(self, members: np.ndarray) -> "Weighted":
        """Some of the patients (indices), with the censoring curve of all."""
        parts = (self.time[members], self.event[members], self.weights[:, members], self.inverse[:, members])
        return Weighted(*parts, self.curves, self.left)


def weigh(time: np.ndarray, event: np.ndarray, weights: np.ndarray, left: bool = True) -> Weighted:
    """Estimates the censoring curve anew for each row of weights; `left` takes G(t-), else G(t)."""
    seen = event != 0
    curves = kaplan_meier(time, seen, weights, censoring=True)
    probability = curves.before(time) if left else curves.at(time)
    # G is zero only where no weight is left, so those patients count for nothing in that row.
    usable = seen & (probability > 0)
    inverse = np.divide(1.0, probability, out=np.zeros_like(probability), where=usable)
    return Weighted(time, event, weights, inverse, curves, left)


def log_censoring_gradient(time: np.ndarray, event: np.ndarray, amounts: np.ndarray, left: bool = True) -> np.ndarray:
    """Derivative (n,) by each patient's weight, at weights 1, of sum_i amounts_i log G(time_i-).

    With `left=False` of sum_i amounts_i log G(time_i). log G sums log(alive / at risk) over censoring times:
    a patient who stays past one adds to both, one censored there to `at risk` alone.
    """
    event = event != 0
    times, group = np.unique(time, return_inverse=True)
    leaving = np.bincount(group, minlength=len(times)).astype(float)
    hits = np.bincount(group, weights=event, minlength=len(times))
    alive = leaving[::-1].cumsum()[::-1] - leaving
    at_risk = alive + leaving - hits
    per_time = np.bincount(group, weights=amounts, minlength=len(times))
    later = per_time[::-1].cumsum()[::-1] - (per_time if left else 0.0)
    inverse_risk = np.divide(later, at_risk, out=np.zeros_like(later), where=at_risk > 0)
    inverse_alive = np.divide(later, alive, out=np.zeros_like(later), where=alive > 0)
    steps = np.where(at_risk > alive, inverse_alive - inverse_risk, 0.0)
    passed = np.r_[0.0, np.cumsum(steps)[:-1]]
    return passed[group] - np.where(event, 0.0, inverse_risk[group])
