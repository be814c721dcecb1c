"""Competing events and late entry against R (values in data/competing.json, made by data/competing.R) and scikit-survival."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lifelines import AalenJohansenFitter, KaplanMeierFitter
from sksurv.nonparametric import cumulative_incidence_competing_risks

from hemapilots.evaluation import discrimination
from hemapilots.evaluation.censoring import aalen_johansen, weigh
from hemapilots.evaluation.curves import incidence_from_counts, kaplan_meier_from_counts, merge_cells, site_curves
from hemapilots.evaluation.discrimination import Fold
from hemapilots.evaluation.prediction_error import brier
from hemapilots.federation.client import client_app
from hemapilots.federation.grid import LocalGrid
from hemapilots.federation.plan import Plan
from hemapilots.federation.release import Exit
from hemapilots.federation.server import train
from hemapilots.federation.training import training_data
from hemapilots.models import cox
from hemapilots.models.hazards import event_free

FOLDER = Path(__file__).parent / "data"
R = json.loads((FOLDER / "competing.json").read_text())
DATA = pd.read_csv(FOLDER / "competing.csv")
TIME, EVENT, RISK = DATA["time"].to_numpy(), DATA["event"].to_numpy(), DATA["risk"].to_numpy()
COLUMNS = [{"column": "x1", "flag": False}, {"column": "x2", "flag": True}]
NEWTON = {"name": "newton", "baseline": "site", "rounds": 40, "tolerance": 1e-12}


def fold(weights=None, tau=np.inf):
    weights = np.ones((1, len(TIME))) if weights is None else weights
    return Fold(weigh(TIME, EVENT, weights), np.arange(len(TIME)), tau)


def federate(cause, late=True, by_site=True, ties="efron"):
    """A federation of the three sites, or of one that holds all rows, without penalty."""
    apps = {}
    for site, rows in DATA.groupby("site" if by_site else np.zeros(len(DATA))):
        row = rows.index.to_numpy()
        outcome = {"os_entry": rows["entry"] if late else 0.0, "os_time": rows["time"], "os_event": rows["event"]}
        tables = {
            "harmonized": pd.DataFrame({"row": row, **outcome}),
            "design": pd.DataFrame({"row": row, "x1": rows["x1"], "x2": rows["x2"]}),
            "folds": pd.DataFrame({0: 0}, index=pd.Index(row, name="row")),
        }
        data = training_data(tables, "os", COLUMNS, cause=cause)
        apps[str(site)] = client_app("cox", data, Exit(str(site), "test", "off"))
    plan = Plan(["x1", "x2"], np.array([False, True]), 0, 0, np.zeros(1), ties, np.array([1.0]))
    return train(LocalGrid(apps), plan, NEWTON)


def raw(fitted):
    """Coefficients and standard errors per unit of the columns."""
    scale = fitted.preprocessing.scale[0]
    return fitted.coefficients[0, 0] / scale, fitted.standard_errors / scale


def test_aalen_johansen_equals_r_and_scikit_survival():
    found = 1 - aalen_johansen(TIME, EVENT, np.ones((1, len(TIME)))).at(np.array(R["at"], float))[0]
    np.testing.assert_allclose(found, R["aalen_johansen"]["event"], atol=1e-12)
    times, incidence = cumulative_incidence_competing_risks(EVENT, TIME)
    ours = 1 - aalen_johansen(TIME, EVENT, np.ones((1, len(TIME)))).at(times)[0]
    np.testing.assert_allclose(ours, incidence[1], atol=1e-12)


def test_weighted_aalen_johansen_is_that_of_repeated_patients():
    weights = np.random.default_rng(1).integers(0, 3, len(TIME))
    found = aalen_johansen(TIME, EVENT, weights[None].astype(float)).at(np.array([3.0]))
    again = aalen_johansen(np.repeat(TIME, weights), np.repeat(EVENT, weights), np.ones((1, weights.sum())))
    assert found[0, 0] == pytest.approx(again.at(np.array([3.0]))[0, 0], abs=1e-12)


def test_concordance_with_competing_events_equals_r():
    assert fold().concordance(RISK)["harrell_c"][0] / fold().concordance(RISK)["harrell_c"][1] == pytest.approx(
        R["harrell"], abs=1e-12
    )
    apart = weigh(TIME + np.arange(1, len(TIME) + 1) * 1e-5, EVENT, np.ones((1, len(TIME))))
    num, den = Fold(apart, np.arange(len(TIME)), 5.0).concordance(RISK)["uno_c"]
    assert num[0] / den[0] == pytest.approx(R["uno_5"], abs=1e-6)


def test_expanded_concordance_equals_all_pairs_and_its_gradient(monkeypatch):
    rng = np.random.default_rng(3)
    step = np.ones((2, len(TIME)))
    step[1] += 1e-4 * rng.normal(size=len(TIME))
    exact = fold(step, tau=5.0).concordance(RISK)
    monkeypatch.setattr(discrimination, "EXACT_PAIRS", 0)
    expanded = fold(step, tau=5.0).concordance(RISK)
    for name in exact:
        ratio, approximate = (found[name][0] / found[name][1] for found in (exact, expanded))
        assert approximate[0] == pytest.approx(ratio[0], abs=1e-6)
        assert approximate[1] - approximate[0] == pytest.approx(ratio[1] - ratio[0], rel=5e-2)


def test_auc_and_brier_equal_riskregression():
    for at, auc, error in zip(R["at"], R["auc"], R["brier"], strict=True):
        num, den = fold().auc(RISK, at)
        assert num[0] / den[0] == pytest.approx(auc, abs=1e-10)
        found = brier(weigh(TIME, EVENT, np.ones((1, len(TIME)))), 1 - RISK[:, None], np.array([float(at)]))
        assert found[0, 0] == pytest.approx(error, abs=1e-10)


@pytest.mark.parametrize("cause", [1, 2])
def test_cause_specific_cox_with_late_entry_equals_r(cause):
    coefficients, errors = raw(federate(cause))
    expected = R[f"late_cause_{cause}"]
    np.testing.assert_allclose(coefficients, expected["coefficients"], atol=1e-8)
    np.testing.assert_allclose(errors, expected["se"], atol=1e-8)


def test_late_survival_equals_r_at_death_times():
    fitted = federate(1, by_site=False)
    np.testing.assert_allclose(raw(fitted)[0], R["late_survival"]["coefficients"], atol=1e-8)
    order = np.argsort(TIME, kind="stable")
    outcome = DATA["entry"].to_numpy()[order], TIME[order], (EVENT[order] == 1).astype(float)
    risk = (DATA[["x1", "x2"]] @ R["late_survival"]["coefficients"]).to_numpy()
    times, survival = (np.array(R["late_survival"][name]) for name in ("times", "survival"))
    deaths = np.isin(times, TIME[EVENT == 1])
    patient = np.array([0.5, 1.0]) @ R["late_survival"]["coefficients"]
    ours = cox.baseline_on(times[deaths], risk[order], *outcome, "efron")
    np.testing.assert_allclose(cox.survival(np.array([patient]), ours)[0], survival[deaths], atol=1e-8)
    # From one age to another, between two times of R's curve.
    one, other = np.flatnonzero(deaths)[[10, 40]]
    at = cox.baseline_on(times[[one, other]], risk[order], *outcome, "efron")
    found = cox.survival(np.array([patient]), at[None, 1:], at[:1])
    assert found[0, 0] == pytest.approx(survival[other] / survival[one], abs=1e-8)


def test_incidence_from_two_hazards_equals_r_where_every_time_is_a_cell():
    fits = [federate(cause, late=False, by_site=False, ties="breslow") for cause in (1, 2)]
    coefficients = [raw(fitted)[0] for fitted in fits]
    np.testing.assert_allclose(np.array(coefficients).T, R["incidence"]["coefficients"], atol=1e-7)
    order, times = np.argsort(TIME, kind="stable"), np.array(R["incidence"]["times"])
    hazards = []
    for cause, beta in zip((1, 2), coefficients, strict=True):
        risk, patient = (DATA[["x1", "x2"]].to_numpy() @ beta)[order], np.array([[0.5, 1.0]]) @ beta
        event = (EVENT[order] == cause).astype(float)
        baseline = cox.baseline_on(times, risk, np.zeros(len(TIME)), TIME[order], event, "breslow")
        hazards.append(cox.gained(patient, baseline))
    np.testing.assert_allclose(1 - event_free(*hazards)[0], R["incidence"]["event"], atol=1e-7)
    # On quarter-years, as it is predicted, it hardly differs.
    quarters = np.arange(0.25, 8.01, 0.25)
    places = np.searchsorted(times, quarters + 1e-9) - 1
    coarse = 1 - event_free(*(hazard[:, places] for hazard in hazards))[0]
    assert np.abs(coarse - np.array(R["incidence"]["event"])[places]).max() < 0.004


def test_incidence_and_event_free_agree_with_closed_forms():
    times = np.array([[1.0, 2.0, 5.0]])
    np.testing.assert_allclose(event_free(0.2 * times), np.exp(-0.2 * times))
    together = event_free(0.2 * times, 0.3 * times)
    np.testing.assert_allclose(1 - together, 0.4 * (1 - np.exp(-0.5 * times)), atol=1e-12)
    assert np.isnan(event_free(np.array([[0.1, np.nan]]), np.array([[0.1, 0.2]]))[0]).tolist() == [False, True]


def counts_of(edges, entry=None):
    """Exact counts of the data per cell."""
    entry = np.zeros(len(TIME)) if entry is None else entry
    columns = [
        np.histogram(np.nextafter(values, -1), edges)[0] for values in (TIME[EVENT == code] for code in (1, 2, 0))
    ]
    entered = np.histogram(np.nextafter(entry[entry > 0], -1), edges)[0]
    return merge_cells(edges, int((entry <= edges[0]).sum()), np.column_stack([entered, *columns]), 0)


def test_incidence_from_counts_equals_aalen_johansen_and_its_interval():
    edges = np.r_[0.0, np.unique(TIME[TIME <= 6])]
    counts = counts_of(edges).assign(years=np.nan)
    for kind in ("event", "competing"):
        curve = incidence_from_counts(counts, "events" if kind == "event" else kind).set_index("time")
        for at, expected, error in zip(
            R["at"], R["aalen_johansen"][kind], R["aalen_johansen"][f"{kind}_se"], strict=True
        ):
            row = curve.iloc[np.searchsorted(curve.index, at, side="right") - 1]
            assert row["incidence"] == pytest.approx(expected, abs=1e-12)
            width = 1.959964 * error / abs(expected * np.log(expected))
            assert row["lower"] == pytest.approx(expected ** np.exp(width), abs=2e-3)
            assert row["upper"] == pytest.approx(expected ** np.exp(-width), abs=2e-3)
    fitter = AalenJohansenFitter(calculate_variance=False, seed=1, jitter_level=1e-9).fit(
        TIME, EVENT, event_of_interest=1
    )
    value = fitter.cumulative_density_.loc[:4.0].iloc[-1, 0]
    assert incidence_from_counts(counts).set_index("time")["incidence"].loc[:4.0].iloc[-1] == pytest.approx(
        value, abs=1e-3
    )


def simulated(n, seed):
    """Ages with a constant hazard of 0.05 a year and entry at any age to 40; who dies before entry is not seen."""
    rng = np.random.default_rng(seed)
    age, entry = rng.exponential(20, 3 * n), rng.uniform(0, 40, 3 * n)
    seen = np.flatnonzero(age > entry)[:n]
    leave = entry[seen] + rng.uniform(0.5, 15, len(seen))
    time, event = np.minimum(age[seen], leave), (age[seen] <= leave).astype(float)
    return pd.DataFrame({"os_entry": entry[seen], "os_time": time, "os_event": event})


LATE = {"endpoints": ["os"], "entry": ["os"], "grid": [], "scale_grid": np.arange(0, 120.25, 0.25), "minimum_cell": 5}


def test_curve_with_late_entry_recovers_the_hazard_and_hides_small_cells():
    table = simulated(3000, 1)
    cells = site_curves("a", table, LATE)
    curve = kaplan_meier_from_counts(cells)
    start = curve["time"].iloc[0]
    expected = np.exp(-0.05 * (curve["time"] - start))
    inside = curve["time"] < 40
    assert np.abs(curve["survival"] - expected)[inside].max() < 0.04
    assert ((curve["lower"] <= expected) & (expected <= curve["upper"]))[inside].mean() > 0.8
    naive = KaplanMeierFitter().fit(table["os_time"], table["os_event"]).predict(20)
    assert naive > np.exp(-1) + 0.2
    for kind in ("entered", "events", "competing", "censored"):
        assert not cells[kind].between(1, 4).any()
    assert (cells["at_risk"] >= 10).all()
    assert cells["years"].sum() == pytest.approx(
        (
            np.clip(table["os_time"], start, cells["end"].iloc[-1])
            - np.clip(table["os_entry"], start, cells["end"].iloc[-1])
        ).sum()
    )


def test_curve_with_late_entry_begins_where_ten_are_at_risk():
    table = simulated(200, 2)
    start = site_curves("a", table, LATE)["start"].iloc[0]
    at_risk = [((table["os_entry"] <= age) & (table["os_time"] > age)).sum() for age in (start - 0.25, start)]
    assert at_risk[0] < 10 <= at_risk[1]


def test_a_few_early_patients_do_not_end_the_curve():
    table = simulated(400, 3)
    early = pd.DataFrame({"os_entry": 0.1, "os_time": np.linspace(0.3, 0.9, 12), "os_event": 0.0})
    later = table[table["os_entry"] > 3]
    curve = site_curves("a", pd.concat([early, later]), LATE)
    assert 3 < curve["start"].iloc[0] and curve["end"].iloc[-1] > 20
