"""A clean column as a source would deliver it: a mapping's entry of one variable, read backwards."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.reading.units import conversion

__all__ = ["Units", "as_dates", "as_delivered", "as_numbers", "date_format", "form_of", "raw_codes"]

Units = dict[tuple[str, str, str], float] | Callable[[str, str, str], float]
# Digits of a number that is converted to the source's unit: enough to come back to what it was.
DIGITS = 12
_FLAG = {"0": 0, "1": 1}


def as_delivered(values: pd.Series, variable: str, spec: dict, mapping: dict, use_case: dict, units: Units):
    """Cells of one column as text, None where the value is unknown.

    values: canonical; dates as days since 1970-01-01. spec: the mapping's entry; its own forms go before those of its file.
    units: of `load_factors`, or a callable (variable, source, canonical) -> factor. The first raw code of a value is used.
    Raises HemaPilotsError where the entry cannot be inverted.
    """
    definition = use_case["variables"][variable]
    if definition["type"] == "number" and not spec.get("values"):
        return as_numbers(_in_source_unit(values, variable, spec, mapping, definition, units), spec, mapping)
    if definition["type"] == "date":
        return as_dates(values, date_format(spec, mapping))
    if definition["type"] in ("karyotype", "text") and not spec.get("values"):
        return np.where(pd.isna(values), None, values.astype(object))
    codes = raw_codes(variable, spec, definition, mapping)
    texts = [None if pd.isna(value) else codes.get(value, (None,))[0] for value in values]
    if any(text is None for text, value in zip(texts, values, strict=True) if not pd.isna(value)):
        raise HemaPilotsError(f"{_name(mapping)}, {variable}: values lacks a code for some level; add it")
    return np.array(texts, dtype=object)


def raw_codes(variable: str, spec: dict, definition: dict, mapping: dict) -> dict:
    """Canonical value -> the raw texts that mean it: the declared `values`, else the words of the mapping's language."""
    if spec.get("values"):
        pairs = list(spec["values"].items())
    elif definition["type"] == "flag" and not mapping.get("language"):
        pairs = list(_FLAG.items())
    else:
        pairs = _words(definition, mapping)
    back: dict = {}
    for raw, canonical in pairs:
        if canonical is not None:
            back.setdefault(canonical, []).append(str(raw))
    return {canonical: tuple(raws) for canonical, raws in back.items()}


def _words(definition: dict, mapping: dict) -> list[tuple[str, object]]:
    from hemapilots.harmonize.reading.words import AMBIGUOUS, NUMBER, vocabulary

    flag = definition["type"] == "flag"
    name = definition.get("vocabulary") or ("flag" if flag else None)
    if name is None:
        return [(level, level) for level in definition.get("levels") or ()]
    pairs = []
    for text, meaning in vocabulary(name, mapping.get("language")):
        if meaning != AMBIGUOUS and text != NUMBER:
            known = [0, 1] if flag else definition["levels"]
            found = [value for value in known if str(value) in meaning.split("|")]
            pairs += [(text, found[0])] if found else []
    return pairs


def _in_source_unit(values: pd.Series, variable: str, spec: dict, mapping: dict, definition: dict, units: Units):
    source, canonical = spec.get("unit"), definition.get("unit")
    numbers = values.to_numpy(dtype=float)
    if source in (None, canonical):
        return numbers
    if callable(units):
        return numbers / float(units(variable, source, canonical))
    made = conversion(variable, source, canonical, units, f"{_name(mapping)}, {variable}")
    return (numbers - made.offset) / made.scale


def form_of(spec: dict, mapping: dict, part: str):
    """decimal, thousands or date_format of a column: its own, or that of its file."""
    files = mapping.get("files") or {}
    file = files.get(spec.get("file") or next(iter(files), None)) or {}
    return spec.get(part) or file.get(part)


def as_numbers(numbers: np.ndarray, spec: dict, mapping: dict) -> np.ndarray:
    """Numbers with the decimal and thousands marks of the source, None for nan."""
    decimal, thousands = form_of(spec, mapping, "decimal") or ".", form_of(spec, mapping, "thousands")
    texts = np.full(len(numbers), None, dtype=object)
    for place in np.flatnonzero(np.isfinite(numbers)):
        text = f"{numbers[place]:.{DIGITS}g}"
        if thousands and "e" not in text:
            whole, point, rest = text.partition(".")
            text = f"{int(whole):,}".replace(",", "\0") + point + rest if abs(int(whole)) >= 1000 else text
        texts[place] = text.replace(".", decimal).replace("\0", thousands or "")
    return texts


def date_format(spec: dict, mapping: dict) -> str:
    """The first declared date format of a column, else year-month-day."""
    return (form_of(spec, mapping, "date_format") or ("YYYY-MM-DD",))[0]


def as_dates(days: pd.Series | np.ndarray, form: str = "YYYY-MM-DD") -> np.ndarray:
    """Days since 1970-01-01 as texts of a format made of DD, MM and YYYY, None for nan."""
    texts = np.full(len(days), None, dtype=object)
    for place, day in enumerate(np.asarray(days, dtype=float)):
        if np.isfinite(day):
            year, month, date = str(np.datetime64(int(day), "D")).split("-")
            texts[place] = form.replace("YYYY", year).replace("MM", month).replace("DD", date)
    return texts


def _name(mapping: dict) -> str:
    return f"mapping {mapping.get('name', '')}".strip()
