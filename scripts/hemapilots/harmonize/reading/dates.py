"""Dates as days since 1970-01-01. The order of day and month is declared, or proved by the column itself, or the column is refused.

Year-month-day is always understood, with a time and zone behind it too (the date is the one that is written), and so are
names of months in eight languages. A month is taken as its 15th, a year as its 1 July, both flagged. A column that holds
nothing but numbers from 20000 to 60000 holds days of a spreadsheet (1900 system: 43586 is 2019-05-01).
"""

import re
from functools import lru_cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.findings import Finding, Harmonized, everywhere
from hemapilots.harmonize.reading.missing import findings_of, missing_reasons
from hemapilots.harmonize.reading.raw import Texts, as_texts
from hemapilots.harmonize.reading.words import bare, month_names

__all__ = ["parse_dates"]

_TIME = r"(?:[T ]\s*(?:[01]?[0-9]|2[0-4])(?::[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?)?\s*(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
_YMD = tuple(rf"(?P<y>[0-9]{{4}}){s}(?P<m>[0-9]{{1,2}}){s}(?P<d>[0-9]{{1,2}}){_TIME}" for s in ("-", "/", r"\.")) + (
    r"(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})(?:[0-9]{2}(?:[0-9]{2}(?:[0-9]{2}(?:\.[0-9]+)?)?)?(?:[+-][0-9]{4})?)?",
)
_PARTIAL = (r"(?P<y>[0-9]{4})[-/.](?P<m>[0-9]{1,2})", r"(?P<m>[0-9]{1,2})[-/.](?P<y>[0-9]{4})", r"(?P<y>[0-9]{4})")
_OPEN = tuple(rf"(?P<a>[0-9]{{1,2}}){s}(?P<b>[0-9]{{1,2}}){s}(?P<y>[0-9]{{4}}){_TIME}" for s in ("-", "/", r"\."))
_SERIAL = r"[2-5][0-9]{4}(?:\.[0-9]+)?|60000(?:\.0+)?"
_NAMED = re.compile(
    r"(?:(?P<d>\d{1,2})(?:\.|st|nd|rd|th|er|º)?[\s\-/]*(?:de\s+)?)?(?P<m>[^\W\d_]{3,})\.?[\s\-/]*(?:de[l]?\s+)?(?P<y>\d{4})"
)
_NAMED_FIRST = re.compile(r"(?P<m>[^\W\d_]{3,})\.?\s+(?P<d>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<y>\d{4})")
_EPOCH_OF_SPREADSHEETS = -25569  # 1899-12-30, which makes up for the leap day of 1900 that never was
_YEARS = (1901, 2099)
# The days of impossible years that people enter for "unknown".
_NO_DAYS = {(1, 1), (12, 31), (12, 30), (9, 9), (11, 11), (8, 8)}
_MAJORITY = 0.95
# One date alone may be a slip of the pen.
_PROOFS = 2
# A possible day that stands for never.
_NEVER = (2099, 12, 31)


def parse_dates(
    texts: pd.Categorical, formats, where: str, codes: dict[str, str] | None = None, sentinels=()
) -> Harmonized:
    """Days since 1970-01-01 (float64, nan unknown) of a column of texts, with findings.

    formats: declared ones, such as DD.MM.YYYY; where: names mapping and column in errors; codes: text -> reason of texts
    that mean missing; sentinels: numbers that do. Raises HemaPilotsError where day and month cannot be told apart.
    """
    column = as_texts(texts)
    reasons = missing_reasons(column, codes or {"": "missing"})
    return _Dates(column, reasons, tuple(formats or ()), where, sentinels).read()


class _Dates:
    """The state of reading one column; masks and numbers are per distinct text."""

    def __init__(self, column: Texts, reasons: np.ndarray, formats: tuple, where: str, sentinels):
        self.column, self.reasons, self.formats, self.where = column, reasons, formats, where
        self.array = column.array
        n = len(column.texts)
        self.days = np.full(n, np.nan)
        self.todo = pd.isna(reasons)
        self.partial, self.sentinel = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
        self.inferred: list[tuple[str, str, np.ndarray]] = []
        self._take_sentinels(sentinels)

    def _take_sentinels(self, sentinels) -> None:
        if len(sentinels):
            numbers = pd.to_numeric(pd.Series(self.column.texts, dtype=object), errors="coerce").to_numpy(dtype=float)
            self.sentinel = self.todo & np.isin(numbers, np.asarray(sentinels, dtype=float))
            self.todo &= ~self.sentinel

    def read(self) -> Harmonized:
        if self._serials():
            return self._result()
        self._declared()
        for pattern in _YMD:
            self._take(pattern)
        self._undeclared()
        for pattern in _PARTIAL:
            self._take(pattern)
        self._named()
        return self._result()

    def _match(self, pattern: str) -> dict[str, np.ndarray] | None:
        """Named groups as integers of the texts that are left and fit, nan elsewhere; None if none fits."""
        found = pc.extract_regex(
            pc.if_else(pa.array(self.todo), self.array, pa.scalar(None, pa.string())), f"^(?:{pattern})$"
        )
        if found.null_count == len(found):
            return None
        names = [found.type.field(place).name for place in range(found.type.num_fields)]
        fits = np.asarray(found.is_valid(), dtype=bool)
        groups = {
            name: pc.cast(pc.struct_field(found, name), pa.float64()).to_numpy(zero_copy_only=False) for name in names
        }
        return {name: np.where(fits, values, np.nan) for name, values in groups.items()}

    def _take(self, pattern: str) -> None:
        """Reads the texts of a pattern whose order is beyond doubt."""
        found = self._match(pattern)
        if found is not None:
            self._set(~np.isnan(found["y"]), found["y"], found.get("m"), found.get("d"))

    def _set(self, which: np.ndarray, year, month, day) -> None:
        partial = day is None
        if partial:
            day = np.full(len(year), 1.0 if month is None else 15.0)
            month = np.full(len(year), 7.0) if month is None else month
        self.days[which], self.sentinel[which] = _days(year[which], month[which], day[which], partial)
        self.partial[which] = partial
        self.todo &= ~which

    def _serials(self) -> bool:
        """A column of nothing but day numbers of a spreadsheet."""
        fits = np.asarray(pc.match_substring_regex(self.array, f"^(?:{_SERIAL})$"), dtype=bool) & self.todo
        if not fits.any() or (fits != self.todo).any():
            return False
        numbers = pc.cast(pc.if_else(pa.array(fits), self.array, pa.scalar(None, pa.string())), pa.float64())
        self.days = np.floor(numbers.to_numpy(zero_copy_only=False)) + _EPOCH_OF_SPREADSHEETS
        self.inferred.append(("form_inferred", "day numbers of a spreadsheet (1900 system)", fits))
        self.todo = np.zeros_like(fits)
        return True

    def _declared(self) -> None:
        before = self.todo.copy()
        readings = np.full((len(self.formats), len(before)), np.nan)
        for place, form in enumerate(self.formats):
            self.todo = before.copy()
            self._take(_pattern(form))
            readings[place] = np.where(self.todo, np.nan, self.days)
        known = ~np.isnan(readings)
        if known.sum(axis=0).max(initial=0) > 1 and np.nanmax(np.ptp(_filled(readings), axis=0), initial=0) > 0:
            raise HemaPilotsError(
                f"{self.where}: ambiguous date format, some dates fit two of the declared `date_format` with different "
                "results; declare one"
            )
        if len(self.formats) > 1:
            self._first_readings(before, readings)

    def _first_readings(self, before: np.ndarray, readings: np.ndarray) -> None:
        """Of several declared formats: the result of the first one that gives a date."""
        self.todo = before
        for place, form in enumerate(self.formats):
            done = ~np.isnan(readings[place])
            kept = self.todo.copy()
            self.todo = kept & done
            self._take(_pattern(form))
            self.todo = kept & ~done
        for form in self.formats:  # what fits in shape and is no date
            self._take(_pattern(form))

    def _undeclared(self) -> None:
        """Dates with day, month and year whose order nobody declared: 03/04/2019."""
        parts = [found for found in map(self._match, _OPEN) if found is not None]
        if not parts:
            return
        if any("D" in form for form in self.formats):
            for found in parts:  # not of a declared format, so not understood
                self.todo &= np.isnan(found["y"])
            return
        first, second, year = (_one([found[key] for found in parts]) for key in ("a", "b", "y"))
        counts = self.column.counts()
        says_day = (counts > 0) & (first > 12) & (first <= 31) & (second <= 12)
        says_month = (counts > 0) & (second > 12) & (second <= 31) & (first <= 12)
        day_first, month_first = int(counts[says_day].sum()), int(counts[says_month].sum())
        most = max(day_first, month_first)
        if most < _MAJORITY * (day_first + month_first):
            self._refuse("in some dates the day stands first and in others the month")
        proof = says_day if day_first >= month_first else says_month
        open_order = (first != second) & (first <= 12) & (second <= 12)
        proofs = set(zip(first[proof], second[proof], year[proof], strict=True))
        if (open_order & (counts > 0)).any() and len(proofs) < _PROOFS:
            self._refuse(f"fewer than {_PROOFS} different dates tell whether the day or the month stands first")
        which = ~np.isnan(year)
        if most:
            order = "day before month" if day_first >= month_first else "month before day"
            self.inferred.append(("form_inferred", f"{order}, as {most} cells prove", which.copy()))
        day, month = (first, second) if day_first >= month_first else (second, first)
        self._set(which, year, month, day)

    def _refuse(self, why: str) -> None:
        raise HemaPilotsError(
            f"{self.where}: ambiguous date format, {why}; declare `date_format`, for example [DD/MM/YYYY]"
        )

    def _named(self) -> None:
        """Dates with the name of the month, with or without a day."""
        year, months, days = (np.full(len(self.days), np.nan) for _ in range(3))
        for place in np.flatnonzero(self.todo):
            text = self.column.texts[place]
            found = (_NAMED.fullmatch(text) or _NAMED_FIRST.fullmatch(text)) if len(text) <= 40 else None
            month = month_names().get(bare(found["m"])) if found else None
            if month is not None:
                year[place], months[place] = float(found["y"]), float(month)
                days[place] = np.nan if found["d"] is None else float(found["d"])
        for day, which in ((days, ~np.isnan(days)), (None, ~np.isnan(year) & np.isnan(days))):
            if which.any():
                self._set(which, year, months, day)

    def _result(self) -> Harmonized:
        spread = self.column.spread
        unknown = np.isnan(self.days) & pd.isna(self.reasons) & ~self.sentinel
        values = spread(np.where(self.sentinel, np.nan, self.days), np.nan)
        findings = findings_of(self.column, self.reasons)
        said = (
            ("null", "sentinel", "a date that stands for unknown", self.sentinel),
            ("null", "date_invalid", "not a date of the declared or any usual format", unknown),
            ("flagged", "date_partial", "a month is its 15th, a year its 1 July", self.partial & ~np.isnan(self.days)),
        )
        for status, reason, detail, mask in said:
            if mask.any() and (cells := everywhere(spread(mask, False))).size:
                findings.append(Finding(status, reason, detail, cells))
        for reason, detail, mask in self.inferred:
            cells = everywhere(spread(mask & ~np.isnan(self.days), False))
            if cells.size:
                findings.append(Finding("inferred", reason, detail, cells, whole=True))
        return Harmonized(values, findings)


@lru_cache(maxsize=100)
def _pattern(form: str) -> str:
    """The regular expression of a declared format; with separators, day and month may have one digit."""
    digits = "{1,2}" if re.search("[-./ ]", form) else "{2}"
    tokens = {"DD": f"(?P<d>[0-9]{digits})", "MM": f"(?P<m>[0-9]{digits})", "YYYY": "(?P<y>[0-9]{4})"}
    parts = re.findall("DD|MM|YYYY|[-./ ]", form)
    return "".join(tokens.get(part) or re.escape(part) for part in parts) + (_TIME if "DD" in parts else "")


def _one(arrays: list[np.ndarray]) -> np.ndarray:
    result = arrays[0]
    for other in arrays[1:]:
        result = np.where(np.isnan(result), other, result)
    return result


def _filled(readings: np.ndarray) -> np.ndarray:
    """Where a format gives no date: the date of the one that does, so that spans are zero."""
    best = _one(list(readings))
    return np.where(np.isnan(readings), best, readings)


def _days(year: np.ndarray, month: np.ndarray, day: np.ndarray, partial: bool) -> tuple[np.ndarray, np.ndarray]:
    """Days since 1970-01-01, nan where there is no such date in a possible year; and which of them stand for unknown."""
    valid = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
    months = np.where(valid, (year - 1970) * 12 + month - 1, 0).astype("int64").astype("datetime64[M]")
    start = months.astype("datetime64[D]").astype("int64")
    length = (months + 1).astype("datetime64[D]").astype("int64") - start
    valid &= day <= length
    possible = (year >= _YEARS[0]) & (year <= _YEARS[1])
    usual = np.array([partial or (m, d) in _NO_DAYS for m, d in zip(month, day, strict=True)], dtype=bool)
    never = valid & (year == _NEVER[0]) & (month == _NEVER[1]) & (day == _NEVER[2])
    result = np.where(valid & possible & ~never, start + day - 1, np.nan)
    return result, (valid & ~possible & usual) | never
