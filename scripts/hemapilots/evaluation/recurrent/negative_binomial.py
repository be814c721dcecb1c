"""Negative-binomial regression of the number of episodes on groups, with the time under observation as an offset.

A patient's episodes are Poisson with mean years x exp(x.b) x frailty, the frailty gamma with mean 1 and variance phi, so that
their variance is mean + phi x mean^2. Maximum likelihood; standard errors from the expected information at the estimated phi.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import gammaln

__all__ = ["negative_binomial"]

ROUNDS, TOLERANCE = 100, 1e-11
# Logarithms of the dispersion that are looked at; at the first the law is Poisson's.
LOWEST, HIGHEST = -16.0, 5.0


def negative_binomial(counts: np.ndarray, years: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """(coefficients (p,), covariance (p, p), dispersion phi) of counts (n,) in years (n,) under columns x (n, p)."""
    start = np.linalg.lstsq(x, np.log((counts + 0.1) / (years + 0.1)), rcond=None)[0]

    def minus_best(log_phi: float) -> float:
        return -_profile(counts, years, x, np.exp(log_phi), start)[0]

    phi = np.exp(minimize_scalar(minus_best, bounds=(LOWEST, HIGHEST), method="bounded", options={"xatol": 1e-9}).x)
    _, coefficients, information = _profile(counts, years, x, phi, start)
    return coefficients, np.linalg.inv(information), float(phi)


def _profile(counts, years, x, phi: float, start: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Log-likelihood, best coefficients and expected information for one dispersion, by Fisher scoring with halved steps."""
    b, value = start, _loglik(counts, years * np.exp(x @ start), phi)
    for _ in range(ROUNDS):
        mean = years * np.exp(x @ b)
        spread = 1 + phi * mean
        information = (x * (mean / spread)[:, None]).T @ x
        step = np.linalg.solve(information, x.T @ ((counts - mean) / spread))
        while np.abs(step).max() > TOLERANCE:
            reached = _loglik(counts, years * np.exp(x @ (b + step)), phi)
            if reached >= value:
                b, value = b + step, reached
                break
            step = step / 2
        else:
            break
    return value, b, information


def _loglik(counts: np.ndarray, mean: np.ndarray, phi: float) -> float:
    size = 1 / phi
    known = gammaln(counts + size) - gammaln(size) - gammaln(counts + 1)
    return float(np.sum(known + counts * np.log(mean * phi) - (counts + size) * np.log1p(mean * phi)))
