"""Writes FHIR R4 resources as ndjson, one file per kind, in an order of its own."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.synthesis.extracts.inverse import by_distinct
from hemapilots.synthesis.extracts.source import Tables

__all__ = ["write"]

LOINC, UCUM, LOCAL = "http://loinc.org", "http://unitsofmeasure.org", "http://hospital.example/codes"
SYSTEMS = {
    "Condition": "http://hl7.org/fhir/sid/icd-10",
    "Procedure": "http://snomed.info/sct",
    "MedicationStatement": "http://www.whocc.no/atc",
}
# The element that dates a resource without a value.
DATED = {
    "Condition": "onsetDateTime",
    "Procedure": "performedDateTime",
    "MedicationStatement": "effectiveDateTime",
}
_SELECTOR = re.compile(r"(?P<kind>\w+)(?:\.(?P<field>\w+))?(?:\[(?P<codes>.*)\])?")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?")
_LOINC_CODE = re.compile(r"[0-9]{3,6}-[0-9]")
# How many of the blank observations are sent all the same, to say that nothing was measured.
_SAID = 0.3


def write(tables: Tables, folder: Path, seed=0) -> list[Path]:
    """Patient.ndjson, Observation.ndjson and so on inside the folder that the mapping names; returns their paths."""
    rng, alias = np.random.default_rng(seed), next(iter(tables.mapping["files"]))
    target = folder / tables.mapping["files"][alias]["path"]
    target.mkdir(parents=True, exist_ok=True)
    first, found = tables.files[alias], {}
    for table in tables.files.values():
        patients = by_distinct(table.iloc[:, 0], _escaped)
        for selector in table:
            parts = _SELECTOR.fullmatch(selector)
            if parts and parts["codes"]:
                found.setdefault(parts["kind"], []).append(_resources(parts, selector, table, patients, rng))
    texts = {"Patient": _patients(first)} | {kind: _shuffled(made, rng) for kind, made in found.items()}
    for kind, lines in texts.items():
        (target / f"{kind}.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [target / f"{kind}.ndjson" for kind in texts]


def _shuffled(parts: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    lines = np.concatenate(parts)
    return lines[rng.permutation(len(lines))]


def _patients(table: pd.DataFrame) -> list[str]:
    names = ("Patient.gender", "Patient.birthDate", "Patient.deceasedDateTime", "Patient.deceased")
    cells = [table[name] if name in table else [None] * len(table) for name in names]
    return [_patient(*row) for row in zip(table.iloc[:, 0], *cells, strict=True)]


def _patient(patient: str, gender, birth, death, dead) -> str:
    resource = {"resourceType": "Patient", "id": patient, "name": [{"family": "Nobody"}], "telecom": [{"value": "555"}]}
    resource |= {"gender": gender} if gender else {}
    resource |= {"birthDate": birth} if birth else {}
    if death:
        resource["deceasedDateTime"] = death + "T03:00:00+02:00"
    elif dead:
        resource["deceasedBoolean"] = dead == "true"
    return json.dumps(resource, ensure_ascii=False)


def _resources(parts: re.Match, selector: str, table: pd.DataFrame, patients: np.ndarray, rng) -> np.ndarray:
    """One line of JSON per cell; a cell that is not there gives none, a blank one may say that nothing was measured."""
    kind, cells, codes = parts["kind"], table[selector].to_numpy(), [code.strip() for code in parts["codes"].split(",")]
    blank, absent = np.equal(cells, ""), np.equal(cells, None)
    measured = kind == "Observation" and not parts["field"]
    said = blank & (rng.random(len(cells)) < _SAID) if measured else np.zeros(len(cells), dtype=bool)
    kept = np.flatnonzero(~absent & (~blank | said))
    heads = np.array([_head(kind, code) for code in codes], dtype=object)[rng.integers(0, len(codes), len(kept))]
    lines = heads + patients[kept]
    if not measured:
        element = "effectiveDateTime" if kind == "Observation" else DATED[kind]
        return lines + f'"}},"{element}":"' + cells[kept] + '"}'
    units = table[f"{selector} unit"].to_numpy()[kept] if f"{selector} unit" in table else np.full(len(kept), None)
    lines = lines + '"},"effectiveDateTime":"' + table["sampled"].to_numpy()[kept] + 'T08:30:00Z",'
    return lines + _values(cells[kept], units) + "}"


def _head(kind: str, code: str) -> str:
    """The beginning of a resource, up to the patient's id."""
    status = {"status": "final"} if kind == "Observation" else {}
    named = "medicationCodeableConcept" if kind == "MedicationStatement" else "code"
    resource = {"resourceType": kind, **status, named: _concept(kind, code), "subject": {"reference": "Patient/"}}
    return json.dumps(resource, ensure_ascii=False).removesuffix('"}}')


def _escaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _concept(kind: str, code: str) -> dict:
    system, bar, plain = code.rpartition("|")
    if not bar:
        system = LOINC if _LOINC_CODE.fullmatch(plain) else SYSTEMS.get(kind, LOCAL)
    return {"coding": [{"system": "http://hospital.example/other", "code": "x1"}, {"system": system, "code": plain}]}


def _values(cells: np.ndarray, units: np.ndarray) -> np.ndarray:
    """The value of each observation as a member of its JSON object; a number needs a unit."""
    out = np.empty(len(cells), dtype=object)
    for unit in pd.unique(units):
        here = units == unit if unit is not None else np.equal(units, None)

        def member(cell: str, unit=unit) -> str:
            return json.dumps(_value(cell, unit), ensure_ascii=False)[1:-1]

        out[here] = by_distinct(cells[here], member)
    return out


def _value(text: str, unit: str | None) -> dict:
    if text == "":
        return {"dataAbsentReason": {"coding": [{"code": "not-performed"}]}}
    comparator = text[0] if text[0] in "<>" else ""
    number = text.removeprefix(comparator) if comparator else text
    if unit is not None and _NUMBER.fullmatch(number):
        quantity = {"value": float(number), "unit": unit, "system": UCUM, "code": unit}
        return {"valueQuantity": quantity | ({"comparator": comparator} if comparator else {})}
    if text.startswith("LA"):
        return {"valueCodeableConcept": {"coding": [{"system": LOINC, "code": text}]}}
    return {"valueString": text}
