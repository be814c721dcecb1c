"""A whole source: derived variables, inclusion, endpoints, flow, and the errors that stop it."""

import copy
import hashlib
import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dirty import DATED
from dirty import run as run_dirty
from hemapilots.delivered import Delivered, Remark
from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.engine import harmonize
from hemapilots.harmonize.issues import COLUMNS, Issues, raw_hashes
from hemapilots.harmonize.reading.units import load_factors

FACTORS = load_factors(Path(__file__).parents[2] / "resources/units/factors.csv")
USE_CASE = {
    "variables": {
        "sex": {"label": "Sex", "type": "category", "levels": ["F", "M"]},
        "blast": {"label": "Blasts", "type": "number", "unit": "%", "soft": [0, 19], "hard": [0, 100]},
        "gene": {"label": "Gene", "type": "flag"},
        "other": {"label": "Never delivered", "type": "flag"},
        "months": {"label": "Months", "type": "number", "unit": "a", "hard": [0, 60]},
        "died": {"label": "Died", "type": "flag"},
        "seen": {"label": "First seen", "type": "number", "unit": "a", "hard": [0, 60]},
    },
    "derived": {
        "half": {"label": "Half", "type": "number", "unit": "%", "expression": "blast / 2"},
        "quarter": {"label": "Quarter", "type": "number", "unit": "%", "expression": "half / 2"},
        "group": {"label": "Group", "type": "category", "expression": 'case(blast < 10, "low", "high")'},
    },
    "inclusion": [
        {"name": "few", "label": "Few blasts", "expression": "blast < 20", "reason": "ineligible"},
        {"name": "known", "label": "Not male", "expression": 'sex != "M"', "reason": "ineligible"},
    ],
    "endpoints": {
        "os": {"label": "Overall", "time": "months", "event": "died"},
        "late": {
            "label": "Delayed",
            "time": "months",
            "event": "case(gene, 2, died)",
            "entry": "seen",
            "competing": "Other",
        },
    },
}
MAPPING = {
    "name": "clinic",
    "missing": {"NA": "missing"},
    "files": {"main": {"path": "x.csv", "decimal": ","}},
    "variables": {
        "sex": {"column": "SEX"},
        "blast": {"column": "BLAST", "unit": "%"},
        "gene": {"column": "GENE"},
        "months": {"column": "FU", "unit": "mo"},
        "died": {"column": "DEAD", "values": {"no": 0, "yes": 1}},
        "seen": {"column": "SEEN", "unit": "a"},
    },
}
RAW = pd.DataFrame(
    {
        "row": np.arange(8),
        "patient_id": [f"i{place}" for place in range(8)],
        "sex": ["F", "M", "F", "NA", "F", "F", "F", "F"],
        "blast": ["4,5", "5", "25", "NA", "19,5", "1", "2", "3"],
        "gene": ["0", "1", "0", "1", "0", "0", "0", "1"],
        "months": ["12", "24", "36", "0", "NA", "6", "48", "60"],
        "died": ["yes", "no", "yes", "no", "no", "NA", "yes", "yes"],
        "seen": ["0,5", "0", "0", "0", "0", "0", "4", "NA"],
    }
)


def as_delivered(raw):
    return Delivered(
        raw.assign(**{name: pd.Categorical(raw[name]) for name in raw if name not in ("row", "patient_id")})
    )


def run(raw=RAW, use_case=USE_CASE, mapping=MAPPING):
    return harmonize(as_delivered(raw), use_case, mapping, FACTORS)


def test_columns_rows_and_values():
    table, issues, flow = run()
    endpoints = [f"{name}_{part}" for name in ("os", "late") for part in ("entry", "time", "event")]
    assert table.columns.tolist() == ["row", *USE_CASE["variables"], *USE_CASE["derived"], *endpoints]
    assert table["row"].tolist() == [0, 3, 4, 5, 6, 7]
    assert table.dtypes.drop(["row", "sex", "group"]).eq("float64").all() and table["row"].dtype == "int64"
    assert table["sex"].tolist() == ["F", None, "F", "F", "F", "F"]
    assert table["group"].tolist() == ["low", None, "high", "low", "low", "low"]
    np.testing.assert_allclose(table["quarter"], table["blast"] / 4)
    assert table["other"].isna().all()
    assert "patient_id" not in table


def test_endpoints_in_years_with_half_a_day_for_zero():
    table, _, flow = run()
    np.testing.assert_allclose(table["os_time"], [1, 0.5 / 365.25, np.nan, np.nan, 4, 5])
    np.testing.assert_array_equal(table["os_event"], [1, 0, np.nan, np.nan, 1, 1])
    np.testing.assert_array_equal(table["os_entry"], [0, 0, np.nan, np.nan, 0, 0])
    # Row 6 enters when it leaves, row 7 has no entry.
    np.testing.assert_array_equal(table["late_event"], [1, 2, np.nan, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(table["late_entry"][:2], [0.5, 0])
    expected = {"patients": 4, "events": 3, "competing": 0, "censored": 1, "unknown": 2, "zero_time": 1}
    assert {**flow["endpoints"]["os"], "lines": []} == {
        "label": "Overall",
        **expected,
        "delivered": True,
        "lines": [],
    }
    assert flow["endpoints"]["late"]["competing"] == 1


def test_flow_adds_up():
    _, issues, flow = run()
    steps = flow["steps"]
    assert [step["lost"] for step in steps] == [0, 1, 1]
    assert [step["unknown"] for step in steps] == [0, 1, 1]
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        assert step["records_in"] - step["lost"] == step["records_out"]
        assert following is None or step["records_out"] == following["records_in"]
    rejected = issues[issues["status"] == "rejected"]
    assert rejected["row"].tolist() == [2, 1] and rejected["reason"].tolist() == ["ineligible"] * 2
    for counts in flow["endpoints"].values():
        assert counts["events"] + counts["competing"] + counts["censored"] == counts["patients"]
        assert counts["patients"] + counts["unknown"] == steps[-1]["records_out"]


def test_issues_of_endpoints_and_absent_columns():
    _, issues, _ = run()
    assert issues.columns.tolist() == list(COLUMNS)
    found = issues[["row", "variable", "status", "reason", "count"]].astype(object).where(issues.notna(), None)
    found = [tuple(values) for values in found.itertuples(index=False)]
    assert (None, "other", "null", "missing", 8) in found
    assert (3, "os_time", "flagged", "zero_time", 1) in found
    assert (None, "os_time", "null", "missing", 2) in found
    assert (6, "late_time", "null", "date_order", 1) in found
    assert (None, "died", "mapped", None, 7) in found
    assert (None, "months", "converted", None, 7) in found
    assert {kind: str(issues[kind].dtype) for kind in ("row", "count")} == {"row": "Int64", "count": "int64"}


def test_same_input_gives_the_same_tables_and_keeps_the_input():
    before = RAW.copy(deep=True)
    first, second = run(), run()
    pd.testing.assert_frame_equal(first[0], second[0])
    pd.testing.assert_frame_equal(first[1], second[1])
    pd.testing.assert_frame_equal(RAW, before)


def check_refused(words, raw=RAW, use_case=USE_CASE, mapping=MAPPING):
    with pytest.raises(HemaPilotsError) as error:
        run(raw, use_case, mapping)
    for word in words:
        assert word in str(error.value)
    assert str(error.value).isprintable()


def without_hard(name):
    use_case = copy.deepcopy(USE_CASE)
    del use_case["variables"][name]["hard"]
    return use_case


@pytest.mark.parametrize("use_case", [USE_CASE, without_hard("months")])
def test_negative_times_stop_also_where_the_range_would_null_them(use_case):
    raw = RAW.assign(months=["-1", "24", "36", "-0,5", "NA", "6", "48", "60"])
    check_refused(["mapping clinic", 'column "FU"', "2 records", 'endpoint "os"', "correct them"], raw, use_case)
    raw = RAW.assign(seen=["-1"] + ["0"] * 7)
    check_refused(['column "SEEN"', "1 records", "negative entry", 'endpoint "late"'], raw, use_case)


def test_a_negative_derived_time_stops():
    use_case = copy.deepcopy(USE_CASE)
    use_case["endpoints"]["os"]["time"] = "months - seen - 1"
    check_refused(['columns "FU", "SEEN"', "negative time"], use_case=use_case)


def test_a_negative_predictor_is_only_out_of_range():
    table, issues, _ = run(RAW.assign(blast=["-5"] + RAW["blast"].tolist()[1:]))
    assert np.isnan(table["blast"][0]) and "range_hard" in issues["reason"].tolist()


def test_an_endpoint_without_times_or_patients_stops():
    check_refused(['column "FU"', "no record has a time", 'endpoint "os"'], RAW.assign(months="NA"))
    check_refused(["no usable patient", "mapping clinic"], RAW.assign(died="NA", gene="NA"))
    mapping = copy.deepcopy(MAPPING)
    del mapping["variables"]["months"]
    check_refused(['column "months"', "no record has a time"], mapping=mapping)


def test_an_endpoint_without_events_is_allowed():
    _, _, flow = run(RAW.assign(died="no"))
    assert flow["endpoints"]["os"]["events"] == 0


def test_nobody_included_stops():
    check_refused(["no usable patient", "all 8 records"], RAW.assign(blast="50"))
    check_refused(["no usable patient"], RAW.iloc[:0])


def test_faults_of_the_use_case_name_the_place():
    use_case = copy.deepcopy(USE_CASE)
    use_case["derived"]["half"]["expression"] = "blst / 2"
    check_refused(["derived.half.expression", 'did you mean "blast"'], use_case=use_case)
    use_case = copy.deepcopy(USE_CASE)
    use_case["endpoints"]["os"]["event"] = "died * 3"
    check_refused(["endpoints.os.event", "neither 0, 1 nor 2"], use_case=use_case)
    mapping = copy.deepcopy(MAPPING)
    mapping["variables"]["blsat"] = {"column": "X"}
    check_refused(["variables.blsat", 'did you mean "blast"'], mapping=mapping)


def test_delivered_column_of_which_nothing_can_be_used_is_a_mistake():
    """Haemoglobin in g/L declared as g/dL, or a decimal comma as a point: an error, not a column of missing values."""
    raw = RAW.assign(blast=["450", "500", "NA", "900", "195", "101", "202", "303"])
    check_refused(['variables.blast: of column "BLAST"', "no delivered value can be used (range_hard)"], raw)
    run(RAW.assign(blast=["450"] * 7 + ["3"]))
    table, _, _ = run(RAW.assign(blast="NA"))
    assert table["blast"].isna().all()


def test_a_patient_number_joins_rows_and_consent_comes_first():
    raw = RAW.assign(
        patient_id=["a", "b", "c", "d", "e", "a", "g", "h"],
        blast=["4", "5", "25", "NA", "19,5", "4,05", "2", "3"],
        sex=["F", "F", "F", "F", "F", "F", "F", "F"],
    )
    raw["consent"] = ["yes", "yes", "yes", "NA", "yes", "yes", "withdrawn", "yes"]
    mapping = copy.deepcopy(MAPPING)
    mapping["auxiliary"] = {
        "consent": {"column": "CONSENT", "type": "category", "values": {"yes": "yes", "withdrawn": "no"}}
    }
    mapping["inclusion"] = [
        {"name": "consent", "label": "Consent", "expression": 'consent != "no"', "reason": "consent_withdrawn"},
        {"name": "not_d", "label": "Not d", "expression": "blast < 19", "reason": "ineligible"},
    ]
    table, issues, flow = run(raw, mapping=mapping)
    assert table["row"].tolist() == [0, 1, 3, 7]
    steps = [(step["step"], step["records_in"], step["lost"], step["unknown"]) for step in flow["steps"]]
    assert steps[:4] == [("delivered", 8, 0, 0), ("consent", 8, 1, 1), ("patients", 7, 1, 0), ("not_d", 6, 2, 1)]
    assert (
        6 not in issues["row"].dropna().tolist()
        and "consent" not in issues.loc[issues["status"] == "rejected", "variable"].tolist()
    )
    assert issues.loc[(issues["variable"] == "other"), "count"].tolist() == [6]
    check_adds_up(flow, table)


def test_withdrawn_in_one_row_of_a_patient_is_withdrawn():
    raw = RAW.assign(patient_id=["a", "a", *(f"i{place}" for place in range(2, 8))])
    raw["consent"] = ["yes", "no"] + ["yes"] * 6
    mapping = copy.deepcopy(MAPPING)
    mapping["auxiliary"] = {"consent": {"column": "CONSENT", "type": "flag", "values": {"yes": 1, "no": 0}}}
    mapping["inclusion"] = [{"name": "consent", "expression": "consent", "reason": "consent_withdrawn"}]
    table, issues, flow = run(raw, mapping=mapping)
    assert not {0, 1} & set(table["row"]) and not {0, 1} & set(issues["row"].dropna())
    assert flow["steps"][1]["lost"] == 2


def test_checks_flag_null_and_reject_in_order():
    use_case = copy.deepcopy(USE_CASE)
    check = {"label": "", "reason": "contradiction"}
    use_case["checks"] = [
        {**check, "name": "odd", "expression": "blast > 4 and gene", "action": "flag", "variables": ["blast", "other"]},
        {**check, "name": "high", "expression": "blast > 24", "action": "null", "variables": ["blast", "gene"]},
        {**check, "name": "low", "expression": "blast < 1.5", "action": "reject"},
        {**check, "name": "idle", "expression": "other or blast_date > 3", "action": "reject"},
    ]
    table, issues, flow = run(use_case=use_case)
    # Row 2 is no longer excluded for its blasts, which are unknown now; row 5 is rejected.
    assert table["row"].tolist() == [0, 2, 3, 4, 6, 7]
    assert np.isnan(table["blast"][1]) and np.isnan(table["gene"][1])
    said = [
        tuple(values)
        for values in issues.loc[issues["reason"] == "contradiction", ["row", "variable", "status"]].values
    ]
    assert sorted(said) == [(1, "blast", "flagged"), (2, "blast", "null"), (2, "gene", "null"), (5, "low", "rejected")]
    steps = {step["step"]: (step["lost"], step["unknown"]) for step in flow["steps"]}
    assert steps["low"] == (1, 2) and steps["idle"] == (0, 7)
    check_adds_up(flow, table)


@pytest.mark.parametrize("expression", ["other == 1", "twice == 1", "blast_date > 3", "other == 1 or twice == 1"])
def test_a_rule_of_inclusion_about_which_nothing_is_delivered_is_no_step(expression):
    use_case = copy.deepcopy(USE_CASE)
    use_case["derived"] = {**use_case.get("derived", {}), "twice": {"type": "flag", "expression": "other"}}
    for reason in ("ineligible", "consent_withdrawn"):
        if reason == "consent_withdrawn" and "twice" in expression:
            continue
        more = {"name": "idle", "label": "", "expression": expression, "reason": reason}
        use_case["inclusion"] = [more, *USE_CASE["inclusion"]]
        table, _, flow = run(use_case=use_case)
        assert flow["steps"] == run()[2]["steps"]
        check_adds_up(flow, table)
    # One ingredient that is delivered is enough, whatever the rule decides.
    rule = {"name": "half", "label": "", "expression": "other == 1 or blast < 20", "reason": "ineligible"}
    use_case["inclusion"] = [rule]
    steps = {step["step"]: step for step in run(use_case=use_case)[2]["steps"]}
    assert steps["half"]["lost"] == 0 and steps["half"]["unknown"] > 0


def test_a_mapping_derives_what_has_no_column_and_flags_what_differs():
    mapping, use_case = copy.deepcopy(MAPPING), copy.deepcopy(USE_CASE)
    use_case["variables"]["ratio"] = {"label": "", "type": "number", "unit": "1"}
    mapping["derived"] = {"other": "ratio > 2", "ratio": "blast / 2", "gene": "case(blast > 4, 1, blast < 1.5, 1, 0)"}
    table, issues, _ = run(use_case=use_case, mapping=mapping)
    assert table["other"].fillna(-1).tolist() == [1, -1, 1, 0, 0, 0]
    gene = issues[issues["variable"] == "gene"]
    assert gene.loc[gene["status"] == "flagged", "row"].tolist() == [0, 2, 4, 5, 7]
    assert table["gene"].tolist() == [0, 1, 0, 0, 0, 1]
    assert ("mapped", 7) in [
        tuple(values) for values in issues.loc[issues["variable"] == "ratio", ["status", "count"]].values
    ]
    mapping["derived"] = {"other": "ratio > 2", "ratio": "other + 1"}
    check_refused(["derived.other", "circle"], use_case=use_case, mapping=mapping)
    mapping["derived"] = {"other": "blast"}
    check_refused(["derived.other", "neither 0 nor 1"], mapping=mapping)


def test_an_endpoint_that_outlasts_another_is_unknown():
    use_case = copy.deepcopy(USE_CASE)
    use_case["endpoints"]["late"] = {"label": "Late", "time": "seen", "event": "died", "not_after": "os"}
    raw = RAW.assign(seen=["1,5", "0", "0", "0", "0", "0", "4", "5,001"])
    table, issues, flow = run(raw, use_case)
    assert table["late_event"].fillna(-1).tolist() == [-1, 0, 0, -1, 1, 1]
    assert issues.loc[issues["reason"] == "contradiction", ["row", "variable"]].values.tolist() == [[0, "late_time"]]
    check_adds_up(flow, table)


def test_remarks_of_the_reader_are_issues():
    delivered = as_delivered(RAW)
    delivered.remarks.append(Remark(None, "rejected", "ineligible", "only in labs", 3))
    _, issues, _ = harmonize(delivered, USE_CASE, MAPPING, FACTORS)
    assert issues.iloc[0][["status", "reason", "detail", "count"]].tolist() == [
        "rejected",
        "ineligible",
        "only in labs",
        3,
    ]
    assert issues.iloc[0][["row", "variable"]].isna().all()


def test_issues_are_columns_of_stable_types():
    issues = Issues()
    assert issues.table().dtypes.astype(str).to_dict() == {
        name: str(np.dtype(kind)) if kind is object else kind for name, kind in COLUMNS.items()
    }
    issues.cells(np.array([3, 5]), "x", "null", "parse_error", "d", np.array(["a", None], dtype=object))
    issues.column("x", "converted", None, "u", 7)
    issues.column("x", "converted", None, "u", 0)
    table = issues.table()
    assert table["row"].tolist() == [3, 5, pd.NA] and table["raw_hash"].tolist() == ["a", None, None]
    assert table["count"].tolist() == [1, 1, 7] and table["reason"].tolist() == ["parse_error", "parse_error", None]
    hashes = raw_hashes(pd.Categorical(["b", None, "a"]), np.array([2, -1, 1, 2]))
    assert hashes[0] == hashes[3] == hashlib.sha256(b"a").hexdigest()[:16] and hashes[1] is None and hashes[2] is None


def check_adds_up(flow, table):
    """Every step goes on where the last one ended, and the last ones are the table."""
    steps = flow["steps"]
    assert steps[-1]["records_out"] == len(table)
    for step, following in itertools.pairwise(steps):
        assert step["records_out"] == following["records_in"]
    for step in steps:
        assert step["records_in"] - step["lost"] == step["records_out"] >= 0
    for counts in flow["endpoints"].values():
        lines = counts["lines"]
        assert counts["events"] + counts["competing"] + counts["censored"] == counts["patients"]
        assert counts["patients"] + counts["unknown"] == len(table)
        for what in ("patients", "events"):
            for line, following in itertools.pairwise(lines):
                assert line[f"{what}_out"] == following[f"{what}_in"]
            assert all(line[f"{what}_in"] - line[f"{what}_lost"] == line[f"{what}_out"] >= 0 for line in lines)
            assert lines[-1][f"{what}_out"] == counts[what]
    for name, record in flow["reconciliation"].items():
        assert record["delivered"] + sum(line["count"] for line in record["lines"]) == record["counted"]
        assert record["counted"] == flow["endpoints"][name]["events"]


DATES = ["2019-01-01", "2020-01-01", "2020-02-01", "2021-01-01", "2023-01-01", "NA", "odd"]
FOLLOWED = {
    "variables": {
        "sex": {"type": "category", "levels": ["F", "M"]},
        "blast": {"type": "number", "unit": "%", "hard": [0, 100]},
        "consent": {"type": "flag"},
        "vital": {"type": "category", "levels": ["alive", "dead", "lost"]},
        **{name: {"type": "date"} for name in ("birth", "index", "contact", "death", "relapse")},
        **{name: {"type": "number", "unit": "a", "hard": [0, 60]} for name in ("os_years", "efs_years")},
        **{name: {"type": "flag"} for name in ("os_status", "efs_status")},
    },
    "checks": [
        {"name": "no", "label": "", "expression": "blast > 80", "action": "reject", "reason": "contradiction"},
        {
            "name": "na",
            "label": "",
            "expression": "blast > 70",
            "action": "null",
            "variables": ["death"],
            "reason": "contradiction",
        },
    ],
    "derived": {"many": {"type": "flag", "expression": "blast >= 50"}},
    "inclusion": [
        {"name": "consent", "label": "Consent", "expression": "consent == 1", "reason": "consent_withdrawn"},
        {"name": "few", "label": "Few", "expression": "not many", "reason": "ineligible"},
    ],
    "follow_up": {
        "index": "index",
        **DATED,
        "outcomes": {
            "os": {"time": "os_years", "status": "os_status", "events": ["death"]},
            "efs": {"time": "efs_years", "status": "efs_status", "events": ["relapse", "death"]},
        },
    },
    "endpoints": {
        "os": {"label": "OS", "time": "os_years", "event": "os_status"},
        "efs": {"label": "EFS", "time": "efs_years", "event": "efs_status", "not_after": "os"},
    },
}


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_flow_always_adds_up(data):
    n = data.draw(st.integers(1, 12))
    cells = lambda values: data.draw(st.lists(st.sampled_from(values), min_size=n, max_size=n))  # noqa: E731
    columns = {
        "patient_id": cells([f"p{place}" for place in range(9)]),
        "sex": cells(["F", "M", "NA", "F"]),
        "blast": cells(["1", "3", "60", "75", "90", "x", "NA"]),
        "vital": cells(["alive", "dead", "lost", "NA"]),
        "birth": cells(["1950-01-01", "1950-01-01", *DATES]),
        "index": cells(["2020-01-01", "2020-01-01", *DATES]),
        **{name: cells(DATES) for name in ("contact", "death", "relapse")},
        **{name: cells(["NA", "NA", "1", "2"]) for name in ("os_years", "efs_years")},
        **{name: cells(["NA", "NA", "1", "0"]) for name in ("os_status", "efs_status")},
        "consent": cells(["1", "1", "1", "1", "0", "NA"]),
    }
    # One patient that is always left.
    anchor = dict.fromkeys(columns, "NA") | {"patient_id": "last", "os_years": "1", "os_status": "1", "efs_years": "1"}
    anchor |= {"efs_status": "1", "blast": "2", "sex": "F", "birth": "1950-01-01", "vital": "dead", "consent": "1"}
    anchor |= {"index": "2020-01-01", "contact": "2020-05-01", "death": "2021-01-01", "relapse": "2021-01-01"}
    raw = pd.DataFrame({name: [*values, anchor[name]] for name, values in columns.items()})
    raw.insert(0, "row", np.arange(len(raw)))
    mapping = {
        "name": "clinic",
        "missing": {"NA": "missing"},
        "files": {"main": {"path": "x.csv", "decimal": ".", "date_format": ["YYYY-MM-DD"]}},
        "variables": {name: {"column": name, "unit": spec.get("unit")} for name, spec in FOLLOWED["variables"].items()},
        "lock": "2022-06-01",
    }
    absent = data.draw(st.sets(st.sampled_from(["consent", "blast"])))
    mapping["variables"] = {name: entry for name, entry in mapping["variables"].items() if name not in absent}
    mapping["variables"]["vital"]["values"] = {name: name for name in ("alive", "dead", "lost")}
    mapping["variables"]["sex"]["values"] = {"F": "F", "M": "M"}
    table, issues, flow = harmonize(as_delivered(raw), FOLLOWED, mapping, FACTORS)
    check_adds_up(flow, table)
    # A rule about which nothing is delivered is no step; one that keeps everybody is.
    names = [step["step"] for step in flow["steps"]]
    assert ("consent" in names, "few" in names) == ("consent" not in absent, "blast" not in absent)
    check_every_cell_is_explained(
        table, issues, [name for name, spec in FOLLOWED["variables"].items() if spec["type"] != "date"]
    )


def check_every_cell_is_explained(table, issues, names):
    """Null cells are listed once, or are those of the one row about the column; flagged cells have a value."""
    for name in names:
        found = issues[issues["variable"] == name]
        listed = found[(found["status"] == "null") & found["row"].notna()]
        assert not listed["row"].duplicated().any()
        values = table.set_index("row")[name]
        here = listed[listed["row"].isin(values.index)]
        assert values[here["row"].tolist()].isna().all()
        assert (found["row"].isna() & (found["status"] == "null")).sum() <= 1
        flagged = found[(found["status"] == "flagged") & found["row"].isin(values.index)]
        assert values[flagged["row"].tolist()].notna().all()


def test_a_number_that_an_expression_gives_must_lie_in_the_range_of_its_variable(tmp_path):
    columns = {"birth": ["2021-01-01", "1950-01-01", "1910-01-01"], "seen": ["2020-01-01"] * 3}
    age = {"type": "number", "unit": "a", "hard": [18, 115], "soft": [40, 90]}
    variables = {"birth": {"type": "date"}, "seen": {"type": "date"}, "age": age}
    out = run_dirty(tmp_path, columns, variables, {"derived": {"age": "(seen - birth) / 365.25"}})
    assert out.value("age", 0) is None and out.said("age", 0) == [("null", "range_hard")]
    assert out.said("age", 1) == [] and out.said("age", 2) == [("flagged", "range_soft")]


def test_consent_that_is_not_understood_stops_the_run(tmp_path):
    rule = {"name": "consent", "label": "Consent", "expression": "consent == 1", "reason": "consent_withdrawn"}
    columns = {"consent": ["1", "NA", "Widerruf 2020", "0"]}
    with pytest.raises(HemaPilotsError) as error:
        run_dirty(tmp_path, columns, {"consent": {"type": "flag"}}, {}, {"inclusion": [rule]})
    said = str(error.value)
    assert 'column "consent"' in said and "1 cells are not understood" in said and "Widerruf" not in said
    columns["consent"][2] = "1"
    out = run_dirty(tmp_path, columns, {"consent": {"type": "flag"}}, {}, {"inclusion": [rule]})
    assert out.rows == [0, 1, 2] and out.flow["steps"][1]["lost"] == 1
    # Also in a measurement beside the one that is chosen.
    mapping = {"files": {"labs": {"repeated": True, "date": "on", "date_format": ["YYYY-MM-DD"]}}}
    variables = {"consent": {"type": "flag"}, "x": {"type": "flag"}}
    labs = {"patient_id": ["p0", "p0", "p1", "p2"], "on": ["2020-01-01", "2024-01-01", "2020-01-01", "2020-01-01"]}
    for consents in (["nie", "1", "1", "0"], ["1", "0", "1", "0"]):
        more = {"labs": {**labs, "consent": consents}}
        with pytest.raises(HemaPilotsError, match="1 cells are not understood or contradict"):
            run_dirty(tmp_path, {"x": ["1", "0", "1"]}, variables, mapping, {"inclusion": [rule]}, more)
    more = {"labs": {**labs, "consent": ["1", "1", "1", "0"]}}
    assert run_dirty(tmp_path, {"x": ["1", "0", "1"]}, variables, mapping, {"inclusion": [rule]}, more).rows == [0, 1]


def test_an_age_that_no_patient_has_does_not_replace_the_delivered_one(tmp_path):
    columns = {"birth": ["1850-01-01", "1950-01-01"], "seen": ["2020-01-01"] * 2, "age": ["70", "60"]}
    age = {"type": "number", "unit": "a", "hard": [0, 110]}
    variables = {"birth": {"type": "date"}, "seen": {"type": "date"}, "age": age}
    use_case = {"follow_up": {"index": "seen", "last_contact": "seen", "birth": "birth", "outcomes": {}}}
    columns["birth"][0] = "1902-01-01"
    out = run_dirty(tmp_path, columns, variables, {"derived": {"age": "(seen - birth) / 365.25"}}, use_case)
    assert out.value("age", 0) == 70 and out.said("age", 0) == []
    assert round(out.value("age", 1)) == 70 and out.said("age", 1) == [("flagged", "contradiction")]


def from_landmark(**spec):
    endpoint = {"label": "From 1.5 years", "time": "months", "event": "died", "landmark": 1.5, **spec}
    table, issues, flow = run(use_case=USE_CASE | {"endpoints": USE_CASE["endpoints"] | {"land": endpoint}})
    return table.set_index("row"), issues, flow


def test_time_counts_from_the_landmark_and_who_did_not_reach_it_is_left_out_and_counted():
    table, issues, flow = from_landmark()
    assert table["land_time"].dropna().to_dict() == {6: 2.5, 7: 3.5}
    assert table["land_event"].dropna().to_dict() == {6: 1, 7: 1} and (table["land_entry"].dropna() == 0).all()
    lost = {line["reason"]: line for line in flow["endpoints"]["land"]["lines"] if line["step"] == "endpoint"}
    assert lost["missing"]["patients_lost"] == 2
    # One died after a year, one was seen once.
    assert lost["before_landmark"]["patients_lost"] == 2 and lost["before_landmark"]["events_lost"] == 1
    assert flow["endpoints"]["land"]["patients"] == 2
    # The same endpoint from the index date is as it was.
    pd.testing.assert_frame_equal(table.filter(regex="^os_"), run()[0].set_index("row").filter(regex="^os_"))


def test_a_landmark_on_a_scale_with_late_entry_is_after_entry():
    table, _, _ = from_landmark(entry="seen", landmark=0.4)
    reached = table["land_time"].dropna()
    # Of those with a time and an entry before it, one was seen at half a year and followed to one year.
    assert reached.to_dict() == {0: 1.0}
    assert table["land_entry"].dropna().to_dict() == {0: 0.9}
