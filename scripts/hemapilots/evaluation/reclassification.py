"""Where the primary model puts the patients of each category of a score: counts and what became of them (UTILITY 2)."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from hemapilots.evaluation.calibration import Status
from hemapilots.evaluation.censoring import probability_by
from hemapilots.evaluation.comparison import Interval, interval
from hemapilots.evaluation.measures import decisions_of
from hemapilots.evaluation.scope import Scope, Scopes
from hemapilots.evaluation.utility import FEWEST_AT_RISK

__all__ = ["PLACES", "RECLASSIFICATION_COLUMNS", "reclassification_table"]

RECLASSIFICATION_COLUMNS = "evaluated_on,endpoint,decision,score,category,place,n,observed,lower,upper".split(",")
# Below, within and above the decision's range of thresholds.
PLACES = ("below", "within", "above")


def reclassification_table(where: str, scopes: Scopes) -> pd.DataFrame:
    """Per decision and score with categories: patients (n) of each category whom the model puts below, within and above the
    decision's range, and the probability of the event among them, with its interval, where 10 are at risk at the horizon.

    A category with a small cell is left out. Of several replicates the first.
    """
    rows = []
    for endpoint in scopes.spec["endpoints"]:
        for decision in decisions_of(endpoint, scopes.spec) if scopes.spec["categories"] else ():
            for row in _of_decision(scopes.of(endpoint).among(decision), decision):
                rows.append({"evaluated_on": where, "endpoint": endpoint, "decision": decision["name"]} | row)
    return pd.DataFrame(rows, columns=RECLASSIFICATION_COLUMNS)


def _of_decision(scope: Scope, decision: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    key, horizon = (scope.spec["primary"]["model"], scope.spec["primary"]["regime"]), float(decision["horizon"])
    status = scope.status(key, horizon)
    if status is None:
        return
    members = scope.members(horizon)
    risk = 1 - scope.sample.survival[key][0, members, scope.reach.place(horizon)]
    low, high = decision["thresholds"]
    place = np.where(risk < low, 0, np.where(risk < high, 1, 2))
    for score, column in scope.spec["categories"].items():
        levels = scope.sample.groups[column][members]
        for level in sorted(set(levels[levels != ""])):
            cells = [np.flatnonzero((levels == level) & (place == k)) for k in range(len(PLACES))]
            if _small(status, cells, int(scope.spec["minimum_cell"])):
                continue
            for name, cell in zip(PLACES, cells, strict=True):
                found = _observed(status, cell, float(scope.spec["bootstrap"]["level"]))
                figures = {"observed": found.estimate, "lower": found.lower, "upper": found.upper}
                yield {"score": score, "category": level, "place": name, "n": len(cell)} | figures


def _small(status: Status, cells: list[np.ndarray], minimum: int) -> bool:
    """Whether a cell holds a few patients, or a few with or without the event by the horizon."""
    events = [int(status.event[cell].sum()) for cell in cells]
    counts = [count for cell, some in zip(cells, events, strict=True) for count in (len(cell), some, len(cell) - some)]
    return any(0 < count < minimum for count in counts)


def _observed(status: Status, cell: np.ndarray, level: float) -> Interval:
    if np.count_nonzero(status.outcomes.time[cell] > status.horizon) < FEWEST_AT_RISK:
        return Interval.missing()
    part = status.outcomes.of(cell)
    return interval(probability_by(status.horizon, part.time, part.event, part.weights), level)
