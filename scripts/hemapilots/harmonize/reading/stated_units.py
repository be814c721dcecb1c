"""The unit of every cell and its conversion: from the text itself, the unit column, the declaration, or by inference."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from hemapilots.harmonize.findings import Finding, everywhere
from hemapilots.harmonize.reading.inference import FEWEST, SHARE, infer, inside, looks_like_fractions, slipped
from hemapilots.harmonize.reading.marks import Marks, Undecided, decide
from hemapilots.harmonize.reading.missing import missing_reasons
from hemapilots.harmonize.reading.numbers import EXACT, Numbers, read_numbers
from hemapilots.harmonize.reading.raw import Raw, Texts, as_texts
from hemapilots.harmonize.reading.units import Conversion, Factors, conversion, known

__all__ = ["Stated", "Stop", "state"]

MULTIPLE = "{xULN}"
_BLANK, _STRANGE, _CLASH = -1, -2, -3


class Stop(Exception):
    """A column that cannot be read as a whole: the reason code, and a sentence with the remedy."""

    def __init__(self, reason: str, text: str):
        super().__init__(text)
        self.reason = reason


@dataclass
class Stated:
    """values: float64 per cell in the unit of the use case; findings: conversions, inferred and unknown units."""

    values: np.ndarray
    findings: list[Finding] = field(default_factory=list)

    def say(self, status: str, reason: str | None, detail: str, mask: np.ndarray, whole: bool = False) -> None:
        if mask.any():
            self.findings.append(Finding(status, reason, detail, everywhere(mask), whole))


def state(texts: Texts, numbers: Numbers, raw: Raw, source, sentinel: np.ndarray) -> Stated:
    """Values of all cells in the unit of the use case. source: of `quantities`; sentinel: distinct texts that are codes."""
    usable = texts.spread(~np.isnan(numbers.values) & ~sentinel, False)
    codes, unit_of = _units(texts, numbers, raw, source)
    stated = Stated(np.full(len(texts.codes), np.nan))
    stated.say("null", "unit_unknown", "the unit is not known", usable & (unit_of == _STRANGE))
    stated.say("null", "unit_conflict", "text and unit column state different units", usable & (unit_of == _CLASH))
    limits = _limits(raw, source, stated, usable) if _has_limit(source) else None
    for place, code in enumerate(codes):
        cells = usable & (unit_of == place)
        if cells.any():
            _convert(code, cells, texts, numbers, source, stated, limits)
    cells = usable & (unit_of == _BLANK)
    if cells.any():
        _infer(cells, texts, numbers, source, stated, limits)
    return stated


def _has_limit(source) -> bool:
    return source.declared.get("uln") is not None or bool(source.declared.get("uln_column"))


def _units(texts: Texts, numbers: Numbers, raw: Raw, source) -> tuple[list[str], np.ndarray]:
    """Unit codes, and for each cell which of them is its own, or _BLANK, _STRANGE, _CLASH."""
    declared, target = source.declared.get("unit"), source.spec.get("unit")
    codes: list[str] = []

    def place(code: str) -> int:
        if code not in codes:
            codes.append(code)
        return codes.index(code)

    if declared is None and not source.declared.get("unit_column") and raw.units is None:
        conversion(source.name, None, target, source.factors, f"{source.where}.unit")
        declared = target or "1"
    base = _BLANK if declared in (None, "infer") else place(declared)
    unit_of = np.full(len(texts.codes), base, dtype=np.int64)
    if raw.units is not None:
        beside = as_texts(raw.units)
        said = missing_reasons(beside, {"": "missing"})
        names = getattr(source.factors, "names", None)
        per_text = np.full(len(beside.texts), base, dtype=np.int64)
        for at in np.flatnonzero(pd.isna(said)):
            code = (
                names.resolve(beside.texts[at], target, source.mapping.get("language")) if names is not None else None
            )
            per_text[at] = _STRANGE if code is None else place(code)
        unit_of = beside.spread(per_text, base)
    if numbers.units:
        own = np.array([place(code) for code in numbers.units], dtype=np.int64)
        per_text = np.where(numbers.unit >= 0, own[numbers.unit], _BLANK)
        inside = texts.spread(per_text, _BLANK)
        clash = np.zeros(len(inside), dtype=bool)
        if raw.units is not None:
            clash = (inside >= 0) & (unit_of >= 0) & ~_same(codes, inside, unit_of, source)
        unit_of = np.where(inside >= 0, inside, unit_of)
        unit_of[clash] = _CLASH
    return codes, unit_of


def _same(codes: list[str], one: np.ndarray, other: np.ndarray, source) -> np.ndarray:
    """Where two stated units have the same conversion."""
    made = [known(source.name, code, source.spec.get("unit"), source.factors) for code in codes]
    kinds = [None if entry is None else (entry.scale, entry.offset) for entry in made]
    alike = np.array([[a == b for b in kinds] for a in kinds], dtype=bool)
    return alike[np.maximum(one, 0), np.maximum(other, 0)]


def _convert(code: str, cells: np.ndarray, texts: Texts, numbers: Numbers, source, stated: Stated, limits) -> None:
    """The cells of one stated unit."""
    target, declared = source.spec.get("unit"), source.declared.get("unit")
    ratio = target in (None, "1") and limits is not None
    if code == MULTIPLE and limits is not None and not ratio:
        _multiply(cells, texts, numbers, source, stated, limits)
        return
    if ratio and code != MULTIPLE:
        _divide(code, cells, texts, numbers, source, stated, limits)
        return
    made = known(source.name, code, target, source.factors)
    if made is None:
        if code == declared:
            conversion(source.name, code, target, source.factors, f"{source.where}.unit")
        stated.say("null", "unit_unknown", f"{code} cannot be converted to {target}", cells)
        return
    values = texts.spread(numbers.values, np.nan)[cells]
    _check_convention(made.source, code == declared, values, source)
    fractions = _fractions(code, values, source)
    _apply(fractions or made, cells, texts, numbers, source, stated, inferred=fractions is not None)
    if fractions is not None:
        stated.say("inferred", "unit_inferred", f"stated as {code}, but no value is above 1: {fractions}", cells, True)


def _check_convention(code: str, whole: bool, values: np.ndarray, source) -> None:
    """Stops at a column whose median is too low for its unit, as where that counts another molecule than the canonical one does.

    code: the unit by its own name, however it is spelt; whole: the mapping states it of the whole column.
    """
    target, factors = source.spec.get("unit"), source.factors
    least = getattr(factors, "least", {}).get((source.name, code, target))
    # Of a few cells with a unit of their own the median says nothing of the column.
    if least is None or (not whole and len(values) < FEWEST):
        return
    if np.median(values) < least:
        kinds = [
            key[1] for key in factors if key[0] == source.name and key[2] == target and key[1].startswith(f"{code}{{")
        ]
        raise Stop(
            "unit_conflict",
            f"its median in {code} is below {least:g}, as where the unit counts something else; ask the site, and state "
            f"the `unit` that it means: {' or '.join(kinds)}",
        )


def _fractions(code: str, values: np.ndarray, source) -> Conversion | None:
    """The conversion of a column that is said to be in per cent and holds fractions; None where it does hold percentages."""
    if code != "%" or not looks_like_fractions(values):
        return None
    spec = source.spec
    made = known(source.name, "1", spec.get("unit"), source.factors)
    fits = made is not None and (values > 0).sum() >= FEWEST
    if not fits or inside(made.apply(values), spec.get("hard")).mean() < SHARE:
        raise Stop(
            "unit_conflict", "no value of it is above 1 % and most are below: state the unit 1 if they are fractions"
        )
    return made


def _apply(
    made: Conversion, cells: np.ndarray, texts: Texts, numbers: Numbers, source, stated: Stated, inferred: bool = False
):
    per_text = numbers.scaled(made.power) if made.power is not None else made.apply(numbers.values)
    values = texts.spread(per_text, np.nan)
    stated.values[cells] = values[cells]
    exact = cells & texts.spread(numbers.kind == EXACT, False)
    as_stated = np.where(exact, texts.spread(numbers.values, np.nan), np.nan)
    other = slipped(as_stated, np.where(exact, values, np.nan), source.name, source.spec, made, source.factors)
    if other is not None:
        raise Stop(
            "unit_conflict",
            f"a part of it fits {made.source} and a part {other.source}; split it by its laboratory or date, or give `unit_column`",
        )
    if not inferred and (made.scale != 1 or made.offset or made.source != made.canonical):
        stated.say("converted", None, str(made), cells, whole=True)


def _infer(cells: np.ndarray, texts: Texts, numbers: Numbers, source, stated: Stated, limits) -> None:
    """The cells whose unit nobody stated."""
    values = texts.spread(numbers.values, np.nan)[cells]
    if limits is not None and source.spec.get("unit") in (None, "1"):
        found = "no unit is stated, and a ratio to an upper limit needs it"
    elif isinstance(source.factors, Factors):
        found = infer(values, source.name, source.spec, source.factors)
    else:
        found = "no unit is stated"
    if isinstance(found, str):
        if cells.sum() == (~np.isnan(texts.spread(numbers.values, np.nan))).sum():
            raise Stop("unit_unknown", f"{found}; state its `unit`")
        stated.say("null", "unit_unknown", found, cells, whole=True)
        return
    made, wrong = found
    _apply(made, cells, texts, numbers, source, stated, inferred=True)
    stated.say("inferred", "unit_inferred", str(made), cells, whole=True)
    if wrong.any():
        lost = everywhere(cells)[wrong]
        stated.values[lost] = np.nan
        stated.findings.append(Finding("null", "unit_conflict", "below 1 among percentages: perhaps a fraction", lost))


def _limits(raw: Raw, source, stated: Stated, usable: np.ndarray) -> np.ndarray:
    """The laboratory's upper limit of each cell, nan where it is not known."""
    if raw.uln is None:
        value = source.declared.get("uln")
        return np.full(len(usable), np.nan if value is None else float(value))
    beside = as_texts(raw.uln)
    array = beside.array
    todo = np.array([reason is None for reason in missing_reasons(beside, {"": "missing"})], dtype=bool)
    marks = Marks(source.form("decimal") or ".")
    if not source.form("decimal"):
        try:
            marks = decide(array.filter(pa.array(todo)), beside.counts()[todo], None, None, lambda *_: (None, None))
        except Undecided as problem:
            raise Stop("unit_conflict", f"in its column of upper limits {problem}; declare `decimal`") from None
    names = getattr(source.factors, "names", None)
    language = source.mapping.get("language")
    resolve = (
        (lambda text: names.resolve(text, source.declared.get("unit"), language)) if names else (lambda text: None)
    )
    read = read_numbers(array, todo, marks, resolve, None)
    per_text = np.where((read.values > 0) & (read.kind == EXACT), read.values, np.nan)
    for place, code in enumerate(read.units):  # a limit in another unit than the column's
        own = source.declared.get("unit")
        made = known(source.name, code, own, source.factors) if own not in (None, "infer") else None
        which = read.unit == place
        per_text[which] = np.nan if made is None else made.apply(per_text[which])
    return beside.spread(per_text, np.nan)


def _divide(
    code: str, cells: np.ndarray, texts: Texts, numbers: Numbers, source, stated: Stated, limits: np.ndarray
) -> None:
    """Values over their upper limit; a cell in another unit than the column's is converted to it first."""
    declared = source.declared.get("unit")
    values = texts.spread(numbers.values, np.nan)
    if declared not in (None, "infer", code):
        made = known(source.name, code, declared, source.factors)
        if made is None:
            stated.say("null", "unit_unknown", f"{code} cannot be converted to {declared}", cells)
            return
        values = made.apply(values)
    known_limit = ~np.isnan(limits)
    stated.values[cells & known_limit] = (values / limits)[cells & known_limit]
    stated.say("null", "unit_unknown", "the upper limit of the laboratory is not known", cells & ~known_limit)
    stated.say("converted", None, f"{code} / upper limit of the laboratory", cells & known_limit, whole=True)


def _multiply(cells: np.ndarray, texts: Texts, numbers: Numbers, source, stated: Stated, limits: np.ndarray) -> None:
    """Multiples of the upper limit back to values, in the column's unit."""
    declared, target = source.declared.get("unit"), source.spec.get("unit")
    made = known(source.name, declared, target, source.factors) if declared not in (None, "infer", MULTIPLE) else None
    known_limit = ~np.isnan(limits) & (made is not None)
    if made is not None:
        values = made.apply(texts.spread(numbers.values, np.nan) * limits)
        stated.values[cells & known_limit] = values[cells & known_limit]
        stated.say("converted", None, "multiple x upper limit of the laboratory", cells & known_limit, whole=True)
    stated.say("null", "unit_unknown", "the upper limit of the laboratory is not known", cells & ~known_limit)
