"""Calibration tables: how figures are found and judged, and that every recipe meets what it must."""

import json
from pathlib import Path

import numpy as np
import pytest

from hemapilots.config.use_case import UseCase
from hemapilots.cross_checks import Source, resolve_use_case
from hemapilots.synthesis import calibration as module
from hemapilots.synthesis.calibration import COLUMNS, calibration
from hemapilots.synthesis.recipe import load_recipe
from hemapilots.synthesis.shapes import check_recipe

ROOT = Path(__file__).parents[2]
TOY = {
    "name": "toy",
    "sites": {"plain": {"shift": 0}, "profiles": {"high": {"shift": {"distribution": "normal", "mean": 1, "sd": 9}}}},
    "latents": [],
    "variables": {
        "x": {"kind": "number", "distribution": "normal", "mean": "shift", "sd": 1},
        "y": {"kind": "number", "distribution": "normal", "mean": "x", "sd": 1},
        "w": {"kind": "number", "distribution": "uniform", "low": 0, "high": 3, "hidden": True},
        "z": {"kind": "number", "distribution": "gamma", "mean": 1, "variance": 0.5, "hidden": True},
    },
    "outcomes": {
        "processes": {
            "ill": {"law": "weibull", "scale": 4, "shape": 1, "until": ["death"]},
            "death": {"law": "weibull", "scale": 4, "shape": 1},
        },
        "endpoints": {"e": {"time": "t", "event": "v", "events": ["ill"], "competing": ["death"]}},
        "death": ["death"],
        "censoring": {"quantiles": {"percent": [0, 100], "years": [1, 3]}},
        "recurrent": {"crisis": {"law": "piecewise", "from": [0], "rates": [1.5], "age": "0 * x", "factor": "z"}},
    },
}
BASE = {"group": "g", "source": "s", "kind": "check"}
# Closed forms of the toy law.
TARGETS = [
    {"measure": "share", "values": {"above": ["x > 0", 50]}},
    {"measure": "share", "profile": "high", "values": {"above": ["x > 1", 50]}},
    {"measure": "mean", "where": "x > 0", "values": {"half-normal": ["x", np.sqrt(2 / np.pi)]}},
    {"measure": "sd", "values": {"y": ["y", np.sqrt(2)]}},
    {"measure": "median", "values": {"shifted": ["x + 1", 1]}},
    {"measure": "quantile", "at": 0.95, "values": {"x": ["x", 1.645]}},
    {"measure": "spearman", "values": {"x and y": ["x", "y", 6 / np.pi * np.arcsin(np.sqrt(0.5) / 2)]}},
    {"measure": "survival", "endpoint": "e", "at": 2, "values": {"both": ["x > 0", np.exp(-1)]}},
    {"measure": "incidence", "endpoint": "e", "at": 2, "values": {"ill": ["x > 0", (1 - np.exp(-1)) / 2]}},
    {"measure": "median_time", "endpoint": "e", "values": {"first": ["x > 0", 2 * np.log(2)]}},
    {"measure": "survival_to_age", "endpoint": "e", "age": "w", "at": 4, "values": {"of all": ["x > -9", np.exp(-2)]}},
    {"measure": "rate", "endpoint": "e", "values": {"ill": ["x > 0", 25]}},
    {"measure": "rate", "recurrent": "crisis", "values": {"crises": ["x > 0", 1.5]}},
]


@pytest.fixture(scope="module")
def toy():
    recipe = TOY | {"targets": [BASE | target for target in TARGETS]}
    check_recipe(recipe, "toy.yaml")
    return recipe


def test_every_measure_finds_its_closed_form(toy):
    found = calibration(toy)
    assert list(found) == list(COLUMNS) and len(found) == len(TARGETS)
    assert found["met"].all(), found[~found["met"]]
    assert found.equals(calibration(toy))


@pytest.mark.parametrize(
    ("kind", "measure", "expected", "tolerance"),
    [
        ("check", "share", 40, 1.5),
        ("check", "median", 40, 2.0),
        ("check", "survival", 0.5, 0.02),
        ("published", "share", 40, 4),
        ("published", "mean", -40, 6),
        ("rate", "rate", 12, 1.8),
    ],
)
def test_tolerances_are_those_of_the_kind(kind, measure, expected, tolerance):
    assert module._tolerance({"kind": kind, "measure": measure}, expected) == pytest.approx(tolerance)


def test_a_figure_that_is_missed_says_so(toy):
    wrong = json.loads(json.dumps(toy, default=float))
    wrong["targets"] = [BASE | {"measure": "share", "values": {"above": ["x > 0", 52]}}]
    row = calibration(wrong).iloc[0]
    assert not row["met"] and row["found"] == pytest.approx(50, abs=0.7) and row["target"] == "g: above"
    wrong["targets"][0]["rounded"] = 1
    assert calibration(wrong).iloc[0]["met"]


@pytest.mark.parametrize("name", ["mds", "mm", "scd"])
def test_a_recipe_meets_what_it_must(name):
    recipe = load_recipe(ROOT / "resources" / "recipes" / f"{name}.yaml")
    source = Source(ROOT / "config" / "use_cases" / f"{recipe['use_case']}.yaml", UseCase)
    found = calibration(recipe, resolve_use_case(source, ROOT / "resources"))
    must = found[found["kind"] != "published"]
    assert len(must) >= 12
    assert must["met"].all(), must[~must["met"]]
    assert found["found"].notna().all()
