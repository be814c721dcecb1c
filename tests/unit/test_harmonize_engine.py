"""A whole source: derived variables, inclusion, endpoints, flow, and the errors that stop it."""

import copy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize import harmonize, load_factors
from hemapilots.harmonize.issues import COLUMNS

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
        "late": {"label": "Delayed", "time": "months", "event": "case(gene, 2, died)", "entry": "seen"},
    },
}
MAPPING = {
    "name": "clinic",
    "missing": ["NA"],
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


def run(raw=RAW, use_case=USE_CASE, mapping=MAPPING):
    return harmonize(raw, use_case, mapping, FACTORS)


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
    assert flow["endpoints"]["os"] == {"label": "Overall", **expected}
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
    from hemapilots.harmonize.engine import _check_usable
    from hemapilots.harmonize.issues import Issues

    issues = Issues()
    issues.cells(np.arange(3), "hb", "null", "range_hard", "outside 2 to 20 g/dL")
    with pytest.raises(
        HemaPilotsError, match=r'variables.hb: of column "Hb" no delivered value can be used \(range_hard\)'
    ):
        _check_usable("hb", {"column": "Hb"}, np.full(3, np.nan), issues, {"name": "clinic"})
    _check_usable("hb", {"column": "Hb"}, np.array([np.nan, 9.0, np.nan]), issues, {"name": "clinic"})
    _check_usable("plt", {"column": "Plt"}, np.full(3, np.nan), issues, {"name": "clinic"})
