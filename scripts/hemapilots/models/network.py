"""Training of small networks, all fits at once: parameters are one flat row per fit, so that strategies see plain vectors."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from hemapilots.models.batch import batches_of
from hemapilots.models.control import correction, renewed
from hemapilots.models.data import TrainingData


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
    slope: Callable[[np.ndarray], np.ndarray],
    decayed: np.ndarray,
    steps: Steps,
    extra: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Parameters (F, m) after the steps; slope gives the gradient (F, m) of the mean loss, to which decay / 2 |weights|^2 is added.

    extra (F, m) is added to each gradient.
    """
    now, decay, adam = parameters, steps.decay * decayed, Adam() if steps.optimizer == "adam" else None
    for _ in range(steps.count):
        gradient = slope(now) + decay * now + steps.proximal * (now - parameters) + extra
        now = now - steps.rate * (adam.direction(gradient) if adam else gradient)
    return now


class Adam:
    """Kingma and Ba (2015) with its usual constants."""

    def __init__(self):
        self.count, self.mean, self.square = 0, 0.0, 0.0

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """The step for this gradient, before the learning rate."""
        self.count += 1
        self.mean = 0.9 * self.mean + 0.1 * gradient
        self.square = 0.999 * self.square + 0.001 * gradient**2
        return (self.mean / (1 - 0.9**self.count)) / (np.sqrt(self.square / (1 - 0.999**self.count)) + 1e-8)


@dataclass(frozen=True)
class Network:
    """A model made of a network and a log-likelihood.

    layers(columns, settings); prepare(data, batch, config) what the likelihood needs of training sets side by side, a Prepared.
    Of layers, parameters (B, m), x (B, n, p) and prepared: loglik the log-likelihood of each (B,), gradient (B, m) that of what training
    raises: the log-likelihood, or a bound of it.
    """

    layers: Callable
    prepare: Callable
    loglik: Callable
    gradient: Callable

    @classmethod
    def of_outputs(cls, layers: Callable, prepare: Callable, loglik: Callable, residuals: Callable) -> "Network":
        """Of dense layers, from the log-likelihood (B,) of outputs (B, n, k) and its derivative by them, residuals (B, n, k)."""

        def of_parameters(shape, parameters: np.ndarray, x: np.ndarray, prepared) -> np.ndarray:
            return loglik(shape.forward(parameters, x)[-1], prepared)

        def gradient(shape, parameters: np.ndarray, x: np.ndarray, prepared) -> np.ndarray:
            values = shape.forward(parameters, x)
            return shape.backward(parameters, values, residuals(values[-1], prepared))

        return cls(layers, prepare, of_parameters, gradient)

    def update(self, state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
        """What the site answers to `config["task"]`: `likelihoods`, or `local_training`, with control variates or without."""
        return (self.likelihoods if config["task"] == "likelihoods" else self.local_training)(state, data, config)

    @np.errstate(over="ignore", divide="ignore", invalid="ignore")
    def local_training(self, state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
        """Parameters (F, m) after the site's steps, and its patients in each training set, examples (F,)."""
        before, steps = state["parameters"], Steps.of(config)
        extra = np.broadcast_to(correction(state), before.shape)
        trained, examples = np.empty_like(before), np.empty(len(before))
        for part in data.kept("training", self._parts, data, state, state["fit_set"], state["fit_set"], config):
            shape = self.layers(data.x.shape[1], config)
            slope = partial(self._slope, shape, part)
            trained[part.fits] = descend(before[part.fits], slope, shape.decayed(), steps, extra[part.fits])
            examples[part.fits] = part.size
        return {"parameters": trained, "examples": examples} | renewed(state, before, trained, config)

    @np.errstate(over="ignore", divide="ignore", invalid="ignore")
    def likelihoods(self, state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
        """Log-likelihood (P,) of fit `pair_fit` on the rows of training set `pair_set`, with the fit's own preprocessing."""
        pairs = np.stack([state["pair_fit"], state["pair_set"]], axis=1)
        distinct, back = np.unique(pairs, axis=0, return_inverse=True)
        fits, sets = distinct.T
        found, shape = np.empty(len(fits)), self.layers(data.x.shape[1], config)
        for part in data.kept("likelihoods", self._parts, data, state, state["fit_set"][fits], sets, config):
            found[part.fits] = self.loglik(shape, state["parameters"][fits[part.fits]], part.x, part.ready)
        return {"loglik": found[back]}

    def _slope(self, shape, part: "Part", parameters: np.ndarray) -> np.ndarray:
        """The gradient (B, m) of the mean loss of a part's fits."""
        return -self.gradient(shape, parameters, part.x, part.ready) / np.maximum(part.size, 1.0)[:, None]

    def _parts(self, data, state, source, sets, config) -> list["Part"]:
        return [
            Part(places, batch.x, self.prepare(data, batch, config), batch.size.astype(float))
            for places, batch in batches_of(data, state, source, sets)
        ]


@dataclass(frozen=True)
class Part:
    """Fits (B,) trained or judged as one tensor: x (B, n, p), what the likelihood needs of their rows, and their patients, size (B,)."""

    fits: np.ndarray
    x: np.ndarray
    ready: object
    size: np.ndarray
