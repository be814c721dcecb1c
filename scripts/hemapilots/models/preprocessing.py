"""Imputation and scaling as federated sums: moments at the sites, a median by bisection, the agreement at the server."""

from bisect import bisect_right

import numpy as np

from hemapilots.models.data import Preprocessing, TrainingData

# Each is an exchange with every site. The median is then known to 2^-15 standard deviations, far nearer than what it stands for.
BISECTIONS = 16


def observed_moments(data: TrainingData, sets: np.ndarray) -> dict[str, np.ndarray]:
    """Per training set: patients, events (S,), and per column the observed count, sum and sum of squares (S, p)."""
    known = ~np.isnan(data.x)
    values = np.where(known, data.x, 0.0)
    shape = (len(sets), data.x.shape[1])
    out = {"patients": np.zeros(len(sets)), "events": np.zeros(len(sets))}
    out |= {name: np.zeros(shape) for name in ("observed", "sums", "squares")}
    for s, training_set in enumerate(sets):
        rows = data.members(training_set)
        out["patients"][s], out["events"][s] = rows.size, (data.event[rows] == 1).sum()
        out["observed"][s] = known[rows].sum(axis=0)
        out["sums"][s] = values[rows].sum(axis=0)
        out["squares"][s] = (values[rows] ** 2).sum(axis=0)
    return out


class GuardedCounts:
    """Counts of values up to a threshold, as the search for medians asks for them.

    With a `minimum` an answer is told only where at least so many patients lie between it and every answer before, and none or all
    where fewer lie beyond: however many thresholds are asked, no group smaller than that can be told apart. Otherwise the nearest
    earlier answer is repeated.
    """

    def __init__(self, minimum: int):
        self.minimum = minimum
        self._answered: dict[tuple[int, int], list[tuple[float, int]]] = {}
        self._ranked: dict[tuple[bytes, bytes], RankedColumns] = {}

    def count(self, data: TrainingData, sets: np.ndarray, columns: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
        """Per training set and column the number of values at or below its threshold (S, c)."""
        asked = (sets.tobytes(), columns.tobytes())
        if asked not in self._ranked:
            self._ranked[asked] = RankedColumns(data, sets, columns)
        below = self._ranked[asked].below(thresholds)
        if self.minimum:
            known = self._ranked[asked].below(np.full(thresholds.shape, np.inf))
            for s, k in np.ndindex(below.shape):
                key, threshold = (s, int(columns[k])), float(thresholds[s, k])
                below[s, k] = self._guarded(key, threshold, int(below[s, k]), int(known[s, k]))
        return below

    def _guarded(self, key: tuple[int, int], threshold: float, below: int, known: int) -> int:
        answered = self._answered.setdefault(key, [(-np.inf, 0), (np.inf, known)])
        after = bisect_right(answered, (threshold, np.inf))
        low, high = answered[after - 1][1], answered[after][1]
        if below - low < self.minimum:
            return low
        if high - below < self.minimum:
            return high
        answered.insert(after, (threshold, below))
        return below


class RankedColumns:
    """Columns (c) of a site in order of their values, with the members of each training set (S, 3) counted along it."""

    def __init__(self, data: TrainingData, sets: np.ndarray, columns: np.ndarray):
        member = np.zeros((len(sets), data.time.size))
        for s, training_set in enumerate(sets):
            member[s, data.members(training_set)] = 1
        order = np.argsort(data.x[:, columns], axis=0)
        # Missing values sort to the end, beyond every threshold.
        self.values = np.take_along_axis(data.x[:, columns], order, axis=0)
        self.passed = np.zeros((len(sets), len(order) + 1, len(columns)))
        np.cumsum(member[:, order], axis=1, out=self.passed[:, 1:])

    def below(self, thresholds: np.ndarray) -> np.ndarray:
        """Values at or below the thresholds (S, c), among the members of each training set."""
        ranks = [np.searchsorted(self.values[:, k], thresholds[:, k], side="right") for k in range(thresholds.shape[1])]
        return np.take_along_axis(self.passed, np.array(ranks).T[:, None], axis=1)[:, 0]


class MedianSearch:
    """Bisection for the lower median of each column in each training set: it lies within one standard deviation of the mean."""

    def __init__(self, observed: np.ndarray, mean: np.ndarray, sd: np.ndarray):
        """observed, mean, sd (S, q) over all sites."""
        self.half = observed / 2
        self.low, self.high = mean - sd * (1 + 1e-9), mean + sd * (1 + 1e-9)

    @property
    def thresholds(self) -> np.ndarray:
        """The values to count at (S, q)."""
        return (self.low + self.high) / 2

    def narrow(self, counts: np.ndarray) -> None:
        """Halve the interval by the counts (S, q) summed over sites."""
        middle, enough = self.thresholds, counts >= self.half
        self.high = np.where(enough, middle, self.high)
        self.low = np.where(enough, self.low, middle)


def mean_and_sd(moments: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the observed values (S, p)."""
    count = np.maximum(moments["observed"], 1)
    mean = moments["sums"] / count
    return mean, np.sqrt(np.maximum(moments["squares"] / count - mean**2, 0.0))


def agree(moments: dict[str, np.ndarray], flags: np.ndarray, median: np.ndarray) -> Preprocessing:
    """The preprocessing of each training set from summed moments: fill with the mode (0/1 columns) or median, then mean and sd."""
    observed = moments["observed"]
    mode = (moments["sums"] * 2 > observed).astype(float)
    fill = np.where(flags, mode, median)
    missing = moments["patients"][:, None] - observed
    count = np.maximum(moments["patients"][:, None], 1)
    location = (moments["sums"] + missing * fill) / count
    variance = (moments["squares"] + missing * fill**2) / count - location**2
    # A constant column's variance is rounding noise of its squares; anything that small carries no information.
    noise = 1e-12 * np.maximum(moments["squares"] / count, 1e-300)
    scale = np.sqrt(np.where(variance > noise, variance, 0.0))
    return Preprocessing(fill, location, scale, moments["patients"], moments["events"])
