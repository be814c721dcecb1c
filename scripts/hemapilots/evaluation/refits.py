"""The primary metric of refitted models on their own resamples: the second interval, which includes refitting (METHODS 6)."""

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from hemapilots.evaluation.censoring import weigh
from hemapilots.evaluation.discrimination import Fold
from hemapilots.evaluation.sample import SiteData, assemble

__all__ = ["refit_interval", "refit_values"]


def refit_values(
    sites: Mapping[str, SiteData], refits: list[Mapping[str, pd.DataFrame]], spec: Mapping[str, Any]
) -> np.ndarray:
    """The primary metric (refits,) on the patients on whom the regimes are compared, weighted as they were drawn.

    `refits`: per refit and site replicate, row, risk, count. The censoring curve is that of the resample.
    """
    primary, extended = spec["primary"], {}
    for site, (outcomes, folds, predictions) in sites.items():
        added = dict(predictions)
        for number, refit in enumerate(refits):
            frame = refit[site]
            added[primary["endpoint"], "refit", f"{number}-risk"] = frame[["replicate", "row", "risk"]]
            added[primary["endpoint"], "refit", f"{number}-count"] = frame[["replicate", "row"]].assign(
                risk=frame["count"].astype(float)
            )
        extended[site] = (outcomes, folds, added)
    sample = assemble(extended, primary["endpoint"], [])
    values = []
    for number in range(len(refits)):
        weights = sample.risk["refit", f"{number}-count"][:1]
        outcomes = weigh(sample.time, sample.event, weights)
        risk = sample.risk["refit", f"{number}-risk"]
        values.append(
            np.mean([_metric(outcomes, fold, one, spec) for fold, one in zip(sample.fold, risk, strict=True)])
        )
    return np.array(values)


def refit_interval(estimate: float | None, values: np.ndarray, level: float) -> dict[str, float | int | None]:
    """Estimate -+ z sd of the refits, and their number; nothing below ten refits."""
    if estimate is None or len(values) < 10:
        return {"refit_lower": None, "refit_upper": None, "refits": len(values)}
    half = NormalDist().inv_cdf(0.5 + level / 2) * float(np.std(values, ddof=1))
    return {
        "refit_lower": float(f"{estimate - half:.10g}"),
        "refit_upper": float(f"{estimate + half:.10g}"),
        "refits": len(values),
    }


def _metric(outcomes, fold: np.ndarray, risk: np.ndarray, spec: Mapping[str, Any]) -> float:
    num = den = 0.0
    for k in np.unique(fold):
        members = np.flatnonzero(fold == k)
        ratio = Fold(outcomes, members, float(spec["tau"])).concordance(risk[members])[spec["primary"]["metric"]]
        num, den = num + ratio[0][0], den + ratio[1][0]
    return num / den
