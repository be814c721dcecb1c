"""Event times from Weibull proportional hazards, ordered between endpoints, then censored.

S(t | x) = exp(-(t / scale)^shape exp(b.x)), t in years, x uncentred. One standard exponential variate per
patient drives every endpoint, so that an endpoint that ends no later than another one keeps close to its own
law.
"""

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError

__all__ = ["censor", "concordance", "draw_outcomes", "linear_predictor", "weibull_times"]


def linear_predictor(coefficients: dict[str, float], table) -> np.ndarray:
    """b.x per row, shape (n,); raises HemaPilotsError where the table lacks a covariate."""
    for name in coefficients:
        if name not in table:
            raise HemaPilotsError(f'outcomes, coefficients: no variable "{name}" is drawn; add it to the recipe')
    return sum(np.asarray(table[name], dtype=float) * b for name, b in coefficients.items())


def weibull_times(exponential: np.ndarray, predictor: np.ndarray, shape: float, scale: float) -> np.ndarray:
    """Years, shape (n,), at which (t/scale)^shape exp(predictor), the cumulative hazard, is `exponential`."""
    return scale * (exponential * np.exp(-predictor)) ** (1.0 / shape)


def draw_outcomes(outcomes: dict, table: dict, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Per endpoint e: `e_drawn` from its model; `e_true`, the smaller of it and that of `not_after`."""
    n = len(next(iter(table.values())))
    exponential = rng.standard_exponential(n)
    times = {}
    for name, spec in outcomes["endpoints"].items():
        predictor = linear_predictor(spec["coefficients"], table)
        times[f"{name}_drawn"] = weibull_times(exponential, predictor, spec["shape"], spec["scale"])
        times[f"{name}_true"] = times[f"{name}_drawn"]
        if "not_after" in spec:
            times[f"{name}_true"] = np.minimum(times[f"{name}_drawn"], times[f"{spec['not_after']}_true"])
    return times


def censor(outcomes: dict, table: dict, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Observed time (years) and event (0/1) per endpoint, under one last contact per patient.

    Last contact is drawn by its quantile table (`percent`, `years`), linear in between. Times are rounded to
    `decimals`, upwards where that would give 0.
    """
    spec = outcomes["censoring"]
    uniform = rng.random(len(next(iter(table.values()))))
    last = np.interp(uniform, np.asarray(spec["percent"], dtype=float) / 100, spec["years"])
    observed = {}
    for name, endpoint in outcomes["endpoints"].items():
        event = table[f"{name}_true"] <= last
        years = np.where(event, table[f"{name}_true"], last)
        digits = outcomes["decimals"]
        observed[endpoint["time"]] = np.maximum(np.round(years, digits), 10.0**-digits)
        observed[endpoint["event"]] = event.astype(float)
    return observed


def concordance(risk: np.ndarray, times: np.ndarray, horizon: float | None = None) -> float:
    """Share of comparable pairs whose earlier event has the higher risk, uncensored times, n log n.

    With a `horizon` (years) only pairs whose earlier event precedes it count: the estimand of Uno's C with
    that tau.
    """
    from scipy.stats import kendalltau  # a slow import that drawing patients does not need

    times = times if horizon is None else np.minimum(times, horizon)
    pairs = len(times) * (len(times) - 1) / 2
    comparable = pairs - _tied(times)
    signed = kendalltau(-risk, times).statistic * np.sqrt(comparable) * np.sqrt(pairs - _tied(risk))
    return float((1.0 + signed / comparable) / 2.0)


def _tied(values: np.ndarray) -> float:
    counts = pd.Series(values).value_counts().to_numpy(dtype=float)
    return float((counts * (counts - 1) / 2).sum())
