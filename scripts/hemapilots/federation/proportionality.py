"""The test of proportional hazards, stratified by site, from sums: a score test of a coefficient that changes with time.

Grambsch and Therneau (1994) as computed exactly since version 3 of R's survival (cox.zph): each column gets a second coefficient for
x g(t), g(t) = t or log t, and the test asks whether it is 0. The coefficients are those of the fitted model; where a penalty moved
them, one step takes that back (Neyman's C(alpha)), so that the penalty is not mistaken for a trend.
"""

from typing import Any

import numpy as np
from flwr.serverapp import Grid
from scipy.special import chdtrc

from hemapilots.federation.asking import send, summed
from hemapilots.federation.plan import Fitted, Plan
from hemapilots.models.cox import TRANSFORMS
from hemapilots.models.newton_steps import unpack_symmetric

__all__ = ["proportionality"]


def proportionality(grid: Grid, plan: Plan, fitted: Fitted) -> dict[str, Any]:
    """For the final model, per transform of time, the test of all columns (`statistic`, `degrees`, `p`) and the p of each by name."""
    fit = int(fitted.chosen[0])
    payload = {"coefficients": fitted.coefficients[0, [fit]], "active": np.array([fit])}
    total = summed(send(grid, payload, {"task": "proportionality", "ties": plan.ties}))
    usable = fitted.preprocessing.scale[0] > 0
    return {name: _tested(total, name, usable, plan.columns) for name in TRANSFORMS}


def _tested(total: dict[str, np.ndarray], transform: str, usable: np.ndarray, columns: list[str]) -> dict[str, Any]:
    kept, p = np.flatnonzero(usable), len(usable)
    square = {
        name: unpack_symmetric(total[name], p)[0][np.ix_(kept, kept)]
        for name in ("information", f"shared_{transform}", f"information_{transform}")
    }
    shared, inverse = square[f"shared_{transform}"], np.linalg.pinv(square["information"], hermitian=True)
    score = total[f"gradient_{transform}"][0, kept] - shared @ inverse @ total["gradient"][0, kept]
    variance = square[f"information_{transform}"] - shared @ inverse @ shared
    own = np.diag(variance)
    each = np.divide(score**2, own, out=np.zeros_like(score), where=own > 1e-9)
    degrees = int(np.linalg.matrix_rank(variance, hermitian=True)) if kept.size else 0
    # Where a site's columns hardly vary the quadratic form is nought up to rounding, on either side.
    statistic = max(float(score @ np.linalg.pinv(variance, hermitian=True) @ score), 0.0)
    found = {columns[at]: float(chdtrc(1, value)) for at, value in zip(kept, each, strict=True)}
    return {
        "statistic": statistic,
        "degrees": degrees,
        "p": float(chdtrc(degrees, statistic)) if degrees else 1.0,
        "columns": found,
    }
