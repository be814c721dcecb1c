"""The distributions that a recipe names, all driven by latent standard normals (a Gaussian copula).

A number is a transform of a standard normal u = sum_k loading_k Z_k + sqrt(1 - sum loading^2) e, where the
Z_k are the patient's latent values; variables that share a Z are thereby correlated while their marginals
stay. A flag has logit P = a + sum_k slope_k Z_k with a solved so that the mean over Z is the wanted
probability.
"""

from collections.abc import Callable, Mapping

import numpy as np
from scipy.special import betaincinv, expit, gammaincinv, log_ndtr, logit, ndtr, ndtri, pdtr, pdtrik

__all__ = [
    "NUMBERS",
    "draw_category",
    "draw_flag",
    "draw_scores",
    "logistic_normal_intercept",
    "zero_inflate",
]

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(41)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


def draw_scores(rng: np.random.Generator, loadings: Mapping[str, float], latents: Mapping[str, np.ndarray], n: int):
    """Standard normal scores, shape (n,), whose correlation with latent k is `loadings[k]`."""
    shared = sum((weight * latents[name] for name, weight in loadings.items()), np.zeros(n))
    rest = 1.0 - sum(weight**2 for weight in loadings.values())
    return shared + np.sqrt(rest) * rng.standard_normal(n)


def _normal(u: np.ndarray, mean, sd) -> np.ndarray:
    return mean + sd * u


def _lognormal(u: np.ndarray, mean, sd) -> np.ndarray:
    return np.exp(mean + sd * u)


def _uniform(u: np.ndarray, low, high) -> np.ndarray:
    return low + (high - low) * ndtr(u)


def _gamma(u: np.ndarray, mean, variance) -> np.ndarray:
    shape = mean**2 / variance
    return gammaincinv(shape, ndtr(u)) * variance / mean


def _beta(u: np.ndarray, a, b) -> np.ndarray:
    return betaincinv(a, b, ndtr(u))


def _exponential(u: np.ndarray, mean) -> np.ndarray:
    return -mean * log_ndtr(-u)


def _poisson(u: np.ndarray, mean) -> np.ndarray:
    """The count of the same probability: the smallest k with P(K <= k) >= ndtr(u)."""
    level = np.clip(ndtr(u), 0.0, 1.0 - 1e-15)
    count = np.maximum(np.ceil(np.nan_to_num(pdtrik(level, mean)) - 1e-9), 0.0)
    count += pdtr(count, mean) < level
    return np.where((count > 0) & (pdtr(np.maximum(count - 1, 0), mean) >= level), count - 1, count)


# Name in a recipe -> (transform of a standard normal, its parameters in order).
NUMBERS: dict[str, tuple[Callable, tuple[str, ...]]] = {
    "normal": (_normal, ("mean", "sd")),
    "lognormal": (_lognormal, ("mean", "sd")),
    "uniform": (_uniform, ("low", "high")),
    "gamma": (_gamma, ("mean", "variance")),
    "beta": (_beta, ("a", "b")),
    "exponential": (_exponential, ("mean",)),
    "poisson": (_poisson, ("mean",)),
}


def zero_inflate(u: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Splits scores into a point mass at zero and a full distribution above it, both driven by the same u.

    u, probability: shape (n,); the lowest `probability` of the scores are zero. Returns the flag of zero, and
    the scores of the others stretched to a full standard normal (so that mean and sd describe the non-zero
    values).
    """
    level = ndtr(u)
    zero = level < probability
    above = np.where(zero, 0.5, (level - probability) / np.maximum(1.0 - probability, 1e-12))
    return zero, ndtri(np.clip(above, 1e-12, 1.0 - 1e-12))


def logistic_normal_intercept(probability: np.ndarray, slope: float) -> np.ndarray:
    """The a with E[expit(a + slope Z)] = probability, Z standard normal; minus/plus infinity at 0 and 1.

    Solved by bisection on Gauss-Hermite nodes, once for each distinct probability.
    """
    values, where = np.unique(np.asarray(probability, dtype=float), return_inverse=True)
    low, high = np.full(len(values), -60.0), np.full(len(values), 60.0)
    for _ in range(60):
        middle = (low + high) / 2
        under = expit(middle[:, None] + slope * _NODES) @ _WEIGHTS < values
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    solved = np.where((values > 0) & (values < 1), (low + high) / 2, logit(values))
    return solved[where].reshape(np.shape(probability))


def draw_flag(
    rng: np.random.Generator,
    probability: np.ndarray,
    slopes: Mapping[str, float],
    latents: Mapping[str, np.ndarray],
) -> np.ndarray:
    """0/1 as float64, shape (n,): mean `probability` over the latents, log-odds `slopes` per latent unit."""
    uniform = rng.random(len(probability))
    if not slopes:
        return (uniform < probability).astype(float)
    intercept = logistic_normal_intercept(probability, float(np.sqrt(sum(s**2 for s in slopes.values()))))
    score = sum(slope * latents[name] for name, slope in slopes.items())
    return (uniform < expit(intercept + score)).astype(float)


def draw_category(rng: np.random.Generator, levels: list[str], weights: np.ndarray) -> np.ndarray:
    """One of `levels` per row, object array; `weights` has shape (n, levels) and needs no normalising."""
    edges = np.cumsum(weights, axis=1)
    uniform = rng.random(len(weights)) * edges[:, -1]
    index = np.minimum((uniform[:, None] >= edges).sum(axis=1), len(levels) - 1)
    return np.array(levels, dtype=object)[index]
