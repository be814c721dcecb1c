"""Harrell's C with an interval against lifelines and scikit-survival, which give C alone."""

import numpy as np

from table import Row, agree, best_of, yes_no

TITLE = "Harrell's C with interval"
GOAL = 5.0


def run(quick: bool, patients: int | None = None, quadratic: int | None = None) -> list[Row]:
    """lifelines at full size; scikit-survival, which needs n squared, at a size it can, extrapolated."""
    from lifelines.utils import concordance_index
    from sksurv.metrics import concordance_index_censored

    from hemapilots.evaluation.concordance import concordance

    patients, quadratic = patients or (100_000 if quick else 1_000_000), quadratic or (10_000 if quick else 50_000)
    interval = agree("Harrell's C, half-width of the interval against the jackknife", jackknife_difference(400), 0.02)
    time, event, risk = outcomes(patients)
    repeats = 1 if quick else 3
    ours, found = best_of(repeats, lambda: concordance(time, event, risk))
    theirs, value = best_of(1, lambda: concordance_index(time, -risk, event))
    name = f"Harrell C with interval, {patients:,} patients"
    goal, met = f"{GOAL:g} s at 1,000,000", "" if quick else yes_no(ours <= GOAL)
    same = agree(f"{name}, lifelines", abs(found[0] - value), 1e-10)
    note = f"interval against the jackknife: {interval}, relative"
    rows = [Row(name, ours, "lifelines (no interval)", theirs, theirs / ours, goal, met, same, note)]
    few = slice(0, quadratic)
    least, value = best_of(1, lambda: concordance_index_censored(event[few], time[few], risk[few])[0])
    same = agree(f"{name}, scikit-survival", abs(concordance(time[few], event[few], risk[few])[0] - value), 1e-10)
    scaled = least * (patients / quadratic) ** 2
    note = f"EXTRAPOLATED as n squared from {least:.3g} s at {quadratic:,} patients, where results were compared"
    return [*rows, Row(name, ours, "scikit-survival (no interval)", scaled, scaled / ours, goal, met, same, note)]


def outcomes(patients: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Daily times over ten years, half censored; 1,000 distinct integer risks, so that no library's tolerance for ties matters."""
    rng = np.random.default_rng([3, patients])
    risk = rng.integers(0, 1000, patients).astype(float)
    death, censoring = rng.exponential(8 / np.exp((risk - 500) / 400)), rng.uniform(0, 10, patients)
    time = np.ceil(np.minimum(death, censoring) * 365.25) / 365.25
    return time, death <= censoring, risk


def jackknife_difference(patients: int) -> float:
    """Relative difference between the interval's half-width and that of the delete-one jackknife."""
    from hemapilots.evaluation.concordance import concordance

    time, event, risk = outcomes(patients)
    estimate, lower, upper = concordance(time, event, risk)
    others = ~np.eye(patients, dtype=bool)
    values = np.array([concordance(time[keep], event[keep], risk[keep])[0] for keep in others])
    error = np.sqrt((patients - 1) / patients * np.sum((values - values.mean()) ** 2))
    return float(abs((upper - lower) / 2 / (1.959963984540054 * error) - 1))
