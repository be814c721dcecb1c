"""Brier scores against scikit-survival and repeated rows."""

import numpy as np
import pytest
from sksurv.datasets import load_gbsg2
from sksurv.linear_model import CoxPHSurvivalAnalysis
from sksurv.metrics import brier_score, integrated_brier_score
from sksurv.util import Surv

from hemapilots.evaluation import draws
from hemapilots.evaluation.censoring import weigh
from hemapilots.evaluation.draws import undecided
from hemapilots.evaluation.measures import Measure
from hemapilots.evaluation.prediction_error import brier, integrated
from hemapilots.evaluation.resampling import bootstrap_weights
from hemapilots.evaluation.sample import Sample
from hemapilots.evaluation.scope import scope_of

TIMES = np.arange(1, 9) * 250.0


@pytest.fixture(scope="module")
def gbsg2():
    table, outcome = load_gbsg2()
    x = np.column_stack([table["pnodes"], table["age"], table["progrec"]]).astype(float)
    fitted = CoxPHSurvivalAnalysis(alpha=1.0).fit(x, outcome)
    survival = np.vstack([f(TIMES) for f in fitted.predict_survival_function(x)])
    return outcome["time"].astype(float), outcome["cens"].astype(bool), survival


@pytest.mark.parametrize("step", [1.0, 50.0])
def test_brier_equals_scikit_survival(gbsg2, step):
    time, event, survival = gbsg2
    time = np.ceil(time / step) * step
    outcome = Surv.from_arrays(event, time)
    found = brier(weigh(time, event, np.ones((1, len(time))), left=False), survival, TIMES)
    assert found[0] == pytest.approx(brier_score(outcome, outcome, survival, TIMES)[1], abs=1e-12)
    assert integrated(found, TIMES)[0] == pytest.approx(
        integrated_brier_score(outcome, outcome, survival, TIMES), abs=1e-12
    )


def test_left_limit_where_events_tie_with_censorings(gbsg2):
    time, event, survival = gbsg2
    time = np.ceil(time / 50) * 50
    later = Surv.from_arrays(event, np.where(event, time, time + 1e-6))
    times = TIMES + 1
    found = brier(weigh(time, event, np.ones((1, len(time)))), survival, times)
    assert found[0] == pytest.approx(brier_score(later, later, survival, times)[1], abs=1e-12)


def test_weights_equal_repeated_rows(gbsg2):
    time, event, survival = gbsg2
    weights = bootstrap_weights(np.arange(len(time)) % 5, 4, 1)
    found = brier(weigh(time, event, weights), survival, TIMES)
    for row in range(len(weights)):
        times = weights[row].astype(int)
        outcomes = weigh(np.repeat(time, times), np.repeat(event, times), np.ones((1, times.sum())))
        assert found[row] == pytest.approx(brier(outcomes, np.repeat(survival, times, axis=0), TIMES)[0], rel=1e-12)


def test_missing_predictions_are_not_estimable(gbsg2):
    time, event, survival = gbsg2
    survival = survival.copy()
    survival[3, 2] = np.nan
    found = brier(weigh(time, event, np.ones((2, len(time)))), survival, TIMES)
    assert np.isnan(found).sum(axis=0).tolist() == [0, 0, 2, 0, 0, 0, 0, 0]
    assert np.isnan(integrated(found[:, :1], TIMES[:1])).all()


def test_regimes_taken_together_or_one_by_one_give_the_same(gbsg2, monkeypatch):
    time, event, survival = gbsg2
    grid = TIMES[[2, 5]]
    told = {("cox", name): np.stack([survival[:, [2, 5]] ** power] * 2) for name, power in (("a", 1.0), ("b", 1.5))}
    fold = np.stack([np.arange(len(time)) % 4, np.arange(len(time)) % 3])
    risk = {key: 1 - one[:, :, 0] for key, one in told.items()}
    rows = np.arange(len(time))
    sample = Sample(np.repeat("north", len(time)), rows, time, event.astype(int), fold, risk, told, (), {})
    spec = {"grid": grid, "tau": grid[1], "horizons": {"os": list(grid)}, "competing": [], "decisions": []}
    scope = scope_of("os", sample, spec | {"bootstrap": {"samples": 20, "seed": 1}})
    together = undecided(scope, list(told))
    monkeypatch.setattr(draws, "AT_ONCE", 1)
    for key, found in undecided(scope, list(told)).items():
        for horizon in grid:
            one = found[Measure("brier", horizon)].values
            np.testing.assert_allclose(one, together[key][Measure("brier", horizon)].values, rtol=1e-12)
            expected = brier(scope.outcomes, told[key][0], grid)[:, list(grid).index(horizon)]
            np.testing.assert_allclose(one, expected, rtol=1e-12)
