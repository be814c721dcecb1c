"""One variable: raw text to canonical values, with every nulled and flagged cell listed."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hemapilots.harmonize.issues import Issues, raw_hashes
from hemapilots.harmonize.units import Factors, factor
from hemapilots.harmonize.values import Column, distinct, numbers, value_map

__all__ = ["Harmonized", "Source", "harmonize_column", "outside"]

# A limit that a conversion factor meets only up to rounding is still met.
_SLACK = 1e-9


@dataclass
class Source:
    """What a mapping says about the column of one variable, and where the rows are listed."""

    variable: str
    unit: str | None
    values: dict | None
    decimal: str
    missing: list
    mapping: str


@dataclass
class Harmonized:
    """`values`: float64 or object; `negative`: numbers below 0 that the hard range nulled, else nan."""

    values: np.ndarray
    negative: np.ndarray | None = None


def harmonize_column(
    raw: pd.Series, spec: dict, source: Source, factors: Factors, rows: np.ndarray, issues: Issues
) -> Harmonized:
    """Canonical values of a raw column; adds its issues. `rows` are the row numbers to list."""
    column = distinct(raw, source.missing)
    if spec["type"] == "number":
        return _number(column, spec, source, factors, rows, issues)
    return Harmonized(_coded(column, spec, source, rows, issues))


def outside(values: np.ndarray, limits: list | None) -> np.ndarray:
    """Which values lie outside [low, high]; a limit of None is open, nan is not outside."""
    result = np.zeros(len(values), dtype=bool)
    low, high = limits or (None, None)
    if low is not None:
        result |= values < low - _SLACK * max(1.0, abs(low))
    if high is not None:
        result |= values > high + _SLACK * max(1.0, abs(high))
    return result


def _number(column: Column, spec: dict, source: Source, factors, rows: np.ndarray, issues: Issues) -> Harmonized:
    name, unit = source.variable, spec.get("unit")
    scale = factor(name, source.unit, unit, factors, source.mapping)
    parsed = numbers(column, source.decimal, scale, source.values)
    declared = _declared_missing(column, source.values)
    parsed[declared] = np.nan
    values = column.spread(parsed, np.nan)
    unreadable = column.spread(np.isnan(parsed) & ~declared, False)
    issues.column(name, "null", "missing", "", np.isnan(values).sum() - unreadable.sum())
    if source.unit not in (unit, None):
        detail = f"{source.unit} x {scale:g} = {unit}"
        issues.column(name, "converted", None, detail, np.isfinite(values).sum())
    _list(column, unreadable, name, "null", "parse_error", f'not a number with "{source.decimal}"', rows, issues)

    too_far = outside(values, spec.get("hard"))
    _list(
        column,
        too_far,
        name,
        "null",
        "range_hard",
        _range(spec["hard"], unit) if too_far.any() else "",
        rows,
        issues,
    )
    negative = np.where(too_far & (values < 0), values, np.nan)
    values = np.where(too_far, np.nan, values)
    unusual = outside(values, spec.get("soft"))
    _list(column, unusual, name, "flagged", "range_soft", _range(spec.get("soft"), unit), rows, issues)
    return Harmonized(values, None if np.isnan(negative).all() else negative)


def _coded(column: Column, spec: dict, source: Source, rows: np.ndarray, issues: Issues) -> np.ndarray:
    name, flag = source.variable, spec["type"] == "flag"
    known = value_map(name, spec["type"], spec.get("levels"), source.values, source.mapping)
    absent = np.nan if flag else None
    mapped = np.array([known.get(text) for text in column.texts], dtype=float if flag else object)
    declared = column.missing | np.array([known.get(text, 0) is None for text in column.texts], dtype=bool)
    mapped[declared] = absent
    values = column.spread(mapped, absent)
    unknown = column.spread(pd.isna(mapped) & ~declared, False)
    issues.column(name, "null", "missing", "", pd.isna(values).sum() - unknown.sum())
    if source.values and any(str(raw) != str(value) for raw, value in source.values.items()):
        issues.column(name, "mapped", None, f"value map of {len(known)} codes", pd.notna(values).sum())
    _list(column, unknown, name, "null", "code_unknown", "not in the value map", rows, issues)
    return values


def _declared_missing(column: Column, values: dict | None) -> np.ndarray:
    unknown = [str(raw).strip() for raw, value in (values or {}).items() if value is None]
    return column.missing | np.isin(column.texts.astype(str), unknown)


def _range(limits: list | None, unit: str | None) -> str:
    low, high = limits or (None, None)
    low, high = ("-inf" if low is None else f"{low:g}"), ("inf" if high is None else f"{high:g}")
    return f"outside {low} to {high} {unit or ''}".strip()


def _list(column: Column, which: np.ndarray, name: str, status, reason, detail, rows, issues: Issues) -> None:
    if which.any():
        issues.cells(rows[which], name, status, reason, detail, raw_hashes(column.raw[which]))
