"""Evaluation of all sites' patients together, for cohorts whose rows may be pooled."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from hemapilots.evaluation.frames import COMPARISON_COLUMNS, METRIC_COLUMNS, frame
from hemapilots.evaluation.judged import judge
from hemapilots.evaluation.sample import SiteData
from hemapilots.evaluation.subgroups import subgroup_rows

__all__ = ["evaluate_pooled"]


def evaluate_pooled(sites: Mapping[str, SiteData], spec: Mapping[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Metrics with evaluated_on "all" and comparisons with estimand "pooled".

    `sites` maps a site to (outcomes, folds, {(endpoint, model, regime): predictions}). Pairs within a test
    fold count across sites, and one censoring curve serves all patients. Whom a figure rests on: see `judge`.
    """
    metrics, differences = [], []
    scope = {"scenario": spec["scenario"], "evaluated_on": "all"}
    for endpoint in spec["endpoints"]:
        judged, rows, compared = judge(sites, endpoint, spec)
        metrics += [scope | row for row in (*rows, *subgroup_rows(judged))]
        differences += [scope | {"estimand": "pooled"} | row for row in compared]
    return frame(metrics, METRIC_COLUMNS), frame(differences, COMPARISON_COLUMNS)
