"""Every regime on the same patients by its ranking alone: C with interval, and paired differences; for cohorts whose rows may be pooled."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hemapilots.evaluation.comparison import interval, paired_p
from hemapilots.evaluation.draws import rankings
from hemapilots.evaluation.sample import Key, SiteData, assemble
from hemapilots.evaluation.scope import scope_of

__all__ = ["COLUMNS", "contest"]

COLUMNS = [
    "model", "regime", "reference_model", "reference_regime", "metric", "estimate", "lower", "upper", "p", "n", "events",
]  # fmt: skip


def contest(sites: Mapping[str, SiteData], spec: Mapping[str, Any]) -> pd.DataFrame:
    """Rows of `COLUMNS` at the primary endpoint: per regime its C (no reference), each federated and local regime against the same
    model pooled, and the primary regime against every comparator.

    sites: as for `evaluate_pooled`. Patients are those whom all regimes reach, resampled within site and fold, the same for all. A
    score that reaches fewer than nine patients in ten is left out.
    """
    endpoint, primary = spec["primary"]["endpoint"], (spec["primary"]["model"], spec["primary"]["regime"])
    scope = scope_of(endpoint, assemble(sites, endpoint, spec["grid"]), spec)
    draws = {key: _by_metric(one) for key, one in rankings(scope, sorted(scope.sample.risk)).items()}
    rows = []
    for key, found in draws.items():
        pooled = (key[0], "pooled")
        references = [None, *([pooled] if key[0] != "score" and key != pooled and pooled in draws else [])]
        references += [other for other in draws if other[0] == "score" and key == primary]
        for reference in references:
            rows += [_row(key, reference, metric, found, draws, spec) for metric in found]
    return pd.DataFrame(rows, columns=COLUMNS)


def _by_metric(found: dict) -> dict:
    return {measure.metric: one for measure, one in found.items()}


def _row(
    key: Key, reference: Key | None, metric: str, found: dict, draws: dict, spec: Mapping[str, Any]
) -> dict[str, Any]:
    values = found[metric].values
    if reference is not None:
        values = values - draws[reference][metric].values
    told = interval(values, float(spec["bootstrap"]["level"]))
    names = {"model": key[0], "regime": key[1], "metric": metric}
    names |= dict(zip(("reference_model", "reference_regime"), reference or (None, None), strict=True))
    p = paired_p(values) if reference is not None and np.isfinite(told.estimate) else None
    figures = {"estimate": told.estimate, "lower": told.lower, "upper": told.upper, "p": p}
    return names | figures | {"n": found[metric].n, "events": found[metric].events}
