"""What sites' released results alone give, and where rows may be pooled how close it comes to the figures of all rows."""

import numpy as np
import pandas as pd

from hemapilots.evaluation.federated import HISTOGRAM, WITHIN
from hemapilots.report.performance import figure_of, methods_of, scores_of
from hemapilots.report.released import Released
from hemapilots.report.words import Labels, interval, number, signed

__all__ = ["federated_tables"]


def federated_tables(released: Released, labels: Labels) -> list[dict]:
    """Per endpoint and model of which histograms were released: C, O/E, Brier score and IPA in each form, and what net benefit loses."""
    tables = []
    for endpoint in released.endpoints:
        methods = [
            method
            for method in methods_of(released, endpoint, released.primary["model"]) + scores_of(released, endpoint)
            if (endpoint, *method, "uno_c" + HISTOGRAM, "all") in released.figures
        ]
        groups = [
            {"label": labels.regime(method[1]), "rows": _rows(released, labels, endpoint, method)} for method in methods
        ]
        if groups:
            lost = _benefit_sentence(released, endpoint, methods[0])
            tables.append({"endpoint": labels.endpoint(endpoint), "groups": groups, "benefit": lost})
    return tables


def _rows(released: Released, labels: Labels, endpoint: str, method: tuple[str, str]) -> list[dict]:
    horizons = released.study["evaluate"]["horizons"][endpoint]
    wanted = [("uno_c", None), *((metric, horizon) for metric in ("oe", "brier", "ipa") for horizon in horizons)]
    rows, everybody = [], _everybody(released, endpoint, method, wanted)
    for metric, horizon in wanted:
        whole = figure_of(released, endpoint, method, metric, horizon=horizon)
        parts = [figure_of(released, endpoint, method, metric + form, horizon=horizon) for form in (WITHIN, HISTOGRAM)]
        cells = [interval(part) for part in parts]
        fewer = parts[0]["n"] < everybody
        cells[0] += "‡" if fewer else ""
        if released.pooled:
            away = [_away(part["estimate"] - whole["estimate"]) for part in parts]
            cells = [interval(whole), cells[0], "" if fewer else away[0], cells[1], away[1]]
        rows.append({"label": labels.metric(metric, horizon), "cells": cells})
    return rows


def _everybody(released: Released, endpoint: str, method: tuple[str, str], wanted: list) -> float:
    """How many patients a figure of all sites is of: those of C of all rows, else the most that any figure is of."""
    whole = figure_of(released, endpoint, method, "uno_c")["n"]
    if released.pooled and np.isfinite(whole):
        return whole
    sizes = [
        figure_of(released, endpoint, method, metric + form, horizon=horizon)["n"]
        for metric, horizon in wanted
        for form in (WITHIN, HISTOGRAM)
    ]
    return pd.Series(sizes, dtype=float).max()


def _away(difference: float) -> str:
    return signed(difference, 4) if np.isfinite(difference) else ""


def _benefit_sentence(released: Released, endpoint: str, method: tuple[str, str]) -> str | None:
    """How far net benefit from histograms lies from that of the rows, over the thresholds that are edges of risk."""
    rows = released.metrics
    chosen = (rows["endpoint"] == endpoint) & (rows["evaluated_on"] == "all") & (rows["subgroup"] == "all")
    chosen &= (rows["model"] == method[0]) & (rows["regime"] == method[1])
    names = ["decision", "threshold"]
    whole, told = (
        rows[chosen & (rows["metric"] == "net_benefit" + form)].set_index(names)["estimate"] for form in ("", HISTOGRAM)
    )
    apart = (told - whole.reindex(told.index)).abs().dropna() if released.pooled else pd.Series(dtype=float)
    if apart.empty:
        return None
    return (
        f"Net benefit from histograms, at {len(apart)} thresholds that are edges of risk, lies at most {number(apart.max(), 4)} "
        f"from that of all rows (mean {number(apart.mean(), 4)})."
    )
