"""Checks of a quality record: what is counted, what passes, and that nothing is said beyond the record."""

import numpy as np
import pandas as pd
import pytest

from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.issues import Issues
from hemapilots.paths import RESOURCES
from hemapilots.quality import load_checks, released_record, tally
from hemapilots.quality.table import check_lines
from hemapilots.support import MINIMUM_SUPPORT

RULES = RESOURCES / "quality" / "thresholds.yaml"
VARIABLES = {
    "x": {"label": "X", "type": "number", "unit": "g/dL", "hard": [0, 9], "soft": [1, 8]},
    "c": {"label": "C", "type": "category", "levels": ["u", "v"]},
    "g": {"label": "G", "type": "flag", "gene": "TP53"},
    "d": {"label": "D", "type": "date"},
}
USE_CASE = {"name": "small", "title": "Small", "variables": VARIABLES, "endpoints": {}, "table_one": ["c"]}
N = 200


def site(n=N, cells=(), columns=(), use_case=USE_CASE, steps=None, endpoints=None, minimum=MINIMUM_SUPPORT, rounding=1):
    """A record. cells: (variable, status, reason, how many); nulled ones come first in the column, flagged ones last."""
    table = pd.DataFrame({"row": np.arange(n), "x": 2.0, "c": "u", "g": 0.0})
    issues, start = Issues(), dict.fromkeys(VARIABLES, 0)
    for variable, status, reason, count in cells:
        rows = np.arange(start[variable], start[variable] + count)
        start[variable] += count
        if status == "flagged":
            rows = n - 1 - rows
        elif variable in table:
            table.loc[rows, variable] = None if variable == "c" else np.nan
        if reason is not None:
            issues.cells(rows, variable, status, reason, "rule")
    for variable, status, reason, detail, count in columns:
        issues.column(variable, status, reason, detail, count)
    steps = steps or [
        {"step": "s", "label": "S", "records_in": n, "records_out": n, "lost": 0, "unknown": 0, "reason": None}
    ]
    flow = {"steps": steps, "endpoints": endpoints or {}}
    return released_record(table, issues.table(), flow, use_case, load_checks(RULES, use_case), rounding, b"", minimum)


def found(record, name):
    return next(row for row in record["checks"] if row["id"] == name)


def said(record, name):
    row = found(record, name)
    return row["n_checked"], row["n_failed"], row["percent"], row["pass"]


def test_the_rules_hold_every_category_in_both_contexts():
    rows = site()["checks"]
    assert {(row["category"], row["context"]) for row in rows} == {
        (category, context)
        for category in ("conformance", "completeness", "plausibility")
        for context in ("verification", "validation")
    }
    subcategories = {row["subcategory"] for row in rows} - {None}
    assert subcategories == {"value", "relational", "computational", "uniqueness", "atemporal", "temporal"}
    keys = ["id", "category", "subcategory", "context", "variable", "label", "description"]
    keys += ["n_checked", "n_failed", "percent", "threshold", "pass", "note"]
    assert all(list(row) == keys for row in rows)
    assert len({row["id"] for row in rows}) == len(rows)


def test_a_clean_site_passes_everything_that_can_be_judged():
    counts = tally(site()["checks"])
    assert counts["failed"] == 0 and counts["passed"] > 10 and counts["not_assessed"] >= 4


@pytest.mark.parametrize(
    ("variable", "status", "reason", "count", "check", "expected"),
    [
        ("x", "null", "parse_error", 20, "readable.x", (200, 20, 10.0, False)),
        ("x", "null", "range_hard", 20, "possible.x", (200, 20, 10.0, False)),
        ("x", "flagged", "range_soft", 30, "usual.x", (200, 30, 15.0, False)),
        ("x", "flagged", "range_soft", 10, "usual.x", (200, 10, 5.0, True)),
        ("x", "null", "unit_conflict", 20, "unit.x", (200, 20, 10.0, False)),
        ("x", "null", "date_order", 20, "order.x", (200, 20, 10.0, False)),
        ("c", "null", "code_unknown", 40, "mapped.c", (200, 40, 20.0, False)),
        ("c", "null", "free_text_unmapped", 10, "mapped.c", (200, 10, 5.0, True)),
        ("c", "flagged", "contradiction", 20, "agreement.c", (200, 20, 10.0, False)),
        ("c", "null", "missing", 120, "complete.c", (200, 120, 60.0, False)),
        ("c", "null", None, 60, "complete.c", (200, 60, 30.0, True)),
        ("d", "null", "date_invalid", 40, "readable_date.d", (200, 40, 20.0, False)),
        ("d", "null", "date_order", 40, "order_of_dates.d", (200, 40, 20.0, False)),
    ],
)
def test_each_fault_fails_its_check(variable, status, reason, count, check, expected):
    record = site(cells=[(variable, status, reason, count)])
    assert said(record, check) == expected


def test_cells_that_say_missing_are_not_delivered():
    record = site(cells=[("x", "null", "missing", 100), ("x", "null", "range_hard", 10)])
    assert said(record, "possible.x") == (100, 10, 10.0, False)


def test_a_gene_that_was_not_assayed_is_not_missing():
    record = site(cells=[("g", "null", "not_assayed", 150), ("g", "null", None, 20)])
    assert said(record, "complete.g") == (50, 20, 40.0, True)


def test_a_cell_counts_once_and_only_as_what_became_of_it():
    table = pd.DataFrame({"row": np.arange(N), "x": [np.nan] * 20 + [2.0] * (N - 20), "c": "u", "g": 0.0})
    issues = Issues()
    issues.cells(np.arange(20), "x", "null", "date_order", "")
    issues.cells(np.arange(20), "x", "null", "range_hard", "")
    issues.cells(np.arange(20), "x", "flagged", "range_soft", "flagged first, then nulled")
    issues.cells(np.arange(30, 50), "x", "null", "parse_error", "nulled first, then filled from elsewhere")
    flow = {"steps": [], "endpoints": {}}
    record = released_record(table, issues.table(), flow, USE_CASE, load_checks(RULES), 1, b"")
    entry = record["variables"]["x"]
    assert (entry["absent"], entry["nulled"]["date_order"], entry["nulled"]["range_hard"]) == (20, 20, 0)
    assert entry["nulled"]["parse_error"] == 0 and entry["flagged"]["range_soft"] == 0


def test_variables_that_the_site_does_not_have_are_not_judged():
    record = site(cells=[("x", "null", None, N)], columns=[("x", "null", "missing", "not in the mapping", N)])
    row = found(record, "complete.x")
    assert row["pass"] is None and row["note"] == "not delivered by this site"


def test_a_column_that_is_refused_as_a_whole_fails_with_all_that_was_delivered():
    cells = [("x", "null", "missing", 50), ("x", "null", None, N - 50)]
    record = site(cells=cells, columns=[("x", "null", "unit_unknown", "no unit fits", N - 50)])
    assert said(record, "unit.x") == (150, 150, 100.0, False)
    assert found(record, "readable.x")["pass"] is True


def test_patients_of_further_files_and_duplicates():
    steps = [
        {"step": "a", "label": "A", "records_in": 210, "records_out": 210, "lost": 0, "unknown": 0, "reason": None}
    ]
    steps += [
        {
            "step": "b",
            "label": "B",
            "records_in": 210,
            "records_out": N,
            "lost": 10,
            "unknown": 0,
            "reason": "duplicate",
        }
    ]
    record = site(steps=steps, columns=[(None, "rejected", "ineligible", "only in labs", 40)])
    assert said(record, "one_record") == (210, 10, 4.8, False)
    assert said(record, "same_patients") == (250, 40, 16.0, False)


def test_outcomes():
    counts = {
        "label": "OS",
        "patients": 150,
        "events": 80,
        "competing": 0,
        "censored": 70,
        "unknown": 50,
        "zero_time": 30,
    }
    record = site(endpoints={"os": counts})
    assert said(record, "outcome.os") == (200, 50, 25.0, False)
    assert said(record, "time_zero.os") == (150, 30, 20.0, False)


def test_expected_shares_are_compared_where_a_use_case_gives_them():
    expected = {**VARIABLES, "c": VARIABLES["c"] | {"expected": {"u": [40, 60], "v": [0, 100]}}}
    record = site(use_case=USE_CASE | {"variables": expected}, cells=[("c", "null", None, 20)])
    assert found(record, "share.c.u")["pass"] is False and found(record, "share.c.u")["percent"] == 100
    assert found(record, "share.c.v")["pass"] is True
    assert found(site(), "plausibility.atemporal.validation")["pass"] is None


def test_thresholds_can_be_stated_and_unknown_ones_are_refused():
    own = USE_CASE | {"quality": {"possible": 20, "possible.x": 5}}
    assert found(site(use_case=own, cells=[("x", "null", "range_hard", 20)]), "possible.x")["pass"] is False
    own = USE_CASE | {"quality": {"possible": 20}}
    assert found(site(use_case=own, cells=[("x", "null", "range_hard", 20)]), "possible.x")["pass"] is True
    with pytest.raises(HemaPilotsError, match="quality.posible: there is no such check"):
        load_checks(RULES, USE_CASE | {"quality": {"posible": 20}})


@pytest.mark.parametrize("failed", [1, 2, 3, 4])
def test_a_small_count_is_judged_without_being_told(failed):
    record = site(cells=[("x", "null", None, 50), ("x", "null", "range_hard", failed)])
    row = found(record, "possible.x")
    assert (row["n_failed"], row["percent"]) == (None, None)
    # 4 of at least 150 is more than one per cent, 1 is less: nothing can be said. Of 5 per cent it can.
    assert row["pass"] is None and found(record, "readable.x")["n_failed"] == 0
    own = USE_CASE | {"quality": {"possible": 5}}
    row = found(site(use_case=own, cells=[("x", "null", None, 50), ("x", "null", "range_hard", failed)]), "possible.x")
    assert row["pass"] is True and row["n_failed"] is None and row["note"] == "fewer than 5 failed"


def test_checks_are_made_from_the_released_record_alone():
    """Sites whose records look alike have the same checks: a check tells nothing that the record does not."""
    alike = {}
    for missing in range(6):
        for failed in range(8):
            record = site(n=30, cells=[("x", "null", None, missing), ("x", "null", "range_hard", failed)])
            checks = record.pop("checks")
            alike.setdefault(str(record), []).append(str(checks))
    assert all(len(set(checks)) == 1 for checks in alike.values())
    assert max(map(len, alike.values())) > 1


def test_rounded_counts_give_rounded_checks():
    record = site(cells=[("x", "null", "range_hard", 12), ("c", "null", "code_unknown", 41)], rounding=5)
    assert said(record, "possible.x") == (200, 10, 5.0, False)
    assert said(record, "mapped.c") == (200, 40, 20.0, False)


def test_nothing_is_hidden_from_the_site_itself():
    record = site(cells=[("x", "null", None, 3), ("x", "null", "range_hard", 2)], minimum=1)
    assert said(record, "possible.x") == (197, 2, 1.0, False)
    assert said(record, "complete.x") == (200, 5, 2.5, True)


def test_a_site_of_few_patients_says_nothing():
    record = site(n=4, cells=[("x", "null", "range_hard", 2)])
    assert record["records"] is None
    assert all(row["n_checked"] in (None, 0) for row in record["checks"] if row["variable"])


def test_a_terminal_table_has_the_failed_checks_worst_first():
    lines = check_lines(site(cells=[("x", "null", "range_hard", 20), ("c", "null", "code_unknown", 40)])["checks"])
    text = "\n".join(lines)
    assert text.index("mapped.c") < text.index("possible.x")
    assert [line.split()[0] for line in lines[1:4]] == ["conformance", "completeness", "plausibility"]


def test_rules_with_a_key_missing_are_refused(tmp_path):
    path = tmp_path / "thresholds.yaml"
    path.write_text("checks: {odd: {category: conformance}}\nshare: {}\nnot_assessed: []\n")
    with pytest.raises(HemaPilotsError, match=r"checks\.odd: it needs"):
        load_checks(path)


@pytest.mark.parametrize("reason", ["outside_window", "transfused", "not_steady_state"])
def test_a_right_value_of_another_time_contradicts_nothing(reason):
    """It is missing at the index date, and no sign that columns disagree."""
    record = site(cells=[("x", "null", reason, 100)])
    assert said(record, "agreement.x") == (100, 0, 0.0, True)
    assert said(record, "complete.x") == (200, 100, 50.0, True)
