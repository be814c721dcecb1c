"""Recurrent events in use cases, mappings and pilots: a mistake gives one sentence with file, field and remedy."""

from pathlib import Path

import pytest

from hemapilots.errors import HemaPilotsError
from hemapilots.study import load_study

ROOT = Path(__file__).resolve().parents[2]
USE_CASE, FRENCH, GERMAN = (
    "use_cases/scd.yaml",
    "mappings/scd-centre-fr.yaml",
    "mappings/scd-centre-de.yaml",
)


def load(config: Path, name: str = "scd-synthetic") -> dict:
    return load_study(name, config, ROOT / "resources")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        (USE_CASE, "terminal: os", "terminal: oss", ["recurrent.voc.terminal", "did you mean 'os'?"]),
        (USE_CASE, "terminal: os", "terminal: stroke", ["recurrent.voc.terminal", "no competing event"]),
        (USE_CASE, "terminal: os", "terminal: os_from_1y", ["must count from the index date"]),
        (USE_CASE, "merge_days: 14", "merge_days: 0", ["recurrent.voc.merge_days", "greater than or equal to 1"]),
        (USE_CASE, "compare: [genotype_known", "compare: [genotype_knwn", ["did you mean 'genotype_known'?"]),
        (USE_CASE, "compare: [genotype_known", "compare: [age", ["'age' is a number", "derive one from it"]),
        (USE_CASE, "compare: [genotype_known", "compare: [hydroxyurea_by_1y", ["known at the landmark", "remove it"]),
        (USE_CASE, "  voc:\n", "  age:\n", ["recurrent.age", "already a variable's"]),
        (FRENCH, "voc: {file: sejours", "vok: {file: sejours", ["episodes.vok", "did you mean 'voc'?"]),
        (FRENCH, "voc: {file: sejours", "voc: {file: sejour", ["episodes.voc.file", "did you mean 'sejours'?"]),
        (FRENCH, "path: sejours.csv, repeated: true, ", "path: sejours.csv, ", ["episodes.voc", "repeated: true"]),
        (FRENCH, ", date: Date d'entrée}", "}", ["episodes.voc", "name the column of the day under `date`"]),
        (GERMAN, 'voc: {column: "Condition', 'voc: {unit: d, column: "Condition', ["does not go with episodes"]),
    ],
)
def test_a_mistake_is_explained(config, file, old, new, words):
    edit(config / file, old, new)
    with pytest.raises(HemaPilotsError) as caught:
        load(config)
    assert str(config / file) in str(caught.value) and "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_levels_are_compared_with_the_first_one_and_end_with_their_endpoint(config):
    study = load(config)
    assert study["evaluate"]["recurrent"]["voc"]["levels"]["hydroxyurea"] == [0, 1]
    assert study["evaluate"]["recurrent"]["voc"]["levels"]["genotype_known"][0] == "SS"
    edit(
        config / "pilots/scd-synthetic.yaml",
        "use_case: scd",
        "use_case: scd\nendpoints: [stroke]\nprimary_endpoint: stroke",
    )
    assert load(config)["evaluate"]["recurrent"] == {}


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("among: {adlt: [0]}", ["decisions.0.among.adlt", "did you mean 'adult'?"]),
        ("among: {adult: [2]}", ["decisions.0.among.adult", "'2' is not among 0, 1"]),
        ("among: {age: [1]}", ["'age' is a number", "derive a category or flag"]),
        ("among: {hydroxyurea_by_1y: [1]}", ["not known at the index date"]),
    ],
)
def test_for_whom_a_decision_is_must_be_known_when_it_is_taken(config, new, words):
    edit(config / USE_CASE, "among: {adult: [0]}", new)
    with pytest.raises(HemaPilotsError) as caught:
        load(config)
    assert all(word in str(caught.value) for word in words), str(caught.value)
