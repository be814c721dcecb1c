"""Writes a clean table as the delimited text files that a site would deliver: a mapping, read backwards."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.synthesis.inverse import Units, as_delivered

__all__ = ["DECOYS", "columns_by_file", "missing_code", "write_extract", "write_text"]

# Identifying columns that every site's first file holds and no mapping names: they must never pass ingestion.
DECOYS = ("name", "birth_date")
_HEADS = ("Alder", "Berg", "Corn", "Dorn", "Elm", "Feld", "Gruen", "Holm", "Linden", "Stein")
_TAILS = ("bach", "brook", "etti", "ford", "ini", "mann", "ona", "sen", "wick", "wood")


def write_extract(table: pd.DataFrame, mapping: dict, use_case: dict, units: Units, folder: str | Path) -> list[Path]:
    """Writes the mapping's file or files into `folder` and returns their paths.

    table: `patient_id` and clean variables (of `synthesis.cohort.draw_site`); what the mapping does not name
    is left out. units: of `load_factors`; or a callable (variable, source, canonical) -> factor. Numbers carry 12
    significant digits. Raises HemaPilotsError where the mapping cannot be inverted.
    """
    if mapping.get("reader", "csv") != "csv":
        raise HemaPilotsError(
            f"mapping {mapping.get('name', '')}, reader: extracts are written as csv only; use a mapping of that reader"
        )
    columns = columns_by_file(table, mapping, use_case, units)
    first = next(iter(columns))
    columns[first] = {mapping["patient_id"]: table["patient_id"].to_numpy(), **decoys(len(table)), **columns[first]}
    for alias in list(columns)[1:]:
        id_column = mapping["files"][alias].get("patient_id") or mapping["patient_id"]
        columns[alias] = {id_column: table["patient_id"].to_numpy(), **columns[alias]}
    Path(folder).mkdir(parents=True, exist_ok=True)
    return [write_text(columns[alias], mapping["files"][alias], mapping, Path(folder)) for alias in columns]


def columns_by_file(table: pd.DataFrame, mapping: dict, use_case: dict, units: Units) -> dict[str, dict]:
    """File alias -> column -> cells as delivered (text, None unknown), in the mapping's order."""
    columns: dict[str, dict] = {alias: {} for alias in mapping["files"]}
    first = next(iter(columns))
    for variable, spec in mapping["variables"].items():
        if variable not in table:
            raise HemaPilotsError(
                f"mapping {mapping.get('name', '')}, {variable}: the recipe draws no such variable; remove it"
            )
        cells = as_delivered(table[variable], variable, spec, mapping, use_case, units)
        columns[spec.get("file") or first][spec["column"]] = cells
    return columns


def decoys(n: int) -> dict[str, np.ndarray]:
    """Invented surnames and birth dates, the same for the same number of rows."""
    rng = np.random.default_rng([n, 1900])
    surnames = np.array([head + tail for head in _HEADS for tail in _TAILS], dtype=object)
    days = rng.integers(0, 365 * 60, n).astype("timedelta64[D]")
    birth = np.datetime_as_string(np.datetime64("1925-01-01") + days).astype(object)
    return dict(zip(DECOYS, (surnames[rng.integers(0, len(surnames), n)], birth), strict=True))


def missing_code(mapping: dict) -> str:
    """What the source writes where a value is unknown: the first of its missing codes."""
    return next(iter(mapping.get("missing") or [""]))


def write_text(columns: dict, file: dict, mapping: dict, folder: Path) -> Path:
    """One delimited text file in the declared encoding; columns: header -> cells, None unknown."""
    path, absent = folder / file["path"], missing_code(mapping)
    with open(path, "w", encoding=file.get("encoding") or "utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter=file.get("delimiter") or ",", lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(
            [absent if cell is None else cell for cell in row] for row in zip(*columns.values(), strict=True)
        )
    return path
