"""FHIR resources and OMOP tables as columns, one per code, named as a mapping names them."""

import json
from collections import defaultdict
from pathlib import Path

import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.scan.tables import Column, Table
from hemapilots.scan.text_files import alias_of, read_parquet_files, read_text_table

__all__ = ["read_fhir", "read_omop"]

# Resource -> (word of the selector, keys that hold its date).
EVENTS = {
    "Condition": ("onset", ("onsetDateTime", "recordedDate")),
    "Procedure": ("performed", ("performedDateTime", "occurrenceDateTime")),
    "MedicationStatement": ("start", ("effectiveDateTime",)),
}
OMOP_EVENTS = {
    "condition_occurrence": ("condition_occurrence.start", "condition_concept_id", "condition_start_date"),
    "procedure_occurrence": ("procedure_occurrence.date", "procedure_concept_id", "procedure_date"),
    "drug_exposure": ("drug_exposure.start", "drug_concept_id", "drug_exposure_start_date"),
}


# Standard concepts of OMOP's gender domain.
GENDER = {"8507": "male", "8532": "female"}


class _Cells:
    """Collects values, units and names per selector."""

    def __init__(self):
        self.values, self.units, self.names, self.codes = defaultdict(list), defaultdict(list), {}, {}

    def add(self, selector: str, value, unit=None, name: str | None = None, code: str | None = None) -> None:
        self.values[selector].append("" if value is None else str(value))
        self.units[selector].append("" if unit is None else str(unit))
        if name:
            self.names.setdefault(selector, str(name))
        if code:
            self.codes.setdefault(selector, str(code))

    def extend(self, selector: str, values, units, name: str | None, code: str | None) -> None:
        """Many cells of one selector at once."""
        self.add(selector, None, None, name, code)
        self.values[selector][-1:] = [str(value) for value in values]
        self.units[selector][-1:] = [str(unit) for unit in units]

    def columns(self) -> list[Column]:
        return [
            Column(
                selector,
                pd.Categorical(cells),
                pd.Categorical(self.units[selector]) if any(self.units[selector]) else None,
                (self.names[selector],) if selector in self.names else (),
                (self.codes[selector],) if selector in self.codes else (),
                GENDER if selector == "person.gender_concept_id" else {},
            )
            for selector, cells in self.values.items()
        ]


def read_fhir(folder: Path, files: list[Path]) -> list[Table]:
    """One table per file: Patient fields, and a column per code of observations, conditions, procedures and medications."""
    tables = []
    for path in files:
        cells = _Cells()
        for resource in _resources(path):
            _add_resource(cells, resource)
        path_text = str(path.relative_to(folder))
        repeated = "Patient.gender" not in cells.values
        tables.append(Table(alias_of(path, tables), path_text, cells.columns(), patient="", repeated=repeated))
    return tables


def _resources(path: Path):
    from orjson import JSONDecodeError, loads

    raw = path.read_bytes()
    try:
        if path.suffix.lower() == ".ndjson":
            found = [loads(line) for line in raw.splitlines() if line.strip()]
        else:
            whole = loads(raw)
            found = whole if isinstance(whole, list) else [whole]
    except (JSONDecodeError, RecursionError):
        raise HemaPilotsError(f"{path}: not readable JSON; ask for the export again") from None
    for item in found:
        if not isinstance(item, dict):
            continue
        if item.get("resourceType") == "Bundle":
            entries = item.get("entry") or []
            yield from (e["resource"] for e in entries if isinstance(e, dict) and isinstance(e.get("resource"), dict))
        else:
            yield item


def _add_resource(cells: _Cells, resource: dict) -> None:
    kind = resource.get("resourceType")
    if kind == "Patient":
        cells.add("Patient.gender", resource.get("gender"), name="sex")
        cells.add("Patient.birthDate", resource.get("birthDate"), name="birth date")
        died = resource.get("deceasedDateTime", resource.get("deceasedBoolean"))
        cells.add("Patient.deceased", json.dumps(died) if isinstance(died, bool) else died, name="date of death")
        return
    concept = resource.get("code") or resource.get("medicationCodeableConcept") or {}
    concept = concept.get("concept", concept) if isinstance(concept, dict) else {}
    codings = [coding for coding in concept.get("coding") or [] if isinstance(coding, dict) and coding.get("code")]
    if not codings:
        return
    code, name = str(codings[0]["code"]), codings[0].get("display") or concept.get("text")
    if kind == "Observation":
        quantity = resource.get("valueQuantity")
        value, unit = _value(resource, quantity)
        cells.add(f"Observation[{code}]", value, unit, name, code)
    elif kind in EVENTS:
        word, keys = EVENTS[kind]
        date = next((resource[key] for key in keys if isinstance(resource.get(key), str)), None)
        cells.add(f"{kind}.{word}[{code}]", date, name=name, code=code)


def _value(resource: dict, quantity) -> tuple:
    if isinstance(quantity, dict):
        return quantity.get("value"), quantity.get("code") or quantity.get("unit")
    coded = resource.get("valueCodeableConcept")
    if isinstance(coded, dict):
        codings = [coding for coding in coded.get("coding") or [] if isinstance(coding, dict)]
        return (codings[0].get("code") if codings else coded.get("text")), None
    return next((resource[key] for key in sorted(resource) if key.startswith("value")), None), None


def read_omop(folder: Path, files: list[Path]) -> list[Table]:
    """One table per OMOP table that mappings can name; a column per concept."""
    tables = []
    for path in sorted(files, key=lambda path: (path.stem.lower() != "person", path.name)):
        name = path.stem.lower()
        if name not in ("person", "death", "measurement", "observation", "observation_period", *OMOP_EVENTS):
            continue
        frame = _frame(folder, path)
        cells = _Cells()
        _OMOP.get(name, _add_events)(cells, frame, name)
        path_text = str(path.relative_to(folder))
        tables.append(Table(alias_of(path, tables), path_text, cells.columns(), patient="", repeated=name != "person"))
    return tables


def _frame(folder: Path, path: Path) -> pd.DataFrame:
    if path.suffix.lower() == ".parquet":
        columns = read_parquet_files(folder, [path])[0].columns
        frame = pd.DataFrame({column.selector: column.texts.astype(object) for column in columns})
    else:
        frame = read_text_table(path)[0]
    return frame.rename(columns=str.lower)


def _add_person(cells: _Cells, frame: pd.DataFrame, name: str) -> None:
    for text in frame.get("gender_concept_id", ()):
        cells.add("person.gender_concept_id", text, name="sex")
    birth = frame.get("birth_datetime", frame.get("year_of_birth", ()))
    for text in birth:
        cells.add("person.birth_date", text, name="birth date")


def _add_death(cells: _Cells, frame: pd.DataFrame, name: str) -> None:
    for text in frame.get("death_date", ()):
        cells.add("death.death_date", text, name="date of death")


def _add_period(cells: _Cells, frame: pd.DataFrame, name: str) -> None:
    for text in frame.get("observation_period_end_date", ()):
        cells.add("observation_period.end", text, name="date of last contact")


def _add_values(cells: _Cells, frame: pd.DataFrame, name: str) -> None:
    blank = pd.Series([""] * len(frame), index=frame.index)

    def column(key: str) -> pd.Series:
        return frame.get(f"{name}_{key}", frame.get(key, blank)).astype(str)

    values = column("value_as_number")
    for other in ("value_as_string", "value_source_value", "value_as_concept_id"):
        values = values.where(values.str.strip() != "", column(other))
    units = column("unit_source_value")
    table = pd.DataFrame({"value": values, "unit": units, "label": column("source_value")})
    for concept, part in table.groupby(column("concept_id"), sort=False):
        cells.extend(f"{name}[{concept}]", part["value"], part["unit"], part["label"].iloc[0], concept)


def _add_events(cells: _Cells, frame: pd.DataFrame, name: str) -> None:
    selector, concept, date = OMOP_EVENTS[name]
    label = frame.get(concept.replace("_concept_id", "_source_value"), pd.Series([""] * len(frame)))
    for code, day, text in zip(frame.get(concept, ()), frame.get(date, ()), label, strict=False):
        cells.add(f"{selector}[{code}]", day, name=text, code=code)


_OMOP = {
    "person": _add_person,
    "death": _add_death,
    "observation_period": _add_period,
    "measurement": _add_values,
    "observation": _add_values,
}
