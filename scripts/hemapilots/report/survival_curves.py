"""Kaplan-Meier curves from the counts that sites released, per endpoint: all sites together, and site by site."""

import numpy as np
import pandas as pd

from hemapilots.evaluation.curves import kaplan_meier_from_counts
from hemapilots.report.figures import Drawn
from hemapilots.report.released import Released
from hemapilots.report.style import GREY, INK, LIGHT, colour_of, new_figure, site_style, svg_of

__all__ = ["curve_figures", "everyone", "median_time", "together"]

LEFT, RIGHT = 0.16, 0.97


def together(curves: pd.DataFrame, grid: list[float]) -> pd.DataFrame:
    """Counts over all sites per cell of the grid: start, end, at_risk, events, censored.

    Counts of cells that a site merged are spread evenly over the grid's cells inside; where nothing was merged this is the exact sum.
    It ends where the first site's curve ends.
    """
    edges = np.concatenate([[0.0], grid])
    ends = curves.groupby("site")["end"].max()
    last = int(np.searchsorted(edges, ends.min() + 1e-9)) - 1
    if not len(ends) or last < 1:
        return pd.DataFrame(columns=["start", "end", "at_risk", "events", "censored"])
    first, past = (np.searchsorted(edges, curves[side].to_numpy() + 1e-9) - 1 for side in ("start", "end"))
    totals = {}
    for name in ("events", "censored"):
        per_cell = curves[name].to_numpy() / (past - first)
        steps = np.bincount(first, per_cell, len(edges)) - np.bincount(past, per_cell, len(edges))
        totals[name] = np.cumsum(steps)[:last]
    patients = curves.groupby("site")["at_risk"].first().sum()
    gone = np.concatenate([[0.0], np.cumsum(totals["events"] + totals["censored"])[:-1]])
    return pd.DataFrame({"start": edges[:last], "end": edges[1 : last + 1], "at_risk": patients - gone} | totals)


def everyone(released: Released, endpoint: str) -> pd.DataFrame:
    """Counts over all sites: the pooled ones where rows may be pooled, else those of the sites brought together."""
    if released.pooled_curves is not None:
        return released.pooled_curves[released.pooled_curves["endpoint"] == endpoint]
    return together(released.curves[released.curves["endpoint"] == endpoint], released.study["evaluate"]["grid"])


def median_time(curve: pd.DataFrame) -> tuple[float | None, float | None, float | None]:
    """(median, lower, upper) in years where the curve and its limits cross one half, straight lines between known points."""
    return tuple(_crossing(curve["time"].to_numpy(), curve[name].to_numpy()) for name in ("survival", "lower", "upper"))


def _crossing(time: np.ndarray, survival: np.ndarray) -> float | None:
    below = np.flatnonzero(survival <= 0.5)
    if not below.size:
        return None
    at = below[0]
    share = (survival[at - 1] - 0.5) / (survival[at - 1] - survival[at])
    return float(time[at - 1] + share * (time[at] - time[at - 1]))


def curve_figures(released: Released, endpoint: str, label: str) -> list[Drawn]:
    """Two figures of an endpoint with numbers at risk; sites that released no cell are left out."""
    grid = released.study["evaluate"]["grid"]
    own = released.curves[released.curves["endpoint"] == endpoint]
    if own.empty:
        return []
    by_site = {site: kaplan_meier_from_counts(curve) for site, curve in own.groupby("site", sort=True)}
    total = everyone(released, endpoint)
    drawn = []
    if len(total):
        together_ = {"all sites": kaplan_meier_from_counts(total)}
        drawn.append(
            _draw(together_, f"kaplan_meier_{endpoint}", f"{label}, all sites together", label, grid[-1], band=True)
        )
    drawn.append(_draw(by_site, f"kaplan_meier_{endpoint}_by_site", f"{label}, by site", label, grid[-1], band=False))
    return drawn


def _draw(curves: dict[str, pd.DataFrame], name: str, title: str, label: str, last: float, band: bool) -> Drawn:
    rows = len(curves)
    height = 2.95 + 0.21 * (rows + 1)
    figure = new_figure(4.9, height)
    below = 0.62 + 0.21 * (rows + 1)
    axes = figure.add_axes([LEFT, below / height, RIGHT - LEFT, 1 - (below + 0.14) / height])
    for place, (who, curve) in enumerate(curves.items()):
        if band:
            colour = colour_of("federated")[0]
            axes.step(curve["time"], curve["survival"], where="post", color=colour, linewidth=1.6)
            axes.fill_between(
                curve["time"], curve["lower"], curve["upper"], step="post", color=colour, alpha=0.18, linewidth=0
            )
        else:
            axes.plot(
                curve["time"],
                curve["survival"],
                marker="o",
                markersize=3,
                linewidth=1.4,
                label=who,
                **site_style(place),
            )
    axes.axhline(0.5, color=LIGHT, linewidth=0.8, zorder=0)
    axes.set(xlim=(0, last), ylim=(0, 1.02), xlabel="Years since the index date", ylabel=f"{label} (share)")
    if not band:
        axes.legend(loc="lower left", fontsize=8, frameon=False)
    _at_risk(figure, axes, curves, last, height)
    table = pd.concat([curve.assign(curve=who) for who, curve in curves.items()])[
        ["curve", "time", "survival", "lower", "upper", "at_risk"]
    ]
    return Drawn(name, title, svg_of(figure, name, title), table)


def _at_risk(figure, axes, curves: dict[str, pd.DataFrame], last: float, height: float) -> None:
    """A row of numbers at risk per curve; ≈ where the site merged the cell in which the time lies."""
    years = np.arange(0, int(last) + 1)
    axes.set_xticks(years)
    top = 0.21 * (len(curves) + 1) - 0.08
    figure.text(0.015, top / height, "Number at risk", fontsize=8, color=GREY, va="center")
    for place, (who, curve) in enumerate(curves.items()):
        y = (top - 0.21 * (place + 1)) / height
        colour = INK if who == "all sites" else site_style(place)["color"]
        figure.text(0.015, y, who, fontsize=8, color=colour, va="center")
        time, left = curve["time"].to_numpy(), curve["at_risk"].to_numpy()
        for year in years:
            if year > time[-1]:
                continue
            exact = np.isclose(time, year).any()
            text = f"{'' if exact else '≈'}{np.interp(year, time, left):.0f}"
            x = LEFT + (RIGHT - LEFT) * year / last
            figure.text(x if year else x + 0.012, y, text, fontsize=8, ha="center", va="center")
