"""The cells of one variable over the rows of its table: values, units, limits, marks, blanks, and ways to write nothing."""

import numpy as np
import pandas as pd

from hemapilots.synthesis.extracts.inverse import (
    as_dates,
    as_numbers,
    coming_back,
    date_format,
    form_of,
    in_unit,
    raw_codes,
    written_codes,
)
from hemapilots.synthesis.extracts.source import Source, is_measured

__all__ = ["cells_of"]

# Upper limits of normal that laboratories print, in the unit of the values.
LIMITS = np.array([214.0, 225.0, 246.0, 250.0])


def cells_of(source: Source, name: str, spec: dict, visits: pd.DataFrame) -> dict[str, np.ndarray]:
    """Column -> cells of a variable, and of its unit, limit and day where these have a column: text, None for no cell."""
    definition, values = source.use_case["variables"][name], _values(source, name, visits)
    columns: dict[str, np.ndarray] = {}
    if definition["type"] == "number" and not spec.get("values"):
        texts = _numbers(source, name, spec, definition, values, columns)
    elif definition["type"] == "date":
        texts = as_dates(values.to_numpy(dtype=float), date_format(spec, source.mapping))
    elif definition["type"] in ("karyotype", "text") and not spec.get("values"):
        texts = np.where(pd.isna(values), None, values.astype(object))
    else:
        codes = raw_codes(spec, definition, source.mapping)
        texts = written_codes(values, name, codes, source.rng, source.where)
    if spec.get("date"):
        columns[spec["date"]] = as_dates(visits["day"], date_format(spec, source.mapping))
    columns[spec["column"]] = _around(source, texts, definition["type"])
    return columns


def _values(source: Source, name: str, visits: pd.DataFrame) -> pd.Series:
    """True values, those of other patients on other days; where the true one is unknown no other day in the window knows it."""
    clean, kind = source.clean[name].reset_index(drop=True), visits["kind"].to_numpy()
    own = clean.iloc[visits["patient"]].reset_index(drop=True)
    true = np.isin(kind, ("true", "again"))
    if true.all():
        return own
    other = clean.iloc[source.rng.permutation(len(clean))[visits["patient"]]].reset_index(drop=True)
    values = own.where(true, other)
    return values.mask((kind == "near") & own.isna().to_numpy())


def _numbers(source: Source, name: str, spec: dict, definition: dict, values: pd.Series, columns: dict) -> np.ndarray:
    """Texts of numbers; puts the columns of units and limits beside them."""
    rng, n, target = source.rng, len(values), definition.get("unit") or "1"
    numbers, units = values.to_numpy(dtype=float), np.full(n, spec.get("unit") or target, dtype=object)
    low, high = source.habits.limits.get(name, (None, None))
    below, above = numbers < (-np.inf if low is None else low), numbers > (np.inf if high is None else high)
    numbers = np.where(below, low, np.where(above, high, numbers)).astype(float)
    beside = spec.get("unit_column") or (f"{spec['column']} unit" if is_measured(spec) else None)
    if beside and name in source.habits.units:
        choices = np.array(source.habits.units[name], dtype=object)
        units = choices[rng.integers(0, len(choices), n)]
    if beside:
        columns[beside] = units
    uln = _upper_limits(source, spec, n, columns)
    if uln is not None and target == "1":
        numbers, target = coming_back(numbers * uln, uln.__rtruediv__, numbers), spec["unit"]
    texts = as_numbers(
        in_unit(numbers, name, units, target, source.factors, f"{source.where}, {name}"), spec, source.mapping
    )
    known = ~np.isnan(numbers)
    if source.habits.marks != ("",):
        marks = np.array(source.habits.marks, dtype=object)
        texts[known] += marks[rng.integers(0, len(marks), int(known.sum()))]
    texts[below] = "<" + texts[below]
    texts[above] = ">" + texts[above]
    return texts


def _upper_limits(source: Source, spec: dict, n: int, columns: dict) -> np.ndarray | None:
    if spec.get("uln_column"):
        limits = LIMITS[source.rng.integers(0, len(LIMITS), n)]
        decimal = form_of(spec, source.mapping, "decimal") or "."
        texts = np.array([f"{limit:.1f}".replace(".", decimal) for limit in LIMITS], dtype=object)
        columns[spec["uln_column"]] = texts[np.searchsorted(LIMITS, limits)]
        return limits
    return None if spec.get("uln") is None else np.full(n, float(spec["uln"]))


def _around(source: Source, texts: np.ndarray, kind: str) -> np.ndarray:
    """Unknown cells get a code for missing, dates of what did not happen nothing, others blanks."""
    rng, mapping, habits = source.rng, source.mapping, source.habits
    codes = [code for code in mapping.get("missing") or {} if code and kind != "date"] or [""]
    if kind == "number":
        codes += [*habits.absent, *(f"{code:g}" for code in mapping.get("sentinels") or ())]
    out, unknown = np.array(texts, dtype=object), pd.isna(texts)
    out[unknown] = np.array(codes, dtype=object)[rng.integers(0, len(codes), int(unknown.sum()))]
    if habits.blanks != ("",):
        out[~unknown] += np.array(habits.blanks, dtype=object)[
            rng.integers(0, len(habits.blanks), int((~unknown).sum()))
        ]
    return out
