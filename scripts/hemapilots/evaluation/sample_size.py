"""How many patients a model of times to an event needs: the criteria of Riley et al. (Stat Med 2019; BMJ 2020), as in pmsampsize."""

import math

from scipy.optimize import brentq

__all__ = ["ANTICIPATED", "Needed", "expected_shrinkage", "largest_r_squared", "needed"]

# What is anticipated of the model where nothing is known: this share of the largest possible Cox-Snell R squared (BMJ 2020).
ANTICIPATED = 0.15

Needed = dict[str, int]


def largest_r_squared(rate: float, follow_up: float) -> float:
    """The largest Cox-Snell R squared that `rate` events a year over a mean `follow_up` in years allow."""
    events = rate * follow_up
    return 1 - math.exp(2 * (events * math.log(events) - events))


def needed(
    parameters: int,
    r_squared: float,
    rate: float,
    follow_up: float,
    horizon: float,
    shrinkage: float = 0.9,
    difference: float = 0.05,
    error: float = 0.05,
) -> Needed:
    """Patients needed for each criterion: `shrinkage`, a uniform factor of at least so much; `optimism`, apparent less adjusted R squared
    of at most `difference` of its largest value; `precision`, the overall risk by the horizon known within `error`.

    parameters: candidate columns; r_squared: the Cox-Snell value that is anticipated.
    """
    smaller = r_squared / (r_squared + difference * largest_r_squared(rate, follow_up))
    step = math.log1p(error * math.exp(rate * horizon)) / horizon
    years = rate * (1.96 / step) ** 2
    return {
        "shrinkage": _for_shrinkage(parameters, r_squared, shrinkage),
        "optimism": _for_shrinkage(parameters, r_squared, smaller),
        "precision": math.ceil(years / follow_up),
    }


def _for_shrinkage(parameters: int, r_squared: float, shrinkage: float) -> int:
    return math.ceil(parameters / ((shrinkage - 1) * math.log(1 - r_squared / shrinkage)))


def expected_shrinkage(patients: float, parameters: int, r_squared: float) -> float:
    """The uniform shrinkage factor to expect of an unpenalised model on so many patients: the first criterion solved for it; nan where
    no factor does."""

    def short(factor: float) -> float:
        return (factor - 1) * math.log(1 - r_squared / factor) - parameters / patients

    low, high = r_squared * (1 + 1e-12), 1 - 1e-12
    return brentq(short, low, high) if short(low) * short(high) < 0 else math.nan
