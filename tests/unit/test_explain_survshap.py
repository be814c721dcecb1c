"""SurvSHAP(t) against exact Shapley values by enumeration, and against what they must add up to."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest

from hemapilots.explain.survshap import shapley

TIMES = np.array([0.5, 1.0, 2.0, 4.0])
GROUPS = [[0], [1, 2], [3], [4]]
EFFECTS = np.array([0.8, -0.5, 0.3, 0.0, 0.4])


def cox(rows, whose):
    """Survival of an additive log hazard, with a baseline of 0.3 a year."""
    return np.exp(-0.3 * TIMES * np.exp(rows @ EFFECTS)[:, None])


def interacting(rows, whose):
    """Two columns act together only."""
    return np.exp(-0.2 * TIMES * np.exp(rows[:, 0] * rows[:, 3] + 0.2 * rows[:, 4])[:, None])


def enumerated(survival, x, reference, groups):
    """Shapley values (G, T) of one patient by their definition: over every coalition of groups."""
    size = len(groups)

    def worth(coalition):
        rows = reference.copy()
        for group in coalition:
            rows[:, groups[group]] = x[groups[group]]
        return survival(rows, np.zeros(len(rows), int)).mean(axis=0)

    found = np.zeros((size, TIMES.size))
    for group in range(size):
        others = [other for other in range(size) if other != group]
        for count in range(size):
            share = factorial(count) * factorial(size - count - 1) / factorial(size)
            for coalition in combinations(others, count):
                found[group] += share * (worth((*coalition, group)) - worth(coalition))
    return found


@pytest.fixture(scope="module")
def patients():
    rng = np.random.default_rng(4)
    return rng.normal(size=(6, 5)), rng.normal(size=(4, 5))


@pytest.mark.parametrize("survival", [cox, interacting])
def test_equal_to_enumeration_over_coalitions(patients, survival):
    x, few = patients
    # Each reference patient many times over: as many random orders.
    reference = np.tile(few, (1000, 1))
    found = shapley(survival, x, reference, GROUPS, np.random.default_rng(1))
    exact = np.array([enumerated(survival, one, few, GROUPS) for one in x])
    assert np.abs(found - exact).max() < 0.012
    assert np.abs(found - exact).max() < 0.1 * np.abs(exact).max()


@pytest.mark.parametrize("survival", [cox, interacting])
def test_contributions_add_up_to_what_is_explained(patients, survival):
    x, reference = patients
    found = shapley(survival, x, reference, GROUPS, np.random.default_rng(2))
    whole = survival(x, np.arange(6)) - survival(reference, np.zeros(4, int)).mean(axis=0)
    np.testing.assert_allclose(found.sum(axis=1), whole, atol=1e-12)


def test_additive_on_its_own_scale_is_exact_with_any_order(patients):
    x, reference = patients
    found = shapley(lambda rows, whose: (rows @ EFFECTS)[:, None], x, reference, GROUPS, np.random.default_rng(3))
    for place, columns in enumerate(GROUPS):
        exact = (x[:, columns] - reference[:, columns].mean(axis=0)) @ EFFECTS[columns]
        np.testing.assert_allclose(found[:, place, 0], exact, atol=1e-12)


def test_a_column_without_effect_contributes_nothing_and_batches_do_not_matter(patients, monkeypatch):
    x, reference = patients
    whole = shapley(cox, x, reference, GROUPS, np.random.default_rng(5))
    assert np.abs(whole[:, 2]).max() < 1e-15
    monkeypatch.setattr("hemapilots.explain.survshap.BATCH", 1)
    np.testing.assert_array_equal(shapley(cox, x, reference, GROUPS, np.random.default_rng(5)), whole)


def test_each_row_is_predicted_as_its_own_patient(patients):
    x, reference = patients
    found = shapley(lambda rows, whose: whose[:, None] + rows[:, [0]], x, reference, GROUPS, np.random.default_rng(6))
    np.testing.assert_allclose(found[:, 0, 0], x[:, 0] - reference[:, 0].mean(), atol=1e-12)
    np.testing.assert_allclose(found[:, 1:], 0, atol=1e-12)
