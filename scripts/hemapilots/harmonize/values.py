"""Raw text to canonical values, one column at a time; the work is done once per distinct text.

A text that does not fit what the mapping declares is nulled with a reason, never guessed.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hemapilots.errors import HemaPilotsError

__all__ = ["Column", "distinct", "numbers", "parse_numbers", "trim", "value_map"]

FLAG_VALUES = {"0": 0, "1": 1}
_NUMBER = {".": r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"}
_NUMBER[","] = _NUMBER["."].replace(r"\.", ",")


@dataclass
class Column:
    """A raw column by its distinct texts, trimmed; `codes` per row (-1 for absent) point into them."""

    raw: np.ndarray
    texts: np.ndarray
    codes: np.ndarray
    missing: np.ndarray  # per distinct text

    def spread(self, per_text: np.ndarray, absent) -> np.ndarray:
        """A value per distinct text becomes a value per row."""
        if len(per_text) == 0:
            return np.full(len(self.codes), absent, dtype=per_text.dtype)
        result = per_text[self.codes]
        result[self.codes < 0] = absent
        return result


def trim(texts: np.ndarray) -> np.ndarray:
    """Without surrounding white space of any kind: no-break spaces and byte order marks included."""
    trimmed = pc.utf8_trim(pa.array(texts, type=pa.string()), characters=" \t\r\n\v\f\u00a0\u2007\u202f\u2009\ufeff")
    return np.asarray(trimmed.to_pylist(), dtype=object)


def distinct(raw: pd.Series, missing: list) -> Column:
    """Splits a raw column into its distinct texts and marks those that are missing codes or blank."""
    codes, texts = pd.factorize(raw, use_na_sentinel=True)
    texts = trim(np.asarray(texts, dtype=object))
    blank = {"", *(str(code).strip() for code in missing)}
    is_missing = np.fromiter((text in blank for text in texts), dtype=bool, count=len(texts))
    return Column(raw.to_numpy(dtype=object), texts, codes, is_missing)


def parse_numbers(texts: np.ndarray, decimal: str) -> np.ndarray:
    """float64 per text; nan where it is not one finite number with the declared decimal mark."""
    array = pa.array(texts, type=pa.string())
    fits = pc.match_substring_regex(array, _NUMBER[decimal])
    plain = pc.if_else(fits, array, None)
    if decimal == ",":
        plain = pc.replace_substring(plain, ",", ".")
    # The cast knows no leading plus.
    plain = pc.replace_substring_regex(plain, r"^\+", "")
    values = pc.cast(plain, pa.float64()).to_numpy(zero_copy_only=False)
    return np.where(np.isfinite(values), values, np.nan) + 0.0  # no negative zero


def numbers(column: Column, decimal: str, scale: float, values: dict | None) -> np.ndarray:
    """float64 per distinct text: plain numbers times `scale`, or declared canonical `values`; else nan."""
    result = parse_numbers(column.texts, decimal) * scale
    for raw, value in (values or {}).items():
        result[column.texts == str(raw).strip()] = np.nan if value is None else float(value)
    return result


def value_map(variable: str, kind: str, levels: list | None, values: dict | None, mapping_name: str) -> dict:
    """Raw text -> canonical value (float for flags, str for categories, None for 'unknown').

    Raises HemaPilotsError where the mapping points to a value that the variable does not have.
    """
    allowed = [0.0, 1.0] if kind == "flag" else [str(level) for level in levels or []]
    if values is None:
        values = FLAG_VALUES if kind == "flag" else {level: level for level in allowed}
    result = {}
    for raw, value in values.items():
        try:
            canonical = None if value is None else float(value) if kind == "flag" else str(value)
        except (TypeError, ValueError):
            canonical = value
        if canonical is not None and canonical not in allowed:
            known = "0, 1" if kind == "flag" else ", ".join(allowed)
            raise HemaPilotsError(
                f'mapping {mapping_name}, variables.{variable}.values: "{value}" is not a value of the '
                f"variable; use one of {known}"
            )
        result[str(raw).strip()] = canonical
    return result
