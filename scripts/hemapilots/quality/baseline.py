"""Table 1 of one site as it may leave it."""

import numpy as np
import pandas as pd

from hemapilots.harmonize.suppression import hide, private_generator
from hemapilots.quality.record import halves

__all__ = ["table_one"]

# A quantile of few patients is a patient.
MINIMUM_FOR_QUANTILES = 20
_ABSENT = ("absent",)  # never the name of a level


def table_one(harmonized: pd.DataFrame, use_case: dict, minimum_cell: int = 5) -> dict:
    """Table 1 of one site, JSON-ready: numbers as n, mean, sd and quartiles; flags and categories as counts.

    Quartiles need 20 patients. Counts by level and `absent` are suppressed as in `quality`, which shows or
    hides `absent` by the same rule.
    """
    generator = private_generator(harmonized)
    specs = {**use_case["variables"], **(use_case.get("derived") or {})}
    return {
        name: _row(harmonized[name], specs[name], minimum_cell, generator) for name in use_case.get("table_one") or []
    }


def _row(values: pd.Series, spec: dict, minimum: int, generator) -> dict:
    parts, _ = halves(len(values), int(values.isna().sum()), minimum, generator)
    head = {"label": spec.get("label", values.name), "type": spec["type"], "unit": spec.get("unit")}
    head |= {"n": parts["present"], "absent": parts["absent"]}
    if spec["type"] == "number":
        body = _moments(values.to_numpy(dtype=float), minimum)
    else:
        body = {"levels": _levels(values, spec, parts, minimum, generator)}
    hidden = None in (head["n"], head["absent"], *body.get("levels", {}).values())
    return {**head, **body, "suppressed": hidden}


def _levels(values: pd.Series, spec: dict, parts: dict, minimum: int, generator) -> dict:
    if spec["type"] == "flag":
        counts = {"1": int((values == 1).sum()), "0": int((values == 0).sum())}
    else:
        levels = spec.get("levels") or sorted(values.dropna().unique())
        counts = {str(level): int((values == level).sum()) for level in levels}
    absent = int(values.isna().sum())
    if parts["absent"] is None:
        # The records are known, so the sum of all levels would give the absent away.
        joint = hide({**counts, _ABSENT: absent}, minimum, generator, forced=(_ABSENT,))
        return {level: joint[level] for level in counts}
    return hide(counts, minimum, generator)


def _moments(values: np.ndarray, minimum: int) -> dict:
    known = values[np.isfinite(values)]
    names = ("mean", "sd", "median", "lower_quartile", "upper_quartile")
    found = dict.fromkeys(names)
    if len(known) >= max(minimum, 2):
        found |= {"mean": _short(known.mean()), "sd": _short(known.std(ddof=1))}
    if len(known) >= MINIMUM_FOR_QUANTILES:
        quartiles = np.quantile(known, [0.5, 0.25, 0.75])
        found |= dict(zip(names[2:], map(_short, quartiles), strict=True))
    return found


def _short(value: float) -> float:
    return float(f"{value:.4g}")
