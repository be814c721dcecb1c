"""The numbered dirty-data cases that are about single cells and whole columns, from a file to the harmonized table."""

import pytest

from dirty import days, run
from hemapilots.errors import HemaPilotsError

HB = {"type": "number", "unit": "g/dL", "soft": [5, 16], "hard": [2, 20]}
PLT = {"type": "number", "unit": "10*9/L", "soft": [5, 800], "hard": [0, 2000]}
ANC = {"type": "number", "unit": "10*9/L", "soft": [0.1, 9], "hard": [0, 100]}
FERRITIN = {"type": "number", "unit": "ng/mL", "soft": [5, 5000], "hard": [0, 100000]}
B2M = {"type": "number", "unit": "mg/L", "soft": [1, 40], "hard": [0.5, 100]}
LDH = {"type": "number", "unit": "U/L", "soft": [80, 1500], "hard": [20, 20000]}
LDH_ULN = {"type": "number", "unit": "1", "soft": [0.4, 5], "hard": [0.1, 50]}
BLASTS = {"type": "number", "unit": "%", "soft": [0, 19], "hard": [0, 100]}
VAF = {"type": "number", "unit": "1", "hard": [0, 1]}
CREATININE = {"type": "number", "unit": "mg/dL", "soft": [0.4, 10], "hard": [0.1, 25]}
SEX = {"type": "category", "levels": ["F", "M"], "vocabulary": "sex"}
DATE = {"type": "date"}


def of(name, **entry):
    """A mapping that says something of one variable."""
    return {"variables": {name: {"column": name, **entry}}}


def dated(tmp_path, texts, mapping=None, **expressions):
    """Dates are not kept: their days are seen through a derived variable."""
    derived = {"days": {"label": "Days", "type": "number", "unit": "d", "expression": "seen"}}
    return run(tmp_path, {"seen": texts}, {"seen": DATE}, mapping, {"derived": derived})


def test_case_01_decimal_comma(tmp_path):
    done = run(tmp_path, {"hb": ["9,8", "10,1"]}, {"hb": HB}, {"files": {"main": {"decimal": ",", "delimiter": ";"}}})
    assert done.values("hb") == [9.8, 10.1] and done.said("hb") == []
    done = run(tmp_path, {"hb": ["1.234.567", "1,234,567"]}, {"hb": HB})
    assert done.values("hb") == [None, None] and done.count("hb", "null", "unit_conflict") == 2


def test_case_01_decimal_comma_proved_by_the_column(tmp_path):
    done = run(tmp_path, {"hb": ["9,8", "10,1", "12"]}, {"hb": HB}, {"files": {"main": {"delimiter": ";"}}})
    assert done.values("hb") == [9.8, 10.1, 12]
    assert done.count("hb", "inferred", "form_inferred") in (0, 2)  # 0 where the reader has told the mark of the file


def test_case_02_thousands_point(tmp_path):
    mapping = of("plt", unit="/uL") | {"files": {"main": {"delimiter": ";"}}}
    done = run(tmp_path, {"plt": ["1.234", "98.000", "120.000", "210.000"]}, {"plt": PLT}, mapping)
    assert done.values("plt") == [1.234, 98, 120, 210]
    assert done.count("plt", "inferred", "form_inferred") == 4 and done.count("plt", "converted", None) == 4


def test_case_02_thousands_point_that_is_ambiguous(tmp_path):
    wide = PLT | {"soft": [0.0001, 2000]}
    done = run(tmp_path, {"plt": ["1.234", "98.000"]}, {"plt": wide}, of("plt", unit="/uL"))
    assert done.values("plt") == [None, None] and done.count("plt", "null", "unit_conflict") == 2


def test_case_03_values_in_another_unit_slipped_in(tmp_path):
    done = run(tmp_path, {"hb": ["9.5"] * 30 + ["9.8"] * 9 + ["98"]}, {"hb": HB})
    assert done.value("hb", 39) is None and done.said("hb", 39) == [("null", "range_hard")]
    assert done.value("hb") == 9.5
    slipped = ["9.5", "9.8"] * 10 + ["98", "87", "101", "93"]
    done = run(tmp_path, {"hb": slipped}, {"hb": HB})
    assert set(done.values("hb")) == {None} and done.said("hb", None) == [("null", "unit_conflict")]
    units = ["g/dL"] * 20 + ["g/L"] * 4
    done = run(tmp_path, {"hb": slipped, "u": units}, {"hb": HB}, of("hb", unit_column="u", unit=None))
    assert done.value("hb") == 9.5 and done.value("hb", 20) == 9.8


def test_case_04_unit_in_the_cell(tmp_path):
    done = run(tmp_path, {"hb": ["6.1 mmol/L", "9.8"]}, {"hb": HB})
    assert done.value("hb") == pytest.approx(9.83, abs=1e-3) and done.value("hb", 1) == 9.8
    assert done.count("hb", "converted", None) == 1


def test_case_05_blank_unit(tmp_path):
    columns = {"plt": ["130000", "128000", "99000", "250000", "88000"], "u": [""] * 5}
    done = run(tmp_path, columns, {"plt": PLT}, of("plt", unit_column="u", unit=None))
    assert done.values("plt") == [130, 128, 99, 250, 88] and done.count("plt", "inferred", "unit_inferred") == 5
    done = run(tmp_path, {"plt": ["130", "1280000"]}, {"plt": PLT}, of("plt", unit="infer"))
    assert done.values("plt") == [None, None] and done.count("plt", "null", "unit_unknown") == 2


def test_case_06_below_detection(tmp_path):
    done = run(tmp_path, {"anc": ["<0.1", "1.5"]}, {"anc": ANC})
    assert done.value("anc") == 0.05 and ("flagged", "below_lod") in done.said("anc")


def test_case_07_above_quantification(tmp_path):
    done = run(tmp_path, {"ferritin": [">2000", "300"]}, {"ferritin": FERRITIN})
    assert done.value("ferritin") == 2000 and done.said("ferritin") == [("flagged", "above_uloq")]


def test_case_08_precision_is_kept(tmp_path):
    columns, mapping = {"b2m": ["3.5", "3.49", "3.4999999"]}, of("b2m", unit="mg/L")
    assert run(tmp_path, columns, {"b2m": B2M}, mapping).values("b2m") == [3.5, 3.49, 3.4999999]


def test_case_09_multiples_of_the_limit(tmp_path):
    columns = {"LDH": ["1.3xULN", "250"], "os": ["1", "1"]}
    variables = {"ldh": {"column": "LDH", "unit": "U/L"}, "ldh_uln": {"column": "LDH", "unit": "U/L", "uln": 250}}
    done = run(tmp_path, columns, {"ldh": LDH, "ldh_uln": LDH_ULN}, {"variables": variables})
    assert done.values("ldh_uln") == [1.3, 1] and done.values("ldh") == [None, 250]
    assert done.said("ldh") == [("null", "unit_unknown")]


def test_case_10_katal(tmp_path):
    columns = {"ldh": ["4.2", "250"], "u": ["\u00b5kat/L", "U/l"]}
    done = run(tmp_path, columns, {"ldh": LDH}, of("ldh", unit_column="u", unit=None))
    assert done.values("ldh") == [252, 250] and done.count("ldh", "converted", None) == 1
    columns["u"][0] = "\u03bckat/L"
    assert run(tmp_path, columns, {"ldh": LDH}, of("ldh", unit_column="u", unit=None)).value("ldh") == 252


@pytest.mark.parametrize(
    ("language", "high", "normal"), [("fr", "élevée", "normale"), ("de", "erhöht", "normal"), ("en", "high", "normal")]
)
def test_case_11_words_for_high(tmp_path, language, high, normal):
    entries = {"ldh": {"column": "LDH", "unit": "U/L"}, "ldh_high": {"column": "LDH"}}
    variables = {"ldh": LDH, "ldh_high": {"type": "flag", "vocabulary": "high"}}
    done = run(tmp_path, {"LDH": [normal, high, "250"]}, variables, {"language": language, "variables": entries})
    assert done.values("ldh_high") == [0, 1, None] and done.values("ldh") == [None, None, 250]
    assert done.said("ldh") == [("null", "parse_error")] and done.said("ldh_high", 2) == [("null", "code_unknown")]


def test_case_12_ranges_of_blasts(tmp_path):
    done = run(tmp_path, {"bm_blast": ["<5%", "5-9", "ca. 8", "10+", "3"]}, {"bm_blast": BLASTS})
    assert done.values("bm_blast") == [None, 7, 8, None, 3]
    assert [done.said("bm_blast", row) for row in range(4)] == [
        [("null", "below_lod")],
        [("flagged", "approximate")],
        [("flagged", "approximate")],
        [("null", "parse_error")],
    ]


def test_case_13_fraction_in_a_column_of_percentages(tmp_path):
    infer = of("bm_blast", unit="infer")
    done = run(tmp_path, {"bm_blast": ["7", "2", "5", "10", "0.07", "12", "1", "8"]}, {"bm_blast": BLASTS}, infer)
    assert done.value("bm_blast") == 7 and done.value("bm_blast", 4) is None
    assert done.said("bm_blast", 4) == [("null", "unit_conflict")]
    done = run(tmp_path, {"bm_blast": ["0.07", "0.02", "0.05", "0.1", "0"]}, {"bm_blast": BLASTS}, infer)
    assert done.values("bm_blast") == [7, 2, 5, 10, 0] and done.count("bm_blast", "inferred", "unit_inferred") == 5
    # The same column, said to be in per cent.
    texts = ["0.07", "0.02", "0.05", "0.1", "0", "0.15"]
    done = run(tmp_path, {"bm_blast": texts}, {"bm_blast": BLASTS}, of("bm_blast", unit="%"))
    assert done.values("bm_blast") == [7, 2, 5, 10, 0, 15] and done.count("bm_blast", "inferred", "unit_inferred") == 6
    done = run(tmp_path, {"bm_blast": ["0.07", "0"]}, {"bm_blast": BLASTS}, of("bm_blast", unit="%"))
    assert done.values("bm_blast") == [None, None] and done.count("bm_blast", "null", "unit_conflict") == 2


def test_case_14_allele_fractions(tmp_path):
    infer = of("vaf", unit="infer")
    done = run(tmp_path, {"vaf": ["45", "12", "30", "8", "22", "0.45"]}, {"vaf": VAF}, infer)
    assert done.values("vaf")[:5] == [0.45, 0.12, 0.3, 0.08, 0.22] and done.said("vaf", 5) == [
        ("null", "unit_conflict")
    ]
    done = run(tmp_path, {"vaf": ["45", "0.45", "30", "0.3", "0.2"]}, {"vaf": VAF}, infer)
    assert set(done.values("vaf")) == {None} and done.count("vaf", "null", "unit_unknown") == 5
    done = run(tmp_path, {"vaf": ["45", "40", "30", "0.3", "0.2"]}, {"vaf": VAF}, of("vaf", unit="1"))
    assert set(done.values("vaf")) == {None} and done.count("vaf", "null", "unit_conflict") == 5


def test_case_15_day_first_or_month_first(tmp_path):
    with pytest.raises(HemaPilotsError, match="ambiguous date format") as error:
        dated(tmp_path, ["03/04/2019", "05/06/2020"])
    assert "variables.seen" in str(error.value) and "declare `date_format`" in str(error.value)
    for form, day in (("DD/MM/YYYY", "2019-04-03"), ("MM/DD/YYYY", "2019-03-04")):
        done = dated(tmp_path, ["03/04/2019"], of("seen", date_format=[form]))
        assert done.value("days") == days(day)
    done = dated(tmp_path, ["03/04/2019", "25/04/2019", "26/04/2019"])
    assert done.value("days") == days("2019-04-03") and done.count("seen", "inferred", "form_inferred") == 3
    with pytest.raises(HemaPilotsError, match="fewer than 2 different dates"):
        dated(tmp_path, ["03/04/2019", "25/04/2019", "25/04/2019"])


def test_case_16_days_that_do_not_exist(tmp_path):
    texts = ["2019-13-04", "31.02.2018", "0000-00-00", "01.03.2018"]
    done = dated(tmp_path, texts, of("seen", date_format=["DD.MM.YYYY"]))
    assert done.values("days") == [None, None, None, days("2018-03-01")]
    assert [done.said("seen", row) for row in range(3)] == [[("null", "date_invalid")]] * 3


def test_case_17_day_numbers_of_spreadsheets(tmp_path):
    done = dated(tmp_path, ["43586", "43587"])
    assert done.values("days") == [days("2019-05-01"), days("2019-05-02")]
    assert done.count("seen", "inferred", "form_inferred") == 2
    done = dated(tmp_path, ["43586", "2019-05-02"])
    assert done.values("days") == [None, days("2019-05-02")] and done.said("seen") == [("null", "date_invalid")]


def test_case_18_partial_dates(tmp_path):
    done = dated(tmp_path, ["06/2017", "2017", "2017-06"])
    assert done.values("days") == [days("2017-06-15"), days("2017-07-01"), days("2017-06-15")]
    assert done.said("seen") == [("flagged", "date_partial")] and done.said("seen", 1) == [("flagged", "date_partial")]


def test_case_19_dates_that_stand_for_unknown(tmp_path):
    texts = ["1900-01-01", "9999-12-31", "01.01.1800", "01.02.2018"]
    done = dated(tmp_path, texts, of("seen", date_format=["DD.MM.YYYY"]))
    assert done.values("days") == [None, None, None, days("2018-02-01")]
    assert [done.said("seen", row) for row in range(3)] == [[("null", "sentinel")]] * 3


@pytest.mark.parametrize(
    ("language", "texts", "expected"),
    [
        ("en", ["M", "m", "male", "F"], ["M", "M", "M", "F"]),
        ("de", ["männlich", "m", "w", "weiblich"], ["M", "M", "F", "F"]),
        ("fr", ["H", "homme", "M", "femme"], ["M", "M", "M", "F"]),
        ("es", ["H", "V", "varón", "mujer"], ["M", "M", "M", "F"]),
        ("nl", ["V", "man"], ["F", "M"]),
    ],
)
def test_case_26_sex_by_the_words_of_the_language(tmp_path, language, texts, expected):
    assert run(tmp_path, {"sex": texts}, {"sex": SEX}, {"language": language}).values("sex") == expected


@pytest.mark.parametrize(("language", "texts"), [("es", ["M", "F", "H"]), ("en", ["1", "2", "1"])])
def test_case_26_sex_that_needs_a_key(tmp_path, language, texts):
    done = run(tmp_path, {"sex": texts}, {"sex": SEX}, {"language": language})
    assert done.values("sex") == [None] * 3 and done.said("sex", None) == [("null", "code_unknown")]
    keyed = of("sex", values={texts[0]: "F", texts[1]: "M", "H": "M"}) | {"language": language}
    assert run(tmp_path, {"sex": texts}, {"sex": SEX}, keyed).value("sex") == "F"


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        (None, ["H", "M", "H", "M"]),
        ("fr", ["H", "M", "H", "M"]),
        ("en", ["V", "M", "V", "M"]),
        (None, ["F", "M", "H"]),
        (None, ["M", "W", "D"]),
        (None, ["M", "Θ"]),
        (None, ["M", "m"]),
    ],
)
def test_case_26_men_who_may_be_women(tmp_path, language, texts):
    with pytest.raises(HemaPilotsError, match="variables.sex.* whether that is a man; .*give the `values`"):
        run(tmp_path, {"sex": texts}, {"sex": SEX}, {"language": language})
    keyed = of("sex", values=dict.fromkeys(texts, "F") | {"M": "M"}) | {"language": language}
    assert run(tmp_path, {"sex": texts}, {"sex": SEX}, keyed).value("sex", 1) in ("F", "M")


def test_case_26_a_third_entry_beside_women_who_are_understood(tmp_path):
    done = run(tmp_path, {"sex": ["m", "w", "d"]}, {"sex": SEX}, {"language": "de"})
    assert done.values("sex") == ["M", "F", None]
    assert run(tmp_path, {"sex": ["M", "F"]}, {"sex": SEX}).values("sex") == ["M", "F"]
    assert run(tmp_path, {"sex": ["M", "M"]}, {"sex": SEX}, {"language": "de"}).values("sex") == ["M", "M"]


def test_case_27_words_for_missing(tmp_path):
    missing = ["NA", "N/A", "k.A.", "-", ".", "?", "inconnu", "desconocido"]
    undone = ["n.d.", "nicht bestimmt", "ND", "non fatto"]
    done = run(tmp_path, {"hb": [*missing, *undone, "9.8"]}, {"hb": HB})
    assert done.values("hb") == [None] * 12 + [9.8]
    assert done.count("hb", "null", "missing") == 8 and done.count("hb", "null", "not_done") == 4
    done = run(tmp_path, {"bm_blast": ["nil", "none", "3"]}, {"bm_blast": BLASTS})
    assert done.count("bm_blast", "null", "parse_error") == 2 and done.count("bm_blast", "null", "missing") == 0


def test_case_28_numbers_that_stand_for_missing(tmp_path):
    raw = ["9.5", "999", "-9", "-99", "9999", "888"]
    done = run(tmp_path, {"hb": raw}, {"hb": HB}, {"sentinels": [999, -9, -99, 9999, 888]})
    assert done.values("hb") == [9.5] + [None] * 5 and done.count("hb", "null", "sentinel") == 5
    done = run(tmp_path, {"hb": ["9.5", "999", "999", "999", "888"]}, {"hb": HB})
    assert done.count("hb", "null", "sentinel") == 3 and done.said("hb", 4) == [("null", "range_hard")]
    done = run(tmp_path, {"hb": ["9.5", "999.0", "999,0", "999"]}, {"hb": HB}, {"missing": ["999", ""]})
    assert done.values("hb") == [9.5, None, None, None] and done.count("hb", "null", "missing") == 3


def test_case_28_negative_times_are_not_codes(tmp_path):
    with pytest.raises(HemaPilotsError, match="os_years"):
        run(tmp_path, {"hb": ["9.5"] * 4, "os_years": ["1", "-3", "-3", "-3"]}, {"hb": HB})


def test_flags_of_which_one_side_is_understood(tmp_path):
    english = {"language": "en"}
    for texts in (["+", "-", "-", "-"], ["1", "2", "1", "2"]):
        done = run(tmp_path, {"x": texts}, {"x": {"type": "flag"}}, english)
        assert done.values("x") == [None] * 4 and done.said("x", None) == [("null", "code_unknown")]
    done = run(tmp_path, {"x": ["+", "-"]}, {"x": {"type": "flag"}}, of("x", values={"+": 1, "-": 0}))
    assert done.values("x") == [1, 0]
    done = run(tmp_path, {"x": ["+", "-", "0"]}, {"x": {"type": "flag"}}, english | {"missing": ["-", ""]})
    assert done.values("x") == [1, None, 0]


def test_an_outcome_of_ones_and_twos_needs_its_key(tmp_path):
    columns = {"hb": ["9.5"] * 3, "os_status": ["1", "2", "1"]}
    with pytest.raises(HemaPilotsError, match='variables.os_status: column "os_status" .*`values`'):
        run(tmp_path, columns, {"hb": HB})
    done = run(tmp_path, columns, {"hb": HB}, of("os_status", values={"1": 0, "2": 1}))
    assert done.harmonized["os_event"].tolist() == [0, 1, 0]


@pytest.mark.parametrize("language", ["en", "es", "it", "de"])
def test_case_41_spelling_of_the_category(tmp_path, language):
    spec = {
        "type": "category",
        "levels": ["very_good", "good", "intermediate", "poor", "very_poor"],
        "vocabulary": "cyto_ipssr",
    }
    word = {"en": "Intermediate", "es": "Intermedio", "it": "Intermedio", "de": "Mittel"}[language]
    done = run(tmp_path, {"cyto": ["Int", word, "VG", "Very-Good", "odd"]}, {"cyto": spec}, {"language": language})
    assert done.values("cyto") == ["intermediate", "intermediate", "very_good", "very_good", None]
    assert done.said("cyto", 4) == [("null", "code_unknown")]


def test_case_45_stage_of_another_system(tmp_path):
    spec = {"type": "category", "levels": ["I", "II", "III"], "vocabulary": "iss"}
    done = run(tmp_path, {"iss": ["3", "III", "IIIA"]}, {"iss": spec}, {"language": "en"})
    assert done.values("iss") == ["III", "III", None] and done.said("iss", 2) == [("null", "code_unknown")]


def test_case_49_two_units_in_one_column(tmp_path):
    raw = ["88", "0.9", "70", "1.1", "95", "0.7"]
    done = run(tmp_path, {"creatinine": raw}, {"creatinine": CREATININE})
    assert done.values("creatinine") == [None] * 6 and done.said("creatinine", None) == [("null", "unit_conflict")]
    columns = {"creatinine": raw, "u": ["µmol/L", "mg/dl"] * 3}
    done = run(tmp_path, columns, {"creatinine": CREATININE}, of("creatinine", unit_column="u", unit=None))
    assert done.value("creatinine") == pytest.approx(0.9955, abs=1e-3) and done.value("creatinine", 1) == 0.9


def test_case_50_albumin_in_grams_per_litre(tmp_path):
    spec = {"type": "number", "unit": "g/dL", "soft": [2, 5.5], "hard": [1, 7]}
    assert run(tmp_path, {"albumin": ["38"]}, {"albumin": spec}, of("albumin", unit="g/L")).value("albumin") == 3.8


def test_case_51_calcium_in_millimoles(tmp_path):
    spec = {"type": "number", "unit": "mg/dL", "soft": [7, 16], "hard": [4, 22]}
    done = run(tmp_path, {"calcium": ["2.4"]}, {"calcium": spec}, of("calcium", unit="mmol/l"))
    assert done.value("calcium") == pytest.approx(9.62, abs=2e-3)


def test_case_55_genotype(tmp_path):
    spec = {"type": "category", "levels": ["SS", "SC", "S_beta0", "S_beta_plus"], "vocabulary": "scd_genotype"}
    raw = ["SS", "HbSS", "drépanocytose homozygote", "S/S", "SCD", "falciforme"]
    done = run(tmp_path, {"genotype": raw}, {"genotype": spec}, {"language": "fr"})
    assert done.values("genotype") == ["SS"] * 4 + [None] * 2
    assert done.said("genotype", 4) == done.said("genotype", 5) == [("null", "code_unknown")]


def test_case_58_no_jet_is_a_finding(tmp_path):
    entries = {"trv": {"column": "TRV", "unit": "m/s"}, "trv_jet": {"column": "TRV"}}
    variables = {
        "trv": {"type": "number", "unit": "m/s", "soft": [1.5, 4], "hard": [1, 6]},
        "trv_jet": {"type": "category", "levels": ["jet", "no_jet"], "vocabulary": "jet"},
    }
    for language, text in (("en", "no TR jet"), ("fr", "non mesurable")):
        done = run(tmp_path, {"TRV": [text, "2.7"]}, variables, {"language": language, "variables": entries})
        assert done.values("trv_jet") == ["no_jet", "jet"] and done.values("trv") == [None, 2.7]


def test_case_59_velocity_in_metres(tmp_path):
    spec = {"type": "number", "unit": "cm/s", "soft": [60, 260], "hard": [20, 400]}
    assert run(tmp_path, {"tcd": ["1.85"]}, {"tcd": spec}, of("tcd", unit="m/s")).value("tcd") == 185


def test_case_64_spaces_and_flags(tmp_path):
    done = run(tmp_path, {"hb": ["9.8 ", "\u00a09.8", "9.8*", "9.8 (H)", "9.8"]}, {"hb": HB})
    assert done.values("hb") == [9.8] * 5 and done.count("hb", "mapped", None) == 2


def test_case_65_samples_that_could_not_be_measured(tmp_path):
    done = run(tmp_path, {"hb": ["hemolysed", "clotted", "9.8"]}, {"hb": HB})
    assert done.values("hb") == [None, None, 9.8] and done.count("hb", "null", "not_done") == 2


def test_case_66_ages_in_words(tmp_path):
    age = {"type": "number", "unit": "a", "hard": [0, 110]}
    adult = [{"name": "adult", "label": "Adults", "expression": "age >= 18", "reason": "ineligible"}]
    done = run(tmp_path, {"age": ["7y6m", "18m", "45"]}, {"age": age})
    assert done.values("age") == [7.5, 1.5, 45]
    assert done.count("age", "mapped", None) == 1 and done.count("age", "converted", None) == 1
    done = run(tmp_path, {"age": ["7y6m", "0", "45"]}, {"age": age}, use_case={"inclusion": adult})
    assert done.rows == [2] and done.count("adult", "rejected", "ineligible") == 2


def test_case_69_negative_counts(tmp_path):
    done = run(tmp_path, {"plt": ["-5", "98"]}, {"plt": PLT})
    assert done.values("plt") == [None, 98] and done.said("plt") == [("null", "range_hard")]


def test_case_72_constant_and_empty_columns(tmp_path):
    done = run(tmp_path, {"hb": ["9.5"] * 30}, {"hb": HB})
    assert set(done.values("hb")) == {None} and done.count("hb", "null", "missing") == 30
    assert done.issues.loc[done.issues["variable"] == "hb", "detail"].str.contains("one value").any()
    done = run(tmp_path, {"hb": ["", "NA", ""]}, {"hb": HB})
    assert set(done.values("hb")) == {None} and done.count("hb", "null", "missing") == 3
    with pytest.raises(HemaPilotsError):
        run(tmp_path, {"os_years": ["", "NA"], "os_status": ["1", "1"]}, {"hb": HB})
