"""Sample sizes against those that pmsampsize (R, version 1.1.3) is tested with, and against the definitions."""

import math

import pytest

from hemapilots.evaluation.sample_size import expected_shrinkage, largest_r_squared, needed

# R squared, parameters, rate, horizon, mean follow-up; patients for shrinkage 0.9 and for a difference of 0.05 in R squared.
PMSAMPSIZE = [
    ((0.051, 25, 0.065, 2, 2.07), (4286, 866)),
    ((0.065, 25, 0.065, 2, 2.07), (3335, 859)),
    ((0.051, 50, 0.065, 2, 2.07), (8572, 1731)),
    ((0.051, 25, 0.1, 2, 2.07), (4286, 731)),
    ((0.051, 25, 0.065, 2, 4), (4286, 679)),
    ((0.06, 40, 0.08, 3, 5), (5798, 969)),
    ((0.03, 10, 0.09, 3, 3), (2950, 272)),
    ((0.3, 80, 0.03, 1, 5), (1974, 2272)),
    # The worked example of its manual, on recurrent venous thrombosis: 5,143 patients, 692 events.
    ((0.051, 30, 0.065, 2, 2.07), (5143, 1039)),
]


@pytest.mark.parametrize(("given", "wanted"), PMSAMPSIZE)
def test_as_pmsampsize(given, wanted):
    r_squared, parameters, rate, horizon, follow_up = given
    found = needed(parameters, r_squared, rate, follow_up, horizon)
    assert found["shrinkage"] == wanted[0]
    # pmsampsize takes whole events among 10,000 patients, which moves the second by one at most.
    assert abs(found["optimism"] - wanted[1]) <= 1


def test_largest_r_squared_of_the_manual():
    assert largest_r_squared(0.065, 2.07) == pytest.approx(0.555, abs=5e-4)


def test_precision_is_met_by_so_many_and_not_by_one_fewer():
    rate, follow_up, horizon = 0.2, 1.5, 2.0
    patients = needed(10, 0.1, rate, follow_up, horizon)["precision"]

    def widest(n):
        step = 1.96 * math.sqrt(rate / (n * follow_up))
        risk = 1 - math.exp(-rate * horizon)
        return max(abs(1 - math.exp(-(rate + sign * step) * horizon) - risk) for sign in (1, -1))

    assert widest(patients) <= 0.05 < widest(patients - 1)


@pytest.mark.parametrize("factor", [0.5, 0.8, 0.9, 0.97])
def test_expected_shrinkage_inverts_the_first_criterion(factor):
    patients = needed(20, 0.1, 0.1, 3, 2, shrinkage=factor)["shrinkage"]
    assert expected_shrinkage(patients, 20, 0.1) == pytest.approx(factor, abs=1e-3)


def test_where_no_factor_solves_the_criterion_none_is_told():
    assert math.isnan(expected_shrinkage(2, 500, 0.15))


def test_fewer_patients_more_shrinkage():
    factors = [expected_shrinkage(patients, 60, 0.1) for patients in (50, 200, 1000, 10000)]
    assert factors == sorted(factors) and factors[0] < 0.5 and factors[-1] > 0.9
