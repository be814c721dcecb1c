"""Which OMOP selectors there are, and the small tables behind them."""

import re
from functools import lru_cache

import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.selectors import Forms, Target
from hemapilots.ingest.wanted import check_width
from hemapilots.paths import RESOURCES

__all__ = ["BIRTH", "EVENTS", "FORMS", "PATIENT_FORMS", "concept_ids", "named_columns", "plain_id", "unit_names"]

BIRTH = ("birth_datetime", "year_of_birth")
PATIENT_FORMS: Forms = {("person", "person_id"): False, ("person", "person_source_value"): False}
# Table -> (column of its concept, field of a selector -> column).
EVENTS: dict[str, tuple[str | None, dict[str, str]]] = {
    "condition_occurrence": ("condition_concept_id", {"start": "condition_start_date", "end": "condition_end_date"}),
    "procedure_occurrence": ("procedure_concept_id", {"date": "procedure_date"}),
    "drug_exposure": ("drug_concept_id", {"start": "drug_exposure_start_date", "end": "drug_exposure_end_date"}),
    "death": (None, {"death_date": "death_date", "cause_concept_id": "cause_concept_id"}),
    "observation_period": (None, {"start": "observation_period_start_date", "end": "observation_period_end_date"}),
    "visit_occurrence": (None, {"start": "visit_start_date", "end": "visit_end_date"}),
}
FORMS: Forms = {
    ("person", "gender_concept_id"): False,
    ("person", "gender_source_value"): False,
    ("person", "birth_date"): False,
    ("person", "year_of_birth"): False,
    ("measurement", ""): True,
    ("measurement", "date"): True,
    ("observation", ""): True,
    ("observation", "date"): True,
    **{(table, field): concept is not None for table, (concept, fields) in EVENTS.items() for field in fields},
}
_WHOLE = re.compile(r"(.*[0-9])\.0+")


def concept_ids(target: Target) -> frozenset[int]:
    """The concept ids of a selector; raises HemaPilotsError for anything but whole numbers above 0."""
    for code in target.selector.codes:
        if not (code.isascii() and code.isdigit()) or not 0 < int(code) < 2**63:
            raise HemaPilotsError(
                f'{target.where}.column: "{code}" is no concept id; write the whole number under which the vocabulary has it'
            )
    return frozenset(int(code) for code in target.selector.codes)


def plain_id(text: str) -> str:
    """A number of a person or concept without the decimals that some exports add: 12.0 is 12."""
    match = _WHOLE.fullmatch(text) if "." in text else None
    return match[1] if match else text


@lru_cache(maxsize=1)
def unit_names() -> dict[str, str]:
    """Concept id of a unit, as text -> its UCUM code."""
    table = pd.read_csv(RESOURCES / "codes" / "omop_units.csv", dtype=str, keep_default_na=False)
    return dict(zip(table["concept_id"], table["unit"], strict=True))


def named_columns(path, names: list[str]) -> dict[str, str]:
    """Lower-case name -> name as it stands; raises HemaPilotsError where a name stands twice."""
    check_width(path, names)
    found: dict[str, str] = {}
    for name in names:
        if name.strip().lower() in found:
            raise HemaPilotsError(f'{path}, column "{name}": the header names it more than once; keep one of them')
        found[name.strip().lower()] = name
    return found
