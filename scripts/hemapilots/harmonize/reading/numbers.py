"""Texts of a number column: what may stand in a cell, and nothing else is a number.

cell   = [sign] number [flag] [unit] [flag]
sign   = < <= > >= ~ "ca." and their words in eight languages (resources/codes/number_words.csv)
number = digits with the column's decimal and thousands marks, an exponent if any, or two of them: 5-9, "5 bis 9"
flag   = * ** *** ! (H) (L) (HH) (LL) (N) H L HH LL and arrows
unit   = a synonym or code of resources/units; for times also 7y6m, "2 Jahre 3 Monate"
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hemapilots.harmonize.reading.marks import Marks, number_pattern
from hemapilots.harmonize.reading.words import number_words

__all__ = [
    "ABOUT",
    "ABOVE",
    "BELOW",
    "DAYS",
    "DURATION",
    "EXACT",
    "RANGE",
    "Numbers",
    "parse_plain",
    "read_numbers",
    "to_floats",
]

EXACT, BELOW, ABOVE, ABOUT, RANGE, DURATION = range(6)
DAYS = {"a": 365.25, "mo": 30.4375, "wk": 7.0, "d": 1.0}
# Longer texts are prose.
LONGEST = 60
_FLAG = r"(?:\*{1,3}|!{1,2}|\((?:HH?|LL?|N|\+|-|↑{1,2}|↓{1,2})\)|[↑↓]{1,2}|(?:HH?|LL?)(?![^\W\d_]))"
_FLAG_FIRST = re.compile(_FLAG)
_FLAG_LAST = re.compile(rf"(?<![^\W\d_]){_FLAG}$")


@dataclass
class Numbers:
    """One entry per distinct text. plain: texts as decimals that every parser reads, None where the text is more than a number.

    values: float64 as stated, nan where there is no number; kind: EXACT, BELOW, ...; units: codes that stand in the
    texts; unit: position in `units`, -1 none; flagged: a laboratory's flag was removed.
    """

    plain: pa.Array
    values: np.ndarray
    kind: np.ndarray
    units: list[str]
    unit: np.ndarray
    flagged: np.ndarray

    def scaled(self, power: int) -> np.ndarray:
        """values x 10^power, exact to the last digit where a text is a plain decimal."""
        result = self.values * 10.0**power if power >= 0 else self.values / 10.0**-power
        exact = to_floats(self.plain, power)
        return np.where(np.isnan(exact), result, exact)


def parse_plain(texts: pa.Array, marks: Marks) -> pa.Array:
    """Texts that are one number, in the form that any parser reads: no thousands marks, a point, a plain minus; else null."""
    fits = pc.match_substring_regex(texts, f"^{number_pattern(marks)}$")
    plain = pc.if_else(fits, texts, pa.scalar(None, pa.string()))
    if marks.thousands:
        plain = pc.replace_substring_regex(plain, f"[{re.escape(marks.thousands)}]", "")
    if marks.decimal == ",":
        plain = pc.replace_substring(plain, ",", ".")
    return pc.replace_substring_regex(pc.replace_substring(plain, "\u2212", "-"), r"^\+", "")


def to_floats(plain: pa.Array, power: int = 0) -> np.ndarray:
    """float64 of plain decimals x 10^power; nan for null, and for what is not finite or has an exponent of its own."""
    if power:
        plain = pc.if_else(pc.match_substring_regex(plain, "[eE]"), pa.scalar(None, pa.string()), plain)
        plain = pc.binary_join_element_wise(plain, pa.scalar(f"e{power}"), "")
    values = pc.cast(plain, pa.float64()).to_numpy(zero_copy_only=False)
    return np.where(np.isfinite(values), values, np.nan) + 0.0  # no negative zero


def read_numbers(
    texts: pa.Array, todo: np.ndarray, marks: Marks, resolve: Callable[[str], str | None], time: str | None
) -> Numbers:
    """Reads the distinct texts where `todo`. resolve: a unit as written -> its code or None; time: the canonical unit, of times."""
    plain = parse_plain(pc.if_else(pa.array(todo), texts, pa.scalar(None, pa.string())), marks)
    values = to_floats(plain)
    n = len(values)
    result = Numbers(
        plain, values, np.full(n, EXACT, dtype=np.int8), [], np.full(n, -1, dtype=np.int64), np.zeros(n, dtype=bool)
    )
    # A plain number that is too great for a float is none.
    left = todo & np.asarray(pc.is_null(plain).to_numpy(zero_copy_only=False), dtype=bool)
    reader = _Reader(marks, resolve, time)
    places: dict[str, int] = {}
    for place in np.flatnonzero(left):
        read = reader.read(texts[int(place)].as_py())
        if read is None:
            continue
        values[place], result.kind[place], unit, result.flagged[place] = read
        if unit is not None:
            result.unit[place] = places.setdefault(unit, len(places))
    result.units = list(places)
    return result


class _Reader:
    """Reads one text at a time, by the grammar at the head of this module."""

    def __init__(self, marks: Marks, resolve, time: str | None):
        self.marks, self.resolve, self.time = marks, resolve, time
        self.whole, self.parts = _patterns(marks)

    def read(self, text: str) -> tuple[float, int, str | None, bool] | None:
        """(value as stated, kind, unit code, flag removed); None where the text is not of the grammar."""
        if len(text) > LONGEST or not any("0" <= letter <= "9" for letter in text):
            return None
        if self.time and (duration := self._duration(text)) is not None:
            return duration, DURATION, self.time, False
        found = self.whole.match(text)
        if found is None:
            return None
        value = self._float(found["number"])
        kind = EXACT
        if found["sign"]:
            kind = _meaning(found["sign"])
        if found["upper"]:
            upper = self._float(found["upper"])
            if kind != EXACT or not 0 <= value < upper:
                return None
            value, kind = (value + upper) / 2, RANGE
        if np.isnan(value) or (kind in (BELOW, ABOVE) and not value > 0):
            return None
        rest, flagged = found["rest"].strip(), False
        unit = self.resolve(rest) if rest else None
        if rest and unit is None:
            rest, flagged = _without_flags(rest)
            unit = self.resolve(rest) if rest else None
        return None if rest and unit is None else (value, kind, unit, flagged)

    def _float(self, text: str) -> float:
        for mark in self.marks.thousands:
            text = text.replace(mark, "")
        value = float(text.replace(self.marks.decimal, ".").replace("\u2212", "-"))
        return value if np.isfinite(value) else np.nan

    def _duration(self, text: str) -> float | None:
        """7y6m and the like, of at least two parts, the larger first, in the canonical unit of time."""
        days, last, end = 0.0, np.inf, 0
        found = list(self.parts.finditer(text))
        if len(found) < 2:
            return None
        for part in found:
            unit = self.resolve(part["unit"])
            if part.start() != end or unit not in DAYS or DAYS[unit] >= last:
                return None
            last, end = DAYS[unit], part.end()
            days += self._float(part["number"]) * last
        return days / DAYS[self.time] if end == len(text) else None


@lru_cache(maxsize=64)
def _patterns(marks: Marks) -> tuple[re.Pattern, re.Pattern]:
    words = number_words()
    # A word of letters is followed by a blank or by the number; between two numbers it stands between blanks.
    signs = "|".join(re.escape(word) for meaning in ("below", "above", "about") for word in words[meaning])
    between = "|".join(
        rf"\s+{re.escape(word)}\s+" if word.isalpha() else rf"\s*{re.escape(word)}\s*" for word in words["to"]
    )
    number = number_pattern(marks)
    unsigned = number.replace("[-+\u2212]?", "", 1)
    whole = re.compile(
        rf"(?P<sign>(?:{signs})(?![^\W\d_]))?\s*(?P<number>{number})(?:(?:{between})(?P<upper>{unsigned})(?![.,0-9]))?(?![.,0-9])\s*(?P<rest>.*)$",
        re.IGNORECASE,
    )
    parts = re.compile(
        rf"(?P<number>{unsigned})\s*(?P<unit>[^\W\d_]+\.?)[\s,]*(?:(?:and|und|et|y|e|και|en)\s+)?", re.IGNORECASE
    )
    return whole, parts


@lru_cache(maxsize=256)
def _meaning(sign: str) -> int:
    for meaning, kind in (("below", BELOW), ("above", ABOVE), ("about", ABOUT)):
        if sign.casefold() in {word.casefold() for word in number_words()[meaning]}:
            return kind
    raise AssertionError(sign)


def _without_flags(rest: str) -> tuple[str, bool]:
    """What is left of the text behind a number without flags of the laboratory."""
    flagged = False
    while rest:
        first, last = _FLAG_FIRST.match(rest), _FLAG_LAST.search(rest)
        if first:
            rest, flagged = rest[first.end() :].strip(), True
        elif last:
            rest, flagged = rest[: last.start()].strip(), True
        else:
            break
    return rest, flagged
