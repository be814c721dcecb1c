"""What cannot be true of one patient, and who belongs to the study: records are flagged, nulled or rejected by expressions.

A variable that the source does not deliver is unknown; a check that cannot be decided does nothing, and a rule of inclusion
keeps the record and counts it.
"""

import numpy as np

from hemapilots.harmonize.work import Work

__all__ = ["check", "include"]

DEFAULT = "ineligible"


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


def include(work: Work, rules: list[dict]) -> None:
    """Takes out the records for which a rule is false, one rule after the other."""
    for rule in rules:
        name, label, reason = _named(rule)
        holds = work.evaluate(rule["expression"], f"inclusion.{name}.expression")
        work.reject(name, label, holds == 0, reason, np.isnan(holds))


def _named(rule: dict) -> tuple[str, str, str]:
    return rule["name"], rule.get("label") or rule["name"], rule.get("reason") or DEFAULT
