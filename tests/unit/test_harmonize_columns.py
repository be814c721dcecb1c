"""From raw text to canonical values: numbers, units, codes, ranges, and what is listed for each doubt."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize import load_factors
from hemapilots.harmonize.columns import Source, harmonize_column, outside
from hemapilots.harmonize.issues import Issues
from hemapilots.harmonize.units import factor
from hemapilots.harmonize.values import parse_numbers

FACTORS = load_factors(Path(__file__).parents[2] / "resources/units/factors.csv")
HB = {"type": "number", "unit": "g/dL", "soft": [5, 16], "hard": [2, 20]}


def column(raw, spec, unit=None, values=None, decimal=".", missing=("NA",), name="hb"):
    issues = Issues()
    source = Source(name, unit, values, decimal, list(missing), "clinic")
    series = pd.Series(raw, dtype=object)
    done = harmonize_column(series, spec, source, FACTORS, np.arange(len(raw)) + 100, issues)
    return done, issues.table()


def summary(issues):
    return [
        (None if pd.isna(row) else int(row), status, reason, int(count))
        for row, status, reason, count in issues[["row", "status", "reason", "count"]].itertuples(index=False)
    ]


@pytest.mark.parametrize(
    ("text", "mark", "expected"),
    [
        ("9.8", ".", 9.8),
        ("9,8", ",", 9.8),
        ("9,8", ".", np.nan),
        ("9.8", ",", np.nan),
        ("1.234,5", ",", np.nan),
        ("1,234.5", ".", np.nan),
        ("1234", ",", 1234),
        ("+2.5e1", ".", 25),
        ("-3", ".", -3),
        (".5", ".", 0.5),
        (",5", ",", 0.5),
        ("5.", ".", 5),
        ("1e999", ".", np.nan),
        ("inf", ".", np.nan),
        ("nan", ".", np.nan),
        ("1_000", ".", np.nan),
        ("0x10", ".", np.nan),
        ("1 234", ".", np.nan),
        ("<5", ".", np.nan),
        ("9.8*", ".", np.nan),
        ("\u0663", ".", np.nan),
        ("", ".", np.nan),
    ],
)
def test_numbers_fit_the_declared_mark_or_are_nothing(text, mark, expected):
    np.testing.assert_equal(parse_numbers(np.array([text], dtype=object), mark)[0], expected)


def test_parsed_numbers_are_those_of_python():
    values = np.random.default_rng([1]).normal(size=2000) * 10.0 ** np.arange(-10, 10).repeat(100)
    texts = np.array([repr(float(value)) for value in values], dtype=object)
    np.testing.assert_array_equal(parse_numbers(texts, "."), values)


def test_a_number_column_lists_every_doubt():
    raw = ["9,8", "\u00a010,5 ", "9.8", "NA", None, "", "25", "17", "4,9", "19", "20"]
    done, issues = column(raw, HB, unit="g/dL", decimal=",")
    expected = [9.8, 10.5, np.nan, np.nan, np.nan, np.nan, np.nan, 17, 4.9, 19, 20]
    np.testing.assert_array_equal(done.values, expected)
    assert summary(issues) == [
        (None, "null", "missing", 3),
        (102, "null", "parse_error", 1),
        (106, "null", "range_hard", 1),
        (107, "flagged", "range_soft", 1),
        (108, "flagged", "range_soft", 1),
        (109, "flagged", "range_soft", 1),
        (110, "flagged", "range_soft", 1),
    ]
    listed = issues[issues["row"].notna()].set_index("row")
    assert listed.loc[102, "raw_hash"] == hashlib.sha256(b"9.8").hexdigest()[:16]
    assert listed.loc[106, "detail"] == "outside 2 to 20 g/dL"
    assert issues.loc[issues["row"].isna(), "raw_hash"].isna().all()
    assert not issues["detail"].str.contains("25|9.8", regex=True).any()


@pytest.mark.parametrize(
    ("name", "unit", "canonical", "raw", "expected"),
    [
        ("hb", "g/L", "g/dL", "98", 9.8),
        ("hb", "mmol/L", "g/dL", "6.1", 9.83),
        ("plt", "/uL", "10*9/L", "98000", 98),
        ("plt", "10*3/uL", "10*9/L", "98", 98),
        ("bm_blast", "1", "%", "0.07", 7),
        ("vaf", "%", "1", "45", 0.45),
        ("calcium", "mmol/L", "mg/dL", "2.4", 9.62),
        ("albumin", "g/L", "g/dL", "38", 3.8),
        ("ldh", "ukat/L", "U/L", "4.2", 252),
        ("b2m", "nmol/L", "mg/L", "466.1", 5.5),
        ("creatinine", "umol/L", "mg/dL", "88.4", 1.0),
        ("tcd", "m/s", "cm/s", "1.85", 185),
        ("os", "d", "a", "365.25", 1),
        ("os", "mo", "a", "18", 1.5),
        ("os", "wk", "a", "52.178571", 1),
    ],
)
def test_units_are_converted(name, unit, canonical, raw, expected):
    done, issues = column([raw, "NA"], {"type": "number", "unit": canonical}, unit=unit, name=name)
    assert done.values[0] == pytest.approx(expected, rel=1e-3)
    converted = issues[issues["status"] == "converted"]
    assert converted["count"].tolist() == [1] and converted["detail"].str.contains(canonical, regex=False).all()


def test_a_conversion_may_touch_the_limit():
    assert column(["200", "20"], HB, unit="g/L")[0].values.tolist() == [20, 2]
    assert outside(np.array([20 + 1e-12, 20.001, np.nan]), [None, 20]).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("unit", "words"), [("mg/dL", 'the unit "mg/dL" has no factor to g/dL'), (None, "no unit is stated")]
)
def test_units_without_factor_are_refused(unit, words):
    with pytest.raises(HemaPilotsError) as error:
        column(["9.8"], HB, unit=unit)
    message = str(error.value)
    assert "mapping clinic, variables.hb.unit" in message and words in message
    assert "g/dL, g/L, mmol/L" in message


def test_a_molar_factor_of_one_analyte_is_not_anothers():
    assert factor("hb", "mmol/L", "g/dL", FACTORS, "m") == 1.61145
    with pytest.raises(HemaPilotsError):
        factor("albumin", "mmol/L", "g/dL", FACTORS, "m")
    assert factor("score", None, "1", FACTORS, "m") == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("variable,source\n", "unit factors"),
        ("variable,source,canonical,factor\n*,a,b,x\n", "unit factors"),
        ("variable,source,canonical,factor\n*,a,b,0\n", "not positive"),
        ("variable,source,canonical,factor\n*,a,b,1\n*,a,b,2\n", "stands twice"),
    ],
)
def test_a_broken_factor_table_is_refused(tmp_path, text, words):
    (tmp_path / "f.csv").write_text(text)
    with pytest.raises(HemaPilotsError, match=words):
        load_factors(tmp_path / "f.csv")


def test_flags_have_default_values():
    done, issues = column(["0", "1", "NA", "2", " 1"], {"type": "flag"})
    np.testing.assert_array_equal(done.values, [0, 1, np.nan, np.nan, 1])
    assert summary(issues) == [(None, "null", "missing", 1), (103, "null", "code_unknown", 1)]


def test_flags_and_categories_are_mapped():
    done, issues = column(["wt", "mut", "?"], {"type": "flag"}, values={"wt": 0, "mut": 1, "?": None})
    np.testing.assert_array_equal(done.values, [0, 1, np.nan])
    assert summary(issues) == [(None, "null", "missing", 1), (None, "mapped", None, 2)]
    spec = {"type": "category", "levels": ["good", "poor"]}
    done, issues = column(["Good", "POOR", "NA", "bad", None], spec, values={"Good": "good", "POOR": "poor"})
    assert done.values.tolist() == ["good", "poor", None, None, None]
    assert summary(issues) == [
        (None, "null", "missing", 2),
        (None, "mapped", None, 2),
        (103, "null", "code_unknown", 1),
    ]
    assert column(["good"], spec)[0].values.tolist() == ["good"]


def test_numbers_may_have_a_value_map():
    values = {"below": "0.5", "lost": None}
    spec = {"type": "number", "unit": "1"}
    np.testing.assert_array_equal(column(["below", "50"], spec, unit="%", values=values)[0].values, [0.5, 0.5])
    done, issues = column(["below", "lost", "12", "x"], spec, values=values)
    np.testing.assert_array_equal(done.values, [0.5, np.nan, 12, np.nan])
    assert summary(issues) == [(None, "null", "missing", 1), (103, "null", "parse_error", 1)]


def test_a_map_to_a_value_that_does_not_exist_is_refused():
    with pytest.raises(HemaPilotsError, match=r'variables.hb.values: "fair" .*good, poor'):
        column(["x"], {"type": "category", "levels": ["good", "poor"]}, values={"x": "fair"})
    with pytest.raises(HemaPilotsError, match='"2" is not a value'):
        column(["x"], {"type": "flag"}, values={"x": 2})


def test_an_empty_or_wholly_missing_column_works():
    for spec in (HB, {"type": "flag"}, {"type": "category", "levels": ["a"]}):
        assert len(column([], spec, unit="g/dL")[0].values) == 0
        assert pd.isna(column([None, "NA"], spec, unit="g/dL")[0].values).all()
