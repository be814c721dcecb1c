"""Profiles a new extract and drafts its mapping. Nothing leaves: the profile and the draft are for the hospital's own eyes."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from hemapilots.config import Mapping, nearest
from hemapilots.errors import HemaPilotsError
from hemapilots.paths import RESOURCES
from hemapilots.scan.draft import draft, variant_columns
from hemapilots.scan.identity import names_a_patient
from hemapilots.scan.match import language_of, match
from hemapilots.scan.needed import name_diagnoses, still_needed
from hemapilots.scan.profile import Profile, profile_column
from hemapilots.scan.propose import propose
from hemapilots.scan.show import show
from hemapilots.scan.tables import Table, patient_codes, read_extract
from hemapilots.scan.words import LANGUAGES, PATIENT, Words, load_words
from hemapilots.texts import fold

__all__ = ["PATIENT_OF", "Scan", "scan"]


@dataclass
class Scan:
    """profile: a text table; draft: a mapping as YAML; summary: one sentence."""

    profile: str
    draft: str
    summary: str


# How a mapping names the patient where the reader, and not a header, says who that is.
PATIENT_OF = {"fhir": "Patient.id", "omop": "person.person_id"}


def scan(extract: Path, use_case: str, config: Path, reader: str | None = None, language: str | None = None) -> Scan:
    """Reads every column of an extract, shows what is in it, and guesses which is which variable of the use case.

    Raises HemaPilotsError where the extract cannot be read or no column resembles a variable.
    """
    from hemapilots.harmonize.reading.units import load_factors
    from hemapilots.hospital import load_use_case

    if language is not None and language not in LANGUAGES:
        raise HemaPilotsError(f"--language {language}: not a known language; {nearest(language, LANGUAGES)}")
    source, resolved = load_use_case(use_case, config)
    words, factors = load_words(), load_factors(RESOURCES / "units" / "factors.csv")
    reader, tables = read_extract(extract, reader)
    lookups, tables = [table for table in tables if table.lookup], [table for table in tables if not table.lookup]
    name_diagnoses(tables, resolved.get("codes") or {})
    profiles = {table.alias: [profile_column(column, words) for column in table.columns] for table in tables}
    language = language or language_of([profile for found in profiles.values() for profile in found], words)
    tables, patient = _patients(tables, profiles, words)
    for table in tables:
        _by_patient(table, profiles, words)
    patient = PATIENT_OF.get(reader, patient)
    _form_of_numbers(tables, profiles)
    guesses, others = match({table.alias: profiles[table.alias] for table in tables}, resolved, words, language)
    if not guesses:
        raise HemaPilotsError(
            f"{extract}: no column resembles a variable of {use_case}; check that the use case and --reader are right"
        )
    proposals = [
        (guess, propose(guess, resolved["variables"][guess.variable], factors, words, language)) for guess in guesses
    ]
    matched = {(guess.table, guess.profile.column.selector) for guess in guesses}
    shown = show([*tables, *lookups], profiles, language, reader, matched)
    used = {guess.table for guess in guesses} | {table.alias for table in tables[1:] if variant_columns(table)}
    tables = [table for place, table in enumerate(tables) if place == 0 or table.alias in used]
    text = draft(use_case, reader, language, patient, [*tables, *lookups], proposals, others, profiles, resolved)
    # What is drafted must load: a header that no YAML can carry would be noticed here and not by the reader of the draft.
    needed = still_needed(Mapping.model_validate(yaml.safe_load(text)), source.value)
    unmapped = sum(bool(proposal.unmapped) for _, proposal in proposals)
    summary = (
        f"{len(guesses)} of {len(resolved['variables'])} variables proposed, {unmapped} of them with values left to map"
    )
    return Scan(shown, text + "".join(f"{line}\n" for line in needed), summary)


def _patients(tables: list[Table], profiles: dict[str, list[Profile]], words: Words) -> tuple[list[Table], str]:
    """(tables, that with one row per patient and most columns first; the column that names patients)."""
    for table in tables:
        if table.patient is None:
            table.patient = _patient_column(profiles[table.alias], words)
        column = next((p for p in profiles[table.alias] if p.column.selector == table.patient), None)
        if column is not None and column.n and not table.settled:
            table.repeated = table.repeated or column.distinct < 0.95 * column.n
    order = sorted(tables, key=lambda table: (table.repeated, table.patient is None, -len(table.columns), table.path))
    first = order[0].patient
    return order, first or order[0].columns[0].selector


def _by_patient(table: Table, profiles: dict[str, list[Profile]], words: Words) -> None:
    """Counts patients instead of rows, where the column that names them was just found."""
    column = next((column for column in table.columns if column.selector == table.patient), None)
    if column is None or column.patients is not None:
        return
    patients = patient_codes(column.texts)
    if len(pd.unique(patients)) < len(patients):
        table.count_for(patients)
        profiles[table.alias] = [profile_column(column, words) for column in table.columns]


def _patient_column(profiles: list[Profile], words: Words) -> str | None:
    """A header that means the patient's number, else the column with most different values."""
    for profile in profiles:
        if any(variable == PATIENT for variable, _ in words.by_header.get(fold(profile.column.selector), ())):
            return profile.column.selector
    for profile in profiles:
        if names_a_patient(profile.column.selector):
            return profile.column.selector
    for profile in profiles:
        if fold(profile.column.selector).split()[-1:] == ["id"] or fold(profile.column.selector) in ("id", "patient"):
            return profile.column.selector
    unique = [profile for profile in profiles if profile.kind == "identifier" and profile.distinct >= 0.95 * profile.n]
    return unique[0].column.selector if unique else None


def _form_of_numbers(tables: list[Table], profiles: dict[str, list[Profile]]) -> None:
    """The decimal mark of a file, where its numbers agree on the comma."""
    for table in tables:
        marks = [profile.decimal for profile in profiles[table.alias] if profile.decimal]
        if marks.count(",") > marks.count("."):
            table.form["decimal"] = ","
