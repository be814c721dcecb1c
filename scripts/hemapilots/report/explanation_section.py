"""What drives the primary model: the sites' explanations over all patients, as figures and tables."""

from functools import partial

import numpy as np
import pandas as pd

from hemapilots.explain.combine import combine_importance, combine_survshap
from hemapilots.report.coefficients import coefficient_rows
from hemapilots.report.figures import Drawn, forest
from hemapilots.report.released import Released
from hemapilots.report.style import LIGHT, colour_of, new_figure, site_style, svg_of
from hemapilots.report.words import Labels, number, percent, signed_interval
from hemapilots.texts import years

__all__ = ["explanation_figures", "explanation_tables"]

TOP, CURVES = 12, 6
# From which correlation on a variable is said to have a direction.
CLEAR = 0.5


def _level(released: Released) -> float:
    return released.protocol["protocol"]["bootstrap"]["level"]


def _importance(released: Released, endpoint: str) -> pd.DataFrame:
    found = combine_importance(released.importance, _level(released))
    return found[found["endpoint"] == endpoint]


def _survshap(released: Released, endpoint: str) -> pd.DataFrame:
    """The contributions of an endpoint, the largest first at its first horizon."""
    found = combine_survshap(released.survshap, _level(released))
    found = found[found["endpoint"] == endpoint]
    first = released.study["evaluate"]["horizons"][endpoint][0]
    order = found[found["time"] == first].sort_values("share", ascending=False, kind="stable")["variable"]
    rank = {name: place for place, name in enumerate(order)}
    return found.assign(rank=found["variable"].map(rank)).sort_values(["rank", "time"], kind="stable")


def explanation_figures(released: Released, labels: Labels, endpoint: str) -> list[Drawn]:
    """The variables with the largest loss, and the shares of those that move predictions most, over time."""
    made = (partial(_losses, released), partial(_shares, released))
    return [drawn for drawn in (make(labels, endpoint) for make in made) if drawn]


def _losses(released: Released, labels: Labels, endpoint: str) -> Drawn | None:
    table, (colour, marker) = _importance(released, endpoint), colour_of(released.primary["regime"])
    rows = [
        {name: row[name] for name in ("estimate", "lower", "upper")}
        | {"label": labels.variable(row["variable"]), "colour": colour, "marker": marker}
        | {"text": signed_interval(row["estimate"], row["lower"], row["upper"])}
        for row in table.head(TOP).to_dict("records")
    ]
    metric = labels.metric(released.primary["metric"])
    title = f"{labels.endpoint(endpoint)}: concordance lost where a variable is dealt anew"
    heading = "Loss (95 % interval)"
    return forest(rows, f"importance_{endpoint}", title, f"Loss of {metric}", 0.0, heading=heading) if rows else None


def _shares(released: Released, labels: Labels, endpoint: str) -> Drawn | None:
    table = _survshap(released, endpoint)
    shown = table[table["rank"] < CURVES]
    # A model that tells all patients the same has no contributions to share.
    if shown.empty or not shown["share"].max() > 0:
        return None
    figure = new_figure(4.9, 3.4)
    axes = figure.add_axes([0.13, 0.15, 0.84, 0.82])
    for place, (name, rows) in enumerate(shown.groupby("variable", sort=False)):
        axes.plot(rows["time"], 100 * rows["share"], label=labels.variable(name), **site_style(place))
    axes.set(xlabel="Years", ylabel="Share of all contributions, %", ylim=(0, 125 * shown["share"].max()))
    axes.grid(color=LIGHT, linewidth=0.5)
    axes.legend(fontsize=7.5, frameon=False, loc="upper right", ncols=2)
    name = f"survshap_{endpoint}"
    title = f"{labels.endpoint(endpoint)}: what moves predicted survival, over time"
    return Drawn(name, title, svg_of(figure, name, title), table.drop(columns="rank"))


def explanation_tables(released: Released, labels: Labels) -> list[dict]:
    """Per endpoint the variables by loss: loss, contribution at the first horizon, share, direction, hazard ratio where one column."""
    tables = []
    for endpoint in released.endpoints:
        losses, moved = _importance(released, endpoint), _survshap(released, endpoint)
        first = released.study["evaluate"]["horizons"][endpoint][0]
        beside = {row["variable"]: row for row in moved[moved["time"] == first].to_dict("records")}
        ratios = {row["column"]: row["text"] for row in coefficient_rows(released, labels, endpoint)}
        rows = [
            _row(labels, row, beside.get(row["variable"], {}), ratios.get(row["variable"], ""))
            for row in losses.head(TOP).to_dict("records")
        ]
        if rows:
            head = {"endpoint": labels.endpoint(endpoint), "key": endpoint, "horizon": years(first)}
            tables.append(head | {"rows": rows, "variables": len(losses)})
    return tables


def _row(labels: Labels, loss: dict, moved: dict, ratio: str) -> dict:
    size = {name: 100 * moved.get(name, np.nan) for name in ("size", "lower", "upper")}
    known = np.isfinite(size["size"])
    return {
        "label": labels.variable(loss["variable"]),
        "loss": signed_interval(loss["estimate"], loss["lower"], loss["upper"]),
        "size": f"{number(size['size'], 1)} ({number(size['lower'], 1)} to {number(size['upper'], 1)})"
        if known
        else "",
        "share": percent(moved.get("share"), 1, 0),
        "direction": _direction(labels, loss["variable"], moved.get("direction", np.nan)),
        "ratio": ratio,
        "sites": f"{loss['sites']:g}",
    }


def _direction(labels: Labels, variable: str, correlation: float) -> str:
    """What higher values go with; nothing where they go both ways, or a variable has no order."""
    if not abs(correlation) >= CLEAR:
        return ""
    spec = labels.variables.get(variable, {})
    what = "present" if spec.get("type") == "flag" else "higher"
    if spec.get("type") == "category" and not spec.get("ordered"):
        what = labels.level(variable, spec["levels"][-1])
    return f"{what}: {'lower' if correlation > 0 else 'higher'} risk"
