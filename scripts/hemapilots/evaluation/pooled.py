"""Evaluation of all sites' patients together, for cohorts whose rows may be pooled."""

import pandas as pd

from hemapilots.evaluation.frames import COMPARISON_COLUMNS, METRIC_COLUMNS, frame
from hemapilots.evaluation.judged import judge
from hemapilots.evaluation.scope import Scopes
from hemapilots.evaluation.subgroups import subgroup_rows

__all__ = ["evaluate_pooled"]


def evaluate_pooled(scopes: Scopes) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Metrics with evaluated_on "all" and comparisons with estimand "pooled".

    Pairs within a test fold count across sites, and one censoring curve serves all patients. Whom a figure rests on: see `judge`.
    """
    metrics, differences = [], []
    scope = {"scenario": scopes.spec["scenario"], "evaluated_on": "all"}
    for endpoint in scopes.spec["endpoints"]:
        judged, rows, compared = judge(scopes, endpoint)
        metrics += [scope | row for row in (*rows, *subgroup_rows(judged))]
        differences += [scope | {"estimand": "pooled"} | row for row in compared]
    return frame(metrics, METRIC_COLUMNS), frame(differences, COMPARISON_COLUMNS)
