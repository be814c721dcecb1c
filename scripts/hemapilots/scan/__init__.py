"""Profiles a new extract and drafts its mapping. Nothing leaves: the profile and the draft are for the hospital's own eyes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from hemapilots.config.mapping import Mapping
from hemapilots.config.shapes import nearest
from hemapilots.errors import HemaPilotsError
from hemapilots.paths import RESOURCES
from hemapilots.scan.draft import draft, variant_columns
from hemapilots.scan.identity import names_a_patient, of_a_patient
from hemapilots.scan.match import language_of, match
from hemapilots.scan.needed import name_diagnoses, still_needed
from hemapilots.scan.profile import Profile, profile_column
from hemapilots.scan.propose import propose
from hemapilots.scan.show import show
from hemapilots.scan.tables import Table, patient_codes, read_extract
from hemapilots.scan.words import LANGUAGES, PATIENT, Words, load_words
from hemapilots.support import MINIMUM_SUPPORT
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
        _by_patient(table, profiles, words, first=table is tables[0])
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
    sure = {table.alias: table.patient is not None for table in tables}
    for table in tables:
        if table.patient is None:
            table.patient, sure[table.alias] = _patient_column(profiles[table.alias], words)
        _count_rows(table)
    unsure = [table for table in tables if not sure[table.alias]]
    anchor = _anchor(tables, unsure, profiles)
    for table in unsure:
        if anchor and table is not anchor and table.patient != anchor.patient:
            table.patient, table.repeated = _shared_column(table, profiles[table.alias], anchor), False
            _count_rows(table)
    order = sorted(tables, key=_rank)
    first = order[0].patient
    return order, first or order[0].columns[0].selector


def _rank(table: Table) -> tuple:
    return table.repeated, table.patient is None, -len(table.columns), table.path


def _count_rows(table: Table) -> None:
    """Whether many rows are of one patient, by the column that names them."""
    names = _ids(table, table.patient)
    if names and not table.settled:
        table.repeated = table.repeated or len(set(names)) < 0.95 * len(names)


def _ids(table: Table, selector: str | None) -> list[str]:
    """The names of patients in a column, one per row that has one."""
    column = next((column for column in table.columns if column.selector == selector), None)
    texts = [] if column is None else [str(text).strip() for text in column.texts.dropna()]
    return [text for text in texts if text]


def _anchor(tables: list[Table], unsure: list[Table], profiles: dict[str, list[Profile]]) -> Table | None:
    """The table whose column of patients is sure, else the one whose column's texts stand in most of the others."""
    named = sorted((table for table in tables if table.patient), key=_rank)
    certain = [table for table in named if table not in unsure]
    if certain or not named:
        return certain[0] if certain else None
    others = {
        one.alias: sum(
            _shared_column(table, profiles[table.alias], one) is not None for table in tables if table is not one
        )
        for one in named
    }
    return max(named, key=lambda table: others[table.alias])


def _shared_column(table: Table, profiles: list[Profile], anchor: Table) -> str | None:
    """The column that holds names of patients of another table: nearly all its texts are, and more of them than in other columns."""
    known, most, found = set(_ids(anchor, anchor.patient)), 0, None
    for profile in profiles:
        here = {str(text).strip() for text in profile.column.texts.categories} - {""}
        common = len(here & known)
        # Counts and grades are small numbers as some names of patients are: a number must bring half of them.
        likely = profile.kind in ("identifier", "text", "category") or common >= 0.5 * len(known)
        if common > most and common >= 0.9 * len(here) and common >= MINIMUM_SUPPORT and likely:
            most, found = common, profile.column.selector
    return found


def _by_patient(table: Table, profiles: dict[str, list[Profile]], words: Words, first: bool) -> None:
    """Counts patients instead of rows, where the column that names them was just found. Of a file beside that of the patients, where none
    names them, all rows count as one patient: nobody knows how many stand behind what is in it."""
    column = next((column for column in table.columns if column.selector == table.patient), None)
    if column is None and table.patient is None and not first:
        table.count_for(np.zeros(table.rows, dtype=int))
        profiles[table.alias] = [profile_column(column, words) for column in table.columns]
        return
    if column is None or column.patients is not None:
        return
    patients = patient_codes(column.texts)
    if len(pd.unique(patients)) < len(patients):
        table.count_for(patients)
        profiles[table.alias] = [profile_column(column, words) for column in table.columns]


def _patient_column(profiles: list[Profile], words: Words) -> tuple[str | None, bool]:
    """(a header that means the patient's number, else one that may, else the column with most different values; whether it is sure)."""
    headers = [profile.column.selector for profile in profiles]
    known = [name for name in headers if any(what == PATIENT for what, _ in words.by_header.get(fold(name), ()))]
    for name in [*known, *(name for name in headers if names_a_patient(name))]:
        if of_a_patient(name):
            return name, True
    likely = [*known, *(name for name in headers if names_a_patient(name))]
    likely += [name for name in headers if fold(name).split()[-1:] == ["id"] or fold(name) in ("id", "patient")]
    likely += [p.column.selector for p in profiles if p.kind == "identifier" and p.distinct >= 0.95 * p.n]
    return next(iter(likely), None), False


def _form_of_numbers(tables: list[Table], profiles: dict[str, list[Profile]]) -> None:
    """The decimal mark of a file, where its numbers agree on the comma."""
    for table in tables:
        marks = [profile.decimal for profile in profiles[table.alias] if profile.decimal]
        if marks.count(",") > marks.count("."):
            table.form["decimal"] = ","
