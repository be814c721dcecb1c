"""Reader of FHIR R4 and R5: files or folders of ndjson, bundles, lists, packed or not. `column` is a selector.

    Patient.gender, .birthDate, .deceased, .deceasedBoolean, .deceasedDateTime
    Observation[718-7], Observation.effective[718-7]          codes may be written system|code
    Condition.onset[C92.0], .recorded[...], .abatement[...]
    Procedure.performed[...], MedicationStatement.start[...], .end[...]

`patient_id` is `Patient.id` or `Patient.identifier[system]`. A variable may name the `file` that counts; else all do.
Values of Patient are records; everything else is observations, dated by what the resource says of when it holds.
`Patient.deceased` is true or false for a variable with `values`, else the date of death.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.delivered import Delivered, Remark
from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.fhir.codes import FORMS, PATIENT_FORMS, CodeIndex
from hemapilots.ingest.fhir.files import content_type, resource_files, resources
from hemapilots.ingest.fhir.patients import Patients
from hemapilots.ingest.fhir.resources import Reading
from hemapilots.ingest.fhir.values import Malformed
from hemapilots.ingest.selectors import Target, patient_selector, targets_of

__all__ = ["check", "read"]

_QUICK = 1 << 22


def read(folder: Path, mapping: dict) -> Delivered:
    """Patients in order of delivery, and the values under the mapped codes; see `hemapilots.delivered`."""
    files, targets, patient_id = _plan(folder, mapping)
    where = _where(folder, files)
    patients = Patients(patient_id, [target for target in targets if target.selector.table == "Patient"], where)
    coded = [target for target in targets if target.selector.table != "Patient"]
    reading = Reading(coded, patients, where)
    for alias, paths in files.items():
        reading.use(CodeIndex(coded, alias, mapping))
        for path in paths:
            _read_file(path, reading)
    _check_kinds(where, set(reading.kinds), targets, mapping)
    return _delivered(patients, reading, where)


def check(folder: Path, mapping: dict) -> None:
    """Raises HemaPilotsError where a selector is wrong, a file is absent, or the start of one is not FHIR.

    Whether the wanted kinds of resources are there is looked at where all files are small.
    """
    files, targets, _ = _plan(folder, mapping)
    kinds, whole = set(), True
    for path in (path for paths in files.values() for path in paths):
        kinds |= {content_type(found.resource) for found in resources(path, limit=_QUICK)}
        with path.open("rb") as file:
            whole &= file.read(2) != b"\x1f\x8b" and path.stat().st_size < _QUICK
    if whole:
        _check_kinds(_where(folder, files), kinds, targets, mapping)


def _plan(folder: Path, mapping: dict):
    targets = targets_of(mapping, FORMS)
    patient_id = patient_selector(mapping, PATIENT_FORMS)
    for alias in mapping.get("files") or {"": None}:
        CodeIndex(targets, alias, mapping)
    return resource_files(folder, mapping), targets, patient_id


def _where(folder: Path, files: dict[str, list[Path]]) -> str:
    """What errors about the whole export name: its file, or the folder."""
    paths = [path for group in files.values() for path in group]
    return str(paths[0] if len(paths) == 1 else paths[0].parent if len(files) == 1 else folder)


def _read_file(path: Path, reading: Reading) -> None:
    row = 0
    for found in resources(path):
        try:
            reading.take(found.resource, row, found.address)
        except Malformed as error:
            raise HemaPilotsError(
                f"{path}, {found.unit} {found.place}: {content_type(found.resource)}.{error} is not built as FHIR says; mend the export"
            ) from None
        row += 1


def _check_kinds(where: str, kinds: set, targets: list[Target], mapping: dict) -> None:
    for kind, name in [("Patient", "patient_id"), *((target.selector.table, target.where) for target in targets)]:
        if kind not in kinds:
            raise HemaPilotsError(
                f"{where}: there is no {kind} resource, but mapping {mapping.get('name', '')} wants it "
                f"({name.rpartition(', ')[2]}); deliver it, or mend the mapping"
            )


def _delivered(patients: Patients, reading: Reading, where: str) -> Delivered:
    records = patients.records()
    reading.join_medications()
    table, ids = reading.table, pd.Index(list(patients.ids), dtype=object)
    of_patient = patients.resolve(list(table.patients))
    if len(table) and not (of_patient >= 0).any():
        raise HemaPilotsError(f"{where}: no resource refers to one of its Patients; deliver both from the same export")
    observations, said = table.finish(ids, np.asarray(of_patient, dtype=np.int64))
    strangers, values = table.strangers(of_patient)
    if strangers:
        detail = f"{values} values refer to Patients who are not in the export"
        said.insert(0, Remark(None, "rejected", "ineligible", detail, strangers))
    if patients.dead_undated:
        said.append(
            Remark(None, "null", "missing", "Patient.deceasedBoolean without a date of death", patients.dead_undated)
        )
    return Delivered(records, observations, remarks=[*reading.remarks(), *said])
