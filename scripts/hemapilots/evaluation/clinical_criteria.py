"""Success criteria on what predictions are worth in the clinic: calibrated, useful over a decision's range, fair (UTILITY 4)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hemapilots.evaluation.measures import decisions_of
from hemapilots.evaluation.subgroups import RATIO, flags
from hemapilots.evaluation.utility import thresholds_of

__all__ = ["CLINICAL", "calibrated", "fair", "useful"]

MET, NOT_MET, NOT_ASSESSABLE = "met", "not met", "not assessable"
# The share of sites at which observed over expected events must be in range.
SHARE = 0.8


def calibrated(metrics: pd.DataFrame, comparisons: pd.DataFrame, criterion: Mapping, spec: Mapping) -> dict[str, Any]:
    """ICI of the primary regime at most `margin` at each horizon, and O/E within 0.8 to 1.25 at four sites in five or more."""
    primary, found = spec["primary"], []
    own = metrics[(metrics["endpoint"] == primary["endpoint"]) & (metrics["subgroup"] == "all")]
    own = own[(own["model"] == primary["model"]) & (own["regime"] == primary["regime"])]
    for horizon in spec["horizons"][primary["endpoint"]]:
        there = own[np.isclose(own["horizon"], horizon)]
        distance = there.loc[(there["metric"] == "ici") & (there["evaluated_on"] == "all"), "estimate"].dropna()
        ratios = there.loc[(there["metric"] == "oe") & (there["evaluated_on"] != "all"), "estimate"].dropna()
        right = int(ratios.between(*RATIO).sum())
        one = {"horizon": float(horizon), "ici": _number(distance), "sites": len(ratios), "sites_right": right}
        found.append(one | {"outcome": _calibrated(one, float(criterion["margin"]))})
    return {"parts": found, "outcome": _together([one["outcome"] for one in found])}


def _calibrated(one: dict[str, Any], margin: float) -> str:
    if one["ici"] is None or one["sites"] == 0:
        return NOT_ASSESSABLE
    return MET if one["ici"] <= margin and one["sites_right"] >= SHARE * one["sites"] - 1e-9 else NOT_MET


def useful(metrics: pd.DataFrame, comparisons: pd.DataFrame, criterion: Mapping, spec: Mapping) -> dict[str, Any]:
    """Per decision of any endpoint: net benefit nowhere in the range more than `margin` below that of the reference, and above it
    somewhere, by the band that holds at all thresholds together. A range with a threshold that is not estimable is not assessable."""
    found = []
    for endpoint in spec["endpoints"] if criterion["against"] else []:
        for decision in decisions_of(endpoint, spec):
            rows = _benefit(comparisons, decision, criterion["against"], spec)
            one = {
                "decision": decision["name"],
                "lowest": _number(rows.nsmallest(1)),
                "highest": _number(rows.nlargest(1)),
            }
            told = len(rows) == len(thresholds_of(decision))
            found.append(one | {"outcome": _useful(one, float(criterion["margin"])) if told else NOT_ASSESSABLE})
    return {"parts": found, "outcome": _together([one["outcome"] for one in found])}


def _benefit(comparisons: pd.DataFrame, decision: Mapping, against: list[str], spec: Mapping) -> pd.Series:
    """The band's lower limit at each threshold that is estimable."""
    primary = spec["primary"]
    wanted = {
        "endpoint": decision["endpoint"],
        "metric": "net_benefit",
        "decision": decision["name"],
        "model": primary["model"],
        "regime": primary["regime"],
        "reference_model": against[0],
        "reference_regime": against[1],
        "evaluated_on": "all",
    }
    rows = comparisons[comparisons[list(wanted)].eq(pd.Series(wanted)).all(axis=1)]
    pooled = rows[rows["estimand"] == "pooled"]
    return (pooled if len(pooled) else rows).set_index("threshold")["band_lower"].dropna()


def _useful(one: dict[str, Any], margin: float) -> str:
    return MET if one["lowest"] > -margin and one["highest"] > 0 else NOT_MET


def fair(metrics: pd.DataFrame, comparisons: pd.DataFrame, criterion: Mapping, spec: Mapping) -> dict[str, Any]:
    """No part of the patients and no site is flagged at the primary endpoint."""
    primary = spec["primary"]
    own = metrics[metrics["endpoint"] == primary["endpoint"]]
    key = primary["model"], primary["regime"]
    judged = own[(own["model"] == key[0]) & (own["regime"] == key[1]) & (own["subgroup"] != "all")]
    found = flags(own, key)[["evaluated_on", "subgroup", "metric", "horizon", "estimate"]]
    parts = [{name: _plain(value) for name, value in row.items()} for row in found.to_dict("records")]
    if judged["estimate"].notna().sum() == 0:
        return {"parts": parts, "outcome": NOT_ASSESSABLE}
    return {"parts": parts, "outcome": NOT_MET if parts else MET}


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else _number(pd.Series([value]).dropna())


def _number(values: pd.Series) -> float | None:
    """Ten significant digits, as in the tables; None where there is none."""
    return float(f"{values.iloc[0]:.10g}") if len(values) else None


def _together(outcomes: list[str]) -> str:
    if NOT_MET in outcomes:
        return NOT_MET
    return MET if outcomes and all(one == MET for one in outcomes) else NOT_ASSESSABLE


CLINICAL = {"calibrated": calibrated, "useful": useful, "fair": fair}
