"""From a batch of values (estimate first, then bootstrap replicates) to intervals, and paired differences."""

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["LOWER_IS_BETTER", "Interval", "interval", "p_text", "paired_p"]

# Errors: a model beats its reference where model - reference is negative.
LOWER_IS_BETTER = ("brier", "ibs", "ici")

# A metric that more than this share of resamples cannot form is not estimable.
UNDEFINED_SHARE = 0.05


@dataclass(frozen=True)
class Interval:
    """An estimate, its percentile interval, and the standard deviation of its replicates."""

    estimate: float
    lower: float
    upper: float
    se: float

    @classmethod
    def missing(cls) -> "Interval":
        """What is not estimable."""
        return cls(np.nan, np.nan, np.nan, np.nan)


def interval(values: np.ndarray, level: float) -> Interval:
    """Percentile interval of values (samples + 1,), row 0 the estimate; all nan where not estimable."""
    replicates = values[1:][np.isfinite(values[1:])]
    if not np.isfinite(values[0]) or len(replicates) < max(2, (1 - UNDEFINED_SHARE) * (len(values) - 1)):
        return Interval.missing()
    lower, upper = _quantiles(np.sort(replicates), (1 - level) / 2, (1 + level) / 2)
    apart = replicates - replicates.sum() / replicates.size
    return Interval(float(values[0]), lower, upper, math.sqrt(float(apart @ apart) / (replicates.size - 1)))


def _quantiles(ordered: np.ndarray, *shares: float) -> tuple[float, ...]:
    """Values below which shares of an ordered sample lie, joined by straight lines as by np.quantile, which is slow for one row."""
    found = []
    for share in shares:
        place = share * (ordered.size - 1)
        below = min(int(place), ordered.size - 2)
        low, high = float(ordered[below]), float(ordered[below + 1])
        found.append(low + (high - low) * (place - below))
    return tuple(found)


def paired_p(differences: np.ndarray) -> str | None:
    """Two-sided bootstrap p of differences (samples + 1,) as text; "identical" where every one is exactly 0.

    p = 2 min(share <= 0, share >= 0), with the estimate counted among the replicates so that it is never 0.
    """
    finite = differences[np.isfinite(differences)]
    if not np.isfinite(differences[0]) or len(finite) < 2:
        return None
    if not finite.any():
        return "identical"
    tails = min((finite[1:] <= 0).sum(), (finite[1:] >= 0).sum())
    return p_text(min(1.0, 2 * (1 + tails) / len(finite)))


def p_text(p: float) -> str:
    """A p value as it stands in tables."""
    return f"{p:.10g}"
