"""From raw text to canonical values: numbers, marks, units, limits, ranges, and what is listed for each doubt."""

import re
import string

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.findings import REASONS, STATUSES
from hemapilots.harmonize.reading.columns import harmonize_column, outside
from hemapilots.harmonize.reading.marks import Marks
from hemapilots.harmonize.reading.numbers import (
    ABOUT,
    ABOVE,
    BELOW,
    DURATION,
    EXACT,
    RANGE,
    parse_plain,
    read_numbers,
    to_floats,
)
from hemapilots.harmonize.reading.raw import Raw
from hemapilots.harmonize.reading.units import load_factors
from hemapilots.paths import RESOURCES

FACTORS = load_factors(RESOURCES / "units" / "factors.csv")
HB = {"type": "number", "unit": "g/dL", "soft": [5, 16], "hard": [2, 20], "known_at": "index"}
PLT = {"type": "number", "unit": "10*9/L", "soft": [5, 800], "hard": [0, 2000], "known_at": "index"}
BLASTS = {"type": "number", "unit": "%", "soft": [0, 19], "hard": [0, 100], "known_at": "index"}
LDH = {"type": "number", "unit": "U/L", "soft": [80, 1500], "hard": [20, 20000], "known_at": "index"}
LDH_ULN = {"type": "number", "unit": "1", "soft": [0.4, 5], "hard": [0.1, 50], "known_at": "index"}
AGE = {"type": "number", "unit": "a", "hard": [0, 110], "known_at": "index"}


def column(raw, spec, name="hb", units=None, limits=None, language=None, file=None, missing=("NA",), **declared):
    texts, units, limits = (None if cells is None else pd.Categorical(cells) for cells in (raw, units, limits))
    mapping = {"name": "clinic", "missing": list(missing), "language": language, "files": {"main": file or {}}}
    mapping["variables"] = {name: {"column": "Col", **declared}}
    return harmonize_column(
        Raw(texts, units=units, uln=limits), name, spec, mapping["variables"][name], mapping, FACTORS
    )


def said(done):
    return [(f.status, f.reason, f.cells.tolist()) for f in done.findings]


def plainly(text, mark, thousands=""):
    return to_floats(parse_plain(pa.array([text]), Marks(mark, thousands)))[0]


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
        ("\u22123", ".", -3),
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
        ("10²", ".", np.nan),
        ("", ".", np.nan),
    ],
)
def test_plain_numbers_fit_the_mark_or_are_nothing(text, mark, expected):
    np.testing.assert_equal(plainly(text, mark), expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.234,5", 1234.5),
        ("1.234.567", 1234567),
        ("12.34", np.nan),
        ("0.123", np.nan),
        ("1.2345", np.nan),
        ("98000", 98000),
    ],
)
def test_thousands_marks_stand_before_three_digits(text, expected):
    np.testing.assert_equal(plainly(text, ",", "."), expected)


def test_parsed_numbers_are_those_of_python():
    values = np.random.default_rng([1]).normal(size=2000) * 10.0 ** np.arange(-10, 10).repeat(100)
    texts = [repr(float(value)) for value in values]
    plain = parse_plain(pa.array(texts), Marks("."))
    np.testing.assert_array_equal(to_floats(plain), values)
    shifted = to_floats(plain, -3)
    expected = np.array([np.nan if "e" in text else float(f"{text}e-3") for text in texts])
    np.testing.assert_array_equal(shifted, expected)


def read(text, mark=".", time=None, unit="g/dL"):
    numbers = read_numbers(
        pa.array([text]), np.array([True]), Marks(mark), lambda word: FACTORS.names.resolve(word, time or unit), time
    )
    unit = numbers.units[numbers.unit[0]] if numbers.unit[0] >= 0 else None
    return (None if np.isnan(numbers.values[0]) else numbers.values[0]), numbers.kind[0], unit, bool(numbers.flagged[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<0.1", (0.1, BELOW, None, False)),
        ("< 0.1 g/dL", (0.1, BELOW, "g/dL", False)),
        ("≤5", (5, BELOW, None, False)),
        ("weniger als 5", (5, BELOW, None, False)),
        ("moins de 5", (5, BELOW, None, False)),
        (">2000", (2000, ABOVE, None, False)),
        (">= 2000", (2000, ABOVE, None, False)),
        ("über 2000", (2000, ABOVE, None, False)),
        ("ca. 8", (8, ABOUT, None, False)),
        ("ca.8", (8, ABOUT, None, False)),
        ("~8", (8, ABOUT, None, False)),
        ("environ 8", (8, ABOUT, None, False)),
        ("περίπου 8", (8, ABOUT, None, False)),
        ("5-9", (7, RANGE, None, False)),
        ("5 – 9", (7, RANGE, None, False)),
        ("5 bis 9", (7, RANGE, None, False)),
        ("5 à 9 %", (7, RANGE, "%", False)),
        ("9-5", (None, EXACT, None, False)),
        ("5-5", (None, EXACT, None, False)),
        ("<5-9", (None, EXACT, None, False)),
        ("9.8*", (9.8, EXACT, None, True)),
        ("9.8 (H)", (9.8, EXACT, None, True)),
        ("9.8 H", (9.8, EXACT, None, True)),
        ("9.8 ↓", (9.8, EXACT, None, True)),
        ("9.8* g/dL", (9.8, EXACT, "g/dL", True)),
        ("9.8 g/dL (L)", (9.8, EXACT, "g/dL", True)),
        ("6.1 mmol/L", (6.1, EXACT, "mmol/L", False)),
        ("6.1mmol/l", (6.1, EXACT, "mmol/L", False)),
        ("130 x10^9/L", (130, EXACT, "10*9/L", False)),
        ("130x10E9/L", (130, EXACT, "10*9/L", False)),
        ("1.3xULN", (1.3, EXACT, "{xULN}", False)),
        ("1.3 x ULN", (1.3, EXACT, "{xULN}", False)),
        ("1.3*ULN", (1.3, EXACT, "{xULN}", False)),
        ("7 %", (7, EXACT, "%", False)),
        ("10+", (None, EXACT, None, False)),
        ("8 (5-12)", (None, EXACT, None, False)),
        ("9.8.1", (None, EXACT, None, False)),
        ("9,8", (None, EXACT, None, False)),
        ("12/150", (None, EXACT, None, False)),
        ("9 8", (None, EXACT, None, False)),
        ("2019-05-03", (None, EXACT, None, False)),
        ("9.8 parsecs", (None, EXACT, None, False)),
        ("x9.8", (None, EXACT, None, False)),
        ("<0", (None, EXACT, None, False)),
        ("p.R882H", (None, EXACT, None, False)),
        ("1e999 g/dL", (None, EXACT, None, False)),
        ("9" * 61, (None, EXACT, None, False)),
    ],
)
def test_the_grammar_of_a_cell(text, expected):
    value = read(text)
    if len(text) > 60:
        return  # a plain number of any length is one
    assert value == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7y6m", (7.5, DURATION, "a")),
        ("7 y 6 m", (7.5, DURATION, "a")),
        ("2 Jahre 3 Monate", (2.25, DURATION, "a")),
        ("2 ans et 3 mois", (2.25, DURATION, "a")),
        ("18m", (18, EXACT, "mo")),
        ("18 Monate", (18, EXACT, "mo")),
        ("45 años", (45, EXACT, "a")),
        ("6m7y", (None, EXACT, None)),
        ("7y6y", (None, EXACT, None)),
        ("7y6kg", (None, EXACT, None)),
    ],
)
def test_durations(text, expected):
    assert read(text, time="a")[:3] == expected


def test_a_number_column_lists_every_doubt():
    raw = ["9,8", "\u00a010,5 ", "9.8", "NA", None, "", "25", "17", "4,9", "19", "20", "nicht bestimmt"]
    done = column(raw, HB, unit="g/dL", decimal=",")
    nan = np.nan
    np.testing.assert_array_equal(done.values, [9.8, 10.5, nan, nan, nan, nan, nan, 17, 4.9, 19, 20, nan])
    assert said(done) == [
        ("null", "missing", [3, 4, 5]),
        ("null", "not_done", [11]),
        ("null", "parse_error", [2]),
        ("null", "range_hard", [6]),
        ("flagged", "range_soft", [7, 8, 9, 10]),
    ]
    assert [f.whole for f in done.findings] == [True, True, False, False, False]
    assert done.findings[3].detail == "outside 2 to 20 g/dL"
    assert not any(re.search("25|9.8", f.detail) for f in done.findings)


def test_a_conversion_may_touch_the_limit():
    assert column(["200", "20"], HB, unit="g/L").values.tolist() == [20, 2]
    assert outside(np.array([20 + 1e-12, 20.001, np.nan]), [None, 20]).tolist() == [False, True, False]


def test_powers_of_ten_are_exact():
    raw = [f"{value:.1f}" for value in np.arange(20.1, 199, 0.1)]
    done = column(raw, HB, unit="g/L")
    np.testing.assert_array_equal(done.values, [float(f"{text}e-1") for text in raw])


def test_each_stated_unit_has_its_factor():
    done = column(["98", "9.8", "6.1", "9.8", "9.9"], HB, units=["g/L", "g/dl", "mmol/l", "x", None], unit="g/dL")
    np.testing.assert_allclose(done.values, [9.8, 9.8, 9.829845, np.nan, 9.9])
    assert ("null", "unit_unknown", [3]) in said(done)
    assert ("converted", None, [0]) in said(done) and ("converted", None, [2]) in said(done)
    done = column(["9.8 g/L", "9.8 g/dL"], HB, units=["g/dL", "g/dL"], unit_column="u")
    assert said(done) == [("null", "unit_conflict", [0])]
    done = column(["9.8 %", "6.1 mmol/L"], HB, unit="g/dL")
    assert said(done) == [("converted", None, [1]), ("null", "unit_unknown", [0])]


def test_a_declared_unit_that_cannot_be_is_an_error():
    with pytest.raises(HemaPilotsError, match=r'variables.hb.unit: the unit "K/uL" cannot be converted to g/dL'):
        column(["9.8"], HB, unit="K/uL")
    with pytest.raises(HemaPilotsError, match="no unit is stated"):
        column(["9.8"], HB)


def test_a_unit_is_inferred_for_a_column_and_recorded():
    done = column(["130000", "128000", "99000", "250000", "88000", "NA"], PLT, "plt", unit="infer")
    assert done.values.tolist()[:5] == [130, 128, 99, 250, 88]
    assert said(done) == [("null", "missing", [5]), ("inferred", "unit_inferred", [0, 1, 2, 3, 4])]
    done = column(["400", "410", "390", "380", "420"], HB, unit="infer")
    assert np.isnan(done.values).all() and said(done) == [("null", "unit_unknown", [0, 1, 2, 3, 4])]
    assert done.findings[0].whole and "state its `unit`" in done.findings[0].detail and "Col" in done.findings[0].detail
    # Only the cells without a unit are in question.
    done = column(["9.8", "98", "97"], HB, units=["g/dL", "", None], unit_column="u")
    assert said(done) == [("null", "unit_unknown", [1, 2])]


def test_an_outcome_that_cannot_be_read_stops_the_run():
    spec = HB | {"known_at": "outcome"}
    with pytest.raises(HemaPilotsError, match=r'variables.hb: column "Col": .*state its `unit`'):
        column(["400", "410", "390", "380", "420"], spec, unit="infer")


def test_limits_of_the_laboratory():
    raw = ["250", "4.2 µkat/L", "1.3xULN", "normal", "500"]
    ratio = column(raw, LDH_ULN, "ldh_uln", unit="U/L", uln=250)
    np.testing.assert_allclose(ratio.values, [1, 252 / 250, 1.3, np.nan, 2])
    assert ("null", "parse_error", [3]) in said(ratio)
    ratio = column(raw, LDH_ULN, "ldh_uln", limits=["250", "250", None, "250", "-"], unit="U/L", uln_column="u")
    np.testing.assert_allclose(ratio.values, [1, 252 / 250, 1.3, np.nan, np.nan])
    assert ("null", "unit_unknown", [4]) in said(ratio)
    limits = ["250 U/L", "4 µkat/L", "250 apples", "0", "<250"]
    ratio = column(["250"] * 5, LDH_ULN, "ldh_uln", limits=limits, unit="U/L", uln_column="u")
    np.testing.assert_allclose(ratio.values, [1, 250 / 240, np.nan, np.nan, np.nan])
    value = column(raw, LDH, "ldh", unit="U/L", uln=250)
    np.testing.assert_allclose(value.values, [250, 252, 325, np.nan, 500])
    value = column(raw, LDH, "ldh", unit="U/L")
    np.testing.assert_allclose(value.values, [250, 252, np.nan, np.nan, 500])
    assert ("null", "unit_unknown", [2]) in said(value)
    plain = column(["1.3", "0.8"], LDH_ULN, "ldh_uln", unit="xULN")
    assert plain.values.tolist() == [1.3, 0.8]


def test_marks_are_decided_for_the_column():
    assert column(["9,8", "10,2"], HB, unit="g/dL").values.tolist() == [9.8, 10.2]
    assert said(column(["9,8", "10,2"], HB, unit="g/dL")) == [("inferred", "form_inferred", [0, 1])]
    assert said(column(["9.8", "10.2"], HB, unit="g/dL")) == []
    assert column(["1,234.5", "98.5"], PLT, "plt", unit="10*9/L").values.tolist() == [1234.5, 98.5]
    assert column(["1.234", "98.000"], PLT, "plt", unit="/uL").values.tolist() == [1.234, 98]
    assert column(["1.234", "3.491"], {"type": "number", "unit": "1"}, "score", unit="1").values.tolist() == [
        1.234,
        3.491,
    ]
    assert column(["98\u202f000", "120'000"], PLT, "plt", unit="/uL").values.tolist() == [98, 120]
    assert column(["98 000"], PLT, "plt", unit="/uL", thousands=" ").values.tolist() == [98]
    # One cell of another hand is no number; half of them are a conflict.
    done = column(["9.8"] * 19 + ["9.7", "9,8"], HB, unit="g/dL")
    assert said(done) == [("null", "parse_error", [20])]
    done = column(["9.8", "9,8"], HB, unit="g/dL")
    assert said(done) == [("null", "unit_conflict", [0, 1])] and "declare `decimal`" in done.findings[0].detail
    done = column(["1.234", "1,234"], PLT, "plt", unit="10*9/L")
    assert said(done) == [("null", "unit_conflict", [0, 1])]


def test_a_declared_mark_stands():
    done = column(["9.8", "10,1"], HB, unit="g/dL", file={"decimal": ","})
    np.testing.assert_array_equal(done.values, [np.nan, 10.1])
    done = column(["98.000", "120.500"], PLT, "plt", unit="/uL", decimal=",", thousands=".")
    assert done.values.tolist() == [98, 120.5]
    # Without the thousands mark declared: only where every such cell groups digits and lies in the hard range.
    assert column(["98.000", "120.500"], PLT, "plt", unit="/uL", decimal=",").values.tolist() == [98, 120.5]
    assert said(column(["9.812", "9,8"], HB, unit="g/dL", decimal=",")) == [("null", "parse_error", [0])]


def test_sentinels_are_declared_or_repeated_codes():
    raw = ["9.5", "999", "999", "999", "888", "-9"]
    done = column(raw, HB, unit="g/dL")
    assert said(done) == [("null", "sentinel", [1, 2, 3]), ("null", "range_hard", [4, 5])]
    done = column(raw, HB, unit="g/dL", sentinels=[888, -9])
    assert said(done) == [("null", "sentinel", [1, 2, 3, 4, 5])]
    done = column(["10", "11"], HB, unit="g/dL", sentinels=[10.0])
    assert said(done) == [("null", "sentinel", [0])]
    done = column(["10", "11"], HB, unit="g/dL", missing={"10": "not_done"})
    assert np.isnan(done.values[0])


def test_negative_numbers_are_kept_apart():
    done = column(["-1", "50", "2"], AGE, "age", unit="a")
    np.testing.assert_array_equal(done.negative, [-1, np.nan, np.nan])
    assert column(["1"], AGE, "age", unit="a").negative is None


def test_a_constant_measurement_is_structurally_missing():
    done = column(["9.5"] * 30, HB, unit="g/dL")
    assert np.isnan(done.values).all()
    assert [(f.status, f.reason, f.whole) for f in done.findings] == [("null", "missing", True)]
    assert "one value" in done.findings[0].detail
    assert column(["9.5"] * 29, HB, unit="g/dL").values.tolist() == [9.5] * 29
    assert column(["0"] * 30, BLASTS, "bm_blast", unit="%").values.tolist() == [0] * 30
    assert column([None, "NA"], HB, unit="g/dL").findings[0].detail == "the whole column is empty"


def test_numbers_may_have_a_value_map():
    spec = {"type": "number", "unit": "1"}
    values = {"below": "0.5", "lost": None}
    np.testing.assert_array_equal(column(["below", "50"], spec, unit="%", values=values).values, [0.5, 0.5])
    done = column(["below", "lost", "12", "x"], spec, unit="1", values=values)
    np.testing.assert_array_equal(done.values, [0.5, np.nan, 12, np.nan])
    assert said(done) == [("null", "missing", [1]), ("null", "parse_error", [3])]
    with pytest.raises(HemaPilotsError, match='"few" is not a number'):
        column(["below"], spec, unit="1", values={"below": "few"})


def test_percentages_that_are_fractions_are_read_as_such_or_not_at_all():
    raw = ["0.07", "0.1", "0.02", "0.3", "0.05", "0"]
    done = column(raw, BLASTS, "bm_blast", unit="%")
    assert done.values.tolist() == [7, 10, 2, 30, 5, 0] and ("inferred", "unit_inferred", list(range(6))) in said(done)
    done = column(raw, BLASTS | {"hard": [0, 19]}, "pb_blast", unit="%")
    assert said(done) == [("null", "unit_conflict", list(range(6)))]
    done = column(["0.07", "0.5"], BLASTS, "bm_blast", unit="%")
    assert said(done) == [("null", "unit_conflict", [0, 1])]
    assert column(["0.07", "0.5", "3", "1", "0"], BLASTS, "bm_blast", unit="%").values[0] == 0.07
    assert column(["0", "0", "1"], BLASTS, "bm_blast", unit="%").values.tolist() == [0, 0, 1]
    done = column(raw, BLASTS, "bm_blast", unit="1")
    assert done.values[0] == 7 and ("converted", None, list(range(6))) in said(done)


def test_a_low_haemoglobin_in_mmol_is_refused_whatever_the_marks():
    """5.605 g/dL are 3.478 mmol/L, which may be a count of tetramers: one patient, or a column of such, is not guessed at."""
    for form in ({}, {"decimal": "."}, {"decimal": ".", "thousands": ","}):
        done = column(["3.47824"], HB, unit="mmol/L", **form)
        assert said(done) == [("null", "unit_conflict", [0])]
        assert "state the `unit` that it means: mmol/L{monomer} or mmol/L{tetramer}" in done.findings[0].detail
        for spelt in ("mmol/l", "mM/L"):
            assert said(column(["3.47824"], HB, unit=spelt, **form)) == said(done)
        for spelt in ("mmol/L{monomer}", "mmol/l (monomer)"):
            assert column(["3.47824"], HB, unit=spelt, **form).values.tolist() == pytest.approx([5.605], abs=1e-4)
        assert column(["5.605"], HB, unit="g/dL", **form).values.tolist() == [5.605]
    # A comma and a point that may both group digits: refused where neither is declared.
    assert said(column(["5.605", "1,234"], HB, unit="g/dL")) == [("null", "unit_conflict", [0, 1])]


def test_haemoglobin_in_tetramers_is_asked_for():
    done = column(["1.5", "1.6", "1.4", "1.9", "1.2"], HB, unit="mmol/L")
    assert said(done) == [("null", "unit_conflict", [0, 1, 2, 3, 4])] and "ask the site" in done.findings[0].detail
    assert column(["1.551"], HB, unit="mmol/L (tetramer)").values[0] == pytest.approx(10, abs=5e-3)
    assert column(["5.1", "6.2", "3.1"], HB, unit="mmol/L").values[1] == pytest.approx(9.99, abs=1e-2)
    assert column(["9.8", "3.1 mmol/L"], HB, unit="g/dL").values[1] == pytest.approx(5, abs=1e-2)


def test_letters_of_time_follow_the_language():
    for language, year in (("de", 1), ("nl", 1), ("fr", 1 / 365.25)):
        assert column(["1 J", "2"], AGE, "age", unit="a", language=language).values[0] == pytest.approx(year)
    assert said(column(["1 J", "2"], AGE, "age", unit="a")) == [("null", "parse_error", [0])]


def test_limits_of_counts():
    spec = {"type": "number", "unit": "1", "gene": "TP53", "of_variants": "count", "hard": [0, 40]}
    done = column([">1", ">=2", "≥ 2", "2-3", "<3", "1", "more than 1"], spec, "tp53_nmut", unit="1")
    np.testing.assert_array_equal(done.values, [2, 2, 2, np.nan, np.nan, 1, 2])
    assert said(done) == [
        ("null", "below_lod", [4]),
        ("null", "parse_error", [3]),
        ("flagged", "above_uloq", [0, 1, 2, 6]),
    ]
    events = {"type": "number", "unit": "1", "hard": [0, 60], "known_at": "index"}
    assert column([">3", "0", "2"], events, "voc_12m", unit="1").values.tolist() == [4, 0, 2]
    assert column([">3", "1.5"], LDH_ULN, "ldh_uln", unit="1").values.tolist() == [3, 1.5]


def test_negative_outcomes_are_no_codes():
    done = column(["-3", "-3", "-3", "2"], AGE | {"known_at": "outcome"}, "os_years", unit="a")
    np.testing.assert_array_equal(done.negative, [-3, -3, -3, np.nan])
    assert said(done) == [("null", "range_hard", [0, 1, 2])]


def test_only_measurements_of_the_laboratory_must_differ():
    dose = {"type": "number", "unit": "mg/d", "known_at": "index"}
    done = column(["500"] * 30, dose, "dose", unit="mg/d")
    assert done.values.tolist() == [500] * 30 and said(done) == [("flagged", "contradiction", list(range(30)))]
    done = column(["9.5"] * 30, HB | {"known_at": "landmark"}, unit="g/dL")
    assert done.values[0] == 9.5 and said(done)[0][:2] == ("flagged", "contradiction")
    done = column(["<0.1"] * 30, PLT | {"soft": [0, 800]}, "anc", unit="10*9/L")
    assert done.values.tolist() == [0.05] * 30


def test_counts_of_mutations_are_read_in_words():
    spec = {"type": "number", "unit": "1", "gene": "TP53", "of_variants": "count", "hard": [0, 40]}
    done = column(["0", "2", "2 mutations", "nonsense"], spec, "tp53_nmut", unit="1")
    np.testing.assert_array_equal(done.values, [0, 2, 2, np.nan])
    assert said(done) == [("null", "parse_error", [3])]


def test_texts_are_trimmed_and_kept():
    done = column([" NA", "nicht bestimmt ", None], {"type": "text"})
    assert done.values.tolist() == [None, "nicht bestimmt", None]
    assert column([" 46,XY[20] "], {"type": "karyotype"}).values.tolist() == ["46,XY[20]"]


@pytest.mark.parametrize(
    "spec", [HB, {"type": "flag"}, {"type": "category", "levels": ["a"]}, {"type": "date"}, {"type": "text"}]
)
def test_an_empty_or_wholly_missing_column_works(spec):
    declared = {"unit": "g/dL"} if spec is HB else {}
    assert len(column([], spec, **declared).values) == 0
    done = column([None, "NA", ""], spec, **declared)
    assert pd.isna(done.values).all() and said(done) == [("null", "missing", [0, 1, 2])]


def test_texts_that_differ_by_white_space_are_one():
    done = column(["9.8", " 9.8", "9.8\u00a0", "NA ", "\ufeffNA"], HB, unit="g/dL")
    np.testing.assert_array_equal(done.values, [9.8, 9.8, 9.8, np.nan, np.nan])


# The law: what is not a plain number as declared stands in a finding, and what is null stands in exactly one.
LETTERS = st.text(alphabet=string.digits + ".,<>~-+*%() eExHLkgmol/dUN'\u00a0\u2212²½", min_size=0, max_size=9)
ANY = st.text(min_size=0, max_size=12).filter(lambda text: not any("\ud800" <= letter <= "\udfff" for letter in text))
PLAIN = re.compile(r"[-+\u2212]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", re.ASCII)


@settings(max_examples=300, deadline=None)
@given(st.lists(LETTERS | ANY, min_size=1, max_size=8), st.sampled_from([".", None]))
def test_no_text_is_coerced_silently(texts, decimal):
    done = column(texts, HB, unit="g/dL", decimal=decimal)
    nulls = np.zeros(len(texts), dtype=int)
    touched = np.zeros(len(texts), dtype=bool)
    for finding in done.findings:
        assert finding.status in STATUSES and (finding.reason is None or finding.reason in REASONS)
        assert finding.cells.dtype == np.int64 and (np.diff(finding.cells) > 0).all()
        touched[finding.cells] = True
        if finding.status == "null":
            nulls[finding.cells] += 1
    for place, text in enumerate(texts):
        value = done.values[place]
        assert nulls[place] == np.isnan(value), text
        plain = PLAIN.fullmatch(
            text.strip(" \t\r\n\v\f\u00a0\u2007\u2009\u200a\u200b\u202f\u3000\ufeff\x1c\x1d\x1e\x1f")
        )
        if not np.isnan(value) and not touched[place]:
            assert plain and value == float(plain[0].replace("\u2212", "-")), text


@settings(max_examples=150, deadline=None)
@given(st.lists(st.floats(2, 20, allow_nan=False).map(lambda value: round(value, 3)), min_size=1, max_size=6))
def test_numbers_come_back_from_any_unit_and_mark(values):
    for unit, factor in (("g/dL", 1), ("g/L", 10)):
        for mark in ".,":
            raw = [f"{value * factor:.4f}".replace(".", mark) for value in values]
            done = column(raw, HB, unit=unit, decimal=mark)
            np.testing.assert_allclose(done.values, values, rtol=1e-12)
