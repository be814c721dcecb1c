"""Survival autoencoder (SAVAE, Apellaniz, Parras and Zazo 2024): a variational autoencoder whose latent code also gives a Weibull law.

Three small networks in one row of parameters: columns to the mean and log variance of a code, the code back to the columns, and the
code to log shape and log scale of the time to the event. Censored patients add the probability of lasting as long as they were seen.
A state holds parameters (F, m). Patients are predicted from the mean of their code.
"""

from dataclasses import dataclass

import numpy as np

from hemapilots.models.data import Preprocessing, TrainingData
from hemapilots.models.layers import Layers

ALONE, STEPS, CONTROLLED_STEPS, PROPORTIONAL = "fedavg", "local_training", "controlled_training", False
# The logarithm of a shape lies between these; a hazard that rises with the seventh power of time is none of a disease.
STEEPEST = 2.0


@dataclass(frozen=True)
class Autoencoder:
    """encoder, columns, time: the three networks. Weights of the two terms that make a code of a patient: how well it gives the columns
    back, and how far it is from a standard normal one. draws: the noise of one round's codes."""

    encoder: Layers
    columns: Layers
    time: Layers
    reconstruction: float
    divergence: float
    draws: np.random.Generator

    @classmethod
    def of(cls, columns: int, settings: dict) -> "Autoencoder":
        """From a model's settings, in a round of training with its number."""
        code = settings["latent"]
        draws = np.random.default_rng([settings["seed"], int(settings.get("server-round", 0))])
        parts = [
            Layers.of(inputs, settings, outputs, True)
            for inputs, outputs in ((columns, 2 * code), (code, columns), (code, 2))
        ]
        return cls(*parts, settings["reconstruction"], settings["divergence"], draws)

    @property
    def parts(self) -> tuple[Layers, Layers, Layers]:
        """The three networks in the order of their parameters."""
        return self.encoder, self.columns, self.time

    def initial(self, seed: int) -> np.ndarray:
        """Parameters (m,)."""
        return np.concatenate([part.initial(seed + k) for k, part in enumerate(self.parts)])

    def decayed(self) -> np.ndarray:
        """1 for weights, 0 for biases (m,)."""
        return np.concatenate([part.decayed() for part in self.parts])

    def outputs(self, parameters: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Log shape, not yet bounded, and log scale (n, 2) at the mean code of inputs (n, p)."""
        encoder, _, time = np.split(parameters, np.cumsum([part.size for part in self.parts])[:2])
        code = self.encoder.outputs(encoder, x)
        return self.time.outputs(time, code[:, : code.shape[1] // 2])


def initial(plan, preprocessing: Preprocessing) -> dict[str, np.ndarray]:
    """Parameters (F, m): the same for every fit and regime; the first scale is the end of the protocol's grid, the first shape 1."""
    parameters = Autoencoder.of(len(plan.columns), plan.settings).initial(plan.settings["seed"])
    parameters[-2:] = 0.0, np.log(plan.grid[-1])
    return {"parameters": np.tile(parameters, (plan.fit_set.size, 1))}


def update(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """What the site answers to `config["task"]`; arrays keyed by name."""
    # Only who trains needs torch, which takes a second to import.
    from hemapilots.models.savae_loss import NETWORK

    return NETWORK.update(state, data, config)


def survival(state: dict, x: np.ndarray, times: np.ndarray, settings: dict) -> np.ndarray:
    """S(t | x) = exp(-(t / scale)^shape) as (n, T) for preprocessed columns."""
    log_shape, log_scale = Autoencoder.of(x.shape[1], settings).outputs(state["parameters"], x).T[:, :, None]
    shape = np.exp(STEEPEST * np.tanh(log_shape / STEEPEST))
    return np.exp(-((np.asarray(times) / np.exp(log_scale)) ** shape))
