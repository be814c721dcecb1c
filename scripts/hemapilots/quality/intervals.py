"""What a record says of a count: the count itself, or between which bounds it lies where it is hidden."""

import math
from dataclasses import dataclass

__all__ = ["UNKNOWN", "Counts"]

UNKNOWN = math.inf
Bounds = tuple[float, float]


@dataclass(frozen=True)
class Counts:
    """Lowest and highest possible value of each named count of one variable, endpoint or site."""

    bounds: dict[str, Bounds]
    minimum: int = 5

    def sum(self, names: list[str]) -> Bounds:
        """The bounds of a sum; a count that does not exist adds nothing."""
        parts = [self.bounds.get(name, (0, 0)) for name in names]
        return sum(low for low, _ in parts), sum(high for _, high in parts)

    @classmethod
    def of_variable(cls, entry: dict, records: int | None, minimum: int) -> "Counts":
        """Of a variable of a quality record, or of a date, of which only what was nulled is known."""
        whole = _exact(records) if records is not None else (0, minimum - 1)
        few = set(entry["few"])
        cells = {name: entry[name] for name in ("n", "absent", "missing", "plain") if name in entry}
        cells |= {
            f"{part}.{name}": count for part in ("nulled", "flagged") for name, count in entry.get(part, {}).items()
        }
        bounds = {name: _bounds(count, name in few, whole[1], minimum) for name, count in cells.items()}
        aside = bounds.get("nulled.not_assayed", (0, 0))
        if "absent" in few and entry["nulled"].get("not_assayed"):
            # Few beside the records that were not assayed, whose number is shown.
            bounds["absent"] = tuple(bounds["absent"][side] + aside[side] for side in (0, 1))
        for half, other in (("n", "absent"), ("absent", "n")):
            # The complement of a small half is the rest of the records.
            if half in bounds and entry[half] is None and other in few:
                bounds[half] = (whole[0] - bounds[other][1], whole[1] - bounds[other][0])
        _cap(bounds, ["plain", *(name for name in bounds if name.startswith("flagged."))], "n")
        _cap(bounds, ["missing", *(name for name in bounds if name.startswith("nulled."))], "absent")
        nulled = [bounds[f"nulled.{name}"] for name in entry["nulled"] if name != "not_assayed"]
        bounds["records"] = whole
        bounds["assayed"] = _less(whole, aside)
        if "n" in bounds:
            bounds["known"] = bounds["n"]
            bounds["missing_all"] = _less(bounds["absent"], aside)
            total = [bounds["n"], *nulled]
            bounds["delivered"] = tuple(min(sum(part[side] for part in total), whole[1]) for side in (0, 1))
        return cls(bounds, minimum)

    @classmethod
    def of_endpoint(cls, entry: dict, records: int | None, minimum: int) -> "Counts":
        """Of an endpoint of a quality record."""
        whole = _exact(records) if records is not None else (0, minimum - 1)
        few = entry.get("few", ())
        patients = _bounds(entry["patients"], "patients" in few, whole[1], minimum)
        unknown = _bounds(entry["unknown"], "unknown" in few, whole[1], minimum)
        if entry["patients"] is None and "unknown" in few:
            patients = _less(whole, unknown)
        if entry["unknown"] is None and "patients" in few:
            unknown = _less(whole, patients)
        zero = _bounds(entry["zero_time"], "zero_time" in few, patients[1], minimum)
        return cls({"records": whole, "patients": patients, "unknown": unknown, "zero_time": zero}, minimum)

    @classmethod
    def of_site(cls, record: dict) -> "Counts":
        """Of the site's rows: those delivered, those that only further files have, those left out as duplicates."""
        minimum = record["minimum_cell"]
        steps = record["flow"]
        rows = steps[0]["records_in"] if steps else None
        bounds = {"rows": (max(record["records"] or 0, 1), UNKNOWN) if rows is None else _exact(rows)}
        lost = [step["lost"] for step in steps if step["reason"] == "duplicate"]
        parts = [_exact(count) if count is not None else (1, minimum - 1) for count in lost]
        bounds["duplicate"] = (sum(low for low, _ in parts), sum(high for _, high in parts))
        elsewhere = record.get("only_elsewhere", 0)
        bounds["only_elsewhere"] = _exact(elsewhere) if elsewhere is not None else (1, minimum - 1)
        bounds["all_rows"] = tuple(bounds["rows"][side] + bounds["only_elsewhere"][side] for side in (0, 1))
        return cls(bounds, minimum)


def _cap(bounds: dict[str, Bounds], parts: list[str], whole: str) -> None:
    """No part is larger than what the others leave of the whole."""
    if whole not in bounds:
        return
    known = sum(bounds[name][0] for name in parts)
    for name in parts:
        low, high = bounds[name]
        bounds[name] = (low, max(low, min(high, bounds[whole][1] - known + low)))


def _exact(count: int) -> Bounds:
    return count, count


def _bounds(count: int | None, few: bool, highest: float, minimum: int) -> Bounds:
    if count is not None:
        return _exact(count)
    return (1, minimum - 1) if few else (0, highest)


def _less(whole: Bounds, part: Bounds) -> Bounds:
    return max(whole[0] - part[1], 0), max(whole[1] - part[0], 0)
