"""Risk sets of Fine and Gray (1999): whom a competing event took stays at risk, in a weight that falls as others are censored.

At an event time t a patient with a competing event at s < t weighs G(t-) / G(s-), where G is the Kaplan-Meier estimate of the
censoring distribution among the rows given, so that it never mixes sites; events come before censorings of the same time.
The weights part into a factor of t and one of s, so that sums over risk sets are cumulative sums as without them.
"""

from dataclasses import dataclass, fields

import numpy as np
from scipy.sparse import csr_array

from hemapilots.models.partial_likelihood import RiskSets

__all__ = ["SubdistributionRiskSets", "coded", "risk_sets"]

COMPETING = 2


def coded(event: np.ndarray, cause: int, subdistribution: bool) -> np.ndarray:
    """1 where `cause` happened, else 0; for a subdistribution 2 where a competing event did, after which a patient stays at risk."""
    stays = COMPETING if subdistribution else 0
    return np.where(event == cause, 1.0, np.where(event == COMPETING, float(stays), 0.0))


def risk_sets(entry: np.ndarray, time: np.ndarray, event: np.ndarray, times: np.ndarray | None = None) -> RiskSets:
    """Risk sets of rows sorted by time, those of Fine and Gray where any event is coded 2."""
    kind = SubdistributionRiskSets if (event == COMPETING).any() else RiskSets
    return kind.build(entry, time, event, times)


@dataclass(frozen=True)
class SubdistributionRiskSets(RiskSets):
    """staying (m,): rows with a competing event; before (m,): 1 / G(s-) at it; after (D,): G(t-) at each event time.

    returning (D, n) has `before` where a row's first event time after its competing event is.
    """

    staying: np.ndarray
    before: np.ndarray
    after: np.ndarray
    returning: csr_array

    @classmethod
    def build(
        cls, entry: np.ndarray, time: np.ndarray, event: np.ndarray, times: np.ndarray | None = None
    ) -> "SubdistributionRiskSets":
        """Risk sets of rows sorted by `time`, none of whom enters late; event 1, 2 (competing) or 0."""
        plain = RiskSets.build(entry, time, event, times)
        staying = np.flatnonzero(event == COMPETING)
        before = 1.0 / uncensored(time, event, time[staying])
        first, count = plain.last[staying], plain.times.size
        kept = first < count
        returning = csr_array((before[kept], (first[kept], staying[kept])), shape=(count, time.size))
        parts = {field.name: getattr(plain, field.name) for field in fields(RiskSets)}
        return cls(
            **parts, staying=staying, before=before, after=uncensored(time, event, plain.times), returning=returning
        )

    def over_risk_sets(self, values: np.ndarray) -> np.ndarray:
        """Weighted sum of values (n, k) over those at risk at each event time: (D, k)."""
        return super().over_risk_sets(values) + self.after[:, None] * np.cumsum(self.returning @ values, axis=0)

    def expected(self, per_risk: np.ndarray, per_death: np.ndarray) -> np.ndarray:
        """As without competing events, and for those who stay at risk the weighted sum over the event times after theirs."""
        out = super().expected(per_risk, per_death)
        faded = np.cumsum((self.after[:, None] * per_risk)[::-1], axis=0)[::-1]
        later = np.concatenate([faded, np.zeros((1, per_risk.shape[1]))])
        out[self.staying] += self.before[:, None] * later[self.last[self.staying]]
        return out


def uncensored(time: np.ndarray, event: np.ndarray, at: np.ndarray) -> np.ndarray:
    """G(at-): Kaplan-Meier probability of no censoring before some times, among rows sorted by time."""
    times, censored = np.unique(time[event == 0], return_counts=True)
    # Who has an event at the time of a censoring has left before it.
    at_risk = time.size - np.searchsorted(time, times, side="right") + censored
    steps = np.concatenate([[1.0], np.cumprod(1 - censored / at_risk)])
    return steps[np.searchsorted(times, at, side="left")]
