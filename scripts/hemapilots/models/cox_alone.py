"""What one site does by itself with a Cox model: a fit of its own, and the best of a surrogate of everybody's likelihood."""

from collections.abc import Callable

import numpy as np

from hemapilots.models import partial_likelihood as pl
from hemapilots.models.data import Subset, TrainingData
from hemapilots.models.newton_steps import NewtonSteps, pack_symmetric, unpack_symmetric

ROUNDS, TOLERANCE = 50, 1e-9
# Least curvature as a share of the largest, below which coefficients are not determined.
SINGULAR = 1e-12
Computed = tuple[np.ndarray, np.ndarray, np.ndarray]


class _Steps(NewtonSteps):
    """Newton's steps that take the shortest of many solutions where a site's columns do not determine one."""

    @staticmethod
    def solve(matrices: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Solutions (F, p)."""
        return np.einsum("fij,fj->fi", np.linalg.pinv(matrices, hermitian=True), right)


def local_fit(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """The site's own fits, each with its patients' share of the penalty: information I (F, p(p+1)/2) and I b (F, p).

    unconverged (F,) marks fits that still moved. A fit without events, or with coefficients that run away, is told like any other:
    it knows little, so its information is small.
    """
    fits, p = state["fit_set"].size, data.x.shape[1]
    out = {
        "weighted": np.zeros((fits, p)),
        "information": np.zeros((fits, p * (p + 1) // 2)),
        "unconverged": np.zeros(fits),
    }
    for s in np.unique(state["fit_set"]):
        members = np.flatnonzero(state["fit_set"] == s)
        subset = data.subset(state["sets"], s, state["preprocessing"])
        share = subset.rows.size / max(state["preprocessing"].patients[s], 1)
        varies = (np.ptp(subset.x, axis=0) > 0) if subset.rows.size else np.zeros(p, bool)
        steps = _maximised(
            lambda trial, active, subset=subset: _statistics(subset, trial, config["ties"]),
            _Steps(
                share * state["penalties"][members],
                np.tile(varies, (members.size, 1)),
                TOLERANCE,
                groups=np.zeros(members.size),
            ),
        )
        information = np.where(varies[:, None] & varies, steps.penalised(np.arange(members.size)), 0.0)
        out["information"][members] = pack_symmetric(information)
        out["weighted"][members] = np.einsum("fij,fj->fi", information, steps.coefficients)
        out["unconverged"][members] = steps.running
    return out


def surrogate(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """Coefficients (F, p) that maximise the surrogate of Duan et al. (2020) at the lead site.

    Its own likelihood, scaled to all patients, stands for everybody's; gradient (F, p) and information (F, p(p+1)/2) of all sites at
    the state's coefficients correct it to the second order there.
    """
    start, p = state["coefficients"], data.x.shape[1]
    gradient, information = state["gradient"], state["information"]
    out = {"coefficients": start.copy(), "unconverged": np.zeros(len(start))}
    for s in np.unique(state["fit_set"]):
        members = np.flatnonzero(state["fit_set"] == s)
        subset = data.subset(state["sets"], s, state["preprocessing"])
        scale = state["preprocessing"].patients[s] / max(subset.rows.size, 1)
        own = _statistics(subset, start[members], config["ties"])
        slope, bend = gradient[members] - scale * own[1], information[members] - scale * own[2]

        def corrected(
            trial: np.ndarray, active: np.ndarray, subset=subset, scale=scale, at=start[members], slope=slope, bend=bend
        ):
            loglik, own_gradient, own_information = _statistics(subset, trial, config["ties"])
            away = trial - at[active]
            bent = np.einsum("fij,fj->fi", unpack_symmetric(bend[active], p), away)
            value = scale * loglik + ((slope[active] - bent / 2) * away).sum(axis=1)
            value = value + (slope[active] * at[active]).sum(axis=1)
            return value, scale * own_gradient + slope[active] - bent, scale * own_information + bend[active]

        usable = np.tile(state["preprocessing"].scale[s] > 0, (members.size, 1))
        steps = _Steps(state["penalties"][members], usable, TOLERANCE)
        steps.trial = start[members].copy()
        _maximised(corrected, steps)
        out["coefficients"][members], out["unconverged"][members] = steps.coefficients, steps.running
    return out


def centred_fits(subset: Subset, centre: np.ndarray, penalties: np.ndarray, ties: str) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (L, p) with the largest log partial likelihood of the rows less penalty/2 times the squared distance to centre (p,).

    What the rows cannot tell, because a column does not vary in them or nobody had the event, stays at the centre. With them
    (L,) which have settled: where events are few and the penalty small coefficients run away, and where columns are
    collinear there are many without a penalty.
    """
    varies = (np.ptp(subset.x, axis=0) > 0) if subset.risk_sets.times.size else np.zeros(centre.size, bool)
    steps = _maximised(
        lambda away, active: _statistics(subset, centre + away, ties),
        _Steps(penalties, np.tile(varies, (penalties.size, 1)), TOLERANCE),
    )
    curvature = np.linalg.eigvalsh(steps.penalised(np.arange(penalties.size)))
    return centre + steps.coefficients, ~steps.running & (curvature[:, 0] > SINGULAR * curvature[:, -1])


def _statistics(subset: Subset, coefficients: np.ndarray, ties: str) -> Computed:
    found = pl.statistics(subset.x, coefficients, subset.risk_sets, ties)
    return found.loglik, found.gradient, pack_symmetric(found.information)


def _maximised(statistics: Callable[[np.ndarray, np.ndarray], Computed], steps: NewtonSteps) -> NewtonSteps:
    """The steps after convergence, or after ROUNDS; statistics are asked for at trial coefficients of the fits asked for."""
    for _ in range(ROUNDS):
        if steps.converged:
            break
        steps.advance(*statistics(steps.trial[steps.asked], steps.asked))
    return steps


TASKS = {"local_fit": local_fit, "surrogate": surrogate}
