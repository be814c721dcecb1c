"""Invented sites for tests of federated training, and a federation over them."""

import numpy as np

from hemapilots.federation.client import client_app
from hemapilots.federation.grid import LocalGrid
from hemapilots.federation.plan import Plan
from hemapilots.federation.release import Exit
from hemapilots.models.data import TrainingData

NETWORK = {
    "hidden": [4],
    "learning_rate": 0.1,
    "weight_decay": 0.02,
    "optimizer": "sgd",
    "local_steps": 1,
    "rounds": 3,
    "seed": 5,
}
GRID = np.array([0.5, 1.0, 1.5, 2.0, 3.0])


def sites(sizes, seed=1, late_entry=False, folds=2, replicates=1, step=0.1, missing=0.0):
    """TrainingData of each site: a continuous, a 0/1 and another continuous column; tied times; about half are deaths."""
    rng, out = np.random.default_rng(seed), []
    for n in sizes:
        x = np.column_stack([rng.normal(50, 12, n), rng.random(n) < 0.4, rng.normal(0, 1, n)]).astype(float)
        hazard = np.exp(0.03 * (x[:, 0] - 50) + 0.6 * x[:, 1] - 0.4 * x[:, 2])
        death, censoring = rng.exponential(3 / hazard), rng.exponential(4, n)
        time = np.ceil(np.minimum(death, censoring) / step) * step
        entry = np.where(rng.random(n) < 0.4, np.floor(time * rng.random(n) * 0.9 / step) * step, 0.0) * late_entry
        x[rng.random(x.shape) < missing] = np.nan
        event, fold = (death <= censoring).astype(float), rng.integers(0, folds, (replicates, n))
        out.append(TrainingData(x, entry, time, event, fold, np.array([False, True, False])))
    return out


def pooled(parts):
    """All rows in one place."""
    names = ("x", "entry", "time", "event")
    return TrainingData(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in names),
        np.concatenate([part.folds for part in parts], axis=1),
        parts[0].flags,
    )


def plan_for(kind, settings, folds=2, replicates=1, ties="efron", penalties=(0.0,), grid=GRID):
    """Three columns, the middle one 0/1."""
    flags = np.array([False, True, False])
    return Plan(["a", "b", "c"], flags, replicates, folds, np.array(penalties), ties, grid, None, kind, settings)


def grid_for(kind, parts, gate="off"):
    """The sites' apps in one process."""
    for part in parts:
        part.forget()
    names = [f"site-{k:02d}" for k in range(len(parts))]
    return LocalGrid(
        {name: client_app(kind, part, Exit(name, "test", gate)) for name, part in zip(names, parts, strict=True)}
    )
