"""Writes a folder of OMOP CDM 5.4 tables as CSV, all columns of the specification that are needed and some that are not."""

import csv
import re
from pathlib import Path

import numpy as np

from extracts.cells import Tables

__all__ = ["write"]

# Concepts of UCUM units in the OMOP vocabulary.
UNITS = {
    "g/dL": 8713,
    "g/L": 8636,
    "mg/dL": 8840,
    "umol/L": 8749,
    "mmol/L": 8753,
    "10*9/L": 9444,
    "/uL": 8647,
    "ng/mL": 8842,
    "U/L": 8645,
    "%": 8554,
    "mg/L": 8751,
}
_SELECTOR = re.compile(r"(?P<table>\w+)(?:\.(?P<field>\w+))?(?:\[(?P<codes>.*)\])?")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_START = {
    "condition_occurrence": ("condition_concept_id", "condition_start_date"),
    "procedure_occurrence": ("procedure_concept_id", "procedure_date"),
    "drug_exposure": ("drug_concept_id", "drug_exposure_start_date"),
}


def write(tables: Tables, folder: Path, seed: int = 0) -> None:
    """person.csv, measurement.csv and so on inside the folder that the mapping names; a row of another person between them."""
    rng, found = np.random.default_rng(seed), {"person": [], "observation_period": []}
    (alias, form), *_ = tables.mapping["files"].items()
    first, key = tables.files[alias], tables.files[alias].columns[0]
    ids = dict(zip(first[key], (rng.permutation(len(first)) + 1).tolist(), strict=True))
    for row in first.to_dict("records"):
        found["person"].append(_person(row, row[key], ids[row[key]]))
        if row.get("death.death_date"):
            entry = {"person_id": ids[row[key]], "death_date": row["death.death_date"], "death_type_concept_id": 32817}
            found.setdefault("death", []).append(entry)
        if row.get("observation_period.end"):
            period = {"person_id": ids[row[key]], "observation_period_start_date": "2000-01-01"}
            found["observation_period"].append(period | {"observation_period_end_date": row["observation_period.end"]})
    for table in tables.files.values():
        for row in table.to_dict("records"):
            for selector, text in row.items():
                if (entry := _entry(selector, text, row, rng)) is not None:
                    name, cells = entry
                    found.setdefault(name, []).append({"person_id": ids[row[key]], **cells})
    target = folder / form["path"]
    target.mkdir(parents=True, exist_ok=True)
    for name, rows in found.items():
        order = range(len(rows)) if name == "person" else rng.permutation(len(rows))
        _write(target / f"{name}.csv", name, [rows[place] for place in order])


def _person(row: dict, patient: str, number: int) -> dict:
    birth = row.get("person.birth_date")
    year, month, day = birth.split("-") if birth else ("", "", "")
    return {
        "person_id": number,
        "gender_concept_id": row.get("person.gender_concept_id") or 0,
        "year_of_birth": year,
        "month_of_birth": month,
        "day_of_birth": day,
        "race_concept_id": 0,
        "location_id": number,
        "person_source_value": patient,
    }


def _entry(selector: str, text: str | None, row: dict, rng) -> tuple[str, dict] | None:
    """The table and the row of one cell, None for a blank one."""
    parts = _SELECTOR.fullmatch(selector)
    if not parts or not parts["codes"] or not text or selector.endswith(" unit"):
        return None
    codes = [int(code) for code in parts["codes"].split(",")]
    table, concept = parts["table"], codes[rng.integers(0, len(codes))]
    if table in _START:
        column, date = _START[table]
        return table, {column: concept, date: text}
    found = {f"{table}_concept_id": concept, f"{table}_date": row["sampled"]}
    unit = row.get(f"{selector} unit")
    if unit is not None and _NUMBER.fullmatch(text):
        found |= {"value_as_number": text}
        # Some rows name the unit by its concept, others as the laboratory wrote it.
        by_concept = unit in UNITS and rng.random() < 0.5
        found |= {"unit_concept_id": UNITS[unit]} if by_concept else {"unit_concept_id": 0, "unit_source_value": unit}
    elif text.isdigit() and len(text) > 5:
        found |= {"value_as_concept_id": text}
    else:
        found |= {"value_as_string": text} if table == "observation" else {"value_source_value": text}
    return table, found


def _write(path: Path, table: str, rows: list[dict]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    if table in ("measurement", "observation"):
        wanted = (
            "value_as_number",
            "value_as_concept_id",
            "unit_concept_id",
            "unit_source_value",
            "value_source_value",
        )
        names += [name for name in (*wanted, "value_as_string") if name not in names]
        names += ["operator_concept_id"] if table == "measurement" else []
    with open(path, "w", encoding="utf-8", newline="") as stream:
        own = [] if table in ("person", "death") else [f"{table}_id"]
        writer = csv.DictWriter(stream, [*own, *names], restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(dict.fromkeys(own, 1000 + number) | row for number, row in enumerate(rows))
