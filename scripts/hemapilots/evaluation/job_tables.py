"""Every table that rests on resampled patients, one endpoint after the other: the weights of one endpoint only are held at a time."""

from collections.abc import Iterable

import pandas as pd

from hemapilots.evaluation.calibration_curves import calibration_table
from hemapilots.evaluation.histograms import site_histograms
from hemapilots.evaluation.pooled import evaluate_pooled
from hemapilots.evaluation.reclassification import reclassification_table
from hemapilots.evaluation.scope import Scopes
from hemapilots.evaluation.sensitivity import sensitivity_table
from hemapilots.evaluation.site import evaluate_site

__all__ = ["pooled_tables", "tables_of_site"]

Tables = dict[str, pd.DataFrame]


def tables_of_site(site: str, scopes: Scopes) -> Tables:
    """metrics, counts, histograms, calibration, reclassification and sensitivity of one site's own patients."""
    return _stacked(_of_site(site, one) for one in scopes.by_endpoint())


def pooled_tables(scopes: Scopes) -> Tables:
    """metrics, comparisons, calibration, reclassification and sensitivity of the patients of all sites together."""
    return _stacked(_pooled(one) for one in scopes.by_endpoint())


def _of_site(site: str, scopes: Scopes) -> Tables:
    metrics, counts = evaluate_site(site, scopes)
    found = {"metrics": metrics, "counts": counts, "histograms": site_histograms(site, scopes)}
    return found | _of_either(site, scopes)


def _pooled(scopes: Scopes) -> Tables:
    metrics, comparisons = evaluate_pooled(scopes)
    return {"metrics": metrics, "comparisons": comparisons} | _of_either("all", scopes)


def _of_either(where: str, scopes: Scopes) -> Tables:
    found = {
        "calibration": calibration_table(where, scopes),
        "reclassification": reclassification_table(where, scopes),
    }
    primary = scopes.spec["primary_endpoint"] in scopes.spec["endpoints"]
    return found | ({"sensitivity": sensitivity_table(where, scopes)} if primary else {})


def _stacked(parts: Iterable[Tables]) -> Tables:
    """Tables of the same name one below the other; those without rows have no say about the kinds of columns."""
    found: dict[str, list[pd.DataFrame]] = {}
    for part in parts:
        for name, table in part.items():
            found.setdefault(name, []).append(table)
    return {
        name: pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)
        for name, tables in found.items()
    }
