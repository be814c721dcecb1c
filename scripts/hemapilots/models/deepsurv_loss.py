"""The partial likelihood of DeepSurv's outputs for training sets side by side, in torch: what trains it."""

from dataclasses import dataclass

import torch

from hemapilots.models.batch import Batch
from hemapilots.models.data import TrainingData
from hemapilots.models.deepsurv import layers
from hemapilots.models.network import Network
from hemapilots.models.side_by_side import Ranks


@dataclass(frozen=True)
class Prepared:
    """What the likelihood needs of `side_by_side.Ranks`, as tensors."""

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
    found = Ranks.of(data, batch, config["ties"])
    entered = None if found.entered is None else tuple(map(torch.from_numpy, found.entered))
    return Prepared(*map(torch.from_numpy, (found.member, found.dead, found.first, found.fraction)), entered)


NETWORK = Network(layers, _prepare, loglik)
