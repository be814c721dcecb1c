"""Parts of the patients in whom the model was found wanting, or in whom it could not be judged, from the pilot's released metrics."""

import numpy as np
import pandas as pd

from hemapilots.evaluation.subgroups import FEWEST_EVENTS, FEWEST_PATIENTS, flags
from hemapilots.texts import years

__all__ = ["flagged_parts", "flags_of"]


def flagged_parts(metrics: pd.DataFrame, spec: dict) -> dict[str, list[dict]]:
    """By endpoint the levels of the use case's subgroups that are flagged or not assessed: variable, level, horizon (None: every one),
    reason.

    spec: model, regime, subgroups, inputs, horizons. What holds over all sites counts; where it is told by the sites alone, what holds at
    any of them, and a level is not assessed where no site could.
    """
    key = (spec["model"], spec["regime"])
    own = metrics[(metrics["model"] == key[0]) & (metrics["regime"] == key[1])]
    found = {}
    for endpoint in spec["horizons"]:
        part = own[own["endpoint"] == endpoint]
        everywhere = (part["evaluated_on"] == "all") & (part["subgroup"] != "all")
        part = part[part["evaluated_on"] == "all"] if everywhere.any() else part
        found[endpoint] = [*_flagged(part, key), *_unassessed(part, spec)]
    return found


def _flagged(part: pd.DataFrame, key: tuple[str, str]) -> list[dict]:
    rows = flags(part, key).query("subgroup != 'all'")
    found = []
    for row in rows.drop_duplicates(["subgroup", "metric", "horizon"]).to_dict("records"):
        variable, _, level = row["subgroup"].partition("=")
        if row["metric"] == "oe":
            reason = f"observed over expected {row['estimate']:.2f} by {years(row['horizon'])}"
        else:
            reason = f"discrimination {-row['estimate']:.2f} below that of the others"
        horizon = row["horizon"] if row["metric"] == "oe" else None
        found.append({"variable": variable, "level": level, "horizon": horizon, "reason": reason})
    return found


def _unassessed(part: pd.DataFrame, spec: dict) -> list[dict]:
    told = set(part.loc[(part["metric"] == "uno_c") & np.isfinite(part["estimate"]), "subgroup"])
    reason = f"not assessed: fewer than {FEWEST_PATIENTS} patients or {FEWEST_EVENTS} events"
    found = []
    for variable in spec["subgroups"]:
        levels = spec["inputs"][variable]["levels"] or ["0", "1"]
        missing = [level for level in levels if f"{variable}={level}" not in told]
        found += [{"variable": variable, "level": level, "horizon": None, "reason": reason} for level in missing]
    return found


def flags_of(card: dict, table: pd.DataFrame) -> list[list[tuple[float | None, str]]]:
    """Per patient of a table (horizon or None, why) of each flagged part that the patient is of."""
    found: list[list[tuple[float | None, str]]] = [[] for _ in range(len(table))]
    for one in card["flagged"] if card["abstention"]["flagged"] else []:
        spec, values = card["inputs"][one["variable"]], table[one["variable"]]
        level = float(one["level"]) if spec["type"] == "flag" else one["level"]
        for row in np.flatnonzero(values == level):
            found[row].append((one["horizon"], f"among patients {_part(spec, one['level'])}: {one['reason']}"))
    return found


def _part(spec: dict, level: str) -> str:
    """Of which part: with or without what a flag says, or with a level of a category."""
    if spec["type"] == "flag":
        return f"{'with' if float(level) else 'without'} {spec['label']}"
    return f"with {spec['label']} “{level.replace('_', ' ')}”"
