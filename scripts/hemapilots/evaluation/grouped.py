"""Figures from counts by risk, time and kind of end, for a batch of such counts: the estimate first, then resamples.

Times count as the end of their cell, events in it before censorings. All but C equals the figure of patients with such times, for the
means of risk and of its square are known. In C the risks of one bin tie.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hemapilots.evaluation.histograms import KINDS, Plane
from hemapilots.evaluation.utility import FEWEST_AT_RISK, benefit

__all__ = ["Grouped", "resampled"]

CENSORED, EVENT, COMPETING = range(len(KINDS))


def resampled(plane: Plane, samples: int, seed: int) -> np.ndarray:
    """Counts (samples + 1, kinds, bins, cells): those of the plane, then draws of as many patients with its shares."""
    count = plane.count.ravel()
    filled = np.flatnonzero(count)
    out = np.zeros((samples + 1, len(count)))
    out[0] = count
    size = round(count.sum())
    if size:
        shares = count[filled] / count.sum()
        out[1:, filled] = np.random.default_rng([seed]).multinomial(size, shares, size=samples)
    return out.reshape(samples + 1, *plane.count.shape)


@dataclass(frozen=True)
class Grouped:
    """`count` (batch, kinds, bins, cells) of patients; the plane, of which the mean risks are taken; `at`: cells up to the horizon."""

    count: np.ndarray
    plane: Plane
    at: int

    @cached_property
    def total(self) -> np.ndarray:
        """Patients (batch,)."""
        return self.count.sum(axis=(1, 2, 3))

    @cached_property
    def reportable(self) -> tuple[float, float]:
        """Patients beyond the horizon, and events up to it."""
        return float(self.count[0, ..., self.at :].sum()), float(self.count[0, EVENT, :, : self.at].sum())

    @cached_property
    def observed(self) -> np.ndarray:
        """Probability of the event by the horizon (batch,): Aalen-Johansen."""
        return _incidence(self.count.sum(axis=2), self.at)

    def oe(self) -> np.ndarray:
        """Observed over expected events (batch,)."""
        expected = np.einsum("bkrt,krt->b", self.count, self.plane.mean) / self.total
        return _divide(self.observed, expected)

    def brier(self) -> np.ndarray:
        """Brier score at the horizon (batch,), weighted by the censoring curve of all patients."""
        loss = self.plane.square.copy()
        loss[EVENT, :, : self.at] += (1 - 2 * self.plane.mean)[EVENT, :, : self.at]
        return np.einsum("bkrt,krt->b", self._mass, loss) / self.total

    def ipa(self) -> np.ndarray:
        """1 - Brier / Brier of telling everybody the observed probability (batch,)."""
        with_event = self._mass[:, EVENT, :, : self.at].sum(axis=(1, 2))
        without = self._mass.sum(axis=(1, 2, 3)) - with_event
        null = ((1 - self.observed) ** 2 * with_event + self.observed**2 * without) / self.total
        return 1 - _divide(self.brier(), null)

    def uno_c(self) -> np.ndarray:
        """Uno's C (batch,), cases up to the horizon; with competing events that of Wolbers et al. (2014).

        Times are taken as spread over their cell: of two events in one cell either may be first, a censoring follows an event there
        half of the time, and the censoring curve is that of the middle.
        """
        curve = self._censoring
        inverse = _divide(1.0, np.sqrt(curve[:, :-1] * curve[:, 1:]))[:, None]
        events = self.count[:, EVENT]
        cases = events * inverse
        cases[..., self.at :] = 0.0
        everybody = self.count.sum(axis=1)
        later = everybody[..., ::-1].cumsum(axis=-1)[..., ::-1] - events - 0.5 * self.count[:, CENSORED]
        passed = self.count[:, COMPETING] * inverse
        partners = later * inverse + passed.cumsum(axis=-1) - passed
        together = 0.5 * np.maximum(events.sum(axis=1) - 1, 0) * inverse[:, 0]
        mass = cases.sum(axis=1)
        concordant = (cases * (partners.cumsum(axis=1) - 0.5 * partners)).sum(axis=(1, 2))
        concordant += 0.5 * (mass * together).sum(axis=1)
        return _divide(concordant, (mass * (partners.sum(axis=1) + together)).sum(axis=1))

    def net_benefit(self, bin_: int, threshold: float, act: str) -> np.ndarray:
        """Net benefit (batch,) of a threshold that is the lower edge of a bin; nan where too few are acted upon, 0 where nobody is."""
        flagged = self.count[:, :, bin_:] if act == "above" else self.count[:, :, :bin_]
        group = flagged.sum(axis=2)
        if not group[0].any():
            return np.zeros(len(group))
        if group[0, :, self.at :].sum() < FEWEST_AT_RISK:
            return np.full(len(group), np.nan)
        return benefit(group.sum(axis=(1, 2)) / self.total, _incidence(group, self.at), np.float64(threshold), act)

    @cached_property
    def _censoring(self) -> np.ndarray:
        """The censoring curve just before the end of each cell, and after the last (batch, cells + 1)."""
        ends = self.count.sum(axis=2)
        return _curve(ends[:, CENSORED], _at_risk(ends) - ends[:, EVENT] - ends[:, COMPETING])

    @cached_property
    def _mass(self) -> np.ndarray:
        """Counts times the inverse probability of being seen."""
        inverse = _divide(1.0, self._censoring)
        seen = np.zeros((len(self.count), len(KINDS), 1, self.count.shape[-1]))
        seen[:, EVENT, 0, : self.at] = seen[:, COMPETING, 0, : self.at] = inverse[:, : self.at]
        seen[..., self.at :] = inverse[:, self.at, None, None, None]
        return self.count * seen


def _at_risk(ends: np.ndarray) -> np.ndarray:
    """Patients at risk at the start of each cell (batch, cells) from how they leave (batch, kinds, cells)."""
    return ends.sum(axis=1)[:, ::-1].cumsum(axis=1)[:, ::-1]


def _curve(hits: np.ndarray, at_risk: np.ndarray) -> np.ndarray:
    """Product-limit curve (batch, cells + 1), 1 before the first cell."""
    # Sums of fractions of patients may leave a share a trifle below nought.
    kept = np.maximum(1 - _divide(hits, at_risk), 0)
    return np.concatenate([np.ones((len(hits), 1)), np.cumprod(kept, axis=1)], axis=1)


def _incidence(ends: np.ndarray, at: int) -> np.ndarray:
    """Probability of the event (batch,) through `at` cells."""
    at_risk = _at_risk(ends)
    free = _curve(ends[:, EVENT] + ends[:, COMPETING], at_risk)[:, :-1]
    return (free * _divide(ends[:, EVENT], at_risk))[:, :at].sum(axis=1)


def _divide(top: np.ndarray | float, bottom: np.ndarray) -> np.ndarray:
    top = np.broadcast_to(top, bottom.shape)
    return np.divide(top, bottom, out=np.zeros_like(bottom), where=bottom > 1e-12)
