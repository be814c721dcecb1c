"""The slope by which a site recalibrates a model: judged on patients whom the fit behind it has not seen."""

import numpy as np
import pandas as pd
import pytest

from hemapilots.federation.cards import describe
from hemapilots.federation.client import client_app
from hemapilots.federation.grid import LocalGrid
from hemapilots.federation.plan import Plan
from hemapilots.federation.release import Exit
from hemapilots.federation.server import train
from hemapilots.models import cox
from hemapilots.models.data import TrainingData
from hemapilots.predict import apply_model

GRID = np.array([0.5, 1.0, 2.0])
N, P, FOLDS = 480, 50, 5
COLUMNS = [f"x{k}" for k in range(P)]


@pytest.fixture(scope="module")
def fitted():
    """A ridge model of fifty columns, ten of them real, and the tables of its patients."""
    rng = np.random.default_rng(3)
    x, beta = rng.normal(size=(N, P)), np.r_[np.full(10, 0.25), np.zeros(P - 10)]
    death, censoring = rng.exponential(2 * np.exp(-x @ beta)), rng.exponential(3, N)
    time, event = np.minimum(death, censoring), (death <= censoring).astype(float)
    fold = rng.permutation(np.arange(N) % FOLDS)
    data = TrainingData(x, np.zeros(N), time, event, fold[None], np.zeros(P, bool))
    plan = Plan(COLUMNS, np.zeros(P, bool), 1, FOLDS, np.array([100.0, 101.0]), "efron", GRID)
    grid = LocalGrid({"a": client_app("cox", data, Exit("a", "test", "off"))})
    model = describe(train(grid, plan, {"name": "newton", "baseline": "site", "tolerance": 1e-9}), "os", "m", "pooled")
    rows = np.arange(N)
    tables = {
        "harmonized": pd.DataFrame({"row": rows, "os_entry": 0.0, "os_time": time, "os_event": event}),
        "folds": pd.DataFrame({0: fold}, index=pd.Index(rows, name="row")),
        "design": pd.DataFrame(x, columns=COLUMNS).assign(row=rows),
    }
    return model, tables


def slopes(model, tables):
    """The factor that each fold's predictors were given."""
    spec = {"grid": GRID.tolist(), "horizons": {"os": [1.0]}, "entry": [], "competing": [], "recalibrated": {}}
    plain, fitted = (apply_model(tables, "os", *model, spec, recalibrated=part) for part in (None, "slope"))
    return (fitted["risk"] / plain["risk"]).groupby(plain["fold"]).median()


def test_recalibration_leaves_a_well_penalised_model_alone(fitted):
    """The penalty shrinks so much that fresh patients have a slope near one; those of training would say far more."""
    (arrays, card), tables = fitted
    outcome = tables["harmonized"][["os_entry", "os_time", "os_event"]].to_numpy()
    learned = (tables["folds"][0] != 0).to_numpy()
    z = (tables["design"][COLUMNS].to_numpy()[learned] - arrays["location"][0, 0]) / arrays["scale"][0, 0]
    seen = cox.slope(z @ arrays["coefficients"][0, 0, arrays["chosen"][0, 0]], *outcome[learned].T, 1, "efron")
    found = slopes((arrays, card), tables)
    assert seen > 1.35
    assert found.between(0.7, 1.3).all() and abs(found.mean() - 1) < 0.15


def test_the_crossed_fits_saw_neither_fold(fitted):
    """The fit without folds 0 and 2 is that of a federation of the other patients alone."""
    (arrays, _), tables = fitted
    kept = ~tables["folds"][0].isin([0, 2]).to_numpy()
    x = tables["design"][COLUMNS].to_numpy()[kept]
    _, time, event = tables["harmonized"].loc[kept, ["os_entry", "os_time", "os_event"]].to_numpy().T
    data = TrainingData(x, np.zeros(len(x)), time, event, np.zeros((1, len(x)), int), np.zeros(P, bool))
    penalty = arrays["penalties"][arrays["chosen"][0, 0]]
    plan = Plan(COLUMNS, np.zeros(P, bool), 0, 0, np.array([penalty]), "efron", GRID)
    grid = LocalGrid({"a": client_app("cox", data, Exit("a", "test", "off"))})
    alone = train(grid, plan, {"name": "newton", "baseline": "site", "tolerance": 1e-9})
    np.testing.assert_allclose(arrays["crossed_coefficients"][0, 0, 2], alone.coefficients[0, 0], atol=1e-7)
    assert np.isnan(arrays["crossed_coefficients"][0, 0, 0]).all()
