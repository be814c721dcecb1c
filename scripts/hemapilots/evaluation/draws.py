"""Every metric of every regime on one scope of patients, for one batch of bootstrap weights."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hemapilots.evaluation.calibration import ON_THE_SCALE, Status, d_calibration, d_calibration_shares, on_the_scale
from hemapilots.evaluation.discrimination import Fold, Ratio
from hemapilots.evaluation.measures import Measure, decisions_of, measures, of_one_site
from hemapilots.evaluation.prediction_error import brier, integrated
from hemapilots.evaluation.sample import Key
from hemapilots.evaluation.scope import EVENTS_FOR_C, Scope, reportable
from hemapilots.evaluation.utility import TREAT_ALL, TREAT_NONE, largest, net_benefit, standardised, thresholds_of

__all__ = ["Draws", "averaged", "draw", "rankings", "undecided"]

# Numbers of several regimes that are held at once: pairs of patients, or patients by replicates.
AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Draws:
    """Values (samples + 1,) of a metric, row 0 the estimate, the weight with which sites are combined, and whom it rests on."""

    values: np.ndarray
    weight: float
    n: int
    events: int


def draw(scope: Scope) -> dict[Key, dict[Measure, Draws]]:
    """Per (model, regime) and measure the draws, nan where not estimable; with treating everybody and nobody, where there are decisions.

    Replicates are averaged.
    """
    found = {key: one | _decisions(scope, key) for key, one in undecided(scope, list(scope.sample.risk)).items()}
    if decisions_of(scope.endpoint, scope.spec) and found:
        found |= {key: _decisions(scope, key) for key in (TREAT_ALL, TREAT_NONE)}
    return found


def undecided(scope: Scope, keys: Sequence[Key]) -> dict[Key, dict[Measure, Draws]]:
    """Per regime the draws of every measure but those of decisions, which are nan."""
    nothing = Draws(np.full(scope.samples, np.nan), np.nan, scope.n, scope.events)
    ranked = rankings(scope, keys, scope.spec["horizons"][scope.endpoint])
    errors = _errors(scope, keys)
    return {
        key: dict.fromkeys(measures(scope.endpoint, scope.spec, key[1]), nothing)
        | ranked[key]
        | _at_horizons(scope, key, errors)
        | _over_time(scope, key)
        for key in keys
    }


def rankings(scope: Scope, keys: Sequence[Key], horizons: Sequence[float] = ()) -> dict[Key, dict[Measure, Draws]]:
    """Per regime C, and AUC at the reportable horizons: ratios of sums over a replicate's folds, then means over replicates."""
    if scope.events < EVENTS_FOR_C:
        return {key: {} for key in keys}
    tau = float(scope.spec["tau"])
    told = [t for t in horizons if reportable(scope.sample.time[scope.inside], scope.sample.case[scope.inside], t)]
    ratios: dict[Key, dict[Measure, list[Ratio]]] = {key: {} for key in keys}
    for number, replicate in enumerate(scope.folds):
        for some in _together(keys, max(len(fold.members) for fold in replicate) ** 2):
            risks = np.stack([scope.sample.risk[key][number] for key in some])
            parts = [_fold_ratios(fold, risks[:, fold.members], tau, told) for fold in replicate]
            for measure in parts[0]:
                won, pairs = (sum(part[measure][side] for part in parts) for side in (0, 1))
                for key, num in zip(some, won, strict=True):
                    ratios[key].setdefault(measure, []).append((num, pairs))
    return {key: {measure: averaged(scope, one) for measure, one in found.items()} for key, found in ratios.items()}


def _together(keys: Sequence[Key], numbers: int) -> Iterator[Sequence[Key]]:
    """As many regimes at once as fit into memory, so many numbers of each."""
    size = max(1, AT_ONCE // max(1, numbers))
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


def _fold_ratios(fold: Fold, risks: np.ndarray, tau: float, horizons: list[float]) -> dict[Measure, Ratio]:
    """Sums of risks (k, m): (k, batch) of what is concordant, (batch,) of all pairs."""
    concordance = fold.concordance(risks)
    found = {Measure("uno_c", tau): concordance["uno_c"], Measure("harrell_c", np.nan): concordance["harrell_c"]}
    return found | {Measure("auc", float(t)): fold.auc(risks, t) for t in horizons}


def averaged(scope: Scope, ratios: list[Ratio]) -> Draws:
    """The mean over replicates of ratios, one per replicate."""
    values = [np.divide(num, den, out=np.full_like(num, np.nan), where=den > 0) for num, den in ratios]
    weight = float(np.mean([den[0] for _, den in ratios]))
    return Draws(np.mean(values, axis=0), weight, scope.n, scope.events)


def _errors(scope: Scope, keys: Sequence[Key]) -> dict[tuple[Key, float], np.ndarray]:
    """Brier scores (replicates, batch) of each regime at each horizon where it is judged."""
    found = {}
    for horizon in map(float, scope.spec["horizons"][scope.endpoint]):
        judged = [key for key in keys if scope.status(key, horizon)]
        members, place = scope.members(horizon), scope.reach.place(horizon)
        outcomes = scope.status(judged[0], horizon).outcomes if judged else None
        for some in _together(judged, len(members) * len(scope.folds)):
            told = np.concatenate([scope.sample.survival[key][:, members, place] for key in some])
            scores = brier(outcomes, told.T, np.full(len(told), horizon)).T
            found |= {(key, horizon): one for key, one in zip(some, np.split(scores, len(some)), strict=True)}
    return found


def _at_horizons(scope: Scope, key: Key, errors: dict[tuple[Key, float], np.ndarray]) -> dict[Measure, Draws]:
    """Errors and calibration on a replicate's pooled out-of-fold rows, then means over replicates."""
    found = {}
    for horizon in map(float, scope.spec["horizons"][scope.endpoint]):
        status = scope.status(key, horizon)
        if status is None:
            continue
        risks = _risks(scope, key, horizon)
        replicates = [
            _of_replicate(status, risk, error, not of_one_site(key[1]))
            for risk, error in zip(risks, errors[key, horizon], strict=True)
        ]
        case = status.outcomes.event[on_the_scale(risks).all(axis=0)] == 1
        for name in replicates[0]:
            values = np.mean([one[name] for one in replicates], axis=0)
            if name in ON_THE_SCALE:
                found[Measure(name, horizon)] = Draws(values, float(len(case)), len(case), int(np.count_nonzero(case)))
            else:
                found[Measure(name, horizon)] = _of_status(status, values, _denominator(status, name, values[0]))
    return found


def _denominator(status: Status, name: str, value: float) -> float:
    """What a patient adds on average below a ratio's line: weighed by it and by patients, sites' ratios give the ratio of the sums."""
    if name == "oe":
        return float(status.observed[0] / value)
    return float(status.null_brier[0]) if name == "ipa" else 1.0


def _of_replicate(status: Status, risk: np.ndarray, error: np.ndarray, in_full: bool) -> dict[str, np.ndarray]:
    found = {"brier": error, "ipa": 1 - error / status.null_brier}
    return found | (status.measures(risk) if in_full else status.ratio(risk))


def _risks(scope: Scope, key: Key, horizon: float) -> np.ndarray:
    """Predicted risks (replicates, m) by a horizon of those who are judged there."""
    return 1 - scope.sample.survival[key][:, scope.members(horizon), scope.reach.place(horizon)]


def _of_status(status: Status, values: np.ndarray, denominator: float = 1.0) -> Draws:
    case = status.outcomes.event == 1
    return Draws(values, denominator * len(case), len(case), int(np.count_nonzero(case)))


def _over_time(scope: Scope, key: Key) -> dict[Measure, Draws]:
    """What is judged on the whole curve up to tau."""
    tau = float(scope.spec["tau"])
    status = scope.status(key, tau)
    if status is None:
        return {}
    within = slice(0, scope.reach.place(tau) + 1)
    grid, errors, apart = scope.reach.grid[within], [], []
    for survival in scope.sample.survival[key][:, scope.members(tau), within]:
        errors.append(integrated(brier(status.outcomes, survival, grid), grid))
        apart.append(d_calibration_shares(status.outcomes, survival, grid))
    found = {Measure("ibs", tau): _of_status(status, np.mean(errors, axis=0))}
    if scope.endpoint in scope.spec["competing"] or of_one_site(key[1]):
        return found
    return found | {Measure("d_calibration", tau): _of_status(status, d_calibration(np.mean(apart, axis=0)))}


def _decisions(scope: Scope, key: Key) -> dict[Measure, Draws]:
    """Net benefit over the thresholds of each decision; treating all or nobody is a prediction of 1 or 0 for everybody."""
    found = {}
    fixed = {TREAT_ALL: 1.0, TREAT_NONE: 0.0}
    decisions = [] if of_one_site(key[1]) else decisions_of(scope.endpoint, scope.spec)
    for decision in decisions:
        horizon, act = float(decision["horizon"]), decision["act"]
        part, judged = scope.among(decision), next(iter(scope.reach.keys(horizon)), None) if key in fixed else key
        status = part.status(judged, horizon) if judged else None
        if status is None:
            continue
        if key in fixed:
            acted = fixed[key] if act == "above" else 1 - fixed[key]
            risks = np.full((1, len(status.outcomes.time)), acted)
        else:
            risks = _risks(part, key, horizon)
        thresholds = thresholds_of(decision)
        benefit = np.mean([net_benefit(status, risk, thresholds, act) for risk in risks], axis=0)
        both = {"net_benefit": (benefit, 1.0)}
        both["standardised_net_benefit"] = standardised(status, benefit, act), float(largest(status, act)[0])
        for metric, (values, denominator) in both.items():
            for threshold, column in zip(thresholds, values.T, strict=True):
                measure = Measure(metric, horizon, float(threshold), decision["name"])
                found[measure] = _of_status(status, column, denominator)
    return found
