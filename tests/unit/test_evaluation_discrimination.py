"""C and AUC against scikit-survival, lifelines, repeated rows and a double loop, ties included."""

import numpy as np
import pytest
from lifelines.utils import concordance_index
from sksurv.datasets import load_gbsg2
from sksurv.metrics import concordance_index_censored, concordance_index_ipcw, cumulative_dynamic_auc
from sksurv.util import Surv

from hemapilots.evaluation import discrimination
from hemapilots.evaluation.censoring import weigh
from hemapilots.evaluation.concordance import concordance
from hemapilots.evaluation.counting import pair_sums
from hemapilots.evaluation.discrimination import Fold
from hemapilots.evaluation.resampling import bootstrap_weights


def gbsg2():
    table, outcome = load_gbsg2()
    # Whole numbers: the reference ties risks within 1e-8, ours only equal ones.
    risk = 50.0 * table["pnodes"].to_numpy() - table["progrec"].to_numpy()
    return outcome["time"].astype(float), outcome["cens"].astype(bool), risk


def generated(n=400, seed=0):
    """Times on a coarse grid, so that events tie with events and with censorings, and rounded risks.

    The last patient is censored alone: the reference refuses G(t) = 0 at an event.
    """
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    time, limit = rng.exponential(3 * np.exp(-x)), rng.uniform(0, 8, n)
    event = time <= limit
    time, event = np.ceil(np.minimum(time, limit) * 4) / 4, event & (np.arange(n) < n - 1)
    return np.where(np.arange(n) < n - 1, time, 9.0), event, np.round(x + rng.normal(size=n), 1)


COHORTS = {"gbsg2": gbsg2, "ties": generated}


@pytest.fixture(params=COHORTS)
def cohort(request):
    return COHORTS[request.param]()


def whole(time, event, tau, weights=None, left=True):
    weights = np.ones((1, len(time))) if weights is None else weights
    return Fold(weigh(time, event, weights, left), np.arange(len(time)), tau)


def ratio(pair):
    return pair[0] / pair[1]


def test_harrell_equals_scikit_survival_and_lifelines(cohort):
    time, event, risk = cohort
    expected = concordance_index_censored(event, time, risk)[0]
    assert ratio(whole(*cohort[:2], 1.0).concordance(risk)["harrell_c"])[0] == pytest.approx(expected, abs=1e-12)
    assert concordance(time, event, risk)[0] == pytest.approx(expected, abs=1e-12)


def test_harrell_equals_lifelines_without_tied_events():
    time, event, risk = gbsg2()
    time = time + np.random.default_rng(1).random(len(time)) / 10
    assert concordance(time, event, risk)[0] == pytest.approx(concordance_index(time, -risk, event), abs=1e-12)


def test_uno_equals_scikit_survival_at_g_of_t(cohort):
    time, event, risk = cohort
    tau = float(np.quantile(time, 0.8))
    outcome = Surv.from_arrays(event, time)
    expected = concordance_index_ipcw(outcome, outcome, risk, tau)[0]
    fold = whole(time, event, tau, left=False)
    assert ratio(fold.concordance(risk)["uno_c"])[0] == pytest.approx(expected, abs=1e-12)


def test_uno_takes_the_left_limit_where_events_tie_with_censorings(cohort):
    """With censorings moved to just after the events at their time, G(t) there is the G(t-) of before."""
    time, event, risk = cohort
    tau = float(np.quantile(time, 0.8))
    outcome = Surv.from_arrays(event, np.where(event, time, time + 1e-6))
    expected = concordance_index_ipcw(outcome, outcome, risk, tau)[0]
    assert ratio(whole(time, event, tau).concordance(risk)["uno_c"])[0] == pytest.approx(expected, abs=1e-12)
    assert concordance(time, event, risk, ipcw=True, tau=tau)[0] == pytest.approx(expected, abs=1e-12)


def test_auc_equals_scikit_survival(cohort):
    time, event, risk = cohort
    outcome = Surv.from_arrays(event, time)
    horizons = np.quantile(time, [0.3, 0.5, 0.7]) + 1e-3
    expected = cumulative_dynamic_auc(outcome, outcome, risk, horizons)[0]
    fold = whole(time, event, 1.0, left=False)
    found = [ratio(fold.auc(risk, t))[0] for t in horizons]
    assert found == pytest.approx(expected, abs=1e-12)


def test_auc_weighs_folds_by_cases():
    time, event, risk = generated()
    assert whole(time, event, 1.0).auc(risk, 2.0)[1][0] == np.count_nonzero(event & (time <= 2.0))


@pytest.mark.parametrize("metric", ["harrell_c", "uno_c", "auc"])
def test_weights_equal_repeated_rows(metric):
    time, event, risk = generated(150)
    weights = bootstrap_weights(np.zeros(150, int), 5, 3)

    def value(fold, risk):
        return fold.auc(risk, 2.0) if metric == "auc" else fold.concordance(risk)[metric]

    num, den = value(whole(time, event, 5.0, weights), risk)
    for row in range(len(weights)):
        times = weights[row].astype(int)
        alone = value(whole(np.repeat(time, times), np.repeat(event, times), 5.0), np.repeat(risk, times))
        assert (num[row], den[row]) == pytest.approx((alone[0][0], alone[1][0]), rel=1e-12)


def test_pair_sums_equal_a_double_loop():
    time, event, risk = generated(90)
    rng = np.random.default_rng(2)
    mass, weight = rng.random(90), rng.random(90)
    sums = pair_sums(time, event, risk, mass, weight)
    later = event[:, None] & ((time > time[:, None]) | ((time == time[:, None]) & ~event))
    won = (risk < risk[:, None]) + 0.5 * (risk == risk[:, None])
    assert sums.below[event] == pytest.approx(((later * won) @ weight)[event], abs=1e-12)
    assert sums.later[event] == pytest.approx((later @ weight)[event], abs=1e-12)
    assert sums.above == pytest.approx(mass @ (later * won), abs=1e-12)
    assert sums.earlier == pytest.approx(mass @ later, abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 64, 65])
def test_pair_sums_of_any_length(n):
    time, event, risk = generated(n)
    sums = pair_sums(time, event, risk, np.ones(n))
    later = event[:, None] & ((time > time[:, None]) | ((time == time[:, None]) & ~event))
    assert sums.below @ event == pytest.approx((later * ((risk < risk[:, None]) + 0.5 * (risk == risk[:, None]))).sum())


@pytest.mark.parametrize("uno", [False, True])
def test_gradient_equals_finite_differences_and_expansion_tracks_the_exact_bootstrap(uno, monkeypatch):
    time, event, risk = generated(400)
    name, members = ("uno_c" if uno else "harrell_c"), np.arange(0, 400, 2)
    weights = np.vstack([np.ones(400), 1 + 1e-4 * (bootstrap_weights(np.zeros(400, int), 6, 4)[1:] - 1)])
    real = bootstrap_weights(np.zeros(400, int), 200, 5)
    folds = {key: Fold(weigh(time, event, w), members, 4.0) for key, w in (("small", weights), ("real", real))}
    # Doubles keep the exact sums comparable where the weights are no longer small integers.
    object.__setattr__(folds["small"], "_weights32", folds["small"].weights)
    exact = {key: fold.concordance(risk[members])[name] for key, fold in folds.items()}
    monkeypatch.setattr(discrimination, "EXACT_PAIRS", 0)
    expanded = {key: fold.concordance(risk[members])[name] for key, fold in folds.items()}
    for side in (0, 1):
        slope = (exact["small"][side] - exact["small"][side][0]) / 1e-4
        guess = (expanded["small"][side] - expanded["small"][side][0]) / 1e-4
        assert guess == pytest.approx(slope, rel=2e-3, abs=2e-3 * exact["small"][side][0])
    c_exact, c_expanded = ratio(exact["real"]), ratio(expanded["real"])
    assert c_expanded[0] == pytest.approx(c_exact[0], abs=1e-12)
    assert np.corrcoef(c_exact, c_expanded)[0, 1] > 0.98
    assert np.std(c_expanded) == pytest.approx(np.std(c_exact), rel=0.08)


@pytest.mark.parametrize("ipcw", [False, True])
def test_influence_interval_agrees_with_the_bootstrap(ipcw):
    time, event, risk = generated(600, seed=3)
    tau = 4.0 if ipcw else np.inf
    estimate, lower, upper = concordance(time, event, risk, ipcw=ipcw, tau=tau if ipcw else None)
    weights = bootstrap_weights(np.zeros(600, int), 1500, 6)
    values = ratio(whole(time, event, tau, weights).concordance(risk)["uno_c" if ipcw else "harrell_c"])
    assert values[0] == pytest.approx(estimate, abs=1e-12)
    assert (upper - lower) / (2 * 1.959964) == pytest.approx(np.std(values[1:]), rel=0.07)


def test_extremes():
    time = np.arange(1.0, 8)
    event = np.ones(7, bool)
    assert concordance(time, event, -time) == (1.0, 1.0, 1.0)
    assert concordance(time, event, np.zeros(7))[0] == 0.5
    assert np.isnan(concordance(time, ~event, -time)).all()
    with pytest.raises(ValueError, match="finite"):
        concordance(time, event, np.full(7, np.nan))


@pytest.mark.parametrize("seed", range(60))
def test_equal_risks_among_several_get_equal_bits(seed):
    """So that the difference of two regimes with the same ranking is exactly 0."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(60, 260))
    time, event = rng.exponential(2, n).round(2) + 0.01, rng.choice([0, 1, 2], n)
    weights = np.vstack([np.ones(n), rng.multinomial(n, np.ones(n) / n, 200)]).astype(float)
    fold = Fold(weigh(time, event, weights), np.flatnonzero(rng.random(n) < 0.5), 5.0)
    risks = rng.normal(size=(int(rng.integers(3, 25)), len(fold.members)))
    risks[::2] = risks[0]
    for won, _ in (*fold.concordance(risks).values(), fold.auc(risks, 2.0)):
        assert (won[::2] == won[0]).all()
