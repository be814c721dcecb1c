"""Bootstrap with refitting: without resampling it gives back the model and its metric."""

import numpy as np
import pandas as pd
import pytest

from hemapilots.evaluation import evaluate_pooled
from hemapilots.evaluation.instability import instability_rows
from hemapilots.evaluation.refits import refit_interval, refit_values
from hemapilots.evaluation.scope import Scopes
from hemapilots.federation import refitting
from hemapilots.federation.training import plan_of, train_federated
from hemapilots.models.files import read_model
from hemapilots.predict import apply_model
from hemapilots.site_tables import read_site
from site_files import write_site

COLUMNS = [{"column": "a", "flag": False}, {"column": "b", "flag": True}]
TRAIN = {
    "models": {"m": {"kind": "cox", "comparator": False, "strategies": ["newton"], "settings": {}}},
    "strategies": {"newton": {"name": "newton", "baseline": "site", "rounds": 40, "tolerance": 1e-10}},
    "endpoints": ["os"],
    "replicates": 2,
    "folds": 3,
    "penalties": [1.0, 10.0],
    "ties": "efron",
    "grid": [1.0, 2.0],
    "gate": "off",
    "horizons": {"os": [1.0]},
    "entry": [],
    "competing": [],
    "recalibrated": {},
}
AGREED = {"sites": {"os": ["x", "y"]}, "columns": {"os": {"m": COLUMNS}}}
PRIMARY = {"endpoint": "os", "model": "m", "regime": "federated/newton", "metric": "uno_c", "refits": 2, "seed": 5}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("refits")
    rng = np.random.default_rng(1)
    for site, n in (("x", 150), ("y", 90)):
        write_site(root / site, rng, n)
    folders = {site: root / site for site in ("x", "y")}
    train_federated(folders, "m", AGREED, TRAIN, root / "models")
    return root, folders


def run(world, primary=PRIMARY):
    root, folders = world
    return refitting.refit(folders, root / "models", AGREED, TRAIN, primary)


def original(world):
    root, folders = world
    arrays, card = read_model(root / "models", "os", "m", "federated/newton")
    return {site: apply_model(read_site(folder), "os", arrays, card, TRAIN) for site, folder in folders.items()}


def evaluation(world):
    root, folders = world
    predictions = original(world)
    sites = {}
    for site, folder in folders.items():
        outcomes, folds = pd.read_parquet(folder / "harmonized.parquet"), pd.read_parquet(folder / "folds.parquet")
        sites[site] = (outcomes, folds, {("os", "m", "federated/newton"): predictions[site]})
    return sites


SPEC = {
    "scenario": "base",
    "endpoints": ["os"],
    "primary_endpoint": "os",
    "horizons": {"os": [1.0]},
    "decisions": [],
    "subgroups": [],
    "categories": {},
    "competing": {},
    "entry": [],
    "tau": 2.0,
    "grid": [1.0, 2.0],
    "bootstrap": {"samples": 50, "seed": 1, "level": 0.95},
    "minimum_cell": 0,
    "comparisons": [],
    "criteria": [],
    "primary": PRIMARY,
}


def test_without_resampling_the_model_is_refitted_exactly(world, monkeypatch):
    monkeypatch.setattr(refitting, "_resample", lambda folds, seed: pd.Series(1, index=folds.index))
    expected = original(world)
    for refit in run(world):
        for site, frame in refit.items():
            both = frame.merge(expected[site], on=["replicate", "fold", "row"], suffixes=("", "_expected"))
            assert len(both) == len(frame)
            np.testing.assert_allclose(both["risk"], both["risk_expected"], atol=1e-9)


def test_a_refit_ends_at_the_same_place_wherever_it_starts(world, monkeypatch):
    warm, planned = run(world), refitting._plan
    assert planned(*_of_original(world), anew=False).start.any()
    monkeypatch.setattr(refitting, "_plan", lambda *parts, anew: planned(*parts, anew=True))
    for one, other in zip(warm, run(world), strict=True):
        for site in ("x", "y"):
            np.testing.assert_allclose(one[site]["risk"], other[site]["risk"], atol=1e-8)


def _of_original(world):
    arrays, _ = read_model(world[0] / "models", "os", "m", "federated/newton")
    return plan_of(TRAIN, "os", "m", COLUMNS), arrays, ""


def test_a_site_that_drops_out_late_is_lost_to_a_refit_as_to_the_original(tmp_path, monkeypatch):
    """The refit does not end before the round in which the site goes, though it could start where the original ended."""
    monkeypatch.setattr(refitting, "_resample", lambda folds, seed: pd.Series(1, index=folds.index))
    rng, folders = np.random.default_rng(1), {site: tmp_path / site for site in ("x", "y", "z")}
    for folder, n in zip(folders.values(), (150, 90, 120), strict=True):
        write_site(folder, rng, n)
    agreed = AGREED | {"sites": {"os": list(folders)}}
    risks = []
    for faults in ({}, {"y": {"kind": "drop", "round": 5}}):
        spec = TRAIN | {"faults": faults}
        train_federated(folders, "m", agreed, spec, tmp_path / "models")
        made = read_model(tmp_path / "models", "os", "m", "federated/newton")
        risks.append(apply_model(read_site(folders["x"]), "os", *made, spec)["risk"])
        (refit,) = refitting.refit(folders, tmp_path / "models", agreed, spec, PRIMARY | {"refits": 1})
        np.testing.assert_allclose(refit["x"]["risk"], risks[-1], atol=1e-9)
    assert np.abs(risks[0] - risks[1]).max() > 0.01


def test_without_resampling_the_metric_is_that_of_the_table(world, monkeypatch):
    monkeypatch.setattr(refitting, "_resample", lambda folds, seed: pd.Series(1, index=folds.index))
    metrics, _ = evaluate_pooled(Scopes(evaluation(world), SPEC))
    estimate = metrics.query("metric == 'uno_c'")["estimate"].item()
    np.testing.assert_allclose(refit_values(evaluation(world), run(world), SPEC), estimate, atol=1e-9)


def test_resamples_keep_fold_sizes_and_differ(world):
    first, second = run(world)
    for site in ("x", "y"):
        replicate = first[site].query("replicate == 0")
        sizes = replicate.groupby("fold")["count"].agg(["sum", "size"])
        assert (sizes["sum"] == sizes["size"]).all()
        assert (first[site]["count"] != second[site]["count"]).any()
    again = run(world)[0]
    pd.testing.assert_frame_equal(first["x"], again["x"])


def test_interval_is_normal_and_needs_ten_refits():
    values = np.linspace(0.6, 0.7, 20)
    found = refit_interval(0.66, values, 0.95)
    assert found["refit_upper"] - 0.66 == pytest.approx(1.959964 * values.std(ddof=1), rel=1e-6)
    assert refit_interval(0.66, values[:9], 0.95)["refit_lower"] is None
    assert refit_interval(None, values, 0.95)["refit_lower"] is None


def test_a_network_that_stops_early_is_refitted_for_the_rounds_it_kept(world, tmp_path, monkeypatch):
    """Nothing is chosen anew: the middle of the kept rounds for all, and the network's own steps, not the strategy's."""
    settings = {"hidden": [3], "learning_rate": 0.05, "weight_decay": 0.1, "optimizer": "sgd", "local_steps": 2}
    settings |= {"rounds": 4, "patience": 1, "seed": 5}
    model = {"kind": "deepsurv", "comparator": False, "strategies": ["fedavg"], "settings": settings}
    spec = TRAIN | {
        "models": {"m": model},
        "strategies": {"fedavg": {"name": "fedavg", "rounds": 99, "local_steps": 9}},
    }
    _, folders = world
    train_federated(folders, "m", AGREED, spec, tmp_path)
    _, card = read_model(tmp_path, "os", "m", "federated/fedavg")
    seen = []
    real = refitting.train
    monkeypatch.setattr(
        refitting,
        "train",
        lambda grid, plan, options, **more: seen.append(options) or real(grid, plan, options, **more),
    )
    primary = PRIMARY | {"regime": "federated/fedavg", "refits": 1}
    (refit,) = refitting.refit(folders, tmp_path, AGREED, spec, primary)
    assert seen[0]["rounds"] == int(np.median(card["rounds_kept"])) and seen[0]["local_steps"] == 2
    assert all(frame["risk"].notna().all() for frame in refit.values())


TOLD = {"name": "treat", "endpoint": "os", "horizon": 1.0, "thresholds": [0.3, 0.4], "act": "above"}


def test_predictions_that_do_not_move_are_stable(world, monkeypatch):
    monkeypatch.setattr(refitting, "_resample", lambda folds, seed: pd.Series(1, index=folds.index))
    table = instability_rows(evaluation(world), run(world), SPEC | {"decisions": [TOLD]})
    assert list(table["metric"]) == ["mape"] + ["flip_share"] * 11
    assert table["estimate"].max() < 1e-9 and set(table["n"]) == {240.0}


def test_instability_is_that_of_a_plain_loop(world):
    """Mean over patients of the mean absolute difference, and of the share of refits on the other side of a threshold."""
    refits, predictions = run(world), original(world)
    table = instability_rows(evaluation(world), refits, SPEC | {"decisions": [TOLD]})
    errors, flips = {}, {}
    for refit in refits:
        for site, frame in refit.items():
            first = predictions[site].set_index(["replicate", "row"])["survival_1"]
            for row in frame.itertuples():
                before, after = 1 - first[row.replicate, row.row], 1 - row.survival_1
                errors.setdefault((site, row.row), []).append(abs(after - before))
                flips.setdefault((site, row.row), []).append((after >= 0.35) != (before >= 0.35))
    mape = table[table["metric"] == "mape"].iloc[0]
    flip = table[np.isclose(table["threshold"], 0.35)].iloc[0]
    assert mape["estimate"] == pytest.approx(np.mean([np.mean(one) for one in errors.values()]), abs=1e-12)
    assert flip["estimate"] == pytest.approx(np.mean([np.mean(one) for one in flips.values()]), abs=1e-12)
    assert 0 < mape["lower"] < mape["estimate"] < mape["upper"] and 0 < flip["estimate"] < 0.5
    half = 1.96 * np.std([np.mean(one) for one in errors.values()]) / np.sqrt(len(errors))
    assert mape["upper"] - mape["lower"] == pytest.approx(2 * half, rel=0.4)


def test_without_refits_there_is_nothing_to_tell(world):
    assert instability_rows(evaluation(world), [], SPEC).empty
