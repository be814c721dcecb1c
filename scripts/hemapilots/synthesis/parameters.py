"""Parameters of a recipe: a number; a list with one number per class of the mixture; an expression over what was drawn
before and over the constants of the site (text); or `{by: variable, is: {value: parameter, ...}, else: parameter}`.
"""

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.expressions import parse

__all__ = ["parameter"]


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
