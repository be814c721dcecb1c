"""The federated elastic net: scikit-survival's path where sites are one, and the conditions of an optimum where they are several."""

import numpy as np
import pytest
from sksurv.linear_model import CoxnetSurvivalAnalysis
from sksurv.util import Surv

from federation_sample import GRID, grid_for, pooled, sites
from hemapilots.federation.plan import Plan
from hemapilots.federation.server import train
from hemapilots.models import partial_likelihood as pl
from hemapilots.models.absolute_penalty import shrunken_step
from hemapilots.models.data import TrainingData

NEWTON = {"name": "newton", "baseline": "site", "rounds": 60, "tolerance": 1e-11}
COLUMNS = 12


def wide(sizes, seed=3):
    """Twelve correlated columns, of which three tell something; times without ties."""
    rng, out = np.random.default_rng(seed), []
    for n in sizes:
        x = rng.normal(0, 1, (n, COLUMNS)) + 0.7 * rng.normal(0, 1, (n, 1))
        death = rng.exponential(np.exp(-(0.6 * x[:, 0] - 0.5 * x[:, 3] + 0.3 * x[:, 7])))
        censoring = rng.exponential(2, n)
        time, event = np.minimum(death, censoring) + 0.01, (death <= censoring).astype(float)
        fold = rng.integers(0, 2, (1, n))
        out.append(TrainingData(x, np.zeros(n), time, event, fold, np.zeros(COLUMNS, bool)))
    return out


def fitted(parts, penalties, ratios, ties="breslow", **options):
    penalties, ratios = np.array(penalties, float), np.array(ratios, float)
    plan = Plan(
        [f"x{k}" for k in range(COLUMNS)], np.zeros(COLUMNS, bool), 1, 2, penalties, ties, GRID, l1_ratios=ratios
    )
    return train(grid_for("cox", parts), plan, NEWTON | options)


@pytest.mark.parametrize("ratio", [0.3, 1.0])
def test_path_equals_scikit_survival_on_one_site(ratio):
    """Its alpha is the penalty per patient; no ties, as its handling of them has no name in common with ours."""
    parts, penalties = wide([400]), np.array([80.0, 40.0, 10.0, 2.0])
    found = fitted(parts, penalties, np.full(4, ratio)).coefficients[0]
    (data,) = parts
    z = (data.x - data.x.mean(axis=0)) / data.x.std(axis=0)
    model = CoxnetSurvivalAnalysis(alphas=penalties / 400, l1_ratio=ratio, tol=1e-13, max_iter=1_000_000)
    expected = model.fit(z, Surv.from_arrays(data.event == 1, data.time)).coef_.T
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert ((found == 0) == (expected == 0)).all()
    assert 0 < (found[0] != 0).sum() < (found[3] != 0).sum() <= COLUMNS


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_several_sites_meet_the_conditions_of_the_optimum(ties):
    """The gradient of the likelihood stratified by site, from a definition in n^2, balances the penalty, or lies within it."""
    parts = wide([90, 70, 60])
    for part in parts:
        part.time[:] = np.ceil(part.time * 8) / 8
    penalties, ratios = [30.0, 8.0, 8.0], [1.0, 1.0, 0.5]
    found = fitted(parts, penalties, ratios, ties)
    pre = found.preprocessing
    for k, (penalty, ratio) in enumerate(zip(penalties, ratios, strict=True)):
        b = found.coefficients[0, k]
        gradient = sum(slow_gradient((p.x - pre.location[0]) / pre.scale[0], p.time, p.event, b, ties) for p in parts)
        pull = gradient - penalty * (1 - ratio) * b
        np.testing.assert_allclose(pull[b != 0], penalty * ratio * np.sign(b[b != 0]), atol=1e-7)
        assert (np.abs(pull[b == 0]) <= penalty * ratio + 1e-7).all()
        assert (b == 0).any()
        assert (b != 0).any()


def slow_gradient(x, time, event, b, ties):
    out, hazard = np.zeros(x.shape[1]), np.exp(x @ b)
    for t in np.unique(time[event == 1]):
        risk, dead = time >= t, (time == t) & (event == 1)
        for number in range(dead.sum()):
            share = number / dead.sum() if ties == "efron" else 0.0
            weight = hazard * risk - share * hazard * dead
            out -= weight @ x / weight.sum()
        out += x[dead].sum(axis=0)
    return out


def test_without_absolute_penalty_it_is_ridge():
    parts = wide([80, 70])
    ridge = train(
        grid_for("cox", parts),
        Plan([f"x{k}" for k in range(COLUMNS)], np.zeros(COLUMNS, bool), 1, 2, np.array([5.0]), "efron", GRID),
        NEWTON,
    )
    both = fitted(parts, [5.0], [0.0], "efron")
    np.testing.assert_array_equal(both.coefficients, ridge.coefficients)
    assert ridge.standard_errors is not None
    assert fitted(parts, [5.0], [1.0], "efron").standard_errors is None


def test_penalty_and_ratio_are_chosen_by_cross_validated_likelihood_inside_training_folds():
    """By hand for the final model: each half's fit judged on the other half, both sites."""
    parts, penalties, ratios = wide([120, 100]), [3.0, 30.0, 3.0, 30.0], [0.2, 0.2, 1.0, 1.0]
    found = fitted(parts, penalties, ratios)
    sets, pre = found.plan.sets, found.preprocessing
    criterion = np.zeros(4)
    for s in (1, 2):
        for k in range(4):
            b = found.coefficients[s, k]
            for part in parts:
                for rows, sign in ((np.arange(part.time.size), 1), (part.members(sets[s]), -1)):
                    x = (part.x[rows] - pre.location[s]) / pre.scale[s]
                    criterion[k] += sign * pl.loglik(x, b[None], part.risk_sets(rows), "breslow")[0]
    np.testing.assert_allclose(found.criterion[0], criterion, atol=1e-8)
    assert found.chosen[0] == np.argmax(criterion)


def test_shared_baseline_is_the_pooled_elastic_net():
    parts = wide([90, 70])
    together = fitted([pooled(parts)], [8.0], [0.8], "efron").coefficients
    apart = fitted(parts, [8.0], [0.8], "efron", baseline="shared").coefficients
    np.testing.assert_allclose(apart, together, atol=1e-8)


def test_step_solves_the_quadratic_exactly():
    rng = np.random.default_rng(5)
    root = rng.normal(0, 1, (6, 9, 9))
    a = root @ root.transpose(0, 2, 1) + 0.05 * np.eye(9)
    slope, start, weight = rng.normal(0, 5, (6, 9)), rng.normal(0, 1, (6, 9)), np.linspace(0, 6, 6)
    d = shrunken_step(a, slope, start, weight)
    b, pull = start + d, slope - np.einsum("fij,fj->fi", a, d)
    for f in range(6):
        kept = b[f] != 0
        np.testing.assert_allclose(pull[f, kept], weight[f] * np.sign(b[f, kept]), atol=1e-9)
        assert (np.abs(pull[f, ~kept]) <= weight[f] + 1e-9).all()


@pytest.mark.parametrize("ratio", [0.5, 1.0])
def test_a_column_that_differs_between_sites_only_is_left_out_and_harms_no_other(ratio):
    """Within sites it tells nothing, so nothing but the penalty bears on it."""
    parts = wide([90, 70])
    for number, part in enumerate(parts):
        part.x[:, 5] = number
    found = fitted(parts, [12.0], [ratio]).coefficients[:, 0]
    for part in parts:
        part.x[:, 5] = 0.0
    np.testing.assert_allclose(found, fitted(parts, [12.0], [ratio]).coefficients[:, 0], atol=1e-9)
    assert (found[:, 5] == 0).all() and (found != 0).any(axis=1).all()


def test_a_column_that_is_missing_at_a_whole_site_is_filled():
    parts = sites([80, 80], missing=0.05)
    parts[1].x[:, 2] = np.nan
    plan = Plan(
        ["a", "b", "c"], np.array([False, True, False]), 1, 2, np.array([2.0]), "efron", GRID, l1_ratios=np.ones(1)
    )
    assert np.isfinite(train(grid_for("cox", parts), plan, NEWTON).coefficients).all()


def test_identical_columns_share_their_effect_under_a_penalty_on_absolute_values():
    """The lasso does not say how twins share an effect, only what it is: the fit ends, as good as that of one of them."""
    parts = wide([150, 120])
    for part in parts:
        part.x[:, 11] = part.x[:, 0]
    twins = fitted(parts, [2.0], [1.0])
    for part in parts:
        part.x[:, 11] = 0.0
    alone = fitted(parts, [2.0], [1.0])
    together = twins.coefficients[0, 0]
    assert twins.rounds < NEWTON["rounds"]
    assert together[0] + together[11] == pytest.approx(alone.coefficients[0, 0][0], abs=1e-6)
    np.testing.assert_allclose(together[1:11], alone.coefficients[0, 0][1:11], atol=1e-6)


def test_a_singular_matrix_gives_a_step():
    """Exactly twin columns both in the model: the minimum is found, whoever of them carries it."""
    information = np.array([[[2.0, 2.0, 0.0], [2.0, 2.0, 0.0], [0.0, 0.0, 1.0]]])
    step = shrunken_step(information, np.array([[3.0, 3.0, 0.5]]), np.array([[0.1, 0.2, 0.0]]), np.array([1.0]))
    found = np.array([0.1, 0.2, 0.0]) + step[0]
    assert found[0] + found[1] == pytest.approx((3.0 + 2 * 0.3 - 1) / 2, abs=1e-9) and found[2] == 0


def test_steps_of_collinear_columns_meet_the_conditions_of_a_minimum():
    """Third columns that are the sum of two others or the same as one, over draws: slopes within the weight, equal to it where kept."""
    rng = np.random.default_rng(0)
    for draw in range(300):
        x = rng.integers(-2, 3, (8, 3)).astype(float)
        x[:, 2] = x[:, 0] + x[:, 1] if draw % 2 else x[:, 0]
        a, start, weight = x.T @ x, rng.normal(0, 1, 3) * (draw % 3 == 0), rng.choice([0.5, 1.0, 5.0])
        slope = x.T @ rng.normal(0, 3, 8) - a @ start
        if (np.diag(a) == 0).any():
            continue
        b = start + shrunken_step(a[None], slope[None], start[None], np.array([weight]))[0]
        pull = slope + a @ start - a @ b
        gap = np.where(b != 0, np.abs(pull - weight * np.sign(b)), np.maximum(np.abs(pull) - weight, 0))
        assert gap.max() < 1e-7 * weight and np.abs(b).max() < 100
