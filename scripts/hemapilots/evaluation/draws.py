"""Every metric of every regime on one sample of patients, for one batch of bootstrap weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hemapilots.evaluation.censoring import Weighted, weigh
from hemapilots.evaluation.discrimination import Fold, Ratio
from hemapilots.evaluation.prediction_error import brier, integrated
from hemapilots.evaluation.reach import Reach
from hemapilots.evaluation.resampling import bootstrap_weights
from hemapilots.evaluation.sample import Key, Sample

__all__ = ["Draws", "Measure", "draw", "measures", "reportable"]

Measure = tuple[str, float]

# UTILITY rule for a horizon, and the least number of events that a C-index is printed for.
SHARE_AT_RISK, EVENTS_BEFORE, EVENTS_FOR_C = 0.10, 20, 5


@dataclass(frozen=True)
class Draws:
    """Values (samples + 1,) of a metric, row 0 the estimate, the weight with which sites are combined, and whom it rests on."""

    values: np.ndarray
    weight: float
    n: int
    events: int


def measures(endpoint: str, spec: Mapping[str, Any]) -> list[Measure]:
    """(metric, horizon in years) in the order of the tables; Harrell's C has no horizon (nan)."""
    at_horizons = [(name, float(t)) for name in ("auc", "brier") for t in spec["horizons"][endpoint]]
    tau = float(spec["tau"])
    return [("uno_c", tau), ("harrell_c", np.nan), *at_horizons, ("ibs", tau)]


def reportable(time: np.ndarray, event: np.ndarray, horizon: float) -> bool:
    """At least 10 % of patients outlive the horizon under observation, and 20 events come before it."""
    if len(time) == 0:
        return False
    before = np.count_nonzero(event & (time <= horizon))
    return bool(np.mean(time > horizon) >= SHARE_AT_RISK and before >= EVENTS_BEFORE)


def draw(endpoint: str, sample: Sample, spec: Mapping[str, Any]) -> dict[Key, dict[Measure, Draws]]:
    """Per (model, regime) and measure the draws; nan where not estimable. Replicates are averaged."""
    size = len(sample.time), int(np.count_nonzero(sample.case))
    wanted = _estimable(endpoint, sample, spec)
    if not any(wanted.values()):
        nothing = _missing(int(spec["bootstrap"]["samples"]) + 1, *size)
        return {key: dict.fromkeys(wanted, nothing) for key in sample.risk}
    strata = np.column_stack([np.unique(sample.site, return_inverse=True)[1], sample.fold[0]])
    weights = bootstrap_weights(strata, int(spec["bootstrap"]["samples"]), int(spec["bootstrap"]["seed"]))
    outcomes = weigh(sample.time, sample.event, weights)
    folds = [_folds(outcomes, fold, spec) for fold in sample.fold]
    reach = Reach(sample, np.asarray(spec["grid"], float))
    return {
        key: _ranking(sample.risk[key], folds, wanted, size) | _errors(outcomes, reach, key, wanted)
        for key in sample.risk
    }


def _estimable(endpoint: str, sample: Sample, spec: Mapping[str, Any]) -> dict[Measure, bool]:
    """Which measures these patients allow; the integrated Brier score needs a reportable tau."""
    enough = np.count_nonzero(sample.case) >= EVENTS_FOR_C
    return {
        (name, t): bool(enough if name.endswith("_c") else reportable(sample.time, sample.case, t))
        for name, t in measures(endpoint, spec)
    }


def _folds(outcomes: Weighted, fold: np.ndarray, spec: Mapping[str, Any]) -> list[Fold]:
    return [Fold(outcomes, np.flatnonzero(fold == k), float(spec["tau"])) for k in np.unique(fold)]


def _ranking(
    risk: np.ndarray, folds: list[list[Fold]], wanted: dict[Measure, bool], size: tuple[int, int]
) -> dict[Measure, Draws]:
    """C and AUC: ratios of sums over a replicate's folds, then means over replicates."""
    ratios: dict[Measure, list[Ratio]] = {}
    for one_risk, replicate in zip(risk, folds, strict=True):
        parts = [_fold_ratios(fold, one_risk[fold.members], wanted) for fold in replicate]
        for measure in parts[0]:
            num, den = (sum(part[measure][side] for part in parts) for side in (0, 1))
            ratios.setdefault(measure, []).append((num, den))
    return {
        measure: _averaged(ratios[measure], size) if wanted[measure] else _missing(len(folds[0][0].weights), *size)
        for measure in wanted
        if measure[0] in ("uno_c", "harrell_c", "auc")
    }


def _fold_ratios(fold: Fold, risk: np.ndarray, wanted: dict[Measure, bool]) -> dict[Measure, Ratio]:
    concordance = fold.concordance(risk)
    ratios = {measure: concordance[measure[0]] for measure in wanted if measure[0] in concordance}
    horizons = [measure for measure in wanted if measure[0] == "auc" and wanted[measure]]
    return ratios | {measure: fold.auc(risk, measure[1]) for measure in horizons}


def _averaged(ratios: list[Ratio], size: tuple[int, int]) -> Draws:
    values = [np.divide(num, den, out=np.full_like(num, np.nan), where=den > 0) for num, den in ratios]
    return Draws(np.mean(values, axis=0), float(np.mean([den[0] for _, den in ratios])), *size)


def _errors(outcomes: Weighted, reach: Reach, key: Key, wanted: dict[Measure, bool]) -> dict[Measure, Draws]:
    """Brier scores on a replicate's pooled out-of-fold rows, then means over replicates; weight is n."""
    result = {}
    for measure in (one for one in wanted if one[0] in ("brier", "ibs")):
        known = key in reach.keys(measure[1])
        members = reach.members(measure[1]) if known else np.arange(len(outcomes.time))
        judged = outcomes.of(members)
        size = len(members), int(np.count_nonzero(judged.event == 1))
        if not (wanted[measure] and known and reportable(judged.time, judged.event == 1, measure[1])):
            result[measure] = _missing(len(outcomes.weights), *size)
            continue
        values = [_error(judged, one[members], reach, measure) for one in reach.sample.survival[key]]
        result[measure] = Draws(np.mean(values, axis=0), float(len(members)), *size)
    return result


def _error(outcomes: Weighted, survival: np.ndarray, reach: Reach, measure: Measure) -> np.ndarray:
    """Brier at a horizon, or its mean over (0, tau]."""
    place = reach.place(measure[1])
    if measure[0] == "brier":
        return brier(outcomes, survival[:, [place]], reach.grid[[place]])[:, 0]
    within = slice(0, place + 1)
    return integrated(brier(outcomes, survival[:, within], reach.grid[within]), reach.grid[within])


def _missing(length: int, n: int, events: int) -> Draws:
    return Draws(np.full(length, np.nan), np.nan, n, events)
