"""Cumulative hazards and their inverses, against closed forms and numerical integrals."""

import numpy as np
import pytest
from scipy import integrate, stats

from hemapilots.errors import HemaPilotsError
from hemapilots.synthesis.hazards import hazard, linear_predictor

N = 4000
AGE = np.linspace(0.5, 60, N)
TABLE = {"age": AGE, "x": np.linspace(-1, 1, N), "turn": np.where(np.arange(N) % 3 == 0, np.nan, 1.5)}
GOMPERTZ = {"law": "gompertz", "a": 0.00064, "b": 0.07, "age": "age", "coefficients": {"x": 0.5}}
BANDS = {"law": "piecewise", "from": [0, 5, 15, 30], "rates": [0.2, "0.1 + 0.05 * x", 0.4, 0.3], "age": "age"}
SPECS = [
    {"law": "weibull", "scale": 3.0, "shape": 0.7, "coefficients": {"x": 0.8}, "factor": "exp(0.2 * x)"},
    GOMPERTZ,
    BANDS,
    GOMPERTZ | {"change": {"at": "turn", "log_hazard": -0.7}},
    BANDS | {"change": {"at": "turn", "log_hazard": "0.5 * x"}},
]


def made(spec):
    return hazard(spec, TABLE, np.zeros(N, dtype=int), "here")


@pytest.mark.parametrize("spec", SPECS)
def test_the_inverse_undoes_the_cumulative_hazard(spec):
    one = made(spec)
    exponential = np.random.default_rng(0).standard_exponential(N)
    assert one.cumulative(one.time_of(exponential)[:, None])[:, 0] == pytest.approx(exponential, rel=1e-9)
    rows = np.array([7, 7, 900])
    grid = np.tile([0.5, 2.0, 8.0], (3, 1))
    assert np.array_equal(one.take(rows).cumulative(grid), one.cumulative(np.tile(grid[:1], (N, 1)))[rows])


def test_gompertz_accumulates_the_hazard_by_age():
    found = made(GOMPERTZ).cumulative(np.full((N, 1), 12.0))[:, 0]
    for row in (0, 1000, N - 1):
        area = integrate.quad(lambda age: 0.00064 * np.exp(0.07 * age), AGE[row], AGE[row] + 12)[0]
        assert found[row] == pytest.approx(area * np.exp(0.5 * TABLE["x"][row]), rel=1e-9)


def test_late_entry_is_survival_given_survival_to_that_age():
    born = hazard(GOMPERTZ | {"coefficients": {}}, {"age": np.zeros(N)}, np.zeros(N, dtype=int), "here")
    since_birth = born.time_of(np.random.default_rng(1).standard_exponential(N)) - 30
    survivors = since_birth[since_birth > 0]
    entered = hazard(GOMPERTZ | {"coefficients": {}}, {"age": np.full(N, 30.0)}, np.zeros(N, dtype=int), "here")
    assert stats.ks_2samp(survivors, entered.time_of(np.random.default_rng(2).standard_exponential(N))).pvalue > 1e-3


def test_rates_follow_age_along_follow_up():
    found = made(BANDS).cumulative(np.full((N, 1), 20.0))[:, 0]
    for row in (0, 500, 1500, N - 1):
        rates = [0.2, 0.1 + 0.05 * TABLE["x"][row], 0.4, 0.3]
        ends = [5, 15, 30, np.inf]
        years = [
            max(min(AGE[row] + 20, end) - max(AGE[row], start), 0)
            for start, end in zip([0, 5, 15, 30], ends, strict=True)
        ]
        assert found[row] == pytest.approx(np.dot(rates, years), rel=1e-12)


def test_a_rate_of_zero_is_never_reached():
    silent = BANDS | {"rates": [1.0, 0, 0, 0]}
    times = made(silent).time_of(np.full(N, 30.0))
    assert np.isinf(times).all()


def test_a_change_multiplies_the_hazard_from_its_time_on():
    plain, changed = made(GOMPERTZ), made(SPECS[3])
    grid = np.tile([1.0, 1.5, 4.0], (N, 1))
    before, after = plain.cumulative(grid), changed.cumulative(grid)
    turned = ~np.isnan(TABLE["turn"])
    assert np.array_equal(before[:, :2], after[:, :2])
    assert after[~turned, 2] == pytest.approx(before[~turned, 2], rel=1e-12)
    late = before[turned, 1] + np.exp(-0.7) * (before[turned, 2] - before[turned, 1])
    assert after[turned, 2] == pytest.approx(late, rel=1e-12)


def test_given_times_are_taken_as_they_are():
    times = made({"law": "given", "at": "turn"}).time_of(np.ones(N))
    assert np.array_equal(times, np.where(np.isnan(TABLE["turn"]), np.inf, 1.5))


def test_linear_predictor_names_an_absent_covariate():
    with pytest.raises(HemaPilotsError, match='no variable "y" is drawn'):
        linear_predictor({"y": 1.0}, {"x": np.zeros(3)}, 3)
