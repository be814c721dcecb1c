"""The forest: its splits are log-rank's best, its leaves Nelson and Aalen's, and it ranks like scikit-survival's."""

import numpy as np
import pytest
from sksurv.compare import compare_survival
from sksurv.ensemble import RandomSurvivalForest
from sksurv.metrics import concordance_index_censored
from sksurv.nonparametric import nelson_aalen_estimator
from sksurv.util import Surv

from federation_sample import GRID, grid_for, plan_for, pooled, sites
from hemapilots.federation.server import train
from hemapilots.federation.strategies.forest_sampling import shared_out
from hemapilots.models import forest

SETTINGS = {
    "trees": 12,
    "leaf_patients": 15,
    "thresholds": [-1.0, -0.5, 0.0, 0.5, 1.0],
    "cuts": GRID.tolist(),
    "seed": 3,
}
OPTIONS = {"name": "forest_sampling"}


def grown(parts, settings=SETTINGS, folds=2):
    return train(grid_for("forest", parts), plan_for("forest", settings, folds=folds), OPTIONS)


def standardised(x):
    return (x - x.mean(axis=0)) / x.std(axis=0)


def rows_of(data):
    from hemapilots.models.data import Subset

    return forest.Rows.of(Subset(standardised(data.x), np.arange(data.time.size), None), data, SETTINGS)


def test_split_is_the_best_log_rank_of_all_columns_and_thresholds():
    """Against scikit-survival's log-rank test on times coarsened to the cuts, each candidate by itself."""
    (data,) = sites([150])
    rows, z = rows_of(data), standardised(data.x)
    members = np.arange(150)
    column, threshold = forest.best_split(rows, members, np.random.default_rng(1), SETTINGS | {"columns_tried": 3})
    cell = np.searchsorted(GRID, data.time, side="left")
    died = (data.event == 1) & (data.time <= GRID[-1])
    outcome = Surv.from_arrays(died, cell + 1.0)
    found = {}
    for j in range(3):
        for g, cut in enumerate(SETTINGS["thresholds"]):
            left = z[:, j] <= cut
            sizes = [min(part.sum(), died[part].sum() + 10) for part in (left, ~left)]
            if min(sizes) >= 15:
                found[j, g] = compare_survival(outcome, left)[0]
    assert max(found, key=found.get) == (column, threshold)
    everyone = rows.counts.sum(axis=0)
    ours = forest.log_rank(
        (z[:, [column]] <= SETTINGS["thresholds"][threshold]).T.astype(float) @ rows.counts, everyone, 15
    )
    assert ours[0] == pytest.approx(found[column, threshold], rel=1e-10)


def test_leaves_hold_nelson_aalen_estimates():
    (data,) = sites([300])
    times, hazard = nelson_aalen_estimator(data.event == 1, data.time)
    expected = np.concatenate([[0.0], hazard])[np.searchsorted(times, GRID, side="right")]
    found = forest.leaf_hazard(data.time, data.event == 1, GRID)
    deaths = np.histogram(data.time[data.event == 1], [0, *GRID + 1e-9])[0]
    assert deaths.min() >= 5
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_leafs_stretches_of_time_hold_five_deaths_each():
    """Deaths 2, 4, 1, 5, 3 between the cuts: told after 6, and with all 15 at the end, straight lines in between."""
    time = np.repeat([0.3, 0.8, 1.2, 1.8, 2.5, 9.0], [2, 4, 1, 5, 3, 5])
    died = time < 9
    hazard = np.cumsum([2 / 20, 4 / 18, 1 / 14, 5 / 13, 3 / 8])
    expected = np.interp(GRID, [0, 1, 3], [0, hazard[1], hazard[4]])
    np.testing.assert_allclose(forest.leaf_hazard(time, died, GRID), expected, rtol=1e-12)


def test_a_leaf_is_flat_after_its_last_death():
    """Ten deaths in the first year of thirty rows, the rest alive at the end; with two more in the second year they join the last five."""
    time, died = np.r_[np.linspace(0.05, 0.95, 10), np.full(20, 9.0)], np.arange(30) < 10
    hazard = np.cumsum(1 / np.arange(30, 18, -1))
    found = forest.leaf_hazard(time, died, GRID)
    np.testing.assert_allclose(found, [hazard[4], *[hazard[9]] * 4], rtol=1e-12)
    time[10:12], died[10:12] = [1.2, 1.4], True
    np.testing.assert_allclose(
        forest.leaf_hazard(time, died, GRID),
        np.interp(GRID, [0, 0.5, 1.5], [0, hazard[4], hazard[11]]),
        rtol=1e-12,
    )


def test_survival_walks_the_trees():
    """One tree written by hand: column 1 at 0.5, then column 0 at -1."""
    nodes = np.array([[1, 0.5, 1], [0, -1, 3], [-1, 0, 2], [-1, 0, 0], [-1, 0, 1]], dtype=float)
    leaves = np.outer([1.0, 2.0, 3.0], [0.1, 0.2, 0.3, 0.4, 0.5])
    state = forest.pack_trees([[(nodes, leaves)]], 5)
    state = {name: value[0] for name, value in state.items()}
    x = np.array([[-2.0, 0.0], [0.0, 0.5], [0.0, 0.6]])
    found = forest.survival(state, x, np.array([0.25, 1.0, 3.0, 3.5]), SETTINGS)
    np.testing.assert_allclose(found[:, 1], np.exp(-np.array([0.2, 0.4, 0.6])), rtol=1e-12)
    np.testing.assert_allclose(found[:, 2], np.exp(-np.array([0.5, 1.0, 1.5])), rtol=1e-12)
    assert (found[:, 0] == 1).all() and np.isnan(found[:, 3]).all()


def test_no_leaf_is_small_and_thresholds_stand_on_the_grid():
    parts = sites([200, 90], missing=0.1)
    fitted = grown(parts)
    nodes = fitted.state["nodes"][0, 0]
    inner = nodes[..., 0] >= 0
    inner &= nodes[..., 2] > 0
    assert set(np.unique(nodes[inner][:, 1])) <= set(SETTINGS["thresholds"])
    data = pooled(parts)
    rows = forest.Rows.of(data.subset(fitted.plan.sets, 0, fitted.preprocessing), data, SETTINGS)
    drawn = np.sort(np.random.default_rng([3, 0, 4]).permutation(290)[: round(0.632 * 290)])
    tree, leaves = forest.grow_tree(rows, [3, 0, 4], SETTINGS)
    at = np.zeros(drawn.size, dtype=int)
    for _ in range(20):
        column, threshold, child = tree[at].T
        right = rows.x[drawn, np.maximum(column, 0).astype(int)] > threshold
        at = np.where(column >= 0, child.astype(int) + right, at)
    leaf = tree[at, 2].astype(int)
    died = np.bincount(leaf, weights=rows.died[drawn], minlength=len(leaves))
    assert np.bincount(leaf).min() >= 15 and died.min() >= 5 and len(leaves) > 3


def test_trees_are_shared_out_by_patients():
    assert shared_out(np.array([60, 30, 10]), 50).tolist() == [30, 15, 5]
    assert shared_out(np.array([1, 1, 1]), 50).tolist() == [17, 17, 16]
    assert shared_out(np.array([0, 7]), 5).tolist() == [0, 5]


def test_federated_forest_is_the_sites_own_trees():
    """Each tree of the forest is the one its site grows alone from the same seed and the agreed scaling."""
    parts = sites([120, 60])
    fitted = grown(parts)
    nodes = fitted.state["nodes"][0, 0]
    assert len(nodes) == 12
    for number, data in ((7, parts[0]), (8, parts[1])):
        rows = forest.Rows.of(data.subset(fitted.plan.sets, 0, fitted.preprocessing), data, SETTINGS)
        expected, leaves = forest.grow_tree(rows, [3, 0, number], SETTINGS)
        np.testing.assert_array_equal(nodes[number][: len(expected)], expected)
        np.testing.assert_array_equal(fitted.state["leaves"][0, 0, number][: len(leaves)], leaves)


def test_same_bytes_again_and_each_fold_blind_to_what_it_left_out():
    parts = sites([120, 60])
    first, again = grown(parts), grown(parts)
    np.testing.assert_array_equal(first.state["nodes"], again.state["nodes"])
    for part in parts:
        out = part.folds[0] == 0
        part.event[out] = 1 - part.event[out]
    spoiled = grown(parts)
    longest = min(first.state["nodes"].shape[3], spoiled.state["nodes"].shape[3])
    np.testing.assert_array_equal(first.state["nodes"][1, 0, :, :longest], spoiled.state["nodes"][1, 0, :, :longest])
    assert not np.array_equal(first.state["nodes"][0, 0, :, :longest], spoiled.state["nodes"][0, 0, :, :longest])


def test_ranks_like_scikit_survival():
    (data,), (fresh,) = sites([800], seed=5), sites([3000], seed=6)
    settings = SETTINGS | {"trees": 50, "thresholds": list(np.arange(-2, 2.1, 0.25))}
    fitted = grown([data], settings)
    state = {name: value[0, 0] for name, value in fitted.state.items()}
    z, outcome = fitted.preprocessing.apply(fresh.x, 0), (fresh.event == 1, fresh.time)
    ours = concordance_index_censored(*outcome, 1 - forest.survival(state, z, GRID, settings)[:, -1])[0]
    peer = RandomSurvivalForest(50, min_samples_leaf=15, max_features="sqrt", max_samples=0.632, random_state=1)
    peer.fit(fitted.preprocessing.apply(data.x, 0), Surv.from_arrays(data.event == 1, data.time))
    theirs = concordance_index_censored(*outcome, peer.predict(z))[0]
    assert abs(ours - theirs) < 0.01 and ours > 0.62
