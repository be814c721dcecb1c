"""Intervals cover: 200 cohorts with a fixed risk score, truth from 200,000 patients of the same law."""

import numpy as np
import pytest
from scipy.stats import beta

from hemapilots.evaluation.calibration import Status
from hemapilots.evaluation.censoring import weigh
from hemapilots.evaluation.comparison import interval
from hemapilots.evaluation.concordance import concordance
from hemapilots.evaluation.discrimination import Fold
from hemapilots.evaluation.resampling import bootstrap_weights
from hemapilots.evaluation.utility import net_benefit

TAU, COHORTS, PATIENTS, FOLDS = 3.0, 200, 500, 5


def patients(generator, n):
    """Risk with a log hazard of 1 per SD; about 45 % have the event; censoring is uniform."""
    x = generator.normal(size=n)
    time, limit = generator.exponential(6 * np.exp(-x)), generator.uniform(0, 9, n)
    return np.minimum(time, limit), time <= limit, x


def contains(hits, level=0.999):
    """Whether the exact binomial interval of the observed coverage contains 0.95."""
    tail = (1 - level) / 2
    upper = beta.ppf(1 - tail, hits + 1, COHORTS - hits) if hits < COHORTS else 1.0
    return beta.ppf(tail, hits, COHORTS - hits + 1) <= 0.95 <= upper


def folded(metric, time, event, risk, weights, fold):
    outcomes = weigh(time, event, weights)
    members = [np.flatnonzero(fold == k) for k in range(FOLDS)]
    parts = [Fold(outcomes, m, TAU).concordance(risk[m])[metric] for m in members]
    return sum(part[0] for part in parts) / sum(part[1] for part in parts)


@pytest.fixture(scope="module")
def cohorts():
    drawn = []
    for k in range(COHORTS):
        generator = np.random.default_rng([2026, k])
        time, event, risk = patients(generator, PATIENTS)
        fold = generator.permutation(PATIENTS) % FOLDS
        drawn.append((time, event, risk, bootstrap_weights(fold, 250, k), fold))
    assert min(event.sum() for _, event, _, _, _ in drawn) >= 150
    return drawn


@pytest.mark.parametrize("metric", ["uno_c", "harrell_c"])
def test_bootstrap_intervals_of_out_of_fold_concordance_cover(cohorts, metric):
    ipcw = metric == "uno_c"
    large = patients(np.random.default_rng([2026, 10**6]), 200_000)
    truth = concordance(*large, ipcw=ipcw, tau=TAU if ipcw else None)[0]
    found = [interval(folded(metric, *cohort), 0.95) for cohort in cohorts]
    assert contains(sum(one.lower <= truth <= one.upper for one in found))


@pytest.mark.parametrize("ipcw", [True, False])
def test_influence_intervals_cover(cohorts, ipcw):
    tau = TAU if ipcw else None
    large = patients(np.random.default_rng([2026, 10**6]), 200_000)
    truth = concordance(*large, ipcw=ipcw, tau=tau)[0]
    found = [concordance(time, event, risk, ipcw=ipcw, tau=tau) for time, event, risk, _, _ in cohorts]
    assert contains(sum(lower <= truth <= upper for _, lower, upper in found))


def test_paired_difference_covers(cohorts):
    """Difference between the risk and a noisier one, both fixed."""
    generator = np.random.default_rng([2026, 10**6])
    time, event, risk = patients(generator, 200_000)
    noise = generator.normal(size=200_000)
    truth = np.subtract(*(concordance(time, event, one, ipcw=True, tau=TAU)[0] for one in (risk, risk + noise)))
    hits = 0
    for k, (time, event, risk, weights, fold) in enumerate(cohorts):
        noisy = risk + np.random.default_rng([2027, k]).normal(size=len(risk))
        one, other = (folded("uno_c", time, event, r, weights, fold) for r in (risk, noisy))
        found = interval(one - other, 0.95)
        hits += found.lower <= truth <= found.upper
    assert contains(hits)


def risk_of(x, factor=1.0):
    """Probability of the event within TAU years of the law of `patients`, under `factor` times its hazard."""
    return -np.expm1(-factor * np.exp(x) * TAU / 6)


def test_bootstrap_intervals_of_calibration_in_the_large_cover(cohorts):
    x = np.random.default_rng(1).normal(size=1_000_000)
    truth = risk_of(x).mean() / risk_of(x, 0.8).mean()
    hits = 0
    for time, event, risk, weights, _ in cohorts:
        status = Status(weigh(time, event.astype(int), weights), TAU)
        found = interval(status.measures(risk_of(risk, 0.8))["oe"], 0.95)
        hits += found.lower <= truth <= found.upper
    assert contains(hits)


@pytest.mark.parametrize("threshold", [0.2, 0.4, 0.6])
def test_bootstrap_intervals_of_net_benefit_cover(cohorts, threshold):
    x = np.random.default_rng(1).normal(size=1_000_000)
    flagged = risk_of(x) >= threshold
    assert 0.1 <= flagged.mean() <= 0.9
    event = (risk_of(x) * flagged).mean()
    truth = event - (flagged.mean() - event) * threshold / (1 - threshold)
    hits = 0
    for time, event, risk, weights, _ in cohorts:
        status = Status(weigh(time, event.astype(int), weights), TAU)
        found = interval(net_benefit(status, risk_of(risk), np.array([threshold]), "above")[:, 0], 0.95)
        hits += found.lower <= truth <= found.upper
    assert contains(hits)
