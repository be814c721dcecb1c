"""What a column looks like: type, missingness, rounded quantiles, frequent values. Nothing that a single patient stands behind.

Values of fewer than MINIMUM_SUPPORT patients are not shown, nor those that would give them away; columns that name patients, tell
them apart or hold free text show no values at all. Where it is known whose a cell is, patients are counted and not cells,
and a patient has one cell in the quantiles.
"""

from dataclasses import dataclass, field

import numpy as np

from hemapilots.harmonize.suppression import Draw, hide
from hemapilots.scan.cells import decimal_mark, is_blank, is_number_text, read_date, read_number, split_unit
from hemapilots.scan.counting import Cells
from hemapilots.scan.identity import names_a_person
from hemapilots.scan.tables import Column
from hemapilots.scan.words import Words
from hemapilots.support import MINIMUM_SUPPORT
from hemapilots.texts import fold

__all__ = ["Profile", "profile_column"]

SAMPLE = 20_000
MANY_LEVELS = 40
SHOWN = 12
_MISSING = ("missing",)  # never a value
_QUARTILES, _TAILS = (0.25, 0.5, 0.75), (0.05, 0.95)


@dataclass
class Profile:
    """kind: number, date, flag, category, text, identifier or empty. n, missing: patients, and those without a known cell;
    values: text -> patients, None where the count is not shown; harmless: values may be shown though the column is no variable;
    numbers: for the proposals, not printed; quantiles: rounded, of 20 patients at least (tails: of 100);
    beside: the usual unit of the column's units."""

    column: Column
    kind: str
    n: int
    missing: int | None
    distinct: int
    values: dict[str, int | None] = field(default_factory=dict)
    rarer: bool = False
    harmless: bool = False
    quantiles: dict[float, float] = field(default_factory=dict)
    formats: list[str] = field(default_factory=list)
    ambiguous: bool = False
    decimal: str | None = None
    unit: str | None = None
    unit_from: str | None = None
    odd: dict[str, int] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    numbers: tuple = ()
    beside: str | None = None

    @property
    def percent_missing(self) -> float | None:
        """Of all patients; None where few are missing or known."""
        return None if self.missing is None else round(100 * self.missing / self.n, 1) if self.n else None


def profile_column(column: Column, words: Words) -> Profile:
    """The profile of a column. words: names of identifying columns, and words for missing."""
    cells = Cells(column.texts, column.patients)
    counts = cells.counts()
    absent = {text: count for text, count in counts.items() if is_blank(text) or words.is_missing(text)}
    known = {text: count for text, count in counts.items() if text not in absent}
    kind = _kind(column, known, words)
    without = cells.patients - cells.with_any(known)
    made = Profile(column, kind, cells.patients, _shown_missing(without, cells.patients), len(known))
    made.absent = sorted(text for text, count in absent.items() if count >= MINIMUM_SUPPORT or is_blank(text))
    if kind == "identifier" and known and all(read_date(text) for text in list(known)[:100]):
        _dates(made, known)
    if kind in ("identifier", "text", "empty"):
        return made
    if kind == "date":
        _dates(made, known)
    elif kind == "number":
        _numbers(made, known, cells)
        if column.units is not None:
            made.beside = _usual(Cells(column.units, column.patients).counts())
    if kind in ("flag", "category") or (kind == "number" and len(known) <= SHOWN):
        _frequencies(made, known, without)
        few = len(known) <= SHOWN and min(known.values(), default=0) >= MINIMUM_SUPPORT
        made.harmless = words.in_vocabulary(list(made.values)) or (few and len(made.values) == len(known))
    if made.decimal is None and kind in ("flag", "category"):
        made.numbers = _read_all(known, None)
    return made


def _kind(column: Column, known: dict[str, int], words: Words) -> str:
    total = sum(known.values())
    if words.identifies(column):
        return "identifier"
    if not total:
        return "empty"
    texts = list(known)[:SAMPLE]
    whole = sum(known[text] for text in texts)
    if sum(known[text] for text in texts if read_date(text)) >= 0.8 * whole and not _small_numbers(texts):
        return "date"
    if sum(known[text] for text in texts if is_number_text(text)) >= 0.8 * whole:
        return _numeric_kind(texts, known, total)
    if len(known) <= 3 and words.are_flags(texts):
        return "flag"
    if len(known) <= 5 or (len(known) <= MANY_LEVELS and len(known) <= 0.2 * total):
        return "category"
    return "identifier" if len(known) > 0.9 * total and total >= 20 else "text"


def _small_numbers(texts: list[str]) -> bool:
    return all(text.isdigit() and len(text) <= 4 for text in texts)


def _numeric_kind(texts: list[str], known: dict[str, int], total: int) -> str:
    if set(texts) <= {"0", "1"}:
        return "flag"
    # Whole numbers of five digits and more, nearly all different, are numbers of patients or cases.
    long = sum(text.isdigit() and len(text) >= 5 for text in texts) >= 0.9 * len(texts)
    return "identifier" if long and len(known) > 0.9 * total and total >= 20 else "number"


def _shown_missing(missing: int, n: int) -> int | None:
    known = n - missing
    return (
        missing if missing == 0 or (missing >= MINIMUM_SUPPORT and (known == 0 or known >= MINIMUM_SUPPORT)) else None
    )


def _dates(made: Profile, known: dict[str, int]) -> None:
    found: dict[str, int] = {}
    certain = False
    for text in list(known)[:SAMPLE]:
        read = read_date(text)
        if read:
            found[read[0]] = found.get(read[0], 0) + known[text]
            certain |= not read[1]
    # A month above 12 settles the order for the whole column.
    swapped = {form: form.replace("DD", "##").replace("MM", "DD").replace("##", "MM") for form in found}
    if any(form.startswith("MM") and form.count("D") for form in found):
        kept: dict[str, int] = {}
        for form, count in found.items():
            name = swapped[form] if form.startswith("DD") else form
            kept[name] = kept.get(name, 0) + count
        found, certain = kept, True
    made.formats = [
        form for form, count in sorted(found.items(), key=lambda item: -item[1]) if count >= MINIMUM_SUPPORT
    ]
    made.ambiguous = not certain


def _usual(counts: dict[str, int]) -> str | None:
    """The most frequent text, if enough patients stand behind it."""
    found = {text: count for text, count in counts.items() if count >= MINIMUM_SUPPORT and not is_blank(text)}
    return max(sorted(found), key=found.get, default=None)


def _numbers(made: Profile, known: dict[str, int], cells: Cells) -> None:
    mark, unsure = decimal_mark(list(known)[:SAMPLE])
    made.decimal, made.ambiguous = mark, unsure
    made.numbers = _read_all(known, mark)
    values, sizes = _read_all(cells.first({text for text in known if is_number_text(text)}), mark)
    total = int(sizes.sum())
    if total >= 20:
        wanted = (*_QUARTILES, *(_TAILS if total >= 100 else ()))
        order = np.argsort(values, kind="stable")
        ends = np.cumsum(sizes[order])
        places = np.searchsorted(ends, np.array(wanted) * total, side="left").clip(0, len(values) - 1)
        made.quantiles = {q: _round(values[order][place]) for q, place in zip(wanted, places, strict=True)}
    units: dict[str, int] = {}
    for text, count in known.items():
        rest = split_unit(text)[1] if is_number_text(text) else None
        if rest:
            units[rest] = units.get(rest, 0) + count
        elif rest is None and count >= MINIMUM_SUPPORT and not names_a_person(text):
            made.odd[text] = count
    common = max(units, key=units.get, default=None)
    if common and units[common] >= max(MINIMUM_SUPPORT, 0.5 * sum(known.values())):
        made.unit, made.unit_from = common, "in the cells"


def _read_all(known: dict[str, int], mark: str | None) -> tuple:
    pairs = [(read_number(text, mark), count) for text, count in known.items() if is_number_text(text)]
    pairs = [(value, count) for value, count in pairs if value is not None]
    return np.array([value for value, _ in pairs]), np.array([count for _, count in pairs], dtype=np.int64)


def _round(value: float) -> float:
    return float(f"{value:.2g}")


def _frequencies(made: Profile, known: dict[str, int], missing: int) -> None:
    """Patients of each value and those without one are a partition: small ones are hidden with as many others as it takes."""
    cells = {**known, _MISSING: missing}
    shown = hide(cells, MINIMUM_SUPPORT, Draw(b"scan", fold(made.column.selector)))
    made.missing = shown.pop(_MISSING)
    # A value is named where it is frequent; its count is not where that would give a rare one away.
    frequent = sorted(
        (text for text, count in known.items() if count >= MINIMUM_SUPPORT and not names_a_person(text)),
        key=lambda text: (-(shown[text] or 0), text),
    )
    made.values = {text: shown[text] for text in frequent[:SHOWN]}
    made.rarer = len(made.values) < len(known)
