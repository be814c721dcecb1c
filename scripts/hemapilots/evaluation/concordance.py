"""Harrell's and Uno's C with an interval from influence functions, in n log n; for a million patients.

C = N / D, N and D being sums over comparable pairs of w_i w_j q_i. Harrell: q = 1; Uno: q = G(t_i-)^-2 before
tau. The derivative of N and D by a patient's weight gives the influence function, and for folds too large for
a pair matrix the replicates of the bootstrap to first order.
"""

from dataclasses import dataclass, fields

import numpy as np
from scipy.special import ndtri

from hemapilots.evaluation.censoring import kaplan_meier, log_censoring_gradient
from hemapilots.evaluation.counting import pair_sums

__all__ = ["PairGradient", "competing_gradient", "concordance", "pair_gradient"]


@dataclass(frozen=True)
class PairGradient:
    """Sums over pairs and their derivatives by the weights of the patients in the pairs.

    `numerator`, `denominator` are numbers, the gradients (n,), and the pulls (n,) the amounts by which the
    sums move per unit of log G at each patient's time (zero for Harrell).
    """

    numerator: float
    denominator: float
    numerator_gradient: np.ndarray
    denominator_gradient: np.ndarray
    numerator_pull: np.ndarray
    denominator_pull: np.ndarray

    def __add__(self, other: "PairGradient") -> "PairGradient":
        """The sums over both sets of pairs."""
        return PairGradient(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


def pair_gradient(time: np.ndarray, event: np.ndarray, risk: np.ndarray, mass: np.ndarray, power: int) -> PairGradient:
    """Concordant and comparable sums with `mass` (n,) = q of patients with events; q is G to the -`power`.

    `event` (n,) boolean; pairs with patients whom a competing event took before are another sum, `competing_gradient`.
    """
    mass = np.where(event, mass, 0.0)
    sums = pair_sums(time, event, risk, mass)
    concordant, comparable = mass * sums.below, mass * sums.later
    return PairGradient(
        float(concordant.sum()),
        float(comparable.sum()),
        concordant + sums.above,
        comparable + sums.earlier,
        -power * concordant,
        -power * comparable,
    )


def competing_gradient(
    time: np.ndarray, event: np.ndarray, risk: np.ndarray, inverse: np.ndarray, early: np.ndarray, power: int
) -> PairGradient:
    """The sums over pairs of a patient with event 1 and one who had event 2 before, and so never has event 1.

    Each pair counts r_i r_j with r = `inverse` (n,) = 1 / G(time-) to the `power` 1 (Wolbers et al. 2014, second term), or 1 to the
    power 0; `early` (n,) marks the patients with event 1 that count.
    """
    case, rate = (event == 1) & early, inverse if power else np.ones(len(time))
    mass, weight = np.where(case, rate, 0.0), np.where(event == 2, rate, 0.0)
    # Pairs at one time are among the others: the one with event 2 was still at risk.
    sums = pair_sums(-time, event != 0, risk, mass, weight)
    concordant, comparable = mass * sums.below, mass * sums.later
    partner, partners = weight * sums.above, weight * sums.earlier
    return PairGradient(
        float(concordant.sum()),
        float(comparable.sum()),
        concordant + partner,
        comparable + partners,
        -power * (concordant + partner),
        -power * (comparable + partners),
    )


def concordance(
    time: np.ndarray,
    event: np.ndarray,
    risk: np.ndarray,
    level: float = 0.95,
    *,
    ipcw: bool = False,
    tau: float | None = None,
) -> tuple[float, float, float]:
    """C with its two-sided normal interval: (estimate, lower, upper); nan where no pair is comparable.

    `time` (n,), `event` (n,) boolean, `risk` (n,), higher is worse. With `ipcw` Uno's C, where only events
    before `tau` count; otherwise Harrell's. Tied risks count one half. Raises ValueError for values that are
    not finite or lengths that differ.
    """
    time, event, risk = _checked(time, event, risk)
    mass = event.astype(float)
    if tau is not None:
        mass[time >= tau] = 0.0
    if ipcw:
        left = kaplan_meier(time, event, np.ones((1, len(time))), censoring=True).before(time)[0]
        mass = np.divide(mass, left**2, out=np.zeros_like(mass), where=event)
    pairs = pair_gradient(time, event, risk, mass, power=2 if ipcw else 0)
    if pairs.denominator == 0:
        return (np.nan, np.nan, np.nan)
    estimate = pairs.numerator / pairs.denominator
    influence = pairs.numerator_gradient - estimate * pairs.denominator_gradient
    if ipcw:
        pull = pairs.numerator_pull - estimate * pairs.denominator_pull
        influence += log_censoring_gradient(time, event, pull)
    half = ndtri(0.5 + level / 2) * np.sqrt(np.sum(influence**2)) / pairs.denominator
    return (estimate, float(max(0.0, estimate - half)), float(min(1.0, estimate + half)))


def _checked(*columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    time, event, risk = (np.asarray(column) for column in columns)
    if not len(time) == len(event) == len(risk) or len(time) == 0:
        raise ValueError("time, event and risk must have the same length and hold at least one patient")
    time, risk = time.astype(float), risk.astype(float)
    if not (np.isfinite(time).all() and np.isfinite(risk).all()):
        raise ValueError("time and risk must be finite; drop patients without a prediction first")
    return time, event.astype(bool), risk
