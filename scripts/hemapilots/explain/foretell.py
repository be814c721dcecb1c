"""Risks of new patients from a portable model, with intervals, and what drives them."""

from dataclasses import dataclass, replace

import numpy as np

from hemapilots.explain.subject import FINAL
from hemapilots.explain.survshap import shapley
from hemapilots.models.data import Preprocessing
from hemapilots.models.hazards import FittedModel, event_free
from hemapilots.models.registry import model_of

__all__ = ["Own", "Portable"]

DRAWS, SEED, LEVEL = 500, 29, 0.95
# Orders in which variables are exchanged to explain a model without coefficients.
ORDERS = 50


@dataclass(frozen=True)
class Own:
    """A site's own patients, of whom its baseline hazard is made: x (n, p), outcome (n, 3) entry, time, event."""

    x: np.ndarray
    outcome: np.ndarray

    @property
    def events(self) -> int:
        """Patients with the event."""
        return int(np.count_nonzero(self.outcome[:, 2] == 1))


@dataclass(frozen=True)
class Portable:
    """A final model at some place; own: the patients of the place, None where the model's own baseline serves, if it has one."""

    arrays: dict[str, np.ndarray]
    card: dict
    own: Own | None = None

    @property
    def proportional(self) -> bool:
        """Whether its hazards are a baseline times exp(linear predictor)."""
        return model_of(self.card["kind"]).PROPORTIONAL

    @property
    def has_baseline(self) -> bool:
        """Whether it tells absolute risks here."""
        return not self.proportional or self.own is not None or "baseline" in self.arrays

    def risk(self, x: np.ndarray, entry: np.ndarray) -> np.ndarray:
        """Probability (m, T) of the event by each horizon, counted from entry, for x (m, p); nan where the baseline has ended."""
        return self._risk(x, entry, self.arrays, None)

    def interval(self, x: np.ndarray, entry: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """95 % limits (m, T) of the risk, None where the model holds no covariance.

        Coefficients are drawn from their normal law, conditional on the penalty, and the patients of the place, who give the
        baseline, with replacement: to first order the coefficients' error and that of the baseline given them are independent
        (Andersen & Gill 1982), so both are joined by drawing each on its own. A baseline that came with the model counts as known.
        """
        if "covariance" not in self.arrays or not self.has_baseline:
            return None
        rng, roots, tail = np.random.default_rng(SEED), self._roots(), (1 - LEVEL) / 2
        risks = [self._risk(x, entry, self._drawn(rng, roots), self._resampled(rng)) for _ in range(DRAWS)]
        sure = np.isfinite(risks).all(axis=0)
        low, high = (np.quantile(np.where(sure, risks, 0.0), share, axis=0) for share in (tail, 1 - tail))
        return np.where(sure, low, np.nan), np.where(sure, high, np.nan)

    def _roots(self) -> dict[str, np.ndarray]:
        """A root of the covariance by name of the coefficients, of the competing event's model as well."""
        roots = {}
        for prefix in ("", "competing_"):
            if f"{prefix}covariance" in self.arrays:
                values, vectors = np.linalg.eigh(self.arrays[f"{prefix}covariance"][FINAL])
                roots[f"{prefix}coefficients"] = vectors * np.sqrt(np.maximum(values, 0))
        return roots

    def _drawn(self, rng: np.random.Generator, roots: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The arrays with coefficients drawn."""
        drawn = {name: self.arrays[name] + root @ rng.normal(size=len(root)) for name, root in roots.items()}
        return self.arrays | drawn

    def _resampled(self, rng: np.random.Generator) -> np.ndarray | None:
        """The own patients drawn with replacement; who entered first and who stayed longest are always among them, so that a
        baseline reaches as far in every draw."""
        if self.own is None:
            return None
        ends = [np.argmin(self.own.outcome[:, 0]), np.argmax(self.own.outcome[:, 1])]
        return np.concatenate([rng.integers(len(self.own.x), size=len(self.own.x)), ends])

    def _risk(self, x, entry, arrays, drawn) -> np.ndarray:
        times = np.asarray(self.card["horizons"], float)
        if not self.has_baseline:
            return np.full((len(x), times.size), np.nan)
        own = self.own or Own(np.zeros((0, x.shape[1])), np.zeros((0, 3)))
        learned = np.arange(len(own.x)) if drawn is None else drawn
        late, competes = self.card["entry"] is not None, self.card["competing_event"] is not None
        grid = _finer(times) if competes else times
        model = FittedModel(arrays, self.card, grid, late)
        model = model if self.own is None or not self.proportional else replace(model, recalibrated="baseline")
        new = np.column_stack([entry if late else np.zeros(len(x)), np.zeros((len(x), 2))])
        part = (np.concatenate([own.x, x]), np.concatenate([own.outcome, new]))
        part += (np.arange(len(own.x), len(own.x) + len(x)), learned, FINAL)
        free = event_free(model.hazard(*part)[1], model.competing_hazard(*part) if competes else None)
        return 1 - free[:, np.searchsorted(grid, times)]

    def standardised(self, x: np.ndarray) -> np.ndarray:
        """Columns (m, p) in standard deviations of the training patients from their mean, missing ones filled."""
        parts = (self.arrays[name][FINAL][np.newaxis] for name in ("fill", "location", "scale"))
        return Preprocessing(*parts, np.zeros(1), np.zeros(1)).apply(x, 0)

    def far(self, x: np.ndarray) -> np.ndarray:
        """Whether (m, p) a number is more standard deviations away from the training patients' mean than the use case allows."""
        return (np.abs(self.standardised(x)) > self.card["abstention"]["deviations"]) & self._numbers

    def nearest(self, x: np.ndarray) -> np.ndarray:
        """Columns (m, p) with numbers that are too far moved to the last value that the model would take."""
        location, reach = (self.arrays[name][FINAL] for name in ("location", "scale"))
        reach = np.where(reach > 0, reach * self.card["abstention"]["deviations"], np.inf)
        return np.where(self._numbers, np.clip(x, location - reach, location + reach), x)

    @property
    def _numbers(self) -> np.ndarray:
        return np.array([column["type"] == "number" for column in self.card["encoding"]])

    def contributions(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """By variable what it adds (m,): to the log hazard beside that of the mean training patient, which sums to the linear
        predictor; of a model without coefficients to the risk at the first horizon beside that of the median patient."""
        columns = [column["variable"] for column in self.card["encoding"]]
        groups = {name: [at for at, one in enumerate(columns) if one == name] for name in self.card["variables"]}
        if "coefficients" in self.arrays:
            weights = self.arrays["coefficients"][FINAL][self.arrays["chosen"][FINAL]]
            parts = self.standardised(x) * weights
            return {name: parts[:, places].sum(axis=1) for name, places in groups.items()}
        if not self.has_baseline or self.card["entry"] is not None:
            return {name: np.full(len(x), np.nan) for name in groups}
        median = np.repeat(self.arrays["fill"][FINAL][np.newaxis], ORDERS, axis=0)
        found = shapley(
            lambda rows, whose: self.risk(rows, np.zeros(len(rows)))[:, :1],
            np.where(np.isnan(x), self.arrays["fill"][FINAL], x),
            median,
            [*groups.values()],
            np.random.default_rng(SEED),
        )
        return {name: found[:, place, 0] for place, name in enumerate(groups)}


def _finer(horizons: np.ndarray) -> np.ndarray:
    """Times between horizons, for the share of a competing event in each stretch; the horizons are among them."""
    return np.unique(np.concatenate([horizons, np.linspace(0, horizons.max(), 101)[1:]]).round(10))
