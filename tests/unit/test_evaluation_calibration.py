"""Calibration against R (data/calibration.R), statsmodels, closed forms and the risks that patients were drawn with."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from hemapilots.evaluation import evaluate_pooled
from hemapilots.evaluation.calibration import (
    BINS,
    Status,
    cloglog,
    d_calibration,
    d_calibration_shares,
    fit,
    knots_of,
    one_step,
    spline,
)
from hemapilots.evaluation.calibration_curves import guarded
from hemapilots.evaluation.censoring import weigh
from hemapilots.evaluation.prediction_error import brier
from hemapilots.evaluation.resampling import bootstrap_weights
from hemapilots.evaluation.scope import Scopes
from test_evaluation_tables import invented, pick, plan

FOLDER = Path(__file__).parent / "data"
R, OTHER = (json.loads((FOLDER / f"{name}.json").read_text()) for name in ("calibration", "competing"))
DATA = pd.read_csv(FOLDER / "competing.csv")
TIME, EVENT, RISK = DATA["time"].to_numpy(), DATA["event"].to_numpy(), DATA["risk"].to_numpy()


def status(time=TIME, event=EVENT, horizon=2.0, weights=None):
    weights = np.ones((1, len(time))) if weights is None else weights
    return Status(weigh(time, event, weights), horizon)


def drawn(n, seed, factor=1.0):
    """Times with hazard exp(x) / 4 a year, uniform censoring, and the risk by 2 years under `factor` times that hazard."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    time, limit = rng.exponential(4 * np.exp(-x)), rng.uniform(0.5, 8, n)
    risk = -np.expm1(-factor * np.exp(x) * 2 / 4)
    return np.minimum(time, limit), (time <= limit).astype(int), risk, x


def test_intercept_slope_and_distances_with_competing_events_equal_r():
    found = status().measures(RISK)
    assert found["calibration_intercept"][0] == pytest.approx(R["intercept"], abs=1e-8)
    assert found["calibration_slope"][0] == pytest.approx(R["slope"], abs=1e-8)
    for name in ("ici", "e50", "e90"):
        assert found[name][0] == pytest.approx(R[name], abs=1e-8)
    assert found["oe"][0] == pytest.approx(R["observed"] / RISK.mean(), abs=1e-12)


def test_patients_told_a_risk_of_nought_do_not_rule_the_slope():
    """A site whose baseline begins late tells a few patients 0: the others' figures stay, as does O/E of all."""
    time, event, risk, _ = drawn(4000, 3)
    told = np.where(np.arange(4000) < 200, 0.0, risk)
    kept = np.arange(4000) >= 200
    weights = bootstrap_weights(np.zeros(4000, dtype=int), 50, 1)
    found = status(time, event, weights=weights).measures(told)
    alone = Status(weigh(time, event, weights).of(np.flatnonzero(kept)), 2.0).measures(risk[kept])
    for name in ("calibration_intercept", "calibration_slope", "ici", "e50", "e90"):
        np.testing.assert_allclose(found[name], alone[name], rtol=0, atol=1e-12)
    assert found["calibration_slope"][0] == pytest.approx(1, abs=0.12)
    assert found["oe"][0] == pytest.approx(status(time, event).observed[0] / told.mean(), abs=1e-12)
    smooth = status(time, event).smoothed(told, np.array([0.3]))[0, 0]
    assert smooth == pytest.approx(0.3, abs=0.05)


def test_too_many_risks_of_nought_and_nothing_is_told():
    time, event, risk, _ = drawn(1000, 4)
    for share, value in ((100, 0.0), (60, 1.0)):
        found = status(time, event).measures(np.where(np.arange(1000) < share, value, risk))
        assert np.isnan(found["calibration_slope"][0]) == np.isnan(found["ici"][0]) == (share == 100)
        assert np.isfinite(found["oe"][0])
    assert np.isnan(status(time, event).smoothed(np.zeros(1000), np.array([0.5]))).all()


def test_rows_say_how_many_patients_the_slope_rests_on():
    sites, (patients, folds, tables) = {}, invented(sizes=(300, 1))["a"]
    few = set(patients["row"].head(20))
    for key, table in tables.items():
        none = table["row"].isin(few).to_numpy()[:, None] & table.columns.str.startswith("survival")
        tables[key] = table.mask(none, 1.0) if key[1] == "cox" else table
    sites["a"] = patients, folds, tables
    metrics = pick(evaluate_pooled(Scopes(sites, plan()))[0], regime="federated/newton", horizon=2.0).set_index(
        "metric"
    )
    assert metrics.loc["calibration_slope", "n"] == 280 and metrics.loc["oe", "n"] == 300 == metrics.loc["brier", "n"]
    assert metrics.loc["calibration_slope", "estimate"] > 0.5


def test_index_of_prediction_accuracy_equals_riskregression():
    for at, error, null in zip(OTHER["at"], OTHER["brier"], OTHER["brier_null"], strict=True):
        one = status(horizon=float(at))
        ours = brier(one.outcomes, 1 - RISK[:, None], np.array([float(at)]))[0, 0]
        assert 1 - ours / one.null_brier[0] == pytest.approx(1 - error / null, abs=1e-8)


def test_regression_equals_statsmodels():
    time, event, risk, _ = drawn(400, 1)
    one = status(time, event)
    basis = spline(cloglog(risk), knots_of(cloglog(risk)))
    family = sm.families.Binomial(sm.families.links.CLogLog())
    expected = sm.GLM(one.event, basis, family=family, var_weights=one.mass[0]).fit(tol=1e-12, maxiter=200).params
    np.testing.assert_allclose(fit(basis, one.event, one.mass[0], np.zeros(len(time))), expected, atol=1e-6)


def test_the_true_risk_is_calibrated_and_a_wrong_baseline_is_seen():
    time, event, risk, _ = drawn(40000, 2)
    found = {name: values[0] for name, values in status(time, event).measures(risk).items()}
    assert found["oe"] == pytest.approx(1, abs=0.02) and found["calibration_slope"] == pytest.approx(1, abs=0.03)
    assert found["calibration_intercept"] == pytest.approx(0, abs=0.03) and found["ici"] < 0.01
    time, event, risk, _ = drawn(40000, 2, factor=0.5)
    found = {name: values[0] for name, values in status(time, event).measures(risk).items()}
    # Half the hazard: log 2 is missing on the complementary log-log scale, and the slope stays.
    assert found["calibration_intercept"] == pytest.approx(np.log(2), abs=0.03)
    assert found["calibration_slope"] == pytest.approx(1, abs=0.03)
    assert found["oe"] > 1.4 and found["ici"] > 0.1


def test_exaggerated_predictions_have_a_slope_below_one():
    time, event, risk, x = drawn(40000, 3)
    exaggerated = -np.expm1(-np.exp(2 * x) * 2 / 4)
    assert status(time, event).measures(exaggerated)["calibration_slope"][0] == pytest.approx(0.5, abs=0.02)


def test_one_newton_step_is_near_the_refitted_bootstrap():
    time, event, risk, _ = drawn(500, 4)
    weights = bootstrap_weights(np.zeros(500), 100, 1)
    one, basis = status(time, event, weights=weights), np.column_stack([np.ones(500), cloglog(risk)])
    found = one_step(basis, one.event, one.mass, np.zeros(500))
    exact = np.array([fit(basis, one.event, mass, np.zeros(500)) for mass in one.mass])
    np.testing.assert_allclose(found[0], exact[0], atol=1e-10)
    np.testing.assert_allclose(found[1:].std(axis=0), exact[1:].std(axis=0), rtol=0.05)
    assert np.corrcoef(found[1:, 1], exact[1:, 1])[0, 1] > 0.98


def test_weights_are_repeated_patients():
    time, event, risk, _ = drawn(300, 5)
    counts = np.random.default_rng(6).integers(0, 3, 300)
    rows = np.repeat(np.arange(300), counts)
    once = status(time, event, weights=np.vstack([np.ones(300), counts]))
    again = status(time[rows], event[rows])
    np.testing.assert_allclose(once.observed[1], again.observed[0])
    np.testing.assert_allclose(once.null_brier[1], again.null_brier[0])
    assert once.measures(risk)["oe"][1] == pytest.approx(again.measures(risk[rows])["oe"][0])


def test_days_and_years_give_the_same():
    time, event, risk, _ = drawn(400, 7)
    years, days = status(time, event).measures(risk), status(time * 365.25, event, 2 * 365.25).measures(risk)
    for name, values in years.items():
        np.testing.assert_allclose(values, days[name], rtol=1e-9)


def test_the_smoothed_curve_is_found_where_few_die_and_some_are_told_certainty():
    rng = np.random.default_rng(6)
    predictor = rng.normal(-4, 2.2, 600)
    risk = np.where(predictor > 0.8, 1.0, -np.expm1(-np.exp(predictor)))
    time = rng.exponential(2.0 / np.exp(np.minimum(predictor, 0.3) - 0.2))
    found = status(np.minimum(time, 4.0), time <= 4.0).measures(risk)
    assert 0 < found["e50"][0] <= found["e90"][0] < 0.2 and 0 < found["ici"][0] < 0.05


def test_few_distinct_predictions_fall_back_to_a_straight_line():
    time, event, risk, _ = drawn(400, 8)
    coarse = np.where(risk > np.median(risk), 0.6, 0.2)
    found = status(time, event).measures(coarse)
    assert np.isfinite(found["ici"][0]) and knots_of(cloglog(coarse)) is None


def test_tenths_by_hand():
    """One death at survival 0.25, one censored there: the first in the third tenth, the second spread over what lies below 0.25."""
    outcomes = weigh(np.array([1.0, 1.0, 3.0]), np.array([1, 0, 1]), np.array([[1.0, 1.0, 0.0]]))
    survival = np.array([[0.25, 0.1]] * 3)
    shares = d_calibration_shares(outcomes, survival, np.array([1.0, 2.0]))[0]
    spread = np.array([0.1, 0.1, 0.05]) / 0.25
    expected = np.zeros(BINS)
    expected[:3] += spread / 2
    expected[2] += 0.5
    np.testing.assert_allclose(shares, expected)
    assert d_calibration(shares[None])[0] == pytest.approx(np.abs(expected - 0.1).sum() / 2)


def test_true_survival_fills_the_tenths_evenly():
    time, event, _, x = drawn(40000, 9)
    grid = np.arange(0.1, 8.05, 0.1)
    survival = np.exp(-np.exp(x)[:, None] * grid / 4)
    outcomes = weigh(time, event, np.ones((1, len(time))))
    assert d_calibration(d_calibration_shares(outcomes, survival, grid))[0] < 0.02
    assert d_calibration(d_calibration_shares(outcomes, survival**3, grid))[0] > 0.2


def test_a_small_count_of_the_histogram_does_not_follow_from_the_sum():
    """Solved for: whatever is hidden, at least two counts are, and one of them is none of the small ones."""
    rng = np.random.default_rng(8)
    for _ in range(200):
        counts = rng.choice([0, 1, 3, 5, 9, 40], 20).astype(float)
        shown = guarded(counts, 5)
        hidden = np.isnan(shown)
        small = (counts > 0) & (counts < 5)
        assert hidden[small].all() and (shown[~hidden] == counts[~hidden]).all()
        if small.any() and (counts >= 5).any():
            assert hidden.sum() == small.sum() + 1 and counts[hidden].sum() >= 5 + small.sum()
