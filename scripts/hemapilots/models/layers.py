"""The shape of a small network of dense layers, and its outputs: all that a fitted one needs, without torch."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Layers:
    """Widths from input to output; ReLU between layers. The output has a bias where the loss can tell it from none."""

    widths: tuple[int, ...]
    output_bias: bool

    @classmethod
    def of(cls, columns: int, settings: dict, outputs: int, output_bias: bool) -> "Layers":
        """The layers of a model's settings."""
        return cls((columns, *settings["hidden"], outputs), output_bias)

    @property
    def parts(self) -> list[tuple[int, int, bool]]:
        """Inputs, outputs and whether there is a bias, layer by layer."""
        last = len(self.widths) - 2
        return [(a, b, k < last or self.output_bias) for k, (a, b) in enumerate(pairwise(self.widths))]

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(a * b + b * bias for a, b, bias in self.parts)

    def initial(self, seed: int) -> np.ndarray:
        """Parameters (m,): weights uniform within sqrt(6 / (inputs + outputs)) (Glorot and Bengio 2010), biases 0."""
        rng, flat = np.random.default_rng([seed, self.size]), []
        for a, b, bias in self.parts:
            limit = np.sqrt(6 / (a + b))
            flat += [rng.uniform(-limit, limit, a * b), np.zeros(b * bias)]
        return np.concatenate(flat)

    def decayed(self) -> np.ndarray:
        """1 for weights, 0 for biases (m,): what weight decay acts on."""
        return np.concatenate([np.repeat([1.0, 0.0], [a * b, b * bias]) for a, b, bias in self.parts])

    def outputs(self, parameters: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Outputs (n, k) of one network with parameters (m,) for inputs (n, p)."""
        at, out = 0, x
        for number, (a, b, bias) in enumerate(self.parts):
            out = out @ parameters[at : at + a * b].reshape(a, b)
            at += a * b
            if bias:
                out = out + parameters[at : at + b]
                at += b
            if number < len(self.parts) - 1:
                out = np.maximum(out, 0.0)
        return out
