"""Ridge Cox regression: what a site computes for one round, and how a fitted model predicts.

A state holds coefficients (F, p) on standardised columns and fit_set (F,), the training set of each fit. Objective of a fit:
-log partial likelihood (summed over patients) + penalty/2 |b|^2; the penalty is added once, by whoever combines the sites.
"""

from collections.abc import Iterator

import numpy as np

from hemapilots.models import cox_alone
from hemapilots.models import partial_likelihood as pl
from hemapilots.models.cox_descent import descent
from hemapilots.models.data import Preprocessing, Subset, TrainingData
from hemapilots.models.newton_steps import pack_symmetric
from hemapilots.models.subdistribution import risk_sets

ALONE, STEPS, CONTROLLED_STEPS, PROPORTIONAL = "newton", "descent", "controlled_descent", True
# Half a day, the earliest time there is: the logarithm of years over it is not negative, and the test does not depend on the unit.
EARLIEST = 0.5 / 365.25
TRANSFORMS = {
    "time": np.asarray,
    "log": lambda years: np.log(np.maximum(years / EARLIEST, 1.0)),
}


def initial(plan, preprocessing: Preprocessing) -> dict[str, np.ndarray]:
    """Coefficients of zero (F, p)."""
    return {"coefficients": np.zeros((plan.fit_set.size, len(plan.columns)))}


def update(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """What the site answers to `config["task"]`: see TASKS; arrays keyed by name."""
    return TASKS[config["task"]](state, data, config)


def newton_statistics(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """Per fit the site's log-likelihood (F,), gradient (F, p) and information, upper triangle (F, p(p+1)/2)."""
    coefficients = state["coefficients"]
    fits, p = coefficients.shape
    out = {
        "loglik": np.zeros(fits),
        "gradient": np.zeros((fits, p)),
        "information": np.zeros((fits, p * (p + 1) // 2)),
    }
    for subset, members in _by_training_set(state, data):
        at = members[:, None]
        found = pl.statistics(subset.telling, coefficients[at, subset.varying], subset.risk_sets, config["ties"])
        out["loglik"][members], out["gradient"][at, subset.varying] = found.loglik, found.gradient
        out["information"][at, subset.pairs] = pack_symmetric(found.information)
    return out


def proportionality(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """Sums for the test of proportional hazards at the state's coefficients: what a term x g(t) would add to the likelihood.

    gradient (F, p) and information (F, t), upper triangles, without g; per transform of TRANSFORMS the gradient of the term's
    coefficient, its information, and what it shares with the coefficients themselves.
    """
    coefficients = state["coefficients"]
    fits, p = coefficients.shape
    shapes = {"gradient": (fits, p), "information": (fits, p * (p + 1) // 2)}
    for name in TRANSFORMS:
        shapes |= {f"gradient_{name}": (fits, p), f"shared_{name}": shapes["information"]}
        shapes |= {f"information_{name}": shapes["information"]}
    out = {name: np.zeros(shape) for name, shape in shapes.items()}
    # The test is stratified by site, also where the model's baseline is shared.
    own_times = {name: value for name, value in state.items() if name != "times"}
    for subset, members in _by_training_set(own_times, data):

        def sums(factor, subset=subset, members=members):
            found = pl.statistics(subset.x, coefficients[members], subset.risk_sets, config["ties"], factor=factor)
            return found.gradient, pack_symmetric(found.information)

        out["gradient"][members], out["information"][members] = sums(None)
        for name, transform in TRANSFORMS.items():
            g = transform(subset.risk_sets.times)
            out[f"gradient_{name}"][members], out[f"shared_{name}"][members] = sums(g)
            out[f"information_{name}"][members] = sums(g**2)[1]
    return out


def likelihoods(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """Log partial likelihood (P,) of fit `pair_fit` on the rows of training set `pair_set`, with the fit's own preprocessing."""
    out = np.zeros(state["pair_fit"].size)
    source = state["fit_set"][state["pair_fit"]]
    keys = source * len(state["sets"]) + state["pair_set"]
    for key in np.unique(keys):
        members = np.flatnonzero(keys == key)
        judged = data.subset(state["sets"], key % len(state["sets"]), state["preprocessing"])
        x = state["preprocessing"].apply(data.x[judged.rows], key // len(state["sets"]))
        coefficients = state["coefficients"][state["pair_fit"][members]]
        out[members] = pl.loglik(x, coefficients, judged.risk_sets, config["ties"])
    return {"loglik": out}


def death_counts(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """The site's distinct death times: a `shared` baseline needs them, and so reveals patients."""
    return {"times": np.unique(data.time[data.event == 1])}


def risk_sums(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """For a shared baseline, per fit and all sites' death times: S0, D0 (F, D), S1, D1 (F, D, p), deaths (F, D).

    Also the sums of x (F, p) and of x.b (F,) over the deaths.
    """
    coefficients, times = state["coefficients"], state["times"]
    (fits, p), d = coefficients.shape, times.size
    out = {"s0": np.zeros((fits, d)), "d0": np.zeros((fits, d)), "deaths": np.zeros((fits, d)), "eta": np.zeros(fits)}
    out |= {"s1": np.zeros((fits, d, p)), "d1": np.zeros((fits, d, p)), "x": np.zeros((fits, p))}
    for subset, members in _by_training_set(state, data):
        eta = subset.x @ coefficients[members].T
        hazard, sets = np.exp(eta), subset.risk_sets
        out["s0"][members], out["d0"][members] = sets.over_risk_sets(hazard).T, sets.over_deaths(hazard).T
        out["deaths"][members] = sets.deaths
        out["eta"][members], out["x"][members] = eta[sets.dead].sum(axis=0), subset.x[sets.dead].sum(axis=0)
        for name, means in zip(("s1", "d1"), pl.risk_means(subset.x, hazard, sets), strict=True):
            out[name][members] = np.moveaxis(means, 0, 1)
    return out


def weighted_squares(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """For a shared baseline, per fit the site's sum of w x x' (F, p(p+1)/2) under the tie terms (F, D) of all sites together."""
    coefficients = state["coefficients"]
    fits, p = coefficients.shape
    out = np.zeros((fits, p * (p + 1) // 2))
    for subset, members in _by_training_set(state, data):
        hazard = np.exp(subset.x @ coefficients[members].T)
        weights = subset.risk_sets.weights(hazard, state["inverse"][members].T, state["inverse_f"][members].T)
        out[members] = pack_symmetric(pl.weighted_square(subset.x, weights))
    return {"information": out}


def baselines(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """Cumulative baseline hazard of each fit on a grid (F, T), nan beyond the site's last follow-up."""
    grid = np.asarray(config["grid"], float)
    out = np.full((len(state["coefficients"]), grid.size), np.nan)
    for subset, members in _by_training_set(state, data):
        rows, sets = subset.rows, subset.risk_sets
        for fit in members:
            hazard = np.exp(subset.x @ state["coefficients"][fit])
            out[fit] = on_grid(grid, hazard, sets, data.entry[rows], data.time[rows], config["ties"])
    return {"baseline": out}


def baseline_on(
    grid: np.ndarray, risk_: np.ndarray, entry: np.ndarray, time: np.ndarray, event: np.ndarray, ties: str
) -> np.ndarray:
    """Cumulative baseline hazard at the times of a grid of any shape for a risk of 0; rows (n,) sorted by time."""
    return on_grid(grid, np.exp(risk_), risk_sets(entry, time, event), entry, time, ties)


def on_grid(
    grid: np.ndarray, hazard: np.ndarray, sets: pl.RiskSets, entry: np.ndarray, time: np.ndarray, ties: str
) -> np.ndarray:
    """Cumulative baseline hazard at the grid's times, nan where nobody died, before the first entry and after the last exit.

    With late entry it rises in straight lines between death times: patients are predicted from one age to another, and steps
    would tell those who pass no death time that they run no risk.
    """
    if sets.times.size == 0:
        return np.full(grid.shape, np.nan)
    steps = pl.baseline_hazard(hazard, sets, ties)
    if (entry > 0).any():
        found = np.interp(grid, np.r_[entry.min(), sets.times], np.r_[0.0, steps])
    else:
        found = np.concatenate([[0.0], steps])[np.searchsorted(sets.times, grid, side="right")]
    return np.where((grid >= entry.min()) & (grid <= time.max()), found, np.nan)


def slope(risk_: np.ndarray, entry: np.ndarray, time: np.ndarray, event: np.ndarray, cause: int, ties: str) -> float:
    """The factor of given log relative hazards (n,) that fits these rows best, by Newton's method; 1 where they cannot tell."""
    order, factor = np.argsort(time, kind="stable"), 1.0
    x = (risk_ - risk_.mean())[order, None]
    sets = pl.RiskSets.build(entry[order], time[order], event[order] == cause)
    for _ in range(25):
        found = pl.statistics(x, np.array([[factor]]), sets, ties)
        if not found.information[0, 0, 0] > 1e-9 or found.loglik[0] == pl.OVERSHOT:
            return 1.0
        step = found.gradient[0, 0] / found.information[0, 0, 0]
        factor += float(np.clip(step, -1, 1))
        if abs(step) < 1e-10:
            return factor
    return 1.0


def risk(state: dict, x: np.ndarray, settings: dict) -> np.ndarray:
    """Linear predictor (n,) of preprocessed columns: the ranking of a Cox model."""
    return x @ state["coefficients"]


def survival(risk_: np.ndarray, baseline: np.ndarray, baseline_entry: np.ndarray | None = None) -> np.ndarray:
    """S(entry + t | x) / S(entry | x) as (n, T) from the cumulative baseline hazard at entry + t, (T,) or (n, T), and at entry, (n,)."""
    return np.exp(-gained(risk_, baseline, baseline_entry))


def gained(risk_: np.ndarray, baseline: np.ndarray, baseline_entry: np.ndarray | None = None) -> np.ndarray:
    """Cumulative hazard (n, T) between entry and entry + t, from the baseline's as in `survival`."""
    between = np.atleast_2d(baseline) - (0.0 if baseline_entry is None else baseline_entry[:, None])
    return between * np.exp(risk_)[:, None]


def _by_training_set(state: dict, data: TrainingData) -> Iterator[tuple[Subset, np.ndarray]]:
    """Each training set with the fits that use it, so that fits of one set share their work."""
    for s in np.unique(state["fit_set"]):
        members = np.flatnonzero(state["fit_set"] == s)
        yield data.subset(state["sets"], s, state["preprocessing"], state.get("times")), members


TASKS = {
    "newton_statistics": newton_statistics,
    "descent": descent,
    "controlled_descent": descent,
    "likelihoods": likelihoods,
    "proportionality": proportionality,
    "death_counts": death_counts,
    "risk_sums": risk_sums,
    "weighted_squares": weighted_squares,
    "baselines": baselines,
    **cox_alone.TASKS,
}
