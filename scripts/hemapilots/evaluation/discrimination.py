"""Discrimination inside a test fold for a batch of weights: Harrell's C, Uno's C, AUC(t).

Each function returns numerators and denominators (batch,): folds combine as sum(num) / sum(den), which weighs
C by comparable pairs (for Uno's C counted with their inverse-probability weights) and AUC by cases.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from hemapilots.evaluation.censoring import Weighted, log_censoring_gradient
from hemapilots.evaluation.concordance import competing_gradient, pair_gradient

__all__ = ["EXACT_PAIRS", "Fold", "Ratio"]

# Up to this many patients in a fold the bootstrap uses every pair; beyond, a first-order expansion. Single
# precision holds the sums of multiplicities and halves exactly below 2^23, far above this limit.
EXACT_PAIRS = 1500

Ratio = tuple[np.ndarray, np.ndarray]


class _Sides(NamedTuple):
    """Of an AUC: places of cases (c,) and controls (d,), mass (batch, c), amounts (batch, d), all pairs, weight of cases (batch,)."""

    cases: np.ndarray
    controls: np.ndarray
    mass: np.ndarray
    amounts: np.ndarray
    pairs: np.ndarray
    count: np.ndarray

    def won(self, risk: np.ndarray) -> np.ndarray:
        """Weight (batch,) of the pairs whose control has the lower risk (m,), in n log n."""
        order = np.argsort(risk[self.controls], kind="stable")
        ordered, cases = risk[self.controls[order]], risk[self.cases]
        running = np.zeros((len(self.amounts), len(order) + 1))
        np.cumsum(self.amounts[:, order], axis=1, out=running[:, 1:])
        lower, upto = (np.searchsorted(ordered, cases, side=side) for side in ("left", "right"))
        return np.einsum("bi,bi->b", self.mass, 0.5 * (running[:, lower] + running[:, upto]))


def _lower(risk: np.ndarray, cases: np.ndarray, kind: type) -> np.ndarray:
    """(..., c, m) whether patients with risks (..., m) have a lower one than each of the cases (..., c); ties count one half."""
    cases, risk = cases[..., :, None], risk[..., None, :]
    return (risk < cases) + kind(0.5) * (risk == cases)


def _paired(masses: tuple[np.ndarray, ...], amounts: np.ndarray, worth: np.ndarray) -> list[np.ndarray]:
    """Sums (..., batch) over pairs of a mass (batch, c) of the first times the amount (batch, m) of the second, each worth (..., c, m)."""
    # A product for each regime: in one for all, the last digit hangs on the place, and equal regimes would seem to differ.
    second = np.matmul(amounts, np.swapaxes(worth, -1, -2)).astype(float, copy=False)
    return [np.einsum("bi,...bi->...b", mass, second) for mass in masses]


@dataclass(frozen=True)
class Fold:
    """Patients `members` (m,) of weighted outcomes, prepared once for every risk that is judged on them."""

    outcomes: Weighted
    members: np.ndarray
    tau: float

    @cached_property
    def time(self) -> np.ndarray:
        return self.outcomes.time[self.members]

    @cached_property
    def event(self) -> np.ndarray:
        """Whether the patient has the event of interest."""
        return self.outcomes.event[self.members] == 1

    @cached_property
    def competing(self) -> np.ndarray:
        """Whether a competing event came first."""
        return self.outcomes.event[self.members] == 2

    @cached_property
    def weights(self) -> np.ndarray:
        return self.outcomes.weights[:, self.members]

    @cached_property
    def _inverse(self) -> np.ndarray:
        return self.outcomes.inverse[:, self.members]

    @cached_property
    def _mass(self) -> np.ndarray:
        """Patient weights times 1 / G(time-) (batch, m)."""
        return self.outcomes.mass[:, self.members]

    def concordance(self, risk: np.ndarray) -> dict[str, Ratio]:
        """`harrell_c` and `uno_c` (truncated: events before tau) of `risk` (m,), higher is worse; of several (k, m) as sums (k, batch).

        A patient with a competing event never has the event, so every case makes a pair with such a patient, whichever came first
        (Wolbers et al. 2009). For Uno's C such a pair weighs 1 / G(time_i-) G(time_j-) where the competing event came before
        (Wolbers et al. 2014).
        """
        if len(self.members) > EXACT_PAIRS:
            if risk.ndim > 1:
                each = [self.concordance(one) for one in risk]
                return {name: (np.stack([one[name][0] for one in each]), each[0][name][1]) for name in each[0]}
            return {"harrell_c": self._expanded(risk, uno=False), "uno_c": self._expanded(risk, uno=True)}
        num = self._summed(_lower(risk, risk[..., self._cases], np.float32))
        den = self._pairs
        return {name: (num[name], den[name]) for name in num}

    def _summed(self, lower: np.ndarray | np.float32) -> dict[str, np.ndarray]:
        """Sums (..., batch) over comparable pairs of what each is worth, `lower` (..., cases, m)."""
        mass, squared, once = (self._case_mass[name] for name in ("harrell_c", "uno_c", "once"))
        harrell, uno = _paired((mass, squared), self._weights32, lower * self._comparable)
        if self.competing.any():
            worth = lower * self._passed
            harrell += _paired((mass,), self._weights32, worth)[0]
            uno += _paired((once,), self._mass, worth)[0]
        return {"harrell_c": harrell, "uno_c": uno}

    def auc(self, risk: np.ndarray, horizon: float) -> Ratio:
        """Cumulative/dynamic AUC, times cases: cases have the event by `horizon`, controls do not.

        Controls outlive the horizon, or had a competing event by then: they did not need what a case needed (definition B of Zheng
        et al. 2012, as in Blanche et al. 2013). Cases and such controls are weighted by 1 / G(time-), the others by 1 / G(horizon)
        (Hung & Chiang 2010; Uno et al. 2007); tied risks count one half. `risk` (m,), or of several (k, m) for sums (k, batch).
        """
        sides = self._sides(horizon)
        if len(self.members) > EXACT_PAIRS:
            won = np.apply_along_axis(sides.won, -1, risk)
        else:
            won = _paired(
                (sides.mass,), sides.amounts, _lower(risk[..., sides.controls], risk[..., sides.cases], float)
            )[0]
        return won * sides.count / np.where(sides.pairs > 0, sides.pairs, 1.0), sides.count

    def _sides(self, horizon: float) -> "_Sides":
        """Cases and controls at a horizon, prepared once for every risk that is judged on them."""
        if horizon not in self._found:
            cases = np.flatnonzero(self.event & (self.time <= horizon))
            passed = self.competing & (self.time <= horizon)
            controls = np.flatnonzero(passed | (self.time > horizon))
            amounts = self.weights[:, controls]
            if passed.any():
                reached = self.outcomes.curves.at(np.array([horizon]))
                alive = np.divide(1.0, reached, out=np.zeros_like(reached), where=reached > 0)
                amounts = amounts * np.where(passed[controls], self._inverse[:, controls], alive)
            mass = self._mass[:, cases]
            pairs = mass.sum(axis=1) * amounts.sum(axis=1)
            count = np.where(pairs > 0, self.weights[:, cases].sum(axis=1), 0.0)
            self._found[horizon] = _Sides(cases, controls, mass, amounts, pairs, count)
        return self._found[horizon]

    @cached_property
    def _found(self) -> dict[float, "_Sides"]:
        return {}

    @cached_property
    def _cases(self) -> np.ndarray:
        return np.flatnonzero(self.event)

    @cached_property
    def _weights32(self) -> np.ndarray:
        return self.weights.astype(np.float32)

    @cached_property
    def _comparable(self) -> np.ndarray:
        """(cases, m) whether the second outlives the first, or is censored at the same time."""
        start = self.time[self._cases, None]
        return ((self.time > start) | ((self.time == start) & ~self.event)).astype(np.float32)

    @cached_property
    def _passed(self) -> np.ndarray:
        """(cases, m) whether a competing event had taken the second before."""
        return (self.competing & (self.time < self.time[self._cases, None])).astype(np.float32)

    @cached_property
    def _pairs(self) -> dict[str, np.ndarray]:
        return self._summed(np.float32(1))

    @cached_property
    def _case_mass(self) -> dict[str, np.ndarray]:
        """What a case weighs in a pair: Harrell's 1, Uno's G^-2, and `once`, G^-1, where the partner brings the other."""
        weights, inverse = self.weights[:, self._cases], self._inverse[:, self._cases]
        early = self.time[self._cases] < self.tau
        return {"harrell_c": weights, "uno_c": weights * inverse**2 * early, "once": weights * inverse * early}

    def _expanded(self, risk: np.ndarray, uno: bool) -> Ratio:
        """Sums at weights 1 plus (W - 1) times their derivatives, the censoring curve's share included."""
        early = (self.time < self.tau) | (not uno)
        mass = (self._inverse[0] ** 2 if uno else 1.0) * (self.event & early)
        pairs = pair_gradient(self.time, self.event, risk, mass, power=2 if uno else 0)
        if self.competing.any():
            codes, inverse = self.outcomes.event[self.members], self._inverse[0]
            pairs += competing_gradient(self.time, codes, risk, inverse, early, power=int(uno))
        change = self.weights - 1
        num = pairs.numerator + change @ pairs.numerator_gradient
        den = pairs.denominator + change @ pairs.denominator_gradient
        if uno:
            num += self._through_censoring(pairs.numerator_pull)
            den += self._through_censoring(pairs.denominator_pull)
        return num, den

    def _through_censoring(self, pull: np.ndarray) -> np.ndarray:
        amounts = np.zeros(len(self.outcomes.time))
        amounts[self.members] = pull
        gradient = log_censoring_gradient(self.outcomes.time, self.outcomes.event, amounts, self.outcomes.left)
        return (self.outcomes.weights - 1) @ gradient
