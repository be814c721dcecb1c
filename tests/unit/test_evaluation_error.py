"""Brier scores against scikit-survival and repeated rows."""

import numpy as np
import pytest
from sksurv.datasets import load_gbsg2
from sksurv.linear_model import CoxPHSurvivalAnalysis
from sksurv.metrics import brier_score, integrated_brier_score
from sksurv.util import Surv

from hemapilots.evaluation.censoring import weigh
from hemapilots.evaluation.prediction_error import brier, integrated
from hemapilots.evaluation.resampling import bootstrap_weights

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
