"""Deals the records of one source to sites: to those that the source names, or at random; public cohorts only."""

import math

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.endpoints import endpoint_counts
from hemapilots.harmonize.issues import COLUMNS
from hemapilots.harmonize.skew import skewed

__all__ = ["site_flow", "sizes", "split"]

SITE = "site"


def split(harmonized: pd.DataFrame, issues: pd.DataFrame, rule: dict) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Site -> (harmonized, issues); row numbers are kept, ascending.

    rule: `sites` with the shares of a random permutation drawn by `seed`, or of the classes of a `skew`; or `by`, a column of the
    source, and `sites` with the values of each, which the column `site` of `harmonized` holds and which no site keeps.
    A site's issues are the listed cells of its records, and what holds for a whole column of the harmonized table with
    the site's own counts. Records that inclusion dropped, and what the source as a whole went through (remarks of the
    reader, columns that are not kept), belong to no site. Raises HemaPilotsError where a row belongs to no site or a site has none.
    """
    if rule.get("by"):
        places = _named(harmonized[SITE], rule)
    else:
        places = skewed(harmonized, rule) if rule.get("skew") else _dealt(len(harmonized), rule)
    records = harmonized.drop(columns=SITE, errors="ignore")
    dealt = {site: records.iloc[rows].reset_index(drop=True) for site, rows in places.items()}
    return {site: (rows, _issues_of(rows, issues)) for site, rows in dealt.items()}


def _dealt(n: int, rule: dict) -> dict[str, np.ndarray]:
    """The places of each site's records: a random permutation cut by `sizes`."""
    counts = sizes(n, rule["sites"])
    order = np.random.default_rng([rule["seed"]]).permutation(n)
    ends = np.cumsum(list(counts.values()))
    return {site: np.sort(order[end - count : end]) for (site, count), end in zip(counts.items(), ends, strict=True)}


def _named(column: pd.Series, rule: dict) -> dict[str, np.ndarray]:
    """The places of each site's records, by the value that the source gives them."""
    where, blank = f'cohort.split.sites: column "{rule["by"]}"', int(column.isna().sum())
    if blank:
        raise HemaPilotsError(f"{where} is blank for {blank} of the included records; complete it in the source")
    listed = {value: site for site, values in rule["sites"].items() for value in values}
    strange = sorted(set(column) - set(listed))
    if strange:
        raise HemaPilotsError(f"{where} has the value {strange[0]!r}, which no site lists; list every value")
    site_of = column.map(listed).to_numpy()
    places = {site: np.flatnonzero(site_of == site) for site in rule["sites"]}
    empty = [site for site, rows in places.items() if len(rows) == 0]
    if empty:
        raise HemaPilotsError(f"{where} gives none of the included records to site {empty[0]}; correct its values")
    return places


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
