"""Dealing one source to sites: sizes, disjointness, repeatability, and each site's own issues."""

import numpy as np
import pandas as pd
import pytest

from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.issues import COLUMNS, Issues
from hemapilots.harmonize.split import site_flow, sizes, split
from hemapilots.quality import quality

USE_CASE = {
    "variables": {"x": {"type": "number"}},
    "endpoints": {"os": {"label": "OS", "time": "t", "event": "e"}},
}
SHARES = {"b": 0.6, "a": 0.3, "c": 0.1}


def source(n=101):
    rows = np.arange(n) * 3
    x = np.where(np.arange(n) % 5 == 0, np.nan, 1.0)
    issues = Issues()
    issues.column("x", "null", "missing", "", np.isnan(x).sum() - 10)
    issues.column("x", "converted", None, "mg x 1 = g", n)
    issues.cells(rows[::5][:10], "x", "null", "range_hard", "", ["0"] * 10)
    issues.cells(np.array([1, 2]), "few", "rejected", "ineligible", "")
    table = pd.DataFrame({"row": rows, "x": x, "os_time": 1.0, "os_event": 1.0})
    return table, issues.table()


def test_rows_are_dealt_once_each_with_their_numbers():
    table, issues = source()
    sites = split(table, issues, {"sites": SHARES, "seed": 7})
    assert {name: len(records) for name, (records, _) in sites.items()} == {"b": 61, "a": 30, "c": 10}
    rows = np.concatenate([records["row"] for records, _ in sites.values()])
    assert sorted(rows) == table["row"].tolist()
    for records, _ in sites.values():
        assert records["row"].is_monotonic_increasing
        pd.testing.assert_frame_equal(records, table[table["row"].isin(records["row"])].reset_index(drop=True))


def test_the_seed_decides():
    table, issues = source()
    first, again, other = (split(table, issues, {"sites": SHARES, "seed": seed}) for seed in (7, 7, 8))
    for name in SHARES:
        pd.testing.assert_frame_equal(first[name][0], again[name][0])
        pd.testing.assert_frame_equal(first[name][1], again[name][1])
    assert first["b"][0]["row"].tolist() != other["b"][0]["row"].tolist()


def test_issues_follow_their_rows_and_add_up():
    table, issues = source()
    sites = split(table, issues, {"sites": SHARES, "seed": 7})
    parts = pd.concat([part for _, part in sites.values()])
    for keys in (("null", "missing"), ("null", "range_hard")):
        chosen = [frame[(frame["status"] == keys[0]) & (frame["reason"] == keys[1])] for frame in (issues, parts)]
        assert chosen[0]["count"].sum() == chosen[1]["count"].sum()
    assert "rejected" not in parts["status"].tolist()
    for records, part in sites.values():
        assert part.columns.tolist() == list(COLUMNS) and str(part["row"].dtype) == "Int64"
        assert part["row"].dropna().isin(records["row"]).all()
        assert part["count"].gt(0).all()
        nulls = part.loc[part["status"] == "null", "count"].sum()
        assert nulls == records["x"].isna().sum()


def test_a_dealt_site_has_a_flow_and_a_quality_record():
    records, part = split(*source(), {"sites": SHARES, "seed": 7})["b"]
    flow = site_flow(records, USE_CASE)
    assert flow["steps"][0]["records_out"] == 61 and flow["endpoints"]["os"]["patients"] == 61
    assert quality(records, part, flow, USE_CASE)["records"] == 61


@pytest.mark.parametrize(
    ("n", "shares", "expected"),
    [
        (10, {"a": 0.6, "b": 0.3, "c": 0.1}, {"a": 6, "b": 3, "c": 1}),
        (2957, {"a": 0.6, "b": 0.3, "c": 0.1}, {"a": 1774, "b": 887, "c": 296}),
        (10, {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}, {"a": 4, "b": 3, "c": 3}),
        (7, {"a": 0.5, "b": 0.5}, {"a": 4, "b": 3}),
        (5, {"a": 1.0}, {"a": 5}),
    ],
)
def test_sizes_are_those_of_the_largest_remainder(n, shares, expected):
    assert sizes(n, shares) == expected


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ({"a": 0.5, "b": 0.4}, "add up to 0.9"),
        ({"a": 1.5, "b": -0.5}, "positive"),
        ({}, "add up"),
        ({"a": 0.999, "b": 0.001}, "split.sites.b"),
    ],
)
def test_impossible_shares_are_refused(shares, words):
    with pytest.raises(HemaPilotsError, match=words):
        split(*source(), {"sites": shares, "seed": 1})


def test_what_only_the_source_went_through_belongs_to_no_site():
    table, _ = source()
    issues = Issues()
    issues.column(None, "rejected", "ineligible", "only in labs", 3)
    issues.column("x", "rejected", "parse_error", "beside the chosen", 2)
    issues.column("drawn", "null", "missing", "", 9)
    issues.column("x", "inferred", "unit_inferred", "mg", 80)
    issues.column("x", "null", "not_assayed", "", 21)
    parts = split(table, issues.table(), {"sites": SHARES, "seed": 7})
    for records, part in parts.values():
        assert part["status"].tolist() == ["inferred", "null"] and part["variable"].tolist() == ["x", "x"]
        assert part["count"].tolist() == [records["x"].notna().sum(), records["x"].isna().sum()]


NATURAL = {"by": "ward", "sites": {"north": ["1", "3"], "south": ["2"]}}


def test_rows_that_name_their_site_go_there():
    table, issues = source(99)
    sites = split(table.assign(site=list("123" * 33)), issues, NATURAL)
    assert sites["south"][0]["row"].tolist() == list(range(3, 297, 9))
    assert len(sites["north"][0]) == 66 and not set(sites["north"][0]["row"]) & set(sites["south"][0]["row"])
    assert all("site" not in records for records, _ in sites.values())


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ("4", ["\"ward\" has the value '4'", "list every value"]),
        (None, ['"ward" is blank for 1 of the included records']),
    ],
)
def test_a_row_of_no_listed_site_stops_the_run(last, words):
    table, issues = source(99)
    with pytest.raises(HemaPilotsError) as error:
        split(table.assign(site=[*("123" * 33)[:-1], last]), issues, NATURAL)
    assert all(word in str(error.value) for word in ["cohort.split.sites", *words])


def test_a_site_without_rows_stops_the_run():
    table, issues = source(99)
    with pytest.raises(HemaPilotsError, match="none of the included records to site south"):
        split(table.assign(site="3"), issues, NATURAL)
