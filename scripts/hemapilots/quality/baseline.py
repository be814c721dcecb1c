"""Table 1 of one site as it may leave it."""

import numpy as np
import pandas as pd

from hemapilots.columns import column_specs
from hemapilots.harmonize.suppression import Draw, hide
from hemapilots.quality.record import PUBLIC, halves
from hemapilots.support import MINIMUM_SUPPORT

__all__ = ["MINIMUM_FOR_MOMENTS", "MINIMUM_FOR_QUARTILES", "table_one"]

# A mean of few patients, or of patients who are alike but for a few, is those patients; so is a quantile.
MINIMUM_FOR_MOMENTS = 20
MINIMUM_FOR_QUARTILES = 40
_ABSENT = ("absent",)  # never the name of a level


def table_one(
    harmonized: pd.DataFrame,
    use_case: dict,
    minimum_cell: int = MINIMUM_SUPPORT,
    draw: Draw = PUBLIC,
    aside: dict | None = None,
    digits: int = 4,
) -> dict:
    """Table 1 of one site, JSON-ready: numbers as n, mean, sd and quartiles; flags and categories as counts.

    Moments need 20 known values, `minimum_cell` of them other than the commonest; quartiles 40. Both have `digits` significant
    digits. Counts by level and `absent` are suppressed as in `quality`, which shows or hides `absent` by the same rule.
    aside: of `not_assayed`.
    """
    specs = column_specs(use_case)
    return {
        name: _row(
            harmonized[name],
            specs[name],
            minimum_cell,
            draw.of(f"table_one/{name}"),
            (aside or {}).get(name, 0),
            digits,
        )
        for name in use_case.get("table_one") or []
    }


def _row(values: pd.Series, spec: dict, minimum: int, draw: Draw, aside: int | None, digits: int) -> dict:
    parts, _ = halves(len(values), int(values.isna().sum()), minimum, draw, aside)
    head = {"label": spec.get("label", values.name), "type": spec["type"], "unit": spec.get("unit")}
    head |= {"n": parts["present"], "absent": parts["absent"]}
    if spec["type"] == "number":
        body = _moments(values.to_numpy(dtype=float), minimum, digits)
    else:
        body = {"levels": _levels(values, spec, parts, minimum, draw, aside)}
    hidden = None in (head["n"], head["absent"], *body.get("levels", {}).values())
    return {**head, **body, "suppressed": hidden}


def _levels(values: pd.Series, spec: dict, parts: dict, minimum: int, draw: Draw, aside: int | None) -> dict:
    if spec["type"] == "flag":
        counts = {"1": int((values == 1).sum()), "0": int((values == 0).sum())}
    else:
        levels = spec.get("levels") or sorted(values.dropna().unique())
        counts = {str(level): int((values == level).sum()) for level in levels}
    if aside is None:
        return dict.fromkeys(counts)
    absent = int(values.isna().sum()) - aside
    if parts["absent"] is None:
        # The records are known, so the sum of all levels would give the absent away.
        joint = hide({**counts, _ABSENT: absent}, minimum, draw, forced=(_ABSENT,))
        return {level: joint[level] for level in counts}
    return hide(counts, minimum, draw)


def _moments(values: np.ndarray, minimum: int, digits: int) -> dict:
    known = values[np.isfinite(values)]
    names = ("mean", "sd", "median", "lower_quartile", "upper_quartile")
    found = dict.fromkeys(names)
    own_eyes = minimum <= 1
    if len(known) < (2 if own_eyes else MINIMUM_FOR_MOMENTS):
        return found
    if not own_eyes and len(known) - np.unique(known, return_counts=True)[1].max() < minimum:
        return found
    found |= {"mean": _short(known.mean(), digits), "sd": _short(known.std(ddof=1), digits)}
    if own_eyes or len(known) >= MINIMUM_FOR_QUARTILES:
        quartiles = np.quantile(known, [0.5, 0.25, 0.75])
        found |= {name: _short(value, digits) for name, value in zip(names[2:], quartiles, strict=True)}
    return found


def _short(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")
