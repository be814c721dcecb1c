"""FHIR resources and OMOP tables as columns, one per code, named as a mapping names them.

A code of fewer than MINIMUM_SUPPORT patients is no column, and what a source calls a code is shown only where it does so for as
many patients: both could be the text of one patient.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.ingest.fhir.files import resources
from hemapilots.ingest.fhir.values import LOINC, Malformed, date_of, items, obj, text
from hemapilots.ingest.omop.forms import plain_id, unit_names
from hemapilots.scan.concepts import read_concepts
from hemapilots.scan.databases import database_frames
from hemapilots.scan.tables import SUFFIXES, Column, Table, patient_codes
from hemapilots.scan.text_files import alias_of, read_parquet_files, read_text_table
from hemapilots.support import MINIMUM_SUPPORT

__all__ = ["read_fhir", "read_omop"]

SNOMED = ("http://snomed.info/sct", "urn:oid:2.16.840.1.113883.6.96")
# Resource -> field of a selector -> elements that hold its date, as the reader reads them. The first field that has a
# date stands for the resource, the very first where none has.
EVENTS = {
    "Condition": {"onset": ("onsetDateTime", "onsetPeriod"), "recorded": ("recordedDate",)},
    "Procedure": {"performed": ("performedDateTime", "performedPeriod", "occurrenceDateTime", "occurrencePeriod")},
    "MedicationStatement": {"start": ("effectiveDateTime", "effectivePeriod")},
}
OMOP_EVENTS = {
    "condition_occurrence": ("condition_occurrence.start", "condition_concept_id", "condition_start_date"),
    "procedure_occurrence": ("procedure_occurrence.date", "procedure_concept_id", "procedure_date"),
    "drug_exposure": ("drug_exposure.start", "drug_concept_id", "drug_exposure_start_date"),
}
# Fields of a person and of their follow-up: selector -> (table, columns, what they are).
OMOP_FIELDS = {
    "person.gender_concept_id": ("person", ("gender_concept_id",), "sex"),
    "person.birth_date": ("person", ("birth_datetime", "year_of_birth"), "birth date"),
    "death.death_date": ("death", ("death_date",), "date of death"),
    "observation_period.end": ("observation_period", ("observation_period_end_date",), "date of last contact"),
}
OMOP_TABLES = ("person", "death", "measurement", "observation", "observation_period", *OMOP_EVENTS)
# Standard concepts of OMOP's gender domain.
GENDER = {"8507": "male", "8532": "female"}


class _Cells:
    """Collects, per selector, what stands in its cells, of whom, in which unit, and what the source calls it."""

    def __init__(self, standard: Path | None = None):
        self.standard, self.remarks = standard, []
        self.parts = defaultdict(lambda: ([], [], [], []))
        self.fixed, self.codes = {}, {}
        # Per selector what coded values mean, in the source's words; they serve to tell levels and are not shown.
        self.meanings = defaultdict(dict, {"person.gender_concept_id": GENDER})

    def add(self, selector: str, value, who, unit=None, said=None, *, name=None, code=None) -> None:
        """One cell. said: how the source calls the code here; name: what a column without a code is."""
        self.extend(selector, [value], [who], [unit], [said], name=name, code=code)

    def extend(self, selector: str, values, who, units, said, *, name=None, code=None) -> None:
        """Many cells of one selector at once."""
        for part, more in zip(self.parts[selector], (values, who, units, said), strict=True):
            part.extend("" if one is None else str(one) for one in more)
        if name:
            self.fixed[selector] = name
        if code is not None:
            self.codes[selector] = str(code)

    def table(self, alias: str, path: str, repeated: bool) -> Table:
        """The columns; codes of few patients are only counted."""
        columns, rare = [], 0
        concepts = read_concepts(self.standard, {*self.codes.values()}) if self.standard else {}
        for selector, (values, who, units, said) in self.parts.items():
            patients = patient_codes(pd.Categorical(who))
            if selector in self.codes and len(np.unique(patients)) < MINIMUM_SUPPORT:
                rare += 1
                continue
            own, called = concepts.get(self.codes.get(selector), ("", ""))
            name = self.fixed.get(selector) or called or _common(said, patients)
            columns.append(
                Column(
                    selector,
                    pd.Categorical(values),
                    pd.Categorical(units) if any(units) else None,
                    (name,) if name else (),
                    tuple(filter(None, (self.codes.get(selector), own))),
                    self.meanings[selector],
                    patients,
                )
            )
        remarks = [*self.remarks, *([f"{rare} other codes of fewer than {MINIMUM_SUPPORT} patients"] if rare else [])]
        return Table(alias, path, columns, patient="", repeated=repeated, remarks=remarks)


def _common(said: list[str], patients: np.ndarray) -> str | None:
    """What most patients' cells call a code; None where none of it stands on enough of them."""
    pairs = pd.DataFrame({"said": [one.strip() for one in said], "who": patients}).drop_duplicates()
    counts = pairs.loc[pairs["said"] != "", "said"].value_counts()
    counts = counts[counts >= MINIMUM_SUPPORT]
    return min(counts.index[counts == counts.max()]) if len(counts) else None


def read_fhir(folder: Path, files: list[Path]) -> list[Table]:
    """One table per file: Patient fields, and a column per code of observations, conditions, procedures and medications."""
    tables = []
    for path in files:
        cells = _Cells()
        for located in resources(path):
            try:
                _add_resource(cells, located.resource)
            except Malformed:
                # A reader would count it; a scan looks at what can be read.
                continue
        repeated = "Patient.gender" not in cells.parts
        tables.append(cells.table(alias_of(path, tables), str(path.relative_to(folder)), repeated))
    return tables


def _add_resource(cells: _Cells, resource: dict) -> None:
    kind = resource.get("resourceType")
    if kind == "Patient":
        who = text(resource, "id")
        cells.add("Patient.gender", _plain(resource.get("gender")), who, name="sex")
        cells.add("Patient.birthDate", _plain(resource.get("birthDate")), who, name="birth date")
        died = resource.get("deceasedDateTime", resource.get("deceasedBoolean"))
        cells.add("Patient.deceased", _plain(died), who, name="date of death")
        return
    concept = obj(resource, "medicationCodeableConcept") if "code" not in resource else obj(resource, "code")
    concept = obj(resource, "medication") if concept is None else concept
    concept = (obj(concept, "concept") or concept) if concept else {}
    coding = _preferred(concept)
    if coding is None:
        return
    code, said = text(coding, "code"), text(coding, "display") or text(concept, "text")
    if kind == "Observation":
        value, unit = _value(resource)
        meant = _preferred(obj(resource, "valueCodeableConcept") or {})
        if meant and text(meant, "display"):
            cells.meanings[f"Observation[{code}]"].setdefault(value, text(meant, "display"))
        cells.add(f"Observation[{code}]", value, _subject(resource), unit, said, code=code)
    elif kind in EVENTS:
        dates = {field: _date(resource, elements) for field, elements in EVENTS[kind].items()}
        field = next((field for field, date in dates.items() if date), next(iter(dates)))
        cells.add(f"{kind}.{field}[{code}]", dates[field], _subject(resource), None, said, code=code)


def _preferred(concept: dict) -> dict | None:
    """The coding of a concept in a system that all hospitals know, LOINC before SNOMED CT, else its first one."""
    found = [coding for coding in items(concept, "coding") if text(coding, "code")]
    return min(found, key=_rank, default=None)


def _rank(coding: dict) -> int:
    system = text(coding, "system")
    return 0 if system in LOINC else 1 if system in SNOMED else 2


def _date(resource: dict, elements: tuple[str, ...]) -> str | None:
    try:
        return date_of(resource, *elements)
    except Malformed:
        return None


def _subject(resource: dict) -> str | None:
    """Whose resource it is, as it is referred to; all without a subject count as one patient."""
    subject = obj(resource, "subject") or obj(resource, "patient") or {}
    return text(subject, "reference") or text(obj(subject, "identifier") or {}, "value")


def _value(resource: dict) -> tuple:
    quantity = obj(resource, "valueQuantity")
    if quantity is not None:
        return _plain(quantity.get("value")), text(quantity, "code") or text(quantity, "unit")
    coded = obj(resource, "valueCodeableConcept")
    if coded is not None:
        found = _preferred(coded)
        return text(found, "code") if found else text(coded, "text"), None
    return next((_plain(resource[key]) for key in sorted(resource) if key.startswith("value")), None), None


def _plain(value) -> str | None:
    """A text, number or truth value; None for what is built of several."""
    if isinstance(value, bool):
        return json.dumps(value)
    return str(value) if isinstance(value, str | int | float) else None


def read_omop(folder: Path, files: list[Path]) -> list[Table]:
    """One table per OMOP table that mappings can name, of files or of a database; a column per concept."""
    tables, standard = [], next((path for path in files if path.stem.lower() == "concept"), None)
    for name, path, frame in _omop_frames(folder, files):
        cells = _Cells(standard)
        for selector, (table, columns, what) in OMOP_FIELDS.items():
            column = next((column for column in columns if column in frame), None)
            if table == name and column:
                blank = [""] * len(frame)
                cells.extend(selector, frame[column], _texts(frame, "person_id"), blank, blank, name=what)
        if name in ("measurement", "observation"):
            _add_values(cells, frame, name)
        elif name in OMOP_EVENTS:
            selector, concept, date = OMOP_EVENTS[name]
            source = concept.replace("_concept_id", "_source_value")
            _by_concept(cells, frame, selector, concept, _texts(frame, date), _texts(frame, ""), _texts(frame, source))
        tables.append(
            cells.table(alias_of(Path(name), tables), str(path.relative_to(folder)), repeated=name != "person")
        )
    return tables


def _omop_frames(folder: Path, files: list[Path]) -> Iterator[tuple[str, Path, pd.DataFrame]]:
    """Name, file and text of each table, persons first."""
    databases = [path for path in files if SUFFIXES[path.suffix.lower()] == "omop"]
    if databases:
        yield from ((name, databases[0], frame) for name, frame in database_frames(folder, databases[0], OMOP_TABLES))
        return
    for path in sorted(files, key=lambda path: (path.stem.lower() != "person", path.name)):
        if path.stem.lower() in OMOP_TABLES:
            yield path.stem.lower(), path, _frame(folder, path)


def _frame(folder: Path, path: Path) -> pd.DataFrame:
    if path.suffix.lower() == ".parquet":
        columns = read_parquet_files(folder, [path])[0].columns
        frame = pd.DataFrame({column.selector: column.texts.astype(object) for column in columns})
    else:
        frame = read_text_table(path)[0]
    frame = frame.rename(columns=lambda name: str(name).strip().lower())
    return frame.loc[:, ~frame.columns.duplicated()]


def _texts(frame: pd.DataFrame, column: str) -> pd.Series:
    """A column as text, blank where the table lacks it."""
    return frame[column].astype(str) if column in frame else pd.Series([""] * len(frame), index=frame.index)


def _add_values(cells: _Cells, frame: pd.DataFrame, name: str) -> None:
    def column(key: str) -> pd.Series:
        own = f"{name}_{key}"
        return _texts(frame, own if own in frame else key)

    coded = column("value_as_concept_id").map(plain_id).replace("0", "")
    values = column("value_as_number")
    for other in (column("value_as_string"), column("value_source_value"), coded):
        values = values.where(values.str.strip() != "", other)
    units = column("unit_source_value")
    units = units.where(units.str.strip() != "", column("unit_concept_id").map(plain_id).map(unit_names()).fillna(""))
    concept = f"{name}_concept_id"
    if cells.standard:
        names = read_concepts(cells.standard, set(coded) & set(values))
        for code in set(_texts(frame, concept).map(plain_id)):
            cells.meanings[f"{name}[{code}]"] = {value: called for value, (_, called) in names.items() if called}
    _by_concept(cells, frame, name, concept, values, units, column("source_value"))


def _by_concept(cells: _Cells, frame: pd.DataFrame, selector: str, concept: str, values, units, said) -> None:
    """Rows without a standard concept are of many kinds and no column; they are only counted."""
    table = pd.DataFrame({"value": values, "who": _texts(frame, "person_id"), "unit": units, "said": said})
    for code, part in table.groupby(_texts(frame, concept).map(plain_id), sort=False):
        if code in ("", "0"):
            patients = part["who"].nunique()
            cells.remarks.append(
                f"rows of {patients if patients >= MINIMUM_SUPPORT else 'few'} patients have no standard concept ({concept} 0 or blank); "
                "only what the source maps to one can be read"
            )
            continue
        cells.extend(f"{selector}[{code}]", part["value"], part["who"], part["unit"], part["said"], code=code)
