"""Between which risks a patient lies whose inputs are missing: the lowest and the highest over all that they may be.

A value may be any level of a category, yes or no of a flag, and of a number what its usual range (`soft`, else `hard`) holds. What is
derived follows from what it is derived from. What the model would refuse as too far from its training patients counts as the last value
that it would take.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hemapilots.explain.foretell import Portable
from hemapilots.explain.new_rows import design_of, entry_of, sources
from hemapilots.expressions import parse

__all__ = ["best_and_worst", "unknowns"]

# Values that are tried of a number, and rounds in which one input after the other is moved to where the risk is lowest or highest. One
# round finds the extremes of a sum of monotone parts; inputs that act together may need another.
POINTS, ROUNDS = 17, 2
# Where the search begins, as shares of each range: a sum has no more than one lowest point, a network or a forest may have several.
STARTS = {True: (0.5,), False: (0.5, 0.0, 1.0)}
# Patients at a time.
BATCH = 500


def best_and_worst(model: Portable, table: pd.DataFrame, risk: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest risk (m, T) by each horizon, the risk as given (m, T) among them; nan for patients who lack nothing.

    table: checked inputs. What is missing and has neither levels nor a range stays unknown.
    """
    best, worst = np.full(risk.shape, np.nan), np.full(risk.shape, np.nan)
    lacking = unknowns(model.card, table)
    rows = np.flatnonzero([bool(names) for names in lacking] & np.isfinite(risk).any(axis=1))
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        some = _Lacking(model, table.iloc[part].reset_index(drop=True), [lacking[row] for row in part])
        for place in range(risk.shape[1]):
            best[part, place] = np.fmin(some.lowest(place, 1.0), risk[part, place])
            worst[part, place] = np.fmax(-some.lowest(place, -1.0), risk[part, place])
    return best, worst


def unknowns(card: dict[str, Any], table: pd.DataFrame) -> list[list[str]]:
    """Per patient the missing inputs behind the model's missing variables for which values can be tried, by name."""
    gone, inputs, rows = table.isna(), card["inputs"], [set() for _ in range(len(table))]
    for name in card["variables"]:
        for source in sources(name, inputs):
            if _candidates(inputs[source]):
                for row in np.flatnonzero(gone[name] & gone[source]):
                    rows[row].add(source)
    return [sorted(names) for names in rows]


def _candidates(one: dict) -> list:
    """The values that a missing input may have, in their order."""
    if one["levels"]:
        return list(one["levels"])
    if one["type"] == "flag":
        return [0.0, 1.0]
    limits = one.get("soft") or one.get("hard")
    if not limits or one["type"] != "number":
        return []
    return np.linspace(*limits, POINTS).tolist()


@dataclass(frozen=True)
class _Lacking:
    """Patients (m) with missing inputs, and the names of each one's."""

    model: Portable
    table: pd.DataFrame
    names: list[list[str]]

    def lowest(self, place: int, sign: float) -> np.ndarray:
        """The lowest (m,) of sign times the risk by a horizon that is found from each start."""
        starts = STARTS["coefficients" in self.model.arrays]
        return np.fmin.reduce([self._descend(share, place, sign) for share in starts])

    def _descend(self, share: float, place: int, sign: float) -> np.ndarray:
        """One input after the other is moved to where sign times the risk is lowest. share: where in each range they start, so that
        what follows from several is known."""
        state, found, names = self.table.copy(), np.full(len(self.table), np.nan), sorted(set().union(*self.names))
        for name in names:
            values = _candidates(self.model.card["inputs"][name])
            state.loc[self._who(name), name] = values[round(share * (len(values) - 1))]
        state = self._filled(state, [*self.model.card["inputs"]], np.arange(len(state)))
        x = design_of(state, self.model.card["encoding"])
        for name in names * ROUNDS:
            rows, values = self._who(name), _candidates(self.model.card["inputs"][name])
            tried, changed = self._tried(state, x, name, rows, values)
            risks = self.model.risk(self.model.nearest(changed), entry_of(self.model.card, tried))
            risks = sign * risks[:, place].reshape(len(values), -1)
            chosen = np.where(np.isfinite(risks), risks, np.inf).argmin(axis=0)
            state.loc[rows, name] = np.array(values, dtype=state[name].dtype)[chosen]
            found[rows], x[rows] = (
                risks[chosen, np.arange(len(rows))],
                changed[chosen * len(rows) + np.arange(len(rows))],
            )
        return found

    def _who(self, name: str) -> np.ndarray:
        return np.flatnonzero([name in names for names in self.names])

    def _tried(self, state, x, name: str, rows: np.ndarray, values: list) -> tuple[pd.DataFrame, np.ndarray]:
        """The patients of some rows with every value of an input: what it bears on of the table, and their columns (k, p)."""
        inputs, encoding = self.model.card["inputs"], self.model.card["encoding"]
        follows = [one for one in inputs if name in sources(one, inputs)]
        entry = self.model.card["entry"]
        reads = {*follows, *(other for one in follows for other in inputs[one].get("reads", []))}
        reads |= set(parse(entry).names) if entry else set()
        part = state.loc[rows, sorted(reads)]
        tried = pd.concat([part.assign(**{name: value}) for value in values], ignore_index=True)
        tried = self._filled(tried, follows, np.tile(rows, len(values)))
        places = [at for at, column in enumerate(encoding) if column["variable"] in follows]
        changed = np.tile(x[rows], (len(values), 1))
        changed[:, places] = design_of(tried, [encoding[at] for at in places])
        return tried, changed

    def _filled(self, state: pd.DataFrame, names: list[str], whose: np.ndarray) -> pd.DataFrame:
        """The table with what is derived, where it was missing, computed anew."""
        for name in names:
            one = self.model.card["inputs"][name]
            if "expression" in one:
                gone, expression = self.table[name].isna().to_numpy()[whose], parse(one["expression"])
                made = expression.evaluate_text if one["type"] == "category" else expression.evaluate
                state[name] = np.where(gone, made(state), state[name])
        return state
