"""Which delivered cells may become the value of a variable: not what was sampled after treatment, or too soon after a crisis.

What is left out here is left out before the choice, so that an earlier or later sample can take its place.
"""

from dataclasses import dataclass, field

import numpy as np

from hemapilots.harmonize.cells import unknown
from hemapilots.harmonize.findings import Finding, Harmonized, everywhere
from hemapilots.harmonize.observations import distance
from hemapilots.harmonize.records import Column

__all__ = ["Happened", "allowed", "picked"]


@dataclass
class Happened:
    """The days of a variable of type date as delivered, many a patient: record and day of each, ordered by both."""

    records: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    days: np.ndarray = field(default_factory=lambda: np.empty(0))

    @classmethod
    def of(cls, target: np.ndarray, days: np.ndarray) -> "Happened":
        """target: the record of each day, -1 for none; nan days are left out."""
        known = np.flatnonzero((target >= 0) & ~np.isnan(days))
        order = known[np.lexsort((days[known], target[known]))]
        return cls(target[order], days[order])

    def last(self, target: np.ndarray, days: np.ndarray) -> np.ndarray:
        """The last day of each record on or before some days; nan where there is none."""
        found = np.full(len(days), np.nan)
        asked = np.flatnonzero((target >= 0) & ~np.isnan(days))
        if not len(self.days) or not len(asked):
            return found
        # One number for record and day: days lie within a few thousand years.
        scale = 2.0**22
        keys, wanted = self.records * scale + self.days, target[asked] * scale + days[asked]
        places = np.searchsorted(keys, wanted, side="right") - 1
        same = (places >= 0) & (self.records[np.maximum(places, 0)] == target[asked])
        found[asked[same]] = self.days[places[same]]
        return found


def allowed(
    read: Harmonized, column: Column, spec: dict, happened: dict[str, Happened], before: tuple | None
) -> Harmonized:
    """Without the values that are no candidates, each with its reason.

    spec: of the variable, with `clear_of`; before: name and day (per record) of a date after which no sample counts.
    """
    if column.dates is None:
        return read
    days, target = column.dates.values, column.target
    values, findings = read.values, list(read.findings)

    def leave_out(mask: np.ndarray, reason: str, detail: str) -> None:
        nonlocal values
        mask = mask & ~unknown(values)
        if mask.any():
            values = values.copy()
            values[mask] = None if values.dtype == object else np.nan
            findings.append(Finding("null", reason, detail, everywhere(mask)))

    with np.errstate(invalid="ignore"):
        for rule in spec.get("clear_of") or ():
            since = days - happened.get(rule["date"], Happened()).last(target, days)
            leave_out(since < rule["days"], rule["reason"], f"within {rule['days']} days of {rule['date']}")
        if before is not None:
            name, day = before
            late = days > np.where(target >= 0, day[np.maximum(target, 0)], np.nan)
            leave_out(late, "outside_window", f"after {name}")
    if not np.isnan(days).all():
        undated = np.isnan(days) & (target >= 0) & ~unknown(values)
        if undated.any():
            detail = "no sample date, where others have one"
            findings.append(Finding("flagged", "missing", detail, everywhere(undated)))
    return Harmonized(values, findings, read.negative)


def picked(pick: str, values: np.ndarray, index: np.ndarray, window: list | None) -> np.ndarray:
    """A key for `observations.choose` of dates: the first, the last, or the nearest on one side of the index date.

    index: the index date of each candidate's record; window: days from it outside of which none counts.
    """
    with np.errstate(invalid="ignore"):
        match pick:
            case "first":
                key = values
            case "last":
                key = -values
            case "first_after_index":
                key = np.where(values >= index, values, np.nan)
            case "last_before_index":
                key = np.where(values <= index, -values, np.nan)
    return key if window is None else np.where(np.isnan(distance(values, index, window)), np.nan, key)
