"""Uno's C where the probability of censoring differs between patients (Gerds et al., Stat Med 2013).

A pair of a case i and a patient j who outlives it was seen with probability G(t_i- | i) G(t_i- | j); of one whom a competing event had
taken before, with probability G(t_i- | i) G(t_j- | j). With one curve for everybody this is Uno's C of `discrimination`.
"""

from collections.abc import Mapping

import numpy as np

from hemapilots.evaluation.censoring_model import CensoringModel, inverse
from hemapilots.evaluation.discrimination import Fold, Ratio
from hemapilots.evaluation.sample import Key

__all__ = ["concordances"]

# Pairs times resamples that are weighed at once; in single precision, save for the estimate itself.
AT_ONCE = 4_000_000


def concordances(fold: Fold, model: CensoringModel, risks: Mapping[Key, np.ndarray]) -> dict[Key, Ratio]:
    """Numerators and denominators (batch,) of each regime's risks (m,), the weights made once for all of them."""
    cases = np.flatnonzero(fold.event & (fold.time < fold.tau))
    later = _outlives(fold, cases)
    worth = {key: later * _lower(risk, risk[cases]) for key, risk in risks.items()}
    sums = {key: np.zeros(len(fold.weights)) for key in (*risks, None)}
    own = model.own(fold.outcomes.time)[:, fold.members]
    mass = (fold.weights * own)[:, cases]
    hazards = model.hazards(fold.time[cases], left=True)
    size = max(1, AT_ONCE // max(1, later.size))
    starts = [0, *range(1, len(fold.weights), size)]
    for start, stop in zip(starts, [*starts[1:], len(fold.weights)], strict=True):
        rows, kind = slice(start, stop), np.float64 if start == 0 else np.float32
        pairs = _pair_weights(fold, model, hazards[:, rows], rows, kind) * mass[rows, :, None].astype(kind)
        for key, one in (*worth.items(), (None, later)):
            sums[key][rows] = np.tensordot(pairs, one.astype(kind), axes=((1, 2), (0, 1)))
    _add_competing(fold, cases, mass, fold.weights * own, risks, sums)
    return {key: (sums[key], sums[None]) for key in risks}


def _pair_weights(fold: Fold, model: CensoringModel, hazards: np.ndarray, rows: slice, kind: type) -> np.ndarray:
    """Weights (rows, cases, m) of the second of each pair, over its probability to be seen as long as the case."""
    stratum = model.stratum[fold.members]
    relative = model.relative[rows][:, fold.members].astype(kind)
    found = np.empty((*hazards.shape[1:], len(stratum)), dtype=kind)
    for code in np.unique(stratum):
        inside = stratum == code
        found[:, :, inside] = inverse(hazards[code].astype(kind)[:, :, None] * relative[:, None, inside])
    found *= fold.weights[rows, None, :].astype(kind)
    return found


def _add_competing(fold: Fold, cases, mass, weighed, risks: Mapping[Key, np.ndarray], sums: dict) -> None:
    """Pairs of a case and one whom a competing event took before."""
    if fold.competing.any():
        passed = (fold.competing & (fold.time < fold.time[cases, None])).astype(float)
        for key in sums:
            lower = 1.0 if key is None else _lower(risks[key], risks[key][cases])
            sums[key] += np.einsum("bi,bi->b", mass, weighed @ (passed * lower).T)


def _outlives(fold: Fold, cases: np.ndarray) -> np.ndarray:
    """(cases, m) whether the second outlives the first, or is censored at the same time."""
    start = fold.time[cases, None]
    return ((fold.time > start) | ((fold.time == start) & ~fold.event)).astype(float)


def _lower(risk: np.ndarray, cases: np.ndarray) -> np.ndarray:
    """(cases, m) whether the second has the lower risk; ties count one half."""
    return (risk < cases[:, None]) + 0.5 * (risk == cases[:, None])
