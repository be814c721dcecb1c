"""The person table as records."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.assemble import categorical
from hemapilots.ingest.long_table import day_text
from hemapilots.ingest.omop.forms import plain_id
from hemapilots.ingest.omop.sql import person_query
from hemapilots.ingest.selectors import Target
from hemapilots.texts import BLANKS

__all__ = ["Persons", "birth_dates", "read_persons"]

_BIRTH_PARTS = ("birth_datetime", "year_of_birth", "month_of_birth", "day_of_birth")


@dataclass
class Persons:
    """records: as delivered; ids: distinct patient ids; of_person: person_id as text -> position in ids."""

    records: pd.DataFrame
    ids: np.ndarray
    of_person: dict[str, int]

    def positions(self, persons: list[str]) -> np.ndarray:
        """Position in `ids` of each person, -1 for one without a record."""
        return np.array([self.of_person.get(person, -1) for person in persons], dtype=np.int64)


def read_persons(source, patient_id: str, targets: list[Target]) -> Persons:
    """Reads the columns of person that are wanted; raises HemaPilotsError where there is no person or one has no id."""
    columns = source.columns("person")
    fields = [target.selector.field for target in targets]
    wanted = ["person_id", patient_id, *(field for field in fields if field != "birth_date")]
    wanted += [part for part in _BIRTH_PARTS if "birth_date" in fields and part in columns]
    wanted = list(dict.fromkeys(wanted))
    query = person_query(source.relation("person"), columns, wanted, source.dialect)
    cells = {name: [] for name in wanted}
    for batch in source.rows("person", query):
        for name, column in zip(query.names, batch, strict=True):
            cells[name] += column.to_pylist()
    persons = [None if text is None else plain_id(text) for text in cells["person_id"]]
    ids = persons if patient_id == "person_id" else cells[patient_id]
    _check(source, ids, persons, patient_id)
    ids = np.array([text.strip(BLANKS) for text in ids], dtype=object)
    numbers, distinct = pd.factorize(ids)
    found: dict = {"row": np.arange(len(ids), dtype=np.int64), "patient_id": ids}
    for name, texts in _columns(source, cells, targets).items():
        found[name] = categorical(texts)
    return Persons(pd.DataFrame(found), distinct, dict(zip(persons, numbers.tolist(), strict=True)))


def _check(source, ids: list, persons: list, patient_id: str) -> None:
    if not ids:
        raise HemaPilotsError(f"{source.where}, table person: there is no row; ask for the extract again")
    without = sum(text is None or not text.strip(BLANKS) for text in ids) + sum(person is None for person in persons)
    if without:
        rows = "1 row has" if without == 1 else f"{without} rows have"
        raise HemaPilotsError(f'{source.where}, table person: {rows} no "{patient_id}"; complete or remove them')


def _columns(source, cells: dict, targets: list[Target]) -> dict[str, list]:
    found: dict[str, list] = {}
    for target in targets:
        name, field = target.name, target.selector.field
        texts = birth_dates(cells) if field == "birth_date" else _plain(cells[field])
        if name in found and any(texts) and any(found[name]):
            raise HemaPilotsError(
                f"{source.where}: the column and an alias of {name} both carry values; name the one that counts in {target.where}.column"
            )
        if name not in found or any(texts):
            found[name] = texts
    return found


def _plain(texts: list) -> list:
    return [None if text is None else plain_id(text) for text in texts]


def birth_dates(cells: dict[str, list]) -> list[str | None]:
    """birth_datetime, else year-month-day, year-month or year: as much of it as is stated."""
    length = len(cells["person_id"])
    times, *parts = (cells.get(name) or [None] * length for name in _BIRTH_PARTS)
    found = []
    for time, *date in zip(times, *map(_plain, parts), strict=True):
        stated = [part for place, part in enumerate(date) if None not in date[: place + 1]]
        found.append(day_text(time) if time else "-".join(part.zfill(2) for part in stated) or None)
    return found
