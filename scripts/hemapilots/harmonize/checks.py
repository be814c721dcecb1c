"""What cannot be true of one patient, and who belongs to the study: records are flagged, nulled or rejected by expressions.

A variable that the source does not deliver is unknown; a check that cannot be decided does nothing, and a rule of inclusion
keeps the record and counts it. Where the source delivers nothing that a rule of inclusion reads, there is nothing to count.
"""

import numpy as np

from hemapilots.harmonize.reading.inference import outside
from hemapilots.harmonize.work import Work

__all__ = ["check", "include", "keep_ranges"]

DEFAULT = "ineligible"


def keep_ranges(work: Work, variables: dict[str, dict]) -> None:
    """Numbers that no column of their own gave must lie in the ranges of their variable too: outside the hard one they are nulled.

    What is below 0 is kept in `negative`, as a column does.
    """
    for name, spec in variables.items():
        cells = work.cells.get(name)
        if cells is None or spec["type"] != "number" or not (spec.get("hard") or spec.get("soft")):
            continue
        wrong = outside(cells.values, spec.get("hard"))
        if wrong.any():
            below = np.where(wrong & (cells.values < 0), cells.values, np.nan)
            cells.negative = below if cells.negative is None else np.where(np.isnan(below), cells.negative, below)
            cells.null(wrong, "range_hard", _shown(spec["hard"], spec.get("unit")))
        unusual = outside(cells.values, spec.get("soft")) & ~cells.places_of("range_soft")
        cells.say("flagged", "range_soft", _shown(spec.get("soft"), spec.get("unit")), unusual)


def _shown(limits, unit: str | None) -> str:
    low, high = limits or (None, None)
    low, high = "-inf" if low is None else f"{low:g}", "inf" if high is None else f"{high:g}"
    return f"outside {low} to {high} {unit or ''}".strip()


def check(work: Work, checks: list[dict]) -> None:
    """Applies the use case's checks one after the other; later ones see what earlier ones nulled."""
    for rule in checks:
        name, label, reason = _named(rule)
        value = work.evaluate(rule["expression"], f"checks.{name}.expression")
        broken = value == 1
        match rule["action"]:
            case "reject":
                work.reject(name, label, broken, reason, np.isnan(value))
            case "null":
                for variable in rule.get("variables") or ():
                    work.cells[variable].null(broken, reason, label)
            case "flag":
                for variable in rule.get("variables") or ():
                    cells = work.cells[variable]
                    cells.say("flagged", reason, label, broken & ~cells.unknown)


def include(work: Work, rules: list[dict], derived: dict | None = None) -> None:
    """Takes out the records for which a rule is false, one rule after the other; derived: of the use case."""
    for rule in rules:
        name, label, reason = _named(rule)
        holds = work.evaluate(rule["expression"], f"inclusion.{name}.expression")
        undecided = np.isnan(holds) if work.delivered(rule["expression"], derived) else None
        work.reject(name, label, holds == 0, reason, undecided)


def _named(rule: dict) -> tuple[str, str, str]:
    return rule["name"], rule.get("label") or rule["name"], rule.get("reason") or DEFAULT
