"""What a model sees of a site: rows, and the preprocessing that was agreed for each training set."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from hemapilots.models.partial_likelihood import RiskSets
from hemapilots.models.subdistribution import risk_sets
from hemapilots.models.training_sets import NO_FOLD


@dataclass(frozen=True)
class Preprocessing:
    """Per training set: fill, location and scale (S, p), patients and events (S,). Scale 0 marks a constant column."""

    fill: np.ndarray
    location: np.ndarray
    scale: np.ndarray
    patients: np.ndarray
    events: np.ndarray

    def apply(self, x: np.ndarray, s: int) -> np.ndarray:
        """Columns imputed, centred and scaled as agreed for training set s; constant columns become 0."""
        scale = np.where(self.scale[s] > 0, self.scale[s], np.inf)
        out = np.where(np.isnan(x), self.fill[s], x)
        out -= self.location[s]
        out /= scale
        return out


@dataclass(frozen=True)
class Subset:
    """One training set at one site: x (n, p) preprocessed, rows sorted by time, and their risk sets.

    A column that does not vary in it adds nothing to gradient and information of a baseline of its own: varying (q,) are the others,
    telling (n, q) their x, and pairs where they stand in the upper triangle of all columns.
    """

    x: np.ndarray
    rows: np.ndarray
    risk_sets: RiskSets

    @cached_property
    def varying(self) -> np.ndarray:
        """Columns (q,) with more than one value."""
        return np.flatnonzero((self.x != self.x[:1]).any(axis=0))

    @cached_property
    def telling(self) -> np.ndarray:
        """The columns that vary (n, q)."""
        return np.ascontiguousarray(self.x[:, self.varying])

    @cached_property
    def pairs(self) -> np.ndarray:
        """Places (q(q+1)/2,) of their pairs in an upper triangle (p(p+1)/2,)."""
        varies = np.zeros(self.x.shape[1], dtype=bool)
        varies[self.varying] = True
        return np.flatnonzero((varies[:, None] & varies)[np.triu_indices(varies.size)])


@dataclass
class TrainingData:
    """A site's rows for one endpoint and predictor set, sorted by time.

    x (n, p), nan where missing; entry, time (years), event (n,); folds (R, n); flags (p,) marks 0/1 columns.
    event: 1 or 0; 2 a competing event after which the patient stays at risk, see `subdistribution`.
    """

    x: np.ndarray
    entry: np.ndarray
    time: np.ndarray
    event: np.ndarray
    folds: np.ndarray
    flags: np.ndarray
    _cache: dict = field(default_factory=dict, repr=False)

    def __post_init__(self):
        order = np.argsort(self.time, kind="stable")
        self.x, self.entry, self.time, self.event = (
            self.x[order],
            self.entry[order],
            self.time[order],
            self.event[order],
        )
        self.folds = self.folds[:, order]

    def coarsened(self, edges: np.ndarray) -> "TrainingData":
        """The rows with times moved up to the next edge (edges start at 0); who stays beyond the last one is censored there.

        Entries move up as well: who comes within a cell is at risk from the next one on, and who also leaves in it is at risk nowhere.
        """
        cell, came = (np.searchsorted(edges, values - 1e-9, side="left") for values in (self.time, self.entry))
        entry, time = edges[came.clip(max=edges.size - 1)], edges[cell.clip(max=edges.size - 1)]
        event = np.where((cell < edges.size) & (entry < time), self.event, 0.0)
        return TrainingData(self.x, entry, time, event, self.folds, self.flags)

    def members(self, training_set: np.ndarray) -> np.ndarray:
        """Row numbers of a training set (replicate, fold, fold)."""
        replicate, first, second = training_set
        if replicate == NO_FOLD:
            return np.arange(self.time.size)
        fold = self.folds[replicate]
        return np.flatnonzero((fold != first) & (fold != second))

    def risk_sets(self, rows: np.ndarray, times: np.ndarray | None = None) -> RiskSets:
        """Risk sets of some rows."""
        return risk_sets(self.entry[rows], self.time[rows], self.event[rows], times)

    def subset(self, sets: np.ndarray, s: int, preprocessing: Preprocessing, times: np.ndarray | None = None) -> Subset:
        """Training set s, preprocessed; kept, because every round asks for it again."""
        key = (s, times is None)
        if key not in self._cache:
            rows = self.members(sets[s])
            self._cache[key] = Subset(preprocessing.apply(self.x[rows], s), rows, self.risk_sets(rows, times))
        return self._cache[key]

    def kept(self, name: str, make: Callable, *arguments):
        """What `make(*arguments)` gives, kept by name until the preprocessing changes: rounds ask for the same again."""
        if name not in self._cache:
            self._cache[name] = make(*arguments)
        return self._cache[name]

    def forget(self) -> None:
        """Drop what was kept: the preprocessing has changed."""
        self._cache.clear()
