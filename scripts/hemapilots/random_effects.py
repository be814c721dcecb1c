"""Random-effects meta-analysis of one quantity: restricted maximum likelihood with the intervals of Hartung and Knapp."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import stdtrit

LEVEL = 0.975


def random_effects(estimates: np.ndarray, variances: np.ndarray) -> dict:
    """Of sites' estimates and variances (K,): estimate, lower, upper, tau2, and from five sites on a prediction interval.

    Sites whose variance is 0 told nothing and are left out; below three sites only their own values are given. The variance factor of
    Hartung and Knapp is not below 1.
    """
    told = variances > 0
    y, v = estimates[told], variances[told]
    out = {"sites": y.tolist(), "estimate": None, "lower": None, "upper": None, "tau2": None}
    out |= {"predicted_lower": None, "predicted_upper": None}
    if y.size < 3:
        return out
    tau2 = reml(y, v)
    weight = 1 / (v + tau2)
    mean = (weight * y).sum() / weight.sum()
    factor = max(1.0, (weight * (y - mean) ** 2).sum() / (y.size - 1))
    error = np.sqrt(factor / weight.sum())
    half = stdtrit(y.size - 1, LEVEL) * error
    out |= {"estimate": mean, "lower": mean - half, "upper": mean + half, "tau2": tau2}
    if y.size >= 5:
        half = stdtrit(y.size - 2, LEVEL) * np.sqrt(tau2 + error**2)
        out |= {"predicted_lower": mean - half, "predicted_upper": mean + half}
    return {name: value if name == "sites" or value is None else float(value) for name, value in out.items()}


def reml(y: np.ndarray, v: np.ndarray) -> float:
    """The between-site variance that maximises the restricted likelihood, 0 where the maximum lies there."""

    def minus_twice(tau2: float) -> float:
        weight = 1 / (v + tau2)
        mean = (weight * y).sum() / weight.sum()
        return np.log(v + tau2).sum() + np.log(weight.sum()) + (weight * (y - mean) ** 2).sum()

    far = 10 * (y.var(ddof=1) + v.max())
    found = minimize_scalar(minus_twice, bounds=(0.0, far), method="bounded", options={"xatol": 1e-12 * far})
    return float(found.x) if found.fun < minus_twice(0.0) else 0.0
