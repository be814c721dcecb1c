"""What a model wants to know of new patients: an empty table, a description of its columns, and columns that it knows nothing of."""

import difflib
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.explain.new_rows import NAMES
from hemapilots.tables import write_csv
from hemapilots.texts import fold

__all__ = ["unused_columns", "write_template"]

# How alike two names are that one may have been meant for the other.
ALIKE = 0.75
SHOWN = 10


def _inputs(cards: list[dict]) -> dict[str, dict]:
    """What is known of patients to all models together, derived variables included."""
    return {name: one for card in cards for name, one in card["inputs"].items()}


def write_template(cards: list[dict], path: Path) -> Path:
    """Write a CSV with a header alone, and <name>.columns.csv, returned, with a row per column: label, type, unit, levels, the range that
    is accepted and the usual one, and whether no risk is given without it. Raises HemaPilotsError where one is there already."""
    beside = path.with_name(f"{path.stem}.columns.csv")
    for one in (path, beside):
        if one.exists():
            raise HemaPilotsError(f"{one}: it is there already; name another file, or remove it first")
    given = {name: one for name, one in _inputs(cards).items() if "expression" not in one}
    required = {name for card in cards for name in card["abstention"]["required"]}
    rows = [_row(name, one, name in required) for name, one in given.items()]
    write_csv(path, pd.DataFrame(columns=["patient", *given]))
    write_csv(beside, pd.DataFrame(rows))
    return beside


def _row(name: str, one: dict, required: bool) -> dict:
    levels = one["levels"] or ([0, 1] if one["type"] == "flag" else [])
    (low, high), (usual_low, usual_high) = (one.get(key) or (None, None) for key in ("hard", "soft"))
    return {
        "column": name,
        "label": one["label"],
        "type": one["type"],
        "unit": one["unit"] if one["type"] == "number" else None,
        "levels": " | ".join(map(str, levels)),
        "low": low,
        "high": high,
        "usual_low": usual_low,
        "usual_high": usual_high,
        "required": "yes" if required else "no",
    }


def unused_columns(cards: list[dict], columns: Iterable[str]) -> list[str]:
    """Sentences on columns of a table that no model uses: which looks like a misspelt input, and the others together."""
    inputs, columns = _inputs(cards), [str(column) for column in columns]
    absent = {name: one["label"] for name, one in inputs.items() if name not in columns}
    said, others = [], []
    for column in columns:
        if column in inputs or column in NAMES:
            continue
        near = _nearest(column, absent)
        if near:
            said.append(f"column {column} is no input of the model; did you mean {near}? It was not used")
        else:
            others.append(column)
    if others:
        more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
        said.append(f"not used, because no input of the model: {', '.join(others[:SHOWN])}{more}")
    return said


def _nearest(column: str, absent: dict[str, str]) -> str | None:
    """The input that is not there whose name or label is most like a column's, if any is."""
    names = {fold(text): name for name, label in absent.items() for text in (label, name)}
    near = difflib.get_close_matches(fold(column), names, 1, ALIKE)
    return names[near[0]] if near else None
