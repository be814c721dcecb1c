"""Event times, order of endpoints, censoring and the concordance of the truth, against closed forms."""

import numpy as np
import pytest
from scipy import stats
from sksurv.metrics import concordance_index_censored

from hemapilots.errors import HemaPilotsError
from hemapilots.synthesis.outcomes import (
    censor,
    concordance,
    draw_outcomes,
    linear_predictor,
    weibull_times,
)

OUTCOMES = {
    "decimals": 4,
    "endpoints": {
        "death": {"time": "t", "event": "e", "scale": 3.0, "shape": 1.2, "coefficients": {"x": 0.7}},
        "relapse": {
            "time": "rt",
            "event": "re",
            "scale": 2.5,
            "shape": 1.1,
            "not_after": "death",
            "coefficients": {"x": 0.4},
        },
    },
    "censoring": {"percent": [0, 50, 100], "years": [0, 2, 10]},
}


def drawn(n=50_000, seed=1):
    rng = np.random.default_rng(seed)
    table = {"x": rng.standard_normal(n)}
    table |= draw_outcomes(OUTCOMES, table, rng)
    return table | censor(OUTCOMES, table, rng)


def test_weibull_times_follow_the_survival_function():
    exponential = np.random.default_rng(0).standard_exponential(20_000)
    times = weibull_times(exponential, np.full(20_000, 0.5), 1.3, 4.0)
    law = stats.weibull_min(1.3, scale=4.0 * np.exp(-0.5 / 1.3))
    assert stats.kstest(times, law.cdf).pvalue > 1e-3


def test_linear_predictor_names_an_absent_covariate():
    with pytest.raises(HemaPilotsError, match='no variable "y" is drawn'):
        linear_predictor({"y": 1.0}, {"x": np.zeros(3)})


def test_endpoints_are_ordered_and_the_first_stays_exact():
    table = drawn()
    assert (table["relapse_true"] <= table["death_true"]).all()
    assert (table["rt"] <= table["t"]).all()
    assert np.array_equal(table["death_true"], table["death_drawn"])
    assert (table["re"] >= table["e"]).all()


def test_censoring_follows_its_quantiles_and_never_gives_time_zero():
    table = drawn()
    table["death_true"] = np.full(50_000, np.inf)
    table["relapse_true"] = np.full(50_000, np.inf)
    seen = censor(OUTCOMES, table, np.random.default_rng(3))
    assert seen["e"].sum() == 0
    assert np.quantile(seen["t"], [0.25, 0.5, 0.75]) == pytest.approx([1, 2, 6], rel=0.03)
    assert seen["t"].min() > 0
    assert np.array_equal(seen["t"], seen["rt"])


@pytest.mark.parametrize("horizon", [None, 2.0])
def test_concordance_equals_an_independent_one(horizon):
    rng = np.random.default_rng(4)
    risk = np.round(rng.standard_normal(800), 2)
    times = np.exp(rng.standard_normal(800) - 0.6 * risk)
    event = times < (np.inf if horizon is None else horizon)
    expected = concordance_index_censored(event, np.where(event, times, horizon or np.inf), risk)[0]
    assert concordance(risk, times, horizon) == pytest.approx(expected, abs=1e-12)
