"""Training of small networks, all fits at once: parameters are one flat row per fit, so that strategies see plain vectors.

Imported only by jobs that train one. 64-bit floats, one thread, deterministic kernels: the same bytes on any core.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from hemapilots.models.batch import batch_of
from hemapilots.models.control import correction, renewed
from hemapilots.models.data import TrainingData
from hemapilots.models.layers import Layers

torch.set_num_threads(1)
# The same switch as use_deterministic_algorithms, which takes a second to import compilers that are not used here.
torch.set_deterministic_debug_mode("error")


def forward(shape: Layers, parameters: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Outputs (F, n, k) for parameters (F, m) and inputs (F, n, p)."""
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


@dataclass(frozen=True)
class Steps:
    """How a site trains: full-batch steps on the mean loss, `proximal` pulls towards where it started (Li et al. 2020)."""

    count: int
    rate: float
    decay: float
    optimizer: str
    proximal: float = 0.0

    @classmethod
    def of(cls, config: dict) -> "Steps":
        """From a round's instructions."""
        return cls(
            config["local_steps"],
            config["learning_rate"],
            config["weight_decay"],
            config["optimizer"],
            config.get("proximal-mu", 0.0),
        )


def descend(
    parameters: np.ndarray,
    loss: Callable[[torch.Tensor], torch.Tensor],
    decayed: np.ndarray,
    steps: Steps,
    extra: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Parameters (F, m) after the steps; loss gives each fit's mean loss (F,), to which decay / 2 |weights|^2 is added.

    extra (F, m) is added to each gradient.
    """
    start, decay = _tensor(parameters), steps.decay * _tensor(decayed)
    now, adam = start.clone(), Adam() if steps.optimizer == "adam" else None
    for _ in range(steps.count):
        moving = now.detach().requires_grad_()
        loss(moving).sum().backward()
        gradient = moving.grad + decay * now + steps.proximal * (now - start) + _tensor(extra)
        now = now - steps.rate * (adam.direction(gradient) if adam else gradient)
    return now.numpy()


class Adam:
    """Kingma and Ba (2015) with its usual constants; torch's own takes two seconds to import."""

    def __init__(self):
        self.count, self.mean, self.square = 0, 0.0, 0.0

    def direction(self, gradient: torch.Tensor) -> torch.Tensor:
        """The step for this gradient, before the learning rate."""
        self.count += 1
        self.mean = 0.9 * self.mean + 0.1 * gradient
        self.square = 0.999 * self.square + 0.001 * gradient**2
        return (self.mean / (1 - 0.9**self.count)) / ((self.square / (1 - 0.999**self.count)).sqrt() + 1e-8)


@dataclass(frozen=True)
class Network:
    """A model made of a network and a log-likelihood.

    layers(columns, settings); prepare(data, batch, config) what the likelihood needs of training sets side by side, a Prepared;
    loglik(outputs (B, n, k), prepared) the log-likelihood of each (B,).
    forward(layers, parameters (B, m), x (B, n, p)) the outputs; bound(layers, parameters, x, prepared), where given, is what training
    raises in place of the log-likelihood (B,).
    """

    layers: Callable[[int, dict], Layers]
    prepare: Callable
    loglik: Callable
    forward: Callable = forward
    bound: Callable | None = None

    def update(self, state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
        """What the site answers to `config["task"]`: `likelihoods`, or `local_training`, with control variates or without."""
        return (self.likelihoods if config["task"] == "likelihoods" else self.local_training)(state, data, config)

    def local_training(self, state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
        """Parameters (F, m) after the site's steps, and its patients in each training set, examples (F,)."""
        shape = self.layers(data.x.shape[1], config)
        x, ready, size = data.kept("training", self._ready, data, state, state["fit_set"], state["fit_set"], config)

        def loss(parameters: torch.Tensor) -> torch.Tensor:
            found = (
                self.bound(shape, parameters, x, ready)
                if self.bound
                else self.loglik(self.forward(shape, parameters, x), ready)
            )
            return -found / size.clamp(min=1)

        trained = descend(state["parameters"], loss, shape.decayed(), Steps.of(config), correction(state))
        control = renewed(state, state["parameters"], trained, config)
        return {"parameters": trained, "examples": size.numpy()} | control

    def likelihoods(self, state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
        """Log-likelihood (P,) of fit `pair_fit` on the rows of training set `pair_set`, with the fit's own preprocessing."""
        pairs = np.stack([state["pair_fit"], state["pair_set"]], axis=1)
        distinct, back = np.unique(pairs, axis=0, return_inverse=True)
        fits, sets = distinct.T
        x, ready, _ = data.kept("likelihoods", self._ready, data, state, state["fit_set"][fits], sets, config)
        with torch.no_grad():
            outputs = self.forward(self.layers(data.x.shape[1], config), _tensor(state["parameters"][fits]), x)
            return {"loglik": self.loglik(outputs, ready).numpy()[back]}

    def _ready(self, data, state, source, sets, config) -> tuple[torch.Tensor, object, torch.Tensor]:
        batch = batch_of(data, state, source, sets)
        return _tensor(batch.x), self.prepare(data, batch, config), _tensor(batch.size)


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(values, dtype=np.float64))
