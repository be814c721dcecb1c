"""The declared grid of ridge penalties reaches as far as it must: cohorts with a known truth choose the penalty that suits them."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from hemapilots.federation.client import client_app
from hemapilots.federation.grid import LocalGrid
from hemapilots.federation.plan import Plan
from hemapilots.federation.release import Exit
from hemapilots.federation.server import train
from hemapilots.models.data import TrainingData

CONFIG = Path(__file__).parents[2] / "config"
DECLARED = sorted(yaml.safe_load((CONFIG / "protocols" / "standard.yaml").read_text(encoding="utf-8"))["penalties"])
FOLDS, SITES = 3, 3


def chosen(beta, patients, seed):
    """The penalties that a federation of three sites chooses, for the final model and in each fold; log hazards are x beta."""
    rng, apps = np.random.default_rng(seed), {}
    flags = np.zeros(len(beta), bool)
    for site in range(SITES):
        n = patients // SITES
        x = rng.normal(size=(n, len(beta)))
        death, censoring = rng.exponential(3 * np.exp(-x @ beta)), rng.exponential(4, n)
        time, event = np.minimum(death, censoring), (death <= censoring).astype(float)
        data = TrainingData(x, np.zeros(n), time, event, rng.permutation(np.arange(n) % FOLDS)[None], flags)
        apps[f"site-{site}"] = client_app("cox", data, Exit(f"site-{site}", "test", "off"))
    plan = Plan([f"x{k}" for k in range(len(beta))], flags, 1, FOLDS, np.array(DECLARED, float), "efron", np.ones(1))
    fitted = train(LocalGrid(apps), plan, {"name": "newton", "baseline": "site", "tolerance": 1e-8})
    judged = [0, *np.flatnonzero((plan.sets[:, 1] >= 0) & (plan.sets[:, 2] < 0))]
    return [DECLARED[k] for k in fitted.chosen[judged]]


def test_columns_that_tell_nothing_choose_the_largest_penalty():
    """Every coefficient is noise, so the more it is shrunk the better: the final models take the end of the grid."""
    finals = [chosen(np.zeros(20), 300, seed)[0] for seed in range(5)]
    assert np.median(finals) == DECLARED[-1] and min(finals) >= 300


def test_few_strong_columns_choose_a_small_penalty():
    """Squared coefficients of about 1 ask for a penalty of about 1 (a normal law's precision)."""
    assert max(chosen(np.array([1.2, -1.0, 0.8]), 900, 1)) <= 3


@pytest.mark.parametrize("precision", [30, 300])
def test_many_weak_columns_choose_the_precision_of_their_law(precision):
    """Coefficients drawn from a normal law: the best ridge penalty is its precision, which the grid must hold, and beyond."""
    rng = np.random.default_rng(precision)
    finals = [chosen(rng.normal(0, precision**-0.5, 40), 1500, seed)[0] for seed in range(3)]
    assert precision / 3.4 <= np.exp(np.log(finals).mean()) <= precision * 3.4
    assert DECLARED[0] < precision < DECLARED[-1]
