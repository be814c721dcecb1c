"""Averages over sites as random effects: forests of the sites' own figures, and what to expect at the next site."""

import numpy as np

from hemapilots.evaluation.across_sites import PREDICTION, RANDOM_EFFECTS, TAU
from hemapilots.report.figures import Drawn, forest
from hemapilots.report.performance import figure_of, scores_of
from hemapilots.report.released import Released
from hemapilots.report.style import INK, colour_of
from hemapilots.report.words import Labels, interval, number

__all__ = ["across_forests", "across_tables"]

DRAWN = ("uno_c", "oe")
DIGITS = {"oe": 2, "calibration_slope": 2}


def _methods(released: Released, endpoint: str) -> list[tuple[str, str]]:
    """The primary model and the comparators."""
    return [(released.primary["model"], released.primary["regime"]), *scores_of(released, endpoint)]


def _wanted(released: Released, endpoint: str) -> list[tuple[str, float | None]]:
    horizons = released.study["evaluate"]["horizons"][endpoint]
    return [("uno_c", None), *((metric, horizon) for metric in ("oe", "calibration_slope") for horizon in horizons)]


def across_tables(released: Released, labels: Labels) -> list[dict]:
    """Per endpoint a row per figure and model: average over sites, spread between them, interval for the next site."""
    tables = []
    for endpoint in released.endpoints:
        groups = []
        for metric, horizon in _wanted(released, endpoint):
            rows = [
                _row(released, labels, endpoint, method, metric, horizon) for method in _methods(released, endpoint)
            ]
            rows = [row for row in rows if row]
            groups += [{"label": labels.metric(metric, horizon), "rows": rows}] if rows else []
        if groups:
            tables.append({"endpoint": labels.endpoint(endpoint), "key": endpoint, "groups": groups})
    return tables


def _row(
    released: Released, labels: Labels, endpoint: str, method: tuple[str, str], metric: str, horizon
) -> dict | None:
    average, ahead, spread = (
        figure_of(released, endpoint, method, metric + form, horizon=horizon)
        for form in (RANDOM_EFFECTS, PREDICTION, TAU)
    )
    if not np.isfinite(average["estimate"]):
        return None
    digits = DIGITS.get(metric, 3)
    limits = f"{number(ahead['lower'], digits)} to {number(ahead['upper'], digits)}"
    next_site = limits if np.isfinite(ahead["lower"]) else "fewer than 5 sites"
    return {
        "label": labels.regime(method[1]),
        "cells": [interval(average, digits), number(spread["estimate"], 3), next_site],
    }


def across_forests(released: Released, labels: Labels, endpoint: str) -> list[Drawn]:
    """Uno's C, and O/E at each horizon, of the primary model: site by site, on average, and the interval for the next site."""
    drawn = []
    for metric, horizon in _wanted(released, endpoint):
        if metric in DRAWN:
            one = _forest(released, labels, endpoint, metric, horizon)
            drawn += [one] if one else []
    return drawn


def _forest(released: Released, labels: Labels, endpoint: str, metric: str, horizon: float | None) -> Drawn | None:
    method = _methods(released, endpoint)[0]
    average, ahead = (
        figure_of(released, endpoint, method, metric + form, horizon=horizon) for form in (RANDOM_EFFECTS, PREDICTION)
    )
    if not np.isfinite(average["estimate"]):
        return None
    colour, marker = colour_of(method[1])
    sites = [(site, figure_of(released, endpoint, method, metric, site, horizon)) for site in released.study["sites"]]
    rows = [_line(site, figure, metric, colour, marker) for site, figure in sites]
    rows.append(_line("Average over sites", average, metric, INK, "D") | {"bold": True})
    if np.isfinite(ahead["lower"]):
        text = f"{number(ahead['lower'], DIGITS.get(metric, 3))} to {number(ahead['upper'], DIGITS.get(metric, 3))}"
        rows.append(_line("Next site", ahead, metric, INK, "|") | {"text": text})
    name = f"across_{metric}_{endpoint}" + ("" if horizon is None else f"_{horizon:g}")
    title = f"{labels.endpoint(endpoint)}: {labels.metric(metric, horizon)} over the sites"
    reference = 1.0 if metric == "oe" else None
    return forest(rows, name, title, labels.metric(metric), reference, heading="95 % interval")


def _line(label: str, figure: dict, metric: str, colour: str, marker: str) -> dict:
    values = {key: figure[key] for key in ("estimate", "lower", "upper")}
    return values | {
        "label": label,
        "text": interval(figure, DIGITS.get(metric, 3)),
        "colour": colour,
        "marker": marker,
    }
