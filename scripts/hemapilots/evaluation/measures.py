"""Which figures are computed for an endpoint, and which of them are compared between regimes."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from hemapilots.evaluation.calibration import ON_THE_SCALE
from hemapilots.evaluation.utility import thresholds_of

__all__ = ["COMPARED", "Measure", "decisions_of", "grouping", "measures", "of_one_site", "ranks_within_sites"]

# Differences of these mean something; those of O/E or slopes do not.
COMPARED = ("uno_c", "harrell_c", "auc", "brier", "ipa", "ibs", "ici", "net_benefit")
AT_HORIZON = ("auc", "brier", "ipa", "oe", *ON_THE_SCALE)


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
    """The variables by whose levels patients are told apart: subgroups, those for whom a decision is, and categories of scores."""
    among = [name for decision in spec["decisions"] for name in decision.get("among") or ()]
    return list(dict.fromkeys([*spec["subgroups"], *among, *spec["categories"].values()]))


def of_one_site(regime: str) -> bool:
    """Whether a regime is one site's model, used everywhere."""
    return regime.startswith("local/") and regime != "local/own"


def ranks_within_sites(regime: str) -> bool:
    """Whether a regime scores each patient by a model of the own site: two sites' scales differ, and their patients are not compared."""
    return regime.partition("+")[0] in ("local/own", "federated/finetune")


def measures(endpoint: str, spec: Mapping[str, Any], regime: str = "") -> list[Measure]:
    """Every measure of an endpoint in the order of the tables, or those of a regime.

    Of one site's model, used everywhere, they are discrimination, errors and O/E: nobody would decide by it elsewhere, and where it
    learned it is judged in full, as `local/own`.
    """
    tau = float(spec["tau"])
    if of_one_site(regime):
        short = [Measure(name, float(t)) for name in AT_HORIZON[:4] for t in spec["horizons"][endpoint]]
        return [Measure("uno_c", tau), Measure("harrell_c", np.nan), *short, Measure("ibs", tau)]
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
