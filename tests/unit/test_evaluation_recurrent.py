"""Estimators of recurrent events: equal to R (survival, MASS), and right where the truth is known."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from hemapilots.evaluation.recurrent.andersen_gill import andersen_gill
from hemapilots.evaluation.recurrent.mean_function import mean_function
from hemapilots.evaluation.recurrent.negative_binomial import negative_binomial
from hemapilots.evaluation.recurrent.sample import Sample, sample_of

DATA = Path(__file__).parent / "data"
R = json.loads((DATA / "recurrent.json").read_text())
TABLE = pd.read_csv(DATA / "recurrent.csv").rename(columns={"id": "row"}).assign(outcome="attack")


def loaded() -> tuple[Sample, pd.DataFrame]:
    return sample_of(TABLE, TABLE.drop_duplicates("row")[["row", "site", "group"]], "attack")


def indicators(groups: np.ndarray) -> np.ndarray:
    return np.column_stack([groups == level for level in (1, 2)]).astype(float)


def test_mean_function_and_its_error_equal_survfit():
    sample, patients = loaded()
    for group, wanted in R["mean_function"].items():
        mean, error = mean_function(sample.part((patients["group"] == int(group)).to_numpy()), np.array(R["at"], float))
        np.testing.assert_allclose(mean, wanted["mean"], rtol=1e-10)
        np.testing.assert_allclose(error, wanted["se"], rtol=1e-8)


def test_andersen_gill_equals_coxph():
    sample, patients = loaded()
    groups, site = patients["group"].to_numpy(), patients["site"].to_numpy()
    found, covariance = andersen_gill([sample], [indicators(groups)])
    np.testing.assert_allclose(found, R["andersen_gill"]["coefficients"], atol=1e-8)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), R["andersen_gill"]["se"], rtol=1e-8)
    parts = [site == place for place in (3, 1, 2)]
    found, covariance = andersen_gill([sample.part(one) for one in parts], [indicators(groups[one]) for one in parts])
    np.testing.assert_allclose(found, R["andersen_gill_by_site"]["coefficients"], atol=1e-8)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), R["andersen_gill_by_site"]["se"], rtol=1e-8)


def test_negative_binomial_equals_glm_nb():
    sample, patients = loaded()
    groups, site = indicators(patients["group"].to_numpy()), patients["site"].to_numpy()
    sites = np.column_stack([site == place for place in (1, 2, 3)]).astype(float)
    for name, x in (
        ("negative_binomial", np.column_stack([np.ones(len(groups)), groups])),
        ("negative_binomial_by_site", np.column_stack([sites, groups])),
    ):
        found, covariance, phi = negative_binomial(sample.counts, sample.end, x)
        np.testing.assert_allclose(found, R[name]["coefficients"], atol=1e-6)
        np.testing.assert_allclose(np.sqrt(np.diag(covariance)), R[name]["se"], rtol=1e-5)
        assert phi == pytest.approx(R[name]["phi"], rel=1e-5)


def test_counts_without_overdispersion_are_poisson_s():
    """Counts that vary less than Poisson's have no dispersion; the rate ratio is then that of the totals."""
    counts, years = np.tile([2, 2, 2, 4, 4, 4], 20), np.tile([1.0, 1.0, 1.0, 1.0, 1.0, 1.0], 20)
    group = np.tile([0, 0, 0, 1, 1, 1], 20).astype(float)
    found, covariance, phi = negative_binomial(counts, years, np.column_stack([np.ones(120), group]))
    assert phi < 1e-6
    assert found[1] == pytest.approx(np.log(2), abs=1e-7)
    assert covariance[1, 1] == pytest.approx(1 / 120 + 1 / 240, rel=1e-5)


def test_without_deaths_the_mean_function_sums_episodes_over_those_under_observation():
    sample = Sample(np.array([2.0, 4.0, 4.0]), np.zeros(3, bool), np.array([0, 1, 1]), np.array([1.0, 1.5, 3.0]))
    mean, _ = mean_function(sample, np.array([0.5, 1.0, 2.0, 4.0]))
    np.testing.assert_allclose(mean, [0, 1 / 3, 2 / 3, 2 / 3 + 1 / 2])


def test_error_of_the_mean_function_is_that_of_weights_moved_a_little():
    """The influence of a patient is the derivative by the weight: the plain weighted estimator, moved."""
    sample, _ = loaded()
    small = sample.part(np.arange(len(sample.end)) < 40)

    def weighted(weights: np.ndarray, at: float) -> float:
        mean, survival = 0.0, 1.0
        for t in np.unique(np.concatenate([small.time, small.end[small.died]])):
            if t > at:
                break
            at_risk = weights[small.end >= t].sum()
            mean += survival * weights[small.patient[small.time == t]].sum() / at_risk
            survival *= 1 - weights[small.died & (small.end == t)].sum() / at_risk
        return mean

    moved, h = [], 1e-6
    for patient in range(40):
        up = np.where(np.arange(40) == patient, 1 + h, 1.0)
        down = np.where(np.arange(40) == patient, 1 - h, 1.0)
        moved.append((weighted(up, 3.0) - weighted(down, 3.0)) / (2 * h))
    mean, error = mean_function(small, np.array([3.0]))
    assert mean[0] == pytest.approx(weighted(np.ones(40), 3.0), rel=1e-12)
    assert error[0] == pytest.approx(np.sqrt(np.sum(np.square(moved))), rel=1e-6)


def drawn(rng: np.random.Generator, n: int, ratio: float, death: float = 0.15) -> tuple[Sample, np.ndarray]:
    """Patients of two groups with gamma frailties (variance 1), rates 1 and `ratio` a year, death at a constant hazard."""
    group = rng.random(n) < 0.5
    at_death, end = rng.exponential(1 / death, n), rng.uniform(2, 6, n)
    died, end = at_death < end, np.minimum(at_death, end)
    count = rng.poisson(rng.gamma(1.0, 1.0, n) * np.where(group, ratio, 1.0) * end)
    patient = np.repeat(np.arange(n), count)
    return Sample(end, died, patient, rng.random(len(patient)) * end[patient]), group.astype(float)


def test_intervals_cover_the_truth_in_invented_patients():
    """Rate ratio 1.6; mean number by 3 years of who lives on at rate 1 and dies at 0.15 a year: (1 - exp(-0.45)) / 0.15."""
    ratio, runs, covered = 1.6, 200, {"nb": 0, "ag": 0, "mean": 0}
    truth = (1 - np.exp(-0.45)) / 0.15
    for run in range(runs):
        sample, group = drawn(np.random.default_rng([5, run]), 300, ratio)
        b, covariance, _ = negative_binomial(sample.counts, sample.end, np.column_stack([np.ones(300), group]))
        covered["nb"] += abs(b[1] - np.log(ratio)) < 1.96 * np.sqrt(covariance[1, 1])
        b, covariance = andersen_gill([sample], [group[:, None]])
        covered["ag"] += abs(b[0] - np.log(ratio)) < 1.96 * np.sqrt(covariance[0, 0])
        mean, error = mean_function(sample.part(group == 0), np.array([3.0]))
        covered["mean"] += abs(np.log(mean[0] / truth)) < 1.96 * error[0] / mean[0]
    for name, count in covered.items():
        low, high = binomtest(int(count), runs).proportion_ci(0.999, "exact")
        assert low <= 0.95 <= high, (name, count)
