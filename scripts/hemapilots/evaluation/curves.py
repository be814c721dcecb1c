"""Survival and incidence curves from counts per cell of a grid: suppressed at the site, added up and drawn centrally (METHODS 10)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

__all__ = [
    "CURVE_COLUMNS",
    "KINDS",
    "counted_until",
    "edges_of",
    "incidence_from_counts",
    "kaplan_meier_from_counts",
    "pooled_curves",
    "site_curves",
]

# What happens to patients in a cell; each count is 0 or large enough to be told.
KINDS = ("entered", "events", "competing", "censored")
CURVE_COLUMNS = ["site", "endpoint", "start", "end", "at_risk", *KINDS, "years"]
MINIMUM_AT_RISK = 10
NORMAL_95 = 1.959963984540054


def edges_of(endpoint: str, spec: Mapping[str, Any]) -> np.ndarray:
    """Where the cells of an endpoint's curve begin and end: on the protocol's grid, with late entry on the endpoint's own scale."""
    return np.asarray(spec["scale_grid"] if endpoint in spec["entry"] else [0.0, *spec["grid"]], float)


def site_curves(site: str, outcomes: pd.DataFrame, spec: Mapping[str, Any]) -> pd.DataFrame:
    """Counts per cell (start, end]: at risk at its start, and who entered, had the event or a competing one, or was censored in it.

    Adjacent cells are merged until each of these is 0 or at least `minimum_cell`; the curve begins where 10 are at risk (with late
    entry at the start of the longest stretch of time with so many) and ends where fewer are, and a remainder that cannot be merged
    away is not released. `years`, the time under observation in the cell, is given
    with late entry, where it stands for the number at risk.
    """
    frames = [
        _endpoint_curve(outcomes, endpoint, spec).assign(site=site, endpoint=endpoint) for endpoint in spec["endpoints"]
    ]
    return pd.concat(frames, ignore_index=True)[CURVE_COLUMNS]


def pooled_curves(outcomes: pd.DataFrame, spec: Mapping[str, Any]) -> pd.DataFrame:
    """The same counts of all patients together, where rows may be pooled: every cell of the grid stands, none is merged."""
    return site_curves("all", outcomes, {**spec, "minimum_cell": 1})


def _endpoint_curve(outcomes: pd.DataFrame, endpoint: str, spec: Mapping[str, Any]) -> pd.DataFrame:
    known, edges = outcomes[f"{endpoint}_event"].notna(), edges_of(endpoint, spec)
    entry, time, event = (outcomes.loc[known, f"{endpoint}_{part}"].to_numpy() for part in ("entry", "time", "event"))
    at_risk = np.searchsorted(np.sort(entry), edges, side="right") - np.searchsorted(np.sort(time), edges, side="right")
    first = _longest_stretch(at_risk >= MINIMUM_AT_RISK)
    counts = {"entered": _per_cell(entry, edges)}
    counts |= {kind: _per_cell(time[event == code], edges) for kind, code in zip(KINDS[1:], (1, 2, 0), strict=True)}
    exact = np.column_stack([counts[kind] for kind in KINDS])
    cells = merge_cells(edges[first:], int(at_risk[first]), exact[first:], int(spec["minimum_cell"]))
    late = endpoint in spec["entry"]
    observed = [_observed(entry, time, cells[side].to_numpy()) for side in ("start", "end")]
    return cells.assign(years=observed[1] - observed[0] if late else np.nan)


def _longest_stretch(enough: np.ndarray) -> int:
    """Where the longest run of true begins; the last place where there is none."""
    if not enough.any():
        return len(enough) - 1
    changes = np.flatnonzero(np.diff(np.r_[False, enough, False].astype(int)))
    begins, ends = changes[::2], changes[1::2]
    return int(begins[np.argmax(ends - begins)])


def _per_cell(times: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How many times lie in each cell (start, end]."""
    return np.diff(np.searchsorted(np.sort(times), edges, side="right"))


def _observed(entry: np.ndarray, time: np.ndarray, until: np.ndarray) -> np.ndarray:
    """Years under observation of all patients before each of some times."""

    def capped(values: np.ndarray) -> np.ndarray:
        values = np.sort(values)
        below = np.searchsorted(values, until, side="right")
        return np.r_[0.0, np.cumsum(values)][below] + until * (len(values) - below)

    return capped(time) - capped(entry)


def merge_cells(edges: np.ndarray, at_risk: int, counts: np.ndarray, minimum: int) -> pd.DataFrame:
    """Cells (start, end, at_risk, KINDS) that pass the suppression rule, from exact counts per cell (cells, KINDS)."""
    rows, start, pending = [], edges[0], np.zeros(counts.shape[1], dtype=int)
    direction = np.array([1, -1, -1, -1])
    for k, count in enumerate(counts):
        if at_risk + direction @ pending < MINIMUM_AT_RISK:
            break
        pending = pending + count
        left = at_risk + direction @ pending
        # What is left at risk is the next cell's own count, so it must not be small either.
        if all(number == 0 or number >= minimum for number in (*pending, left)):
            rows.append((start, edges[k + 1], at_risk, *pending))
            at_risk, start, pending = left, edges[k + 1], np.zeros_like(pending)
    return pd.DataFrame(rows, columns=["start", "end", "at_risk", *KINDS])


def counted_until(curve: pd.DataFrame, kind: str, edges: np.ndarray) -> np.ndarray:
    """What a site's curve counts up to each edge; counts of merged cells are spread evenly over what lies inside them."""
    bounds = np.r_[curve["start"].iloc[0], curve["end"]]
    return np.interp(edges, bounds, np.r_[0.0, np.cumsum(curve[kind])])


def kaplan_meier_from_counts(curve: pd.DataFrame) -> pd.DataFrame:
    """Survival without any event at the end of each cell with a 95 % interval (Greenwood, log-log).

    Kaplan-Meier of the times coarsened to the cells, where events come before censorings; with late entry the exponential of minus
    the events per year under observation, conditional on being there at the curve's start. curve: rows of one curve in order of
    time. Returns time, survival, lower, upper, at_risk (at that time); starts at the curve's start.
    """
    survival, variance = _survival(curve)
    with np.errstate(divide="ignore", invalid="ignore"):
        width = NORMAL_95 * np.sqrt(variance) / np.abs(np.log(survival))
        lower, upper = survival ** np.exp(width), survival ** np.exp(-width)
    lower, upper = (np.where(survival < 1, limit, 1.0) for limit in (lower, upper))
    return _from_start(curve, {"survival": survival, "lower": lower, "upper": upper}, 1.0)


def incidence_from_counts(curve: pd.DataFrame, kind: str = "events") -> pd.DataFrame:
    """Aalen-Johansen's cumulative incidence of one kind of event (`events`, `competing`) with a 95 % interval (delta method, log-log).

    At each cell the number at risk splits as a multinomial; the derivatives of F(t) by the cell's hazards are S- - (F(t) - F) and
    -(F(t) - F), over 1 - h where times are coarsened. Columns as `kaplan_meier_from_counts`, with `incidence` for survival.
    """
    survival, risk = _survival(curve)[0], _number_at_risk(curve)
    gone = (curve["events"] + curve["competing"]).to_numpy(float)
    before = np.r_[1.0, survival[:-1]]
    share = np.divide(curve[kind].to_numpy(float), gone, out=np.zeros_like(gone), where=gone > 0)
    incidence = np.cumsum((before - survival) * share)
    own = curve[kind].to_numpy(float) / risk
    error = np.sqrt(
        [_variance(k, incidence, before, own, gone / risk - own, risk, _late(curve)) for k in range(len(risk))]
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        width = NORMAL_95 * error / np.abs(incidence * np.log(incidence))
        lower, upper = incidence ** np.exp(width), incidence ** np.exp(-width)
    lower, upper = (np.where(incidence > 0, limit, 0.0) for limit in (lower, upper))
    return _from_start(curve, {"incidence": incidence, "lower": lower, "upper": upper}, 0.0)


def _variance(
    at: int, incidence: np.ndarray, before: np.ndarray, own: np.ndarray, other: np.ndarray, risk: np.ndarray, late: bool
) -> float:
    """Of the incidence at the end of cell `at`."""
    part = slice(0, at + 1)
    stays = 1.0 if late else np.maximum(1 - own[part] - other[part], 1e-12)
    later = (incidence[at] - incidence[part]) / stays
    by_own, by_other = before[part] - later, -later
    spread = by_own**2 * own[part] + by_other**2 * other[part]
    if not late:
        spread = spread - (by_own * own[part] + by_other * other[part]) ** 2
    return float(np.sum(spread / risk[part]))


def _survival(curve: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Survival without any event at the end of each cell, and the variance of its logarithm."""
    gone, risk = (curve["events"] + curve["competing"]).to_numpy(float), _number_at_risk(curve)
    hazard = gone / risk
    if _late(curve):
        return np.exp(-np.cumsum(hazard)), np.cumsum(hazard / risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.cumprod(1 - hazard), np.cumsum(hazard / (risk * (1 - hazard)))


def _late(curve: pd.DataFrame) -> bool:
    return bool(curve["years"].notna().all())


def _number_at_risk(curve: pd.DataFrame) -> np.ndarray:
    """At the start of each cell, or with late entry on average over it."""
    mean = curve["years"] / (curve["end"] - curve["start"])
    return mean.where(curve["years"].notna(), curve["at_risk"]).to_numpy(float)


def _from_start(curve: pd.DataFrame, columns: dict[str, np.ndarray], first: float) -> pd.DataFrame:
    """The table of a curve with the row of its start."""
    left = curve["at_risk"] + curve["entered"] - curve["events"] - curve["competing"] - curve["censored"]
    start = (
        {"time": curve["start"].iloc[:1]} | {name: [first] for name in columns} | {"at_risk": curve["at_risk"].iloc[:1]}
    )
    table = {"time": curve["end"]} | columns | {"at_risk": left}
    return pd.concat([pd.DataFrame(start), pd.DataFrame(table)], ignore_index=True)
