"""Writes FHIR R4 resources as ndjson, one file per kind, in an order of its own."""

import json
import re
from pathlib import Path

import numpy as np

from extracts.cells import Tables

__all__ = ["write"]

LOINC, UCUM, LOCAL = "http://loinc.org", "http://unitsofmeasure.org", "http://hospital.example/codes"
SYSTEMS = {"Condition": "http://hl7.org/fhir/sid/icd-10", "Procedure": "http://snomed.info/sct"}
_SELECTOR = re.compile(r"(?P<kind>\w+)(?:\.(?P<field>\w+))?(?:\[(?P<codes>.*)\])?")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def write(tables: Tables, folder: Path, seed: int = 0) -> None:
    """Patient.ndjson, Observation.ndjson and so on inside the folder that the mapping names."""
    rng, found = np.random.default_rng(seed), {"Patient": []}
    (alias, form), *_ = tables.mapping["files"].items()
    key = tables.files[alias].columns[0]
    for row in tables.files[alias].to_dict("records"):
        found["Patient"].append(_patient(row, row[key]))
    for table in tables.files.values():
        for row in table.to_dict("records"):
            for selector, text in row.items():
                for resource in _resources(selector, text, row, row[key], rng):
                    found.setdefault(resource["resourceType"], []).append(resource)
    target = folder / form["path"]
    target.mkdir(parents=True, exist_ok=True)
    for kind, resources in found.items():
        order = range(len(resources)) if kind == "Patient" else rng.permutation(len(resources))
        lines = [json.dumps(resources[place], ensure_ascii=False) for place in order]
        (target / f"{kind}.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _patient(row: dict, patient: str) -> dict:
    resource = {"resourceType": "Patient", "id": patient, "name": [{"family": "Nobody"}], "telecom": [{"value": "555"}]}
    resource |= {"gender": row["Patient.gender"]} if row.get("Patient.gender") else {}
    resource |= {"birthDate": row["Patient.birthDate"]} if row.get("Patient.birthDate") else {}
    if row.get("Patient.deceasedDateTime"):
        resource["deceasedDateTime"] = row["Patient.deceasedDateTime"] + "T03:00:00+02:00"
    elif row.get("Patient.deceased"):
        resource["deceasedBoolean"] = row["Patient.deceased"] == "true"
    return resource


def _resources(selector: str, text: str | None, row: dict, patient: str, rng) -> list[dict]:
    """The resource of one cell; one that is not there is left out, a blank one may say that it is unknown."""
    parts = _SELECTOR.fullmatch(selector)
    if not parts or not parts["codes"] or selector.endswith(" unit") or text is None:
        return []
    codes = [code.strip() for code in parts["codes"].split(",")]
    kind, code = parts["kind"], codes[rng.integers(0, len(codes))]
    resource = {"resourceType": kind, "subject": {"reference": f"Patient/{patient}"}, "code": _concept(kind, code)}
    if kind == "Observation":
        resource |= {"status": "final"}
        if parts["field"] == "effective":
            return [resource | {"effectiveDateTime": text}] if text else []
        resource |= {"effectiveDateTime": row["sampled"] + "T08:30:00Z"}
        if text == "":
            absent = {"dataAbsentReason": {"coding": [{"code": "not-performed"}]}}
            return [resource | absent] if rng.random() < 0.3 else []
        return [resource | _value(text, row.get(f"{selector} unit"))]
    if not text:
        return []
    element = {
        "Condition": "onsetDateTime",
        "Procedure": "performedDateTime",
        "MedicationStatement": "effectiveDateTime",
    }[kind]
    return [resource | {element: text}]


def _concept(kind: str, code: str) -> dict:
    system, bar, plain = code.rpartition("|")
    if not bar:
        loinc = re.fullmatch(r"[0-9]{3,6}-[0-9]", plain)
        system = LOINC if loinc else SYSTEMS.get(kind, LOCAL)
    return {"coding": [{"system": "http://hospital.example/other", "code": "x1"}, {"system": system, "code": plain}]}


def _value(text: str, unit: str | None) -> dict:
    if unit is not None and _NUMBER.fullmatch(text):
        return {"valueQuantity": {"value": float(text), "unit": unit, "system": UCUM, "code": unit}}
    if text.startswith("LA"):
        return {"valueCodeableConcept": {"coding": [{"system": LOINC, "code": text}]}}
    return {"valueString": text}
