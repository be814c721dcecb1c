"""Writes a folder of OMOP CDM 5.4 tables as CSV, all columns of the specification that are needed and some that are not."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.synthesis.extracts.source import Tables
from hemapilots.synthesis.extracts.text import write_rows

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
# Concepts of the operators of a value that lies beyond what can be measured.
OPERATORS = {"<": "4171756", ">": "4172704"}
_SELECTOR = re.compile(r"(?P<table>\w+)(?:\.(?P<field>\w+))?(?:\[(?P<codes>.*)\])?")
_NUMBER = r"[<>]?-?[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?"
_DATES = {
    "condition_occurrence": ("condition_concept_id", "condition_start_date"),
    "procedure_occurrence": ("procedure_concept_id", "procedure_date"),
    "drug_exposure": ("drug_concept_id", "drug_exposure_start_date"),
}
_VALUES = ("value_as_number", "value_as_concept_id", "unit_concept_id", "unit_source_value")
_DEATH_TYPE = 32817


def write(tables: Tables, folder: Path, seed=0) -> list[Path]:
    """person.csv, measurement.csv and so on inside the folder that the mapping names; returns their paths."""
    rng, alias = np.random.default_rng(seed), next(iter(tables.mapping["files"]))
    target = folder / tables.mapping["files"][alias]["path"]
    target.mkdir(parents=True, exist_ok=True)
    first = tables.files[alias]
    ids = pd.Series(rng.permutation(len(first)) + 1, index=first.iloc[:, 0])
    found = {"person": [_persons(first, ids)], "observation_period": [], **_patient_tables(first, ids)}
    for table in tables.files.values():
        persons = ids[table.iloc[:, 0]].to_numpy()
        for selector in table:
            parts = _SELECTOR.fullmatch(selector)
            if parts and parts["codes"]:
                found.setdefault(parts["table"], []).append(_entries(parts, selector, table, persons, rng))
    return [_write(target, name, parts, rng) for name, parts in found.items()]


def _persons(table: pd.DataFrame, ids: pd.Series) -> pd.DataFrame:
    blank = pd.Series("", index=table.index)
    birth = table.get("person.birth_date", blank).fillna("").str.split("-", expand=True).reindex(columns=range(3))
    return pd.DataFrame(
        {
            "person_id": ids.to_numpy(),
            "gender_concept_id": table.get("person.gender_concept_id", blank).fillna("").replace("", 0),
            "year_of_birth": birth[0],
            "month_of_birth": birth[1],
            "day_of_birth": birth[2],
            "race_concept_id": 0,
            "location_id": ids.to_numpy(),
            "person_source_value": ids.index,
        }
    )


def _patient_tables(table: pd.DataFrame, ids: pd.Series) -> dict[str, list[pd.DataFrame]]:
    """Deaths and observation periods, where the source has them."""
    found = {}
    for name, selector, column, constants in (
        ("death", "death.death_date", "death_date", {"death_type_concept_id": _DEATH_TYPE}),
        ("observation_period", "observation_period.end", "observation_period_end_date",
         {"observation_period_start_date": "2000-01-01"}),
    ):  # fmt: skip
        if selector in table:
            rows = pd.DataFrame({"person_id": ids.to_numpy(), **constants, column: table[selector]})
            found[name] = [rows[~rows[column].isin(["", None])]]
    return found


def _entries(parts: re.Match, selector: str, table: pd.DataFrame, persons: np.ndarray, rng) -> pd.DataFrame:
    """The rows of one selector; a blank cell gives none."""
    cells = table[selector].fillna("").to_numpy(dtype=object)
    kept = np.flatnonzero(cells != "")
    codes = np.array([int(code) for code in parts["codes"].split(",")])
    name, cells, concept = parts["table"], cells[kept], codes[rng.integers(0, len(codes), len(kept))]
    if name in _DATES:
        column, date = _DATES[name]
        return pd.DataFrame({"person_id": persons[kept], column: concept, date: cells})
    rows = {
        "person_id": persons[kept],
        f"{name}_concept_id": concept,
        f"{name}_date": table["sampled"].to_numpy()[kept],
    }
    rows |= dict.fromkeys(_VALUES, "")
    texts = pd.Series(cells, dtype=object)
    unit = table.get(f"{selector} unit")
    if unit is None:
        coded = texts.str.isdigit() & (texts.str.len() > 5)
        rows["value_as_concept_id"] = texts.where(coded, "").to_numpy()
        rows["value_as_string" if name == "observation" else "value_source_value"] = texts.where(~coded, "").to_numpy()
        return pd.DataFrame(rows)
    return pd.DataFrame(rows | _quantities(texts, unit.to_numpy()[kept], rng))


def _quantities(texts: pd.Series, units: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Numbers with their unit by its concept in some rows and as the laboratory wrote it in others; the rest as text."""
    numbers = texts.str.fullmatch(_NUMBER).to_numpy()
    concept = pd.Series(units).map(UNITS)
    by_concept = numbers & concept.notna().to_numpy() & (rng.random(len(texts)) < 0.5)
    sign = texts.str[0].map(OPERATORS)
    return {
        "value_as_number": np.where(numbers, texts.str.lstrip("<>"), ""),
        "operator_concept_id": np.where(numbers, sign.fillna(""), ""),
        "unit_concept_id": np.where(by_concept, concept.fillna(0).astype(int), 0),
        "unit_source_value": np.where(by_concept | ~numbers, "", units),
        "value_source_value": np.where(numbers, "", texts),
    }


def _write(target: Path, name: str, parts: list[pd.DataFrame], rng: np.random.Generator) -> Path:
    """The rows of a table, those of person in their order."""
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"person_id": []})
    if name != "person":
        rows = rows.iloc[rng.permutation(len(rows))]
    if name not in ("person", "death"):
        rows.insert(0, f"{name}_id", np.arange(1000, 1000 + len(rows)))
    columns = [rows[column].fillna("").to_numpy() for column in rows]
    write_rows(target / f"{name}.csv", list(rows), columns)
    return target / f"{name}.csv"
