"""Harrell's and Uno's C with an interval against lifelines and scikit-survival, which give C alone."""

import resource
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from table import Row, agree, best_of, yes_no

TITLE = "C with interval"
GOAL, GOAL_GIB, TAU = 5.0, 2.0, 5.0


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
    rows.append(Row(name, ours, "scikit-survival (no interval)", scaled, scaled / ours, goal, met, same, note))
    return [*rows, _uno(quick, patients, quadratic)]


def _uno(quick: bool, patients: int, quadratic: int) -> Row:
    """Uno's C to five years with an interval, in a process of its own, against scikit-survival at a size that it can."""
    from sksurv.metrics import concordance_index_ipcw
    from sksurv.util import Surv

    from hemapilots.evaluation.concordance import concordance

    time, event, risk = (column[:quadratic] for column in outcomes(patients))
    # scikit-survival takes G(t), we G(t-): days at which an event and a censoring meet are told apart.
    time = time + np.where(event, 0.0, 1e-7)
    known = Surv.from_arrays(event, time)
    least, value = best_of(1, lambda: concordance_index_ipcw(known, known, risk, tau=TAU)[0])
    mine = concordance(time, event, risk, ipcw=True, tau=TAU)[0]
    same = agree("Uno's C, scikit-survival", abs(mine - value), 1e-9)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        ours, gib = pool.submit(uno_seconds, patients).result()
    scaled = least * (patients / quadratic) ** 2
    note = f"peak memory {gib:.2f} GiB; peer EXTRAPOLATED as n squared from {least:.3g} s at {quadratic:,} patients"
    met = "" if quick else yes_no(ours <= GOAL and gib <= GOAL_GIB)
    goal, name = f"{GOAL:g} s, {GOAL_GIB:g} GiB at 1,000,000", f"Uno C with interval, {patients:,} patients"
    return Row(name, ours, "scikit-survival (no interval)", scaled, scaled / ours, goal, met, same, note)


def uno_seconds(patients: int) -> tuple[float, float]:
    """Seconds, and the most memory in GiB of both kinds of C in this process."""
    from hemapilots.evaluation.concordance import concordance

    columns = outcomes(patients)
    concordance(*columns)
    seconds, _ = best_of(1, lambda: concordance(*columns, ipcw=True, tau=TAU))
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1 << 30 if sys.platform == "darwin" else 1 << 20
    )


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
