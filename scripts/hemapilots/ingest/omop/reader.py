"""Reader of the OMOP CDM 5.4: a folder of CSV or Parquet tables, a DuckDB or SQLite file, or PostgreSQL. `column` is a selector.

    person.gender_concept_id, .gender_source_value, .birth_date, .year_of_birth
    measurement[3000963], observation[...], measurement.date[...], observation.date[...]
    condition_occurrence.start[...], .end[...], procedure_occurrence.date[...], drug_exposure.start[...], .end[...]
    death.death_date, death.cause_concept_id, observation_period.start, .end, visit_occurrence.start, .end

`patient_id` is `person.person_id` or `person.person_source_value`. Columns of person are records; everything else is
observations. A value is its number with the sign of its operator, else the concept of the value, else its text.
`row` counts the rows of a table that were read, those of the mapped concepts; a database gives them by primary key.
"""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.delivered import Delivered, Remark
from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.long_table import LongTable, codes_of, day_text
from hemapilots.ingest.omop.forms import BIRTH, EVENTS, FORMS, PATIENT_FORMS, concept_ids, plain_id, unit_names
from hemapilots.ingest.omop.persons import read_persons
from hemapilots.ingest.omop.sql import UNIT_CONCEPT, dates_query, values_query
from hemapilots.ingest.selectors import Target, patient_selector, targets_of

__all__ = ["check", "read"]


def read(folder: Path, mapping: dict) -> Delivered:
    """Persons in order of the table, and the values under the mapped concepts; see `hemapilots.delivered`."""
    plan = _Plan(mapping)
    with _source(folder, mapping) as source:
        _check_columns(source, plan)
        persons = read_persons(source, plan.patient_id, plan.persons)
        table = LongTable(plan.long, source.where)
        said = [remark for name in plan.tables for remark in _read_table(source, name, plan, table, persons)]
    ids = pd.Index(persons.ids, dtype=object)
    of_patient = persons.positions(list(table.patients))
    if len(table) and not (of_patient >= 0).any():
        raise HemaPilotsError(
            f"{source.where}: no value belongs to a row of person; deliver tables of the same database"
        )
    observations, unused = table.finish(ids, of_patient)
    return Delivered(persons.records, observations, remarks=[*said, *unused])


def check(folder: Path, mapping: dict) -> None:
    """Raises HemaPilotsError where a selector is wrong, the source cannot be opened, or a table or column is absent."""
    plan = _Plan(mapping)
    with _source(folder, mapping) as source:
        _check_columns(source, plan)


class _Plan:
    """What a mapping wants: the selectors of person, those of the long tables, and by which columns and concepts."""

    def __init__(self, mapping: dict):
        targets = targets_of(mapping, FORMS)
        self.patient_id = patient_selector(mapping, PATIENT_FORMS).field
        self.persons = [target for target in targets if target.selector.table == "person"]
        self.long = [target for target in targets if target.selector.table != "person"]
        self.tables: dict[str, list[tuple[int, Target]]] = defaultdict(list)
        self.concepts: dict[int, frozenset[int]] = {}
        for number, target in enumerate(self.long):
            self.tables[target.selector.table].append((number, target))
            self.concepts[number] = concept_ids(target)

    def ids(self, table: str) -> list[int]:
        """The mapped concepts of a table."""
        return sorted({concept for number, _ in self.tables[table] for concept in self.concepts[number]})

    def coded(self, table: str) -> tuple[list[int], list[int]]:
        """Concepts of variables without declared values, and the value concepts that the others declare."""
        free, named = set(), set()
        for number, target in self.tables[table]:
            named |= {int(key) for key in target.keys if key.isascii() and key.isdigit() and len(key) < 19}
            free |= self.concepts[number] if not target.keys else set()
        return sorted(free), sorted(named)

    def columns(self, table: str) -> list[str]:
        """The columns without which a table cannot be read."""
        if table in ("measurement", "observation"):
            return ["person_id", f"{table}_concept_id", f"{table}_date"]
        concept, fields = EVENTS[table]
        dates = [fields[target.selector.field] for _, target in self.tables[table]]
        return list(dict.fromkeys(["person_id", *([concept] if concept else []), *dates]))


def _source(folder: Path, mapping: dict):
    if mapping.get("database"):
        from hemapilots.ingest.omop.postgres import PostgresTables

        return PostgresTables(mapping["database"])
    from hemapilots.ingest.omop.tables import open_extract

    return open_extract(folder, mapping, ("person", "measurement", "observation", *EVENTS))


def _check_columns(source, plan: _Plan) -> None:
    fields = [target.selector.field for target in plan.persons]
    wanted = {"person": ["person_id", plan.patient_id, *(field for field in fields if field != "birth_date")]}
    for table in {"person": None, **plan.tables}:
        columns = source.columns(table)
        if columns is None:
            by = next((f" ({target.where.rpartition(', ')[2]})" for _, target in plan.tables.get(table, [])), "")
            raise HemaPilotsError(
                f"{source.where}: there is no table {table}, but the mapping wants it{by}; deliver it, or mend the mapping"
            )
        for column in wanted.get(table) or plan.columns(table):
            if column not in columns:
                raise HemaPilotsError(f'{source.where}, table {table}: no column "{column}"; export it as OMOP CDM 5.4')
        if table == "person" and "birth_date" in fields and not {*BIRTH} & {*columns}:
            raise HemaPilotsError(
                f'{source.where}, table person: no column "birth_datetime" or "year_of_birth"; export it as OMOP CDM 5.4'
            )


def _read_table(source, name: str, plan: _Plan, table: LongTable, persons) -> list[Remark]:
    """Puts the rows of one table into the long table; returns what is to be said of them."""
    columns, relation, ids = source.columns(name), source.relation(name), plan.ids(name)
    valued = name in ("measurement", "observation")
    if valued:
        query = values_query(relation, columns, name, ids, plan.coded(name), source.dialect)
    else:
        concept, _ = EVENTS[name]
        dates = [column for column in plan.columns(name) if column not in ("person_id", concept)]
        query = dates_query(relation, columns, name, dates, concept, ids, source.dialect)
    reading = _Rows(name, plan, table, persons)
    for batch in source.rows(name, query):
        reading.take(dict(zip(query.names, batch, strict=True)))
    return reading.remarks()


class _Rows:
    """Batches of one table on their way into the long table."""

    def __init__(self, name: str, plan: _Plan, table: LongTable, persons):
        self.name, self.plan, self.table, self.persons = name, plan, table, persons
        self.row, self.concepts, self.empty, self.by_concept = 0, {}, defaultdict(int), 0
        self.seen = np.zeros(0, dtype=bool)
        self.units = unit_names()

    def take(self, batch: dict) -> None:
        """One batch: column -> array of text."""
        values, units, days = self.table.texts
        length = len(batch["person"])
        row = np.arange(self.row, self.row + length, dtype=np.int64)
        self.row += length
        patient = codes_of(batch["person"], self.table.patients, plain_id)
        self.seen = np.append(self.seen, np.zeros(len(self.table.patients) - len(self.seen), dtype=bool))
        self.seen[patient[patient >= 0]] = True
        concept = codes_of(batch["concept"], self.concepts, plain_id) if "concept" in batch else None
        parts = {}
        if "value" in batch:
            import pyarrow.compute as pc

            self.by_concept += pc.sum(pc.starts_with(batch["unit"], UNIT_CONCEPT)).as_py() or 0
            parts = {
                "value": codes_of(batch["value"], values),
                "unit": codes_of(batch["unit"], units, self._unit),
                "date": codes_of(batch["date"], days, day_text),
            }
        for number, target in self.plan.tables[self.name]:
            here = np.ones(length, dtype=bool) if concept is None else self._of(number, concept)
            self._add(number, target, batch, parts, here, row, patient)

    def _of(self, number: int, concept: np.ndarray) -> np.ndarray:
        wanted = {str(identifier) for identifier in self.plan.concepts[number]}
        codes = [code for text, code in self.concepts.items() if text in wanted]
        return np.isin(concept, codes)

    def _add(self, number: int, target: Target, batch: dict, parts: dict, here, row, patient) -> None:
        if parts and not target.selector.field:
            value, unit, date = parts["value"], parts["unit"], parts["date"]
        else:
            column = "date" if parts else EVENTS[self.name][1][target.selector.field]
            value, unit, date = codes_of(batch[column], self.table.texts[0], day_text), None, None
        full = here & (value >= 0)
        self.empty[target.name] += int(here.sum() - full.sum())
        self.table.extend(
            number,
            row[full],
            patient[full],
            (value[full], None if unit is None else unit[full], None if date is None else date[full]),
        )

    def _unit(self, text: str) -> str:
        return self.units.get(text.removeprefix(UNIT_CONCEPT), text) if text.startswith(UNIT_CONCEPT) else text

    def remarks(self) -> list[Remark]:
        """Rows without a value, units named by their concept, and persons who have no record."""
        found = [
            Remark(name, "null", "missing", f"rows of {self.name} without a value", count)
            for name, count in self.empty.items()
            if count
        ]
        if self.by_concept:
            found.append(
                Remark(None, "mapped", None, f"units of {self.name} named by unit_concept_id", self.by_concept)
            )
        texts = list(self.table.patients)
        positions = self.persons.positions([texts[code] for code in np.flatnonzero(self.seen)])
        if strangers := int((positions < 0).sum()):
            found.append(Remark(None, "rejected", "ineligible", f"only in {self.name}", strangers))
        return found
