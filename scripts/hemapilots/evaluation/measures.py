"""Which figures are computed for an endpoint, and which of them are compared between regimes."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from hemapilots.evaluation.utility import thresholds_of

__all__ = ["COMPARED", "Measure", "decisions_of", "grouping", "measures"]

# Differences of these mean something; those of O/E or slopes do not.
COMPARED = ("uno_c", "harrell_c", "auc", "brier", "ipa", "ibs", "ici", "net_benefit")
AT_HORIZON = ("auc", "brier", "ipa", "oe", "calibration_intercept", "calibration_slope", "ici", "e50", "e90")


class Measure(NamedTuple):
    """A metric, its horizon in years (nan for Harrell's C) and, of net benefit, the decision with its threshold (nan for others)."""

    metric: str
    horizon: float
    threshold: float = np.nan
    decision: str | None = None


def decisions_of(endpoint: str, spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The use case's decisions that rest on an endpoint."""
    return [decision for decision in spec["decisions"] if decision["endpoint"] == endpoint]


def grouping(spec: Mapping[str, Any]) -> list[str]:
    """The variables by whose levels patients are told apart: subgroups, and those for whom a decision is."""
    among = [name for decision in spec["decisions"] for name in decision.get("among") or ()]
    return list(dict.fromkeys([*spec["subgroups"], *among]))


def measures(endpoint: str, spec: Mapping[str, Any]) -> list[Measure]:
    """Every measure of an endpoint in the order of the tables."""
    tau = float(spec["tau"])
    found = [Measure("uno_c", tau), Measure("harrell_c", np.nan)]
    found += [Measure(name, float(t)) for name in AT_HORIZON for t in spec["horizons"][endpoint]]
    found += [Measure("ibs", tau)]
    # Who leaves by a competing event has no survival of which a tenth could be told.
    found += [Measure("d_calibration", tau)] if endpoint not in spec["competing"] else []
    return found + [
        Measure(metric, float(decision["horizon"]), float(threshold), decision["name"])
        for decision in decisions_of(endpoint, spec)
        for metric in ("net_benefit", "standardised_net_benefit")
        for threshold in thresholds_of(decision)
    ]
