"""Federated Newton against statsmodels and lifelines: coefficients, standard errors and log-likelihood to 1e-8."""

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter
from statsmodels.duration.hazard_regression import PHReg

from hemapilots.federation.client import client_app, support_of
from hemapilots.federation.grid import LocalGrid
from hemapilots.federation.plan import Plan
from hemapilots.federation.release import Exit
from hemapilots.federation.server import train
from hemapilots.federation.strategies.newton import Newton
from hemapilots.models.data import TrainingData
from hemapilots.models.training_sets import training_sets

NEWTON = {"name": "newton", "baseline": "site", "tolerance": 1e-11, "rounds": 60}


def cohort(sizes, seed=1, late_entry=False, constant=False, missing=False, step=0.1):
    """Sites of given sizes with tied times; binary and continuous columns; the last site without events."""
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    x = np.column_stack([rng.normal(50, 12, n), rng.random(n) < 0.4, rng.normal(0, 1, n)]).astype(float)
    if constant:
        x = np.column_stack([x, np.full(n, 3.0)])
    hazard = np.exp(0.03 * (x[:, 0] - 50) + 0.6 * x[:, 1] - 0.4 * x[:, 2])
    death, censoring = rng.exponential(3 / hazard), rng.exponential(4, n)
    time = np.ceil(np.minimum(death, censoring) / step) * step
    event = (death <= censoring).astype(float)
    entry = (
        np.where(rng.random(n) < 0.4, np.floor(time * rng.random(n) * 0.9 / step) * step, 0.0)
        if late_entry
        else np.zeros(n)
    )
    site = np.repeat(np.arange(len(sizes)), sizes)
    event[site == len(sizes) - 1] = 0
    if missing:
        x[rng.random(x.shape) < 0.1] = np.nan
    return x, entry, time, event, site


def federate(cohort_, ties="efron", baseline="site", penalties=(0.0,), pooled=False, folds=None, **options):
    """Train over the sites (or one client with all rows)."""
    x, entry, time, event, site = cohort_
    groups = np.zeros_like(site) if pooled else site
    replicates, count = (1, 1) if folds is None else (folds.shape[0], int(folds.max()) + 1)
    folds = np.zeros((1, time.size), dtype=int) if folds is None else folds
    flags = np.array([set(np.unique(column[~np.isnan(column)])) <= {0.0, 1.0} for column in x.T])
    plan = Plan(
        [f"x{j}" for j in range(x.shape[1])],
        flags,
        replicates,
        count,
        np.array(penalties, float),
        ties,
        np.array([1.0, 2.0]),
    )
    apps = {}
    for k in np.unique(groups):
        rows = groups == k
        data = TrainingData(x[rows], entry[rows], time[rows], event[rows], folds[:, rows], flags)
        apps[f"site-{k:02d}"] = client_app("cox", data, Exit(f"site-{k:02d}", "test", "off"))
    return train(LocalGrid(apps), plan, NEWTON | {"baseline": baseline} | options)


def reference(cohort_, ties, stratified, penalty=0.0, columns=None):
    """statsmodels' likelihood on population-standardised columns, its own ridge added, solved by Newton."""
    x, entry, time, event, site = cohort_
    x = x[:, columns] if columns is not None else x
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    # statsmodels counts entry <= t as at risk; a nudge turns that into entry < t.
    entry = np.where(entry > 0, entry + 1e-9, 0.0)
    model = PHReg(
        time, x, status=event, entry=entry if entry.any() else None, strata=site if stratified else None, ties=ties
    )
    beta = np.zeros(x.shape[1])
    for _ in range(50):
        information = -model.hessian(beta) + penalty * np.eye(beta.size)
        step = np.linalg.solve(information, model.score(beta) - penalty * beta)
        beta = beta + step
    return (
        beta,
        np.sqrt(np.diag(np.linalg.inv(-model.hessian(beta) + penalty * np.eye(beta.size)))),
        model.loglike(beta),
    )


SIZES = {"three sites": [150, 90, 60], "twenty sites": [25] * 20, "one patient": [120, 80, 1, 30]}


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("late_entry", [False, True])
@pytest.mark.parametrize("baseline", ["site", "shared"])
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES.keys())
def test_equals_reference(sizes, baseline, late_entry, ties):
    data = cohort(sizes, late_entry=late_entry)
    for penalty in (0.0, 7.0):
        fitted = federate(data, ties, baseline, penalties=(penalty,))
        beta, error, loglik = reference(data, ties, stratified=baseline == "site", penalty=penalty)
        np.testing.assert_allclose(fitted.coefficients[0, 0], beta, rtol=0, atol=1e-8)
        np.testing.assert_allclose(fitted.standard_errors, error, rtol=0, atol=1e-8)
        assert fitted.loglik == pytest.approx(loglik, abs=1e-7)
        assert fitted.unconverged == 0


@pytest.mark.parametrize("baseline", ["site", "shared"])
def test_constant_column_is_dropped(baseline):
    data = cohort([150, 90, 60], constant=True)
    fitted = federate(data, "efron", baseline)
    beta, error, _ = reference(data, "efron", baseline == "site", columns=[0, 1, 2])
    np.testing.assert_allclose(fitted.coefficients[0, 0], [*beta, 0.0], rtol=0, atol=1e-8)
    np.testing.assert_allclose(fitted.standard_errors[:3], error, rtol=0, atol=1e-8)
    assert np.isnan(fitted.standard_errors[3])


@pytest.mark.parametrize("columns", [[1], [1, 2]])
def test_columns_that_do_not_vary_at_a_site_tell_nothing_there(columns):
    """Also where none of its columns varies, as with one predictor: the site's own risk sets are of equals."""
    x, entry, time, event, site = cohort([150, 90, 60], late_entry=True)
    x[site == 1, 1] = 1.0
    data = x[:, columns], entry, time, event, site
    fitted = federate(data)
    beta, error, _ = reference(data, "efron", stratified=True)
    np.testing.assert_allclose(fitted.coefficients[0, 0], beta, rtol=0, atol=1e-8)
    np.testing.assert_allclose(fitted.standard_errors, error, rtol=0, atol=1e-8)


def test_equals_lifelines_with_strata():
    x, entry, time, event, site = data = cohort([150, 90, 60], late_entry=True)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    frame = pd.DataFrame(z, columns=list("abc")).assign(entry=entry, time=time, event=event, site=site)
    fitter = CoxPHFitter().fit(
        frame, "time", "event", entry_col="entry", strata="site", fit_options={"precision": 1e-13, "step_size": 1.0}
    )
    fitted = federate(data)
    np.testing.assert_allclose(fitted.coefficients[0, 0], fitter.params_, rtol=0, atol=1e-8)
    np.testing.assert_allclose(fitted.standard_errors, fitter.standard_errors_, rtol=0, atol=1e-8)


def test_pooled_is_the_same_driver_with_one_client():
    data = cohort([150, 90, 60])
    shared, pooled = federate(data, baseline="shared"), federate(data, pooled=True)
    np.testing.assert_allclose(shared.coefficients, pooled.coefficients, rtol=0, atol=1e-9)
    beta, *_ = reference(data, "efron", stratified=False)
    np.testing.assert_allclose(pooled.coefficients[0, 0], beta, rtol=0, atol=1e-8)


def test_lock_step_equals_fits_one_by_one():
    """Each fold and penalty trained together equals the fit trained alone on those rows, missing values included."""
    x, entry, time, event, site = data = cohort([150, 90, 60], missing=True)
    rng = np.random.default_rng(3)
    folds = rng.integers(0, 3, (2, time.size))
    together = federate(data, penalties=(1.0, 30.0), folds=folds)
    sets = training_sets(2, 3, tune=True)
    for s in (0, 2, 5, 9):
        replicate, first, second = sets[s]
        keep = np.ones(time.size, bool) if replicate < 0 else (folds[replicate] != first) & (folds[replicate] != second)
        alone = federate(tuple(part[keep] for part in data), penalties=(30.0,))
        np.testing.assert_allclose(together.coefficients[s, 1], alone.coefficients[0, 0], rtol=0, atol=1e-9)


def test_penalties_of_one_training_set_help_each_other():
    """Few deaths for many columns: a weak penalty's first steps are too long, and a stronger one's coefficients a better place to go on."""
    rng = np.random.default_rng(12)
    n, p = 120, 60
    x, site = rng.normal(size=(n, p)) * (rng.random((n, p)) < 0.15), np.repeat([0, 1, 2], n // 3)
    time, event = rng.exponential(5, n) + 0.01, (rng.random(n) < 0.4).astype(float)
    data, penalties = (x, np.zeros(n), time, event, site), (0.03, 0.3, 3.0, 30.0, 300.0)
    together, alone = federate(data, penalties=penalties), federate(data, penalties=penalties[:1])
    np.testing.assert_allclose(together.coefficients[0, 0], alone.coefficients[0, 0], rtol=0, atol=1e-8)
    assert together.unconverged == alone.unconverged == 0
    assert together.rounds < 0.6 * alone.rounds


def test_first_round_asks_once_for_each_training_set():
    """All penalties start from 0, where the likelihood does not depend on them."""
    steps = Newton(np.tile([1.0, 10.0], 3), np.ones((6, 2), bool), "efron", 1e-9, groups=np.repeat([0, 1, 2], 2))
    assert steps.asked.tolist() == [0, 2, 4]
    gradient, information = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]), np.tile([1.0, 0.0, 1.0], (3, 1))
    steps.advance(np.zeros(3), gradient, information)
    np.testing.assert_allclose(steps.trial, np.repeat(gradient, 2, axis=0) / np.tile([2.0, 11.0], 3)[:, None])
    assert steps.asked.tolist() == list(range(6))


def test_last_step_of_fits_that_are_not_told_needs_no_answer():
    """A Poisson mean per fit, loglik y b - exp(b): at log y to 1e-9 with fewer answers; who is told has answers from where it ends."""
    y, asked = np.array([0.5, 2.0, 5.0, 5.0]), np.zeros(4, int)
    steps = Newton(np.zeros(4), np.ones((4, 1), bool), "efron", 1e-10, told=np.array([False, False, False, True]))
    while not steps.converged:
        asked[steps.asked] += 1
        b, of = steps.trial[steps.asked, 0], y[steps.asked]
        steps.advance(of * b - np.exp(b), (of - np.exp(b))[:, None], np.exp(b)[:, None])
    np.testing.assert_allclose(steps.coefficients[:, 0], np.log(y), rtol=0, atol=1e-9)
    assert asked[2] == asked[3] - 1
    np.testing.assert_allclose(steps.information[3, 0], np.exp(steps.coefficients[3, 0]), rtol=1e-15)


def test_preprocessing_is_that_of_the_pooled_training_set():
    x, *_ = data = cohort([150, 90, 60], missing=True)
    fitted = federate(data).preprocessing
    column = x[:, 0]
    known = np.sort(column[~np.isnan(column)])
    median = known[(known.size - 1) // 2]
    # The search halves two standard deviations sixteen times and ends at or above the median.
    assert 0 <= fitted.fill[0, 0] - median <= known.std() * 2**-15 * (1 + 1e-6)
    assert fitted.fill[0, 1] == 0.0
    filled = np.where(np.isnan(column), fitted.fill[0, 0], column)
    assert fitted.location[0, 0] == pytest.approx(filled.mean(), rel=1e-12)
    assert fitted.scale[0, 0] == pytest.approx(filled.std(), rel=1e-9)


def test_order_of_sites_does_not_matter():
    x, entry, time, event, site = cohort([100, 100, 100])
    renamed = (x, entry, time, event, np.array([2, 0, 1])[site])
    a, b = federate((x, entry, time, event, site)), federate(renamed)
    np.testing.assert_allclose(a.coefficients, b.coefficients, rtol=0, atol=1e-12)


def test_penalty_is_chosen_by_cross_validated_likelihood_of_training_folds_only():
    """The criterion of the final model equals statsmodels' likelihoods; a fold's choice ignores the fold's own outcomes."""
    x, entry, time, event, site = cohort([150, 90, 60])
    folds = np.random.default_rng(5).integers(0, 3, (1, time.size))
    fitted = federate((x, entry, time, event, site), penalties=(0.5, 50.0), folds=folds)
    expected = np.zeros(2)
    for k in range(3):
        keep = folds[0] != k
        location, scale = x[keep].mean(axis=0), x[keep].std(axis=0)
        z = (x - location) / scale
        outer = PHReg(time, z, status=event, strata=site, ties="efron")
        inner = PHReg(time[keep], z[keep], status=event[keep], strata=site[keep], ties="efron")
        for at in range(2):
            beta = fitted.coefficients[1 + k, at]
            expected[at] += outer.loglike(beta) - inner.loglike(beta)
    np.testing.assert_allclose(fitted.criterion[0], expected, rtol=0, atol=1e-7)
    spoiled = time.copy()
    spoiled[folds[0] == 1] = spoiled[folds[0] == 1][::-1]
    again = federate((x, entry, spoiled, event, site), penalties=(0.5, 50.0), folds=folds)
    assert again.criterion[2] == pytest.approx(fitted.criterion[2], abs=1e-9)
    assert again.criterion[0, 0] != pytest.approx(fitted.criterion[0, 0], abs=1e-6)


def test_fedavg_with_one_site_and_many_steps_reaches_newton():
    """With a single site FedAvg is plain gradient descent on the same objective."""
    data = cohort([200, 1], step=0.01)
    one = tuple(part[:200] for part in data)
    newton = federate(one, penalties=(20.0,), pooled=True)
    fedavg = federate(one, penalties=(20.0,), pooled=True, name="fedavg", rounds=200, local_steps=20, learning_rate=1.0)
    np.testing.assert_allclose(fedavg.coefficients, newton.coefficients, rtol=0, atol=1e-8)


def test_fedavg_averages_local_models_by_patients():
    """One round equals the patient-weighted mean of what each site would reach alone, by hand."""
    x, entry, time, event, site = data = cohort([120, 60, 1], step=0.01)
    fitted = federate(data, penalties=(5.0,), name="fedavg", rounds=1, local_steps=1, learning_rate=0.5)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    total = np.zeros(3)
    for k in range(3):
        rows = site == k
        gradient = (
            PHReg(time[rows], z[rows], status=event[rows], ties="efron").score(np.zeros(3))
            if event[rows].any()
            else np.zeros(3)
        )
        total += rows.sum() * (0.5 * gradient / rows.sum()) / (1 + 0.5 * 5.0 / time.size)
    np.testing.assert_allclose(fitted.coefficients[0, 0], total / time.size, rtol=0, atol=1e-7)


def test_support_is_the_smallest_over_training_sets():
    x, entry, time, event, site = cohort([60, 20])
    rows = site == 0
    folds = np.random.default_rng(2).integers(0, 3, (1, rows.sum()))
    flags = np.array([False, True, False])
    data = TrainingData(x[rows], entry[rows], time[rows], event[rows], folds, flags)
    support = support_of(data, training_sets(1, 3, tune=False), ["a", "b", "c"])
    least = min(min((part := x[rows, 1][folds[0] != k]).sum(), (1 - part).sum()) for k in range(3))
    assert support.columns["b"] == int(least)
    assert support.columns["a"] == support.patients
    assert support.patients == min((folds[0] != k).sum() for k in range(3))


def test_overshooting_step_is_taken_back():
    """A step that leaves the range of floats is halved until it does not: one carrier in a thousand who dies first."""
    rng = np.random.default_rng(1)
    n = 1000
    carrier = np.zeros(n)
    carrier[:3] = 1
    x = np.column_stack([carrier, rng.normal(size=n)])
    time = np.concatenate([[1e-3, 2e-3, 3e-3], rng.exponential(5, n - 3) + 0.01])
    event = np.ones(n)
    fitted = federate((x, np.zeros(n), time, event, np.repeat([0, 1], n // 2)), penalties=(0.001,), pooled=True)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    beta = fitted.coefficients[0, 0]
    slope = PHReg(time, z, status=event, ties="efron").score(beta) - 0.001 * beta
    assert fitted.unconverged == 0
    np.testing.assert_allclose(slope, 0, atol=1e-8)


def test_statistics_of_an_overshot_step_are_finite():
    from hemapilots.models.partial_likelihood import OVERSHOT, RiskSets, statistics

    x = np.linspace(-1, 1, 50)[:, None]
    sets = RiskSets.build(np.zeros(50), np.arange(1.0, 51.0), np.ones(50))
    found = statistics(x, np.array([[-2000.0], [0.1]]), sets, "efron")
    assert found.loglik[0] == OVERSHOT and np.isfinite(found.information).all()
    assert np.isfinite(found.loglik[1]) and found.loglik[1] > OVERSHOT
