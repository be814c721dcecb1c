"""An invented patient for the reviewer: risks in words under each site's baseline, what drives them, and when none would be given."""

import math

import pandas as pd

from hemapilots.report.released import Released
from hemapilots.report.words import Labels, number, signed, unit_text
from hemapilots.texts import years

__all__ = ["risk_rows", "worked_patient"]

TOP = 8
MARKS = "†‡§¶#*"


def worked_patient(released: Released, labels: Labels) -> dict | None:
    """The primary endpoint's: what is given, drivers, rules of abstention and what they make of the patient; None where nothing is."""
    endpoint = released.primary["endpoint"]
    found = next((one for one in released.worked if one["endpoint"] == endpoint), None)
    if found is None:
        return None
    return {
        "given": [
            {"label": labels.variable(name), "value": _value(labels, name, value)}
            for name, value in found["given"].items()
        ],
        "endpoint": labels.endpoint(endpoint),
        "drivers": _drivers(found, labels),
        "scale": found["scale"],
        "rules": _rules(found, labels),
        "intervals": found["intervals"],
        "reasons": found["reasons"],
        "without": _without(found, labels),
        "missing": [labels.variable(name) for name in found["missing"]],
        "unnamed": [labels.variable(name) for name in found["missing"] if found["given"].get(name, "") is not None],
    }


def _value(labels: Labels, name: str, value) -> str:
    if value is None:
        return "missing"
    spec = labels.variables[name]
    if spec["type"] == "number":
        return f"{value:g} {unit_text(spec.get('unit'))}".strip()
    return labels.level(name, f"{value:g}" if spec["type"] == "flag" else value)


def _drivers(found: dict, labels: Labels) -> list[dict]:
    """The largest contributions, the others as one, and their sum; on the log hazard each with the factor that it is."""
    parts = [(labels.variable(one["variable"]), one["value"]) for one in found["contributions"]]
    others = found["sum"] - sum(value for _, value in parts[:TOP])
    rows = [*parts[:TOP], ("All other inputs", others), ("Together", found["sum"])]
    hazard = found["scale"] == "log hazard"
    return [
        {"label": label, "value": signed(value), "factor": f"× {number(math.exp(value), 2)}" if hazard else ""}
        for label, value in rows
    ]


def _rules(found: dict, labels: Labels) -> list[str]:
    """When the model gives no risk, in words; intervals count where the model has any, decisions where the endpoint has."""
    rules, required = found["rules"], ", ".join(labels.variable(name) for name in found["rules"]["required"])
    width = f"the 95 % interval of a risk is wider than {100 * rules['width']:g} percentage points"
    return [
        *([f"one of these is missing: {required}"] if required else []),
        f"more than {100 * rules['missing']:g} % of the model’s inputs are missing",
        f"a number lies more than {rules['deviations']:g} standard deviations from the training patients’ mean",
        *([width] if found["intervals"] else []),
        *(rule for one in found["decisions"] for rule in _of_decision(one, found["intervals"], labels)),
        *([_FLAGGED] if rules["flagged"] else []),
        "the site has too few patients (50) or events (10) to check calibration, or its follow-up ends before the horizon",
        "no site’s baseline hazard is at hand: then the model ranks patients and tells no risk",
        "the mapping or the inclusion rules of the use case leave the patient out",
    ]


_FLAGGED = "the patient is of a subgroup in which the model is flagged above, or in which it could not be assessed"


def _of_decision(decision: dict, intervals: bool, labels: Labels) -> list[str]:
    """What leaves a decision open."""
    low, high = (f"{100 * threshold:g}" for threshold in decision["thresholds"])
    points = f"{100 * decision['margin']:g} percentage points"
    what = f"“{decision['label']}” ({low} to {high} % by {years(decision['horizon'])})"
    among = " and ".join(
        f"{labels.variable(name)} {', '.join(labels.level(name, f'{level}') for level in levels)}"
        for name, levels in decision["among"].items()
    )
    what += f", for patients with {among}" if among else ""
    crossed = (
        f"best and worst of the missing inputs are more than {points} apart and on two sides of a threshold of {what}"
    )
    straddled = f"the 95 % interval reaches more than {points} to both sides of a threshold of {what}"
    return [crossed, *([straddled] if intervals else [])]


def _without(found: dict, labels: Labels) -> str | None:
    """What is said of the same patient without a required input."""
    if not found["without"]:
        return None
    said = "; ".join(found["without"]["reasons"]) or "a risk would still be given"
    return f"The same patient without {labels.variable(found['without']['variable'])}: {said}."


def risk_rows(released: Released, labels: Labels) -> list[dict]:
    """Per endpoint and site the risks at the horizons in words, with intervals; without rows where sites kept theirs. notes: why
    marked ones would not be given."""
    tables, risks = [], released.worked_risks
    for endpoint in released.endpoints:
        own = risks[risks["endpoint"] == endpoint]
        horizons = released.study["evaluate"]["horizons"][endpoint]
        marks: dict[str, str] = {}
        rows = []
        for site, part in own.groupby("site", sort=True):
            cells = part.set_index("horizon")
            rows.append({"site": site, "cells": [_risk(cells, horizon, marks) for horizon in horizons]})
        if rows:
            heads, notes = (
                [f"By {years(horizon)}" for horizon in horizons],
                [f"{mark} {why}" for why, mark in marks.items()],
            )
            tables.append({"endpoint": labels.endpoint(endpoint), "heads": heads, "rows": rows, "notes": notes})
    return tables


def _risk(cells: pd.DataFrame, horizon: float, marks: dict[str, str]) -> str:
    """38 of 100 (31 to 46), marked where the model would abstain; of a model without intervals the first part alone. Where something
    is missing, between which risks the patient lies."""
    if horizon not in cells.index:
        return "not estimable"
    row = cells.loc[horizon]
    text = f"{100 * row['risk']:.0f} of 100"
    for reason in row["reasons"].split("; ") if isinstance(row["reasons"], str) else []:
        text += marks.setdefault(reason, MARKS[len(marks) % len(MARKS)])
    if math.isfinite(row["lower"]):
        text += f" ({100 * row['lower']:.0f} to {100 * row['upper']:.0f})"
    if math.isfinite(row["best"]):
        text += f"; best {100 * row['best']:.0f}, worst {100 * row['worst']:.0f}"
    return text
