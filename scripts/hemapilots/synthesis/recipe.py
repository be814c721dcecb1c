"""Recipes: the YAML tables of resources/recipes/ that say how a synthetic cohort is drawn.

Percentages, means and the like are *parameters*: a number; a list with one number per class of the mixture;
an expression over what was drawn before (text); or `{by: variable, is: {value: parameter, ...}, else:
parameter}`.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from hemapilots.errors import HemaPilotsError
from hemapilots.expressions import parse
from hemapilots.synthesis.distributions import NUMBERS

__all__ = ["check_recipe", "load_recipe", "parameter"]

_TOP = {
    "name",
    "title",
    "use_case",
    "sources",
    "mixture",
    "latents",
    "variables",
    "outcomes",
    "missing",
    "truth",
}
_COMMON = {"kind", "hidden"}
_KINDS = {
    "number": {"distribution", "loading", "zero_percent", "clip", "round", "step"},
    "flag": {"percent", "slope"},
    "category": {"percent"},
    "expression": {"expression", "round"},
}
_MIXTURE = {"variable", "percent"}
_OUTCOMES = {"decimals", "endpoints", "censoring"}
_ENDPOINT = {"time", "event", "scale", "shape", "not_after", "coefficients", "limit"}
_MISSING = {"variables", "percent", "with"}


def load_recipe(path: str | Path) -> dict:
    """The recipe as a plain dict without its "_" keys; raises HemaPilotsError where it is unusable."""
    try:
        raw = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HemaPilotsError(f"{path}: there is no such recipe; name a file of resources/recipes") from None
    except yaml.YAMLError as error:
        raise HemaPilotsError(f"{path}: not readable as YAML ({error}); mend the syntax") from None
    if not isinstance(raw, dict):
        raise HemaPilotsError(f"{path}: holds no table of keys; write one with {', '.join(sorted(_TOP))}")
    recipe = {key: value for key, value in raw.items() if not key.startswith("_")}
    check_recipe(recipe, str(path))
    return recipe


def check_recipe(recipe: dict, where: str) -> None:
    """Raises HemaPilotsError, with `where` and the field, at the first key or kind that is unknown."""
    _known(recipe, _TOP, where, "top level")
    for key in ("name", "mixture", "variables", "outcomes"):
        if key not in recipe:
            raise HemaPilotsError(f'{where}: the key "{key}" is missing; add it')
    for name, spec in recipe["variables"].items():
        _check_variable(name, spec, recipe.get("latents", []), where)
    _known(recipe["mixture"], _MIXTURE, where, "mixture")
    _known(recipe["outcomes"], _OUTCOMES, where, "outcomes")
    for name, spec in recipe["outcomes"]["endpoints"].items():
        _known(spec, _ENDPOINT, where, f"outcomes.endpoints.{name}")
    for rule in recipe.get("missing", []):
        _known(rule, _MISSING, where, "missing")


def _check_variable(name: str, spec: dict, latents: list[str], where: str) -> None:
    kind = spec.get("kind")
    if kind not in _KINDS:
        raise HemaPilotsError(f"{where}, {name}: kind is {kind!r}; use one of {', '.join(_KINDS)}")
    allowed = _COMMON | _KINDS[kind]
    if kind == "number":
        law = spec.get("distribution")
        if law not in NUMBERS:
            raise HemaPilotsError(f"{where}, {name}: distribution is {law!r}; use one of {', '.join(NUMBERS)}")
        allowed = allowed | set(NUMBERS[law][1])
    _known(spec, allowed, where, name)
    for latent in [*spec.get("loading", {}), *spec.get("slope", {})]:
        if latent not in latents:
            raise HemaPilotsError(f'{where}, {name}: "{latent}" is not among the latents; list it there')


def _known(given: dict, allowed: set, where: str, field: str) -> None:
    for key in given:
        if key not in allowed:
            known = ", ".join(sorted(allowed))
            raise HemaPilotsError(f'{where}, {field}: the key "{key}" is unknown; use one of {known}')


def parameter(spec, table: dict, classes: np.ndarray, where: str) -> np.ndarray:
    """A parameter's value per row, float64 of shape (n,).

    table: the columns drawn so far, by name; classes: index of each row's class; where: named in errors.
    """
    n = len(classes)
    if isinstance(spec, list):
        if len(spec) <= classes.max(initial=0):
            raise HemaPilotsError(f"{where}: {len(spec)} values for more classes; give one value per class")
        return np.asarray(spec, dtype=float)[classes]
    if isinstance(spec, str):
        return np.broadcast_to(parse(spec).evaluate(table), (n,)).astype(float)
    if isinstance(spec, dict):
        return _by(spec, table, classes, where)
    return np.full(n, float(spec))


def _by(spec: dict, table: dict, classes: np.ndarray, where: str) -> np.ndarray:
    if not {"by", "is"} <= set(spec) or spec["by"] not in table:
        raise HemaPilotsError(f"{where}: write {{by: <earlier variable>, is: {{value: ...}}, else: ...}}")
    column = table[spec["by"]]
    value = parameter(spec.get("else", 0.0), table, classes, where)
    for level, inner in spec["is"].items():
        value = np.where(np.asarray(column == level), parameter(inner, table, classes, where), value)
    if pd.isna(value).any():
        raise HemaPilotsError(f"{where}: gives no value for some patients; add an else")
    return value
