"""Recurrent events: mean numbers of episodes with bands, rates, and how many times as many come in one group as in another."""

import numpy as np
import pandas as pd

from hemapilots.evaluation.recurrent.combine import FEDERATED, POOLED, curve_with_limits, standardised
from hemapilots.evaluation.recurrent.tables import ALL
from hemapilots.report.figures import Drawn
from hemapilots.report.released import Released
from hemapilots.report.style import new_figure, site_style, svg_of
from hemapilots.report.words import NOT_SHOWN, Labels, count, interval, number
from hemapilots.texts import years

__all__ = ["mean_figures", "outcomes"]

METHODS = {"negative_binomial": "Negative binomial", "andersen_gill": "Andersen-Gill"}
EVERYBODY = "all patients"


def mean_figures(released: Released, labels: Labels) -> list[Drawn]:
    """Per recurrent event the mean number of episodes of all patients, and of the levels of each variable that is compared."""
    drawn = []
    for outcome, spec in _recurrent(released).items():
        label = labels.use_case["recurrent"][outcome]["label"]
        parts = {"": {ALL: EVERYBODY}}
        parts |= {
            f"_{variable}": {f"{variable}={level}": labels.level(variable, str(level)) for level in levels}
            for variable, levels in spec["levels"].items()
        }
        for name, groups in parts.items():
            curves = {text: _curve(released, outcome, group) for group, text in groups.items()}
            curves = {text: curve for text, curve in curves.items() if len(curve)}
            title = label + (f" by {labels.variable(name[1:]).lower()}" if name else ", all patients")
            if curves:
                drawn.append(_draw(curves, f"mcf_{outcome}{name}", title))
    return drawn


def outcomes(released: Released, labels: Labels) -> list[dict]:
    """Per recurrent event: label, definition, merge_days, end, variables (key, label), and the rows of its three tables."""
    return [
        labels.use_case["recurrent"][outcome]
        | {
            "key": outcome,
            "end": labels.endpoint(labels.use_case["recurrent"][outcome]["terminal"]),
            "variables": [{"key": name, "label": labels.variable(name)} for name in spec["levels"]],
            "heads": [f"Mean by {years(horizon)}" for horizon in spec["horizons"]],
            "groups": _group_rows(released, labels, outcome, spec),
            "ratios": _ratio_rows(released, labels, outcome, spec),
            "sites": _site_rows(released, outcome, spec),
        }
        for outcome, spec in _recurrent(released).items()
    ]


def _recurrent(released: Released) -> dict:
    return released.study["evaluate"]["recurrent"] if released.recurrent is not None else {}


def _told(table: pd.DataFrame, outcome: str, group: str) -> pd.DataFrame:
    return table[(table["outcome"] == outcome) & (table["group"] == group)]


def _curve(released: Released, outcome: str, group: str) -> pd.DataFrame:
    """The pooled curve where rows may be pooled, else that of the sites that tell it farthest brought together; with limits."""
    if released.pooled_recurrent is not None:
        own = _told(released.pooled_recurrent, outcome, group)
        return curve_with_limits(own[own["measure"] == "mcf"])
    own, horizons = (
        _told(released.recurrent, outcome, group),
        released.study["evaluate"]["recurrent"][outcome]["horizons"],
    )
    curves = (standardised(own, horizon) for horizon in reversed(horizons))
    return curve_with_limits(next((curve for curve in curves if len(curve)), own.iloc[:0]))


def _draw(curves: dict[str, pd.DataFrame], name: str, title: str) -> Drawn:
    figure = new_figure(4.9, 3.3)
    axes = figure.add_axes([0.13, 0.14, 0.84, 0.82])
    for place, (text, curve) in enumerate(curves.items()):
        look = site_style(place)
        axes.plot(curve["time"], curve["estimate"], marker="o", markersize=2.5, linewidth=1.5, label=text, **look)
        lower, upper = (curve[limit].fillna(0.0) for limit in ("lower", "upper"))
        axes.fill_between(curve["time"], lower, upper, color=look["color"], alpha=0.14, linewidth=0)
    last = max(curve["time"].max() for curve in curves.values())
    axes.set(xlim=(0, last), ylim=(0, None), xlabel="Years since the index date", ylabel="Mean number of episodes")
    if len(curves) > 1:
        axes.legend(loc="upper left", fontsize=8, frameon=False)
    columns = ["curve", "time", "estimate", "lower", "upper", "at_risk"]
    table = pd.concat([curve.assign(curve=text) for text, curve in curves.items()])[columns]
    return Drawn(name, title, svg_of(figure, name, title), table)


def _groups(labels: Labels, spec: dict) -> list[tuple[str, str, str]]:
    """(variable's label, group, level's label) of everything that is told, all patients first."""
    found = [("", ALL, EVERYBODY)]
    for variable, levels in spec["levels"].items():
        named = [(f"{variable}={level}", labels.level(variable, str(level))) for level in levels]
        found += [(labels.variable(variable), group, text) for group, text in named]
    return found


def _group_rows(released: Released, labels: Labels, outcome: str, spec: dict) -> list[dict]:
    rows = []
    for variable, group, text in _groups(labels, spec):
        sizes = _sizes(released, outcome, group)
        if sizes is not None:
            means = _means(released, outcome, group, ALL, POOLED if released.pooled else FEDERATED, spec)
            rows.append({"variable": variable, "level": text, "cells": means} | sizes)
    return rows


def _sizes(released: Released, outcome: str, group: str) -> dict | None:
    """Patients, years, episodes and episodes a year over all sites; None where nothing is told."""
    table = released.pooled_recurrent if released.pooled_recurrent is not None else released.recurrent
    return _size(_told(table, outcome, group))


def _size(own: pd.DataFrame) -> dict | None:
    own = own[own["measure"] == "rate"]
    if own.empty:
        return None
    n, episodes, years = (own[name].sum(min_count=len(own)) for name in ("n", "events", "years"))
    rate = own["estimate"].iloc[0] if len(own) == 1 else episodes / years
    return {
        "n": count(n),
        "years": count(years),
        "episodes": count(episodes),
        "rate": number(rate, 2) if np.isfinite(rate) else NOT_SHOWN,
    }


def _means(released: Released, outcome: str, group: str, where: str, regime: str, spec: dict) -> list[str]:
    rows = released.metrics
    chosen = (rows["endpoint"] == outcome) & (rows["metric"] == "mcf") & (rows["subgroup"] == group)
    chosen &= (rows["evaluated_on"] == where) & (rows["regime"] == regime)
    found = {row["horizon"]: interval(row, 2) for row in rows[chosen].to_dict("records")}
    return [found.get(horizon, NOT_SHOWN) for horizon in spec["horizons"]]


def _ratio_rows(released: Released, labels: Labels, outcome: str, spec: dict) -> list[dict]:
    """Per level that is compared with its variable's first one: both models, pooled (where allowed) and of the sites combined."""
    rows = []
    for variable, levels in spec["levels"].items():
        for level in levels[1:]:
            cells = [
                _ratio(released, outcome, f"{variable}={level}", method, regime)
                for regime in ([POOLED, FEDERATED] if released.pooled else [FEDERATED])
                for method in METHODS
            ]
            if any(cells):
                first = labels.level(variable, str(levels[0]))
                text = f"{labels.level(variable, str(level))} v. {first}"
                rows.append(
                    {"variable": labels.variable(variable), "level": text, "cells": [c or NOT_SHOWN for c in cells]}
                )
    return rows


def _ratio(released: Released, outcome: str, group: str, method: str, regime: str) -> str | None:
    rows = released.metrics
    chosen = (rows["endpoint"] == outcome) & (rows["metric"] == "rate_ratio") & (rows["subgroup"] == group)
    chosen &= (rows["evaluated_on"] == ALL) & (rows["regime"] == regime) & (rows["model"] == method)
    found = rows[chosen].to_dict("records")
    return interval(found[0], 2) if found else None


def _site_rows(released: Released, outcome: str, spec: dict) -> list[dict]:
    rows = []
    for site, table in released.recurrent.groupby("site", sort=True):
        size = _size(_told(table, outcome, ALL))
        if size is not None:
            rows.append({"site": site, "cells": _means(released, outcome, ALL, site, "local/own", spec)} | size)
    return rows
