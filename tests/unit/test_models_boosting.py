"""Boosting: the trees of a slow implementation on pooled rows stratified by site, and the concordance of scikit-survival's."""

import numpy as np
import pytest
from sksurv.ensemble import GradientBoostingSurvivalAnalysis
from sksurv.metrics import concordance_index_censored
from sksurv.util import Surv

from federation_sample import GRID, grid_for, plan_for, pooled, sites
from hemapilots.federation.agreement import agree_on
from hemapilots.federation.choosing import cross_validated
from hemapilots.federation.server import train
from hemapilots.models import boosting
from hemapilots.models import partial_likelihood as pl

SETTINGS = {
    "trees": 6,
    "depth": 2,
    "learning_rate": 0.3,
    "l2": 1.0,
    "leaf_patients": 15,
    "thresholds": [-1.0, -0.5, 0.0, 0.5, 1.0],
}
OPTIONS = {"name": "histogram_boosting"}


def boosted(parts, settings=SETTINGS, folds=2, ties="efron"):
    settings = settings | {"rounds": settings["trees"] * settings["depth"]}
    plan = plan_for("boosting", settings, folds=folds, ties=ties)
    return train(grid_for("boosting", parts), plan, OPTIONS | {"rounds": settings["rounds"]})


def tree_of(fitted, s=0):
    return {name: fitted.state[name][s, 0] for name in ("nodes", "leaves")}


def expected_events(time, entry, event, stratum, scores, ties):
    """By definition, in n^2."""
    out, hazard = np.zeros(len(time)), np.exp(scores)
    for k in np.unique(stratum):
        for t in np.unique(time[(event == 1) & (stratum == k)]):
            risk, dead = (stratum == k) & (time >= t) & (entry < t), (stratum == k) & (time == t) & (event == 1)
            for number in range(dead.sum()):
                share = number / dead.sum() if ties == "efron" else 0.0
                weight = hazard * risk - share * hazard * dead
                out += weight / weight.sum()
    return out


def slow_boosting(x, time, entry, event, stratum, ties):
    """Scores after each tree; every split tried by itself."""

    def gain(rows):
        return gradient[rows].sum() ** 2 / (expected[rows].sum() + SETTINGS["l2"])

    def grow(rows, depth):
        best, found = 1e-9, None
        for j in range(x.shape[1]):
            for cut in SETTINGS["thresholds"]:
                left, right = rows & (x[:, j] <= cut), rows & (x[:, j] > cut)
                if min(left.sum(), right.sum()) < 15 or min(event[left].sum(), event[right].sum()) < 5:
                    continue
                better = gain(left) + gain(right) - gain(rows)
                if better > best + 1e-12:
                    best, found = better, (left, right)
        if depth == 0 or found is None:
            value[rows] = gradient[rows].sum() / (expected[rows].sum() + SETTINGS["l2"])
        else:
            grow(found[0], depth - 1)
            grow(found[1], depth - 1)

    scores = np.zeros(len(time))
    for _ in range(SETTINGS["trees"]):
        expected = expected_events(time, entry, event, stratum, scores, ties)
        gradient, value = event - expected, np.zeros(len(time))
        grow(np.ones(len(time), bool), SETTINGS["depth"])
        scores = scores + SETTINGS["learning_rate"] * value
    return scores


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("late_entry", [False, True])
def test_federated_is_pooled_boosting_stratified_by_site(ties, late_entry):
    parts = sites([90, 70, 80], late_entry=late_entry)
    found, whole = (
        boosted(parts, ties=ties),
        [np.concatenate([getattr(p, n) for p in parts]) for n in ("time", "entry")],
    )
    x, event = (np.concatenate([getattr(part, name) for part in parts]) for name in ("x", "event"))
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    stratum = np.repeat(np.arange(3), [90, 70, 80])
    expected = slow_boosting(z, *whole, event, stratum, ties)
    scores = boosting.risk(tree_of(found), z, {})
    np.testing.assert_allclose(scores, expected, atol=1e-8)
    assert np.ptp(scores) > 0.3


def test_order_of_sites_does_not_matter_and_one_site_is_alone():
    parts = sites([90, 70, 80])
    first, again = boosted(parts), boosted(parts[::-1])
    np.testing.assert_allclose(first.state["leaves"], again.state["leaves"], atol=1e-10)
    np.testing.assert_array_equal(first.state["nodes"], again.state["nodes"])


def test_concordance_is_near_that_of_scikit_survival():
    """Trained on half of an invented cohort with a bend and an interaction, judged on the other half."""
    rng = np.random.default_rng(8)
    (data,) = sites([1600], seed=8, step=0.001)
    data.x[:, 0], data.x[:, 2] = rng.normal(0, 1, 1600), rng.normal(0, 1, 1600)
    hazard = np.exp(np.abs(data.x[:, 0]) + 0.8 * data.x[:, 1] * (data.x[:, 2] > 0))
    death, censoring = rng.exponential(1 / hazard), rng.exponential(1.0, 1600)
    order = np.argsort(np.minimum(death, censoring))
    data.x = data.x[order]
    data.time, data.event = np.minimum(death, censoring)[order], (death <= censoring)[order].astype(float)
    data.folds = np.arange(1600)[None] % 2
    settings = SETTINGS | {"trees": 60, "learning_rate": 0.2, "thresholds": list(np.linspace(-2, 2, 17))}
    fitted, test = boosted([data], settings), data.folds[0] == 0
    s = 1
    z = fitted.preprocessing.apply(data.x, s)
    ours = concordance_index_censored(
        data.event[test] == 1, data.time[test], boosting.risk(tree_of(fitted, s), z[test], {})
    )[0]
    theirs = GradientBoostingSurvivalAnalysis(
        n_estimators=60, learning_rate=0.2, max_depth=2, min_samples_leaf=15, random_state=1
    )
    theirs.fit(z[~test], Surv.from_arrays(data.event[~test] == 1, data.time[~test]))
    reference = concordance_index_censored(data.event[test] == 1, data.time[test], theirs.predict(z[test]))[0]
    assert reference > 0.6
    assert ours == pytest.approx(reference, abs=0.015)


def test_cross_validated_likelihood_by_hand():
    """Of the final model: each half's trees judged on all rows less those they learned from, at both sites."""
    parts = sites([90, 80])
    fitted = boosted(parts, SETTINGS | {"patience": 99})
    grid, plan = grid_for("boosting", parts), fitted.plan
    agree_on(grid, plan, fitted.preprocessing, {})
    state = {name: value[:, 0] for name, value in fitted.state.items()}
    # Asked twice, first at an earlier tree: what a site keeps between rounds must not show.
    earlier = state | {"grown": np.full(len(plan.sets), 2.0)}
    cross_validated(grid, plan, earlier)
    found, expected = cross_validated(grid, plan, state)[0, 0], 0.0
    for s in np.flatnonzero((plan.sets[:, 1] >= 0) & (plan.sets[:, 2] < 0)):
        for part in parts:
            for rows, sign in ((np.arange(part.time.size), 1), (part.members(plan.sets[s]), -1)):
                scores = boosting.risk(tree_of(fitted, s), fitted.preprocessing.apply(part.x[rows], s), {})
                sets = part.risk_sets(rows)
                expected += sign * pl.loglik(scores[:, None], np.ones((1, 1)), sets, "efron")[0]
    assert found == pytest.approx(expected, abs=1e-8)


def test_early_stopping_keeps_the_trees_of_the_best_round():
    parts = sites([150, 130], folds=3)
    fitted = boosted(parts, SETTINGS | {"trees": 30, "learning_rate": 0.9, "patience": 8}, folds=3)
    judged = fitted.plan.sets[:, 2] < 0
    grown, kept = fitted.state["grown"][judged, 0], fitted.rounds_kept[judged]
    np.testing.assert_array_equal(grown, kept // 2)
    assert fitted.rounds < 60
    for s, count in zip(np.flatnonzero(judged), grown.astype(int), strict=True):
        assert (fitted.state["leaves"][s, 0, count:] == 0).all()


def test_no_leaf_rests_on_few_patients_or_events():
    parts = sites([40, 35])
    fitted, x = boosted(parts), np.concatenate([part.x for part in parts])
    event = np.concatenate([part.event for part in parts])
    z = fitted.preprocessing.apply(x, 0)
    for nodes, leaves in zip(fitted.state["nodes"][0, 0], fitted.state["leaves"][0, 0], strict=True):
        values = boosting.risk({"nodes": nodes[None], "leaves": leaves[None]}, z, {})
        for value in np.unique(values):
            assert (values == value).sum() >= 15
            assert event[values == value].sum() >= 5


def test_a_site_without_a_whole_column_takes_part():
    parts = sites([90, 80], missing=0.05)
    parts[1].x[:, 0] = np.nan
    fitted = boosted(parts)
    assert np.isfinite(fitted.state["leaves"]).all()
    assert (fitted.state["leaves"] != 0).any()


def test_baseline_of_one_client_gives_survival_near_kaplan_meier():
    parts = [pooled(sites([200, 150]))]
    settings = SETTINGS | {"rounds": 12}
    plan = plan_for("boosting", settings)
    fitted = train(grid_for("boosting", parts), plan, OPTIONS | {"rounds": 12}, release_baseline=True)
    (data,) = parts
    risk = boosting.risk(tree_of(fitted), fitted.preprocessing.apply(data.x, 0), {})
    survival = np.exp(-fitted.baseline[0][:3] * np.exp(risk)[:, None]).mean(axis=0)
    for at, time in enumerate(GRID[:3]):
        alive = kaplan_meier(data, time)
        assert survival[at] == pytest.approx(alive, abs=0.03)


def kaplan_meier(data, until):
    times = np.unique(data.time[(data.event == 1) & (data.time <= until)])
    return np.prod([1 - ((data.time == t) & (data.event == 1)).sum() / (data.time >= t).sum() for t in times])
