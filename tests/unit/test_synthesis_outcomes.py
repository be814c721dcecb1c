"""Event times of several processes, what is seen of them, and the concordance of the truth, against closed forms."""

import numpy as np
import pytest
from scipy import stats
from sksurv.metrics import concordance_index_censored

from hemapilots.synthesis.outcomes import concordance, draw_outcomes, observe

N = 50_000
WEIBULL = {"law": "weibull", "scale": 3.0, "shape": 1.2}
OUTCOMES = {
    "index": "start",
    "processes": {
        "relapse": WEIBULL | {"coefficients": {"x": 0.4}, "until": ["death_first"]},
        "death_first": WEIBULL | {"scale": 5.0, "until": ["relapse"]},
        "death_after": {"law": "weibull", "scale": 0.5, "shape": 0.6, "after": "relapse"},
    },
    "endpoints": {
        "death": {"time": "t", "event": "e", "events": ["death_first", "death_after"]},
        "free": {"time": "ft", "event": "fe", "events": ["relapse", "death_first"]},
        "back": {"time": "bt", "event": "be", "events": ["relapse"], "competing": ["death_first"]},
    },
    "death": ["death_first", "death_after"],
    "censoring": {"quantiles": {"percent": [0, 50, 100], "years": [0, 2, 10]}, "loss_per_year": 0.05, "lock": 2012.0},
    "dates": {"relapse_date": ["relapse"], "death_date": ["death_first", "death_after"]},
    "happened": {"relapsed": ["relapse"]},
    "last_contact": "last_date",
    "vital_status": "status",
}


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(1)
    classes = np.zeros(N, dtype=int)
    table = {"x": rng.standard_normal(N), "start": np.floor(rng.uniform(10_000, 15_000, N))}
    table |= draw_outcomes(OUTCOMES, table, classes, {}, rng)
    return table | observe(OUTCOMES, table, classes, rng)


def test_states_follow_each_other(table):
    relapsed = np.isfinite(table["relapse_at"])
    assert np.array_equal(relapsed, table["relapse_drawn"] <= table["death_first_drawn"])
    assert np.isinf(table["death_first_at"][relapsed]).all() and np.isinf(table["death_after_at"][~relapsed]).all()
    after = table["death_after_at"][relapsed] - table["relapse_at"][relapsed]
    assert stats.kstest(after, stats.weibull_min(0.6, scale=0.5).cdf).pvalue > 1e-3
    assert np.array_equal(table["death_true"], np.minimum(table["death_first_at"], table["death_after_at"]))
    assert np.array_equal(table["free_true"], np.minimum(table["relapse_at"], table["death_first_at"]))
    assert np.array_equal(table["back_cause"] == 1, relapsed)


def test_the_first_of_two_hazards_has_their_sum():
    still = {"x": np.zeros(N)}
    times = draw_outcomes(OUTCOMES, still, np.zeros(N, dtype=int), {}, np.random.default_rng(2))["free_true"]
    total = (times / 3.0) ** 1.2 + (times / 5.0) ** 1.2
    assert stats.kstest(total, stats.expon.cdf).pvalue > 1e-3


def test_shared_latents_join_times_by_a_gaussian_copula():
    processes = {name: WEIBULL | {"loading": {"z": 0.7**0.5}} for name in ("one", "two")}
    outcomes = {"processes": processes | {"same": WEIBULL | {"loading": {"z": 1}}}, "endpoints": {}}
    z = np.random.default_rng(4).standard_normal(N)
    times = draw_outcomes(outcomes, {}, np.zeros(N, dtype=int), {"z": z}, np.random.default_rng(3))
    normal = {name: stats.norm.ppf(stats.weibull_min(1.2, scale=3).cdf(times[f"{name}_drawn"])) for name in processes}
    assert np.corrcoef(normal["one"], normal["two"])[0, 1] == pytest.approx(0.7, abs=0.01)
    assert stats.kstest(normal["one"], "norm").pvalue > 1e-3
    assert stats.spearmanr(times["same_drawn"], z).statistic == pytest.approx(1)


def test_observation_ends_at_the_first_of_its_ends(table):
    assert table["t"].min() > 0 and (table["ft"] <= table["t"]).all() and (table["fe"] >= (table["e"] == 1)).all()
    days = table["t"] * 365.25
    assert days == pytest.approx(np.round(days), abs=1e-6)
    # No last contact after the lock, and the living are lost at their rate.
    assert ((table["last_date"] / 365.25 + 1970) <= 2012.01)[table["e"] == 0].all()
    assert set(table["status"]) == {"alive", "dead", "lost"}
    assert np.array_equal(table["status"] == "dead", table["e"] == 1)
    lost, years = (table["status"] == "lost").sum(), table["t"].sum()
    assert lost / years == pytest.approx(0.05, rel=0.06)


def test_competing_events_have_their_code(table):
    assert set(table["be"]) == {0.0, 1.0, 2.0}
    assert np.array_equal(table["be"] > 0, table["fe"] == 1)
    assert np.array_equal(table["be"] == 1, table["relapsed"] == 1)


def test_dates_tell_what_times_tell(table):
    relapsed = ~np.isnan(table["relapse_date"])
    assert np.array_equal(relapsed, table["relapsed"] == 1)
    assert ((table["relapse_date"] - table["start"]) / 365.25)[relapsed] == pytest.approx(table["bt"][relapsed])
    dead = ~np.isnan(table["death_date"])
    assert np.array_equal(dead, table["e"] == 1)
    assert ((table["death_date"] - table["start"]) / 365.25)[dead] == pytest.approx(table["t"][dead])
    assert (table["last_date"] - table["start"]) / 365.25 == pytest.approx(table["t"])
    assert (table["relapse_date"] <= table["last_date"])[relapsed].all()


def test_an_endpoint_may_end_before_the_last_contact():
    outcomes = OUTCOMES | {
        "endpoints": {"life": {"time": "t", "event": "e", "events": ["death_first"], "censored_at": ["cure"]}}
    }
    outcomes["processes"] = OUTCOMES["processes"] | {"cure": {"law": "given", "at": "cured"}}
    rng, classes = np.random.default_rng(1), np.zeros(N, dtype=int)
    table = {"x": np.zeros(N), "start": np.full(N, 12_000.0), "cured": np.where(np.arange(N) % 2, 1.0, np.nan)}
    table |= draw_outcomes(outcomes, table, classes, {}, rng)
    table |= observe(outcomes, table, classes, rng)
    assert table["t"][1::2].max() <= 1.0 and table["t"][::2].max() > 5
    assert table["last"][1::2].max() > 5


def test_last_contact_follows_its_quantiles_and_their_stretch():
    censoring = {"quantiles": {"percent": [0, 50, 100], "years": [0, 2, 10], "stretch": 1.5}}
    outcomes = {
        "processes": {},
        "endpoints": {"any": {"time": "t", "event": "e", "events": []}},
        "censoring": censoring,
    }
    classes = np.zeros(N, dtype=int)
    table = draw_outcomes(outcomes, {}, classes, {}, np.random.default_rng(0))
    seen = observe(outcomes, table, classes, np.random.default_rng(3))
    assert seen["e"].sum() == 0
    assert np.quantile(seen["t"], [0.25, 0.5, 0.75]) == pytest.approx([1.5, 3, 9], rel=0.03)


@pytest.mark.parametrize("horizon", [None, 2.0])
def test_concordance_equals_an_independent_one(horizon):
    rng = np.random.default_rng(4)
    risk = np.round(rng.standard_normal(800), 2)
    times = np.exp(rng.standard_normal(800) - 0.6 * risk)
    times[::7] = np.inf
    event = times < (np.inf if horizon is None else horizon)
    expected = concordance_index_censored(event, np.where(event, times, horizon or 1e9), risk)[0]
    assert concordance(risk, times, horizon) == pytest.approx(expected, abs=1e-12)
