"""Distinct texts of a column: numbers, dates, marks and codes that can be told from them."""

import re
from datetime import date

from hemapilots.texts import BLANKS

__all__ = ["decimal_mark", "is_blank", "is_number_text", "read_date", "read_number", "split_unit"]

_NUMBER = re.compile(r"^(?:[<>≤≥~]|ca\.?)?\s*([-+−]?\d[\d.,' \u00a0\u202f]*)(?:[eE][-+]?\d+)?\s*(.*)$")
_FLAG = re.compile(r"^(?:\*+|\(?[HLhl+\-]\)?)$")
_DATE = re.compile(r"^(\d{1,4})([-./ ]?)(\d{1,2})\2(\d{2,4})(?:[T ]\d{2}:\d{2}.*)?$")
_PARTIAL = re.compile(r"^(?:(\d{1,2})([-./])(\d{4})|(\d{4})([-./])(\d{1,2}))$")


def is_blank(text: str) -> bool:
    """Whether a text has no visible mark."""
    return not text.strip(BLANKS)


def split_unit(text: str) -> tuple[str, str]:
    """(the number as written, what follows it); ("", "") where it starts with no number."""
    match = _NUMBER.match(text.strip(BLANKS))
    if not match:
        return "", ""
    rest = match[2].strip(BLANKS)
    return match[1].strip(BLANKS), "" if _FLAG.match(rest) else rest


def is_number_text(text: str) -> bool:
    """Whether a text is one number, with or without a short unit behind it."""
    number, rest = split_unit(text)
    return bool(number) and len(rest) <= 12 and not re.match(r"^(?:[-./]?\d|[:;=_])", rest)


def decimal_mark(texts: list[str]) -> tuple[str | None, bool]:
    """(decimal mark of a column's numbers, whether the comma or point in them could also part thousands)."""
    fractions, groups = {".": 0, ",": 0}, {".": 0, ",": 0}
    for text in texts:
        number, _ = split_unit(text)
        for mark in ".,":
            parts = number.split(mark)
            if len(parts) == 2 and (len(parts[1]) != 3 or parts[0].lstrip("-+−") in ("", "0")):
                fractions[mark] += 1
            elif len(parts) >= 2:
                groups[mark] += 1
    if fractions[","] > fractions["."]:
        return ",", False
    if fractions["."]:
        return ".", False
    return None, bool(groups["."] or groups[","])


def read_number(text: str, mark: str | None) -> float | None:
    """The number of a text, given the decimal mark; None where it is none."""
    number, _ = split_unit(text)
    number = number.replace("−", "-").replace(" ", "").replace("\u00a0", "").replace("\u202f", "").replace("'", "")
    number = number.replace(".", "").replace(",", ".") if mark == "," else number.replace(",", "")
    try:
        return float(number)
    except ValueError:
        return None


def read_date(text: str) -> tuple[str, bool] | None:
    """(format such as DD.MM.YYYY, whether day and month could change places); None where a text is no date."""
    text = text.strip(BLANKS)
    partial = _PARTIAL.match(text)
    if partial:
        month = int(partial[1] or partial[6])
        form = f"MM{partial[2]}YYYY" if partial[1] else f"YYYY{partial[5]}MM"
        return (form, False) if 1 <= month <= 12 else None
    match = _DATE.match(text)
    if not match:
        return None
    first, mark, second, third = match[1], match[2], match[3], match[4]
    if not mark:
        year_first = len(text) == 8 and _valid(int(text[:4]), int(text[4:6]), int(text[6:]))
        return ("YYYYMMDD", False) if year_first else None
    if len(first) == 4:
        return (f"YYYY{mark}MM{mark}DD", False) if _valid(int(first), int(second), int(third[:2])) else None
    if len(third) != 4:
        return None
    day_first, month_first = (
        _valid(int(third), *pair) for pair in ((int(second), int(first)), (int(first), int(second)))
    )
    if not day_first and not month_first:
        return None
    order = f"DD{mark}MM{mark}YYYY" if day_first else f"MM{mark}DD{mark}YYYY"
    return order, day_first and month_first and first.zfill(2) != second.zfill(2)


def _valid(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return 1800 <= year <= 2200
