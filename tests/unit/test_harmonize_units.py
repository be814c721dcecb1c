"""Units: every factor against another source (molar masses, UCUM, check values), synonyms, dimensions, inference."""

import csv

import numpy as np
import pandas as pd
import pytest

from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.reading.inference import infer, slipped
from hemapilots.harmonize.reading.ucum import ratio
from hemapilots.harmonize.reading.unit_names import plain
from hemapilots.harmonize.reading.units import candidates, conversion, factor, known, load_factors
from hemapilots.paths import RESOURCES

UNITS = RESOURCES / "units"
FACTORS = load_factors(UNITS / "factors.csv")
HB = {"unit": "g/dL", "soft": [5, 16], "hard": [2, 20]}
PLT = {"unit": "10*9/L", "soft": [5, 800], "hard": [0, 2000]}


@pytest.mark.parametrize(
    ("name", "source", "canonical", "value", "expected", "precision"),
    [
        # The check values and cuts of the page of conventions.
        ("hb", "mmol/L", "g/dL", 6.2, 10, 2e-3),
        ("hb", "mmol/L", "g/dL", 5.0, 8, 8e-3),
        ("hb", "mmol/L", "g/dL", 0.62055, 1, 2e-5),
        ("hb", "mmol/L (tetramer)", "g/dL", 1.551, 10, 5e-4),
        ("hb", "g/L", "g/dL", 98, 9.8, 0),
        ("plt", "/uL", "10*9/L", 98000, 98, 0),
        ("plt", "10*4/uL", "10*9/L", 9.8, 98, 0),
        ("plt", "10*6/L", "10*9/L", 98000, 98, 0),
        ("rbc", "10*6/uL", "10*12/L", 4.1, 4.1, 0),
        ("rbc", "T/L", "10*12/L", 4.1, 4.1, 0),
        ("bm_blast", "1", "%", 0.07, 7, 1e-12),
        ("vaf", "%", "1", 45, 0.45, 1e-12),
        ("creatinine", "umol/L", "mg/dL", 88.40, 1, 1e-4),
        ("creatinine", "mmol/L", "mg/dL", 0.0884, 1, 1e-4),
        ("bilirubin", "umol/L", "mg/dL", 17.104, 1, 1e-4),
        ("b2m", "nmol/L", "mg/L", 296.6, 3.5, 1e-4),
        ("b2m", "nmol/L", "mg/L", 466.1, 5.5, 1e-4),
        ("b2m", "ug/mL", "mg/L", 3.5, 3.5, 0),
        ("b2m", "ng/mL", "mg/L", 3500, 3.5, 0),
        ("b2m", "mg/dL", "mg/L", 0.35, 3.5, 0),
        ("albumin", "g/L", "g/dL", 35, 3.5, 0),
        ("albumin", "umol/L", "g/dL", 526.3, 3.5, 1e-4),
        ("ldh", "ukat/L", "U/L", 4.2, 252, 1e-12),
        ("ldh", "nkat/L", "U/L", 4200, 252, 1e-12),
        ("ldh", "IU/L", "U/L", 252, 252, 0),
        ("calcium", "mmol/L", "mg/dL", 2.75, 11.02, 1e-3),
        ("calcium", "meq/L", "mg/dL", 5.5, 11.02, 1e-3),
        ("ferritin", "pmol/L", "ng/mL", 2.247, 1, 1e-3),
        ("ferritin", "ug/L", "ng/mL", 300, 300, 0),
        ("nt_probnp", "pmol/L", "pg/mL", 1, 8.457, 0),
        ("nt_probnp", "ng/mL", "pg/mL", 1, 1000, 0),
        ("nt_probnp", "ng/L", "pg/mL", 125, 125, 0),
        ("m_protein", "g/dL", "g/L", 3, 30, 0),
        ("flc_kappa", "mg/dL", "mg/L", 1.9, 19, 0),
        ("tcd_tamm", "m/s", "cm/s", 1.85, 185, 0),
        ("trv", "cm/s", "m/s", 250, 2.5, 0),
        ("uacr", "mg/mmol", "mg/g", 3.4, 30.056, 1e-12),
        ("height", "m", "cm", 1.7, 170, 0),
        ("weight", "lb", "kg", 100, 45.359237, 1e-12),
        ("temperature", "[degF]", "Cel", 98.6, 37, 1e-12),
        ("temperature", "°F", "Cel", 32, 0, 1e-12),
        ("temperature", "K", "Cel", 310.15, 37, 1e-12),
        ("os_years", "mo", "a", 18, 1.5, 1e-12),
        ("os_years", "d", "a", 365.25, 1, 1e-12),
        ("os_years", "wk", "a", 365.25, 7, 1e-12),
        ("follow_up", "mo", "d", 1, 30.4375, 0),
        ("follow_up", "a", "d", 1, 365.25, 0),
    ],
)
def test_conversions_of_the_conventions(name, source, canonical, value, expected, precision):
    made = conversion(name, source, canonical, FACTORS, "here")
    assert made.apply(np.array([value]))[0] == pytest.approx(expected, rel=precision or 1e-15, abs=1e-12)


def table():
    with open(UNITS / "factors.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# Conventions that physics does not know: rounded molar masses (relative difference), affine scales, multiples of a limit.
CONVENTIONS = {
    ("hb", "mmol/L{tetramer}"): 4 * 16114.5,
    ("ferritin", "pmol/L"): 445_000,
    ("uacr", "mg/mmol"): 1 / 113.12,
}


@pytest.mark.parametrize("row", table(), ids=lambda row: f"{row['variable']}-{row['source']}-{row['canonical']}")
def test_every_factor_follows_from_definitions_and_molar_masses(row):
    name, source, canonical, value = row["variable"], row["source"], row["canonical"], float(row["factor"])
    if row["offset"] or source == "{xULN}" or "[IU]" in source + canonical:
        assert value in (1, pytest.approx(1 / 1.8))
        return
    if (name, source) == ("uacr", "mg/mmol"):
        expected = 1000 / 113.12
    elif source == "meq/L":
        expected = ratio("mmol/L", canonical, FACTORS.masses[name]) / 2
    else:
        mass = CONVENTIONS.get((name, source), FACTORS.masses.get(name))
        expected = ratio(source.removesuffix("{tetramer}").removesuffix("{monomer}"), canonical, mass)
    assert value == pytest.approx(expected, rel=1e-4)


def test_the_molar_masses_give_the_table_of_the_conventions():
    grams = {
        "hb": 16114.5,
        "creatinine": 113.12,
        "bilirubin": 584.66,
        "b2m": 11800,
        "albumin": 66500,
        "calcium": 40.078,
    }
    assert {name: FACTORS.masses[name] for name in grams} == grams
    # Without a line of its own in the table of factors.
    assert conversion("creatinine", "nmol/L", "mg/dL", FACTORS, "here").scale == pytest.approx(113.12e-7, rel=1e-9)
    assert conversion("glucose", "mmol/L", "mg/dL", FACTORS, "here").scale == pytest.approx(18.0156)


@pytest.mark.parametrize(
    ("text", "canonical", "code"),
    [
        ("gr/dl", "g/dL", "g/dL"),
        ("g/100ml", "g/dL", "g/dL"),
        ("g%", "g/dL", "g/dL"),
        ("g/dl", "g/dL", "g/dL"),
        ("G/DL", "g/dL", "g/dL"),
        ("G/l", "10*9/L", "10*9/L"),
        ("G/L", "10*9/L", "10*9/L"),
        ("G/L", "g/dL", "g/L"),
        ("g/l", "g/dL", "g/L"),
        ("g/l", "10*9/L", "g/L"),
        ("Gpt/l", "10*9/L", "10*9/L"),
        ("Tsd/ul", "10*9/L", "10*3/uL"),
        ("Tsd./µl", "10*9/L", "10*3/uL"),
        ("x10E9/L", "10*9/L", "10*9/L"),
        ("10^9/L", "10*9/L", "10*9/L"),
        ("10⁹/L", "10*9/L", "10*9/L"),
        ("1e9/l", "10*9/L", "10*9/L"),
        ("mil/mm3", "10*9/L", "10*3/uL"),
        ("K/\u00b5L", "10*9/L", "10*3/uL"),
        ("K/\u03bcL", "10*9/L", "10*3/uL"),
        ("K/uL", "10*9/L", "10*3/uL"),
        ("/nl", "10*9/L", "/nL"),
        ("/µL", "10*9/L", "/uL"),
        ("UI/L", "U/L", "U/L"),
        ("IU/l", "U/L", "U/L"),
        ("[IU]/L", "U/L", "U/L"),
        ("[U]/L", "U/L", "U/L"),
        ("U/l", "U/L", "U/L"),
        ("µkat/L", "U/L", "ukat/L"),
        ("mcg/L", "ng/mL", "ug/L"),
        ("mmol/l", "g/dL", "mmol/L"),
        ("µmol/l", "mg/dL", "umol/L"),
        ("x ULN", "U/L", "{xULN}"),
        ("m", "a", "mo"),
        ("m", "cm", "m"),
        ("Jahre", "a", "a"),
        ("°F", "Cel", "[degF]"),
        ("mmHg", "mm[Hg]", "mm[Hg]"),
        ("mL/min/1.73m²", "mL/min/{1.73_m2}", "mL/min/{1.73_m2}"),
        ("Fantasie", "g/dL", None),
        ("", "g/dL", None),
    ],
)
def test_synonyms(text, canonical, code):
    assert FACTORS.names.resolve(text, canonical) == code


def test_a_letter_that_is_two_units_needs_a_language():
    resolve = FACTORS.names.resolve
    for text in ("J", "j", "J.", "T"):
        assert resolve(text, "a") is None and resolve(text, "a", "en") is None
    assert [resolve("J", "a", language) for language in ("de", "nl", "fr")] == ["a", "a", "d"]
    assert [resolve("j", "mo", language) for language in ("de", "nl", "fr")] == ["a", "a", "d"]
    assert resolve("T", "d", "de") == "d" and resolve("T", "d", "it") is None


def test_mil_is_a_thousand_where_cells_are_counted_in_thousands_and_else_nothing():
    for text in ("mil/uL", "mil./uL", "mil/µl", "mil./mm3", "mil/mm3"):
        assert FACTORS.names.resolve(text, "10*9/L") == "10*3/uL"
        assert FACTORS.names.resolve(text, "10*12/L") is None


def test_letters_are_not_units_of_physics():
    """K/uL is not kelvin, G/L is not gauss, and what measures another thing is refused."""
    assert ratio("K/uL", "10*9/L", None) is None and ratio("G/L", "g/dL", None) is None
    # Bel is a logarithm: it has no factor to anything.
    assert ratio("B", "g/dL", None) is None and ratio("dB", "1", None) is None
    assert conversion("plt", "K/uL", "10*9/L", FACTORS, "here").scale == 1
    assert conversion("plt", "G/L", "10*9/L", FACTORS, "here").scale == 1
    for name, source, canonical in (
        ("hb", "K/uL", "g/dL"),
        ("hb", "%", "g/dL"),
        ("plt", "g/L", "10*9/L"),
        ("temperature", "mmol/L", "Cel"),
        ("m_protein", "mmol/L", "g/L"),
        ("magnesium", "meq/L", "mg/dL"),
        ("ldh", "%", "U/L"),
        ("hydroxyurea", "mg/d", "mg/kg/d"),
    ):
        with pytest.raises(HemaPilotsError, match="cannot be converted"):
            conversion(name, source, canonical, FACTORS, "here")


def test_general_units_come_from_their_definitions():
    assert conversion("crp", "mg/dL", "mg/L", FACTORS, "here").scale == 10
    assert conversion("hb", "mg/dL", "g/dL", FACTORS, "here").scale == 0.001
    assert conversion("height", "[in_i]", "cm", FACTORS, "here").scale == pytest.approx(2.54)
    assert conversion("enzyme", "umol/min/L", "U/L", FACTORS, "here").scale == pytest.approx(1)


def test_a_refusal_names_field_and_remedy():
    with pytest.raises(HemaPilotsError) as error:
        factor("hb", None, "g/dL", FACTORS, "clinic")
    assert "mapping clinic, variables.hb.unit" in str(error.value) and "no unit is stated" in str(error.value)
    assert "g/dL, g/L, mmol/L" in str(error.value)
    assert factor("score", None, "1", FACTORS, "m") == 1
    assert factor("hb", "mmol/L", "g/dL", FACTORS, "m") == 1.61145
    assert known("hb", "IU/L", "g/dL", FACTORS) is None


def test_powers_of_ten_keep_decimals_exact():
    made = conversion("hb", "g/L", "g/dL", FACTORS, "here")
    assert made.power == -1 and made.apply(np.array([97.0]))[0] == 9.7
    assert conversion("hb", "mmol/L", "g/dL", FACTORS, "here").power is None


def test_every_code_is_itself():
    codes = {code for key in FACTORS for code in key[1:]} - {"[IU]/L", "K"}
    codes |= {"umol/L", "pg/mL", "fL", "mm[Hg]", "mL/min/{1.73_m2}", "mg/g", "mo", "wk", "[lb_av]", "ukat/L"}
    assert {code: FACTORS.names.resolve(code, None) for code in codes} == {code: code for code in codes}


def test_no_alias_is_listed_twice_with_two_meanings():
    table = pd.read_csv(UNITS / "aliases.csv", dtype=str, keep_default_na=False)
    table["key"] = [plain(text) for text in table["alias"]]
    doubles = (
        table.assign(language=table["language"].str.split())
        .explode("language")
        .groupby(["key", "only_for", "language"], dropna=False)["unit"]
        .nunique()
    )
    assert (doubles == 1).all(), doubles[doubles > 1]
    assert len(table) > 600


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


@pytest.mark.parametrize(("file", "text"), [("aliases.csv", "a,b\n"), ("molar_masses.csv", "a\n")])
def test_a_broken_table_beside_it_is_refused(tmp_path, file, text):
    (tmp_path / "factors.csv").write_text("variable,source,canonical,factor\n*,g/L,g/dL,0.1\n")
    assert load_factors(tmp_path / "factors.csv").names.resolve("g/L", None) == "g/L"
    (tmp_path / file).write_text(text + "x,y\n" if "," in text else text + "x\n")
    with pytest.raises(HemaPilotsError, match="correct the header"):
        load_factors(tmp_path / "factors.csv")


@pytest.mark.parametrize(
    ("name", "spec", "median", "unit"),
    [
        ("hb", HB, 95, "g/L"),
        ("plt", PLT, 128, "10*9/L"),
        ("plt", PLT, 128000, "/uL"),
        ("creatinine", {"unit": "mg/dL", "soft": [0.4, 10], "hard": [0.1, 25]}, 88, "umol/L"),
        ("b2m", {"unit": "mg/L", "soft": [1, 40], "hard": [0.5, 100]}, 0.35, "mg/dL"),
        ("b2m", {"unit": "mg/L", "soft": [1, 40], "hard": [0.5, 100]}, 300, "nmol/L"),
        ("albumin", {"unit": "g/dL", "soft": [2, 5.5], "hard": [1, 7]}, 38, "g/L"),
        ("albumin", {"unit": "g/dL", "soft": [2, 5.5], "hard": [1, 7]}, 560, "umol/L"),
        ("bilirubin", {"unit": "mg/dL", "soft": [0.3, 10], "hard": [0.1, 60]}, 17, "umol/L"),
        ("calcium", {"unit": "mg/dL", "soft": [7, 16], "hard": [4, 22]}, 2.4, "mmol/L"),
        ("ldh", {"unit": "U/L", "soft": [80, 1500], "hard": [20, 20000]}, 300, "U/L"),
        ("ldh", {"unit": "U/L", "soft": [80, 1500], "hard": [20, 20000]}, 5, "ukat/L"),
    ],
)
def test_a_unit_is_inferred_where_exactly_one_fits(name, spec, median, unit):
    values = median * np.array([0.8, 0.9, 0.95, 1, 1.05, 1.1, 1.2])
    made, wrong = infer(values, name, spec, FACTORS)
    assert made.source == unit and not wrong.any()


def test_a_unit_is_not_inferred_where_none_or_several_fit():
    assert "do not tell it" in infer(np.full(10, 400.0), "hb", HB, FACTORS)
    assert "fewer than" in infer(np.full(4, 9.5), "hb", HB, FACTORS)
    assert "no ranges" in infer(np.full(9, 9.5), "hb", {"unit": "g/dL"}, FACTORS)
    # Two units fit, however typical the median is of one of them.
    for name, spec, median, units in (
        ("hb", HB, 7.9, "g/dL, mmol/L"),
        ("hb", HB, 9.5, "g/dL, mmol/L"),
        ("b2m", {"unit": "mg/L", "soft": [1, 40], "hard": [0.5, 100]}, 3.5, "mg/L, mg/dL"),
        ("ldh", {"unit": "U/L", "soft": [80, 1500], "hard": [20, 20000]}, 2.9, "ukat/L, {xULN}"),
    ):
        found = infer(median * np.array([0.8, 0.9, 0.95, 1, 1.05, 1.1, 1.2]), name, spec, FACTORS)
        assert isinstance(found, str) and units in found
    # Six per cent far off.
    assert isinstance(infer(np.r_[np.full(94, 9.5), np.full(6, 900.0)], "hb", HB, FACTORS), str)


def test_fractions_and_percentages_are_told_apart_by_the_column():
    blasts = {"unit": "%", "soft": [0, 19], "hard": [0, 100]}
    vaf = {"unit": "1", "hard": [0, 1]}
    assert infer(np.array([0.07, 0.02, 0, 0.1, 1.0]), "bm_blast", blasts, FACTORS)[0].source == "1"
    assert infer(np.array([7, 2, 0, 10, 1.0]), "bm_blast", blasts, FACTORS)[0].source == "%"
    assert infer(np.array([0, 0, 0, 0, 1.0]), "pb_blast", blasts, FACTORS)[0].source == "%"
    made, wrong = infer(np.array([7, 2, 5, 10, 1.0, 0.07, 8, 9]), "bm_blast", blasts, FACTORS)
    assert made.source == "%" and wrong.tolist() == [False] * 5 + [True, False, False]
    assert infer(np.array([0.45, 0.1, 0.5, 1, 0.2]), "vaf", vaf, FACTORS)[0].source == "1"
    assert infer(np.array([45, 10, 5, 30, 20, 0.5]), "vaf", vaf, FACTORS)[0].source == "%"
    assert "one column" in infer(np.array([45, 0.45, 0.3, 30, 20, 0.2]), "vaf", vaf, FACTORS)


def test_a_second_population_in_another_unit_is_seen():
    made = candidates("hb", "g/dL", FACTORS)[0]
    assert made.source == "g/dL"
    values = np.r_[np.full(90, 9.5), 85 + np.arange(10.0)]
    assert slipped(values, values, "hb", HB, made, FACTORS).source == "g/L"
    few = np.r_[np.full(97, 9.5), 85 + np.arange(3.0)]
    assert slipped(few, few, "hb", HB, made, FACTORS) is None
    codes = np.r_[np.full(90, 9.5), np.full(10, 99.0)]
    assert slipped(codes, codes, "hb", HB, made, FACTORS) is None
