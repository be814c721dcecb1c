"""Meta-analysis and one-shot regression: one site gives its own fit, sites' fits weighed by hand, and the surrogate nearer to pooling."""

import numpy as np
import pytest
from scipy.stats import t
from statsmodels.duration.hazard_regression import PHReg
from statsmodels.stats.meta_analysis import combine_effects

from federation_sample import grid_for, plan_for, pooled, sites
from hemapilots.federation.server import train
from hemapilots.models.data import TrainingData
from hemapilots.random_effects import random_effects, reml

NEWTON = {"name": "newton", "baseline": "site", "tolerance": 1e-10, "rounds": 60}
META, ONESHOT = {"name": "meta"}, {"name": "oneshot", "baseline": "site"}
SHARED = ONESHOT | {"baseline": "shared"}


def fitted(parts, strategy, penalties=(0.0,), folds=2):
    return train(grid_for("cox", parts), plan_for("cox", {}, folds=folds, penalties=penalties), strategy)


@pytest.mark.parametrize("strategy", [META, ONESHOT, SHARED], ids=["meta", "oneshot", "shared"])
def test_one_site_gives_the_exact_fit(strategy):
    parts = sites([150], missing=0.1)
    exact, found = fitted(parts, NEWTON, (1.0, 20.0)), fitted(parts, strategy, (1.0, 20.0))
    np.testing.assert_allclose(found.coefficients, exact.coefficients, rtol=0, atol=1e-7)
    assert found.unconverged == 0 and found.rounds <= 4


def test_meta_weighs_the_sites_fits_by_their_information():
    """Against statsmodels: each site's own fit on the agreed scale, put together by hand."""
    parts = sites([150, 90, 60])
    found = fitted(parts, META)
    everyone = pooled(parts)
    mean, sd = everyone.x.mean(axis=0), everyone.x.std(axis=0)
    total, weighted, own = 0.0, 0.0, []
    for part in parts:
        model = PHReg(part.time, (part.x - mean) / sd, status=part.event, ties="efron")
        beta = np.zeros(3)
        for _ in range(30):
            beta = beta - np.linalg.solve(model.hessian(beta), model.score(beta))
        information = -model.hessian(beta)
        total, weighted = total + information, weighted + information @ beta
        own.append((beta, np.diag(np.linalg.inv(information))))
    np.testing.assert_allclose(found.coefficients[0, 0], np.linalg.solve(total, weighted), rtol=0, atol=1e-7)
    table = found.more["meta_analysis"]
    assert [row["column"] for row in table] == ["a", "b", "c"]
    for j, row in enumerate(table):
        np.testing.assert_allclose(row["sites"], [beta[j] for beta, _ in own], atol=1e-7)
        expected = random_effects(np.array([beta[j] for beta, _ in own]), np.array([v[j] for _, v in own]))
        assert row["lower"] == pytest.approx(expected["lower"], abs=1e-6)


def test_surrogate_has_the_gradient_of_all_sites_where_the_fits_meet():
    """Identical sites: the scaled likelihood of one is everybody's, so one shot is exact."""
    parts = [*sites([120]), *sites([120]), *sites([120])]
    exact, found = fitted(parts, NEWTON, (3.0,)), fitted(parts, ONESHOT, (3.0,))
    np.testing.assert_allclose(found.coefficients, exact.coefficients, rtol=0, atol=1e-7)


def rare(seed, size=600, count=5):
    """Sites with about 1 % events, three effects."""
    rng, out = np.random.default_rng([77, seed]), []
    for _ in range(count):
        x = np.column_stack([rng.normal(size=size), rng.random(size) < 0.3, rng.normal(size=size)]).astype(float)
        death = rng.exponential(100 / np.exp(x @ [0.5, 0.7, -0.5]))
        time, event = np.minimum(death, 0.7), (death <= 0.7).astype(float)
        flags, folds = np.array([False, True, False]), rng.integers(0, 2, (1, size))
        out.append(TrainingData(x, np.zeros(size), time, event, folds, flags))
    return out


def test_oneshot_is_nearer_to_pooling_than_meta_with_rare_events():
    """Mean squared distance to the pooled stratified fit over 100 seeds, paired 95 % interval; fits that do not converge are counted."""
    apart, unconverged = [], {"meta": 0, "oneshot": 0}
    for seed in range(100):
        parts = rare(seed)
        exact = fitted(parts, NEWTON, (1.0,)).coefficients[0, 0]
        row = []
        for strategy in (META, ONESHOT):
            found = fitted(parts, strategy, (1.0,))
            unconverged[strategy["name"]] += found.unconverged > 0
            row.append(((found.coefficients[0, 0] - exact) ** 2).sum())
        apart.append(row)
    gain = np.diff(apart, axis=1)[:, 0]
    half = t.ppf(0.975, 99) * gain.std(ddof=1) / 10
    assert gain.mean() + half < 0
    assert unconverged == {"meta": 0, "oneshot": 0}


def test_reml_with_equal_variances_is_the_sample_variance_less_theirs():
    y = np.array([0.1, 0.9, -0.4, 0.6, 1.3])
    assert reml(y, np.full(5, 0.05)) == pytest.approx(y.var(ddof=1) - 0.05, rel=1e-6)
    assert reml(y, np.full(5, 9.0)) == 0.0


def test_intervals_are_those_of_hartung_and_knapp():
    y, v = np.array([0.1, 0.9, -0.4, 0.6, 1.3]), np.array([0.05, 0.02, 0.1, 0.04, 0.08])
    found = random_effects(y, v)
    weight = 1 / (v + found["tau2"])
    mean = (weight * y).sum() / weight.sum()
    error = np.sqrt((weight * (y - mean) ** 2).sum() / 4 / weight.sum())
    assert found["lower"] == pytest.approx(mean - t.ppf(0.975, 4) * error, rel=1e-9)
    assert found["predicted_upper"] == pytest.approx(
        mean + t.ppf(0.975, 3) * np.sqrt(found["tau2"] + error**2), rel=1e-9
    )
    peer = combine_effects(y, v, method_re="iterated", use_t=True)
    assert found["tau2"] == pytest.approx(peer.tau2, rel=0.15)
    alike = random_effects(np.full(5, 0.3) + [0, 1e-3, -1e-3, 0, 0], v)
    assert alike["tau2"] == 0 and alike["upper"] - alike["estimate"] == pytest.approx(
        t.ppf(0.975, 4) / np.sqrt((1 / v).sum()), rel=1e-9
    )
    few = random_effects(y[:2], v[:2])
    assert few["estimate"] is None and few["sites"] == [0.1, 0.9]
    assert random_effects(y[:4], v[:4])["predicted_lower"] is None
