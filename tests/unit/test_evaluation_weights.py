"""Bootstrap multiplicities and weighted Kaplan-Meier curves, against lifelines and repeated rows."""

import numpy as np
import pytest
from lifelines import KaplanMeierFitter
from sksurv.nonparametric import CensoringDistributionEstimator
from sksurv.util import Surv

from hemapilots.evaluation.censoring import kaplan_meier, log_censoring_gradient, weigh
from hemapilots.evaluation.resampling import bootstrap_weights


def cohort(n=300, seed=0, ties=True):
    rng = np.random.default_rng(seed)
    time, event = rng.exponential(3, n), rng.random(n) < 0.6
    return (np.ceil(time * 4) / 4 if ties else time), event


def test_multiplicities_keep_the_size_of_every_stratum():
    strata = np.column_stack([np.repeat([0, 1, 2], [50, 30, 1]), np.arange(81) % 4])
    weights = bootstrap_weights(strata, 40, 7)
    assert weights.shape == (41, 81)
    assert (weights[0] == 1).all()
    for one in np.unique(strata, axis=0):
        members = (strata == one).all(axis=1)
        assert (weights[:, members].sum(axis=1) == members.sum()).all()
    assert (weights[:, -1] == 1).all()


def test_multiplicities_depend_on_the_seed_alone():
    strata = np.zeros(30, int)
    assert np.array_equal(bootstrap_weights(strata, 5, 1), bootstrap_weights(strata, 5, 1))
    assert not np.array_equal(bootstrap_weights(strata, 5, 1), bootstrap_weights(strata, 5, 2))


def test_multiplicities_have_bootstrap_moments():
    weights = bootstrap_weights(np.zeros(50, int), 20_000, 3)[1:]
    assert np.abs(weights.mean(axis=0) - 1).max() < 0.04
    assert np.var(weights, axis=0).mean() == pytest.approx(1 - 1 / 50, rel=0.01)


def test_survival_equals_lifelines_under_weights():
    time, event = cohort()
    weights = bootstrap_weights(np.zeros(len(time), int), 3, 1)
    curves = kaplan_meier(time, event, weights)
    at = np.linspace(0, 12, 60)
    for row, w in zip(curves.at(at), weights, strict=True):
        fitted = KaplanMeierFitter().fit(np.repeat(time, w.astype(int)), np.repeat(event, w.astype(int)))
        assert row == pytest.approx(fitted.survival_function_at_times(at).to_numpy(), abs=1e-12)


def test_censoring_curve_equals_scikit_survival_with_ties():
    time, event = cohort()
    curves = kaplan_meier(time, event, np.ones((1, len(time))), censoring=True)
    reference = CensoringDistributionEstimator().fit(Surv.from_arrays(event, time))
    at = np.unique(time)
    assert curves.at(at)[0] == pytest.approx(reference.predict_proba(at), abs=1e-12)


def test_left_limit_is_the_value_at_the_previous_time():
    time, event = cohort()
    curves = kaplan_meier(time, event, np.ones((1, len(time))), censoring=True)
    assert np.array_equal(curves.before(curves.times)[0], np.r_[1.0, curves.values[0, :-1]])


def test_weights_equal_repeated_rows():
    time, event = cohort()
    weights = bootstrap_weights(np.arange(len(time)) % 3, 4, 2)
    batch = weigh(time, event, weights)
    for row in range(len(weights)):
        times = weights[row].astype(int)
        alone = weigh(np.repeat(time, times), np.repeat(event, times), np.ones((1, times.sum())))
        assert np.repeat(batch.inverse[row], times) == pytest.approx(alone.inverse[0], rel=1e-12)


@pytest.mark.parametrize("left", [True, False])
def test_gradient_of_log_censoring_equals_finite_differences(left):
    time, event = cohort(40)
    amounts = np.where(event & (time < np.quantile(time, 0.8)), np.random.default_rng(5).random(40), 0.0)

    def total(weights):
        curves = kaplan_meier(time, event, weights, censoring=True)
        probability = curves.before(time) if left else curves.at(time)
        return np.log(np.where(amounts > 0, probability, 1.0)) @ amounts

    step = 1e-6
    numeric = (total(1 + step * np.eye(40)) - total(1 - step * np.eye(40))) / (2 * step)
    assert log_censoring_gradient(time, event, amounts, left) == pytest.approx(numeric, abs=1e-7)
