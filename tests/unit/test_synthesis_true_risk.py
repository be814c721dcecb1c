"""True risks against closed forms, an independent bivariate normal, and the share of events in large draws."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from hemapilots.errors import HemaPilotsError
from hemapilots.synthesis.cohort import draw_complete
from hemapilots.synthesis.recipe import load_recipe
from hemapilots.synthesis.true_risk import true_survival

RECIPES = Path(__file__).parents[2] / "resources" / "recipes"
TIMES = [1.0, 2.0, 5.0]


def toy(processes, endpoints):
    outcomes = {"processes": processes, "endpoints": endpoints, "censoring": {"loss_per_year": 0.1}}
    return {"name": "toy", "latents": ["z"], "outcomes": outcomes} | {
        "variables": {"x": {"kind": "number", "distribution": "normal", "mean": 0, "sd": 1}}
    }


WEIBULL = {"law": "weibull", "scale": 3.0, "shape": 1.2, "coefficients": {"x": 0.5}}


def test_competing_exponentials_have_their_closed_form():
    fast, slow = ({"law": "weibull", "scale": scale, "shape": 1.0} for scale in (2.0, 4.0))
    recipe = toy({"a": fast, "b": slow}, {"e": {"time": "t", "event": "v", "events": ["a"], "competing": ["b"]}})
    found = true_survival(recipe, draw_complete(recipe, 0, 5, 1), TIMES)["e"]
    assert found == pytest.approx(np.tile(1 - (2 / 3) * (1 - np.exp(-0.75 * np.array(TIMES))), (5, 1)), abs=1e-9)


@pytest.mark.parametrize("loading", [0.7**0.5, 1.0])
def test_the_first_of_two_joined_times(loading):
    joined = {name: WEIBULL | {"scale": scale, "loading": {"z": loading}} for name, scale in (("a", 3.0), ("b", 5.0))}
    recipe = toy(joined, {"e": {"time": "t", "event": "v", "events": ["a", "b"]}})
    table = draw_complete(recipe, 0, 40, 1)
    found = true_survival(recipe, table, TIMES)["e"]
    for column, time in enumerate(TIMES):
        alone = [np.exp(-((time / scale) ** 1.2) * np.exp(0.5 * table["x"])) for scale in (3.0, 5.0)]
        if loading == 1.0:
            expected = np.minimum(*alone)
        else:
            law = stats.multivariate_normal(cov=[[1, 0.7], [0.7, 1]])
            expected = law.cdf(np.column_stack([stats.norm.ppf(one) for one in alone]))
        assert found[:, column] == pytest.approx(np.asarray(expected), abs=2e-5)
    apart = {"e": {"time": "t", "event": "v", "events": ["a"], "competing": ["b"]}}
    with pytest.raises(HemaPilotsError, match="competing processes share a latent"):
        true_survival(toy(joined, apart), table, TIMES)


@pytest.mark.parametrize(
    ("name", "profile"),
    [("mds", "referral"), ("mds-direct", "plain"), ("mm", "trial"), ("mm", "registry"), ("scd", "plain")],
)
def test_the_mean_true_risk_is_the_share_of_events(name, profile):
    recipe = load_recipe(RECIPES / f"{name}.yaml")
    table = draw_complete(recipe, 0, 20_000, 5, profile)
    for endpoint, survival in true_survival(recipe, table, TIMES).items():
        for column, time in enumerate(TIMES):
            happened = ((table[f"{endpoint}_true"] <= time) & (table[f"{endpoint}_cause"] == 1)).to_numpy()
            left = 1.0 - happened - survival[:, column]
            assert abs(left.mean()) < 4 * left.std() / np.sqrt(len(left)), (endpoint, time)
