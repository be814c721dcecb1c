"""New patients as a table of a model's inputs: read, checked cell by cell, derived, encoded."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.encoding import encode
from hemapilots.errors import HemaPilotsError
from hemapilots.expressions import parse
from hemapilots.tables import read_parquet

__all__ = ["NAMES", "checked", "design_of", "entry_of", "read_table"]

# Columns that may name a patient, the first that is there.
NAMES = ("patient_id", "patient", "row")


def read_table(path: Path) -> pd.DataFrame:
    """A CSV or Parquet file with one row per patient. Raises HemaPilotsError where it cannot be read."""
    try:
        if path.suffix == ".parquet":
            table = read_parquet(path)
        else:
            # Without `index_col` a comma too many at the end of the rows would move every value by one column.
            options = {"dtype": str, "keep_default_na": False, "na_values": [""], "index_col": False}
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)
                table = pd.read_csv(path, encoding="utf-8-sig", **options)
    except pd.errors.ParserWarning:
        raise HemaPilotsError(f"{path}: rows have more fields than the header; give each field a column") from None
    except FileNotFoundError:
        raise HemaPilotsError(f"{path}: no such file; give a CSV or Parquet file with one row per patient") from None
    except (ValueError, OSError) as error:
        problem = f"{path}: it cannot be read as {'Parquet' if path.suffix == '.parquet' else 'CSV'}"
        raise HemaPilotsError(
            f"{problem} ({type(error).__name__}); give columns separated by commas, in UTF-8"
        ) from None
    repeated = sorted(name for name in table.columns if str(name).endswith(".1"))
    if repeated:
        raise HemaPilotsError(f"{path}: column {repeated[0].removesuffix('.1')} stands there twice; leave one")
    if table.empty:
        raise HemaPilotsError(f"{path}: it holds no patients; give one row for each")
    return table.reset_index(drop=True)


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
        row = int(np.flatnonzero(wrong)[0]) + 1
        raise HemaPilotsError(f"{where}, patient {row}, column {name}: it is not {wanted}; mend it or leave it empty")


def design_of(table: pd.DataFrame, encoding: list[dict]) -> np.ndarray:
    """The model's columns (m, p), missing kept as nan."""
    design = encode(table.assign(row=np.arange(len(table))), encoding)
    return design[[column["column"] for column in encoding]].to_numpy(dtype=float)


def entry_of(card: dict, inputs: pd.DataFrame) -> np.ndarray:
    """When each patient comes under observation, on the endpoint's own scale."""
    return np.zeros(len(inputs)) if card["entry"] is None else parse(card["entry"]).evaluate(inputs)
