"""Every metric of every regime on one sample of patients, for one batch of bootstrap weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hemapilots.evaluation.censoring import Weighted, weigh
from hemapilots.evaluation.discrimination import Fold, Ratio
from hemapilots.evaluation.prediction_error import brier, integrated
from hemapilots.evaluation.resampling import bootstrap_weights
from hemapilots.evaluation.sample import Key, Sample

__all__ = ["Draws", "Measure", "draw", "measures", "reportable"]

Measure = tuple[str, float]

# UTILITY rule for a horizon, and the least number of events that a C-index is printed for.
SHARE_AT_RISK, EVENTS_BEFORE, EVENTS_FOR_C = 0.10, 20, 5


@dataclass(frozen=True)
class Draws:
    """Values (samples + 1,) of a metric, row 0 the estimate, and the weight with which sites are combined."""

    values: np.ndarray
    weight: float


def measures(spec: Mapping[str, Any]) -> list[Measure]:
    """(metric, horizon in years) in the order of the tables; Harrell's C has no horizon (nan)."""
    at_horizons = [(name, float(t)) for name in ("auc", "brier") for t in spec["horizons"]]
    tau = float(spec["tau"])
    return [("uno_c", tau), ("harrell_c", np.nan), *at_horizons, ("ibs", tau)]


def reportable(time: np.ndarray, event: np.ndarray, horizon: float) -> bool:
    """At least 10 % of patients outlive the horizon under observation, and 20 events come before it."""
    if len(time) == 0:
        return False
    before = np.count_nonzero(event & (time <= horizon))
    return bool(np.mean(time > horizon) >= SHARE_AT_RISK and before >= EVENTS_BEFORE)


def draw(sample: Sample, spec: Mapping[str, Any]) -> dict[Key, dict[Measure, Draws]]:
    """Per (model, regime) and measure the draws; nan where not estimable. Replicates are averaged."""
    wanted = _estimable(sample, spec)
    if not any(wanted.values()):
        samples = int(spec["bootstrap"]["samples"])
        nothing = Draws(np.full(samples + 1, np.nan), np.nan)
        return {key: dict.fromkeys(wanted, nothing) for key in sample.risk}
    strata = np.column_stack([np.unique(sample.site, return_inverse=True)[1], sample.fold[0]])
    weights = bootstrap_weights(strata, int(spec["bootstrap"]["samples"]), int(spec["bootstrap"]["seed"]))
    outcomes = weigh(sample.time, sample.event, weights)
    folds = [_folds(outcomes, fold, spec) for fold in sample.fold]
    return {
        key: _ranking(sample.risk[key], folds, wanted) | _errors(outcomes, sample.survival[key], wanted, spec)
        for key in sample.risk
    }


def _estimable(sample: Sample, spec: Mapping[str, Any]) -> dict[Measure, bool]:
    """Which measures these patients allow; the integrated Brier score needs a reportable tau."""
    enough = np.count_nonzero(sample.event) >= EVENTS_FOR_C
    return {
        (name, t): bool(enough if name.endswith("_c") else reportable(sample.time, sample.event, t))
        for name, t in measures(spec)
    }


def _folds(outcomes: Weighted, fold: np.ndarray, spec: Mapping[str, Any]) -> list[Fold]:
    return [Fold(outcomes, np.flatnonzero(fold == k), float(spec["tau"])) for k in np.unique(fold)]


def _ranking(risk: np.ndarray, folds: list[list[Fold]], wanted: dict[Measure, bool]) -> dict[Measure, Draws]:
    """C and AUC: ratios of sums over a replicate's folds, then means over replicates."""
    ratios: dict[Measure, list[Ratio]] = {}
    for one_risk, replicate in zip(risk, folds, strict=True):
        parts = [_fold_ratios(fold, one_risk[fold.members], wanted) for fold in replicate]
        for measure in parts[0]:
            num, den = (sum(part[measure][side] for part in parts) for side in (0, 1))
            ratios.setdefault(measure, []).append((num, den))
    return {
        measure: _averaged(ratios[measure]) if wanted[measure] else _missing(len(folds[0][0].weights))
        for measure in wanted
        if measure[0] in ("uno_c", "harrell_c", "auc")
    }


def _fold_ratios(fold: Fold, risk: np.ndarray, wanted: dict[Measure, bool]) -> dict[Measure, Ratio]:
    concordance = fold.concordance(risk)
    ratios = {measure: concordance[measure[0]] for measure in wanted if measure[0] in concordance}
    horizons = [measure for measure in wanted if measure[0] == "auc" and wanted[measure]]
    return ratios | {measure: fold.auc(risk, measure[1]) for measure in horizons}


def _averaged(ratios: list[Ratio]) -> Draws:
    values = [np.divide(num, den, out=np.full_like(num, np.nan), where=den > 0) for num, den in ratios]
    return Draws(np.mean(values, axis=0), float(np.mean([den[0] for _, den in ratios])))


def _errors(
    outcomes: Weighted, survival: np.ndarray, wanted: dict[Measure, bool], spec: Mapping[str, Any]
) -> dict[Measure, Draws]:
    """Brier scores on a replicate's pooled out-of-fold rows, then means over replicates; weight is n."""
    grid = np.asarray(spec["grid"], float)
    scores: np.ndarray | None = None
    result = {}
    for measure in (one for one in wanted if one[0] in ("brier", "ibs")):
        if not wanted[measure] or not np.isfinite(survival).any():
            result[measure] = _missing(len(outcomes.weights))
            continue
        if scores is None:
            scores = np.mean([brier(outcomes, one, grid) for one in survival], axis=0)
        result[measure] = Draws(_from_grid(scores, grid, measure), float(len(outcomes.time)))
    return result


def _from_grid(scores: np.ndarray, grid: np.ndarray, measure: Measure) -> np.ndarray:
    """Brier at a horizon, or its mean over (0, tau]; nan where the grid has no such time."""
    if measure[0] == "ibs":
        within = grid <= measure[1]
        return integrated(scores[:, within], grid[within])
    place = np.flatnonzero(np.isclose(grid, measure[1], rtol=0, atol=1e-9))
    return scores[:, place[0]] if len(place) else np.full(len(scores), np.nan)


def _missing(length: int) -> Draws:
    return Draws(np.full(length, np.nan), np.nan)
