"""A model trained on the age scale with late entry, judged on years since enrolment, where its true risk is known."""

import numpy as np
import pandas as pd
import pytest

from hemapilots.evaluation import evaluate_pooled
from hemapilots.evaluation.scope import Scopes
from hemapilots.federation.cards import describe
from hemapilots.federation.client import client_app
from hemapilots.federation.grid import LocalGrid
from hemapilots.federation.plan import Plan
from hemapilots.federation.release import Exit
from hemapilots.federation.server import train
from hemapilots.federation.training import training_data
from hemapilots.predict import apply_model

NEWTON = {"name": "newton", "baseline": "site", "rounds": 40, "tolerance": 1e-9}
COLUMNS = [{"column": "x", "flag": False}]
GRID = [0.5 * k for k in range(1, 21)]
SPEC = {"entry": ["os"], "competing": {}, "grid": GRID, "horizons": {"os": [5.0, 10.0]}}
DECISION = {"name": "d", "endpoint": "os", "horizon": 10.0, "thresholds": [0.1, 0.2], "act": "above"}
EVALUATE = SPEC | {
    "scenario": "base",
    "endpoints": ["os"],
    "primary_endpoint": "os",
    "decisions": [DECISION],
    "subgroups": [],
    "categories": {},
    "tau": 10.0,
    "risk_edges": [k / 50 for k in range(1, 50)],
    "bootstrap": {"samples": 60, "seed": 1, "level": 0.95},
    "minimum_cell": 5,
    "comparisons": [],
    "criteria": [],
    "primary": {"endpoint": "os", "model": "m", "regime": "federated/newton", "metric": "uno_c"},
}
# Hazard at age a: exp(INTERCEPT + SLOPE a + x) a year.
INTERCEPT, SLOPE = -6.5, 0.06


def passed(start, end, x):
    """Cumulative hazard between two ages."""
    return np.exp(INTERCEPT + x) / SLOPE * (np.exp(SLOPE * end) - np.exp(SLOPE * start))


def site(n, seed, first):
    """Patients enrolled at any age to 50; who dies before is not seen. `true_<t>`: risk of death within t years of enrolment."""
    rng = np.random.default_rng(seed)
    x, entry = rng.normal(size=20 * n), rng.uniform(0, 50, 20 * n)
    death = np.log1p(rng.exponential(size=20 * n) * SLOPE / np.exp(INTERCEPT + x)) / SLOPE
    seen = np.flatnonzero(death > entry)[:n]
    x, entry, death = x[seen], entry[seen], death[seen]
    leave = entry + rng.uniform(1, 18, n)
    row = np.arange(first, first + n)
    outcome = {"os_entry": entry, "os_time": np.minimum(death, leave), "os_event": 1.0 * (death <= leave)}
    folds = pd.DataFrame({0: rng.permutation(n) % 5}, index=pd.Index(row, name="row"))
    return {
        "harmonized": pd.DataFrame({"row": row, **outcome}),
        "design": pd.DataFrame({"row": row, "x": x}),
        "folds": folds,
        "true": pd.DataFrame({t: -np.expm1(-passed(entry, entry + t, x)) for t in SPEC["horizons"]["os"]}, index=row),
    }


@pytest.fixture(scope="module")
def sites():
    return {"a": site(900, 1, 0), "b": site(600, 2, 900)}


@pytest.fixture(scope="module")
def predictions(sites):
    apps = {}
    for name, tables in sites.items():
        apps[name] = client_app("cox", training_data(tables, "os", COLUMNS), Exit(name, "test", "off"))
    plan = Plan(["x"], np.array([False]), 1, 5, np.array([1.0]), "efron", np.array(GRID))
    model = describe(train(LocalGrid(apps), plan, NEWTON), "os", "m", "federated/newton")
    return {name: apply_model(tables, "os", *model, SPEC) for name, tables in sites.items()}


def test_predictions_are_the_true_risk_since_enrolment(sites, predictions):
    for name, frame in predictions.items():
        for horizon in SPEC["horizons"]["os"]:
            told = frame.set_index("row")[f"survival_{horizon:g}"].dropna()
            assert len(told) > 0.85 * len(frame)
            apart = (1 - told) - sites[name]["true"].loc[told.index, horizon]
            assert abs(apart.mean()) < 0.03 and apart.abs().mean() < 0.06, (name, horizon)


def test_every_figure_of_the_primary_model_is_defined(sites, predictions):
    judged = {}
    for name, tables in sites.items():
        folds = tables["folds"].reset_index().melt("row", var_name="replicate", value_name="fold")
        judged[name] = (tables["harmonized"], folds, {("os", "m", "federated/newton"): predictions[name]})
    metrics, _ = evaluate_pooled(Scopes(judged, EVALUATE))[:2]
    whole = metrics[(metrics["evaluated_on"] == "all") & (metrics["model"] == "m")].set_index(["metric", "horizon"])
    assert whole[["estimate", "lower", "upper"]].notna().all(axis=None), whole[whole["estimate"].isna()]
    for horizon in SPEC["horizons"]["os"]:
        wanted = ("auc", "brier", "ipa", "oe", "calibration_slope", "calibration_intercept", "ici", "e50", "e90")
        assert all((name, horizon) in whole.index for name in wanted)
        for name, value in (("oe", 1.0), ("calibration_slope", 1.0)):
            row = whole.loc[[(name, horizon)]].iloc[0]
            assert row["lower"] - 0.05 < value < row["upper"] + 0.05
        assert whole.loc[[("ici", horizon)], "estimate"].item() < 0.05
        assert whole.loc[[("auc", horizon)], "estimate"].item() > 0.7
    assert whole.loc[("net_benefit", 10.0), "estimate"].gt(0).all() and len(whole.loc[("net_benefit", 10.0)]) == 11
