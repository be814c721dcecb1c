"""By the weights that sites release with a ratio, their ratios give the ratio over all patients."""

import numpy as np
import pytest

from hemapilots.evaluation.calibration import Status
from hemapilots.evaluation.censoring import weigh
from hemapilots.evaluation.draws import _denominator, _of_status
from hemapilots.evaluation.utility import largest, net_benefit, standardised


def test_ratios_of_sites_give_the_ratio_of_the_sums():
    """Without censoring every part is a sum over patients: O/E, the index of prediction accuracy, standardised net benefit."""
    rng = np.random.default_rng(2)
    sizes, found = (140, 60), {"oe": [], "ipa": [], "standardised": []}
    observed, expected, error, nothing, benefit, most = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for n in sizes:
        time, event, risk = rng.exponential(2, n), np.ones(n, int), rng.uniform(0.1, 0.9, n)
        status = Status(weigh(time, event, np.ones((1, n))), 1.5)
        died = time <= 1.5
        ratio = float(died.sum() / risk.sum())
        found["oe"].append(_of_status(status, np.array([ratio]), _denominator(status, "oe", ratio)))
        brier, null = np.sum((died - risk) ** 2), np.sum((died - died.mean()) ** 2)
        found["ipa"].append(
            _of_status(status, np.array([1 - brier / null]), _denominator(status, "ipa", 1 - brier / null))
        )
        own = net_benefit(status, risk, np.array([0.3]), "above")
        share = standardised(status, own, "above")[:, 0]
        found["standardised"].append(_of_status(status, share, float(largest(status, "above")[0])))
        observed, expected, error, nothing = observed + died.sum(), expected + risk.sum(), error + brier, nothing + null
        benefit, most = benefit + n * own[0, 0], most + died.sum()

    def together(name):
        weights = [draws.weight for draws in found[name]]
        return np.average([draws.values[0] for draws in found[name]], weights=weights)

    assert together("oe") == pytest.approx(observed / expected, rel=1e-12)
    assert together("ipa") == pytest.approx(1 - error / nothing, rel=1e-12)
    assert together("standardised") == pytest.approx(benefit / most, rel=1e-12)


def test_a_resample_in_which_everybody_has_the_event_tells_no_gain():
    """The error of telling everybody the same is then nought but for rounding, and dividing by it would give numbers without end."""
    rng = np.random.default_rng(4)
    time = np.append(rng.uniform(0.1, 1.0, 29), 3.0)
    weights = np.ones((2, 30))
    weights[1, -1] = 0
    status = Status(weigh(time, np.ones(30, int), weights), 1.5)
    assert status.null_brier[0] == pytest.approx(29 / 30 * (1 / 30) ** 2 + 1 / 30 * (29 / 30) ** 2)
    assert np.isnan(status.null_brier[1])
