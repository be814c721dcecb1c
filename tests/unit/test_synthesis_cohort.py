"""Drawing sites: determinism, independence, the use case's variables, the truth, faulty recipes."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from hemapilots.errors import HemaPilotsError
from hemapilots.synthesis.cohort import draw_complete, draw_site, site_letter
from hemapilots.synthesis.parameters import parameter
from hemapilots.synthesis.recipe import load_recipe, recipe_files
from hemapilots.synthesis.shapes import check_recipe
from hemapilots.synthesis.truth import truth

ROOT = Path(__file__).parents[2]
SMALL = {
    "name": "toy",
    "mixture": {"variable": "kind", "percent": {"a": 30, "b": 70}},
    "latents": ["z"],
    "variables": {
        "x": {"kind": "number", "distribution": "normal", "mean": [0, 5], "sd": 1, "loading": {"z": 0.5}},
        "flag": {"kind": "flag", "percent": [0, 100]},
        "twice": {"kind": "expression", "expression": "2 * x", "hidden": True},
    },
    "outcomes": {
        "processes": {"death": {"law": "weibull", "scale": 2, "shape": 1.1, "coefficients": {"twice": 0.1}}},
        "endpoints": {"os": {"time": "t", "event": "e", "events": ["death"]}},
        "censoring": {"quantiles": {"percent": [0, 100], "years": [0, 5]}},
    },
}


@pytest.fixture(scope="module")
def recipe():
    return load_recipe(ROOT / "resources/recipes/mds.yaml")


def test_same_seed_gives_the_same_bytes(recipe, tmp_path):
    for name in ("one", "two"):
        draw_site(recipe, 2, 300, 20).to_parquet(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_sites_and_seeds_differ(recipe):
    table = draw_site(recipe, 0, 50, 20)
    assert not table["hb"].equals(draw_site(recipe, 1, 50, 20)["hb"])
    assert not table["hb"].equals(draw_site(recipe, 0, 50, 21)["hb"])


@pytest.mark.parametrize("name", ["mds", "mds-direct", "mm", "scd"])
def test_a_site_has_variables_of_the_use_case_and_none_besides(name):
    recipe = load_recipe(ROOT / "resources/recipes" / f"{name}.yaml")
    use_case = yaml.safe_load((ROOT / "config/use_cases" / f"{recipe['use_case']}.yaml").read_text(encoding="utf-8"))
    profiles = ["plain", *recipe["sites"]["profiles"]]
    table = pd.concat([draw_site(recipe, at, 1000, 20, profile) for at, profile in enumerate(profiles)])
    drawn = set(table) - {"patient_id"}
    assert drawn <= set(use_case["variables"])
    # The clinical predictors, the outcomes and the dates that give them are drawn, or derived from such.
    follow_up = use_case["follow_up"]
    delivered = follow_up["outcomes"] if name == recipe["use_case"] else {}
    wanted = {part for one in delivered.values() for part in (one["time"], one["status"])}
    wanted |= {follow_up["index"], follow_up["birth"], follow_up["last_contact"], follow_up["death"]}
    wanted |= set(use_case["predictor_sets"]["clinical"]) - set(use_case["derived"])
    assert wanted <= drawn
    assert table["patient_id"].is_unique
    assert table["patient_id"].iloc[16] == "A-00017"
    for variable in sorted(drawn):
        spec = use_case["variables"][variable]
        known = table[variable].dropna()
        if spec["type"] == "flag":
            assert set(known) <= {0.0, 1.0} and table[variable].dtype == float, variable
        elif spec["type"] == "category":
            assert set(known) <= set(spec["levels"]), variable
            assert table[variable][table[variable].isna()].map(lambda value: value is None).all()
        elif spec["type"] == "date":
            assert (known == known.round()).all() and known.between(-40_000, 20_089).all(), variable
        else:
            low, high = spec["hard"]
            assert known.between(low, high).all(), variable


def test_site_letters_go_on_after_z():
    assert [site_letter(index) for index in (0, 25, 26, 51, 52)] == ["A", "Z", "AA", "AZ", "BA"]


def test_parameters_by_class_by_value_and_by_expression():
    table = {"x": np.array([1.0, 2.0, 3.0]), "sex": np.array(["M", "F", "M"], dtype=object)}
    classes = np.array([0, 1, 1])
    assert list(parameter(4, table, classes, "here")) == [4, 4, 4]
    assert list(parameter([7, 8], table, classes, "here")) == [7, 8, 8]
    assert list(parameter("2 * x", table, classes, "here")) == [2, 4, 6]
    assert list(parameter({"by": "sex", "is": {"M": [1, 2]}, "else": 9}, table, classes, "here")) == [1, 9, 2]
    with pytest.raises(HemaPilotsError, match="one value per class"):
        parameter([7], table, classes, "here")
    with pytest.raises(HemaPilotsError, match="by: <earlier variable>"):
        parameter({"by": "age", "is": {1: 2}}, table, classes, "here")


def test_a_small_recipe_draws_by_class():
    check_recipe(SMALL, "toy.yaml")
    table = draw_complete(SMALL, 0, 20_000, 1)
    in_b = table["kind"] == "b"
    assert in_b.mean() == pytest.approx(0.7, abs=0.02)
    assert table["x"][in_b].mean() == pytest.approx(5, abs=0.05)
    assert (table["flag"] == in_b).all()
    assert "twice" not in draw_site(SMALL, 0, 10, 1) and "kind" not in draw_site(SMALL, 0, 10, 1)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("variables", "x", "kind"), "numbr", "toy.yaml, x: kind is 'numbr'"),
        (("variables", "x", "distribution"), "cauchy", "toy.yaml, x: distribution is 'cauchy'"),
        (("variables", "x", "meen"), 1, 'toy.yaml, x: the key "meen" is unknown'),
        (("variables", "x", "loading"), {"y": 1}, 'toy.yaml, x: "y" is not among the latents'),
        (("outcomes", "endpoints", "os", "tme"), 1, 'toy.yaml, outcomes.endpoints.os: the key "tme"'),
        (("outcomes", "endpoints", "os", "events"), ["deth"], '"deth" is not among the processes'),
        (("outcomes", "processes", "death", "law"), "wibull", "outcomes.processes.death: law is 'wibull'"),
        (("outcomes", "processes", "death", "rates"), [1], 'outcomes.processes.death: the key "rates" is unknown'),
        (("outcomes", "processes", "death", "until"), ["aml"], '"aml" is not among the processes'),
        (("outcomes", "processes", "death", "loading"), {"y": 1}, '"y" is not among the latents'),
        (("sites",), {"plain": {"a": 1}, "profiles": {"p": {"b": 1}}}, 'sites.profiles.p: the key "b" is unknown'),
        (("frailty",), 1, 'toy.yaml, top level: the key "frailty" is unknown'),
    ],
)
def test_a_faulty_recipe_is_named(path, value, message):
    broken = json.loads(json.dumps(SMALL))
    inner = broken
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(HemaPilotsError, match=message):
        check_recipe(broken, "toy.yaml")


def test_absent_and_unreadable_recipes_are_named(tmp_path):
    with pytest.raises(HemaPilotsError, match="no such recipe"):
        load_recipe(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("name: [", encoding="utf-8")
    with pytest.raises(HemaPilotsError, match="bad.yaml, line 2: .*correct the YAML"):
        load_recipe(tmp_path / "bad.yaml")


def test_truth_is_json_and_says_what_is_exact(recipe):
    direct = load_recipe(ROOT / "resources/recipes/mds-direct.yaml")
    smaller = direct | {"truth": direct["truth"] | {"patients": 20_000}}
    told = json.loads(json.dumps(truth(smaller)))
    assert told == truth(smaller)
    assert told["endpoints"]["os"]["status"] == "exact" and told["endpoints"]["lfs"]["status"] == "derived"
    assert told["endpoints"]["os"]["coefficients"]["tp53multi"] == 1.099
    assert set(told["endpoints"]["lfs"]["limit"]["coefficients"]) == set(told["endpoints"]["os"]["coefficients"])
    # The published in-sample C of this model is 0.760 under censoring.
    assert 0.70 < told["endpoints"]["os"]["concordance"]["all"] < 0.80
    assert told["endpoints"]["os"]["concordance"]["before"]["2"] > told["endpoints"]["os"]["concordance"]["all"]
    table = draw_complete(direct, 10**6, 20_000, 1)
    assert told["endpoints"]["os"]["incidence"]["2"] == (table["os_true"] <= 2).mean()


def test_truth_tells_what_each_site_drew(recipe):
    smaller = recipe | {"truth": recipe["truth"] | {"patients": 500}}
    draws = {"a": {"index": 0, "seed": 20, "profile": "community"}, "b": {"index": 1, "seed": 20, "profile": "plain"}}
    told = truth(smaller, draws)["sites"]
    assert told["a"]["profile"] == "community" and told["a"]["unsequenced"] == 30 and told["a"]["frailty"] != 0
    assert told["b"]["frailty"] == 0
    assert draw_complete(recipe, 0, 3, 20, "community")["frailty"].tolist() == [told["a"]["frailty"]] * 3


def test_a_recipe_builds_on_another(tmp_path):
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(SMALL), encoding="utf-8")
    (tmp_path / "more.yaml").write_text("extends: base\nname: more\n_anchor: 1\n", encoding="utf-8")
    assert load_recipe(tmp_path / "more.yaml") == SMALL | {"name": "more"}
    assert [path.name for path in recipe_files(tmp_path / "more.yaml")] == ["more.yaml", "base.yaml"]
    (tmp_path / "round.yaml").write_text("extends: round\n", encoding="utf-8")
    with pytest.raises(HemaPilotsError, match="round extends itself"):
        load_recipe(tmp_path / "round.yaml")


def test_what_goes_missing_leaves_the_other_values_alone(recipe):
    complete, site = draw_complete(recipe, 4, 400, 9), draw_site(recipe, 4, 400, 9)
    for name in ("hb", "tet2", "os_years"):
        known = site[name].notna()
        assert pd.Series.equals(site[name][known], complete[name][known])


def test_missing_values_follow_their_mechanism():
    rules = [
        {"variables": ["x"], "percent": "100 * flag"},
        {"variables": ["flag"], "where": "x > 5"},
        {"variables": ["t", "e"], "percent": 10, "with": ["x"]},
    ]
    recipe = json.loads(json.dumps(SMALL)) | {"missing": rules}
    complete, clean = draw_complete(recipe, 0, 20_000, 1), draw_site(recipe, 0, 20_000, 1)
    assert clean["x"].isna().equals(complete["flag"] == 1)
    # On what is true, not on what is still known.
    assert clean["flag"].isna().equals(complete["x"] > 5)
    assert clean["t"][clean["x"].isna()].isna().all() and clean["t"].isna().equals(clean["e"].isna())
    assert clean["t"][clean["x"].notna()].isna().mean() == pytest.approx(0.1, abs=0.01)
