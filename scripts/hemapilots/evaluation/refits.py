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

# Where the risks of a refit, and the counts of its resample, stand among the regimes.
_RISK, _COUNT = ("refit", "risk"), ("refit", "count")


def refit_values(
    sites: Mapping[str, SiteData], refits: list[Mapping[str, pd.DataFrame]], spec: Mapping[str, Any]
) -> np.ndarray:
    """The primary metric (refits,) on the patients on whom the regimes are compared, weighted as they were drawn.

    `refits`: per refit and site replicate, row, risk, count. The censoring curve is that of the resample. A refit is judged on
    the patients whom it reaches: a site without an event in the resample has no baseline. One that reaches nobody is left out.
    """
    endpoint = spec["primary"]["endpoint"]
    compared = _compared(sites, endpoint)
    values = []
    for refit in refits:
        sample = assemble(_of_refit(compared, refit, endpoint), endpoint, [], only=[_RISK, _COUNT])
        if _RISK in sample.risk and len(sample.time):
            outcomes = weigh(sample.time, sample.event, sample.risk[_COUNT][:1])
            folds = zip(sample.fold, sample.risk[_RISK], strict=True)
            values.append(np.mean([_metric(outcomes, fold, risk, spec) for fold, risk in folds]))
    return np.array(values)


def _compared(sites: Mapping[str, SiteData], endpoint: str) -> dict[str, SiteData]:
    """The sites reduced to the patients on whom the regimes are compared, without any prediction: refits differ in their own alone."""
    sample, reduced = assemble(sites, endpoint, []), {}
    for site, (outcomes, folds, _) in sites.items():
        rows = sample.row[sample.site == site]
        reduced[site] = (outcomes[outcomes["row"].isin(rows)], folds, {})
    return reduced


def _of_refit(sites: Mapping[str, SiteData], refit: Mapping[str, pd.DataFrame], endpoint: str) -> dict[str, SiteData]:
    """The sites with the risks of a refit, and how often each patient was drawn for it."""
    extended = {}
    for site, (outcomes, folds, _) in sites.items():
        frame = refit[site]
        count = frame[["replicate", "row"]].assign(risk=frame["count"].astype(float))
        added = {(endpoint, *_RISK): frame[["replicate", "row", "risk"]], (endpoint, *_COUNT): count}
        extended[site] = (outcomes, folds, added)
    return extended


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
