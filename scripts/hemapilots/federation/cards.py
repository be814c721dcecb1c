"""A fitted model as the arrays and the card that are written: what predictions need, and what people read."""

import numpy as np

from hemapilots.federation.plan import Fitted
from hemapilots.models.training_sets import NO_FOLD

NORMAL_95 = 1.959963984540054
CONDITIONAL = "conditional on lambda; intervals are evidence only at lambda = 0"


def describe(fitted: Fitted, endpoint: str, name: str, regime: str) -> tuple[dict, dict]:
    """The model as arrays with leading axes replicate, fold, penalty, and as a card that people read.

    Arrays: the model's state (R, K, L, ...), named in the card's `state`; location, scale, fill (R, K, p); chosen (R, K); the same
    with prefix final_ for the model on all patients; baseline (R, K, T) on grid (T,) where it was released; penalties (L,), of an
    elastic net with l1_ratios (L,); of a linear model whose penalty was chosen crossed_coefficients, crossed_location and so on
    (R, K, K, p), see `crossed`; final_covariance (p, p) of the coefficients of the model on all patients, where it is known.
    """
    plan, pre = fitted.plan, fitted.preprocessing
    outer = np.flatnonzero((plan.sets[:, 1] != NO_FOLD) & (plan.sets[:, 2] == NO_FOLD))
    shape = (plan.replicates, plan.folds)
    parts = fitted.state | {"location": pre.location, "scale": pre.scale, "fill": pre.fill, "chosen": fitted.chosen}
    if fitted.baseline is not None:
        parts["baseline"] = fitted.baseline
    arrays = {key: value[outer].reshape(shape + value.shape[1:]) for key, value in parts.items()}
    arrays |= {f"final_{key}": value[0] for key, value in parts.items()}
    arrays |= {"penalties": plan.penalties, "grid": plan.grid}
    if fitted.covariance is not None:
        arrays["final_covariance"] = fitted.covariance
    if "coefficients" in fitted.state and (plan.sets[:, 2] != NO_FOLD).any():
        arrays |= crossed(fitted)
    if plan.l1_ratios is not None:
        arrays["l1_ratios"] = plan.l1_ratios
    card = {
        "endpoint": endpoint,
        "model": name,
        "kind": plan.kind,
        "regime": regime,
        "columns": plan.columns,
        "ties": plan.ties,
        "settings": plan.settings,
        "state": sorted(fitted.state),
        "patients": int(pre.patients[0]),
        "events": int(pre.events[0]),
        "rounds": fitted.rounds,
        "fits": int(plan.fit_set.size),
        "unconverged_fits": fitted.unconverged,
    }
    if fitted.rounds_kept is not None:
        card["rounds_kept"] = fitted.rounds_kept[[0, *outer]].tolist()
    card |= fitted.more
    return arrays, card | (linear(fitted, outer) if "coefficients" in fitted.state else {})


def crossed(fitted: Fitted) -> dict[str, np.ndarray]:
    """The fits that left out two folds, as arrays (R, K, K, p): [r, k, j] saw neither fold k nor fold j, at the penalty chosen for the
    model without k. By it patients of fold j can be judged in the making of the model without k (nan where j is k)."""
    plan, pre = fitted.plan, fitted.preprocessing
    at = {tuple(one): s for s, one in enumerate(plan.sets.tolist())}
    shape = (plan.replicates, plan.folds, plan.folds, len(plan.columns))
    parts = {"location": pre.location, "scale": pre.scale, "fill": pre.fill}
    out = {f"crossed_{name}": np.full(shape, np.nan) for name in ("coefficients", *parts)}
    for r, k, j in np.ndindex(shape[:3]):
        if k != j:
            s, penalty = at[r, min(j, k), max(j, k)], fitted.chosen[at[r, k, NO_FOLD]]
            out["crossed_coefficients"][r, k, j] = fitted.coefficients[s, penalty]
            for name, value in parts.items():
                out[f"crossed_{name}"][r, k, j] = value[s]
    return out


def with_competing(model: tuple[dict, dict], competing: tuple[dict, dict] | None = None) -> tuple[dict, dict]:
    """A model together with the one of its competing event: its arrays under the prefix competing_, its card under `competing`."""
    arrays, card = model
    if competing is None:
        return model
    others = {f"competing_{name}": value for name, value in competing[0].items()}
    return arrays | others, card | {"competing": competing[1]}


def linear(fitted: Fitted, outer: np.ndarray) -> dict:
    """What the card of a linear model says besides: penalties and coefficients."""
    plan, penalties, best = fitted.plan, fitted.plan.penalties, int(fitted.chosen[0])
    names, more = [f"{penalty:g}" for penalty in penalties], {}
    if plan.l1_ratios is not None and plan.own_penalty is None:
        names = [f"{name}, l1 ratio {ratio:g}" for name, ratio in zip(names, plan.l1_ratios, strict=True)]
        more["l1_ratio"] = float(plan.l1_ratios[best])
        more["l1_ratios_chosen_in_folds"] = [float(plan.l1_ratios[k]) for k in fitted.chosen[outer]]
    return more | {
        "penalty": float(penalties[best]),
        "cross_validated_loglik": dict(zip(names, fitted.criterion[0].tolist(), strict=True)),
        "penalties_chosen_in_folds": [float(penalties[k]) for k in fitted.chosen[outer]],
        "standard_errors": fitted.more.get("standard_errors", CONDITIONAL),
        "coefficients": coefficient_table(fitted, best),
    }


def coefficient_table(fitted: Fitted, best: int) -> list[dict]:
    """Per column of the final model: coefficient per standard deviation, SE, Wald interval, hazard ratio per unit of the column."""
    rows = []
    for at, column in enumerate(fitted.plan.columns):
        scale, beta = float(fitted.preprocessing.scale[0, at]), float(fitted.coefficients[0, best, at])
        error = None if fitted.standard_errors is None else float(fitted.standard_errors[at])
        row = {
            "column": column,
            "coefficient": beta,
            "se": None,
            "lower": None,
            "upper": None,
            "hazard_ratio_per_unit": None,
            "reason": None,
        }
        if scale == 0:
            row |= {"reason": "constant column: dropped"}
        else:
            row["hazard_ratio_per_unit"] = float(np.exp(np.clip(beta / scale, -700, 700)))
            if error is None and beta == 0:
                row |= {"reason": "set to 0 by the penalty"}
            elif error is not None:
                row |= {"se": error, "lower": beta - NORMAL_95 * error, "upper": beta + NORMAL_95 * error}
        rows.append(row)
    return rows
