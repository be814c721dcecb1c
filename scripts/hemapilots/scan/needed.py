"""What a draft still lacks: outcomes that no column gives, and an age that two dates would give."""

from hemapilots.config.mapping import Mapping
from hemapilots.config.use_case import UseCase
from hemapilots.cross_checks import missing_outcomes
from hemapilots.scan.tables import Table

__all__ = ["name_diagnoses", "still_needed"]

_DATES = ("Condition.onset[", "Condition.recorded[", "condition_occurrence.start[")
_DIAGNOSIS = "date of diagnosis"
# Systems whose codes are subdivided: D46 holds D46.9.
_SUBDIVIDED = ("icd10", "icd9")


def name_diagnoses(tables: list[Table], codes: dict) -> None:
    """Calls the dates of the use case's own disease by their name. codes: of the use case, by system."""
    wanted = {str(code): system for system, code in codes.items()}
    for column in [column for table in tables for column in table.columns if column.selector.startswith(_DATES)]:
        said = (*column.codes, *column.names)
        if any(
            text == code or (system in _SUBDIVIDED and text.startswith(code))
            for text in said
            for code, system in wanted.items()
        ):
            column.names = (_DIAGNOSIS, *column.names)


def still_needed(mapping: Mapping, use_case: UseCase) -> list[str]:
    """Comments for the end of a draft."""
    lines = []
    follow_up = use_case.follow_up
    if follow_up and follow_up.age and follow_up.birth:
        given = {*mapping.variables, *mapping.derived}
        if {follow_up.birth, follow_up.index} <= given and follow_up.age not in given:
            expression = f"({follow_up.index} - {follow_up.birth}) / 365.25"
            lines.append(
                f"# Two of the dates give {follow_up.age}; to use them: derived: {{{follow_up.age}: {expression}}}"
            )
    needed = missing_outcomes(mapping, use_case)
    return lines + [f"# Still needed: {problem}" for problem in needed.values()]
