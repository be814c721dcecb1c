"""What the primary figures become where censoring is judged otherwise, in a figure and in tables."""

import numpy as np
import pandas as pd

from hemapilots.evaluation.combine import within_site
from hemapilots.evaluation.measures import ranks_within_sites
from hemapilots.evaluation.sensitivity import BY_COVARIATES, BY_SITE, PRIMARY, TREATED
from hemapilots.report.figures import Drawn, forest
from hemapilots.report.released import Released
from hemapilots.report.style import INK, colour_of
from hemapilots.report.words import Labels, count, interval, signed_interval

__all__ = ["sensitivity_forest", "sensitivity_sentence", "sensitivity_tables"]

FIGURES = ["estimate", "lower", "upper"]
# What a figure is of.
FIGURE = ["metric", "horizon", "reference_model", "reference_regime"]


def _over_all(released: Released) -> pd.DataFrame:
    """Rows over all patients: the pooled ones, else the sites' figures combined; `changed` and `undated` summed over sites, and
    `sites`, on how many a combined figure rests."""
    table = released.sensitivity
    if released.pooled:
        return table[table["site"] == "all"]
    found = []
    for (analysis, kind), part in table.groupby(["analysis", "kind"], sort=False):
        combined = within_site(part.assign(kind="metric"), "metric", released.study["evaluate"])
        names = part.drop_duplicates(FIGURE)
        sizes = {name: _total(part, name) for name in ("changed", "undated")}
        told = part.assign(sites=np.isfinite(part[["estimate", "se", "weight"]].to_numpy(float)).all(axis=1))
        sizes["sites"] = told.groupby(FIGURE, sort=False, dropna=False)["sites"].sum().to_numpy()
        references = {name: names[name].to_numpy() for name in ("reference_model", "reference_regime")}
        found.append(combined.assign(analysis=analysis, kind=kind, **references, **sizes))
    return pd.concat(found, ignore_index=True) if found else table


def _total(part: pd.DataFrame, name: str) -> float:
    return float(part.groupby("site")[name].first().sum(skipna=False))


def _fewer(own: pd.DataFrame, analysis: str) -> str:
    """On how many sites an analysis rests, where these are fewer than those of the primary one. own: the rows of one measure."""
    if "sites" not in own:
        return ""
    sites = own[own["kind"] == "metric"].set_index("analysis")["sites"]
    n, k = int(sites.get(analysis, 0)), int(sites.get(PRIMARY, 0))
    return f" ({n} of {k} sites)" if n < k else ""


def _label(analysis: str, released: Released) -> str:
    how, _, name = analysis.partition(" ")
    if name:
        treatment = released.study["evaluate"]["sensitivity"]["treatments"][name]["label"]
        return f"{treatment} competes" if how == TREATED[2] else f"Censored at {treatment[0].lower()}{treatment[1:]}"
    one = "One curve for all (primary)" if released.pooled else "Each site’s curve (primary)"
    return {PRIMARY: one, BY_SITE: "A curve for each site", BY_COVARIATES: "By covariates"}[how]


def _analyses(table: pd.DataFrame) -> list[str]:
    """Those with a figure, in their order."""
    known = table[(table["kind"] == "metric") & table["estimate"].notna()]
    return list(dict.fromkeys(known["analysis"]))


def sensitivity_forest(released: Released, labels: Labels) -> Drawn | None:
    """C of the primary model under each analysis; None where there is but the primary one."""
    table = _over_all(released)
    ranked = table[(table["kind"] == "metric") & (table["metric"] == "uno_c")].set_index("analysis")
    rows = []
    for analysis in _analyses(table):
        row = ranked.loc[analysis]
        marks = {"colour": colour_of(released.primary["regime"])[0] if analysis == PRIMARY else INK}
        rows.append(
            {
                "label": _label(analysis, released) + _fewer(ranked.reset_index(), analysis),
                "text": interval(row),
                "bold": analysis == PRIMARY,
            }
            | dict(row[FIGURES])
            | marks
        )
    if len(rows) < 2:
        return None
    title = f"{labels.endpoint(released.primary['endpoint'])}: Uno’s C of the primary model, censoring judged in different ways"
    return forest(rows, "sensitivity", title, "Uno’s C", rows[0]["estimate"], heading="C (95 % interval)")


def sensitivity_tables(released: Released, labels: Labels) -> dict | None:
    """`measures`: per figure and analysis its value and how far it moved; `differences`: what the criteria hold the model against;
    `covariates`; `treatments`: a sentence each; `undone`: analyses without a figure."""
    table = _over_all(released)
    if table.empty:
        return None
    spec, done = released.study["evaluate"]["sensitivity"], _analyses(table)
    asked = [name for name in dict.fromkeys(table["analysis"]) if name not in done]
    variables = dict.fromkeys(column["variable"] for column in spec["covariates"])
    return {
        "endpoint": labels.endpoint(released.primary["endpoint"]),
        "measures": [_measure(released, labels, table, name, horizon, done) for name, horizon in _measured(table)],
        "differences": _differences(released, labels, table, done),
        "heads": [_label(one, released) + _fewer(table[table["metric"] == "uno_c"], one) for one in done],
        "covariates": ", ".join(labels.variable(name) for name in variables),
        "treatments": [_treatment(table, name, one) for name, one in spec["treatments"].items()],
        "undone": [_label(one, released) for one in asked if one == BY_COVARIATES],
    }


def _measured(table: pd.DataFrame) -> list[tuple[str, float]]:
    known = table[table["kind"] == "metric"]
    return list(
        known[["metric", "horizon"]]
        .drop_duplicates()
        .sort_values("metric", ascending=False, kind="stable")
        .itertuples(index=False, name=None)
    )


def _measure(
    released: Released, labels: Labels, table: pd.DataFrame, metric: str, horizon: float, done: list[str]
) -> dict:
    own = table[(table["metric"] == metric) & np.isclose(table["horizon"], horizon)]
    rows = []
    for analysis in done:
        mine = own[own["analysis"] == analysis].set_index("kind")
        moved = signed_interval(*mine.loc["change", FIGURES]) if "change" in mine.index else ""
        figure = interval(mine.loc["metric"]) if "metric" in mine.index else "not estimable"
        rows.append({"label": _label(analysis, released) + _fewer(own, analysis), "figure": figure, "moved": moved})
    return {"label": labels.metric(metric, None if metric == "uno_c" else horizon), "rows": rows}


def _differences(released: Released, labels: Labels, table: pd.DataFrame, done: list[str]) -> list[dict]:
    own = table[table["kind"] == "difference"]
    # Over all pairs nothing is said of models that rank on scales of their own.
    own = own[~own["reference_regime"].map(ranks_within_sites).astype(bool)] if released.pooled else own
    rows = []
    for (_, regime), part in own.groupby(["reference_model", "reference_regime"], sort=False):
        cells = [part[part["analysis"] == analysis][FIGURES].to_numpy() for analysis in done]
        rows.append(
            {"label": labels.regime(regime), "cells": [signed_interval(*one[0]) if len(one) else "" for one in cells]}
        )
    return rows


def _treatment(table: pd.DataFrame, name: str, treatment: dict) -> str:
    rows = table[table["analysis"] == f"{TREATED[2]} {name}"]
    if rows.empty:
        return f"{treatment['label']}: not assessed."
    changed, undated = rows["changed"].iloc[0], rows["undated"].iloc[0]
    if changed == 0:
        text = "no patient is known to have had it before follow-up ended, so there is nothing to judge otherwise"
    elif not np.isfinite(changed):
        text = "too few patients had it at a site to say more"
    else:
        there = table[table["analysis"] == f"{TREATED[0]} {name}"]["changed"].iloc[0] == 0
        text = f"{count(changed)} patients had it before follow-up ended"
        text += "; the primary analysis censors them there" if there else ""
    late = f"; {count(undated)} more had it nobody knows when, and are judged as without it" if undated > 0 else ""
    return f"{treatment['label']}: {text}{late}."


def sensitivity_sentence(released: Released) -> str:
    """For the checklists: which analyses were done, and how far C moved at most."""
    table = _over_all(released)
    moved = table[(table["kind"] == "change") & (table["metric"] == "uno_c") & table["estimate"].notna()]
    if moved.empty:
        return "Sensitivity to dependent censoring could not be assessed."
    names = ", ".join(_label(one, released).lower() for one in moved["analysis"])
    return f"Censoring judged otherwise ({names}): C moves by {moved['estimate'].abs().max():.3f} at most."
