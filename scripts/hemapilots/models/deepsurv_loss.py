"""The partial likelihood of DeepSurv's outputs for training sets side by side: what trains it."""

import numpy as np

from hemapilots.models.batch import Batch
from hemapilots.models.data import TrainingData
from hemapilots.models.deepsurv import layers
from hemapilots.models.network import Network
from hemapilots.models.side_by_side import Stacked


def loglik(outputs: np.ndarray, stacked: Stacked) -> np.ndarray:
    """Log partial likelihood (B,) of log hazards (B, n, 1)."""
    return stacked.loglik(outputs)[:, 0]


def residuals(outputs: np.ndarray, stacked: Stacked) -> np.ndarray:
    """Its derivative by the log hazards (B, n, 1)."""
    return stacked.residuals(outputs)


def _prepare(data: TrainingData, batch: Batch, config: dict) -> Stacked:
    return Stacked.of(data, batch, config["ties"])


NETWORK = Network.of_outputs(layers, _prepare, loglik, residuals)
