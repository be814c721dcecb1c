"""The hazards that a fitted model foretells, and the probability of staying without the event that follows from them."""

from dataclasses import dataclass, replace

import numpy as np

from hemapilots.models import cox
from hemapilots.models.data import Preprocessing
from hemapilots.models.registry import SUBDISTRIBUTION, model_of
from hemapilots.models.subdistribution import coded

__all__ = ["FittedModel", "event_free"]


def event_free(gained: np.ndarray, competing: np.ndarray | None = None) -> np.ndarray:
    """The probability (n, T) of no event by each time, from the cumulative hazards (n, T) of the event and of a competing one.

    1 - CIF; between two times of the grid the hazards keep their ratio: the event's share of those who leave in a cell is its share
    of the hazard, dH1 / (dH1 + dH2), which is exact where each cell holds one event time (a step of a matrix exponential).
    """
    if competing is None:
        return np.exp(-gained)
    total = gained + competing
    first, both = (np.diff(hazard, axis=1, prepend=0.0) for hazard in (gained, total))
    share = np.divide(first, both, out=np.zeros_like(both), where=both != 0)
    there = np.exp(-(total - both))
    return 1 - np.cumsum(there * share * -np.expm1(-both), axis=1)


@dataclass(frozen=True)
class FittedModel:
    """Arrays and card of a model, with the years since entry (T,) at which it predicts.

    late: its baseline runs on a scale of its own, on which patients start at their entry. cause: 1 the event, 2 a competing one.
    recalibrated: at the site, on the rows that the model may learn from: `baseline`, or `slope`, baseline and slope; the slope needs
    folds (n, R), the test fold of each row.
    """

    arrays: dict[str, np.ndarray]
    card: dict
    grid: np.ndarray
    late: bool
    cause: int = 1
    recalibrated: str | None = None
    folds: np.ndarray | None = None

    def on(self, times: np.ndarray) -> "FittedModel":
        """The same model, predicting at other times."""
        return replace(self, grid=np.asarray(times, float))

    def hazard(
        self, x: np.ndarray, outcome: np.ndarray, tested: np.ndarray, learned: np.ndarray, at: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Risk (m,) and cumulative hazard (m, T) between entry and the grid's times after it, of the tested rows.

        x (n, p); outcome (n, 3) entry, time, event; tested (m,), learned: rows; at: replicate and fold.
        """
        arrays, model, settings = self.arrays, model_of(self.card["kind"]), self.card["settings"]
        state = {name: arrays[name][at][arrays["chosen"][at]] for name in self.card["state"]}
        parts = (arrays[name][at][np.newaxis] for name in ("fill", "location", "scale"))
        z = Preprocessing(*parts, np.zeros(1), np.zeros(1)).apply(x, 0)
        if not model.PROPORTIONAL:
            survival = model.survival(state, z[tested], self.grid, settings)
            with np.errstate(divide="ignore"):
                return 1 - survival[:, -1], -np.log(survival)
        risk, there = model.risk(state, z[tested], settings), model.risk(state, z[learned], settings)
        if self.recalibrated == "slope":
            slope = cox.slope(self._unseen(x, learned, at), *outcome[learned].T, self.cause, self.card["ties"])
            risk, there = slope * risk, slope * there
        return risk, self._gained(risk, there, outcome[tested, 0], outcome[learned], at)

    def _unseen(self, x: np.ndarray, learned: np.ndarray, at: tuple[int, int]) -> np.ndarray:
        """Log relative hazards (l,) of the learned rows, each by the fit that saw neither its fold nor the tested one.

        A slope on patients whom the model was fitted on would undo its penalty. The fits have locations of their own, so that hazards
        are told relative to one patient, who lies at the model's.
        """
        folds, out = self.folds[learned, at[0]], np.empty(len(learned))
        for fold in np.unique(folds):
            part, there = (*at, fold), folds == fold
            parts = (self.arrays[f"crossed_{name}"][part][np.newaxis] for name in ("fill", "location", "scale"))
            rows = np.vstack([self.arrays["location"][at], x[learned[there]]])
            z = Preprocessing(*parts, np.zeros(1), np.zeros(1)).apply(rows, 0)
            risk = z @ self.arrays["crossed_coefficients"][part]
            out[there] = risk[1:] - risk[0]
        return out

    def competing_hazard(
        self, x: np.ndarray, outcome: np.ndarray, tested: np.ndarray, learned: np.ndarray, at: tuple[int, int]
    ) -> np.ndarray | None:
        """Cumulative hazard (m, T) of the competing event; where too few had it to train on covariates, the same for all patients.

        0 where nobody had it; past its reach it stays where it was, since where follow-up ends is told by the hazard of the event itself.
        None where the model follows the cumulative incidence itself.
        """
        if self.card["kind"] in SUBDISTRIBUTION:
            return None
        if "competing" in self.card:
            prefix = "competing_"
            arrays = {name[len(prefix) :]: array for name, array in self.arrays.items() if name.startswith(prefix)}
            other = replace(self, arrays=arrays, card=self.card["competing"], cause=2)
            found = other.hazard(x, outcome, tested, learned, at)[1]
        else:
            nothing = replace(self, arrays={}, cause=2)
            found = nothing._gained(
                np.zeros(len(tested)), np.zeros(len(learned)), outcome[tested, 0], outcome[learned], at
            )
        return np.maximum.accumulate(np.nan_to_num(found, nan=0.0), axis=1)

    def _gained(self, risk: np.ndarray, there: np.ndarray, entry: np.ndarray, outcome: np.ndarray, at) -> np.ndarray:
        """there, outcome: of the rows that the model learned from."""
        if not self.late:
            return cox.gained(risk, self._baseline(self.grid, there, outcome, at))
        until = self._baseline(entry[:, None] + self.grid, there, outcome, at)
        return cox.gained(risk, until, self._baseline(entry, there, outcome, at))

    def _baseline(self, times: np.ndarray, there: np.ndarray, outcome: np.ndarray, at) -> np.ndarray:
        """Cumulative baseline hazard at some times: the one that came with the model, else the site's own, which never leaves it."""
        if "baseline" in self.arrays and not self.recalibrated:
            return np.interp(times, self.arrays["grid"], self.arrays["baseline"][at], left=np.nan, right=np.nan)
        order = np.argsort(outcome[:, 1], kind="stable")
        entry, time, event = outcome[order].T
        event = coded(event, self.cause, self.card["kind"] in SUBDISTRIBUTION)
        return cox.baseline_on(times, there[order], entry, time, event, self.card["ties"])
