"""Gradient-boosted Cox regression: shallow trees on a grid of thresholds, each fitted to what the ones before leave unexplained.

Trees are grown on histograms (Ke et al. 2017): per column and bin the sum over patients of the gradient, observed less expected events,
and of the expected events, which stand for the Hessian (Therneau, Grambsch and Fleming 1990: martingale residuals). Such sums add up
over sites, so sites together grow the tree that one place would from the likelihood stratified by site.

A state holds nodes (F, b, n, 2): column (-1: nobody goes right) and threshold of full binary trees, parents before children; leaves
(F, b, l): what each adds to the log relative hazard; grown (F,): how many of the b trees are complete.
"""

import numpy as np
from scipy.sparse import csr_array

from hemapilots.models import cox
from hemapilots.models import partial_likelihood as pl
from hemapilots.models.data import Preprocessing, Subset, TrainingData

ALONE, STEPS, CONTROLLED_STEPS, PROPORTIONAL = "histogram_boosting", "", "", True
NOBODY = -1
# What a histogram counts in each bin.
SUMS = ("gradient", "expected", "patients", "events")


def initial(plan, preprocessing: Preprocessing) -> dict[str, np.ndarray]:
    """No tree is grown yet."""
    fits, trees, depth = plan.fit_set.size, plan.settings["trees"], plan.settings["depth"]
    nodes = np.zeros((fits, trees, 2**depth - 1, 2))
    nodes[..., 0] = NOBODY
    return {"nodes": nodes, "leaves": np.zeros((fits, trees, 2**depth)), "grown": np.zeros(fits)}


def update(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """What the site answers to `config["task"]`; arrays keyed by name."""
    return TASKS[config["task"]](state, data, config)


def bin_sums(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """SUMS (F, n, p, h, 4) of the n nodes at `config["level"]` of the tree that grows, per column and each of h bins."""
    level, bins = config["level"], len(config["thresholds"]) + 1
    out = np.zeros((state["fit_set"].size, 2**level, data.x.shape[1], bins, len(SUMS)))
    for f, s in enumerate(state["fit_set"]):
        subset = data.subset(state["sets"], s, state["preprocessing"])
        if subset.rows.size == 0:
            continue
        scores, tree = _scores(state, data, f, s), state["nodes"][f, int(state["grown"][f])]
        node = _descended(tree[None], subset.x, level)[0] - (2**level - 1)
        placed = data.kept(f"bins {s}", _placed, subset, config["thresholds"])
        values = _values(scores, subset, data.event[subset.rows], config["ties"])
        there = (node[:, None] == np.arange(2**level)).astype(float)
        wide = (there[:, :, None] * values[:, None, :]).reshape(len(node), -1)
        out[f] = (placed @ wide).reshape(data.x.shape[1], bins, 2**level, len(SUMS)).transpose(2, 0, 1, 3)
    return {"sums": out}


def _placed(subset: Subset, thresholds: list[float]) -> csr_array:
    """A one for each row (n) in its bin of each column, as a matrix (p h, n); bin k holds values above k thresholds."""
    n, p = subset.x.shape
    bins = len(thresholds) + 1
    place = np.searchsorted(thresholds, subset.x, side="left") + bins * np.arange(p)
    rows = np.repeat(np.arange(n), p)
    return csr_array((np.ones(n * p), (place.ravel(), rows)), shape=(p * bins, n))


def _values(scores: np.ndarray, subset: Subset, event: np.ndarray, ties: str) -> np.ndarray:
    """SUMS of single rows (n, 4) at their log relative hazards (n,)."""
    sets, expected = subset.risk_sets, np.zeros(len(scores))
    if sets.times.size:
        hazard = np.exp(scores - scores.max())[:, None]
        terms = pl.tie_terms(sets.over_risk_sets(hazard), sets.over_deaths(hazard), sets.deaths, ties)
        expected = sets.weights(hazard, terms.inverse, terms.inverse_f)[:, 0]
    return np.column_stack([event - expected, expected, np.ones(len(scores)), event])


def likelihoods(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """Log partial likelihood (P,) of fit `pair_fit` on the rows of training set `pair_set`, with the fit's own preprocessing."""
    out = np.zeros(state["pair_fit"].size)
    for k, (f, s) in enumerate(zip(state["pair_fit"], state["pair_set"], strict=True)):
        rows = data.members(state["sets"][s])
        sets = data.kept(f"risk sets {s}", data.risk_sets, rows)
        out[k] = pl.loglik(_scores(state, data, f, s)[:, None], np.ones((1, 1)), sets, config["ties"])[0]
    return {"loglik": out}


def baselines(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """Cumulative baseline hazard of each fit on the protocol's grid (F, T), nan beyond the site's last follow-up."""
    grid, found = np.asarray(config["grid"], float), []
    for f, s in enumerate(state["fit_set"]):
        subset = data.subset(state["sets"], s, state["preprocessing"])
        hazard = np.exp(risk({name: state[name][f] for name in ("nodes", "leaves")}, subset.x, config))
        entry, time = data.entry[subset.rows], data.time[subset.rows]
        found.append(cox.on_grid(grid, hazard, subset.risk_sets, entry, time, config["ties"]))
    return {"baseline": np.array(found)}


def risk(state: dict, x: np.ndarray, settings: dict) -> np.ndarray:
    """Log relative hazard (n,) of preprocessed columns: the sum of its trees."""
    return _added(state["nodes"], state["leaves"], x)


def _added(nodes: np.ndarray, leaves: np.ndarray, x: np.ndarray) -> np.ndarray:
    """What some trees add up to (n,)."""
    at = _descended(nodes, x, int(np.log2(leaves.shape[-1]))) - nodes.shape[1]
    return np.take_along_axis(leaves, at, axis=1).sum(axis=0)


def _descended(nodes: np.ndarray, x: np.ndarray, level: int) -> np.ndarray:
    """The node (b, n) of each row at a level of each tree, numbered through the tree."""
    trees, at = np.arange(len(nodes))[:, None], np.zeros((len(nodes), len(x)), dtype=int)
    for _ in range(level):
        column, threshold = np.moveaxis(nodes[trees, at], -1, 0)
        value = x[np.arange(len(x)), np.maximum(column, 0).astype(int)]
        at = 2 * at + 1 + ((column != NOBODY) & (value > threshold))
    return at


def _scores(state: dict, data: TrainingData, f: int, s: int) -> np.ndarray:
    """Log relative hazards of the rows of set s by fit f; kept, so that a round adds only the trees that are new."""
    memory, grown = data.kept("scores", dict), int(state["grown"][f])
    count, scores, x = memory.get((f, s), (0, 0.0, None))
    if x is None:
        x = state["preprocessing"].apply(data.x[data.members(state["sets"][s])], state["fit_set"][f])
    if count > grown or count == 0:
        count, scores = 0, np.zeros(len(x))
    if grown > count:
        scores = scores + _added(state["nodes"][f, count:grown], state["leaves"][f, count:grown], x)
    memory[f, s] = (grown, scores, x)
    return scores


TASKS = {"bin_sums": bin_sums, "likelihoods": likelihoods, "baselines": baselines}
