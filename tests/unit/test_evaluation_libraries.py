"""Every metric against independent libraries, on GBSG2 and on a generated cohort with tied times; and in days as in years.

A Cox model is fitted on one half and judged on the other. Where a library defines a figure otherwise, the test says how.
"""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from dcurves import dca
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.utils import concordance_index
from sksurv.datasets import load_gbsg2
from sksurv.metrics import brier_score, concordance_index_ipcw, cumulative_dynamic_auc, integrated_brier_score
from sksurv.util import Surv
from SurvivalEVAL import CompetingRisksEvaluator, SurvivalEvaluator
from torchsurv.metrics.auc import Auc
from torchsurv.metrics.brier_score import BrierScore
from torchsurv.metrics.cindex import ConcordanceIndex

from hemapilots.evaluation.calibration import Status, d_calibration_shares
from hemapilots.evaluation.censoring import kaplan_meier, weigh
from hemapilots.evaluation.discrimination import Fold
from hemapilots.evaluation.prediction_error import brier, integrated
from hemapilots.evaluation.utility import net_benefit, standardised

YEAR = 365.25
AT = np.array([1.0, 2.0, 3.0, 4.0])
GRID = np.arange(0.25, 5.01, 0.25)
# Up to where everybody has left, so that no library must extend a curve.
LONG = np.arange(0.05, 10.01, 0.05)
THRESHOLDS = np.array([0.1, 0.2, 0.3, 0.4])


def gbsg2():
    table, outcome = load_gbsg2()
    x = table[["age", "pnodes", "progrec", "tsize"]].astype(float)
    return x.assign(nodes=np.log1p(x["pnodes"])), outcome["time"] / YEAR, outcome["cens"].astype(int)


def generated():
    """Times rounded up to months, so that events tie with events and with censorings; the last patient is censored alone."""
    rng = np.random.default_rng(8)
    x = pd.DataFrame(rng.normal(size=(900, 3)), columns=["a", "b", "c"])
    time = rng.exponential(4 * np.exp(-0.7 * x["a"] + 0.4 * x["b"]).to_numpy())
    limit = rng.uniform(1, 9, len(x))
    event = (time <= limit).astype(int)
    time = np.ceil(np.minimum(time, limit) * 12) / 12
    time[-1], event[-1] = 9.5, 0
    return x, time, event


def judged(cohort):
    """The test half: time, event, risk of a Cox model fitted on the other half, and its survival at AT and on GRID."""
    x, time, event = cohort()
    train, test = np.arange(0, len(x), 2), np.arange(1, len(x), 2)
    model = CoxPHFitter(penalizer=0.01).fit(x.iloc[train].assign(t=time[train], e=event[train]), "t", "e")
    survival = model.predict_survival_function(x.iloc[test], times=np.r_[AT, GRID, LONG]).to_numpy().T
    risk = model.predict_log_partial_hazard(x.iloc[test]).to_numpy()
    # The references tie risks within 1e-8, ours only equal ones.
    risk = np.round(risk, 4)
    at, grid, long = np.split(survival, [len(AT), len(AT) + len(GRID)], axis=1)
    return SimpleNamespace(time=time[test], event=event[test], risk=risk, at=at, grid=grid, long=long)


COHORTS = {"gbsg2": judged(gbsg2), "generated": judged(generated)}


@pytest.fixture(params=COHORTS)
def one(request):
    return COHORTS[request.param]


def weighed(one, left=True):
    return weigh(one.time, one.event, np.ones((1, len(one.time))), left)


def ratio(pair):
    return (pair[0] / pair[1])[0]


def concordances(one, tau, left=True):
    fold = Fold(weighed(one, left), np.arange(len(one.time)), tau)
    return {name: ratio(pair) for name, pair in fold.concordance(one.risk).items()}


def evaluator(one):
    """SurvivalEVAL's, with curves that start at 1."""
    curves = np.column_stack([np.ones(len(one.time)), one.long])
    return SurvivalEvaluator(curves, np.r_[0.0, LONG], one.time, one.event, one.time, one.event)


def outcome(one):
    """scikit-survival's, twice: patients who tell the censoring curve, and those judged."""
    return [Surv.from_arrays(one.event.astype(bool), one.time)] * 2


def tensors(one):
    """torchsurv's risk, event, time in single precision, which is all its Uno's C takes; and the weights 1 / G(time-)."""
    weights = 1 / np.maximum(censoring(one).before(one.time)[0], 1e-9)
    parts = (one.risk.astype(np.float32), one.event.astype(bool), one.time.astype(np.float32))
    return tuple(map(torch.tensor, parts)), torch.tensor(weights.astype(np.float32))


def censoring(one):
    return kaplan_meier(one.time, one.event != 0, np.ones((1, len(one.time))), censoring=True)


def test_harrell_c(one):
    found = concordances(one, np.inf)["harrell_c"]
    assert found == pytest.approx(concordance_index(one.time, -one.risk, one.event), abs=1e-12)
    assert found == pytest.approx(float(ConcordanceIndex()(*tensors(one)[0])), abs=1e-6)


def test_uno_c(one):
    """scikit-survival weighs by G(t), `left=False`; the primary figure by G(t-), as torchsurv does with these weights."""
    expected = concordance_index_ipcw(*outcome(one), one.risk, tau=5.0)[0]
    assert concordances(one, 5.0, left=False)["uno_c"] == pytest.approx(expected, abs=1e-10)
    parts, weights = tensors(one)
    found = concordances(one, 5.0)["uno_c"]
    assert found == pytest.approx(float(ConcordanceIndex()(*parts, weight=weights, tmax=torch.tensor(5.0))), abs=1e-6)
    # SurvivalEVAL ranks by the curves' median, and its risks tie elsewhere.
    assert found == pytest.approx(evaluator(one).concordance(method="Uno", tau=5.0)[0], abs=1e-4)


def test_auc(one):
    parts, weights = tensors(one)
    left, right = (Fold(weighed(one, left), np.arange(len(one.time)), 5.0) for left in (True, False))
    for horizon, reached in zip(AT, censoring(one).at(AT)[0], strict=True):
        asked = {"weight": weights, "weight_new_time": torch.tensor([1 / reached], dtype=torch.float32)}
        expected = Auc()(*parts, new_time=torch.tensor([horizon], dtype=torch.float32), **asked)
        assert ratio(left.auc(one.risk, horizon)) == pytest.approx(float(expected), abs=1e-6)
        expected = cumulative_dynamic_auc(*outcome(one), one.risk, [horizon])[0][0]
        assert ratio(right.auc(one.risk, horizon)) == pytest.approx(expected, abs=1e-10)


def test_brier_and_its_integral(one):
    (_, event, time), weights = tensors(one)
    found = brier(weighed(one), one.at, AT)[0]
    reached = torch.tensor((1 / censoring(one).at(AT)[0]).astype(np.float32))
    at = torch.tensor(AT.astype(np.float32))
    curves = torch.tensor(one.at.astype(np.float32))
    expected = BrierScore()(curves, event, time, new_time=at, weight=weights, weight_new_time=reached)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-6)
    right = weighed(one, left=False)
    np.testing.assert_allclose(brier(right, one.at, AT)[0], brier_score(*outcome(one), one.at, AT)[1], atol=1e-10)
    expected = integrated_brier_score(*outcome(one), one.grid, GRID)
    assert integrated(brier(right, one.grid, GRID), GRID)[0] == pytest.approx(expected, abs=1e-10)
    expected = evaluator(one).integrated_brier_score(target_times=GRID)
    # SurvivalEVAL takes who leaves at a time of the grid as gone before it.
    assert integrated(brier(weighed(one), one.grid, GRID), GRID)[0] == pytest.approx(expected, abs=2e-4)


def test_d_calibration(one):
    """SurvivalEVAL counts from the highest tenth; shares, not its p value, which is wrong on coarse grids."""
    bins = np.asarray(evaluator(one).d_calibration()[1], float)
    np.testing.assert_allclose(
        d_calibration_shares(weighed(one), one.long, LONG)[0][::-1], bins / bins.sum(), atol=1e-12
    )


def test_distances_of_calibration(one):
    """SurvivalEVAL smooths by a spline in a Cox model of all follow-up, ours of what happened by the horizon (R has ours)."""
    found = Status(weighed(one), 2.0).measures(1 - one.at[:, 1])
    expected = evaluator(one).integrated_calibration_index(2.0, draw_figure=False)
    assert found["ici"][0] == pytest.approx(float(expected["ICI"]), abs=6e-3)
    assert found["e50"][0] == pytest.approx(float(expected["E50"]), abs=1e-2)


def test_observed_probability(one):
    curve = KaplanMeierFitter().fit(one.time, one.event)
    for horizon in AT:
        expected = 1 - curve.predict(horizon)
        assert Status(weighed(one), horizon).observed[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("horizon", [2.0, 3.0])
def test_net_benefit(one, horizon):
    risk, status = 1 - one.at[:, list(AT).index(horizon)], Status(weighed(one), horizon)
    found = net_benefit(status, risk, THRESHOLDS, "above")
    frame = pd.DataFrame({"risk": risk, "event": one.event, "time": one.time})
    curves = dca(frame, "event", ["risk"], thresholds=THRESHOLDS, time=horizon, time_to_outcome_col="time")
    by_name = {name: part["net_benefit"].to_numpy() for name, part in curves.groupby("model")}
    np.testing.assert_allclose(found[0], by_name["risk"], atol=1e-12)
    everybody = net_benefit(status, np.ones(len(risk)), THRESHOLDS, "above")
    np.testing.assert_allclose(everybody[0], by_name["all"], atol=1e-12)
    np.testing.assert_allclose(standardised(status, found, "above")[0], found[0] / status.observed[0], atol=1e-12)


def test_competing_events_equal_survivaleval():
    """C (Wolbers), AUC and Brier with a competing event; AUC away from times at which somebody leaves, which it takes as gone before."""
    data = pd.read_csv(Path(__file__).parent / "data" / "competing.csv")
    time, event, n = data["time"].to_numpy(), data["event"].to_numpy(), len(data)
    grid = np.arange(0.25, 20.01, 0.25)
    incidence = data["risk"].to_numpy()[:, None] * grid / 20
    curves = np.stack([incidence, np.tile(0.3 * grid / 20, (n, 1))], axis=1)
    known = {"train_event_times": time, "train_event_indicators": event}
    judge = CompetingRisksEvaluator(curves, grid, time, event, **known)
    for horizon in (2.25, 4.25, 6.25):
        risk = incidence[:, list(grid).index(horizon)]
        fold = Fold(weigh(time, event, np.ones((1, n))), np.arange(n), horizon)
        asked = {"method": "IPCW", "tau": horizon, "predict_risk_method": "CIF", "target_time": horizon}
        assert ratio(fold.concordance(risk)["uno_c"]) == pytest.approx(
            judge.concordance_per_event(1, **asked)[0], abs=1e-9
        )
        expected = judge.auc_per_event(1, horizon, method="IPCW")
        assert ratio(fold.auc(risk, horizon)) == pytest.approx(expected, abs=1e-9)
        found = brier(fold.outcomes, 1 - risk[:, None], np.array([horizon]))[0, 0]
        assert found == pytest.approx(judge.brier_score_per_event(1, horizon), abs=1e-5)


def test_days_and_years_give_the_same(one):
    """Every figure, and its replicates, with time in days: only the unit of horizons and of the grid changes."""
    rng = np.random.default_rng(1)
    weights = np.vstack([np.ones(len(one.time)), rng.integers(0, 3, (3, len(one.time)))]).astype(float)
    years, days = (figures(one, weights, unit) for unit in (1.0, YEAR))
    assert years.keys() == days.keys() and len(years) > 15
    for name, values in years.items():
        np.testing.assert_allclose(days[name], values, rtol=1e-9, atol=1e-12, err_msg=name)


def figures(one, weights, unit):
    """Every metric of the table, times multiplied by `unit`."""
    outcomes = weigh(one.time * unit, one.event, weights)
    fold = Fold(outcomes, np.arange(len(one.time)), 5.0 * unit)
    found = {name: num / den for name, (num, den) in fold.concordance(one.risk).items()}
    found["ibs"] = integrated(brier(outcomes, one.grid, GRID * unit), GRID * unit)
    found["d_calibration"] = d_calibration_shares(outcomes, one.long, LONG * unit)
    for k, horizon in enumerate(AT[:2] * unit):
        status, risk = Status(outcomes, horizon), 1 - one.at[:, k]
        num, den = fold.auc(one.risk, horizon)
        values = status.measures(risk) | {
            "auc": num / den,
            "brier": brier(outcomes, one.at[:, [k]], np.array([horizon])),
        }
        values["net_benefit"] = net_benefit(status, risk, THRESHOLDS[:2], "above")
        found |= {f"{name} {k}": value for name, value in values.items()}
    return found
