"""Random-effects meta-analysis of the sites' own figures: what to expect on average over sites, and at the next one (METHODS 9)."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from hemapilots.evaluation.frames import METRIC_COLUMNS, frame
from hemapilots.evaluation.measures import of_one_site

__all__ = ["PREDICTION", "RANDOM_EFFECTS", "TAU", "across_sites"]

RANDOM_EFFECTS, PREDICTION, TAU = "_random_effects", "_prediction", "_tau"
NAMES = ["endpoint", "model", "regime", "subgroup", "metric", "horizon"]


class Scale(NamedTuple):
    """Where a figure is near normal: there, back, and the derivative of the way there."""

    to: Callable
    back: Callable
    slope: Callable


def _same(values):
    return values


def _logit_slope(values):
    return 1 / (values * (1 - values))


SCALES = {
    "uno_c": Scale(logit, expit, _logit_slope),
    "harrell_c": Scale(logit, expit, _logit_slope),
    "oe": Scale(np.log, np.exp, np.reciprocal),
    "calibration_slope": Scale(_same, _same, np.ones_like),
}


def across_sites(counts: pd.DataFrame, spec: Mapping[str, Any]) -> pd.DataFrame:
    """Rows of metrics over all sites of C (logit scale), O/E (log) and calibration slope, for regimes that three sites or more judge.

    `<metric>_random_effects`: average over sites with Hartung and Knapp's interval; `<metric>_prediction`: the same average with the
    interval that the next site's figure is expected in, from five sites on; `<metric>_tau`: standard deviation between sites on the
    scale of the analysis. counts: of the sites, as `evaluate_site` gives them.
    """
    own = counts[(counts["kind"] == "metric") & counts["metric"].isin(SCALES) & (counts["subgroup"] == "all")]
    own = own[own["estimate"].gt(0) & own["se"].gt(0) & ~own["regime"].map(of_one_site)]
    own = own[own["estimate"].lt(1) | ~own["metric"].isin(["uno_c", "harrell_c"])]
    rows = []
    for name, group in own.sort_values("site", kind="stable").groupby(NAMES, sort=False, dropna=False):
        head = {"scenario": spec["scenario"], "evaluated_on": "all"} | dict(zip(NAMES, name, strict=True))
        head |= {"n": group["n"].sum(), "events": group["events"].sum()}
        rows += [
            head | row | {"metric": head["metric"] + row["metric"]} for row in _rows(group, SCALES[head["metric"]])
        ]
    return frame(rows, METRIC_COLUMNS)


def _rows(group: pd.DataFrame, scale: Scale) -> list[dict[str, Any]]:
    # Only the job that combines sites needs scipy's statistics, which take half a second to import.
    from hemapilots.random_effects import random_effects

    estimate, error = group["estimate"].to_numpy(), group["se"].to_numpy()
    found = random_effects(scale.to(estimate), (error * scale.slope(estimate)) ** 2)
    if found["estimate"] is None:
        return []
    whole = {name: float(scale.back(found[name])) for name in ("estimate", "lower", "upper")}
    rows = [whole | {"metric": RANDOM_EFFECTS}, {"metric": TAU, "estimate": float(np.sqrt(found["tau2"]))}]
    if found["predicted_lower"] is not None:
        limits = {name: float(scale.back(found[f"predicted_{name}"])) for name in ("lower", "upper")}
        rows.append(whole | limits | {"metric": PREDICTION})
    return rows
