"""Random survival forest (Ishwaran et al. 2008): trees are grown where the rows are and put together as one forest.

A state holds nodes (F, b, n, 3): column (-1 in a leaf), threshold, and the left child (the right one follows it) or the leaf's row;
and leaves (F, b, l, T): cumulative hazard at the settings' cuts. Thresholds stand on a grid that does not depend on data, and every
leaf holds at least `MINIMUM_SUPPORT` patients with the event: smaller ones are never split off, so none leaves a site. Inside a leaf the
hazard is given over stretches of time with as many events each, and rises evenly in between.
"""

from dataclasses import dataclass

import numpy as np

from hemapilots.models.data import Preprocessing, Subset, TrainingData
from hemapilots.support import MINIMUM_SUPPORT

ALONE, STEPS, CONTROLLED_STEPS, PROPORTIONAL = "forest_sampling", "", "", False
SUBSAMPLE = 0.632
LEAF = -1


def initial(plan, preprocessing: Preprocessing) -> dict[str, np.ndarray]:
    """Nothing: there is no forest before its trees."""
    return {}


def update(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """What the site answers to `config["task"]`; arrays keyed by name."""
    return TASKS[config["task"]](state, data, config)


def training_sizes(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """The site's patients in the training set of each fit (F,), by which the server shares out the trees."""
    sizes = [data.members(training_set).size for training_set in state["sets"]]
    return {"examples": np.array(sizes)[state["fit_set"]]}


def grow(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """As many trees as `quota` (F,) asks for, numbered from `first` (F,): nodes (F, b, n, 3) and leaves (F, b, l, T), zeros after them."""
    forests = []
    for s, quota, first in zip(state["fit_set"], state["quota"].astype(int), state["first"].astype(int), strict=True):
        subset = data.subset(state["sets"], s, state["preprocessing"])
        rows = Rows.of(subset, data, config)
        forests.append([grow_tree(rows, [config["seed"], s, number], config) for number in range(first, first + quota)])
    return pack_trees(forests, len(config["cuts"]))


def pack_trees(forests: list[list[tuple[np.ndarray, np.ndarray]]], times: int) -> dict[str, np.ndarray]:
    """Trees as (nodes (n, 3), leaves (l, T)), a list for each fit, in arrays padded with zeros."""
    trees = [tree for forest in forests for tree in forest]
    most = max((len(forest) for forest in forests), default=0)
    shape = (len(forests), most)
    nodes = np.zeros((*shape, max((len(tree[0]) for tree in trees), default=0), 3))
    leaves = np.zeros((*shape, max((len(tree[1]) for tree in trees), default=0), times))
    for f, forest in enumerate(forests):
        for b, (node, leaf) in enumerate(forest):
            nodes[f, b, : len(node)], leaves[f, b, : len(leaf)] = node, leaf
    return {"nodes": nodes, "leaves": leaves}


def survival(state: dict, x: np.ndarray, times: np.ndarray, settings: dict) -> np.ndarray:
    """S(t | x) as (n, T) for preprocessed columns, from the mean of the trees' cumulative hazards; nan beyond the last cut."""
    trees = np.arange(len(state["nodes"]))[:, None]
    at = np.zeros((len(trees), len(x)), dtype=int)
    while True:
        column, threshold, child = np.moveaxis(state["nodes"][trees, at], -1, 0)
        inner = column != LEAF
        if not inner.any():
            break
        right = x[np.arange(len(x)), np.where(inner, column, 0).astype(int)] > threshold
        at = np.where(inner, child.astype(int) + right, at)
    hazard = state["leaves"][trees, child.astype(int)].mean(axis=0)
    cuts = np.asarray(settings["cuts"])
    until = np.searchsorted(cuts, times, side="right")
    found = np.concatenate([np.zeros((len(x), 1)), hazard], axis=1)[:, until]
    return np.where(np.asarray(times) <= cuts[-1], np.exp(-found), np.nan)


@dataclass(frozen=True)
class Rows:
    """The rows that trees grow on, sorted by time: x (n, p) and bin (n, p) on the grid of thresholds; time, died by the last cut (n,).

    counts (n, 2K) has a one in the row's cell between cuts, and, where it died, a second one K further.
    """

    x: np.ndarray
    bin: np.ndarray
    time: np.ndarray
    died: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, subset: Subset, data: TrainingData, config: dict) -> "Rows":
        """From a preprocessed training set."""
        cuts, time = np.asarray(config["cuts"]), data.time[subset.rows]
        died = (data.event[subset.rows] == 1) & (time <= cuts[-1])
        cell = np.searchsorted(cuts, time, side="left")
        counts = np.zeros((time.size, 2 * (cuts.size + 1)))
        counts[np.arange(time.size), cell] = 1
        counts[np.flatnonzero(died), cuts.size + 1 + cell[died]] = 1
        return cls(subset.x, np.searchsorted(config["thresholds"], subset.x, side="left"), time, died, counts)


def grow_tree(rows: Rows, seed: list[int], config: dict) -> tuple[np.ndarray, np.ndarray]:
    """nodes (n, 3) and leaves (l, T) of a tree on a random part of the rows, drawn without replacement."""
    rng = np.random.default_rng(seed)
    everyone = np.arange(rows.time.size)
    drawn = np.sort(rng.permutation(everyone)[: round(SUBSAMPLE * everyone.size)])
    if rows.died[drawn].sum() < MINIMUM_SUPPORT:
        drawn = everyone
    nodes, leaves, waiting = [[LEAF, 0.0, 0.0]], [], [(0, drawn)]
    while waiting:
        number, members = waiting.pop()
        split = best_split(rows, members, rng, config)
        if split is None:
            nodes[number] = [LEAF, 0.0, len(leaves)]
            leaves.append(leaf_hazard(rows.time[members], rows.died[members], np.asarray(config["cuts"])))
            continue
        column, threshold = split
        left = rows.bin[members, column] <= threshold
        nodes[number] = [column, config["thresholds"][threshold], len(nodes)]
        waiting += [(len(nodes), members[left]), (len(nodes) + 1, members[~left])]
        nodes += [[LEAF, 0.0, 0.0], [LEAF, 0.0, 0.0]]
    return np.array(nodes), np.array(leaves)


def best_split(rows: Rows, members: np.ndarray, rng: np.random.Generator, config: dict) -> tuple[int, int] | None:
    """Column and threshold (its number) with the largest log-rank statistic among random columns; None where no part may be split off."""
    p = rows.x.shape[1]
    columns = rng.permutation(p)[: config.get("columns_tried") or int(np.ceil(np.sqrt(p)))]
    if members.size < 2 * config["leaf_patients"] or rows.died[members].sum() < 2 * MINIMUM_SUPPORT:
        return None
    left = rows.bin[np.ix_(members, columns)][:, :, None] <= np.arange(len(config["thresholds"]))
    counts = rows.counts[members]
    parts = left.reshape(members.size, -1).T.astype(float) @ counts
    statistic = log_rank(parts, counts.sum(axis=0), config["leaf_patients"])
    best = int(np.argmax(statistic))
    if not statistic[best] > 0:
        return None
    return int(columns[best // len(config["thresholds"])]), best % len(config["thresholds"])


def log_rank(left: np.ndarray, everyone: np.ndarray, leaf_patients: int) -> np.ndarray:
    """Log-rank chi-squared (C,) of candidates: left (C, 2K) the rows and deaths per cell on the left, everyone (2K,) on both sides.

    -1 where one side would have fewer than `leaf_patients` rows or `MINIMUM_SUPPORT` deaths.
    """
    seen, died = np.split(left, 2, axis=1)
    all_seen, all_died = np.split(everyone, 2)
    at_risk, all_at_risk = np.cumsum(seen[:, ::-1], axis=1)[:, ::-1], np.cumsum(all_seen[::-1])[::-1]
    events = all_died > 0
    died, at_risk, d, y = died[:, events], at_risk[:, events], all_died[events], all_at_risk[events]
    share = at_risk / y
    observed_less_expected = (died - share * d).sum(axis=1)
    variance = (share * (1 - share) * (d * (y - d) / np.maximum(y - 1, 1))).sum(axis=1)
    statistic = np.divide(observed_less_expected**2, variance, out=np.zeros(len(left)), where=variance > 0)
    patients, deaths = seen.sum(axis=1), died.sum(axis=1)
    enough = np.minimum(patients, all_seen.sum() - patients) >= leaf_patients
    enough &= np.minimum(deaths, all_died.sum() - deaths) >= MINIMUM_SUPPORT
    return np.where(enough, statistic, -1.0)


def leaf_hazard(time: np.ndarray, died: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Nelson-Aalen estimate (T,) at the cuts, of rows sorted by time; cuts are joined until `MINIMUM_SUPPORT` deaths lie between two of
    them, and the estimate rises in straight lines from one to the next. Deaths that are left over join the last ones, up to the cut
    by which the last is dead; after that the estimate is flat."""
    at_risk = time.size - np.searchsorted(time, time[died], side="left")
    steps, deaths = np.concatenate([[0.0], np.cumsum(1 / at_risk)]), np.searchsorted(time[died], cuts, side="right")
    kept, told = [], 0
    for number, count in enumerate(deaths):
        if count - told >= MINIMUM_SUPPORT:
            kept, told = [*kept, number], count
    if told < deaths[-1]:
        kept = [*kept[:-1], int(np.searchsorted(deaths, deaths[-1]))]
    return np.interp(cuts, np.concatenate([[0.0], cuts[kept]]), np.concatenate([[0.0], steps[deaths[kept]]]))


TASKS = {"training_sizes": training_sizes, "grow": grow}
