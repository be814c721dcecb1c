"""Permutation importance inside a site: how much concordance is lost when one variable's values are dealt anew among patients.

Each patient is judged by the model of a fold that did not see that patient, and values are dealt within test folds: what a variable
is worth is not told from patients on whom its coefficient was fitted (Breiman 2001, on survival data).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import ndtri

from hemapilots.evaluation.censoring import weigh
from hemapilots.evaluation.discrimination import Fold
from hemapilots.evaluation.resampling import bootstrap_weights
from hemapilots.explain.subject import Subject

__all__ = ["importances"]


def importances(
    subject: Subject, groups: Mapping[str, Sequence[int]], spec: Mapping[str, Any], seed: Sequence[int]
) -> list[dict[str, Any]]:
    """Per variable the loss of the primary metric: estimate, se, lower, upper, and the weight with which sites are combined.

    groups: columns of the design by variable; a variable's columns are dealt together, its sign of missing values with them.
    spec: metric, tau, repeats, samples, level. Losses are averaged over `repeats` deals, ratios over a replicate's folds as in
    evaluation, then over replicates; in a split in time the later patients alone are judged.
    The standard error joins the bootstrap of patients, conditional on model and deals, with
    the variance between deals.
    """
    weights = np.zeros((int(spec["samples"]) + 1, len(subject.x)))
    weights[:, subject.judged] = bootstrap_weights(subject.folds[subject.judged, 0], len(weights) - 1, int(seed[0]))
    time = subject.outcome[:, 1] - subject.outcome[:, 0]
    outcomes = weigh(time, subject.outcome[:, 2], weights)
    ratios = [_of_replicate(subject, outcomes, r, groups, spec, seed) for r in range(subject.folds.shape[1])]
    losses = np.mean([ratio for ratio, _ in ratios], axis=0)
    weight = float(np.mean([pairs for _, pairs in ratios]))
    return [_row(name, loss, weight, spec["level"]) for name, loss in zip(groups, losses, strict=True)]


def _of_replicate(subject, outcomes, replicate, groups, spec, seed) -> tuple[np.ndarray, float]:
    """Losses (variables, repeats, samples + 1) of a replicate, and its comparable pairs."""
    fold = subject.folds[:, replicate]
    judged = np.unique(fold[subject.judged])
    parts = [_of_fold(subject, outcomes, (replicate, int(k)), groups, spec, seed) for k in judged]
    lost, pairs = (sum(part[side] for part in parts) for side in (0, 1))
    return np.divide(lost, pairs, out=np.full(lost.shape, np.nan), where=pairs > 0), float(pairs[0])


def _of_fold(subject, outcomes, at, groups, spec, seed) -> tuple[np.ndarray, np.ndarray]:
    """Concordant pairs lost (variables, repeats, samples + 1) and comparable ones (samples + 1,) of a test fold."""
    inside = subject.folds[:, at[0]] == at[1]
    tested, learned = np.flatnonzero(inside & subject.judged), np.flatnonzero(~inside)
    before = subject.risk(subject.x[tested], tested, learned, at)
    # Who is out of a baseline's reach has no risk, whatever the values that are dealt.
    tested, before = tested[np.isfinite(before)], before[np.isfinite(before)]
    fold, rng = Fold(outcomes, tested, float(spec["tau"])), np.random.default_rng([*seed, *at])
    whole, pairs = fold.concordance(before)[spec["metric"]]
    lost = np.zeros((len(groups), spec["repeats"], len(pairs)))
    for repeat in range(spec["repeats"]):
        dealt = subject.x[tested][rng.permutation(len(tested))]
        changed = [_dealt(subject.x[tested], dealt, columns) for columns in groups.values()]
        risks = subject.risk(np.concatenate(changed), np.tile(tested, len(groups)), learned, at)
        for place, risk in enumerate(risks.reshape(len(groups), len(tested))):
            unchanged = np.array_equal(risk, before)
            lost[place, repeat] = 0.0 if unchanged else whole - fold.concordance(risk)[spec["metric"]][0]
    return lost, pairs


def _dealt(x: np.ndarray, dealt: np.ndarray, columns: Sequence[int]) -> np.ndarray:
    changed = x.copy()
    changed[:, columns] = dealt[:, columns]
    return changed


def _row(name: str, loss: np.ndarray, weight: float, level: float) -> dict[str, Any]:
    """loss (repeats, samples + 1), its first column the estimate."""
    estimate = float(loss[:, 0].mean())
    between = loss[:, 0].var(ddof=1) / len(loss) if len(loss) > 1 else 0.0
    se = float(np.sqrt(np.nanvar(loss.mean(axis=0)[1:], ddof=1) + between))
    half = float(ndtri(0.5 + level / 2)) * se
    limits = {"lower": estimate - half, "upper": estimate + half}
    return {"variable": name, "estimate": estimate} | limits | {"se": se, "weight": weight}
