"""Evaluation of all sites' patients together, for cohorts whose rows may be pooled."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from hemapilots.evaluation.draws import draw
from hemapilots.evaluation.frames import COMPARISON_COLUMNS, METRIC_COLUMNS, frame
from hemapilots.evaluation.paired import difference_rows, metric_rows
from hemapilots.evaluation.sample import SiteData, assemble
from hemapilots.evaluation.scope import scope_of
from hemapilots.evaluation.subgroups import subgroup_rows

__all__ = ["evaluate_pooled"]


def evaluate_pooled(sites: Mapping[str, SiteData], spec: Mapping[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Metrics with evaluated_on "all" and comparisons with estimand "pooled".

    `sites` maps a site to (outcomes, folds, {(endpoint, model, regime): predictions}). Pairs within a test
    fold count across sites, and one censoring curve serves all patients. Per endpoint every figure rests on
    the patients with a prediction of every regime that predicts anybody.
    """
    metrics, differences = [], []
    scope = {"scenario": spec["scenario"], "evaluated_on": "all"}
    for endpoint in spec["endpoints"]:
        sample = assemble(sites, endpoint, spec["grid"], spec["subgroups"])
        judged = scope_of(endpoint, sample, spec)
        draws = draw(judged)
        metrics += [scope | row for row in (*metric_rows(judged, draws), *subgroup_rows(judged))]
        differences += [scope | {"estimand": "pooled"} | row for row in difference_rows(judged, draws)]
    return frame(metrics, METRIC_COLUMNS), frame(differences, COMPARISON_COLUMNS)
