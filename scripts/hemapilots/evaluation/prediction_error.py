"""Brier scores with inverse probability of censoring weights (Graf et al. 1999), for a batch of weights."""

import numpy as np

from hemapilots.evaluation.censoring import Weighted

__all__ = ["brier", "integrated"]


def brier(outcomes: Weighted, survival: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Brier(t), shape (batch, t), of predicted survival S (n, t) at `times` (t,); nan where a prediction is.

    A patient with the event by t counts S^2 / G(time-), one with a competing event by t (1 - S)^2 / G(time-), one who outlives t
    (1 - S)^2 / G(t), one censored before 0; the sum is divided by all weight. With competing events S is 1 - CIF
    (Schoop et al. 2011).
    """
    time, event = outcomes.time[:, None], outcomes.event[:, None]
    case_loss = np.where(event == 1, survival, 1 - survival) ** 2 * ((event != 0) & (time <= times))
    alive_loss = (1 - survival) ** 2 * (time > times)
    reached = outcomes.curves.at(times)
    alive = outcomes.weights @ alive_loss
    alive = np.divide(alive, reached, out=np.zeros_like(alive), where=reached > 0)
    loss = outcomes.mass @ case_loss + alive
    loss[:, np.isnan(survival).any(axis=0)] = np.nan
    return loss / outcomes.total[:, None]


def integrated(scores: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Mean of Brier(t) over the range of `times` by the trapezoid rule, shape (batch,); nan with one time."""
    if len(times) < 2:
        return np.full(len(scores), np.nan)
    return np.trapezoid(scores, times, axis=1) / (times[-1] - times[0])
