"""Karyotypes written from lesions and category, and the panel that the known genes tell of."""

import re

import numpy as np
import pandas as pd
import pytest

from hemapilots.config.habits import Habits
from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.reading.units import load_factors
from hemapilots.paths import RESOURCES
from hemapilots.synthesis.extracts.karyotypes import karyotype_texts
from hemapilots.synthesis.extracts.panels import panel_names
from hemapilots.synthesis.extracts.source import Source

LESIONS = (
    "plus1p del3p del5q del7 del7q del7_7q plus8 del11q del12p del13 plus13 del17p del17_17p del18 plus19 del20q plus21 dely"
).split()


def source(table, mapping=None, use_case=None) -> Source:
    factors = load_factors(RESOURCES / "units" / "factors.csv")
    return Source(table, mapping or {}, use_case or {}, factors, Habits(), np.random.default_rng(1))


def patients(rows: list[tuple[str, str, dict]]) -> pd.DataFrame:
    """(sex, category, lesions that are true) per patient; an empty category is unknown, with all that follows from it."""
    table = pd.DataFrame(
        {"sex": [sex for sex, _, _ in rows], "cyto_ipssr": [category or None for _, category, _ in rows]}
    )
    for name in ("complex", *LESIONS):
        table[name] = [found.get(name, 0.0) if category else np.nan for _, category, found in rows]
    return table


def clones(text: str) -> list[tuple[int, str, list[str], int]]:
    """Number of chromosomes, sex chromosomes, changes and cells of each clone, read by hand."""
    found = []
    for clone in text.split("/"):
        body, cells = re.fullmatch(r"(.*)\[(\d+)\]", clone).groups()
        number, sexes, *changes = body.split(",")
        found.append((int(number), sexes, changes, int(cells)))
    return found


@pytest.mark.parametrize(
    "sex, category, lesions, start",
    [
        ("M", "good", {}, (46, "XY", [])),
        ("F", "good", {"del5q": 1}, (46, "XX", ["del(5)(q13q33)"])),
        ("M", "very_good", {"dely": 1}, (45, "X", ["-Y"])),
        ("F", "intermediate", {"plus8": 1}, (47, "XX", ["+8"])),
        ("M", "poor", {"del7": 1, "del7_7q": 1}, (45, "XY", ["-7"])),
        ("F", "poor", {}, (46, "XX", ["inv(3)(q21q26)"])),
        ("F", "good", {"del5q": 1, "plus8": 1}, (47, "XX", ["del(5)(q13q33)", "+8"])),
    ],
)
def test_simple_karyotypes(sex, category, lesions, start):
    (text,) = karyotype_texts(source(patients([(sex, category, lesions)])))
    first, *rest = clones(text)
    assert first[:3] == start
    assert sum(clone[3] for clone in [first, *rest]) == 20 and len(rest) <= 1
    assert all(clone[:3] == (46, "XY" if sex == "M" else "XX", []) for clone in rest)


def test_as_many_changes_as_the_category_asks_for_in_the_order_of_chromosomes():
    lesions = {"complex": 1, "del17_17p": 1, "del5q": 1}
    texts = karyotype_texts(source(patients([("F", "very_poor", lesions), ("M", "poor", lesions), ("F", "", {})] * 50)))
    for at, changes in ((0, 4), (1, 3)):
        for text in texts[at::3]:
            number, _, found, _ = clones(text)[0]
            assert len(found) == changes and {"del(5)(q13q33)", "-17"} <= set(found)
            assert number == 46 + sum(c[0] == "+" for c in found) - sum(c[0] == "-" for c in found)
            order = [int(re.search(r"\d+", change)[0]) for change in found]
            assert order == sorted(order)
    assert set(texts[2::3]) == {None} and len(set(texts)) > 20


def test_two_changes_that_are_intermediate_stand_in_clones_of_their_own():
    (text,) = karyotype_texts(source(patients([("F", "intermediate", {"del5q": 1, "plus8": 1})])))
    assert [clone[2] for clone in clones(text)[:2]] == [["del(5)(q13q33)"], ["+8"]]
    assert all(clone[3] >= 3 for clone in clones(text)[:2])


def test_the_panel_is_the_one_that_holds_what_is_known():
    variables = {name: {"gene": name.upper()} for name in ("tet2", "asxl1", "npm1")} | {"age": {}}
    panel = {"column": "panel", "genes": {"none": [], "two": ["TET2", "ASXL1"], "all": ["TET2", "ASXL1", "NPM1"]}}
    table = pd.DataFrame({"tet2": [0, np.nan, 1], "asxl1": [1, np.nan, 0], "npm1": [np.nan, np.nan, 0]})
    made = source(table, {"variables": {}, "panel": panel}, {"variables": variables})
    assert list(panel_names(made)) == ["two", "none", "all"]
    made.clean.loc[0, "tet2"] = np.nan
    with pytest.raises(HemaPilotsError, match=r"no panel holds just the genes known of a patient \(asxl1\)"):
        panel_names(made)
