"""The choice of what is not fitted, inside training folds: by the cross-validated log-likelihood, in lock-step over all training sets."""

import numpy as np
from flwr.app import MessageType
from flwr.serverapp import Grid

from hemapilots.federation.asking import send, summed
from hemapilots.federation.plan import Plan
from hemapilots.models.training_sets import NO_FOLD


def cross_validated(grid: Grid, plan: Plan, state: dict[str, np.ndarray]) -> np.ndarray:
    """Cross-validated log-likelihood (S, L) of Verweij and van Houwelingen (1993), per penalty; state (S * L, ...).

    For a model that leaves out fold k: sum over folds j of l(without k; fit without j and k) - l(without j and k; same fit);
    for the final model: the same over single folds, summed over replicates. Pairs of folds are trained for this only and keep 0.
    """
    sets, count = plan.sets, len(plan.penalties)
    inner = [(target, s) for target in range(len(sets)) for s in _inner_sets(sets, target)]
    target, source = (np.array(column) for column in zip(*inner, strict=True))
    pair_set = np.concatenate([np.repeat(target, count), np.repeat(source, count)])
    pair_fit = np.tile((source[:, None] * count + np.arange(count)).ravel(), 2)
    payload = state | {"pair_set": pair_set, "pair_fit": pair_fit}
    config = {"task": "likelihoods", "ties": plan.ties, **plan.settings}
    loglik = summed(send(grid, payload, config, MessageType.EVALUATE))["loglik"]
    outer, own = loglik.reshape(2, target.size, count)
    criterion = np.zeros((len(sets), count))
    np.add.at(criterion, target, outer - own)
    return criterion


def choose_penalties(grid: Grid, plan: Plan, state: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The criterion (S, L) and the best penalty's index (S,); training sets that leave out a pair of folds keep index 0."""
    sets, count = plan.sets, len(plan.penalties)
    if count == 1:
        return np.zeros((len(sets), 1)), np.zeros(len(sets), dtype=np.int64)
    criterion = cross_validated(grid, plan, state)
    # On a tie the larger penalty wins: it shrinks more.
    best = count - 1 - np.argmax(criterion[:, ::-1], axis=1)
    return criterion, np.where(sets[:, 2] == NO_FOLD, best, 0)


class EarlyStopping:
    """Keeps, for each training set, the state of the round with the best cross-validated log-likelihood.

    Training ends when no set that is judged has improved for `patience` rounds; one penalty only.
    """

    def __init__(self, grid: Grid, plan: Plan):
        self.grid, self.plan, self.patience = grid, plan, plan.settings["patience"]
        self.judged, self.sites = plan.sets[:, 2] == NO_FOLD, list(grid.get_node_ids())
        self.best = np.full(len(plan.sets), -np.inf)
        self.round = np.zeros(len(plan.sets), dtype=np.int64)
        self.state: dict[str, np.ndarray] = {}

    def done(self, round_: int, state: dict[str, np.ndarray]) -> bool:
        """Judge a round's state (S, ...) and say whether training may end."""
        found = cross_validated(self.grid, self.plan, state)[:, 0]
        sites = list(self.grid.get_node_ids())
        if sites != self.sites:
            # The sum is over other patients now, and what was best before cannot be compared with it.
            self.sites, self.best = sites, np.full_like(self.best, -np.inf)
        better = (found > self.best) | ~self.judged
        self.best[better], self.round[better] = found[better], round_
        for name, value in state.items():
            kept = self.state.setdefault(name, value.copy())
            kept[better] = value[better]
        return bool((round_ - self.round[self.judged] >= self.patience).all())


def _inner_sets(sets: np.ndarray, target: int) -> list[int]:
    """The training sets that leave out one fold more than the target."""
    replicate, fold, second = sets[target]
    if second != NO_FOLD:
        return []
    if replicate == NO_FOLD:
        return np.flatnonzero((sets[:, 1] != NO_FOLD) & (sets[:, 2] == NO_FOLD)).tolist()
    same = (sets[:, 0] == replicate) & (sets[:, 2] != NO_FOLD)
    return np.flatnonzero(same & ((sets[:, 1] == fold) | (sets[:, 2] == fold))).tolist()
