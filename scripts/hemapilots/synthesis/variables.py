"""Draws the variables of a recipe in their order: numbers, flags, categories, dates and what follows from others."""

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.expressions import parse
from hemapilots.synthesis.distributions import NUMBERS, draw_category, draw_flag, draw_scores, zero_inflate
from hemapilots.synthesis.parameters import parameter

__all__ = ["DAYS_PER_YEAR", "class_of", "draw_mixture", "draw_variables"]

DAYS_PER_YEAR = 365.25


def draw_mixture(recipe: dict, table: dict, n: int, rng: np.random.Generator) -> np.ndarray:
    """The index of each patient's class, shape (n,), and the class by name in `table`; zeros where nothing is mixed."""
    if "mixture" not in recipe:
        return np.zeros(n, dtype=int)
    mixture, where = recipe["mixture"], f"recipe {recipe['name']}, mixture"
    levels = list(mixture["percent"])
    weights = [parameter(percent, table, np.zeros(n, dtype=int), where) for percent in mixture["percent"].values()]
    table[mixture["variable"]] = draw_category(rng, levels, np.column_stack(weights))
    return class_of(recipe, table)


def class_of(recipe: dict, table: pd.DataFrame | dict) -> np.ndarray:
    """The index of each row's class of the mixture, shape (n,); zeros where nothing is mixed."""
    if "mixture" not in recipe:
        return np.zeros(len(table), dtype=int)
    levels = pd.Index(list(recipe["mixture"]["percent"]))
    return levels.get_indexer(pd.Index(table[recipe["mixture"]["variable"]])).astype(int)


def draw_variables(recipe: dict, table: dict, classes: np.ndarray, latents: dict, rng: np.random.Generator) -> None:
    """Adds every variable of the recipe to `table`; dates are whole days since 1970-01-01."""
    for name, spec in recipe["variables"].items():
        where = f"recipe {recipe['name']}, {name}"
        table[name] = _DRAW[spec["kind"]](spec, table, classes, latents, rng, where)


def _number(spec, table, classes, latents, rng, where) -> np.ndarray:
    transform, names = NUMBERS[spec["distribution"]]
    scores = draw_scores(rng, spec.get("loading", {}), latents, len(classes))
    zero = np.zeros(len(classes), dtype=bool)
    if "zero_percent" in spec:
        zero, scores = zero_inflate(scores, parameter(spec["zero_percent"], table, classes, where) / 100)
    value = transform(scores, *(parameter(spec[name], table, classes, where) for name in names))
    value = _rounded(value, spec)
    if "clip" in spec:
        low, high = (parameter(bound, table, classes, where) for bound in spec["clip"])
        value = np.clip(value, low, np.maximum(low, high))
    return np.where(zero, 0.0, value)


def _rounded(value: np.ndarray, spec: dict) -> np.ndarray:
    """Decimals of `round`, or multiples of `step`: laboratories do not deliver 15 digits."""
    if "step" in spec:
        return np.round(value / spec["step"]) * spec["step"]
    return np.round(value, spec["round"]) if "round" in spec else value


def _flag(spec, table, classes, latents, rng, where) -> np.ndarray:
    probability = parameter(spec["percent"], table, classes, where) / 100
    if not ((probability >= 0) & (probability <= 1)).all():
        raise HemaPilotsError(f"{where}: percent leaves 0 to 100; correct the recipe")
    return draw_flag(rng, probability, spec.get("slope", {}), latents)


def _category(spec, table, classes, latents, rng, where) -> np.ndarray:
    levels = list(spec["percent"])
    given = [
        np.zeros(len(classes))
        if spec["percent"][level] == "rest"
        else parameter(spec["percent"][level], table, classes, where)
        for level in levels
    ]
    weights = np.column_stack(given)
    if "rest" in spec["percent"].values():
        weights[:, levels.index(_rest(spec["percent"]))] = 100 - weights.sum(axis=1)
    if not ((weights >= 0).all() and (weights.sum(axis=1) > 0).all()):
        raise HemaPilotsError(f"{where}: percentages are negative, over 100 or all zero; correct the recipe")
    return draw_category(rng, levels, weights)


def _rest(percent: dict) -> str:
    return next(level for level, value in percent.items() if value == "rest")


def _expression(spec, table, classes, latents, rng, where) -> np.ndarray:
    value = np.broadcast_to(parse(spec["expression"]).evaluate(table), (len(classes),)).astype(float)
    return _rounded(value, spec)


def _text(spec, table, classes, latents, rng, where) -> np.ndarray:
    return np.broadcast_to(parse(spec["expression"]).evaluate_text(table), (len(classes),)).astype(object)


def _date(spec, table, classes, latents, rng, where) -> np.ndarray:
    return np.floor((parameter(spec["year"], table, classes, where) - 1970.0) * DAYS_PER_YEAR)


_DRAW = {
    "number": _number,
    "flag": _flag,
    "category": _category,
    "expression": _expression,
    "text": _text,
    "date": _date,
}
