"""The columns of a source as one cell per patient: read, checked as a whole, and chosen among rows and measurements."""

import difflib

import numpy as np

from hemapilots.delivered import section_of
from hemapilots.errors import HemaPilotsError
from hemapilots.expressions import parse
from hemapilots.harmonize.candidates import Happened, allowed, picked
from hemapilots.harmonize.cells import absent, from_column, unknown
from hemapilots.harmonize.fill import derive, sex_variable
from hemapilots.harmonize.findings import Finding, Harmonized
from hemapilots.harmonize.genetics.panel import apply
from hemapilots.harmonize.observations import choose, distance
from hemapilots.harmonize.reading.columns import harmonize_column
from hemapilots.harmonize.reading.raw import Raw
from hemapilots.harmonize.records import Column, Source, declared_of
from hemapilots.harmonize.work import Work

__all__ = ["check_known", "check_usable", "read_columns"]

# Reasons that do not speak against the mapping: the source says that there is no value.
_NO_MISTAKE = ("missing", "not_done", "sentinel", "not_assayed", "duplicate", "outside_window", "cyto_failed")


def check_known(use_case: dict, mapping: dict) -> None:
    """Raises HemaPilotsError where a mapping names a variable that the use case does not have."""
    for name in mapping["variables"]:
        if name not in use_case["variables"]:
            near = difflib.get_close_matches(name, use_case["variables"], 1)
            remedy = f'did you mean "{near[0]}"?' if near else "remove it"
            raise HemaPilotsError(
                f"mapping {mapping.get('name', '')}, variables.{name}: the use case has no such variable; " + remedy
            )


def read_columns(work: Work, source: Source, use_case: dict, mapping: dict, units, names=None) -> np.ndarray:
    """Puts the cells of the variables and auxiliary columns (or of `names` only) into `work`.

    The index date comes first, and the dates by which other cells are chosen, with what they are derived from. Returns the records whose
    rows disagree on who the patient is.
    """
    specs = {**use_case["variables"], **(mapping.get("auxiliary") or {})}
    specs = specs if names is None else {name: specs[name] for name in names if name in specs}
    follow_up = use_case.get("follow_up") or {}
    index_name = follow_up.get("index")
    same_person = [name for name in (sex_variable(use_case), follow_up.get("birth")) if name]
    index, differ = None, np.zeros(work.n, dtype=bool)
    cleared = [rule["date"] for spec in specs.values() for rule in spec.get("clear_of") or ()]
    deciding = list(dict.fromkeys(filter(None, (index_name, use_case.get("before"), *cleared))))
    for name in _first_of_all(specs, deciding, mapping):
        chooser = _Chooser(name, specs[name], use_case, mapping, index)
        conflict = _read(work, source, chooser, units)
        if name in same_person:
            differ |= conflict
        if name in deciding and name in (mapping.get("derived") or {}):
            derive(work, name, use_case, mapping)
        if name == index_name:
            index = work.cells[name].values
        if name in cleared and name not in work.happened:
            work.happened[name] = Happened.of(np.arange(work.n), work.cells[name].values)
    return differ


def _first_of_all(specs: dict, deciding: list[str], mapping: dict) -> list[str]:
    derived, first, seen = mapping.get("derived") or {}, [], set()

    def visit(name: str) -> None:
        if name in specs and name not in seen:
            seen.add(name)
            for read in parse(str(derived[name])).names if name in derived else ():
                visit(read)
            first.append(name)

    for name in deciding:
        visit(name)
    return list(dict.fromkeys([*first, *specs]))


class _Chooser:
    """What decides which cell of a patient is the value of one variable."""

    def __init__(self, name: str, spec: dict, use_case: dict, mapping: dict, index: np.ndarray | None):
        self.name, self.spec, self.mapping, self.index = name, spec, mapping, index
        self.declared = declared_of(name, mapping)
        self.kind = spec["type"]
        self.latest = name == (use_case.get("follow_up") or {}).get("last_contact")
        self.window = None if index is None else self._window(use_case)
        self.pick = spec.get("pick") if self.kind == "date" else None
        early = spec.get("known_at", "index") == "index" and self.kind != "date"
        self.before = use_case.get("before") if early else None

    def _window(self, use_case: dict) -> list | None:
        """The column's own; for what is known at the index date the mapping's; the variable's; the use case's."""
        own, variable = (self.declared or {}).get("window"), self.spec.get("window")
        if self.kind == "date" or self.spec.get("known_at", "index") != "index":
            return own or variable
        return own or self.mapping.get("window") or variable or use_case.get("window")

    @property
    def nothing(self) -> str:
        """What is said where none of a patient's cells is wanted."""
        sides = {"first_after_index": "on or after", "last_before_index": "on or before"}
        if self.pick in sides and self.window is None:
            return f"none {sides[self.pick]} the index date"
        return f"no measurement in the window {_shown(self.window)}"

    def key(self, column: Column, values: np.ndarray) -> np.ndarray:
        """How far each candidate is from what is wanted; see `observations`."""
        target = column.target
        index = np.full(len(target), np.nan) if self.index is None else self.index[np.maximum(target, 0)]
        if self.pick:
            return picked(self.pick, values, index, self.window)
        if self.kind == "date" and self.window is None:
            if column.repeated:
                return -values if self.latest else values
            return np.zeros(len(values))
        day = values if self.kind == "date" else None if column.dates is None else column.dates.values
        return distance(day, index, self.window)


def _read(work: Work, source: Source, chooser: _Chooser, units) -> np.ndarray:
    """One variable; returns the records of which several cells contradict each other."""
    name, spec, declared, mapping = chooser.name, chooser.spec, chooser.declared, chooser.mapping
    work.kinds[name] = chooser.kind
    nobody = np.zeros(work.n, dtype=bool)
    if declared is None:
        work.cells[name] = absent(chooser.kind, work.n, derived=name in (mapping.get("derived") or {}))
        return nobody
    column = source.column(name, declared)
    days = None if column.dates is None else column.dates.values
    read = harmonize_column(Raw(column.texts, column.units, days, column.uln), name, spec, declared, mapping, units)
    check_usable(name, declared, read, mapping)
    if mapping.get("panel") and spec.get("gene"):
        read = _on_panel(read, name, spec, source, column, mapping)
    if chooser.window is not None and column.dates is not None:
        read = _without_bad_dates(read, column.dates)
    read = allowed(read, column, spec, work.happened, _last_day(work, chooser))
    if chooser.kind == "date":
        work.happened[name] = Happened.of(column.target, read.values)
    if not source.merged and not column.repeated and (chooser.window is None or column.dates is None):
        work.cells[name] = from_column(read, column.texts, source.first)
        _keep_days(work, name, column, source.first)
        return nobody
    exact = chooser.kind != "number"
    key = chooser.key(column, read.values) if source.merge else np.zeros(len(read.values))
    choice = choose(column.target, read.values, key, work.n, exact)
    choice.chosen = _with_reason(choice.chosen, column.target, read)
    cells = from_column(read, column.texts, choice.chosen)
    cells.null(choice.duplicate, "duplicate", "measurements of the same day or rows of the same patient disagree")
    cells.null(choice.outside, "outside_window", chooser.nothing)
    work.cells[name] = cells
    _keep_days(work, name, column, choice.chosen)
    _count_unused(work, name, read, column, choice.chosen)
    return choice.duplicate


def _last_day(work: Work, chooser: _Chooser) -> tuple[str, np.ndarray] | None:
    """Name and day, per record, of the date after which no sample counts; one before the index date is out of order and counts not."""
    cells = work.cells.get(chooser.before) if chooser.before else None
    if cells is None:
        return None
    index = np.full(work.n, np.nan) if chooser.index is None else chooser.index
    with np.errstate(invalid="ignore"):
        return chooser.before, np.where(cells.values < index, np.nan, cells.values)


def _with_reason(chosen: np.ndarray, target: np.ndarray, read: Harmonized) -> np.ndarray:
    """Of the cells of a record without a usable one, one that was not understood rather than a blank: its reason counts."""
    told = np.zeros(len(target), dtype=bool)
    for finding in read.findings:
        if finding.status == "null" and finding.reason not in _NO_MISTAKE:
            told[finding.cells] = True
    told &= target >= 0
    first = np.full(len(chosen), -1, dtype=np.int64)
    places = np.flatnonzero(told)[::-1]
    first[target[places]] = places
    blank = (chosen >= 0) & (first >= 0) & unknown(read.values)[chosen] & ~told[chosen]
    return np.where(blank, first, chosen)


def _on_panel(read: Harmonized, name: str, spec: dict, source: Source, column: Column, mapping: dict) -> Harmonized:
    panels = source.texts("panel__name")
    names = None
    if panels is not None:
        names = np.where(column.target >= 0, panels[np.maximum(column.target, 0)], None)
    assayed = apply(name, spec, read.values, mapping["panel"], names)
    # Of a cell the first reason counts: what was not understood, then what was not assayed, then what is blank.
    blanks = [finding for finding in read.findings if finding.reason == "missing"]
    others = [finding for finding in read.findings if finding.reason != "missing"]
    return Harmonized(assayed.values, [*others, *assayed.findings, *blanks], read.negative)


def _without_bad_dates(read: Harmonized, dates: Harmonized) -> Harmonized:
    """A measurement whose date was not understood cannot be placed in a window."""
    values, findings = read.values, list(read.findings)
    for finding in dates.findings:
        if finding.status == "null" and finding.reason != "missing":
            cells = finding.cells[~unknown(values[finding.cells])]
            values = values.copy()
            values[cells] = None if values.dtype == object else np.nan
            findings.append(Finding("null", finding.reason, "sample date", cells))
    return Harmonized(values, findings, read.negative)


def check_usable(name: str, declared: dict, read: Harmonized, mapping: dict) -> None:
    """A column that is delivered, but of which no cell can be used, is a mistake in the mapping and not missing data.

    A column that was nulled as a whole has a reason of its own, and is no mistake of the mapping.
    """
    reasons = {
        str(finding.reason)
        for finding in read.findings
        if finding.status == "null" and not finding.whole and len(finding.cells) and finding.reason not in _NO_MISTAKE
    }
    if reasons and unknown(read.values).all():
        raise HemaPilotsError(
            f"mapping {mapping.get('name', '')}, {section_of(name, mapping)}.{name}: of column "
            f'"{declared["column"]}" no delivered value can be used '
            f"({', '.join(sorted(reasons))}); check its unit, decimal mark and values, or leave the variable out"
        )


def _keep_days(work: Work, name: str, column: Column, chosen: np.ndarray) -> None:
    if column.dates is not None:
        work.days[name] = from_column(column.dates, column.date_texts, chosen)


def _count_unused(work: Work, name: str, read: Harmonized, column: Column, chosen: np.ndarray) -> None:
    """Cells that could not be used, of patients for whom another was chosen: one row for each reason."""
    unused = column.target >= 0
    unused[chosen[chosen >= 0]] = False
    counts: dict[str, int] = {}
    for finding in read.findings:
        if finding.status == "null" and finding.reason != "missing":
            counts[finding.reason] = counts.get(finding.reason, 0) + int(unused[finding.cells].sum())
    for reason, count in sorted(counts.items()):
        work.issues.column(
            name, "rejected", reason, "measurements that could not be used, beside the one that was chosen", count
        )


def _shown(window: list | None) -> str:
    low, high = window or (None, None)
    return (
        f"{'-inf' if low is None else f'{low:g}'} to {'inf' if high is None else f'{high:g}'} days from the index date"
    )
