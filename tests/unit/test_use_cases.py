"""The use cases as data: their names stand in the code tables, their codes are codes, their checks say what the cases ask."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest

from hemapilots.config.use_case import UseCase
from hemapilots.cross_checks import Source, resolve_use_case
from hemapilots.expressions import parse
from hemapilots.harmonize.findings import REASONS
from hemapilots.paths import RESOURCES
from hemapilots.yaml_source import read_yaml

USE_CASES = Path(__file__).parents[2] / "config" / "use_cases"
NAMES = ("aml", "mds", "mgus", "mm", "scd")


@pytest.fixture(scope="module")
def use_cases() -> dict[str, dict]:
    return {name: resolve_use_case(Source(USE_CASES / f"{name}.yaml", UseCase)) for name in NAMES}


def rows(table: str) -> list[dict]:
    with open(RESOURCES / "codes" / table, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def check_digit(number: str) -> str:
    """The last digit of a LOINC code, by Luhn's formula."""
    doubled = str(2 * int(number[::-1][0::2][::-1])) + number[::-1][1::2]
    return str(-sum(map(int, doubled)) % 10)


@pytest.mark.parametrize("name", NAMES)
def test_loinc_codes_have_their_check_digit(use_cases, name):
    codes = {spec["codes"]["loinc"] for spec in use_cases[name]["variables"].values() if "loinc" in spec["codes"]}
    assert codes and all(re.fullmatch(r"[0-9]{1,7}-[0-9]", code) for code in codes)
    assert {code for code in codes if check_digit(code[:-2]) != code[-1]} == set()
    assert check_digit("4576") == "5"  # 4576-3 and 4576-9 are in circulation


@pytest.mark.parametrize("name", NAMES)
def test_genes_features_and_vocabularies_exist(use_cases, name):
    genes = {row["symbol"]: row for row in rows("genes.csv")}
    table, _ = read_yaml(RESOURCES / "codes" / "karyotype.yaml")
    features = {*table["features"], *table["flags"], *table["categories"], "n_abn"}
    meanings: dict[str, set] = {}
    for row in rows("vocabularies.csv"):
        meanings.setdefault(row["vocabulary"], set()).update(row["value"].split("|"))
    for variable, spec in use_cases[name]["variables"].items():
        if spec["gene"]:
            of = genes[spec["gene"]]["feature_of"] or spec["gene"]
            assert str(spec["codes"]["hgnc"]) == genes[of]["hgnc"], variable
        if spec["karyotype"]:
            assert spec["karyotype"] in features, variable
        if spec["vocabulary"] and spec["type"] == "category" and variable != "genotype":
            assert set(spec["levels"]) <= meanings[spec["vocabulary"]], variable


@pytest.mark.parametrize("name", NAMES)
def test_every_number_has_a_range_and_every_check_a_reason(use_cases, name):
    use_case = use_cases[name]
    numbers = {name: spec for name, spec in use_case["variables"].items() if spec["type"] == "number"}
    assert [name for name, spec in numbers.items() if spec["hard"] is None] == []
    for spec in numbers.values():
        if spec["soft"]:
            assert spec["hard"][0] <= spec["soft"][0] and spec["soft"][1] <= spec["hard"][1], spec["label"]
    rules = [*use_case["checks"], *use_case["inclusion"]]
    assert rules and all(rule["reason"] in REASONS for rule in rules)
    assert len({rule["name"] for rule in rules}) == len(rules)


def holds(use_case: dict, check: str, **values) -> float:
    """1, 0 or nan: the expression of a check of one patient; what is not given is unknown."""
    text = next(rule["expression"] for rule in use_case["checks"] if rule["name"] == check)
    specs = use_case["variables"]
    table = {}
    for name in parse(text).names:
        known = name in specs and specs[name]["type"] == "category"
        unknown = np.array([None], dtype=object) if known else np.array([np.nan])
        table[name] = np.array([values[name]], dtype=object if known else float) if name in values else unknown
    return float(parse(text).evaluate(table)[0])


def test_checks_of_myeloma(use_cases):
    mm = use_cases["mm"]
    # Case 44.
    assert holds(mm, "iss_differs", iss="II", b2m=6.1) == 1
    assert holds(mm, "iss_differs", iss="III", b2m=6.1) == 0
    assert np.isnan(holds(mm, "iss_differs", iss="II", b2m=3.0))
    assert holds(mm, "r_iss_differs", r_iss="II", b2m=6.1, del17p=1) == 1
    assert np.isnan(holds(mm, "r_iss_differs", r_iss="II", b2m=6.1, del17p=0))
    assert holds(mm, "fish_without_selection", fish_selected=0) == 1


def test_checks_of_sickle_cell_disease(use_cases):
    scd = use_cases["scd"]
    # Cases 52, 53, 54, 57, 60.
    clear = {name: {rule["date"]: rule["days"] for rule in spec["clear_of"]} for name, spec in scd["variables"].items()}
    assert clear["hbf"] == clear["hba"] == {"transfusion_date": 122}
    for name in ("hb", "plt", "anc", "retic_abs", "bilirubin_total", "ntprobnp", "trv"):
        assert clear[name] == {"transfusion_date": 91, "crisis_date": 28}
    assert holds(scd, "fractions_above_whole", hbs=80, hba=20, hbf=18) == 1
    assert holds(scd, "fractions_above_whole", hbs=80, hbf=18) == 0
    assert holds(scd, "genotype_with_hbc", genotype="SS", hbc=44) == 1
    assert holds(scd, "genotype_with_hbc", genotype="SC", hbc=44) == 0
    assert holds(scd, "tcd_age", age=34) == 1 and holds(scd, "tcd_age", age=16.9) == 0


def test_a_genotype_without_zero_or_plus_is_told_by_its_haemoglobin_a(use_cases):
    """Case 56."""
    expression = parse(use_cases["scd"]["derived"]["genotype_known"]["expression"])
    genotype = np.array(["S_beta", "S_beta", "S_beta", "S_beta", "SS", None, "S_beta", "S_beta", "SC"], dtype=object)
    hba = np.array([22, 0, 3, np.nan, 0, 0.0, 22, 0, 0])
    transfused = np.array([0, 0, 0, 0, np.nan, 0, 1, np.nan, 1])
    found = expression.evaluate_text({"genotype": genotype, "hba": hba, "recently_transfused": transfused})
    assert found.tolist() == ["S_beta_plus", "S_beta0", None, None, "SS", None, None, None, "SC"]
