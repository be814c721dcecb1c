"""Net benefit against R (data/calibration.R) and its definition; derivatives of incidence against differences."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lifelines import KaplanMeierFitter

from hemapilots.evaluation.calibration import Status
from hemapilots.evaluation.censoring import aalen_johansen, weigh
from hemapilots.evaluation.incidence import incidence_gradients
from hemapilots.evaluation.resampling import bootstrap_weights
from hemapilots.evaluation.utility import net_benefit, standardised, thresholds_of

FOLDER = Path(__file__).parent / "data"
R = json.loads((FOLDER / "calibration.json").read_text())
DATA = pd.read_csv(FOLDER / "competing.csv")
TIME, EVENT, RISK = DATA["time"].to_numpy(), DATA["event"].to_numpy(), DATA["risk"].to_numpy()
THRESHOLDS = np.array(R["thresholds"])


def status(event=EVENT, weights=None):
    return Status(weigh(TIME, event, np.ones((1, len(TIME))) if weights is None else weights), float(R["at"]))


@pytest.mark.parametrize("act", ["above", "below"])
def test_net_benefit_with_competing_events_equals_r(act):
    np.testing.assert_allclose(net_benefit(status(), RISK, THRESHOLDS, act)[0], R[act], atol=1e-12)


def test_net_benefit_equals_r_and_lifelines_where_nothing_competes():
    found = net_benefit(status((EVENT == 1).astype(int)), RISK, THRESHOLDS, "above")[0]
    np.testing.assert_allclose(found, R["above_plain"], atol=1e-12)
    flagged = RISK >= 0.2
    rate = 1 - KaplanMeierFitter().fit(TIME[flagged], EVENT[flagged] == 1).predict(2.0)
    assert found[3] == pytest.approx(flagged.mean() * (rate - (1 - rate) * 0.2 / 0.8), abs=1e-12)


def test_incidence_of_groups_and_its_derivatives_equal_those_of_each_group_alone():
    groups = np.column_stack([np.ones(len(TIME), bool), RISK >= 0.2, TIME > 2.0, np.zeros(len(TIME), bool)])
    for event in (EVENT, (EVENT == 1).astype(int)):
        estimates, gradients = incidence_gradients(TIME, event, 2.0, groups)
        assert estimates[2:].tolist() == [0, 0] and not gradients[:, 2:].any()
        for group, estimate, gradient in zip(groups.T[:2], estimates, gradients.T, strict=False):
            time, own = TIME[group], event[group]
            step = np.vstack([np.ones(len(time)), 1 + 1e-6 * np.eye(len(time))])
            found, *moved = 1 - aalen_johansen(time, own, step).at(np.array([2.0]))[:, 0]
            assert estimate == pytest.approx(found, abs=1e-12) and not gradient[~group].any()
            np.testing.assert_allclose(gradient[group], (np.array(moved) - found) / 1e-6, atol=1e-6)


def test_replicates_are_near_the_bootstrap_of_the_curve_itself():
    weights = bootstrap_weights(np.zeros(len(TIME)), 300, 2)
    found = net_benefit(status(weights=weights), RISK, np.array([0.15]), "above")[:, 0]
    flagged = RISK >= 0.15
    rate = 1 - aalen_johansen(TIME[flagged], EVENT[flagged], weights[:, flagged]).at(np.array([2.0]))[:, 0]
    share = weights[:, flagged].sum(axis=1) / weights.sum(axis=1)
    exact = share * rate - share * (1 - rate) * 0.15 / 0.85
    assert found[0] == pytest.approx(exact[0], abs=1e-12)
    assert found[1:].std() == pytest.approx(exact[1:].std(), rel=0.03)
    assert np.corrcoef(found[1:], exact[1:])[0, 1] > 0.99


def test_treating_everybody_nobody_and_too_few():
    one = status()
    everybody = net_benefit(one, np.ones(len(TIME)), THRESHOLDS, "above")[0]
    observed = R["observed"]
    np.testing.assert_allclose(everybody, observed - (1 - observed) * THRESHOLDS / (1 - THRESHOLDS), atol=1e-12)
    assert (net_benefit(one, np.zeros(len(TIME)), THRESHOLDS, "above") == 0).all()
    few = np.where(np.arange(len(TIME)) < 5, 0.9, 0.01)
    assert np.isnan(net_benefit(one, few, np.array([0.5]), "above")).all()
    # Where one acts below the threshold, acting on nobody is worth nothing as well.
    assert (net_benefit(one, np.ones(len(TIME)), THRESHOLDS, "below") == 0).all()


def test_a_perfect_rule_has_a_standardised_net_benefit_of_one():
    uncensored = Status(weigh(TIME, np.ones(len(TIME), int), np.ones((1, len(TIME)))), 2.0)
    perfect = np.where(TIME <= 2, 1.0, 0.0)
    for act in ("above", "below"):
        benefit = net_benefit(uncensored, perfect, np.array([0.3]), act)
        if act == "above":
            # All flagged have the event by 2 years: nobody of them is at risk then, so the rule for small groups is left out here.
            assert np.isnan(benefit).all()
        else:
            assert standardised(uncensored, benefit, act)[0, 0] == pytest.approx(1.0)


def test_thresholds_are_points_with_the_ends_of_the_range():
    np.testing.assert_allclose(thresholds_of({"thresholds": [0.03, 0.06]}), [0.03, 0.04, 0.05, 0.06])
    np.testing.assert_allclose(thresholds_of({"thresholds": [0.025, 0.04]}), [0.025, 0.03, 0.04])
