"""Clean values as the texts of a source: numbers, days and codes, a mapping's entry read backwards."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.reading.units import Factors, conversion

__all__ = [
    "as_dates",
    "as_numbers",
    "by_distinct",
    "coming_back",
    "date_format",
    "form_of",
    "in_unit",
    "raw_codes",
    "written_codes",
]

# Digits of a number that is converted to the source's unit; where they do not come back to what it was, all are written.
DIGITS = 12
_FLAG = {"0": 0, "1": 1}
# How gene cells are written where the mapping has a language and lists no values: each means the same in all of them.
_GENE_WORDS = {1: ("mut", "pos", "p.R882H", "c.2645G>A", "positive"), 0: ("wt", "WT", "neg", "unmutated", "0")}
# The columns of a REDCap checkbox, ticked or not.
_CHECKBOX = "___"


def by_distinct(values, write: Callable) -> np.ndarray:
    """`write` applied once to each distinct value: object array of its results, None where unknown."""
    codes, distinct = pd.factorize(np.asarray(values))
    made = np.empty(len(distinct) + 1, dtype=object)
    made[:-1] = [write(value) for value in distinct]
    made[-1] = None
    return made[codes]


def as_numbers(numbers: np.ndarray, spec: dict, mapping: dict) -> np.ndarray:
    """Numbers with as many digits as they need and the decimal and thousands marks of the source, None for nan."""
    decimal, thousands = form_of(spec, mapping, "decimal") or ".", form_of(spec, mapping, "thousands")

    def written(number: float) -> str:
        text = repr(float(number)).removesuffix(".0")
        if thousands and "e" not in text:
            whole, point, rest = text.partition(".")
            text = f"{int(whole):,}".replace(",", "\0") + point + rest if abs(int(whole)) >= 1000 else text
        return text.replace(".", decimal).replace("\0", thousands or "")

    return by_distinct(np.asarray(numbers, dtype=float), written)


def as_dates(days, form: str = "YYYY-MM-DD") -> np.ndarray:
    """Days since 1970-01-01 as texts of a format made of DD, MM and YYYY, None for nan."""

    def written(day: float) -> str:
        year, month, date = str(np.datetime64(int(day), "D")).split("-")
        return form.replace("YYYY", year).replace("MM", month).replace("DD", date)

    return by_distinct(np.asarray(days, dtype=float), written)


def date_format(spec: dict, mapping: dict) -> str:
    """The first declared date format of a column, else year-month-day."""
    return (form_of(spec, mapping, "date_format") or ("YYYY-MM-DD",))[0]


def form_of(spec: dict, mapping: dict, part: str):
    """decimal, thousands, date_format or encoding of a column: its own, or that of its file."""
    files = mapping.get("files") or {}
    file = files.get(spec.get("file") or next(iter(files), None)) or {}
    return spec.get(part) or file.get(part)


def in_unit(numbers: np.ndarray, variable: str, units: np.ndarray, target: str, factors: Factors, where: str):
    """Canonical numbers in the unit that stands beside each; raises HemaPilotsError where one cannot be converted."""
    out = np.array(numbers, dtype=float)
    for unit in pd.unique(units):
        made, here = conversion(variable, unit, target, factors, where), units == unit
        numbers = (out[here] - made.offset) / made.scale
        # A power of ten moves the point of the text, so that nothing is lost of a number with few digits.
        spread = 1e-15 if made.power is not None else 0.0
        out[here] = coming_back(numbers, made.apply, out[here], spread)
    return out


def coming_back(numbers: np.ndarray, read: Callable, wanted: np.ndarray, spread: float = 0.0) -> np.ndarray:
    """The numbers, with fewer digits or changed in the last one where `read` then gives what is `wanted`.

    spread: how far apart, relative to their size, these may be.
    """
    found = np.array(numbers, dtype=float)
    short = by_distinct(found, _shortened).astype(float)
    for other in (np.nextafter(numbers, np.inf), np.nextafter(numbers, -np.inf), numbers, short):
        exact = np.abs(read(other) - wanted) <= spread * np.abs(wanted)
        found[exact] = other[exact]
    return found


def _shortened(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")


def raw_codes(spec: dict, definition: dict, mapping: dict) -> dict:
    """Canonical value -> the raw texts that mean it and that the encoding has letters for.

    They are the declared `values`, else the words of the mapping's language.
    """
    encoding, back = form_of({"file": spec.get("file")}, mapping, "encoding") or "utf-8", {}
    for raw, canonical in _pairs(spec, definition, mapping):
        text = str(raw)
        if canonical is not None and text.encode(encoding, "ignore").decode(encoding) == text:
            back.setdefault(canonical, []).append(text)
    return back


def _pairs(spec: dict, definition: dict, mapping: dict) -> list[tuple[str, object]]:
    if spec.get("values"):
        return list(spec["values"].items())
    if definition["type"] != "flag":
        return _words(definition, mapping)
    if not mapping.get("language") or _CHECKBOX in spec["column"]:
        return list(_FLAG.items())
    if definition.get("gene"):
        return [(word, value) for value, words in _GENE_WORDS.items() for word in words]
    return _words(definition, mapping)


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


def written_codes(values, variable: str, codes: dict, rng: np.random.Generator, where: str) -> np.ndarray:
    """One of the texts of each value by chance, None where unknown; raises HemaPilotsError where a value has no text."""
    places, distinct = pd.factorize(np.asarray(values))
    out = np.full(len(places), None, dtype=object)
    for place, value in enumerate(distinct):
        if not codes.get(value):
            raise HemaPilotsError(f"{where}, {variable}: values lacks a code for {value!r}; add it")
        here = places == place
        words = np.array(codes[value], dtype=object)
        out[here] = words[rng.integers(0, len(words), int(here.sum()))]
    return out
