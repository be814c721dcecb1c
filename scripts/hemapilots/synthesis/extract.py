"""Writes a clean table as the files that a site would deliver: a mapping, read backwards."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError

__all__ = ["DECOYS", "write_extract"]

# Identifying columns that every site's first file holds and no mapping names: they must never pass ingestion.
DECOYS = ("name", "birth_date")
_HEADS = ("Alder", "Berg", "Corn", "Dorn", "Elm", "Feld", "Gruen", "Holm", "Linden", "Stein")
_TAILS = ("bach", "brook", "etti", "ford", "ini", "mann", "ona", "sen", "wick", "wood")
_FLAG = {"0": 0, "1": 1}

Units = pd.DataFrame | dict[tuple[str, str, str], float] | Callable[[str, str, str], float]


def write_extract(table: pd.DataFrame, mapping: dict, use_case: dict, units: Units, folder: str | Path) -> list[Path]:
    """Writes the mapping's file or files into `folder` and returns their paths.

    table: `patient_id` and clean variables (of `synthesis.cohort.draw_site`); what the mapping does not name
    is left out. units: the table of resources/units/factors.csv (columns variable, "*" for any, source,
    canonical, factor; source * factor = canonical), as a DataFrame or as a dict of (variable, source,
    canonical) -> factor; or a callable of the three. Numbers carry 12 significant digits. Raises
    HemaPilotsError where the mapping cannot be inverted.
    """
    files = mapping["files"]
    first = next(iter(files))
    columns = {alias: {mapping["patient_id"]: table["patient_id"].to_numpy()} for alias in files}
    columns[first] |= _decoys(len(table))
    for variable, spec in mapping["variables"].items():
        if variable not in table:
            raise HemaPilotsError(f"{_name(mapping)}, {variable}: the recipe draws no such variable; remove it")
        alias = spec.get("file") or first
        columns[alias][spec["column"]] = _delivered(table[variable], variable, spec, mapping, use_case, units)
    Path(folder).mkdir(parents=True, exist_ok=True)
    return [_write(columns[alias], files[alias], mapping, Path(folder)) for alias in files]


def _name(mapping: dict) -> str:
    return f"mapping {mapping.get('name', '')}".strip()


def _delivered(values: pd.Series, variable: str, spec: dict, mapping: dict, use_case: dict, units: Units):
    """The column as delivered: text for flags and coded values, else numbers in the source's unit."""
    definition = use_case["variables"][variable]
    codes = spec.get("values") or (_FLAG if definition["type"] == "flag" else None)
    if codes is None and definition["type"] == "number":
        source, canonical = spec.get("unit"), definition.get("unit")
        factor = 1.0 if source in (None, canonical) else _factor(units, variable, source, canonical, mapping)
        return values.astype(float) / factor
    if codes is None:
        return values.astype(object)
    back = {}
    for raw, canonical in codes.items():
        back.setdefault(canonical, str(raw))
    known = values.notna()
    texts = values.map(back)
    if texts[known].isna().any():
        raise HemaPilotsError(f"{_name(mapping)}, {variable}: values lacks a code for some level; add it")
    return texts.astype(object)


def _factor(units: Units, variable: str, source: str, canonical: str, mapping: dict) -> float:
    if callable(units):
        return float(units(variable, source, canonical))
    if isinstance(units, pd.DataFrame):
        keys = zip(units["variable"], units["source"], units["canonical"], strict=True)
        units = dict(zip(keys, units["factor"], strict=True))
    for owner in (variable, "*"):
        if (owner, source, canonical) in units:
            return float(units[owner, source, canonical])
    raise HemaPilotsError(
        f'{_name(mapping)}, {variable}: no factor from "{source}" to "{canonical}"; add it to resources/units'
    )


def _decoys(n: int) -> dict[str, np.ndarray]:
    """Invented surnames and birth dates, the same for the same number of rows."""
    rng = np.random.default_rng([n, 1900])
    surnames = np.array([head + tail for head in _HEADS for tail in _TAILS], dtype=object)
    days = rng.integers(0, 365 * 60, n).astype("timedelta64[D]")
    birth = np.datetime_as_string(np.datetime64("1925-01-01") + days).astype(object)
    return dict(zip(DECOYS, (surnames[rng.integers(0, len(surnames), n)], birth), strict=True))


def _write(columns: dict, file: dict, mapping: dict, folder: Path) -> Path:
    path = folder / file["path"]
    pd.DataFrame(columns).to_csv(
        path,
        index=False,
        sep=file.get("delimiter") or ",",
        encoding=file.get("encoding") or "utf-8",
        decimal=file.get("decimal") or ".",
        na_rep=mapping["missing"][0],
        float_format="%.12g",
        lineterminator="\n",
    )
    return path
