"""Success criteria on what predictions are worth in the clinic: calibrated, useful over a decision's range, fair (UTILITY 4)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hemapilots.evaluation.judgement import MET, NOT_ASSESSABLE, NOT_MET, number, together
from hemapilots.evaluation.measures import decisions_of
from hemapilots.evaluation.subgroups import FEWEST_EVENTS, FEWEST_PATIENTS, RATIO, RULES, flags
from hemapilots.evaluation.utility import thresholds_of

__all__ = ["CLINICAL", "calibrated", "fair", "useful"]

# The share of sites at which observed over expected events must be in range.
SHARE = 0.8


def calibrated(metrics: pd.DataFrame, comparisons: pd.DataFrame, criterion: Mapping, spec: Mapping) -> dict[str, Any]:
    """ICI of the primary regime at most `margin` at each horizon, and O/E within 0.8 to 1.25 at four sites in five or more.

    A site whose O/E is not estimable could be in range or not: where the outcome hangs on it, it is not assessable.
    """
    primary, found = spec["primary"], []
    own = metrics[(metrics["endpoint"] == primary["endpoint"]) & (metrics["subgroup"] == "all")]
    own = own[(own["model"] == primary["model"]) & (own["regime"] == primary["regime"])]
    sites = own.loc[own["evaluated_on"] != "all", "evaluated_on"].nunique()
    for horizon in spec["horizons"][primary["endpoint"]]:
        there = own[np.isclose(own["horizon"], horizon)]
        distance = there.loc[(there["metric"] == "ici") & (there["evaluated_on"] == "all"), "estimate"].dropna()
        ratios = there.loc[(there["metric"] == "oe") & (there["evaluated_on"] != "all"), "estimate"].dropna()
        one = {
            "horizon": float(horizon),
            "ici": number(distance.iloc[0]) if len(distance) else None,
            "sites": sites,
            "sites_assessed": len(ratios),
            "sites_right": int(ratios.between(*RATIO).sum()),
        }
        found.append(one | {"outcome": _calibrated(one, float(criterion["margin"]))})
    return {"parts": found, "outcome": together([one["outcome"] for one in found])}


def _calibrated(one: dict[str, Any], margin: float) -> str:
    needed = SHARE * one["sites"] - 1e-9
    unknown = one["sites"] - one["sites_assessed"]
    if (one["ici"] or 0.0) > margin or one["sites_right"] + unknown < needed:
        return NOT_MET
    return MET if one["ici"] is not None and one["sites"] and one["sites_right"] >= needed else NOT_ASSESSABLE


def useful(metrics: pd.DataFrame, comparisons: pd.DataFrame, criterion: Mapping, spec: Mapping) -> dict[str, Any]:
    """Per decision of any endpoint: net benefit nowhere in the range more than `margin` of the largest possible net benefit below that
    of the reference, and above it somewhere, by the band that holds at all thresholds together. A range with a threshold that is not
    estimable, or that rests on other sites than the rest, is not assessable."""
    found = []
    for endpoint in spec["endpoints"] if criterion["against"] else []:
        for decision in decisions_of(endpoint, spec):
            rows = _benefit(comparisons, decision, criterion["against"], spec)
            largest = _largest(metrics, decision, spec)
            one = {
                "decision": decision["name"],
                "lowest": number(rows.min() / largest) if len(rows) and largest else None,
                "highest": number(rows.max() / largest) if len(rows) and largest else None,
            }
            told = len(rows) == len(thresholds_of(decision)) and rows.index.get_level_values("n").nunique() == 1
            told = told and one["lowest"] is not None
            found.append(one | {"outcome": _useful(one, float(criterion["margin"])) if told else NOT_ASSESSABLE})
    return {"parts": found, "outcome": together([one["outcome"] for one in found])}


def _largest(metrics: pd.DataFrame, decision: Mapping, spec: Mapping) -> float | None:
    """The largest possible net benefit, by which net benefit is standardised: of finding everybody with the event (or without it)."""
    primary = spec["primary"]
    wanted = {"endpoint": decision["endpoint"], "decision": decision["name"], "evaluated_on": "all", "subgroup": "all"}
    wanted |= {"model": primary["model"], "regime": primary["regime"]}
    rows = metrics[metrics[list(wanted)].eq(pd.Series(wanted)).all(axis=1)]
    both = rows.pivot_table(index="threshold", columns="metric", values="estimate")
    if not {"net_benefit", "standardised_net_benefit"} <= set(both):
        return None
    ratio = (both["net_benefit"] / both["standardised_net_benefit"]).replace([np.inf, -np.inf], np.nan).dropna()
    return float(ratio.median()) if len(ratio) else None


def _benefit(comparisons: pd.DataFrame, decision: Mapping, against: list[str], spec: Mapping) -> pd.Series:
    """The band's lower limit at each threshold that is estimable, by the patients (n) that it rests on: without pooling sites where a
    threshold is not estimable are not among them."""
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
    return (pooled if len(pooled) else rows).set_index(["threshold", "n"])["band_lower"].dropna()


def _useful(one: dict[str, Any], margin: float) -> str:
    return MET if one["lowest"] >= -margin and one["highest"] > 0 else NOT_MET


def fair(metrics: pd.DataFrame, comparisons: pd.DataFrame, criterion: Mapping, spec: Mapping) -> dict[str, Any]:
    """No part of the patients and no site is flagged at the primary endpoint.

    Parts with fewer than 50 patients or 10 events are not judged; where one that is large enough has neither an O/E nor a C beside
    that of the others, the criterion is not assessable.
    """
    primary = spec["primary"]
    own = metrics[metrics["endpoint"] == primary["endpoint"]]
    key = primary["model"], primary["regime"]
    judged = own[(own["model"] == key[0]) & (own["regime"] == key[1])]
    judged = judged[(judged["subgroup"] != "all") | (judged["evaluated_on"] != "all")]
    rule = judged["metric"].isin(RULES) & judged["estimate"].notna()
    parts = judged.assign(told=rule).groupby(["evaluated_on", "subgroup"])[["n", "events", "told"]].max()
    large = parts[(parts["n"] >= FEWEST_PATIENTS) & (parts["events"] >= FEWEST_EVENTS)]
    found = flags(own, key)[["evaluated_on", "subgroup", "metric", "horizon", "estimate"]]
    listed = [{name: _plain(value) for name, value in row.items()} for row in found.to_dict("records")]
    sizes = {"parts_assessed": int(large["told"].sum()), "parts_large": len(large), "parts_all": len(parts)}
    if listed:
        return sizes | {"parts": listed, "outcome": NOT_MET}
    return sizes | {"parts": [], "outcome": MET if len(large) and large["told"].all() else NOT_ASSESSABLE}


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else number(value)


CLINICAL = {"calibrated": calibrated, "useful": useful, "fair": fair}
