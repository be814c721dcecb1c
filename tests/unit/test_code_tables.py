"""The word tables against the use cases: every name in them is a variable, every meaning a level of what uses it."""

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hemapilots.config.use_case import UseCase
from hemapilots.cross_checks import Source, resolve_use_case
from hemapilots.expressions import parse
from hemapilots.harmonize.reading.columns import harmonize_column
from hemapilots.harmonize.reading.raw import Raw
from hemapilots.harmonize.reading.words import AMBIGUOUS, bare
from hemapilots.paths import RESOURCES
from hemapilots.scan.words import IDENTITY, LANGUAGES, PATIENT
from hemapilots.texts import fold

USE_CASES = sorted((Path(__file__).parents[2] / "config" / "use_cases").glob("*.yaml"))
# Columns that are no variable: the number of a patient, and what must never be one.
NO_VARIABLES = {IDENTITY, PATIENT}


def rows(table):
    with open(RESOURCES / "codes" / table, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def use_cases():
    return {path.stem: resolve_use_case(Source(path, UseCase)) for path in USE_CASES}


def test_every_header_is_one_of_a_variable(use_cases):
    known = {name for use_case in use_cases.values() for name in use_case["variables"]} | NO_VARIABLES
    assert {row["variable"] for row in rows("headers.csv")} - known == set()
    assert {row["language"] for row in rows("headers.csv")} == {*LANGUAGES}


def test_the_dates_of_every_use_case_have_headers_in_every_language(use_cases):
    spoken = defaultdict(set)
    for row in rows("headers.csv"):
        spoken[row["variable"]].add(row["language"])
    for name, use_case in use_cases.items():
        follow_up = use_case["follow_up"]
        wanted = {follow_up[part] for part in ("index", "birth", "last_contact", "death", "status")}
        wanted |= {event for outcome in follow_up["outcomes"].values() for event in outcome["events"]}
        assert {variable: set(LANGUAGES) - spoken[variable] for variable in wanted} == {v: set() for v in wanted}, name


def test_no_header_means_two_variables_of_one_use_case_in_one_language(use_cases):
    for name, use_case in use_cases.items():
        meant = defaultdict(set)
        for row in rows("headers.csv"):
            if row["variable"] in {*use_case["variables"], *NO_VARIABLES}:
                meant[row["language"], fold(row["header"])].add(row["variable"])
        assert {key: found for key, found in meant.items() if len(found) > 1} == {}, name


def test_every_meaning_of_a_vocabulary_is_a_level_of_the_variables_that_use_it(use_cases):
    meanings = defaultdict(set)
    for row in rows("vocabularies.csv"):
        meanings[row["vocabulary"]].add(row["value"])
    used = {"flag"}
    for name, use_case in use_cases.items():
        for variable, spec in use_case["variables"].items():
            if not spec.get("vocabulary"):
                continue
            used.add(spec["vocabulary"])
            levels = {"0", "1"} if spec["type"] == "flag" else set(spec["levels"])
            for value in meanings[spec["vocabulary"]] - {AMBIGUOUS}:
                assert levels & set(value.split("|")), f"{name}, {variable}: {value}"
            said = {part for value in meanings[spec["vocabulary"]] for part in value.split("|")}
            assert levels <= said, f"{name}, {variable}: {levels - said}"
    assert set(meanings) <= used


def test_no_text_of_a_vocabulary_is_written_as_another_with_another_meaning():
    found = defaultdict(set)
    for row in rows("vocabularies.csv"):
        for language in LANGUAGES if row["language"] == "*" else (row["language"],):
            # Signs alone (+, -) have no bare form.
            if bare(row["text"]):
                found[row["vocabulary"], language, bare(row["text"])].add(row["value"])
    doubted = {key for key, values in found.items() if len(values - {AMBIGUOUS}) > 1}
    assert {key for key in doubted if key[0] == "scd_genotype"} == set()


BETA = [
    *("Sβthal", "Sβ-thal", "Sβ thal", "S-Beta", "S/ß", "S/β", "Sbeta thal", "S-beta-thal", "HbS/beta-thalassaemia"),
    *("HbS/beta-thalassemia", "HbS/β-thal", "HbSβ", "Hb S/β", "S beta thalassaemia", "S-bêta", "S-Beta-Thalassämie"),
]
BETA_BY_LANGUAGE = {
    "en": ["sickle beta thalassaemia", "Sickle cell β-thalassemia"],
    "de": ["Sichelzell-Beta-Thalassämie", "HbS/β-Thalassämie"],
    "fr": ["drépanocytose S-bêta", "drépanocytose S bêta thalassémie", "thalasso-drépanocytose"],
    "es": ["talasodrepanocitosis", "drepanocitosis S-beta"],
    "it": ["microdrepanocitosi", "talasso-drepanocitosi"],
    "el": ["μικροδρεπανοκυτταρική αναιμία", "S/β-μεσογειακή"],
    "pt": ["S-beta talassemia", "doença falciforme S-beta"],
    "nl": ["sikkelcel-bèta-thalassemie", "HbS/β-thalassemie"],
}
OTHERS = [
    "SD",
    "HbSD",
    "S/D-Punjab",
    "HbS/D",
    "SE",
    "HbSE",
    "Hb SE",
    "SO",
    "SO-Arab",
    "HbS/O-Arab",
    "S-Lepore",
    "S/HPFH",
]
ZERO = ["Sβ0", "S/β°", "S beta zero", "HbS/beta0-thalassaemia", "Sß0"]
PLUS = ["Sβ+", "S/β⁺", "S-beta-plus", "HbS/beta+-thalassaemia", "Sß+"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_genotypes_of_sickle_cell_disease(use_cases, language):
    """Cases 55 and 56: what does not say zero or plus is told by the share of HbA."""
    use_case = use_cases["scd"]
    groups = {"S_beta": [*BETA, *BETA_BY_LANGUAGE[language]], "S_other": OTHERS, "S_beta0": ZERO, "S_beta_plus": PLUS}
    groups |= {"SS": ["SS", "HbSS", "S/S"], "SC": ["SC", "S/C"], None: ["SCD", "falciforme", "AS"]}
    texts = [text for found in groups.values() for text in found]
    read = harmonize_column(
        Raw(pd.Categorical(texts), None, None, None),
        "genotype",
        use_case["variables"]["genotype"],
        {"column": "g"},
        {"name": "m", "language": language},
        None,
    )
    wanted = [level for level, found in groups.items() for _ in found]
    found = [None if pd.isna(value) else value for value in read.values]
    assert dict(zip(texts, found, strict=True)) == dict(zip(texts, wanted, strict=True))
    expression = parse(use_case["derived"]["genotype_known"]["expression"])
    untransfused = {"hba": np.full(len(texts), 22.0), "recently_transfused": np.zeros(len(texts))}
    known = expression.evaluate_text({"genotype": read.values, **untransfused})
    assert {value for value, level in zip(known, wanted, strict=True) if level == "S_beta"} == {"S_beta_plus"}
    assert all(value == level for value, level in zip(known, wanted, strict=True) if level not in ("S_beta", None))


def test_fish_on_unselected_cells_takes_the_percentages_too(use_cases):
    """Whatever FISH gives stands in the check that takes it away."""
    variables = use_cases["mm"]["variables"]
    check = next(rule for rule in use_cases["mm"]["checks"] if rule["reason"] == "fish_not_selected")
    assert {name for name in variables if name.endswith("_percent")} <= set(check["variables"])
    calls = {name.removesuffix("_percent") for name in variables if name.endswith("_percent")}
    assert calls | {"amp1q", "hyperdiploid"} == {n for n in check["variables"] if not n.endswith("_percent")}
