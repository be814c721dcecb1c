"""Explanations of networks and forests: what contributions add up to, and that only what a model uses counts."""

import numpy as np
import pandas as pd
import pytest

from hemapilots.config.models import DeepSurv, DiscreteHazard, Forest
from hemapilots.explain.foretell import Own, Portable
from hemapilots.explain.importance import importances
from hemapilots.explain.portable import portable_card
from hemapilots.explain.site import explain_site
from hemapilots.explain.subject import final_arrays, subject_of
from hemapilots.explain.survshap import shapley
from hemapilots.federation.training import train_federated
from hemapilots.models.files import read_model
from hemapilots.site_tables import read_site

NAMES = ["signal", "noise", "constant"]
NETWORK = {"hidden": (8,), "learning_rate": 0.05, "rounds": 10, "patience": 3}
MODELS = {
    "deepsurv": (DeepSurv(kind="deepsurv", predictors="all", **NETWORK), "fedavg"),
    "discrete_hazard": (DiscreteHazard(kind="discrete_hazard", predictors="all", **NETWORK), "fedavg"),
    "forest": (Forest(kind="forest", predictors="all", trees=20), "forest_sampling"),
}
STRATEGIES = {"fedavg": {"name": "fedavg", "rounds": 10, "local_steps": 5, "learning_rate": 0.1}}
STRATEGIES |= {"forest_sampling": {"name": "forest_sampling"}}
GRID = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
TIMES = np.array([1.0, 2.0, 3.0])


def draw(folder, seed, n):
    """Only `signal` drives the hazard; `constant` is the same for everybody."""
    rng = np.random.default_rng(seed)
    signal, noise = rng.normal(size=n), rng.normal(size=n)
    death, censoring = rng.exponential(3 * np.exp(-1.2 * signal)), rng.uniform(0.5, 6, n)
    outcome = {"os_time": np.minimum(death, censoring), "os_event": (death <= censoring).astype(float)}
    rows = np.arange(n)
    folder.mkdir()
    pd.DataFrame({"row": rows, "os_entry": 0.0, **outcome}).to_parquet(folder / "harmonized.parquet")
    design = {"row": rows, "signal": signal, "noise": noise, "constant": 1.0}
    pd.DataFrame(design).to_parquet(folder / "design.parquet")
    pd.DataFrame({"replicate": 0, "fold": rng.permutation(n) % 3, "row": rows}).to_parquet(folder / "folds.parquet")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for site, seed, n in (("x", 1, 240), ("y", 2, 180)):
        draw(folder / site, seed, n)
    return folder


def train(root, kind):
    """(card and arrays of a federated model, spec of an explanation at a site)."""
    settings, strategy = MODELS[kind]
    spec = {
        "models": {"m": {"kind": kind, "comparator": False, "strategies": [strategy], "settings": settings.settings()}},
        "strategies": {strategy: STRATEGIES[strategy]},
        "endpoints": ["os"],
        "replicates": 1,
        "folds": 3,
        "penalties": [1.0],
        "ties": "efron",
        "grid": GRID,
        "gate": "off",
    }
    columns = [{"column": name, "flag": False} for name in NAMES]
    agreed = {"sites": {"os": ["x", "y"]}, "columns": {"os": {"m": columns}}}
    train_federated({site: root / site for site in ("x", "y")}, "m", agreed, spec, root / kind)
    return read_model(root / kind, "os", "m", f"federated/{strategy}"), spec_of(strategy)


@pytest.fixture(scope="module", params=MODELS)
def trained(root, request):
    return request.param, *train(root, request.param)


def spec_of(strategy):
    return {
        "model": "m",
        "regime": f"federated/{strategy}",
        "metric": "harrell_c",
        "tau": 3.0,
        "horizons": {"os": [2.0]},
        "entry": [],
        "competing": [],
        "grid": GRID,
        "times": {"os": [1.0, 2.0]},
        "variables": {name: name for name in NAMES},
        "repeats": 20,
        "samples": 100,
        "patients": 40,
        "background": 10,
        "seed": 17,
        "level": 0.95,
        "minimum_cell": 5,
        "gate": "report",
    }


@pytest.fixture
def subject(root, trained):
    _, (arrays, card), spec = trained
    return subject_of(read_site(root / "x"), "os", arrays, card, spec)


def explained(subject):
    """Patients whose values, those of the constant column too, are drawn anew, and a reference of the site's own."""
    rng = np.random.default_rng(8)
    return rng.normal(size=(12, 3)) * [1, 1, 5], subject.x[rng.permutation(len(subject.x))[:10]]


def test_contributions_add_up_to_the_distance_from_the_mean_at_each_time(subject):
    x, reference = explained(subject)

    def survival(rows, whose):
        return subject.survival(rows, whose, TIMES)

    found = shapley(survival, x, reference, [[0], [1], [2]], np.random.default_rng(2))
    whole = survival(x, np.arange(12)) - survival(reference, np.zeros(10, int)).mean(axis=0)
    np.testing.assert_allclose(found.sum(axis=1), whole, atol=1e-12)
    assert np.abs(whole).max() > 0.1
    # The models were trained on a column that never varied: whatever it is now, they make nothing of it.
    assert np.abs(found[:, 2]).max() < 1e-15
    assert np.abs(found[:, 0]).mean() > 2 * np.abs(found[:, 1]).mean()


def test_what_drives_the_hazard_loses_concordance(subject, trained):
    row = importances(subject, {"signal": [0], "constant": [2]}, trained[2], [17])
    assert row[0]["lower"] > 0.1
    assert [row[1][name] for name in ("estimate", "lower", "upper")] == [0.0] * 3


def test_the_interval_of_noise_covers_zero_as_often_as_it_says(tmp_path, trained):
    """Twelve worlds: a coverage of 95 % leaves out more than four with a probability below one in a thousand."""
    covered, losses = 0, []
    for number in range(12):
        root = tmp_path / str(number)
        root.mkdir()
        for site, place in (("x", 0), ("y", 1)):
            draw(root / site, 100 + 2 * number + place, 200)
        model, spec = train(root, trained[0])
        (row,) = importances(subject_of(read_site(root / "x"), "os", *model, spec), {"noise": [1]}, spec, [17])
        covered += row["lower"] <= 0 <= row["upper"]
        losses.append(row["estimate"])
    assert covered >= 8
    assert abs(np.mean(losses)) < 3 * np.std(losses, ddof=1) / np.sqrt(12)


def test_a_site_tells_both_tables(root, trained):
    kind, _, spec = trained
    importance, survshap = explain_site("x", read_site(root / "x"), root / kind, spec)
    assert importance.set_index("variable")["estimate"].idxmax() == "signal"
    np.testing.assert_allclose(survshap.groupby("time")["share"].sum(), 1.0)
    one = survshap.set_index(["variable", "time"])
    assert (one.loc["signal", "share"] > 0.6).all() and (one.loc["constant", "share"] < 1e-12).all()
    # Who has more of it lives shorter.
    assert (one.loc["signal", "direction"] < -0.8).all()


def test_contributions_of_a_new_patient_add_up_to_the_distance_from_the_median_patient(root, trained):
    _, (arrays, card), _ = trained
    one = {"label": "", "type": "number", "unit": "1", "hard": None, "soft": None, "levels": []}
    spec = {
        **dict.fromkeys(("pilot", "title", "use_case", "index_date"), "toy"),
        "labels": {"os": "Overall survival"},
        "horizons": {"os": [2.0]},
        "entries": {"os": None},
        "competing": {},
        "abstention": {"required": [], "margin": 0.1},
        "decisions": [],
        "subgroups": [],
        "columns": [{"column": name, "variable": name, "type": "number"} for name in NAMES],
        "inputs": dict.fromkeys(NAMES, one),
    }
    tables = read_site(root / "x")
    outcome = tables["harmonized"][["os_entry", "os_time", "os_event"]].to_numpy(float)
    model = Portable(
        final_arrays(arrays), portable_card(card, spec), Own(tables["design"][NAMES].to_numpy(float), outcome)
    )
    x = np.random.default_rng(3).normal(size=(6, 3))
    parts = model.contributions(x)
    ends = [model.risk(rows, np.zeros(len(rows)))[:, 0] for rows in (x, model.arrays["fill"][0])]
    np.testing.assert_allclose(sum(parts.values()), ends[0] - ends[1], atol=1e-12)
    assert np.abs(parts["constant"]).max() < 1e-15
