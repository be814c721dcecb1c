"""Explanations at a site: permutation importance against scikit-survival and scikit-learn, and what may leave."""

import numpy as np
import pandas as pd
import pytest
from sklearn.inspection import permutation_importance
from sksurv.linear_model import CoxPHSurvivalAnalysis
from sksurv.metrics import concordance_index_censored, concordance_index_ipcw
from sksurv.util import Surv

from hemapilots.explain.combine import combine_importance, combine_survshap
from hemapilots.explain.importance import importances
from hemapilots.explain.site import explain_site
from hemapilots.explain.subject import final_arrays, subject_of
from hemapilots.federation.training import train_federated
from hemapilots.models.files import read_model
from hemapilots.site_tables import read_site

COLUMNS = [
    {"column": name, "flag": flag} for name, flag in (("a", False), ("a_missing", True), ("b", True), ("c", False))
]
TRAIN = {
    "models": {"m": {"kind": "cox", "comparator": False, "strategies": ["newton"], "settings": {}}},
    "strategies": {"newton": {"name": "newton", "baseline": "site", "rounds": 40, "tolerance": 1e-10}},
    "endpoints": ["os"],
    "replicates": 1,
    "folds": 3,
    "penalties": [1.0],
    "ties": "efron",
    "grid": [1.0, 2.0, 3.0],
    "gate": "off",
}
SPEC = {
    "model": "m",
    "regime": "federated/newton",
    "metric": "harrell_c",
    "tau": 3.0,
    "horizons": {"os": [2.0]},
    "entry": [],
    "competing": [],
    "grid": [1.0, 2.0, 3.0],
    "times": {"os": [1.0, 2.0]},
    "variables": {"a": "a", "a_missing": "a", "b": "b", "c": "c"},
    "repeats": 40,
    "samples": 100,
    "patients": 80,
    "background": 20,
    "seed": 17,
    "level": 0.95,
    "minimum_cell": 5,
    "gate": "report",
}


def draw(folder, seed, n, carriers):
    """Patients of a site: a drives the hazard and is missing for some, b a little, c not at all."""
    rng = np.random.default_rng(seed)
    a, b, c = rng.normal(size=n), np.zeros(n), rng.normal(size=n)
    b[rng.permutation(n)[:carriers]] = 1
    death, censoring = rng.exponential(3 * np.exp(-a - 0.4 * b)), rng.uniform(0.5, 6, n)
    missing = rng.random(n) < 0.1
    outcome = {"os_time": np.minimum(death, censoring), "os_event": (death <= censoring).astype(float)}
    rows = np.arange(n)
    folder.mkdir()
    pd.DataFrame({"row": rows, "os_entry": 0.0, **outcome}).to_parquet(folder / "harmonized.parquet")
    design = {"row": rows, "a": np.where(missing, np.nan, a), "a_missing": missing.astype(float), "b": b, "c": c}
    pd.DataFrame(design).to_parquet(folder / "design.parquet")
    pd.DataFrame({"replicate": 0, "fold": rng.permutation(n) % 3, "row": rows}).to_parquet(folder / "folds.parquet")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("explain")
    for site, seed, n, carriers in (("x", 1, 240, 100), ("y", 2, 150, 3)):
        draw(root / site, seed, n, carriers)
    folders = {site: root / site for site in ("x", "y")}
    agreed = {"sites": {"os": ["x", "y"]}, "columns": {"os": {"m": COLUMNS}}}
    train_federated(folders, "m", agreed, TRAIN, root / "models")
    return root, {site: read_site(folder) for site, folder in folders.items()}


def subject(world, site="x"):
    root, tables = world
    return subject_of(tables[site], "os", *read_model(root / "models", "os", "m", "federated/newton"), SPEC)


@pytest.mark.parametrize("metric", ["harrell_c", "uno_c"])
def test_loss_equals_that_of_scikit_survival(world, metric):
    """The same deals, judged by scikit-survival's concordance, fold by fold and weighed by its comparable pairs."""
    one = subject(world)
    spec = SPEC | {"metric": metric, "repeats": 2, "tau": 100.0}
    found = importances(one, {"a": [0, 1]}, spec, [17])[0]
    time, event = one.outcome[:, 1], one.outcome[:, 2] == 1
    everyone, numerator, denominator = Surv.from_arrays(event, time), 0.0, 0.0
    for k in range(3):
        tested, learned = np.flatnonzero(one.folds[:, 0] == k), np.flatnonzero(one.folds[:, 0] != k)
        rng, before = np.random.default_rng([17, 0, k]), one.risk(one.x[tested], tested, learned, (0, k))
        fold = Surv.from_arrays(event[tested], time[tested])

        def concordance(risk, fold=fold, tested=tested):
            if metric == "harrell_c":
                c, concordant, discordant, *_ = concordance_index_censored(event[tested], time[tested], risk)
                return c, concordant + discordant
            return concordance_index_ipcw(everyone, fold, risk)[0], None

        losses = []
        for _ in range(2):
            changed = one.x[tested].copy()
            changed[:, [0, 1]] = one.x[tested][rng.permutation(len(tested))][:, [0, 1]]
            risk = one.risk(changed, tested, learned, (0, k))
            losses.append(concordance(before)[0] - concordance(risk)[0])
        weight = concordance(before)[1] or _pairs(time, event, tested)
        numerator, denominator = numerator + weight * np.mean(losses), denominator + weight
    assert found["estimate"] == pytest.approx(numerator / denominator, abs=1e-10)
    assert found["weight"] == pytest.approx(denominator)


def _pairs(time, event, tested):
    """Uno's comparable pairs of a fold: 1 / G^2 of each case, times whoever outlives it."""
    order = np.argsort(time)
    at_risk = np.arange(len(time), 0, -1)
    left = np.cumprod(np.where(event[order], 1.0, 1 - 1 / at_risk))
    before = np.empty(len(time))
    before[order] = np.r_[1.0, left[:-1]]
    return sum(np.sum(time[tested] > time[i]) / before[i] ** 2 for i in tested if event[i])


def test_agrees_with_permutation_importance_of_scikit_learn(world):
    """The final model on the patients it was fitted on, without folds: an estimator of theirs with our coefficients."""
    one = subject(world)
    arrays = final_arrays(one.model.arrays)
    x = np.nan_to_num(one.x, nan=arrays["fill"][0, 0][0])
    outcome = Surv.from_arrays(one.outcome[:, 2] == 1, one.outcome[:, 1])
    theirs = CoxPHSurvivalAnalysis(alpha=1e-3).fit(x, outcome)
    theirs.coef_ = arrays["coefficients"][0, 0, 0] / arrays["scale"][0, 0]
    whole = type(one)(
        **{name: getattr(one, name) for name in ("x", "outcome", "rows", "judged", "competes", "ranks", "final")},
        model=one.final,
        folds=np.zeros((len(one.x), 1), int),
    )
    found = importances(whole, {"a": [0], "b": [2], "c": [3]}, SPEC, [3])
    wanted = permutation_importance(theirs, x, outcome, n_repeats=40, random_state=1).importances_mean
    # Both deal at random, forty times: a standard error of a mean is below 0.003.
    for row, place in zip(found, (0, 2, 3), strict=True):
        assert row["estimate"] == pytest.approx(wanted[place], abs=0.01)


def test_what_matters_loses_and_what_does_not_has_an_interval_around_zero(world):
    rows = {row["variable"]: row for row in importances(subject(world), {"a": [0, 1], "c": [3]}, SPEC, [17])}
    assert rows["a"]["lower"] > 0.1
    assert rows["c"]["lower"] < 0 < rows["c"]["upper"]


def test_a_variable_without_coefficient_loses_nothing(world):
    one = subject(world)
    one.model.arrays["coefficients"][..., 3] = 0.0
    row = importances(one, {"c": [3]}, SPEC, [17])[0]
    assert (row["estimate"], row["lower"], row["upper"]) == (0.0, 0.0, 0.0)


def test_in_a_split_in_time_only_the_judged_count(world, tmp_path):
    """Fold 0 holds the later patients and those of unknown year: whatever came of anybody but the later changes nothing."""
    root, tables = world
    for name in ("harmonized", "design"):
        tables["x"][name].to_parquet(tmp_path / f"{name}.parquet")
    folds = pd.read_parquet(root / "x" / "folds.parquet")
    later = (folds["fold"] == 0) & (folds["row"] % 5 != 0)
    folds.assign(judged=later).to_parquet(tmp_path / "folds.parquet")
    split = read_site(tmp_path)
    importance, _ = explain_site("x", split, root / "models", SPEC | {"repeats": 2})
    assert (importance["n"] == later.sum()).all() and set(importance["variable"]) == {"a", "b", "c"}
    outcome = split["harmonized"]
    moved = outcome["os_event"].mask(outcome["row"].isin(folds.loc[~later, "row"]), 1 - outcome["os_event"])
    again, _ = explain_site(
        "x", split | {"harmonized": outcome.assign(os_event=moved)}, root / "models", SPEC | {"repeats": 2}
    )
    pd.testing.assert_frame_equal(importance, again)
    few = folds["row"].isin(folds.loc[later, "row"].head(4))
    split["judged"]["judged"] = few.to_numpy()
    assert explain_site("x", split, root / "models", SPEC | {"repeats": 2})[0].empty


def test_a_site_tells_what_enough_patients_stand_behind(world):
    root, tables = world
    importance, survshap = explain_site("y", tables["y"], root / "models", SPEC | {"repeats": 2})
    # Three carriers of b at this site.
    assert set(importance["variable"]) == set(survshap["variable"]) == {"a", "c"}
    assert (survshap["n"] == 80).all()
    importance, survshap = explain_site("x", tables["x"], root / "models", SPEC | {"repeats": 2})
    assert set(importance["variable"]) == {"a", "b", "c"}
    np.testing.assert_allclose(survshap.groupby("time")["share"].sum(), 1.0)
    assert (survshap.query("variable == 'a'")["direction"] < -0.9).all()


def test_a_site_with_few_events_tells_nothing(world):
    root, tables = world
    few = tables["y"]["harmonized"].assign(os_event=(np.arange(150) < 4).astype(float))
    assert all(table.empty for table in explain_site("y", tables["y"] | {"harmonized": few}, root / "models", SPEC))


def test_an_enforced_gate_keeps_what_would_tell_the_baseline(world):
    root, tables = world
    spec = SPEC | {"repeats": 2, "gate": "enforce"}
    survshap = explain_site("x", tables["x"], root / "models", spec)[1]
    assert survshap["size"].isna().all() and survshap["se"].isna().all()
    assert survshap["share"].notna().all()


def test_the_same_seed_gives_the_same_tables(world):
    root, tables = world
    runs = [explain_site("x", tables["x"], root / "models", SPEC | {"repeats": 2}) for _ in range(2)]
    for first, second in zip(*runs, strict=True):
        pd.testing.assert_frame_equal(first, second)


def test_the_final_model_of_a_site_is_that_of_its_file(world):
    one = subject(world)
    z = (np.nan_to_num(one.x, nan=one.model.arrays["final_fill"][0]) - one.model.arrays["final_location"]) / (
        one.model.arrays["final_scale"]
    )
    hazard = np.exp(z @ one.model.arrays["final_coefficients"][0])
    free = one.survival(one.x, np.arange(len(one.x)), np.array([1.0, 2.0]))
    ratio = np.log(free[:, 1]) / hazard
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-10)


def test_sites_are_combined_by_their_pairs_and_patients():
    head = {"endpoint": "os", "variable": "a"}
    losses = pd.DataFrame(
        [
            head | {"site": "x", "estimate": 0.1, "se": 0.02, "weight": 300.0, "n": 60.0},
            head | {"site": "y", "estimate": 0.2, "se": 0.04, "weight": 100.0, "n": 40.0},
        ]
    )
    row = combine_importance(losses, 0.95).iloc[0]
    assert row["estimate"] == pytest.approx(0.125)
    assert row["upper"] - row["estimate"] == pytest.approx(1.959964 * np.hypot(0.75 * 0.02, 0.25 * 0.04), rel=1e-6)
    assert (row["n"], row["sites"]) == (100, 2)
    moved = pd.DataFrame(
        [
            head | {"site": "x", "time": 1.0, "size": 0.1, "se": 0.01, "share": 0.5, "direction": np.nan, "n": 30.0},
            head | {"site": "y", "time": 1.0, "size": np.nan, "se": np.nan, "share": 0.2, "direction": 0.9, "n": 10.0},
        ]
    )
    row = combine_survshap(moved, 0.95).iloc[0]
    assert (row["size"], row["share"], row["direction"]) == pytest.approx((0.1, 0.425, 0.9))
    assert row["lower"] == pytest.approx(0.1 - 1.959964 * 0.01, rel=1e-6)
