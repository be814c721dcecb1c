"""Deals the records of one source to simulated sites: public and synthetic cohorts only."""

import math

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.endpoints import endpoint_counts
from hemapilots.harmonize.issues import COLUMNS

__all__ = ["site_flow", "sizes", "split"]


def split(
    harmonized: pd.DataFrame, issues: pd.DataFrame, shares: dict[str, float], seed: int
) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Site -> (harmonized, issues): a random permutation cut by `sizes`; row numbers are kept, ascending.

    A site's issues are the listed cells of its records, and what holds for a whole column of the harmonized table with
    the site's own counts. Records that inclusion dropped, and what the source as a whole went through (remarks of the
    reader, columns that are not kept), belong to no site.
    """
    counts = sizes(len(harmonized), shares)
    order = np.random.default_rng([seed]).permutation(len(harmonized))
    dealt, start = {}, 0
    for site, count in counts.items():
        places = np.sort(order[start : start + count])
        start += count
        records = harmonized.iloc[places].reset_index(drop=True)
        dealt[site] = (records, _issues_of(records, issues))
    return dealt


def sizes(n: int, shares: dict[str, float]) -> dict[str, int]:
    """Records per site by the largest-remainder method; ties go to the site named first.

    Raises HemaPilotsError where a share is not positive, they do not add up to 1, or a site would get nobody.
    """
    total = sum(shares.values())
    if not shares or min(shares.values()) <= 0 or not math.isclose(total, 1, abs_tol=1e-9):
        raise HemaPilotsError(
            f"cohort.split.sites: the shares add up to {total:g}; give positive shares that add up to 1"
        )
    exact = {site: n * share for site, share in shares.items()}
    # The slack keeps 0.1 + 0.2 arithmetic from moving a patient.
    counts = {site: math.floor(value + 1e-9) for site, value in exact.items()}
    by_remainder = sorted(exact, key=lambda site: round(counts[site] - exact[site], 9))
    for site in by_remainder[: n - sum(counts.values())]:
        counts[site] += 1
    empty = [site for site, count in counts.items() if count == 0]
    if empty:
        raise HemaPilotsError(f"cohort.split.sites.{empty[0]}: it gets none of {n} records; raise its share")
    return counts


def site_flow(harmonized: pd.DataFrame, use_case: dict) -> dict:
    """The flow of a site that was dealt its records: one step without loss, and its endpoints."""
    n = len(harmonized)
    step = {"step": "dealt", "label": "Records dealt to the site", "records_in": n, "records_out": n}
    step |= {"lost": 0, "unknown": 0, "reason": None}
    endpoints = endpoint_counts(harmonized, use_case["endpoints"])
    for counts in endpoints.values():
        counts["lines"] = [
            _line("dealt", step["label"], None, n, n, counts["events"]),
            _line("endpoint", "Time, event or entry missing", "missing", n, counts["patients"], counts["events"]),
        ]
    return {"steps": [step], "endpoints": endpoints, "reconciliation": {}}


def _line(name: str, label: str, reason: str | None, into: int, out: int, events: int) -> dict:
    """A line of `flow`: of a dealt record nothing is known but what is left, so no event is lost here."""
    line = {"step": name, "label": label, "reason": reason}
    line |= {"patients_in": into, "patients_out": out, "patients_lost": into - out}
    return line | {"events_in": events, "events_out": events, "events_lost": 0}


def _issues_of(records: pd.DataFrame, issues: pd.DataFrame) -> pd.DataFrame:
    listed = issues[issues["row"].notna() & issues["row"].isin(records["row"])]
    whole = issues[
        issues["row"].isna() & issues["variable"].isin(records.columns) & (issues["status"] != "rejected")
    ].copy()
    nulled = listed[listed["status"] == "null"].groupby("variable")["reason"].value_counts()
    whole["count"] = [
        min(count, _whole_count(records, nulled, variable, status))
        for variable, status, count in zip(whole["variable"], whole["status"], whole["count"], strict=True)
    ]
    whole = whole[whole["count"] > 0]
    order = issues.index.intersection(whole.index.union(listed.index), sort=True)
    return pd.concat([whole, listed]).loc[order].reset_index(drop=True).astype(COLUMNS)


def _whole_count(records: pd.DataFrame, nulled: pd.Series, variable: str, status: str) -> int:
    if status == "null":
        # A variable has one such row; what else is null is listed.
        listed = int(nulled.loc[variable].sum()) if variable in nulled.index else 0
        return int(records[variable].isna().sum()) - listed
    out_of_range = int(nulled.get((variable, "range_hard"), 0))
    return int(records[variable].notna().sum()) + out_of_range
