"""Hazards: the laws by which an event comes, as cumulative hazard H(t) in years and its inverse.

S(t | x) = exp(-H(t)), H(t) = H0(t) exp(b.x) f, with x uncentred and f the `factor`. Laws, t in years since the index date:

- weibull: H0(t) = (t / scale)^shape;
- gompertz: hazard a exp(b age) at every age, so that H0(t) = a/b exp(b age) (exp(b t) - 1) for a patient who is alive and
  comes under observation at `age`;
- piecewise: `rates` per year in the bands of age that begin `from`, age going on along follow-up;
- given: at the time of a variable (unknown: never), of which no hazard exists.

A `change` multiplies the hazard by exp(log_hazard) from the time of a variable on (unknown: never).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hemapilots.errors import HemaPilotsError
from hemapilots.synthesis.parameters import parameter

__all__ = ["LAWS", "NEVER", "Hazard", "hazard", "linear_predictor"]

# Years that nobody reaches: where "never" has to be a number.
NEVER = 1000.0


@dataclass(frozen=True)
class Law:
    """Its keys in a recipe; H0 and the inverse of H0, of the parameters (each of shape (n, 1) or (n, bands)) and of (n, k)."""

    keys: tuple[str, ...]
    cumulative: Callable[[dict, np.ndarray], np.ndarray]
    inverse: Callable[[dict, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Hazard:
    """A law with the parameters of n patients; log_hazard and the change's time and logarithm have shape (n, 1)."""

    law: Law
    parameters: dict[str, np.ndarray]
    log_hazard: np.ndarray
    change_at: np.ndarray | None = None
    change: np.ndarray | None = None

    def cumulative(self, times: np.ndarray) -> np.ndarray:
        """H at `times`, shape (n, k), years."""
        base = self.law.cumulative(self.parameters, times)
        if self.change_at is not None:
            before = self.law.cumulative(self.parameters, np.minimum(times, self.change_at))
            base = before + np.exp(self.change) * (base - before)
        return np.exp(self.log_hazard) * base

    def time_of(self, exponential: np.ndarray) -> np.ndarray:
        """Years, shape (n,), at which H is `exponential`, shape (n,); infinite where H never is."""
        base = exponential[:, None] * np.exp(-self.log_hazard)
        if self.change_at is not None:
            edge = self.law.cumulative(self.parameters, self.change_at)
            base = np.where(base > edge, edge + (base - edge) * np.exp(-self.change), base)
        return self.law.inverse(self.parameters, base)[:, 0]

    def take(self, rows: np.ndarray) -> "Hazard":
        """The hazards of some of the patients, who may come several times."""
        parts = [None if part is None else part[rows] for part in (self.log_hazard, self.change_at, self.change)]
        return Hazard(self.law, {key: value[rows] for key, value in self.parameters.items()}, *parts)


def hazard(spec: dict, table: dict, classes: np.ndarray, where: str) -> Hazard:
    """The hazard that a recipe's process describes, of every row of `table`."""
    law = LAWS[spec["law"]]
    values = {key: _law_parameter(key, spec[key], table, classes, where) for key in law.keys}
    log_hazard = linear_predictor(spec.get("coefficients", {}), table, len(classes))
    if "factor" in spec:
        log_hazard = log_hazard + np.log(parameter(spec["factor"], table, classes, where))
    if "change" not in spec:
        return Hazard(law, values, log_hazard[:, None])
    start = np.nan_to_num(np.asarray(table[spec["change"]["at"]], dtype=float), nan=NEVER)
    ratio = parameter(spec["change"]["log_hazard"], table, classes, where)
    return Hazard(law, values, log_hazard[:, None], start[:, None], ratio[:, None])


def linear_predictor(coefficients: dict[str, float], table, n: int | None = None) -> np.ndarray:
    """b.x per row, shape (n,); raises HemaPilotsError where the table lacks a covariate."""
    for name in coefficients:
        if name not in table:
            raise HemaPilotsError(f'outcomes, coefficients: no variable "{name}" is drawn; add it to the recipe')
    rows = len(table) if n is None else n
    return sum((np.asarray(table[name], dtype=float) * b for name, b in coefficients.items()), np.zeros(rows))


def _law_parameter(key: str, spec, table: dict, classes: np.ndarray, where: str) -> np.ndarray:
    if key == "from":
        return np.tile(np.asarray(spec, dtype=float), (len(classes), 1))
    if key == "rates":
        return np.column_stack([parameter(rate, table, classes, where) for rate in spec])
    return parameter(spec, table, classes, where)[:, None]


def _weibull(p: dict, t: np.ndarray) -> np.ndarray:
    return (t / p["scale"]) ** p["shape"]


def _weibull_inverse(p: dict, h: np.ndarray) -> np.ndarray:
    return p["scale"] * h ** (1.0 / p["shape"])


def _gompertz(p: dict, t: np.ndarray) -> np.ndarray:
    return p["a"] / p["b"] * np.exp(p["b"] * p["age"]) * np.expm1(p["b"] * t)


def _gompertz_inverse(p: dict, h: np.ndarray) -> np.ndarray:
    return np.log1p(h * p["b"] / (p["a"] * np.exp(p["b"] * p["age"]))) / p["b"]


def _piecewise(p: dict, t: np.ndarray) -> np.ndarray:
    return _by_age(p, p["age"] + t) - _by_age(p, p["age"])


def _by_age(p: dict, age: np.ndarray) -> np.ndarray:
    """The rates summed from birth to `age`."""
    ends = np.append(p["from"][0, 1:], np.inf)
    bands = zip(p["from"][0], ends, p["rates"].T, strict=True)
    return sum(
        (rate[:, None] * np.clip(age - start, 0.0, end - start) for start, end, rate in bands), np.zeros(age.shape)
    )


def _piecewise_inverse(p: dict, h: np.ndarray) -> np.ndarray:
    target = _by_age(p, p["age"]) + h
    lower = np.column_stack([_by_age(p, np.full(p["age"].shape, start)) for start in p["from"][0]])
    band = np.maximum((lower <= target).sum(axis=1) - 1, 0)
    rows = np.arange(len(band))
    with np.errstate(divide="ignore"):
        beyond = (target[:, 0] - lower[rows, band]) / p["rates"][rows, band]
    return (p["from"][rows, band] + beyond)[:, None] - p["age"]


def _given(p: dict, t: np.ndarray) -> np.ndarray:
    return np.where(t >= p["at"], np.inf, 0.0)


def _given_inverse(p: dict, h: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(p["at"]), np.inf, p["at"]) + 0.0 * h


LAWS = {
    "weibull": Law(("scale", "shape"), _weibull, _weibull_inverse),
    "gompertz": Law(("a", "b", "age"), _gompertz, _gompertz_inverse),
    "piecewise": Law(("from", "rates", "age"), _piecewise, _piecewise_inverse),
    "given": Law(("at",), _given, _given_inverse),
}
