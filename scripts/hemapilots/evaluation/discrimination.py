"""Discrimination inside a test fold for a batch of weights: Harrell's C, Uno's C, AUC(t).

Each function returns numerators and denominators (batch,): folds combine as sum(num) / sum(den), which weighs
C by comparable pairs (for Uno's C counted with their inverse-probability weights) and AUC by cases.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hemapilots.evaluation.censoring import Weighted, log_censoring_gradient
from hemapilots.evaluation.concordance import pair_gradient

__all__ = ["EXACT_PAIRS", "Fold", "Ratio"]

# Up to this many patients in a fold the bootstrap uses every pair; beyond, a first-order expansion. Single
# precision holds the sums of multiplicities and halves exactly below 2^23, far above this limit.
EXACT_PAIRS = 1500

Ratio = tuple[np.ndarray, np.ndarray]


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
        return self.outcomes.event[self.members]

    @cached_property
    def weights(self) -> np.ndarray:
        return self.outcomes.weights[:, self.members]

    @cached_property
    def _inverse(self) -> np.ndarray:
        return self.outcomes.inverse[:, self.members]

    def concordance(self, risk: np.ndarray) -> dict[str, Ratio]:
        """`harrell_c` and `uno_c` (truncated: events before tau) of `risk` (m,), higher is worse."""
        if len(self.members) > EXACT_PAIRS:
            return {"harrell_c": self._expanded(risk, uno=False), "uno_c": self._expanded(risk, uno=True)}
        cases = risk[self._cases]
        lower = (risk < cases[:, None]) + np.float32(0.5) * (risk == cases[:, None])
        sums = (self._weights32 @ (lower * self._comparable).T).astype(float)
        return {
            name: (np.einsum("bi,bi->b", mass, sums), np.einsum("bi,bi->b", mass, self._pairs))
            for name, mass in self._case_mass.items()
        }

    def auc(self, risk: np.ndarray, horizon: float) -> Ratio:
        """Cumulative/dynamic AUC, times cases: cases have the event by `horizon`, controls outlive it.

        Cases are weighted by 1 / G(time-) (Hung & Chiang 2010; Uno et al. 2007), tied risks count one half.
        """
        cases = np.flatnonzero(self.event & (self.time <= horizon))
        controls = np.flatnonzero(self.time > horizon)
        controls = controls[np.argsort(risk[controls], kind="stable")]
        running = np.zeros((len(self.weights), len(controls) + 1))
        np.cumsum(self.weights[:, controls], axis=1, out=running[:, 1:])
        lower = np.searchsorted(risk[controls], risk[cases], side="left")
        upto = np.searchsorted(risk[controls], risk[cases], side="right")
        mass = (self.weights * self._inverse)[:, cases]
        won = np.einsum("bi,bi->b", mass, 0.5 * (running[:, lower] + running[:, upto]))
        pairs = mass.sum(axis=1) * running[:, -1]
        count = np.where(pairs > 0, self.weights[:, cases].sum(axis=1), 0.0)
        return np.divide(won * count, pairs, out=np.zeros_like(won), where=pairs > 0), count

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
    def _pairs(self) -> np.ndarray:
        return (self._weights32 @ self._comparable.T).astype(float)

    @cached_property
    def _case_mass(self) -> dict[str, np.ndarray]:
        weights, inverse = self.weights[:, self._cases], self._inverse[:, self._cases]
        early = self.time[self._cases] < self.tau
        return {"harrell_c": weights, "uno_c": weights * inverse**2 * early}

    def _expanded(self, risk: np.ndarray, uno: bool) -> Ratio:
        """Sums at weights 1 plus (W - 1) times their derivatives, the censoring curve's share included."""
        mass = self._inverse[0] ** 2 * (self.time < self.tau) if uno else self.event.astype(float)
        pairs = pair_gradient(self.time, self.event, risk, mass, power=2 if uno else 0)
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
