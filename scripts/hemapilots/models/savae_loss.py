"""The evidence bound of survival autoencoders for training sets side by side, in torch: what trains them.

64-bit floats, one thread, deterministic kernels: the same bytes on any core.
"""

from dataclasses import dataclass

import numpy as np
import torch

from hemapilots.models.batch import Batch
from hemapilots.models.data import TrainingData
from hemapilots.models.layers import Layers
from hemapilots.models.network import Network
from hemapilots.models.savae import STEEPEST, Autoencoder

torch.set_num_threads(1)
# The same switch as use_deterministic_algorithms, which takes a second to import compilers that are not used here.
torch.set_deterministic_debug_mode("error")


@dataclass(frozen=True)
class Outcome:
    """Of B training sets padded to n rows: member, died (B, n), and the logarithm of time (B, n)."""

    member: torch.Tensor
    died: torch.Tensor
    log_time: torch.Tensor


def loglik(outputs: torch.Tensor, ready: Outcome) -> torch.Tensor:
    """Log-likelihood (B,) of log shape, not yet bounded, and log scale (B, n, 2), in years."""
    log_shape, log_scale = STEEPEST * torch.tanh(outputs[..., 0] / STEEPEST), outputs[..., 1]
    exponent = torch.exp(log_shape) * (ready.log_time - log_scale)
    # A hazard that leaves the range of floats would end training; no step comes back from there.
    terms = ready.died * (log_shape + exponent - ready.log_time) - torch.exp(exponent.clamp(max=50.0))
    return (terms * ready.member).sum(dim=1)


def forward(shape: Layers, parameters: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Outputs (F, n, k) for parameters (F, m) and inputs (F, n, p), as `Layers.forward`."""
    at, out = 0, x
    for number, (a, b, bias) in enumerate(shape.parts):
        weight = parameters[:, at : at + a * b].view(-1, a, b)
        at += a * b
        if bias:
            out = torch.baddbmm(parameters[:, None, at : at + b], out, weight)
            at += b
        else:
            out = torch.bmm(out, weight)
        if number < len(shape.parts) - 1:
            out = torch.relu(out)
    return out


def at_mean_code(shape: Autoencoder, parameters: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Log shape and log scale (F, n, 2) at the mean code of inputs (F, n, p)."""
    encoder, _, time = _split(shape, parameters)
    return forward(shape.time, time, forward(shape.encoder, encoder, x).chunk(2, dim=2)[0])


def bound(shape: Autoencoder, parameters: torch.Tensor, x: torch.Tensor, ready: Outcome) -> torch.Tensor:
    """The weighted evidence bound (F,), summed over patients, at one random code each."""
    encoder, columns, time = _split(shape, parameters)
    mean, log_variance = forward(shape.encoder, encoder, x).chunk(2, dim=2)
    noise = torch.from_numpy(shape.draws.standard_normal(mean.shape[1:]))
    code = mean + torch.exp(log_variance / 2) * noise
    away = ((x - forward(shape.columns, columns, code)) ** 2).sum(dim=2) / 2
    far = (mean**2 + torch.exp(log_variance) - log_variance - 1).sum(dim=2) / 2
    made = ((shape.reconstruction * away + shape.divergence * far) * ready.member).sum(dim=1)
    return loglik(forward(shape.time, time, code), ready) - made


def _split(shape: Autoencoder, parameters: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The parameters (F, .) of each network."""
    return torch.split(parameters, [part.size for part in shape.parts], dim=1)


def _prepare(data: TrainingData, batch: Batch, config: dict) -> Outcome:
    died = (data.event[batch.rows] == 1) & batch.member
    log_time = np.where(batch.member, np.log(data.time[batch.rows]), 0.0)
    return Outcome(*(torch.from_numpy(array.astype(float)) for array in (batch.member, died, log_time)))


def _loglik(shape: Autoencoder, parameters: np.ndarray, x: np.ndarray, ready: Outcome) -> np.ndarray:
    with torch.no_grad():
        return loglik(at_mean_code(shape, torch.tensor(parameters), torch.from_numpy(x)), ready).numpy()


def _gradient(shape: Autoencoder, parameters: np.ndarray, x: np.ndarray, ready: Outcome) -> np.ndarray:
    moving = torch.tensor(parameters, requires_grad=True)
    bound(shape, moving, torch.from_numpy(x), ready).sum().backward()
    return moving.grad.numpy()


NETWORK = Network(Autoencoder.of, _prepare, _loglik, _gradient)
