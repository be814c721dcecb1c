"""The survival autoencoder: its likelihood is scipy's Weibull, it recovers a Weibull truth, and ranks about as well as DeepSurv."""

import numpy as np
import pytest
import torch
from scipy.stats import weibull_min
from sksurv.metrics import concordance_index_censored

from federation_sample import NETWORK, grid_for, plan_for, sites
from hemapilots.federation.server import train
from hemapilots.models import deepsurv, savae, savae_loss
from hemapilots.models.data import TrainingData

SETTINGS = NETWORK | {
    "hidden": [8],
    "optimizer": "adam",
    "learning_rate": 0.02,
    "weight_decay": 0.0,
    "local_steps": 10,
    "rounds": 60,
    "latent": 3,
    "reconstruction": 0.1,
    "divergence": 0.1,
}
SHAPE = 1.6


def weibull(n, seed):
    """Scale exp(0.7 - 0.5 a + 0.4 b), shape 1.6; the third column tells nothing."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.normal(0, 1, n), rng.random(n) < 0.5, rng.normal(0, 1, n)]).astype(float)
    scale = np.exp(0.7 - 0.5 * x[:, 0] + 0.4 * x[:, 1])
    death, censoring = scale * rng.weibull(SHAPE, n) + 1e-4, rng.uniform(1, 6, n)
    event = (death <= censoring).astype(float)
    folds = np.arange(n)[None] % 2
    return TrainingData(x, np.zeros(n), np.minimum(death, censoring), event, folds, np.array([False, True, False]))


def trained(kind, parts, settings, name="fedavg"):
    options = {"name": name, "rounds": settings["rounds"], "local_steps": settings["local_steps"]}
    options |= {"learning_rate": settings["learning_rate"]}
    return train(grid_for(kind, parts), plan_for(kind, settings), options)


@pytest.fixture(scope="module")
def fitted():
    return trained("savae", [weibull(500, 1), weibull(400, 2)], SETTINGS)


def survival(fitted, x, times, s=0):
    return savae.survival(
        {"parameters": fitted.state["parameters"][s, 0]}, fitted.preprocessing.apply(x, s), times, SETTINGS
    )


def test_log_likelihood_is_that_of_scipy_with_censored_patients():
    rng = np.random.default_rng(2)
    outputs, time, died = rng.normal(0, 0.5, (1, 20, 2)), rng.uniform(0.1, 5, 20), rng.random(20) < 0.5
    shape, scale = np.exp(2 * np.tanh(outputs[0, :, 0] / 2)), np.exp(outputs[0, :, 1])
    member = np.ones((1, 20))
    member[0, -3:] = 0
    law = weibull_min(shape, scale=scale)
    expected = np.where(died, law.logpdf(time), law.logsf(time))[:-3].sum()
    ready = savae_loss.Outcome(
        *(torch.from_numpy(np.asarray(a, float)) for a in (member, died[None], np.log(time)[None]))
    )
    assert float(savae_loss.loglik(torch.from_numpy(outputs), ready)[0]) == pytest.approx(expected, abs=1e-10)


def test_recovers_the_weibull_truth(fitted):
    fresh, times = weibull(2000, 9).x, np.array([0.5, 1.0, 2.0, 4.0])
    scale = np.exp(0.7 - 0.5 * fresh[:, 0] + 0.4 * fresh[:, 1])
    truth = np.exp(-((times / scale[:, None]) ** SHAPE))
    found = survival(fitted, fresh, times)
    assert np.abs(found - truth).mean() < 0.05
    assert np.abs(found.mean(axis=0) - truth.mean(axis=0)).max() < 0.04


def test_concordance_is_near_that_of_deepsurv_and_of_the_truth(fitted):
    fresh = weibull(2000, 10)
    other = trained("deepsurv", [weibull(500, 1), weibull(400, 2)], SETTINGS)
    state = {"parameters": other.state["parameters"][0, 0]}
    risks = {
        "savae": 1 - survival(fitted, fresh.x, np.array([2.0]))[:, 0],
        "deepsurv": deepsurv.risk(state, other.preprocessing.apply(fresh.x, 0), SETTINGS),
        "truth": 0.5 * fresh.x[:, 0] - 0.4 * fresh.x[:, 1],
    }
    c = {name: concordance_index_censored(fresh.event == 1, fresh.time, risk)[0] for name, risk in risks.items()}
    assert c["savae"] > c["truth"] - 0.02
    assert c["savae"] == pytest.approx(c["deepsurv"], abs=0.02)


def test_the_same_bytes_again_and_early_stopping_keeps_its_best_round():
    parts, settings = sites([70, 60]), SETTINGS | {"rounds": 6, "patience": 3}
    first, again = trained("savae", parts, settings), trained("savae", parts, settings)
    np.testing.assert_array_equal(first.state["parameters"], again.state["parameters"])
    assert (first.rounds_kept[first.plan.sets[:, 2] < 0] >= 1).all()


@pytest.mark.parametrize("name", ["fedavg", "fedprox", "fedmedian"])
def test_a_site_without_a_whole_column_takes_part(name):
    parts = sites([70, 60, 50], missing=0.05)
    parts[1].x[:, 2] = np.nan
    options = {"name": name, "rounds": 3, "local_steps": 2, "learning_rate": 0.02, "mu": 0.1}
    found = train(grid_for("savae", parts), plan_for("savae", SETTINGS | {"local_steps": 2}), options)
    assert np.isfinite(found.state["parameters"]).all()
