"""A fitted model together with the patients of one endpoint at a site: what explanations ask for predictions of changed patients."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from hemapilots.models.hazards import FittedModel, event_free
from hemapilots.models.registry import model_of
from hemapilots.predict import apply_model, risk_time

__all__ = ["FINAL", "Subject", "final_arrays", "subject_of"]

# Where the final model stands among arrays with leading axes replicate and fold, once `final_arrays` has put it there.
FINAL = (0, 0)


def final_arrays(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of the model on all patients, in the form of those of one replicate with one fold; others as they are."""
    found = {}
    for name, value in arrays.items():
        prefix, _, rest = name.rpartition("final_")
        if rest != name and prefix in ("", "competing_"):
            found[prefix + rest] = value[np.newaxis, np.newaxis]
        elif name.removeprefix("competing_") in ("penalties", "grid"):
            found[name] = value
    return found


@dataclass(frozen=True)
class Subject:
    """x (n, p) design of the patients with a known outcome; outcome (n, 3) entry, time, event; folds (n, R); rows (n,);
    judged (n,): on whom models of folds are judged, everybody but in a split in time.

    model: arrays by replicate and fold; final: the model on all patients. ranks: the time of the grid by whose probability patients
    are ranked, None where the log relative hazard ranks them.
    """

    model: FittedModel
    final: FittedModel
    x: np.ndarray
    outcome: np.ndarray
    folds: np.ndarray
    rows: np.ndarray
    judged: np.ndarray
    competes: bool
    ranks: int | None

    def survival(
        self, x: np.ndarray, whose: np.ndarray, times: np.ndarray, learned: np.ndarray | None = None
    ) -> np.ndarray:
        """The final model's probability (m, T) of no event by `times` for changed patients x (m, p), `whose` (m,) entry each has."""
        learned = np.arange(len(self.x)) if learned is None else learned
        return self._foretold(self.final, x, whose, learned, FINAL, times)[1]

    def risk(self, x: np.ndarray, whose: np.ndarray, learned: np.ndarray, at: tuple[int, int]) -> np.ndarray:
        """What the model of a replicate and fold ranks changed patients x (m, p) by."""
        risk, free = self._foretold(self.model, x, whose, learned, at, self.model.grid)
        return risk if self.ranks is None else 1 - free[:, self.ranks]

    def _foretold(self, model, x, whose, learned, at, times) -> tuple[np.ndarray, np.ndarray]:
        stacked, outcome = np.concatenate([self.x, x]), np.concatenate([self.outcome, self.outcome[whose]])
        part = (stacked, outcome, np.arange(len(self.x), len(stacked)), learned, at)
        risk, gained = model.on(times).hazard(*part)
        return risk, event_free(gained, model.on(times).competing_hazard(*part) if self.competes else None)

    @cached_property
    def events(self) -> int:
        """Patients with the event."""
        return int(np.count_nonzero(self.outcome[:, 2] == 1))


def subject_of(
    tables: dict[str, pd.DataFrame], endpoint: str, arrays: dict[str, np.ndarray], card: dict, spec: dict
) -> Subject:
    """The model at a site. tables: those of `read_site`; spec: horizons, entry, competing and grid of the predictions."""
    harmonized, design = tables["harmonized"], tables["design"]
    known = harmonized[f"{endpoint}_event"].notna().to_numpy()
    outcome = harmonized.loc[known, [f"{endpoint}_{part}" for part in ("entry", "time", "event")]].to_numpy(dtype=float)
    rows = design.loc[known, "row"].to_numpy()
    grid, late, competes = np.asarray(spec["grid"], float), endpoint in spec["entry"], endpoint in spec["competing"]
    relative = model_of(card["kind"]).PROPORTIONAL and not late and not competes
    found = apply_model(tables, endpoint, arrays, card, spec)
    time = None if relative else risk_time(found, endpoint, spec)
    return Subject(
        FittedModel(arrays, card, grid, late),
        FittedModel(final_arrays(arrays), card, grid, late),
        design.loc[known, card["columns"]].to_numpy(dtype=float),
        outcome,
        tables["folds"].reindex(rows).to_numpy(),
        rows,
        tables["judged"].loc[rows, "judged"].to_numpy() if "judged" in tables else np.ones(len(rows), bool),
        competes,
        None if time is None else int(np.argmin(np.abs(grid - float(time.removeprefix("survival_"))))),
    )
