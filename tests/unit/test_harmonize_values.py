"""Coded columns: declared maps, words of eight languages, what is ambiguous, and the word tables themselves."""

import numpy as np
import pandas as pd
import pytest

from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.findings import REASONS
from hemapilots.harmonize.reading.columns import harmonize_column
from hemapilots.harmonize.reading.raw import Raw
from hemapilots.harmonize.reading.values import value_map
from hemapilots.harmonize.reading.words import AMBIGUOUS, bare, missing_words, month_names, number_words, vocabulary
from hemapilots.paths import RESOURCES

SEX = {"type": "category", "levels": ["F", "M"], "vocabulary": "sex"}
LANGUAGES = ("en", "de", "fr", "es", "it", "el", "pt", "nl")


def column(raw, spec, language=None, missing=("NA",), **declared):
    mapping = {"name": "clinic", "missing": missing, "language": language, "files": {"main": {}}}
    mapping["variables"] = {"x": {"column": "Col", **declared}}
    return harmonize_column(Raw(pd.Categorical(raw)), "x", spec, mapping["variables"]["x"], mapping, {})


def values(done):
    return [None if pd.isna(value) else value for value in done.values]


def said(done):
    return [(f.status, f.reason, f.cells.tolist()) for f in done.findings]


def test_flags_have_default_values():
    done = column(["0", "1", "NA", "2", " 1", "1.0"], {"type": "flag"})
    assert values(done) == [0, 1, None, None, 1, 1] and done.values.dtype == float
    assert said(done) == [("null", "missing", [2]), ("null", "code_unknown", [3]), ("mapped", None, [5])]


def test_declared_values_are_mapped():
    done = column(["wt", "mut", "?"], {"type": "flag"}, values={"wt": 0, "mut": 1, "?": None})
    assert values(done) == [0, 1, None]
    assert said(done) == [("null", "missing", [2]), ("mapped", None, [0, 1])]
    spec = {"type": "category", "levels": ["good", "poor"]}
    done = column(["Good", "POOR", "NA", "bad", None, "poor", "n.b."], spec, values={"Good": "good", "POOR": "poor"})
    assert values(done) == ["good", "poor", None, None, None, "poor", None]
    assert said(done) == [
        ("null", "missing", [2, 4]),
        ("null", "not_done", [6]),
        ("null", "code_unknown", [3]),
        ("mapped", None, [0, 1, 5]),
    ]
    assert values(column(["good"], spec)) == ["good"]


def test_declared_values_go_before_all_else():
    done = column(
        ["-", "NA", "9", "x"], {"type": "flag"}, values={"-": 0, "NA": 1, "9": 0}, sentinels=[9], missing=["NA", "x"]
    )
    assert values(done) == [0, 1, 0, None]
    done = column(["9", "9.0", "1", "x"], {"type": "flag"}, sentinels=[9], missing={"x": "not_done"})
    assert said(done) == [("null", "not_done", [3]), ("null", "sentinel", [0, 1])]


def test_capitals_are_ignored_only_where_that_leaves_no_doubt():
    known = {"a": 0, "A": 1, "Ja": 1}
    assert values(column(["a", "A", "JA"], {"type": "flag"}, values=known)) == [0, 1, 1]
    assert values(column(["é", "É"], {"type": "flag"}, values={"é": 1})) == [1, 1]


def test_a_map_to_a_value_that_does_not_exist_is_refused():
    with pytest.raises(HemaPilotsError, match=r'variables.x.values: "fair" .*good, poor'):
        column(["x"], {"type": "category", "levels": ["good", "poor"]}, values={"x": "fair"})
    with pytest.raises(HemaPilotsError, match='"2" is not a value'):
        column(["x"], {"type": "flag"}, values={"x": 2})
    assert value_map("x", "flag", None, None, "m") == {"0": 0, "1": 1}


@pytest.mark.parametrize(
    ("language", "yes", "no"),
    [
        ("en", "Yes", "no"),
        ("de", "ja", "NEIN"),
        ("fr", "oui", "non"),
        ("es", "Sí", "no"),
        ("it", "sì", "no"),
        ("el", "ναι", "όχι"),
        ("pt", "sim", "não"),
        ("nl", "ja", "nee"),
    ],
)
def test_yes_and_no(language, yes, no):
    done = column([yes, no, "1", "maybe"], {"type": "flag"}, language=language)
    assert values(done) == [1, 0, 1, None]
    assert said(done) == [("null", "code_unknown", [3]), ("mapped", None, [0, 1])]
    assert values(column([yes], {"type": "flag"})) == [None]


@pytest.mark.parametrize(
    ("language", "female", "male"),
    [
        ("en", ["F", "female"], ["M", "male"]),
        ("de", ["w", "weiblich", "Frau"], ["m", "männlich"]),
        ("fr", ["F", "Femme", "féminin"], ["H", "homme", "M", "Masculin"]),
        ("es", ["mujer", "F"], ["H", "V", "varón", "hombre"]),
        ("it", ["femmina", "F"], ["maschio", "M"]),
        ("el", ["Θ", "θήλυ", "γυναίκα"], ["άρρεν", "Α", "ανδρας"]),
        ("pt", ["mulher", "feminino"], ["homem", "masculino"]),
        ("nl", ["V", "vrouw"], ["M", "man"]),
    ],
)
def test_sex(language, female, male):
    done = column([*female, *male], SEX, language=language)
    assert values(done) == ["F"] * len(female) + ["M"] * len(male)


@pytest.mark.parametrize(
    ("language", "texts"), [("es", ["M", "F"]), ("pt", ["M"]), ("en", ["1", "2"]), ("de", ["1", "w"])]
)
def test_an_ambiguous_text_refuses_the_column(language, texts):
    done = column([*texts, None], SEX, language=language)
    assert values(done) == [None] * (len(texts) + 1)
    first = done.findings[0]
    assert (first.status, first.reason, first.whole) == (
        "null",
        "code_unknown",
        True,
    ) and "give its `values`" in first.detail
    assert values(column(texts, SEX, language=language, values=dict.fromkeys(texts, "F"))) == ["F"] * len(texts)
    with pytest.raises(HemaPilotsError, match="give its `values`"):
        column(texts, SEX | {"known_at": "outcome"}, language=language)


@pytest.mark.parametrize("language", ["fr", "de", "en", "nl"])
def test_men_without_a_woman_are_doubted(language):
    """A French M may be Masculin or, where somebody means so, Madame: the language says which, and the column is flagged."""
    done = column(["M", "m", None], SEX, language=language)
    assert values(done) == ["M", "M", None]
    (doubt,) = [one for one in done.findings if one.status == "flagged"]
    assert (doubt.reason, doubt.whole, doubt.cells.tolist()) == ("form_inferred", True, [0, 1])
    assert "no text tells a woman" in doubt.detail
    for texts, form in ((["M", "F"], {}), (["masculin"], {}), (["M"], {"values": {"M": "M"}})):
        assert not [one for one in column(texts, SEX, language="fr", **form).findings if one.status == "flagged"]


def test_men_by_two_letters_are_refused_and_the_remedy_is_one_that_helps():
    with pytest.raises(HemaPilotsError, match="whether that is a man; give the `values` of the column"):
        column(["M", "H"], SEX, language="fr")
    with pytest.raises(HemaPilotsError, match="declare the `language` of the mapping, or give the `values`"):
        column(["M"], SEX, language=None)
    assert values(column(["M", "H"], SEX, language="fr", values={"M": "M", "H": "M"})) == ["M", "M"]


def test_an_outcome_is_understood_as_a_whole():
    outcome = {"type": "flag", "known_at": "outcome"}
    with pytest.raises(HemaPilotsError, match='column "Col" is an outcome, and 2 of its cells .*`values`') as error:
        column(["0", "1", "late", "late"], outcome)
    assert "late" not in str(error.value)
    assert values(column(["0", "1", "late", "NA"], outcome, values={"0": 0, "1": 1, "late": None})) == [
        0,
        1,
        None,
        None,
    ]
    vital = {
        "type": "category",
        "levels": ["alive", "dead", "lost"],
        "vocabulary": "vital_status",
        "known_at": "outcome",
    }
    assert values(column(["vivo", "perdido", "perdida", "muerto"], vital, language="es")) == [
        "alive",
        "lost",
        "lost",
        "dead",
    ]
    with pytest.raises(HemaPilotsError, match="2 of its cells"):
        column(["alive", "dead", "perdido", "gone"], vital)


def test_one_side_of_a_pair_is_none():
    flag, pair = {"type": "flag"}, {"type": "category", "levels": ["primary", "secondary"]}
    for texts, spec in ((["1", "2"], flag), (["0", "x", "0"], flag), (["primary", "other"], pair)):
        done = column(texts, spec)
        assert values(done) == [None] * len(texts) and "`values`" in done.findings[0].detail
    assert values(column(["1", "2"], flag, values={"1": 1})) == [None, None]
    done = column(["+", "–", "0"], flag, language="en")
    assert values(done) == [None] * 3 and "beside `+`" in done.findings[0].detail
    assert values(column(["+", "-"], flag, language="en", missing=["-"])) == [1, None]
    assert values(column(["pos", "NA", "pos"], flag, language="en")) == [1, None, 1]
    # A gene's words, and categories of many levels, one cell at a time.
    gene = flag | {"gene": "DNMT3A"}
    assert values(column(["-", "mut", "2-Mar"], gene))[1:] == [1, None]
    assert values(column(["mut", "VUS"], gene)) == [1, None] and values(column(["1", "2"], gene)) == [None, None]
    assert values(column(["a", "z"], {"type": "category", "levels": ["a", "b", "c"]})) == ["a", None]


def test_missing_numbers_are_numbers():
    texts = ["999", "999.0", "999,0", "+999", "0999", "9990", "999.5", "-999"]
    done = column(texts, {"type": "text"}, missing=["999"])
    assert values(done) == [None] * 5 + texts[5:]
    assert values(column(["-9", "-9.0", "\u22129", "9"], {"type": "text"}, missing=["-9.0"])) == [None] * 3 + ["9"]
    # Nine thousand is not nine.
    assert values(column(["9.000", "9"], {"type": "text"}, missing=["9"])) == ["9.000", None]


def test_iss_and_r_iss_are_two_systems():
    levels = {"type": "category", "levels": ["I", "II", "III"]}
    texts = ["R-ISS III", "ISS III", "III", "RISS 2", "ISS2"]
    assert values(column(texts, levels | {"vocabulary": "iss"}, language="en")) == [None, "III", "III", None, "II"]
    assert values(column(texts, levels | {"vocabulary": "r_iss"}, language="en")) == ["III", None, "III", "II", None]


def test_vocabulary_words_are_of_the_levels_that_the_variable_has():
    spec = {"type": "category", "vocabulary": "scd_genotype", "levels": ["SS", "SC", "S_beta0", "S_beta_plus"]}
    done = column(["HbSS", "S/S", "Sβ0", "HbS/β+", "SD", "Sβthal"], spec, language="en")
    assert values(done) == ["SS", "SS", "S_beta0", "S_beta_plus", None, None]
    spec["levels"] = [*spec["levels"], "S_beta", "S_other"]
    assert values(column(["SD", "S-Beta"], spec, language="en")) == ["S_other", "S_beta"]
    with pytest.raises(HemaPilotsError, match="none of that name"):
        column(["a"], {"type": "category", "vocabulary": "colour", "levels": ["a", "b"]}, language="en")


def test_a_vocabulary_goes_before_the_words_for_missing():
    spec = {"type": "category", "vocabulary": "jet", "levels": ["jet", "no_jet"]}
    assert values(column(["no TR jet", "not measurable", "2.7", "unknown"], spec, language="en")) == [
        "no_jet",
        "no_jet",
        "jet",
        None,
    ]


def test_genes_are_read():
    done = column(["wt", "mut", "p.R882H", "-", "", "k.A.", "0", "1"], {"type": "flag", "gene": "DNMT3A"})
    assert values(done)[:3] == [0, 1, 1] and values(done)[4:] == [None, None, 0, 1]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "name",
    ["flag", "sex", "vital_status", "cyto_ipssr", "scd_genotype", "iss", "r_iss", "high", "jet", "mds_type", "ig_type"],
)
def test_every_vocabulary_speaks_every_language(name, language):
    words = vocabulary(name, language)
    general = vocabulary(name, None)
    assert len(words) > len(general)
    meanings = {}
    for text, value in words:
        meanings.setdefault(text.casefold(), set()).add(value)
    # Capitals may differ in meaning, but no text may stand for two values.
    assert all(len(found) == 1 for found in meanings.values()), [
        text for text, found in meanings.items() if len(found) > 1
    ]


def test_the_word_tables_are_sound():
    table = pd.read_csv(RESOURCES / "codes" / "missing_words.csv", dtype=str, keep_default_na=False)
    assert set(table["language"]) == {"*", *LANGUAGES} and set(table["reason"]) <= set(REASONS)
    folded = table.assign(text=table["text"].str.casefold())
    doubles = folded.groupby("text")["reason"].nunique()
    assert (doubles == 1).all(), doubles[doubles > 1]
    assert missing_words()["k.a."] == "missing" and missing_words()["hemolysed"] == "not_done"
    assert set(number_words()) == {"below", "above", "about", "to"}
    assert month_names()["mai"] == 5 and set(month_names().values()) == set(range(1, 13))
    assert bare("Élevée ") == "elevee"
    table = pd.read_csv(RESOURCES / "codes" / "vocabularies.csv", dtype=str, keep_default_na=False)
    assert not table.duplicated(["vocabulary", "language", "text"]).any()
    assert set(table["language"]) == {"*", *LANGUAGES} and AMBIGUOUS in set(table["value"])


def test_no_missing_word_is_a_number_or_a_yes():
    words = set(missing_words())
    assert not any(word[:1].isdigit() for word in words)
    for language in LANGUAGES:
        clash = {text.casefold() for text, _ in vocabulary("flag", language)} & words
        assert not clash, clash


def test_nothing_is_lost():
    texts = [f"code {place}" for place in range(50)] + [None, ""]
    done = column(texts, {"type": "category", "levels": ["a", "b"]}, values={"code 1": "a"})
    nulls = np.zeros(len(texts), dtype=int)
    for finding in done.findings:
        nulls[finding.cells] += finding.status == "null"
    np.testing.assert_array_equal(nulls, pd.isna(done.values))
