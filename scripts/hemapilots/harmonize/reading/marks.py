"""Decimal and thousands marks of a column: as declared, else decided once for the whole column from what its cells prove.

A mark is proved to be the decimal mark by a number that could not be written otherwise (0,5 or 98,75 or 1.234,5), and to be
the thousands mark by 1.234.567. `1.234` alone proves nothing: then the reading is taken that the ranges of the variable
allow, if exactly one of the two is allowed. Where that does not decide either, the column cannot be read.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Marks", "Undecided", "decide", "number_pattern"]

_FIRST_NUMBER = r"(?P<body>[.,]?[0-9][0-9.,]*)"
# Marks that group digits and are never a decimal mark: no-break and thin spaces, apostrophes.
_SILENT = "\u00a0\u202f\u2009'’"
# A mark is the decimal mark where at least this share of the cells that prove something prove it; the others are no numbers.
_MAJORITY = 0.75
_HEAD = 2000


class Undecided(Exception):
    """The cells of a column contradict each other, or leave open which mark is which; the text says how."""


@dataclass(frozen=True)
class Marks:
    """thousands: characters any of which may group digits; decided: what was not declared but decided, for the issues table."""

    decimal: str
    thousands: str = ""
    decided: str = ""


def number_pattern(marks: Marks) -> str:
    """A regular expression of one number, for `re` and RE2."""
    point = re.escape(marks.decimal)
    digits = "[0-9]+"
    if marks.thousands:
        digits = rf"(?:[1-9][0-9]{{0,2}}(?:[{re.escape(marks.thousands)}][0-9]{{3}})+|[0-9]+)"
    return rf"[-+\u2212]?(?:{digits}(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][-+]?[0-9]{{1,3}})?".replace(
        "\\u2212", "\u2212"
    )


def decide(
    texts: pa.Array,
    counts: np.ndarray,
    decimal: str | None,
    thousands: str | None,
    fits: Callable[[Marks, np.ndarray], tuple[bool | None, bool | None]],
) -> Marks:
    """The marks of a column. texts: distinct and not missing; counts: cells of each.

    fits(marks, mask of texts): whether the numbers, read with these marks, lie in the hard range, and their median in the
    soft one; None where the variable has no such range. Raises Undecided.
    """
    if thousands:
        marks = Marks(
            decimal or ("." if thousands == "," else ","),
            {" ": " \u00a0\u202f\u2009", "'": "'’"}.get(thousands, thousands),
        )
        return marks if decimal or thousands in ".," else _with_decimal(texts, counts, marks)
    if marks := _plainly(texts, decimal):
        return marks
    evidence = _Evidence(texts, counts)
    if decimal:
        return _with_thousands(evidence, decimal, fits)
    return _undeclared(evidence, fits)


def _plainly(texts: pa.Array, decimal: str | None) -> Marks | None:
    """The short way for most columns: one mark occurs at all, and the first texts prove that it is the decimal one."""
    for mark, other in ((".", ","), (",", ".")):
        if decimal == other or pc.any(pc.match_substring(texts, other)).as_py():
            continue
        if pc.any(pc.match_substring_regex(texts, f"[{_SILENT}]")).as_py():
            return None
        head = texts[:_HEAD]
        proof = rf"^[0-9]*\{mark}(?:[0-9]{{1,2}}|[0-9]{{4,}})$|^0*\{mark}[0-9]+$"
        if decimal or pc.any(pc.match_substring_regex(head, proof)).as_py():
            return Marks(mark, "", 'decimal mark ","' if mark == "," and not decimal else "")
    return None


class _Evidence:
    """What the first number of each text says about the marks; masks over the texts."""

    def __init__(self, texts: pa.Array, counts: np.ndarray):
        self.texts, self.counts = texts, counts
        bodies = pc.struct_field(pc.extract_regex(texts, _FIRST_NUMBER), "body")
        self.bodies = pc.utf8_rtrim(pc.fill_null(bodies, ""), characters=".,")
        kept = pc.equal(pc.binary_length(self.bodies), 0)
        self.nothing = _mask(kept)
        silent = rf"[0-9][{_SILENT}][0-9]{{3}}"
        self.silent = bool(_mask(pc.match_substring_regex(texts, silent)).any())

    def has(self, mark: str) -> np.ndarray:
        return _mask(pc.match_substring(self.bodies, mark))

    def match(self, pattern: str) -> np.ndarray:
        return _mask(pc.match_substring_regex(self.bodies, f"^(?:{pattern})$"))

    def open(self, mark: str) -> np.ndarray:
        """1.234: one mark and three digits after it."""
        return self.match(rf"[1-9][0-9]{{0,2}}\{mark}[0-9]{{3}}")

    def decimals(self, mark: str, other: str) -> np.ndarray:
        """The mark can only be the decimal one."""
        alone = self.match(rf"[0-9]*\{mark}[0-9]+") & ~self.open(mark)
        return alone | self.match(rf"[1-9][0-9]{{0,2}}(?:\{other}[0-9]{{3}})+\{mark}[0-9]+")

    def groups(self, mark: str, other: str) -> np.ndarray:
        """The mark can only be the thousands one."""
        several = self.match(rf"[1-9][0-9]{{0,2}}(?:\{mark}[0-9]{{3}}){{2,}}")
        return several | self.match(rf"[1-9][0-9]{{0,2}}(?:\{mark}[0-9]{{3}})+\{other}[0-9]+")

    def cells(self, mask: np.ndarray) -> int:
        return int(self.counts[mask].sum())


def _mask(array) -> np.ndarray:
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=bool)


def _with_decimal(texts: pa.Array, counts: np.ndarray, marks: Marks) -> Marks:
    """The decimal mark beside a declared blank or apostrophe: comma or point by majority, a point where neither occurs."""
    evidence = _Evidence(texts, counts)
    point, comma = evidence.cells(evidence.has(".")), evidence.cells(evidence.has(","))
    decimal = "," if comma > point else "."
    return Marks(decimal, marks.thousands, 'decimal mark ","' if decimal == "," else "")


def _with_thousands(evidence: _Evidence, decimal: str, fits) -> Marks:
    """The decimal mark is declared; the other mark groups digits if it does so in every cell, within the hard range."""
    silent = _SILENT if evidence.silent else ""
    other = "." if decimal == "," else ","
    with_other = evidence.has(other)
    if not with_other.any():
        return Marks(decimal, silent, "digits grouped by blanks or apostrophes" if silent else "")
    grouped = evidence.groups(other, decimal) | evidence.open(other)
    marks = Marks(decimal, other, f'thousands mark "{other}"')
    if (grouped == with_other).all() and fits(marks, with_other)[0]:
        return marks
    return Marks(decimal, silent)


def _undeclared(evidence: _Evidence, fits) -> Marks:
    point, comma = (evidence.decimals(mark, other) for mark, other in ((".", ","), (",", ".")))
    silent = _SILENT if evidence.silent else ""
    n_point, n_comma = evidence.cells(point), evidence.cells(comma)
    if n_point or n_comma:
        decimal = "." if n_point >= n_comma else ","
        if max(n_point, n_comma) < _MAJORITY * (n_point + n_comma):
            raise Undecided("some cells have a decimal point and others a decimal comma")
        found = _with_thousands(evidence, decimal, fits)
        said = [f'decimal mark "{decimal}"'] if decimal == "," else []
        return Marks(found.decimal, found.thousands, ", ".join([*said, *filter(None, [found.decided])]))
    grouped = {mark: evidence.groups(mark, other).any() for mark, other in ((".", ","), (",", "."))}
    doubtful = {mark: evidence.open(mark) for mark in ".,"}
    if (grouped["."] and grouped[","]) or (doubtful["."].any() and doubtful[","].any()):
        raise Undecided("both the point and the comma appear as thousands marks")
    for mark, other in ((".", ","), (",", ".")):
        if grouped[mark]:
            return Marks(other, mark, f'thousands mark "{mark}"')
        if doubtful[mark].any():
            return _plausible(mark, other, ~evidence.nothing, fits)
    return Marks(".", silent, "digits grouped by blanks or apostrophes" if silent else "")


def _plausible(mark: str, other: str, mask: np.ndarray, fits) -> Marks:
    """Every number with a mark looks like 1.234: the reading that the ranges allow."""
    readings = {
        Marks(mark, "", f'decimal mark "{mark}"' if mark == "," else ""): None,
        Marks(other, mark, f'thousands mark "{mark}"'): None,
    }
    verdicts = {marks: fits(marks, mask) for marks in readings}
    allowed = [marks for marks, verdict in verdicts.items() if False not in verdict]
    if len(allowed) == 1:
        return allowed[0]
    if all(verdict == (None, None) for verdict in verdicts.values()) and mark == ".":
        return next(iter(readings))
    raise Undecided(f'whether "{mark}" is the decimal or the thousands mark is open')
