"""Evaluation inside one site, and the counts from which federated figures are made; both leave the site."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from hemapilots.evaluation.frames import COUNT_COLUMNS, METRIC_COLUMNS, frame, released
from hemapilots.evaluation.judged import judge
from hemapilots.evaluation.sample import Sample
from hemapilots.evaluation.scope import Scope, Scopes
from hemapilots.evaluation.subgroups import subgroup_rows, tells_small_cells

__all__ = ["evaluate_site"]


def evaluate_site(site: str, scopes: Scopes) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(metrics of the site, counts): every regime judged on the site's own patients.

    `scopes`: of this site alone, with outcomes: row, <endpoint>_time (years), <endpoint>_event; folds: replicate, fold, row;
    predictions: replicate, row, risk, survival_<t>. The censoring curve is the site's.
    Counts have a `kind`: "metric" (estimate, se, weight), "difference" (paired, of the comparisons),
    "endpoint" (patients, events) and "horizon" (events before it, patients at risk after it). `weight` is
    comparable pairs per replicate (for Uno's C inverse-probability weighted), cases for AUC, patients for
    Brier scores. Figures that rest on fewer patients or events than `spec["minimum_cell"]` are blank, and so
    is AUC's weight, which is a count of events, at horizons whose counts may not be told.
    """
    spec = scopes.spec
    minimum = int(spec["minimum_cell"])
    metrics, counts = [], []
    for endpoint in spec["endpoints"]:
        scope, rows, differences = judge(scopes, endpoint)
        rows += _guarded(scope, minimum)
        metrics += [{"scenario": spec["scenario"], "evaluated_on": site} | row for row in rows]
        counts += [{"kind": "metric"} | row for row in rows]
        for row in differences:
            counts.append({"kind": "difference", "estimate": row["difference"]} | row)
        sizes = list(_sizes(endpoint, scope.sample, spec["horizons"][endpoint], minimum))
        told = [row["horizon"] for row in sizes if "at_risk" in row]
        for row in (row for row in counts if row["endpoint"] == endpoint and row["metric"] == "auc"):
            row["weight"] = row["weight"] if row["horizon"] in told else np.nan
        counts += sizes
    counts = [{name: value for name, value in row.items() if name in COUNT_COLUMNS} for row in counts]
    table = frame([{"site": site} | row for row in counts], COUNT_COLUMNS)
    return released(frame(metrics, METRIC_COLUMNS), minimum), _released_counts(table, minimum)


def _guarded(scope: Scope, minimum: int) -> Iterator[dict[str, Any]]:
    """Rows of subgroups; of a variable with a small cell no counts, which could be subtracted from each other."""
    spec = scope.spec
    small = {name: tells_small_cells(scope, name, minimum) for name in spec["subgroups"]}
    for row in subgroup_rows(scope):
        hidden = small[row["subgroup"].partition("=")[0]]
        told = row["n"] >= minimum and row["events"] >= minimum
        # Cases are counts of events, and most weights are numbers of patients.
        row["weight"] = row["n"] if row["metric"] == "auc" and np.isfinite(row["weight"]) else row["weight"]
        counts = dict.fromkeys(("n", "events", "weight"), np.nan) if hidden else {}
        figures = {} if told else dict.fromkeys(("estimate", "lower", "upper", "se", "weight"), np.nan)
        yield row | counts | figures


def _released_counts(table: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Suppression for figures; the rows of sizes have passed the stricter rule of `_sizes`."""
    sizes = table["kind"].isin(["endpoint", "horizon"])
    return pd.concat([released(table[~sizes], minimum), table[sizes]], ignore_index=True)


def _sizes(endpoint: str, sample: Sample, horizons: list[float], minimum: int) -> Iterator[dict[str, Any]]:
    """Patients and events, and per horizon events up to it and patients observed beyond it.

    A horizon is told only if the events and the censorings between it and the horizons told before, and after
    it, are each 0 or at least `minimum`: no small cell can be had by subtraction.
    """
    size = {"n": _cell(len(sample.time), minimum), "events": _cell(np.count_nonzero(sample.case), minimum)}
    yield {"kind": "endpoint", "endpoint": endpoint} | size
    told = -np.inf
    for horizon in sorted(horizons):
        inside = (sample.time > told) & (sample.time <= horizon)
        beyond = sample.time > horizon
        kinds = (sample.case, ~sample.case)
        cells = [np.count_nonzero(part & kind) for part in (inside, beyond) for kind in kinds]
        safe = all(np.isfinite(list(size.values()))) and all(cell == 0 or cell >= minimum for cell in cells)
        before, at_risk = np.count_nonzero(sample.case & (sample.time <= horizon)), np.count_nonzero(beyond)
        figures = {"events": float(before), "at_risk": float(at_risk)} if safe else {}
        yield {"kind": "horizon", "endpoint": endpoint, "horizon": float(horizon), "n": size["n"]} | figures
        told = horizon if safe else told


def _cell(count: int, minimum: int) -> float:
    return float(count) if count >= minimum else np.nan
