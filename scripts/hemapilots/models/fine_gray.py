"""Ridge Fine-Gray regression: proportional hazards of the subdistribution, so that coefficients act on the cumulative incidence.

A Cox model in all but its risk sets (see `subdistribution`): baseline and censoring distribution are those of one site's training rows.
"""

import numpy as np

from hemapilots.models import cox
from hemapilots.models import partial_likelihood as pl
from hemapilots.models.cox import gained, initial, risk, survival
from hemapilots.models.data import TrainingData

__all__ = ["gained", "initial", "risk", "survival", "update"]

ALONE, STEPS, CONTROLLED_STEPS, PROPORTIONAL = "newton", "", "", True


def update(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """What the site answers to `config["task"]`: see TASKS; arrays keyed by name."""
    return TASKS[config["task"]](state, data, config)


def score_squares(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """Per fit the site's sum over patients of u u', upper triangle (F, p(p+1)/2): the middle of the sandwich; u see `score_residuals`."""
    fits, p = state["coefficients"].shape
    upper = np.triu_indices(p)
    out = np.zeros((fits, upper[0].size))
    for fit, s in enumerate(state["fit_set"]):
        subset = data.subset(state["sets"], s, state["preprocessing"])
        residuals = score_residuals(subset.x, state["coefficients"][fit], subset.risk_sets, config["ties"])
        out[fit] = (residuals.T @ residuals)[upper]
    return {"squares": out}


def score_residuals(x: np.ndarray, coefficients: np.ndarray, sets: pl.RiskSets, ties: str) -> np.ndarray:
    """Each row's part u (n, p) of the gradient in one stratum, the censoring distribution treated as known.

    u = x - E(own event time) at the event, less exp(x.b) times the sum of (x - E) dH over the times at risk, E the mean of x in the
    risk set; with Efron's ties the average over the d risk sets of a time, as in Therneau and Grambsch (2000, ch. 7).
    """
    if sets.times.size == 0:
        return np.zeros(x.shape)
    eta = x @ coefficients
    hazard = np.exp(eta - eta.max())[:, None]
    s1, d1 = (means[:, 0] for means in pl.risk_means(x, hazard, sets))
    terms = pl.tie_terms(sets.over_risk_sets(hazard), sets.over_deaths(hazard), sets.deaths, ties)
    events = sets.expected(terms.inverse, terms.inverse_f)
    means = sets.expected(s1 * terms.square - d1 * terms.square_f, s1 * terms.square_f - d1 * terms.square_ff)
    out = -hazard * (x * events - means)
    own = (s1 * terms.inverse - d1 * terms.inverse_f) / sets.deaths[:, None]
    out[sets.dead] += x[sets.dead] - own[sets.group]
    return out


TASKS = {
    "newton_statistics": cox.newton_statistics,
    "likelihoods": cox.likelihoods,
    "baselines": cox.baselines,
    "score_squares": score_squares,
}
