"""The likelihood of discrete hazards for training sets side by side, in torch: what trains them."""

from dataclasses import dataclass

import numpy as np
import torch

from hemapilots.models.batch import Batch
from hemapilots.models.data import TrainingData
from hemapilots.models.discrete_hazard import layers
from hemapilots.models.network import Network


@dataclass(frozen=True)
class Intervals:
    """at_risk, event (B, n, K): whether a patient is known to have faced an interval, and whether its event lies in it."""

    at_risk: torch.Tensor
    event: torch.Tensor


def loglik(outputs: torch.Tensor, intervals: Intervals) -> torch.Tensor:
    """Log-likelihood (B,) of logits (B, n, K)."""
    terms = intervals.event * outputs - intervals.at_risk * torch.nn.functional.softplus(outputs)
    return terms.sum(dim=(1, 2))


def _prepare(data: TrainingData, batch: Batch, config: dict) -> Intervals:
    """Who is censored inside an interval has not been seen through it and counts up to the one before."""
    cuts = np.asarray(config["cuts"], float)
    time, died = data.time[batch.rows][:, :, None], (data.event[batch.rows] == 1)[:, :, None]
    inside = (time > np.concatenate([[0.0], cuts[:-1]])) & (time <= cuts)
    event = inside & died & batch.member[:, :, None]
    at_risk = ((time >= cuts) & batch.member[:, :, None]) | event
    return Intervals(torch.from_numpy(at_risk).double(), torch.from_numpy(event).double())


NETWORK = Network(layers, _prepare, loglik)
