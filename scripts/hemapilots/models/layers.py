"""Small networks of dense layers: their shape, outputs of one, and outputs and gradients of many side by side."""

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

    def forward(self, parameters: np.ndarray, x: np.ndarray) -> list[np.ndarray]:
        """Inputs (F, n, p) of networks with parameters (F, m), and what each of their layers gives; the outputs (F, n, k) come last."""
        at, values = 0, [x]
        for number, (a, b, bias) in enumerate(self.parts):
            out = values[-1] @ parameters[:, at : at + a * b].reshape(-1, a, b)
            at += a * b
            if bias:
                out += parameters[:, None, at : at + b]
                at += b
            if number < len(self.parts) - 1:
                np.maximum(out, 0.0, out=out)
            values.append(out)
        return values

    def backward(self, parameters: np.ndarray, values: list[np.ndarray], slope: np.ndarray) -> np.ndarray:
        """Gradient (F, m) of a function whose derivative by the outputs is slope (F, n, k); values as from `forward`."""
        gradient, end = np.empty(parameters.shape), self.size
        for (a, b, bias), inputs in zip(self.parts[::-1], values[-2::-1], strict=True):
            if bias:
                gradient[:, end - b : end] = slope.sum(axis=1)
                end -= b
            weights = slice(end - a * b, end)
            gradient[:, weights] = (inputs.transpose(0, 2, 1) @ slope).reshape(len(gradient), -1)
            end -= a * b
            if end:
                slope = (slope @ parameters[:, weights].reshape(-1, a, b).transpose(0, 2, 1)) * (inputs > 0)
        return gradient
