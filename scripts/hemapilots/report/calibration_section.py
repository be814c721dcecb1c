"""Whether predicted risks come true: tables of calibration measures, and the curves behind them."""

import numpy as np
import pandas as pd

from hemapilots.evaluation.measures import of_one_site
from hemapilots.report.figures import Drawn
from hemapilots.report.performance import figure_of, methods_of, scores_of
from hemapilots.report.released import Released
from hemapilots.report.style import GREY, LIGHT, colour_of, new_figure, site_style, svg_of
from hemapilots.report.words import Labels, interval
from hemapilots.texts import years

__all__ = ["calibration_figures", "calibration_tables", "ratio_tables"]

# Where the axes of risk may end.
ENDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
SHOWN = ("oe", "calibration_intercept", "calibration_slope", "ici", "e50", "e90")
DIGITS = {"oe": 2, "calibration_intercept": 2, "calibration_slope": 2}


def calibration_tables(released: Released, labels: Labels) -> list[dict]:
    """Per endpoint and horizon the measures of the primary model and of the comparators that give a probability."""
    tables = []
    for endpoint in released.endpoints:
        methods = _methods(released, endpoint)
        for horizon in released.study["evaluate"]["horizons"][endpoint]:
            rows, left_out = [], {}
            for method in methods:
                figures = {name: figure_of(released, endpoint, method, name, horizon=horizon) for name in SHOWN}
                if np.isfinite(figures["oe"]["estimate"]):
                    left_out |= _left_out(figures, labels.regime(method[1]))
                    rows.append(_row(released, labels, method, [_text(name, one) for name, one in figures.items()]))
            heads = [labels.metric(name) for name in SHOWN]
            table = {"endpoint": labels.endpoint(endpoint), "horizon": years(horizon), "heads": heads}
            tables.append(table | {"rows": rows, "left_out": left_out})
    return tables


def _left_out(figures: dict[str, dict], label: str) -> dict[str, str]:
    """How many patients of O/E are not among those of the slope, by the regime's label; empty where all are."""
    lost = figures["oe"]["n"] - figures["calibration_slope"]["n"]
    return {label: f"{lost:.0f}"} if lost > 0 else {}


def _methods(released: Released, endpoint: str) -> list[tuple[str, str]]:
    own = methods_of(released, endpoint, released.primary["model"], recalibrated=True)
    kept = [method for method in own if not of_one_site(method[1])]
    return kept + scores_of(released, endpoint)


def _row(released: Released, labels: Labels, method: tuple[str, str], cells: list[str]) -> dict:
    primary = method == (released.primary["model"], released.primary["regime"])
    return {"label": labels.regime(method[1]), "cells": cells, "primary": primary}


def _text(name: str, figure: dict) -> str:
    return interval(figure, DIGITS.get(name, 3))


def ratio_tables(released: Released, labels: Labels) -> list[dict]:
    """Observed over expected events of the primary model at each site, per endpoint and horizon."""
    primary, tables = released.primary, []
    method = primary["model"], primary["regime"]
    for endpoint in released.endpoints:
        horizons = released.study["evaluate"]["horizons"][endpoint]
        rows = []
        for site in sorted(released.quality):
            found = [figure_of(released, endpoint, method, "oe", where=site, horizon=horizon) for horizon in horizons]
            rows.append({"site": site, "cells": [interval(one, 2) for one in found]})
        heads = [f"At {years(horizon)}" for horizon in horizons]
        tables.append({"endpoint": labels.endpoint(endpoint), "heads": heads, "rows": rows})
    return tables


def calibration_figures(released: Released, labels: Labels, endpoint: str) -> list[Drawn]:
    """Per horizon a figure over all patients, where rows may be pooled, and one of the primary model by site."""
    drawn, own = [], released.calibration[released.calibration["endpoint"] == endpoint]
    for horizon in released.study["evaluate"]["horizons"][endpoint]:
        part = own[np.isclose(own["horizon"], horizon) & (own["kind"] != "tenth")]
        everywhere, primary = part[part["evaluated_on"] == "all"], part[_is_primary(part, released)]
        name, title = f"calibration_{endpoint}_{horizon:g}", f"{labels.endpoint(endpoint)} by {years(horizon)}"
        if len(everywhere):
            drawn.append(_together(released, labels, everywhere, name, f"{title}: predicted and observed"))
        by_site = primary[(primary["evaluated_on"] != "all") & (primary["kind"] == "curve")]
        if len(by_site):
            drawn.append(_by_site(by_site, f"{name}_by_site", f"{title}: predicted and observed at each site"))
    return drawn


def _is_primary(table: pd.DataFrame, released: Released) -> pd.Series:
    return (table["model"] == released.primary["model"]) & (table["regime"] == released.primary["regime"])


def _end(table: pd.DataFrame) -> float:
    """Where the axes end: past all that is drawn, for rare events would else lie in a corner."""
    shown = table[table["kind"].isin(["curve", "group"])]
    bars = table.loc[(table["kind"] == "histogram") & (table["n"] > 0), "predicted"]
    most = pd.concat([shown["predicted"], shown["observed"], shown["upper"], bars]).max()
    return next((end for end in ENDS if end >= most), 1.0)


def _axes(end: float):
    figure = new_figure(4.9, 4.6)
    axes = figure.add_axes([0.13, 0.12, 0.84, 0.85])
    axes.plot([0, end], [0, end], color=GREY, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    axes.set(xlim=(0, end), ylim=(-0.09 * end, 1.02 * end), xlabel="Predicted risk", ylabel="Observed risk")
    axes.set_xticks(np.linspace(0, end, 6))
    axes.set_yticks(np.linspace(0, end, 6))
    axes.grid(color=LIGHT, linewidth=0.5)
    axes.set_axisbelow(True)
    return figure, axes


def _together(released: Released, labels: Labels, table: pd.DataFrame, name: str, title: str) -> Drawn:
    # Bars are drawn of the primary model alone.
    end = _end(table[(table["kind"] != "histogram") | _is_primary(table, released)])
    figure, axes = _axes(end)
    for (_, regime), rows in table.groupby(["model", "regime"], sort=False):
        curve, colour = rows[rows["kind"] == "curve"], colour_of(regime)[0]
        first = bool(_is_primary(rows, released).all())
        axes.plot(
            curve["predicted"],
            curve["observed"],
            color=colour,
            linewidth=1.8 if first else 1.2,
            label=labels.regime(regime),
        )
        if first:
            axes.fill_between(curve["predicted"], curve["lower"], curve["upper"], color=colour, alpha=0.15, linewidth=0)
            _points(axes, rows[rows["kind"] == "group"], colour)
            _spread(axes, rows[rows["kind"] == "histogram"], end)
    axes.legend(loc="upper left", fontsize=8, frameon=False)
    return Drawn(name, title, svg_of(figure, name, title), table.drop(columns=["evaluated_on", "endpoint"]))


def _points(axes, groups: pd.DataFrame, colour: str) -> None:
    errors = [groups["observed"] - groups["lower"], groups["upper"] - groups["observed"]]
    axes.errorbar(
        groups["predicted"], groups["observed"], yerr=errors, fmt="o", color=colour, markersize=4, linewidth=0.9
    )


def _spread(axes, histogram: pd.DataFrame, end: float) -> None:
    """How many patients have which prediction, below the zero line."""
    height = 0.07 * end * histogram["n"].fillna(0) / max(histogram["n"].max(), 1)
    axes.bar(histogram["predicted"], height, width=0.045, bottom=-0.085 * end, color=GREY, alpha=0.5, linewidth=0)


def _by_site(table: pd.DataFrame, name: str, title: str) -> Drawn:
    end = _end(table)
    figure, axes = _axes(end)
    axes.set_ylim(0, 1.02 * end)
    for place, (site, curve) in enumerate(table.groupby("evaluated_on", sort=True)):
        axes.plot(curve["predicted"], curve["observed"], linewidth=1.4, label=site, **site_style(place))
    axes.legend(loc="upper left", fontsize=8, frameon=False)
    return Drawn(name, title, svg_of(figure, name, title), table.drop(columns=["endpoint", "model", "regime", "n"]))
