"""Recurrent events over all sites from what they told: rows of metrics.csv."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from hemapilots.evaluation.frames import METRIC_COLUMNS, frame
from hemapilots.evaluation.recurrent.tables import ALL
from hemapilots.random_effects import random_effects

__all__ = ["FEDERATED", "POOLED", "curve_with_limits", "recurrent_metrics", "standardised", "with_recurrent"]

FEDERATED, POOLED, OWN = "federated/meta", "pooled", "local/own"


def with_recurrent(metrics: pd.DataFrame, sites: list, pooled: list, spec: Mapping[str, Any]) -> pd.DataFrame:
    """Metrics with those of recurrent events, from the files of the sites and of all patients together (none where not allowed)."""
    if not sites:
        return metrics
    together = pd.read_csv(pooled[0]) if pooled else None
    found = recurrent_metrics(pd.concat([pd.read_csv(path) for path in sites], ignore_index=True), together, spec)
    return frame([*metrics.to_dict("records"), *found.to_dict("records")], METRIC_COLUMNS)


def recurrent_metrics(sites: pd.DataFrame, pooled: pd.DataFrame | None, spec: Mapping[str, Any]) -> pd.DataFrame:
    """`mcf` and `rate_ratio` of every site and, on "all", pooled where rows may be pooled and of the sites' own figures combined.

    sites, pooled: of `recurrent_table`. Means are combined with the sites' numbers of patients as weights, logarithms of rate
    ratios by a random-effects meta-analysis from three sites on.
    """
    level, rows = float(spec["bootstrap"]["level"]), []
    for (outcome, group), own in sites.groupby(["outcome", "group"], sort=False):
        for site, part in own.groupby("site", sort=True):
            rows += _figures(part, outcome, spec, level, {"regime": OWN, "evaluated_on": site})
        together = {"regime": FEDERATED, "evaluated_on": ALL}
        for horizon in spec["recurrent"][outcome]["horizons"]:
            curve = standardised(own, horizon)
            rows += _means(curve, outcome, [horizon], level, together | {"subgroup": group})
        rows += _combined_ratios(own, together | {"subgroup": group})
    if pooled is not None:
        rows += [
            row
            for outcome, part in pooled.groupby("outcome", sort=False)
            for row in _figures(part, outcome, spec, level, {"regime": POOLED, "evaluated_on": ALL})
        ]
    named = {outcome: {"scenario": spec["scenario"], "endpoint": outcome} for outcome in spec["recurrent"]}
    return frame([named[row.pop("outcome")] | row for row in rows], METRIC_COLUMNS)


def standardised(own: pd.DataFrame, until: float) -> pd.DataFrame:
    """The mean functions of one group of the sites that tell it up to `until`, weighed by their numbers of patients.

    Columns time (up to `until`), estimate, error, n, at_risk. Between the times that a site told its mean and its variance are taken
    as straight lines. A site that may not tell its number of patients is left out.
    """
    told = own[(own["measure"] == "mcf") & own["n"].notna()]
    curves = [curve for _, curve in told.groupby("site", sort=True) if curve["time"].max() >= until - 1e-9]
    columns = ["time", "estimate", "error", "n", "at_risk"]
    if not curves:
        return pd.DataFrame(columns=columns)
    times = np.unique(np.concatenate([curve["time"] for curve in curves]))
    times = times[times <= until + 1e-9]
    share = np.array([curve["n"].iloc[0] for curve in curves]) / sum(curve["n"].iloc[0] for curve in curves)
    means, squares, left = (
        np.array([np.interp(times, curve["time"], values(curve)) for curve in curves])
        for values in (_estimate, _square, _at_risk)
    )
    error = np.sqrt((share**2) @ squares)
    total = sum(curve["n"].iloc[0] for curve in curves)
    return pd.DataFrame(
        {"time": times, "estimate": share @ means, "error": error, "n": total, "at_risk": left.sum(axis=0)}
    )


def _estimate(curve: pd.DataFrame) -> np.ndarray:
    return curve["estimate"].to_numpy()


def _square(curve: pd.DataFrame) -> np.ndarray:
    return curve["error"].to_numpy() ** 2


def _at_risk(curve: pd.DataFrame) -> np.ndarray:
    return curve["at_risk"].to_numpy()


def curve_with_limits(curve: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """A mean function with `lower` and `upper`, on the scale of its logarithm; none where the mean is 0."""
    mean, error = curve["estimate"].to_numpy(float), curve["error"].to_numpy(float)
    width = np.divide(_z(level) * error, mean, out=np.full(len(mean), np.nan), where=mean > 0)
    return curve.assign(lower=mean * np.exp(-width), upper=mean * np.exp(width))


def _figures(part: pd.DataFrame, outcome: str, spec, level: float, scope: dict) -> list[dict]:
    """The rows of one site, or of all patients together."""
    rows = []
    for group, own in part.groupby("group", sort=False):
        horizons = spec["recurrent"][outcome]["horizons"]
        rows += _means(own[own["measure"] == "mcf"], outcome, horizons, level, scope | {"subgroup": group})
    for row in part[part["measure"] == "rate_ratio"].to_dict("records"):
        half = _z(level) * row["error"]
        limits = {"lower": np.exp(row["estimate"] - half), "upper": np.exp(row["estimate"] + half)}
        named = {"outcome": outcome, "model": row["method"], "metric": "rate_ratio", "subgroup": row["group"]}
        rows.append(
            scope | named | {"estimate": np.exp(row["estimate"]), "n": row["n"], "events": row["events"]} | limits
        )
    return rows


def _means(curve: pd.DataFrame, outcome: str, horizons: list[float], level: float, scope: dict) -> list[dict]:
    """The mean number of episodes at the horizons that the curve reaches, straight lines between the times that it tells."""
    rows, curve = [], curve_with_limits(curve, level)
    for horizon in horizons:
        if not len(curve) or horizon > curve["time"].max() + 1e-9:
            continue
        limits = curve.fillna({"lower": 0.0, "upper": 0.0})
        found = {
            name: float(np.interp(horizon, limits["time"], limits[name])) for name in ("estimate", "lower", "upper")
        }
        named = {"outcome": outcome, "model": "ghosh_lin", "metric": "mcf", "horizon": horizon}
        rows.append(scope | named | found | {"n": curve["n"].iloc[0]})
    return rows


def _combined_ratios(own: pd.DataFrame, scope: dict) -> list[dict]:
    rows = []
    for method, part in own[own["measure"] == "rate_ratio"].groupby("method", sort=False):
        found = random_effects(part["estimate"].to_numpy(), part["error"].to_numpy() ** 2)
        if found["estimate"] is None:
            continue
        limits = {name: np.exp(found[name]) for name in ("estimate", "lower", "upper")}
        size = {"n": part["n"].sum(min_count=len(part)), "events": part["events"].sum(min_count=len(part))}
        named = {"outcome": part["outcome"].iloc[0], "model": method, "metric": "rate_ratio"}
        rows.append(scope | named | limits | size)
    return rows


def _z(level: float) -> float:
    return float(ndtri(0.5 + level / 2))
