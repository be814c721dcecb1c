"""The test of proportional hazards from site sums against R's cox.zph, and its behaviour under a penalty."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from federation_sample import GRID, grid_for, sites
from hemapilots.federation import proportionality
from hemapilots.federation.plan import Plan
from hemapilots.federation.server import train
from hemapilots.models.data import TrainingData

DATA = Path(__file__).parent / "data"
NEWTON = {"name": "newton", "baseline": "site", "rounds": 40, "tolerance": 1e-12}


def zph(parts, ties="efron", penalty=0.0):
    flags = np.array([True, True, False])
    plan = Plan(["second", "third", "entry"], flags, 1, 2, np.array([penalty]), ties, GRID)
    return train(grid_for("cox", parts), plan, NEWTON).more["proportional_hazards"]


def reference_sites():
    d = pd.read_csv(DATA / "log_rank.csv")
    x = np.column_stack([d["group"] == 1, d["group"] == 2, d["entry"]]).astype(float)
    flags, out = np.array([True, True, False]), []
    for site in sorted(d["site"].unique()):
        own = (d["site"] == site).to_numpy()
        zero = np.zeros(own.sum())
        fold = np.arange(own.sum())[None] % 2
        part = d[own]
        out.append(TrainingData(x[own], zero, part["time"].to_numpy(), part["event"].to_numpy(float), fold, flags))
    return out


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("transform", ["time", "log"])
def test_equals_cox_zph_stratified_by_site(ties, transform):
    expected = json.loads((DATA / "proportionality.json").read_text())[ties][transform]
    found = zph(reference_sites(), ties)[transform]
    assert found["statistic"] == pytest.approx(expected["chisq"][-1], rel=1e-7)
    assert found["degrees"] == 3
    assert list(found["columns"].values()) == pytest.approx(expected["p"][:-1], rel=1e-6)
    assert found["p"] == pytest.approx(expected["p"][-1], rel=1e-6)


def changing(n, seed, late):
    """Two periods of one year: the first column's effect is 1 before, `late` after."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.random(n) < 0.5, rng.random(n) < 0.3, rng.normal(0, 1, n)]).astype(float)
    early, then = (rng.exponential(1 / (0.4 * np.exp(effect * x[:, 0]))) for effect in (1.0, late))
    time = np.where(early < 1, early, 1 + then).clip(0.01)
    end = rng.uniform(1, 4, n)
    fold = rng.integers(0, 2, (1, n))
    event = (time <= end).astype(float)
    return TrainingData(x, np.zeros(n), np.minimum(time, end), event, fold, np.array([True, True, False]))


def test_finds_the_effect_that_fades_and_no_other():
    found = zph([changing(700, seed, late=-0.5) for seed in (1, 2)])
    for transform in ("time", "log"):
        assert found[transform]["columns"]["second"] < 1e-4
        assert min(found[transform]["columns"][name] for name in ("third", "entry")) > 0.01


def test_a_penalty_is_not_mistaken_for_a_trend():
    parts = [changing(700, seed, late=1.0) for seed in (3, 4)]
    plain, shrunk = zph(parts), zph(parts, penalty=100.0)
    for transform in ("time", "log"):
        assert shrunk[transform]["statistic"] == pytest.approx(plain[transform]["statistic"], rel=0.15)


def test_order_of_sites_does_not_matter():
    parts = sites([60, 80, 70])
    first, again = zph(parts), zph(parts[::-1])
    assert first["log"]["statistic"] == pytest.approx(again["log"]["statistic"], rel=1e-9)


def test_a_form_below_nought_by_rounding_is_nought():
    """A column that hardly varies where the others are known: its variance comes out as minus 1e-17."""
    square, zero = np.array([[1.0, 0.0, 1.0]]), np.zeros((1, 3))
    total = {"information": square, "shared_time": zero, "information_time": np.array([[-1e-17, 0.0, -1e-17]])}
    total |= {"gradient": np.zeros((1, 2)), "gradient_time": np.array([[1e-12, 1e-12]])}
    found = proportionality._tested(total, "time", np.array([True, True]), ["a", "b"])
    assert found["statistic"] == 0.0 and found["p"] == 1.0 and all(value == 1.0 for value in found["columns"].values())
