"""Figures over all sites from what the sites released, beside the pooled ones: within sites, and from summed histograms.

`<metric>_within_site` is the weighted mean of the sites' own figures (C by comparable pairs: pairs across sites do not count, which is
another quantity than C over all pairs). `<metric>_histogram` is made from counts by risk and time, summed over the sites: pairs across
sites count, and one censoring curve serves all patients.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from hemapilots.evaluation.comparison import interval
from hemapilots.evaluation.frames import METRIC_COLUMNS, frame
from hemapilots.evaluation.grouped import Grouped, resampled
from hemapilots.evaluation.histograms import added, edges_of
from hemapilots.evaluation.measures import decisions_of, ranks_within_sites
from hemapilots.evaluation.scope import EVENTS_BEFORE, SHARE_AT_RISK
from hemapilots.evaluation.utility import thresholds_of

__all__ = ["HISTOGRAM", "WITHIN", "federated_rows"]

HISTOGRAM, WITHIN = "_histogram", "_within_site"
NAME = ["endpoint", "model", "regime"]
# Of these the sites' figures are shown beside what a histogram gives.
SHOWN = ("uno_c", "oe", "brier", "ipa", "net_benefit")
# Of models that differ from site to site no other ranking says anything.
RANKED = ("uno_c", "harrell_c")


def federated_rows(histograms: pd.DataFrame, within: pd.DataFrame, spec: Mapping[str, Any]) -> pd.DataFrame:
    """Rows of metrics of the regimes of which there are histograms, and C within sites of each site's own models.

    within: the sites' figures combined, as `within_site` gives them.
    """
    rows = [
        {"scenario": spec["scenario"], "evaluated_on": "all", "subgroup": "all"}
        | dict(zip(NAME, key, strict=True))
        | row
        for key, tables in histograms.groupby(NAME, sort=True)
        for row in _of_regime(key[0], tables, spec)
    ]
    known = pd.MultiIndex.from_frame(histograms[NAME].drop_duplicates())
    wanted = pd.MultiIndex.from_frame(within[NAME]).isin(known) & within["metric"].isin(SHOWN)
    beside = within[wanted | within["regime"].map(ranks_within_sites) & within["metric"].isin(RANKED)]
    beside = beside[beside["subgroup"] == "all"].assign(metric=lambda table: table["metric"] + WITHIN)
    return frame([*rows, *beside.to_dict("records")], METRIC_COLUMNS)


def _of_regime(endpoint: str, tables: pd.DataFrame, spec: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    level, grid = float(spec["bootstrap"]["level"]), np.asarray(spec["grid"], float)
    for horizon, table in tables.groupby("horizon", sort=True):
        plane = added((part for _, part in table.groupby("site", sort=True)), spec)
        counts = resampled(plane, int(spec["bootstrap"]["samples"]), int(spec["bootstrap"]["seed"]))

        def up_to(time: float, plane=plane, counts=counts) -> Grouped:
            return Grouped(counts, plane, int(np.argmin(np.abs(grid - time))) + 1)

        size = {"n": float(plane.count.sum()), "events": float(plane.count[1].sum())}
        for name, values in _figures(endpoint, horizon, up_to, spec):
            found = interval(values, level)
            limits = {"estimate": found.estimate, "lower": found.lower, "upper": found.upper}
            yield name | limits | size


def _figures(
    endpoint: str, horizon: float, up_to, spec: Mapping[str, Any]
) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Names and draws of what is told at a horizon; C, which ranks by the first horizon's risk, up to tau."""
    if horizon == min(spec["horizons"][endpoint]):
        yield {"metric": "uno_c" + HISTOGRAM, "horizon": float(spec["tau"])}, up_to(float(spec["tau"])).uno_c()
    grouped = up_to(horizon)
    beyond, before = grouped.reportable
    if beyond < SHARE_AT_RISK * grouped.total[0] or before < EVENTS_BEFORE:
        return
    for metric in ("oe", "brier", "ipa"):
        yield {"metric": metric + HISTOGRAM, "horizon": horizon}, getattr(grouped, metric)()
    edges = edges_of(spec)[0]
    # Histograms are of all patients.
    everybody = [one for one in decisions_of(endpoint, spec) if not one.get("among")]
    for decision in (one for one in everybody if float(one["horizon"]) == horizon):
        for threshold in map(float, thresholds_of(decision)):
            bin_ = int(np.argmin(np.abs(edges - threshold)))
            if abs(edges[bin_] - threshold) < 1e-9:
                name = {"metric": "net_benefit" + HISTOGRAM, "horizon": horizon}
                name |= {"decision": decision["name"], "threshold": threshold}
                yield name, grouped.net_benefit(bin_, threshold, decision["act"])
