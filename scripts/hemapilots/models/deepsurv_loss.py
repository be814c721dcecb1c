"""The partial likelihood of DeepSurv's outputs for training sets side by side, in torch: what trains it."""

from dataclasses import dataclass

import numpy as np
import torch

from hemapilots.models.batch import Batch
from hemapilots.models.data import TrainingData
from hemapilots.models.deepsurv import layers
from hemapilots.models.network import Network


@dataclass(frozen=True)
class Prepared:
    """What the likelihood needs of B training sets padded to n rows, as tensors.

    member, dead (B, n); first (B, n) the first row that is as late; fraction (B, n) of a death among those of its time,
    0 under Breslow; entered: None, or (order (B, n) by entry, position (B, n) in that order of the first row not yet in at the time).
    """

    member: torch.Tensor
    dead: torch.Tensor
    first: torch.Tensor
    fraction: torch.Tensor
    entered: tuple[torch.Tensor, torch.Tensor] | None


def loglik(outputs: torch.Tensor, ready: Prepared) -> torch.Tensor:
    """Log partial likelihood (B,) of log hazards (B, n, 1), in n log n."""
    eta = outputs[:, :, 0]
    shift = eta.detach().masked_fill(~ready.member, -torch.inf).amax(dim=1, keepdim=True)
    hazard = torch.exp((eta - shift).masked_fill(~ready.member, -torch.inf))
    at_risk = _from_end(hazard).gather(1, ready.first)
    if ready.entered is not None:
        order, position = ready.entered
        late = torch.nn.functional.pad(_from_end(hazard.gather(1, order)), (0, 1))
        # A difference of sums over hazards of very unequal size may cancel; who dies is at risk.
        at_risk = torch.maximum(at_risk - late.gather(1, position), hazard)
    if ready.fraction.any():
        dying = torch.zeros_like(hazard).scatter_add(1, ready.first, hazard * ready.dead)
        at_risk = at_risk - ready.fraction * dying.gather(1, ready.first)
    terms = eta - shift - torch.log(torch.where(ready.dead, at_risk, 1.0))
    return torch.where(ready.dead, terms, 0.0).sum(dim=1)


def _from_end(values: torch.Tensor) -> torch.Tensor:
    return values.flip(1).cumsum(1).flip(1)


def _prepare(data: TrainingData, batch: Batch, config: dict) -> Prepared:
    time = np.where(batch.member, data.time[batch.rows], np.inf)
    entry = np.where(batch.member, data.entry[batch.rows], -np.inf)
    dead = batch.member & (data.event[batch.rows] == 1)
    first = np.array([np.searchsorted(row, row, side="left") for row in time])
    arrays = (batch.member, dead, first, _fractions(dead, first, config["ties"]))
    return Prepared(*map(torch.from_numpy, arrays), _entered(entry, time))


def _fractions(dead: np.ndarray, first: np.ndarray, ties: str) -> np.ndarray:
    """Efron's l / d of each death among the d of its time (B, n)."""
    fraction = np.zeros(dead.shape)
    if ties == "breslow":
        return fraction
    for k in range(len(dead)):
        at = np.flatnonzero(dead[k])
        _, start, count = np.unique(first[k, at], return_index=True, return_counts=True)
        fraction[k, at] = (np.arange(at.size) - np.repeat(start, count)) / np.repeat(count, count)
    return fraction


def _entered(entry: np.ndarray, time: np.ndarray) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Rows by entry, and where in that order those begin that enter at or after each row's time; None where nobody enters late."""
    if not (entry > 0).any():
        return None
    order = np.argsort(entry, axis=1, kind="stable")
    sorted_ = np.take_along_axis(entry, order, axis=1)
    position = np.array([np.searchsorted(row, at, side="left") for row, at in zip(sorted_, time, strict=True)])
    return torch.from_numpy(order), torch.from_numpy(position)


NETWORK = Network(layers, _prepare, loglik)
