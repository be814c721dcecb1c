"""The named distributions and the latent-severity copula, against scipy and closed forms."""

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import expit

from hemapilots.synthesis.distributions import (
    NUMBERS,
    draw_category,
    draw_flag,
    draw_scores,
    logistic_normal_intercept,
    zero_inflate,
)

N = 200_000


def latents(seed=0):
    return {"severity": np.random.default_rng(seed).standard_normal(N)}


def test_scores_are_standard_normal_with_the_stated_correlation():
    z = latents()
    u = draw_scores(np.random.default_rng(1), {"severity": -0.48}, z, N)
    assert stats.kstest(u[:20_000], "norm").pvalue > 1e-3
    assert np.corrcoef(u, z["severity"])[0, 1] == pytest.approx(-0.48, abs=0.01)


@pytest.mark.parametrize(
    ("name", "given", "law"),
    [
        ("normal", (9.0, 2.0), stats.norm(9, 2)),
        ("lognormal", (1.2, 0.9), stats.lognorm(0.9, scale=np.exp(1.2))),
        ("uniform", (2.0, 5.0), stats.uniform(2, 3)),
    ],
)
def test_numbers_follow_their_law(name, given, law):
    transform, names = NUMBERS[name]
    assert len(names) == len(given)
    u = np.random.default_rng(2).standard_normal(20_000)
    assert stats.kstest(transform(u, *given), law.cdf).pvalue > 1e-3


def test_zero_inflation_leaves_a_full_normal_above_the_zeros():
    u = np.random.default_rng(3).standard_normal(N)
    zero, above = zero_inflate(u, np.full(N, 0.15))
    assert zero.mean() == pytest.approx(0.15, abs=0.005)
    assert u[zero].max() < u[~zero].min()
    assert stats.kstest(above[~zero][:20_000], "norm").pvalue > 1e-3
    assert np.array_equal(np.argsort(u[~zero]), np.argsort(above[~zero]))


@pytest.mark.parametrize("p", [0.002, 0.05, 0.5, 0.94])
def test_intercept_keeps_the_marginal_probability(p):
    a = logistic_normal_intercept(np.array([p]), 0.8)[0]
    mean, _ = integrate.quad(lambda z: expit(a + 0.8 * z) * stats.norm.pdf(z), -12, 12)
    assert mean == pytest.approx(p, rel=1e-6)


def test_intercept_at_certainty_and_shape():
    a = logistic_normal_intercept(np.array([0.0, 1.0, 0.3, 0.3]), 0.8)
    assert a[0] == -np.inf and a[1] == np.inf and a[2] == a[3]


def test_flag_keeps_marginals_and_rises_with_severity():
    z = latents(4)
    p = np.where(np.arange(N) % 2, 0.3, 0.0)
    flag = draw_flag(np.random.default_rng(5), p, {"severity": 0.8}, z)
    assert set(np.unique(flag)) == {0.0, 1.0}
    odd = np.arange(N) % 2 == 1
    assert flag[~odd].sum() == 0
    assert flag[odd].mean() == pytest.approx(0.3, abs=0.006)
    high, low = odd & (z["severity"] > 1), odd & (z["severity"] < -1)
    assert flag[high].mean() > flag[low].mean() + 0.2


def test_category_follows_weights_row_by_row():
    weights = np.tile([1.0, 0.0, 3.0], (N, 1))
    weights[: N // 2] = [0.0, 2.0, 0.0]
    drawn = draw_category(np.random.default_rng(6), ["a", "b", "c"], weights)
    assert set(drawn[: N // 2]) == {"b"}
    assert set(drawn[N // 2 :]) == {"a", "c"}
    assert (drawn[N // 2 :] == "c").mean() == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize(
    ("name", "parameters", "law"),
    [
        ("gamma", (1.0, 2.5), stats.gamma(0.4, scale=2.5)),
        ("beta", (1.6, 2.0), stats.beta(1.6, 2.0)),
        ("exponential", (2.5,), stats.expon(scale=2.5)),
    ],
)
def test_continuous_laws_are_transforms_of_a_normal_score(name, parameters, law):
    u = np.linspace(-4, 4, 201)
    assert NUMBERS[name][0](u, *map(np.array, parameters)) == pytest.approx(law.ppf(stats.norm.cdf(u)), rel=1e-9)


def test_counts_are_the_quantiles_of_their_law():
    rng = np.random.default_rng(0)
    u, mean = rng.standard_normal(50_000), rng.gamma(0.4, 2.5, 50_000)
    assert np.array_equal(NUMBERS["poisson"][0](u, mean), stats.poisson.ppf(stats.norm.cdf(u), mean))
    assert (NUMBERS["poisson"][0](u, np.zeros(50_000)) == 0).all()
