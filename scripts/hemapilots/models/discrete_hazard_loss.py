"""The likelihood of discrete hazards for training sets side by side: what trains them."""

from dataclasses import dataclass

import numpy as np

from hemapilots.models.batch import Batch
from hemapilots.models.data import TrainingData
from hemapilots.models.discrete_hazard import layers
from hemapilots.models.network import Network


@dataclass(frozen=True)
class Intervals:
    """at_risk, event (B, n, K): whether a patient is known to have faced an interval, and whether its event lies in it."""

    at_risk: np.ndarray
    event: np.ndarray


def loglik(outputs: np.ndarray, intervals: Intervals) -> np.ndarray:
    """Log-likelihood (B,) of logits (B, n, K)."""
    # log(1 + exp z), in two thirds of the time of numpy.logaddexp.
    lost = np.maximum(outputs, 0.0) + np.log1p(np.exp(-np.abs(outputs)))
    terms = intervals.event * outputs - intervals.at_risk * lost
    return terms.sum(axis=(1, 2))


def residuals(outputs: np.ndarray, intervals: Intervals) -> np.ndarray:
    """Its derivative by the logits (B, n, K): events less the expected number."""
    return intervals.event - intervals.at_risk / (1.0 + np.exp(-outputs))


def _prepare(data: TrainingData, batch: Batch, config: dict) -> Intervals:
    """Who is censored inside an interval has not been seen through it and counts up to the one before."""
    cuts = np.asarray(config["cuts"], float)
    time, died = data.time[batch.rows][:, :, None], (data.event[batch.rows] == 1)[:, :, None]
    inside = (time > np.concatenate([[0.0], cuts[:-1]])) & (time <= cuts)
    event = inside & died & batch.member[:, :, None]
    at_risk = ((time >= cuts) & batch.member[:, :, None]) | event
    return Intervals(at_risk.astype(float), event.astype(float))


NETWORK = Network.of_outputs(layers, _prepare, loglik, residuals)
