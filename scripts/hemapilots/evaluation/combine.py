"""Figures over all sites: pooled where patients may be pooled, else within-site figures combined."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from hemapilots.evaluation.across_sites import across_sites
from hemapilots.evaluation.comparison import p_text
from hemapilots.evaluation.federated import federated_rows
from hemapilots.evaluation.frames import COMPARISON_COLUMNS, METRIC_COLUMNS, frame, typed

__all__ = ["combine", "within_site"]

NAMES = [
    "endpoint",
    "model",
    "regime",
    "reference_model",
    "reference_regime",
    "subgroup",
    "metric",
    "horizon",
    "decision",
    "threshold",
]


def combine(
    site_metrics: Iterable[pd.DataFrame],
    site_counts: Iterable[pd.DataFrame],
    histograms: Iterable[pd.DataFrame],
    pooled_metrics: pd.DataFrame | None,
    pooled_comparisons: pd.DataFrame | None,
    spec: Mapping[str, Any],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(metrics, comparisons) of a pilot from what its sites released and, where allowed, the pooled tables.

    Metrics on "all" are the pooled ones if given, else weighted within-site figures. Comparisons hold each
    site's own differences, the within-site combination on "all" (estimand "within-site") and, if given, the
    pooled ones on "all" (estimand "pooled"), so that both stand side by side. What sites' results alone give stands under metrics of
    its own (see `federated`), and so do averages over sites as random effects (see `across_sites`). The result does not depend on
    the order of sites.
    """
    counts = pd.concat(list(site_counts), ignore_index=True).sort_values("site", kind="stable")
    metrics = pd.concat(list(site_metrics), ignore_index=True).sort_values("evaluated_on", kind="stable")
    within = within_site(counts, "metric", spec)
    everywhere = within if pooled_metrics is None else pooled_metrics
    alone = federated_rows(pd.concat(list(histograms), ignore_index=True), within, spec)
    tables = [_site_differences(counts, spec), within_site(counts, "difference", spec)]
    if pooled_comparisons is not None:
        tables.insert(0, pooled_comparisons)
    figures = [everywhere, alone, across_sites(counts, spec), metrics]
    return _stacked(figures, METRIC_COLUMNS), _stacked(tables, COMPARISON_COLUMNS)


def within_site(counts: pd.DataFrame, kind: str, spec: Mapping[str, Any]) -> pd.DataFrame:
    """Weighted means of the sites' figures of a `kind` ("metric" or "difference"), evaluated_on "all".

    Estimate sum w_k e_k / sum w_k, variance sum (w_k / sum w)^2 se_k^2, normal interval, over the sites where
    the figure is estimable; n and events are theirs.
    """
    level = float(spec["bootstrap"]["level"])
    part = counts[counts["kind"] == kind]
    found = _weighted(part, part.groupby(NAMES, sort=False, dropna=False).ngroup().to_numpy(), level)
    if kind == "difference":
        found = found.rename(columns={"estimate": "difference"})
    names = part.drop_duplicates(NAMES)[NAMES].reset_index(drop=True)
    scope = {"scenario": spec["scenario"], "evaluated_on": "all", "estimand": "within-site"}
    rows = [scope | row for row in pd.concat([names, found], axis=1).to_dict("records")]
    if kind == "difference":
        _add_bands(rows, level)
    return frame(rows, METRIC_COLUMNS if kind == "metric" else COMPARISON_COLUMNS)


def _add_bands(rows: list[dict[str, Any]], level: float) -> None:
    """A band for all thresholds of a decision together; Bonferroni's, for how thresholds go together is not known here."""
    decided = [row for row in rows if isinstance(row["decision"], str) and np.isfinite(row.get("se", np.nan))]
    sizes = Counter(_comparison(row) for row in decided)
    for row in decided:
        half = float(ndtri(1 - (1 - level) / 2 / sizes[_comparison(row)])) * row["se"]
        row |= {"band_lower": row["difference"] - half, "band_upper": row["difference"] + half}


def _comparison(row: dict[str, Any]) -> tuple:
    return tuple(row[name] for name in NAMES if name not in ("horizon", "threshold", "subgroup"))


def _weighted(part: pd.DataFrame, group: np.ndarray, level: float) -> pd.DataFrame:
    """Per group, numbered from 0: estimate, lower, upper, se, p, n and events over its rows with an estimate, an error and a weight."""
    count = int(group.max()) + 1 if len(group) else 0
    told = np.isfinite(part[["estimate", "se", "weight"]].to_numpy(float)).all(axis=1)
    used, group = part[told], group[told]

    def summed(values: np.ndarray) -> np.ndarray:
        return np.bincount(group, weights=values, minlength=count)

    sites, total = np.bincount(group, minlength=count), summed(used["weight"].to_numpy(float))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = used["weight"].to_numpy(float) / total[group]
        estimate = np.where(sites > 0, summed(share * used["estimate"].to_numpy(float)), np.nan)
        se = np.where(sites > 0, np.sqrt(summed((share * used["se"].to_numpy(float)) ** 2)), np.nan)
        p = 2 * ndtr(-np.abs(estimate) / se)
    half = float(ndtri(0.5 + level / 2)) * se
    identical = (sites > 0) & (summed((used["p"] == "identical").to_numpy(float)) == sites)
    texts = [p_text(float(one)) if error > 0 else None for one, error in zip(p, se, strict=True)]
    columns = {"estimate": estimate, "lower": estimate - half, "upper": estimate + half, "se": se}
    columns["p"] = np.where(identical, "identical", np.array(texts, dtype=object))
    return pd.DataFrame(columns | {name: summed(used[name].to_numpy(float)) for name in ("n", "events")})


def _site_differences(counts: pd.DataFrame, spec: Mapping[str, Any]) -> pd.DataFrame:
    own = counts[counts["kind"] == "difference"]
    own = own.rename(columns={"estimate": "difference", "site": "evaluated_on"})
    return own.assign(scenario=spec["scenario"], estimand="within-site").reindex(columns=COMPARISON_COLUMNS)


def _stacked(tables: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    return pd.concat([typed(table.reindex(columns=columns)) for table in tables], ignore_index=True)
