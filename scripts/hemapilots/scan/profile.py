"""What a column looks like: type, missingness, rounded quantiles, frequent values. Nothing that a single patient stands behind.

Values with fewer than MINIMUM cells are not shown, nor those that would give them away; columns that name patients, tell
them apart or hold free text show no values at all.
"""

from dataclasses import dataclass, field

import numpy as np

from hemapilots.harmonize.suppression import hide
from hemapilots.scan.cells import decimal_mark, fold, is_blank, is_number_text, read_date, read_number, split_unit
from hemapilots.scan.tables import Column
from hemapilots.scan.words import Words

__all__ = ["MINIMUM", "Profile", "profile_column"]

MINIMUM = 5
SAMPLE = 20_000
MANY_LEVELS = 40
SHOWN = 12
_MISSING = ("missing",)  # never a value
_QUARTILES, _TAILS = (0.25, 0.5, 0.75), (0.05, 0.95)


@dataclass
class Profile:
    """kind: number, date, flag, category, text, identifier or empty. values: text -> cells, None where the count is not shown;
    numbers: for the proposals, not printed; quantiles: rounded, of 20 known cells at least (tails: of 100)."""

    column: Column
    kind: str
    n: int
    missing: int | None
    distinct: int
    values: dict[str, int | None] = field(default_factory=dict)
    rarer: bool = False
    quantiles: dict[float, float] = field(default_factory=dict)
    formats: list[str] = field(default_factory=list)
    ambiguous: bool = False
    decimal: str | None = None
    unit: str | None = None
    unit_from: str | None = None
    odd: dict[str, int] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    numbers: tuple = ()

    @property
    def percent_missing(self) -> float | None:
        """Of all cells; None where few are missing or known."""
        return None if self.missing is None else round(100 * self.missing / self.n, 1) if self.n else None


def profile_column(column: Column, words: Words) -> Profile:
    """The profile of a column. words: names of identifying columns, and words for missing."""
    counts = _counts(column)
    n = len(column.texts)
    absent = {text: count for text, count in counts.items() if is_blank(text) or words.is_missing(text)}
    known = {text: count for text, count in counts.items() if text not in absent}
    kind = _kind(column, known, words)
    made = Profile(column, kind, n, _shown_missing(sum(absent.values()), n), len(known))
    made.absent = sorted(text for text, count in absent.items() if count >= MINIMUM or is_blank(text))
    if kind == "identifier" and known and all(read_date(text) for text in list(known)[:100]):
        _dates(made, known)
    if kind in ("identifier", "text", "empty"):
        return made
    if kind == "date":
        _dates(made, known)
    elif kind == "number":
        _numbers(made, known)
    if kind in ("flag", "category") or (kind == "number" and len(known) <= SHOWN):
        _frequencies(made, known, sum(absent.values()))
    if made.decimal is None and kind in ("flag", "category"):
        made.numbers = _read_all(known, None)
    return made


def _counts(column: Column) -> dict[str, int]:
    codes = np.asarray(column.texts.codes)
    sizes = np.bincount(codes[codes >= 0], minlength=len(column.texts.categories))
    counts: dict[str, int] = {}
    for text, size in zip(column.texts.categories, sizes, strict=True):
        if size:
            counts[str(text).strip()] = counts.get(str(text).strip(), 0) + int(size)
    if (codes < 0).any():
        counts[""] = counts.get("", 0) + int((codes < 0).sum())
    return counts


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
    return missing if missing == 0 or (missing >= MINIMUM and (known == 0 or known >= MINIMUM)) else None


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
    made.formats = [form for form, count in sorted(found.items(), key=lambda item: -item[1]) if count >= MINIMUM]
    made.ambiguous = not certain


def _numbers(made: Profile, known: dict[str, int]) -> None:
    mark, unsure = decimal_mark(list(known)[:SAMPLE])
    made.decimal, made.ambiguous = mark, unsure
    made.numbers = _read_all(known, mark)
    values, sizes = made.numbers
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
        elif rest is None and count >= MINIMUM:
            made.odd[text] = count
    common = max(units, key=units.get, default=None)
    if common and units[common] >= max(MINIMUM, 0.5 * total):
        made.unit, made.unit_from = common, "in the cells"


def _read_all(known: dict[str, int], mark: str | None) -> tuple:
    pairs = [(read_number(text, mark), count) for text, count in known.items() if is_number_text(text)]
    pairs = [(value, count) for value, count in pairs if value is not None]
    return np.array([value for value, _ in pairs]), np.array([count for _, count in pairs], dtype=np.int64)


def _round(value: float) -> float:
    return float(f"{value:.2g}")


def _frequencies(made: Profile, known: dict[str, int], missing: int) -> None:
    """Cells of each value and the missing ones are one partition: small ones are hidden with as many others as it takes."""
    cells = {**known, _MISSING: missing}
    seed = int.from_bytes(fold(made.column.selector).encode()[:8] or b"0", "big") + sum(cells.values())
    shown = hide(cells, MINIMUM, np.random.default_rng(seed))
    made.missing = shown.pop(_MISSING)
    # A value is named where it is frequent; its count is not where that would give a rare one away.
    frequent = sorted(
        (text for text, count in known.items() if count >= MINIMUM), key=lambda text: (-(shown[text] or 0), text)
    )
    made.values = {text: shown[text] for text in frequent[:SHOWN]}
    made.rarer = len(made.values) < len(known)
