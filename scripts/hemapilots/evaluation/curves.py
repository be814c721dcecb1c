"""Kaplan-Meier curves from counts on the protocol's grid: suppressed at the site, added up and drawn centrally (METHODS 10)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["CURVE_COLUMNS", "kaplan_meier_from_counts", "site_curves"]

CURVE_COLUMNS = ["site", "endpoint", "start", "end", "at_risk", "events", "censored"]
MINIMUM_AT_RISK = 10


def site_curves(site: str, outcomes: pd.DataFrame, spec: Mapping[str, Any]) -> pd.DataFrame:
    """Counts per cell of the grid (start, end]: at risk at its start, events and censorings in it.

    Adjacent cells are merged until each has 0 or at least `minimum_cell` events, and as many or no censorings; the curve ends where
    fewer than 10 are at risk, and a remainder that cannot be merged away is not released.
    """
    frames = [
        _endpoint_curve(outcomes, endpoint, spec).assign(site=site, endpoint=endpoint) for endpoint in spec["endpoints"]
    ]
    return pd.concat(frames, ignore_index=True)[CURVE_COLUMNS]


def _endpoint_curve(outcomes: pd.DataFrame, endpoint: str, spec: Mapping[str, Any]) -> pd.DataFrame:
    known = outcomes[f"{endpoint}_event"].notna()
    time = outcomes.loc[known, f"{endpoint}_time"].to_numpy()
    event = outcomes.loc[known, f"{endpoint}_event"].to_numpy() == 1
    edges = np.concatenate([[0.0], spec["grid"]])
    cell = np.searchsorted(edges, time, side="left") - 1
    inside = cell < len(edges) - 1
    cells = len(edges) - 1
    events = np.bincount(cell[inside & event], minlength=cells)
    censored = np.bincount(cell[inside & ~event], minlength=cells)
    return merge_cells(edges, time.size, events, censored, int(spec["minimum_cell"]))


def merge_cells(
    edges: np.ndarray, patients: int, events: np.ndarray, censored: np.ndarray, minimum: int
) -> pd.DataFrame:
    """Cells (start, end, at_risk, events, censored) that pass the suppression rule, from exact counts per grid cell."""
    rows, at_risk, start, pending = [], patients, edges[0], np.zeros(2, dtype=int)
    for k in range(len(events)):
        if at_risk - pending.sum() < MINIMUM_AT_RISK:
            break
        pending = pending + (events[k], censored[k])
        left = at_risk - pending.sum()
        # What is left at risk is the next cell's own count, so it must not be small either.
        if all(count == 0 or count >= minimum for count in pending) and (left == 0 or left >= minimum):
            rows.append((start, edges[k + 1], at_risk, int(pending[0]), int(pending[1])))
            at_risk, start, pending = left, edges[k + 1], np.zeros(2, dtype=int)
    return pd.DataFrame(rows, columns=["start", "end", "at_risk", "events", "censored"])


def kaplan_meier_from_counts(curve: pd.DataFrame) -> pd.DataFrame:
    """Survival at the end of each cell with a 95 % interval (Greenwood, log-log): Kaplan-Meier of the times coarsened to the cells,
    where events come before censorings.

    curve: rows of one curve in order of time. Returns time, survival, lower, upper, at_risk (at that time); starts at time 0.
    """
    hazard = curve["events"] / curve["at_risk"]
    survival = np.cumprod(1 - hazard)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(hazard / (curve["at_risk"] * (1 - hazard)))
        width = 1.959963984540054 * np.sqrt(variance) / np.abs(np.log(survival))
        lower, upper = survival ** np.exp(width), survival ** np.exp(-width)
    left = curve["at_risk"] - curve["events"] - curve["censored"]
    table = {
        "time": curve["end"],
        "survival": survival,
        "lower": lower.where(survival < 1, 1.0),
        "upper": upper.where(survival < 1, 1.0),
        "at_risk": left,
    }
    start = pd.DataFrame(
        {"time": [0.0], "survival": [1.0], "lower": [1.0], "upper": [1.0], "at_risk": [curve["at_risk"].iloc[0]]}
    )
    return pd.concat([start, pd.DataFrame(table)], ignore_index=True)
