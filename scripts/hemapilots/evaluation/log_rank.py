"""Log-rank tests from sums: of groups of patients stratified by site, exact on original times, and of sites against each other.

Per group the events less those expected under one hazard for all, and their hypergeometric covariance, summed over event times.
Sums of several strata add up, so the stratified test over all sites is exact though no time leaves any of them. Sites themselves are
compared from their released curves; the statistic is exact for times coarsened to the cells where no cells were merged. Where they
were, events and patients at risk are spread evenly over the grid's cells inside; how far that is from the test on original times
stands beside it where rows may be pooled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from hemapilots.evaluation.curves import counted_until
from hemapilots.evaluation.sample import levels_of

__all__ = [
    "LOG_RANK_COLUMNS",
    "SITES",
    "LogRank",
    "across_sites",
    "from_counts",
    "log_rank",
    "log_rank_table",
    "log_rank_tests",
    "sites_table",
]

# One row for each pair of groups; the difference, observed less expected events, stands where both are the same.
LOG_RANK_COLUMNS = ["site", "endpoint", "by", "level", "other", "difference", "covariance"]
# Stands for a comparison of the sites themselves; no variable has a space in its name.
SITES = "the sites"
# Groups' sums add up to nothing; of the largest variance so small a share is an error of arithmetic.
SINGULAR = 1e-9
ADDED = ["endpoint", "by", "level", "other"]


@dataclass(frozen=True)
class LogRank:
    """difference (g,): observed less expected events of each group; covariance (g, g) of them where all have the same hazard."""

    difference: np.ndarray
    covariance: np.ndarray

    @property
    def degrees(self) -> int:
        """Degrees of freedom: groups less one, or fewer where groups are never at risk together."""
        rank = np.linalg.matrix_rank(self.covariance, tol=SINGULAR * np.abs(self.covariance).max(), hermitian=True)
        return int(rank) if self.covariance.any() else 0

    @property
    def statistic(self) -> float:
        """Chi-squared; nan where nothing can be compared."""
        if self.degrees == 0:
            return float("nan")
        return float(self.difference @ np.linalg.pinv(self.covariance, SINGULAR, hermitian=True) @ self.difference)

    @property
    def p(self) -> float:
        """The probability of a statistic as large where all groups have the same hazard."""
        return float(chdtrc(self.degrees, self.statistic)) if self.degrees else float("nan")


def from_counts(events: np.ndarray, at_risk: np.ndarray, ties: bool = True) -> LogRank:
    """The sums from events and patients at risk per time and group (c, g).

    ties: events at one time are drawn without replacement; where patients at risk are a mean over a cell, they are not.
    """
    d, y = events.sum(axis=1), at_risk.sum(axis=1)
    share = np.divide(at_risk, y[:, None], out=np.zeros_like(at_risk), where=y[:, None] > 0)
    spread = d * (np.divide(y - d, y - 1, out=np.zeros_like(y), where=y > 1) if ties else 1.0)
    covariance = np.diag(spread @ share) - (spread[:, None] * share).T @ share
    return LogRank(events.sum(axis=0) - d @ share, covariance)


def log_rank(entry: np.ndarray, time: np.ndarray, event: np.ndarray, group: np.ndarray, groups: int) -> LogRank:
    """The sums of one stratum on original times: event (n,) bool, group (n,) a number below `groups`; at risk: entry < t <= time."""
    times = np.unique(time[event])
    died, at_risk = np.zeros((len(times), groups)), np.zeros((len(times), groups))
    for g in range(groups):
        own = group == g
        died[:, g] = np.bincount(np.searchsorted(times, time[own & event]), minlength=len(times))
        came, gone = (np.searchsorted(np.sort(values[own]), times, side="left") for values in (entry, time))
        at_risk[:, g] = came - gone
    return from_counts(died, at_risk)


def log_rank_table(site: str, outcomes: pd.DataFrame, spec: Mapping[str, Any]) -> pd.DataFrame:
    """The site's sums for each subgroup variable and endpoint, LOG_RANK_COLUMNS; levels with few patients or events are left out."""
    rows = []
    for endpoint in spec["endpoints"]:
        entry, time, event, known = _outcome(outcomes, endpoint)
        for variable in spec["subgroups"]:
            level = levels_of(outcomes.loc[known, variable])
            names = [name for name in np.unique(level[level != ""]) if _enough(level == name, event, spec)]
            if len(names) > 1:
                inside = np.isin(level, names)
                group = np.searchsorted(names, level[inside])
                sums = log_rank(entry[inside], time[inside], event[inside], group, len(names))
                rows += _rows(site, endpoint, variable, names, sums)
    return pd.DataFrame(rows, columns=LOG_RANK_COLUMNS)


def _enough(own: np.ndarray, event: np.ndarray, spec: Mapping[str, Any]) -> bool:
    minimum = int(spec["minimum_cell"])
    return np.count_nonzero(own) >= minimum and np.count_nonzero(own & event) >= minimum


def sites_table(outcomes: Mapping[str, pd.DataFrame], spec: Mapping[str, Any]) -> pd.DataFrame:
    """The sums of the sites against each other on original times, LOG_RANK_COLUMNS by SITES; only where rows may be pooled."""
    rows, names = [], sorted(outcomes)
    for endpoint in spec["endpoints"]:
        parts = [_outcome(outcomes[name], endpoint)[:3] for name in names]
        group = np.repeat(np.arange(len(names)), [len(part[0]) for part in parts])
        sums = log_rank(*(np.concatenate(column) for column in zip(*parts, strict=True)), group, len(names))
        rows += _rows("all", endpoint, SITES, names, sums)
    return pd.DataFrame(rows, columns=LOG_RANK_COLUMNS)


def _outcome(outcomes: pd.DataFrame, endpoint: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """entry, time and event (n,) of the patients whose outcome is known, and who they are."""
    known = outcomes[f"{endpoint}_event"].notna().to_numpy()
    entry, time, event = (outcomes.loc[known, f"{endpoint}_{part}"].to_numpy() for part in ("entry", "time", "event"))
    return entry, time, event == 1, known


def _rows(site: str, endpoint: str, by: str, names: list[str], sums: LogRank) -> list[tuple]:
    return [
        (site, endpoint, by, a, b, sums.difference[i] if i == j else np.nan, sums.covariance[i, j])
        for i, a in enumerate(names)
        for j, b in enumerate(names)
    ]


def log_rank_tests(table: pd.DataFrame) -> dict[tuple[str, str], LogRank]:
    """By (endpoint, by) the test over all strata of a table of sums."""
    total = table.groupby(ADDED, sort=True)[["difference", "covariance"]].sum().reset_index()
    found = {}
    for key, part in total.groupby(["endpoint", "by"], sort=False):
        square = part.pivot(index="level", columns="other", values="covariance").fillna(0.0)
        own = part[part["level"] == part["other"]].set_index("level")["difference"].reindex(square.index)
        found[key] = LogRank(own.to_numpy(), square.reindex(columns=square.index).to_numpy())
    return found


def across_sites(curves: pd.DataFrame, edges: np.ndarray) -> tuple[pd.DataFrame, LogRank]:
    """Sites compared from their curves of one endpoint (CURVE_COLUMNS), on cells between edges: events of each, and the test.

    Returns a table site, observed, expected. A site is at risk from where its curve begins to where it ends. With late entry the
    number at risk is its mean over the cell.
    """
    by_site = dict(list(curves.groupby("site", sort=True)))
    late = bool(curves["years"].notna().any())
    counted = [_cells(curve, edges, late) for curve in by_site.values()]
    events, at_risk = (np.column_stack(column) for column in zip(*counted, strict=True))
    sums, observed = from_counts(events, at_risk, ties=not late), events.sum(axis=0)
    table = {"site": list(by_site), "observed": observed, "expected": observed - sums.difference}
    return pd.DataFrame(table), sums


def _cells(curve: pd.DataFrame, edges: np.ndarray, late: bool) -> tuple[np.ndarray, np.ndarray]:
    """A site's events and number at risk in each cell of the grid (c,); 0 outside its curve."""
    inside = (edges[:-1] >= curve["start"].iloc[0] - 1e-9) & (edges[1:] <= curve["end"].iloc[-1] + 1e-9)
    events = np.diff(counted_until(curve, "events", edges))
    if late:
        at_risk = np.diff(counted_until(curve, "years", edges)) / np.diff(edges)
    else:
        gone = sum(counted_until(curve, kind, edges[:-1]) for kind in ("events", "competing", "censored"))
        at_risk = curve["at_risk"].iloc[0] - gone
    return np.where(inside, events, 0.0), np.where(inside, at_risk, 0.0)
