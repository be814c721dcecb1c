"""Draws a site's clean table from a recipe: variables in order, then outcomes, then missing values."""

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.expressions import parse
from hemapilots.synthesis.distributions import (
    NUMBERS,
    draw_category,
    draw_flag,
    draw_scores,
    zero_inflate,
)
from hemapilots.synthesis.outcomes import censor, draw_outcomes
from hemapilots.synthesis.recipe import parameter

__all__ = ["draw_complete", "draw_site", "site_letter"]


def draw_site(recipe: dict, site_index: int, patients: int, seed: int) -> pd.DataFrame:
    """A site's clean table: `patient_id` and the recipe's visible variables, one row per patient.

    Flags and numbers are float64 (nan unknown), categories object (None unknown), outcomes as observed. Sites
    are drawn independently: the same recipe, seed, site index and number of patients give the same values.
    """
    rng = np.random.default_rng([seed, site_index])
    table = _complete(recipe, rng, patients)
    hidden = {name for name, spec in recipe["variables"].items() if spec.get("hidden")}
    visible = [name for name in recipe["variables"] if name not in hidden]
    for endpoint in recipe["outcomes"]["endpoints"].values():
        visible += [endpoint["time"], endpoint["event"]]
    _hide(table, recipe.get("missing", []), rng)
    letter = site_letter(site_index)
    ids = [f"{letter}-{number:05d}" for number in range(1, patients + 1)]
    return pd.DataFrame({"patient_id": ids} | {name: table[name] for name in visible})


def draw_complete(recipe: dict, site_index: int, patients: int, seed: int) -> pd.DataFrame:
    """Everything that is known about the patients of `draw_site`, before values go missing.

    Also the hidden variables, the mixture's class, and per endpoint e: `e_drawn` (years, from the model
    itself) and `e_true` (years, after ordering the endpoints, uncensored), beside the observed time and
    event.
    """
    return pd.DataFrame(_complete(recipe, np.random.default_rng([seed, site_index]), patients))


def site_letter(index: int) -> str:
    """0 -> A, 25 -> Z, 26 -> AA: the head of the site's patient ids."""
    return (site_letter(index // 26 - 1) if index >= 26 else "") + chr(ord("A") + index % 26)


def _complete(recipe: dict, rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    mixture = recipe["mixture"]
    levels = list(mixture["percent"])
    weights = np.tile(np.array(list(mixture["percent"].values()), dtype=float), (n, 1))
    table = {mixture["variable"]: draw_category(rng, levels, weights)}
    classes = pd.Index(levels).get_indexer(table[mixture["variable"]])
    latents = {name: rng.standard_normal(n) for name in recipe.get("latents", [])}
    for name, spec in recipe["variables"].items():
        where = f"recipe {recipe['name']}, {name}"
        table[name] = _DRAW[spec["kind"]](spec, table, classes, latents, rng, where)
    table |= draw_outcomes(recipe["outcomes"], table, rng)
    return table | censor(recipe["outcomes"], table, rng)


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
    if (probability < 0).any() or (probability > 1).any():
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
    if (weights < 0).any() or (weights.sum(axis=1) <= 0).any():
        raise HemaPilotsError(f"{where}: percentages are negative, over 100 or all zero; correct the recipe")
    return draw_category(rng, levels, weights)


def _rest(percent: dict) -> str:
    return next(level for level, value in percent.items() if value == "rest")


def _expression(spec, table, classes, latents, rng, where) -> np.ndarray:
    value = np.broadcast_to(parse(spec["expression"]).evaluate(table), (len(classes),)).astype(float)
    return _rounded(value, spec)


_DRAW = {"number": _number, "flag": _flag, "category": _category, "expression": _expression}


def _hide(table: dict, rules: list[dict], rng: np.random.Generator) -> None:
    """Makes the variables of a rule unknown together: by chance (`percent`), or where any of `with` is."""
    for rule in rules:
        n = len(table[rule["variables"][0]])
        gone = rng.random(n) < rule.get("percent", 0.0) / 100
        for name in rule.get("with", []):
            gone |= pd.isna(table[name])
        for name in rule["variables"]:
            text = table[name].dtype == object
            table[name] = np.where(gone, None if text else np.nan, table[name])
