"""An invented patient for the reviewer: risks in words under each site's baseline, what drives them, and when none would be given."""

import math

import pandas as pd

from hemapilots.report.released import Released
from hemapilots.report.words import Labels, number, signed, unit_text

__all__ = ["risk_rows", "worked_patient"]

TOP = 8


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
        "rules": _rules(found["rules"], found["intervals"], labels),
        "intervals": found["intervals"],
        "reasons": found["reasons"],
        "without": _without(found, labels),
        "missing": [labels.variable(name) for name in found["missing"]],
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


def _rules(rules: dict, intervals: bool, labels: Labels) -> list[str]:
    """When the model gives no risk, in words; the width of intervals counts where the model has any."""
    required = ", ".join(labels.variable(name) for name in rules["required"])
    found = [f"one of these is missing: {required}"] if required else []
    width = f"the 95 % interval of a risk is wider than {100 * rules['width']:g} percentage points"
    return [
        *found,
        f"more than {100 * rules['missing']:g} % of the model’s inputs are missing",
        f"a number lies more than {rules['deviations']:g} standard deviations from the training patients’ mean",
        *([width] if intervals else []),
        "the site has too few patients (50) or events (10) to check calibration, or its follow-up ends before the horizon",
        "no site’s baseline hazard is at hand: then the model ranks patients and tells no risk",
        "the mapping or the inclusion rules of the use case leave the patient out",
    ]


def _without(found: dict, labels: Labels) -> str | None:
    """What is said of the same patient without a required input."""
    if not found["without"]:
        return None
    said = "; ".join(found["without"]["reasons"]) or "a risk would still be given"
    return f"The same patient without {labels.variable(found['without']['variable'])}: {said}."


def risk_rows(released: Released, labels: Labels) -> list[dict]:
    """Per endpoint and site the risks at the horizons in words, with intervals; without rows where sites kept theirs."""
    tables, risks = [], released.worked_risks
    widest = {one["endpoint"]: one["rules"]["width"] for one in released.worked}
    for endpoint in released.endpoints:
        own = risks[risks["endpoint"] == endpoint]
        horizons = released.study["evaluate"]["horizons"][endpoint]
        rows = []
        for site, part in own.groupby("site", sort=True):
            cells = part.set_index("horizon")
            rows.append({"site": site, "cells": [_risk(cells, horizon, widest[endpoint]) for horizon in horizons]})
        if rows:
            heads = [f"By {horizon:g} years" for horizon in horizons]
            tables.append({"endpoint": labels.endpoint(endpoint), "heads": heads, "rows": rows})
    return tables


def _risk(cells: pd.DataFrame, horizon: float, widest: float) -> str:
    """38 of 100 (31 to 46), marked where so wide an interval makes the model abstain; of a model without intervals the first part alone."""
    if horizon not in cells.index:
        return "not estimable"
    row = cells.loc[horizon]
    text = f"{100 * row['risk']:.0f} of 100"
    if not math.isfinite(row["lower"]):
        return text
    mark = "†" if row["upper"] - row["lower"] > widest else ""
    return f"{text}{mark} ({100 * row['lower']:.0f} to {100 * row['upper']:.0f})"
