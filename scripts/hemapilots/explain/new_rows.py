"""New patients as a table of a model's inputs: checked cell by cell, derived, encoded."""

import numpy as np
import pandas as pd

from hemapilots.encoding import encode
from hemapilots.errors import HemaPilotsError
from hemapilots.expressions import parse

__all__ = ["NAMES", "checked", "design_of", "entry_of", "names_of", "sources"]

# Columns that may name a patient, the first that is there.
NAMES = ("patient_id", "patient", "row")


def names_of(table: pd.DataFrame, where: str) -> np.ndarray:
    """What each patient is called: its patient_id, patient or row, else its number from 1.

    Raises HemaPilotsError where a patient has no name or two have the same, because their risks could not be told apart.
    """
    column = next((name for name in NAMES if name in table), None)
    if column is None:
        return np.arange(1, len(table) + 1)
    names, remedy = table[column], "give each patient a name of its own, or leave the column out"
    if names.isna().any():
        raise HemaPilotsError(f"{where}, {_place(names, names.isna())}, column {column}: it is empty; {remedy}")
    twice = names.duplicated()
    if twice.any():
        first = _place(names, names == names[twice].iloc[0])
        raise HemaPilotsError(f"{where}, {_place(names, twice)}, column {column}: the same as in {first}; {remedy}")
    return names.to_numpy()


def sources(name: str, inputs: dict[str, dict]) -> list[str]:
    """The inputs that one rests on and that are derived from nothing; itself, where it is."""
    reads = inputs[name].get("reads", [])
    return list(dict.fromkeys(one for other in reads for one in sources(other, inputs))) if reads else [name]


def checked(table: pd.DataFrame, inputs: dict[str, dict], where: str) -> tuple[pd.DataFrame, list[list[str]]]:
    """(the inputs, what was removed of each row). A value outside its hard range is removed; an unreadable one stops the run.

    inputs: by name type, levels, hard, and expression and what it reads of derived ones, which are computed where the table has no
    such column; other columns that are absent are missing for everybody.
    """
    if not set(inputs) & set(table.columns):
        wanted = ", ".join([name for name, one in inputs.items() if "expression" not in one][:5])
        raise HemaPilotsError(f"{where}: none of the model's inputs is among the columns; it needs {wanted} and so on")
    found, removed = pd.DataFrame(index=table.index), [[] for _ in range(len(table))]
    for name, one in inputs.items():
        if name in table:
            found[name] = _column(table[name], name, one, where)
        elif "expression" in one:
            expression = parse(one["expression"])
            made = expression.evaluate_text if one["type"] == "category" else expression.evaluate
            found[name] = made(found)
        else:
            found[name] = None if one["type"] == "category" else np.nan
        if one.get("hard") and one["type"] == "number":
            low, high = one["hard"]
            outside = (found[name] < low) | (found[name] > high)
            for row in np.flatnonzero(outside):
                removed[row].append(f"{one['label']} outside {low:g} to {high:g}")
            found.loc[outside, name] = np.nan
    return found, removed


def _column(values: pd.Series, name: str, one: dict, where: str) -> pd.Series:
    texts = values.where(values.notna(), None)
    if one["type"] == "category":
        texts = texts.map(lambda value: value.strip() if isinstance(value, str) else value)
        _refuse(texts.notna() & ~texts.isin(one["levels"]), texts, name, where, f"one of {', '.join(one['levels'])}")
        return texts.astype(object)
    numbers = pd.to_numeric(texts, errors="coerce").astype(float)
    _refuse(texts.notna() & ~np.isfinite(numbers), texts, name, where, "a number with a decimal point")
    if one["type"] == "flag":
        _refuse(numbers.notna() & ~numbers.isin([0, 1]), texts, name, where, "0 or 1")
    return numbers


def _refuse(wrong: pd.Series, texts: pd.Series, name: str, where: str, wanted: str) -> None:
    """Says where the first wrong cell is, and not what it holds."""
    if wrong.any():
        place = _place(texts, wrong)
        raise HemaPilotsError(f"{where}, {place}, column {name}: it is not {wanted}; mend it or leave it empty")


def _place(column: pd.Series, where: pd.Series) -> str:
    """Where in its file the first cell of some stands; of a table without a file, counted from 1."""
    at = int(np.flatnonzero(where)[0])
    return f"{column.index.name} {column.index[at]}" if column.index.name else f"row {at + 1}"


def design_of(table: pd.DataFrame, encoding: list[dict]) -> np.ndarray:
    """The model's columns (m, p), missing kept as nan."""
    design = encode(table.assign(row=np.arange(len(table))), encoding)
    return design[[column["column"] for column in encoding]].to_numpy(dtype=float)


def entry_of(card: dict, inputs: pd.DataFrame) -> np.ndarray:
    """When each patient comes under observation, on the endpoint's own scale."""
    return np.zeros(len(inputs)) if card["entry"] is None else parse(card["entry"]).evaluate(inputs)
