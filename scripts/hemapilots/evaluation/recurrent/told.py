"""At which times a curve of episodes may be told without showing a small cell (METHODS 10)."""

import numpy as np

from hemapilots.evaluation.curves import MINIMUM_AT_RISK
from hemapilots.evaluation.recurrent.sample import Sample

__all__ = ["told_times"]


def told_times(sample: Sample, edges: np.ndarray, horizons: list[float], minimum: int) -> np.ndarray:
    """The times of a grid at which the curve is told, ascending, 0 first; none where fewer than 10 patients are there.

    Between two of them, in (start, end], the patients with an episode and those who leave observation are each none or at least
    `minimum`, and so are those left; at the start 10 are at risk. A horizon is told rather than the times before it.
    """
    told, last_horizon = [0.0], 0.0
    for edge in edges[edges > 0]:
        if _may(sample, told[-1], edge, minimum):
            told.append(float(edge))
        elif np.isclose(edge, horizons).any():
            shorter = _without_last(sample, told, last_horizon, edge, minimum)
            told = [*shorter, float(edge)] if shorter else told
        if np.isclose(edge, horizons).any() and told[-1] == edge:
            last_horizon = float(edge)
    return np.array(told) if len(told) > 1 else np.empty(0)


def _without_last(sample: Sample, told: list[float], first: float, edge: float, minimum: int) -> list[float] | None:
    """The times, as few of the last ones given up as are needed, from which the next one may be told."""
    for kept in range(len(told) - 1, 0, -1):
        if told[kept - 1] < first:
            return None
        if _may(sample, told[kept - 1], edge, minimum):
            return told[:kept]
    return None


def _may(sample: Sample, start: float, end: float, minimum: int) -> bool:
    left = np.count_nonzero(sample.end > end)
    having = len(np.unique(sample.patient[(sample.time > start) & (sample.time <= end)]))
    leaving = np.count_nonzero((sample.end > start) & (sample.end <= end))
    at_start = np.count_nonzero(sample.end > start)
    return at_start >= MINIMUM_AT_RISK and all(number == 0 or number >= minimum for number in (left, having, leaving))
