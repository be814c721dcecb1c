"""One variable of all records while the work goes on: its values, what there is to say of them, and where the raw texts stand."""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from hemapilots.harmonize.findings import Finding, Harmonized, everywhere
from hemapilots.harmonize.issues import Issues, raw_hashes

__all__ = ["TEXT_TYPES", "Cells", "absent", "blank", "from_column", "unknown"]

UNMAPPED = "not in the mapping"

# Types whose values are texts; the others are float64.
TEXT_TYPES = ("category", "text", "karyotype")


def unknown(values: np.ndarray) -> np.ndarray:
    """Where a column is unknown: nan or None."""
    return np.isnan(values) if values.dtype != object else pd.isna(values)


def blank(kind: str, n: int) -> np.ndarray:
    """A column of a type without any known value."""
    return np.full(n, None, dtype=object) if kind in TEXT_TYPES else np.full(n, np.nan)


@dataclass
class Cells:
    """values: one per record; findings: positions are records; texts and source: the raw column, and where each record's cell stands in it.

    source: -1 where the source has no such cell. negative: of `Harmonized`. sourced: whether anything can give this
    variable a value; where nothing can it is unknown for everybody.
    """

    values: np.ndarray
    findings: list[Finding] = field(default_factory=list)
    texts: pd.Categorical | None = None
    source: np.ndarray | None = None
    negative: np.ndarray | None = None
    sourced: bool = True

    @property
    def unknown(self) -> np.ndarray:
        """Records without a value."""
        return unknown(self.values)

    def say(self, status: str, reason: str | None, detail: str, mask: np.ndarray, whole: bool = False) -> None:
        """Adds a finding about the records of a mask, if there are any."""
        if mask.any():
            self.findings.append(Finding(status, reason, detail, everywhere(mask), whole))

    def null(self, mask: np.ndarray, reason: str, detail: str) -> None:
        """Takes the known values of a mask away and says why."""
        mask = mask & ~self.unknown
        if mask.any():
            self.values = self.values.copy()
            self.values[mask] = None if self.values.dtype == object else np.nan
            self.say("null", reason, detail, mask)

    def fill(self, values: np.ndarray, detail: str) -> np.ndarray:
        """Takes over values where there is none; returns where."""
        mask = self.unknown & ~unknown(values)
        if mask.any():
            self.values = np.where(mask, values, self.values)
            self.say("mapped", None, detail, mask, whole=True)
        return mask

    def found_elsewhere(self) -> None:
        """Another source than a column of its own can give values."""
        if not self.sourced:
            self.findings = [finding for finding in self.findings if finding.detail != UNMAPPED]
            self.sourced = True

    def places_of(self, reason: str) -> np.ndarray:
        """Records of which a finding states a reason."""
        mask = np.zeros(len(self.values), dtype=bool)
        for finding in self.findings:
            if finding.reason == reason:
                mask[finding.cells] = True
        return mask

    def rejected(self) -> list[Finding]:
        """Findings about single cells that make the record unusable."""
        return [finding for finding in self.findings if finding.status == "rejected" and not finding.whole]

    def settled(self) -> list[Finding]:
        """The findings of the final values: a value that is unknown is null once, with its first reason; one that is known is not.

        A cell that was not understood and got its value from elsewhere becomes `flagged`. Of the reasons that are
        given once for many cells the most frequent stays so, and the others are listed cell by cell: what is not
        listed then has one reason.
        """
        left = self.unknown
        known = ~left
        nulls, others = [], []
        for finding in self.findings:
            if finding.status == "null":
                is_open = left[finding.cells]
                filled = finding.cells[known[finding.cells]]
                left[finding.cells[is_open]] = False
                nulls.append(replace(finding, cells=finding.cells[is_open]))
                if not finding.whole and finding.reason != "missing":
                    detail = f"{finding.detail}; the value is from elsewhere".removeprefix("; ")
                    others.append(replace(finding, status="flagged", detail=detail, cells=filled))
            elif finding.status == "rejected" or finding.whole:
                others.append(finding)
            else:
                others.append(replace(finding, cells=finding.cells[known[finding.cells]]))
        nulls.append(Finding("null", "missing", "", everywhere(left), whole=True))
        nulls = _merged(nulls)
        whole = max((finding for finding in nulls if finding.whole), key=lambda finding: len(finding.cells))
        nulls = [replace(finding, whole=finding is whole) for finding in nulls]
        return [finding for finding in [*nulls, *others] if len(finding.cells)]

    def report(self, name: str, rows: np.ndarray, issues: Issues, missing: bool = True) -> None:
        """Adds what there is to say to the issues. rows: the row number of each record; missing: whether blanks are counted."""
        for finding in self.settled():
            if finding.reason == "missing" and not missing:
                continue
            if finding.whole:
                issues.column(name, finding.status, finding.reason, finding.detail, len(finding.cells))
                continue
            hashes = None
            if self.texts is not None:
                hashes = raw_hashes(self.texts, self.source[finding.cells])
            issues.cells(rows[finding.cells], name, finding.status, finding.reason, finding.detail, hashes)


def _merged(findings: list[Finding]) -> list[Finding]:
    """Whole findings of the same kind as one."""
    merged: dict[tuple, Finding] = {}
    listed = []
    for finding in findings:
        if not finding.whole:
            listed.append(finding)
            continue
        key = (finding.status, finding.reason)
        if key in merged:
            cells = np.sort(np.concatenate([merged[key].cells, finding.cells]))
            merged[key] = replace(merged[key], cells=cells, detail=merged[key].detail or finding.detail)
        else:
            merged[key] = finding
    return [*merged.values(), *listed]


def absent(kind: str, n: int, derived: bool = False) -> Cells:
    """A variable that the source does not deliver; `derived`: it will be computed from others."""
    cells = Cells(blank(kind, n), sourced=derived)
    if not derived:
        cells.say("null", "missing", UNMAPPED, np.ones(n, dtype=bool), whole=True)
    return cells


def from_column(column: Harmonized, texts: pd.Categorical, chosen: np.ndarray) -> Cells:
    """A column's cells as records. chosen: per record the position of its cell, -1 for none."""
    n = len(chosen)
    if len(column.values) == n and np.array_equal(chosen, np.arange(n)):
        return Cells(column.values, list(column.findings), texts, chosen, column.negative)
    record_of = np.full(len(column.values), -1, dtype=np.int64)
    has = chosen >= 0
    record_of[chosen[has]] = np.flatnonzero(has)
    findings = []
    for finding in column.findings:
        places = record_of[finding.cells]
        places = np.sort(places[places >= 0])
        if len(places):
            findings.append(replace(finding, cells=places))
    values, negative = (_taken(part, chosen, has) for part in (column.values, column.negative))
    return Cells(values, findings, texts, chosen, negative)


def _taken(values: np.ndarray | None, chosen: np.ndarray, has: np.ndarray) -> np.ndarray | None:
    if values is None:
        return None
    result = np.full(len(chosen), None if values.dtype == object else np.nan, dtype=values.dtype)
    result[has] = values[chosen[has]]
    return result
