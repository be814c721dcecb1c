"""What calibration figures are drawn from: smoothed curves, groups of patients, tenths of survival, and how predictions spread.

Nothing here rests on few patients: a group holds 50, a curve is told for 50 patients with 10 events, on whole points of risk between
the 5th and the 95th percentile of the predictions, and small counts are left out.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from hemapilots.evaluation.calibration import BINS, Status, d_calibration_shares
from hemapilots.evaluation.censoring import probability_by
from hemapilots.evaluation.comparison import interval
from hemapilots.evaluation.sample import Key
from hemapilots.evaluation.scope import Scope, Scopes
from hemapilots.evaluation.subgroups import FEWEST_EVENTS, FEWEST_PATIENTS, shown_keys

__all__ = ["CALIBRATION_COLUMNS", "calibration_table"]

CALIBRATION_COLUMNS = "evaluated_on,endpoint,model,regime,horizon,kind,predicted,observed,lower,upper,n".split(",")
GROUP, MOST_GROUPS, FEWEST_GROUPS = 50, 10, 5
HISTOGRAM = np.linspace(0, 1, 21)


def calibration_table(where: str, scopes: Scopes) -> pd.DataFrame:
    """Rows of the primary model, its pooled twin and the comparators of the criteria, for all patients of the scopes.

    kind `curve`: smoothed probability at a predicted risk with its interval; `group`: mean prediction and observed probability of
    neighbouring patients; `histogram`: patients (n) with predictions around `predicted`; `tenth`: share of patients whose survival
    at their own time lies in the tenth that begins at `predicted`. Of several replicates the first.
    """
    rows = []
    for endpoint in scopes.spec["endpoints"]:
        scope = scopes.of(endpoint)
        for key in shown_keys(scope.sample, scopes.spec):
            for row in _rows(scope, key):
                rows.append({"evaluated_on": where, "endpoint": endpoint, "model": key[0], "regime": key[1]} | row)
    return pd.DataFrame(rows, columns=CALIBRATION_COLUMNS)


def _rows(scope: Scope, key: Key) -> Iterator[dict[str, Any]]:
    level, minimum = float(scope.spec["bootstrap"]["level"]), int(scope.spec["minimum_cell"])
    for horizon in map(float, scope.spec["horizons"][scope.endpoint]):
        status = scope.status(key, horizon)
        if status is None or len(status.outcomes.time) < FEWEST_PATIENTS or status.event.sum() < FEWEST_EVENTS:
            continue
        risk = 1 - scope.sample.survival[key][0, scope.members(horizon), scope.reach.place(horizon)]
        for row in (*_curve(status, risk, level), *_groups(status, risk, level, minimum), *_spread(risk, minimum)):
            yield {"horizon": horizon} | row
    if scope.endpoint not in scope.spec["competing"]:
        yield from _tenths(scope, key, level)


def _curve(status: Status, risk: np.ndarray, level: float) -> Iterator[dict[str, Any]]:
    low, high = np.quantile(risk, [0.05, 0.95])
    at = np.arange(max(np.ceil(low * 100), 1), min(np.floor(high * 100), 99) + 1) / 100
    for predicted, values in zip(at, status.smoothed(risk, at).T if len(at) else (), strict=False):
        found = interval(values, level)
        limits = {"observed": found.estimate, "lower": found.lower, "upper": found.upper}
        yield {"kind": "curve", "predicted": predicted} | limits


def _groups(status: Status, risk: np.ndarray, level: float, minimum: int) -> Iterator[dict[str, Any]]:
    """Ten groups, or as many of 50 as there are, at least five."""
    count = min(MOST_GROUPS, len(risk) // GROUP)
    if count < FEWEST_GROUPS:
        return
    for members in np.array_split(np.argsort(risk, kind="stable"), count):
        part, events = status.outcomes.of(members), int(status.event[members].sum())
        if any(0 < count < minimum for count in (events, len(members) - events)):
            continue
        found = interval(probability_by(status.horizon, part.time, part.event, part.weights), level)
        limits = {"observed": found.estimate, "lower": found.lower, "upper": found.upper, "n": len(members)}
        yield {"kind": "group", "predicted": float(risk[members].mean())} | limits


def _spread(risk: np.ndarray, minimum: int) -> Iterator[dict[str, Any]]:
    counts = np.histogram(risk, HISTOGRAM)[0].astype(float)
    for middle, count in zip((HISTOGRAM[:-1] + HISTOGRAM[1:]) / 2, guarded(counts, minimum), strict=True):
        yield {"kind": "histogram", "predicted": middle, "n": count}


def guarded(counts: np.ndarray, minimum: int) -> np.ndarray:
    """Counts whose sum is known, nan where one is small, and, so that none follows from the sum, at the smallest of the others too."""
    small = (counts > 0) & (counts < minimum)
    others = np.flatnonzero(~small & (counts > 0))
    if small.any() and others.size:
        small[others[np.argmin(counts[others])]] = True
    return np.where(small, np.nan, counts)


def _tenths(scope: Scope, key: Key, level: float) -> Iterator[dict[str, Any]]:
    tau = float(scope.spec["tau"])
    status = scope.status(key, tau)
    if status is None or len(status.outcomes.time) < FEWEST_PATIENTS or scope.events < FEWEST_EVENTS:
        return
    within = slice(0, scope.reach.place(tau) + 1)
    survival = scope.sample.survival[key][0, scope.members(tau), within]
    shares = d_calibration_shares(status.outcomes, survival, scope.reach.grid[within])
    for tenth, values in enumerate(shares.T):
        found = interval(values, level)
        limits = {"observed": found.estimate, "lower": found.lower, "upper": found.upper}
        yield {"horizon": tau, "kind": "tenth", "predicted": tenth / BINS} | limits
