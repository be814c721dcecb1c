"""A dirty extract of a few cells, taken through ingestion and harmonization: for the tests of the numbered dirty-data cases.

    run(tmp_path, {"hb": ["9,8", "NA"]}, {"hb": {"type": "number", "unit": "g/dL"}}, {"files": {"main": {"decimal": ","}}})

writes one CSV with these columns, a `patient_id`, and a follow-up of one year that ends in death, unless they are given.
"""

import csv
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.config.mapping import Mapping
from hemapilots.config.use_case import UseCase
from hemapilots.harmonize.engine import harmonize
from hemapilots.harmonize.reading.units import load_factors
from hemapilots.ingest.readers import ingest
from hemapilots.paths import RESOURCES

FACTORS = load_factors(RESOURCES / "units" / "factors.csv")
NAME = "clinic"
MAIN = "main"
OUTCOME = {
    "os_years": {"type": "number", "unit": "a", "known_at": "outcome", "hard": [0, 60]},
    "os_status": {"type": "flag", "known_at": "outcome"},
}
# Whom dates follow: what a use case of the tests calls them, but for the index date and the outcomes.
DATED = {"last_contact": "contact", "birth": "birth", "death": "death", "status": "vital"}
OS = {"os": {"label": "Overall survival", "time": "os_years", "event": "os_status"}}


@dataclass
class Outcome:
    """What harmonization made of the extract; rows count from 0 in the order of the extract."""

    harmonized: pd.DataFrame
    issues: pd.DataFrame
    flow: dict

    @property
    def rows(self) -> list[int]:
        """The rows that are left."""
        return self.harmonized["row"].tolist()

    def value(self, variable: str, row: int = 0):
        """The harmonized value of a cell; None where it is unknown."""
        value = self.harmonized.loc[self.harmonized["row"] == row, variable].item()
        return None if pd.isna(value) else value

    def values(self, variable: str) -> list:
        """A whole column of the records that are left; None where a value is unknown."""
        return [None if pd.isna(value) else value for value in self.harmonized[variable]]

    def said(self, variable: str, row: int | None = 0) -> list[tuple]:
        """(status, reason) of each issue of a cell; of the whole column with row None."""
        issues = self.issues[self.issues["variable"] == variable]
        issues = issues[issues["row"].isna() if row is None else (issues["row"] == row).fillna(False)]
        return [(status, reason) for status, reason in zip(issues["status"], issues["reason"], strict=True)]

    def count(self, variable: str, status: str, reason: str | None) -> int:
        """How many cells or rows stand in the issues of a variable under a status and a reason."""
        issues = self.issues[(self.issues["variable"] == variable) & (self.issues["status"] == status)]
        same = issues["reason"].isna() if reason is None else issues["reason"] == reason
        return int(issues.loc[same, "count"].sum())


def run(
    tmp_path: Path,
    columns: dict[str, list[str]],
    variables: dict[str, dict],
    mapping: dict | None = None,
    use_case: dict | None = None,
    files: dict[str, dict[str, list[str]]] | None = None,
) -> Outcome:
    """Writes the extract, ingests and harmonizes it.

    columns: header -> cells of the first file. variables: entries of the use case; `label` and `known_at` have defaults.
    A variable that a header is named after is mapped to it, in its own unit; `mapping` is merged over that, so
    {"variables": {"hb": {"column": "Hb", "unit": "g/L"}}} is enough. use_case: other keys, such as `checks`.
    files: further files by alias, each with its columns; `patient_id` is needed there.
    """
    mapping, use_case = resolved(columns, variables, mapping, use_case, files)
    write(tmp_path, columns, mapping, files)
    return Outcome(*harmonize(ingest(tmp_path, mapping), use_case, mapping, FACTORS))


def resolved(columns: dict, variables: dict, mapping: dict | None, use_case: dict | None, files: dict | None = None):
    """The mapping and the use case as plain dictionaries with every default, checked by the models of the configuration."""
    use_case = deepcopy(use_case or {})
    outcome = {} if "endpoints" in use_case else OUTCOME
    variables = {name: {"label": name, "known_at": "index"} | spec for name, spec in {**variables, **outcome}.items()}
    head = {"name": "small", "title": "Small", "index_date": "diagnosis", "horizons": [1], "predictor_sets": {}}
    head |= {"endpoints": OS, "primary_endpoint": next(iter(use_case.get("endpoints", OS)))}
    whole = UseCase.model_validate(head | {"variables": variables} | use_case).model_dump(mode="json")

    headers = {MAIN: [*columns, *outcome], **{alias: list(cells) for alias, cells in (files or {}).items()}}
    own = {
        name: {"column": name, "file": alias} | ({"unit": spec["unit"]} if "unit" in spec else {})
        for name, spec in variables.items()
        for alias, found in headers.items()
        if name in found
    }
    base = {
        "use_case": "small",
        "patient_id": "patient_id",
        "missing": ["NA", ""],
        "files": {alias: {"path": f"{alias}.csv"} for alias in headers},
        "variables": own,
    }
    merged = _merge(base, deepcopy(mapping or {}))
    return Mapping.model_validate(merged).model_dump(mode="json") | {"name": NAME}, whole


def write(folder: Path, columns: dict, mapping: dict, files: dict | None = None) -> None:
    """Writes the files of the extract in the form that the mapping states."""
    n = len(next(iter(columns.values())))
    given = {"patient_id": [f"p{place}" for place in range(n)], **columns}
    for name, spec in mapping["variables"].items():
        if name in OUTCOME and spec["column"] not in given:
            given[spec["column"]] = ["1"] * n
    for alias, cells in {MAIN: given, **(files or {})}.items():
        form = mapping["files"][alias]
        with open(folder / form["path"], "w", encoding=form.get("encoding") or "utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=form.get("delimiter") or ",", lineterminator="\n")
            writer.writerow(cells)
            writer.writerows(zip(*cells.values(), strict=True))


def days(text: str) -> float:
    """A date as the days since 1970-01-01 that expressions see."""
    return float(np.datetime64(text, "D").astype(int))


def _merge(base: dict, more: dict) -> dict:
    merged = dict(base)
    for key, value in more.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict) and key != "missing"
        merged[key] = _merge(base[key], value) if both else value
    return merged
