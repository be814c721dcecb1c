"""A delivered extract by patient: which rows are one record, and every cell that may become the value of a variable."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from hemapilots.delivered import Delivered, declared_columns, section_of
from hemapilots.harmonize.findings import Harmonized
from hemapilots.harmonize.reading.dates import parse_dates
from hemapilots.harmonize.reading.missing import declared_codes, sentinels_of

__all__ = ["Column", "Source", "declared_of", "file_of", "without_patients"]


@dataclass
class Column:
    """The cells of one variable: texts and what goes with them, the record of each (-1 for none), its sample date.

    repeated: whether they come from a table with many rows per patient.
    """

    texts: pd.Categorical
    target: np.ndarray
    units: pd.Categorical | None = None
    uln: pd.Categorical | None = None
    dates: Harmonized | None = None
    date_texts: pd.Categorical | None = None
    repeated: bool = False


class Source:
    """Records are patients, in the order of their first row; `rows` are the numbers of these rows.

    merge: false makes each row a record, and none of several measurements is chosen: they must agree.
    """

    def __init__(self, delivered: Delivered, mapping: dict, merge: bool = True):
        records, self.mapping = delivered.records, mapping
        self.records = records
        codes, ids = pd.factorize(records["patient_id"])
        self.ids = np.asarray(ids, dtype=object)
        self.delivered, self.merge = len(records), merge
        first = np.full(len(ids), -1, dtype=np.int64)
        first[codes[::-1]] = np.arange(len(records), dtype=np.int64)[::-1]
        self.first = first if merge else np.arange(len(records), dtype=np.int64)
        self.target = np.asarray(codes, dtype=np.int64) if merge else self.first
        self.merged = len(first) < len(records)
        self.n = len(self.first)
        self.rows = records["row"].to_numpy(dtype=np.int64)[self.first]
        self._variants, self._observations = delivered.variants, delivered.observations
        patients = first if not merge else np.arange(len(ids), dtype=np.int64)
        self._places = _by_variable(self._observations)
        self._record_of = _lookup(self._observations, self.ids, patients) if self._places else None
        self._days: dict[tuple, np.ndarray] = {}

    @property
    def variants(self) -> pd.DataFrame:
        """The variants table."""
        return self._variants

    @property
    def patients(self) -> np.ndarray:
        """The patient id of each record, object."""
        return np.asarray(self.records["patient_id"], dtype=object)[self.first]

    def texts(self, name: str) -> np.ndarray | None:
        """A column of the records table as text, of the first row of each patient; None where there is none."""
        if name not in self.records:
            return None
        values = np.asarray(self.records[name], dtype=object)[self.first]
        return np.where(pd.isna(values), None, values)

    def column(self, name: str, declared: dict) -> Column:
        """All cells of a mapped variable or auxiliary column."""
        parts = []
        if name in self.records:
            parts.append(self._of_records(name, declared))
        if name in self._places:
            parts.append(self._of_observations(name, declared))
        if not parts:
            nothing = pd.Categorical([None] * self.delivered, categories=pd.Index([], dtype=object))
            return Column(nothing, self.target)
        return parts[0] if len(parts) == 1 else _joined(*parts)

    def _of_records(self, name: str, declared: dict) -> Column:
        texts, units, uln, days = (
            _categorical(self.records[key]) if key in self.records else None
            for key in (name, f"{name}__unit", f"{name}__uln", f"{name}__date")
        )
        dates = None if days is None else self._parsed(days, name, declared)
        return Column(texts, self.target, units, uln, dates, days)

    def _of_observations(self, name: str, declared: dict) -> Column:
        places = self._places[name]
        texts, units, uln = (
            _compact(_categorical(self._observations[key]), places) if key in self._observations else None
            for key in ("value", "unit", "uln")
        )
        units, uln = (part if part is not None and len(part.categories) else None for part in (units, uln))
        dates = self._dates_at(name, declared)
        return Column(texts, self._record_of[places], units, uln, dates=dates, repeated=True)

    def _dates_at(self, name: str, declared: dict) -> Harmonized | None:
        """Sample dates of a variable's observations.

        The dates of a file are read together: one of them may tell the order of day and month of all.
        """
        alias, formats = file_of(declared, self.mapping), tuple(_formats(declared, self.mapping))
        key = (alias, formats)
        if key not in self._days:
            shared = [
                other
                for other in self._places
                if (entry := declared_of(other, self.mapping)) is not None
                and (file_of(entry, self.mapping), tuple(_formats(entry, self.mapping))) == key
            ]
            places = np.concatenate([self._places[other] for other in shared or [name]])
            texts = _compact(_categorical(self._observations["date"]), places)
            parsed = self._parsed(texts, name, declared) if len(texts.categories) else None
            starts = np.cumsum([0, *(len(self._places[other]) for other in shared or [name])])
            self._days[key] = (parsed, dict(zip(shared or [name], starts[:-1], strict=True)))
        parsed, starts = self._days[key]
        if parsed is None:
            return None
        return _part(parsed, starts[name], starts[name] + len(self._places[name]))

    def _parsed(self, texts: pd.Categorical, name: str, declared: dict) -> Harmonized:
        where = f"mapping {self.mapping.get('name', '')}, {section_of(name, self.mapping)}.{name}"
        where += f': column "{declared.get("date") or "date"}"'
        codes, sentinels = declared_codes(declared, self.mapping), sentinels_of(declared, self.mapping)
        return parse_dates(texts, _formats(declared, self.mapping), where, codes, sentinels)


def without_patients(delivered: Delivered, ids: set) -> Delivered:
    """The extract without some patients: none of their rows is left in any table."""

    def keep(table: pd.DataFrame) -> pd.DataFrame:
        return table[~table["patient_id"].isin(ids)].reset_index(drop=True) if len(table) else table

    return replace(
        delivered,
        records=keep(delivered.records),
        observations=keep(delivered.observations),
        variants=keep(delivered.variants),
    )


def declared_of(name: str, mapping: dict) -> dict | None:
    """What a mapping says of a variable, an auxiliary column or episodes."""
    return declared_columns(mapping).get(name)


def file_of(declared: dict, mapping: dict) -> str | None:
    """The alias of the file in which a column stands; None for a database."""
    return declared.get("file") or next(iter(mapping.get("files") or {}), None)


def _formats(declared: dict, mapping: dict) -> list:
    file = (mapping.get("files") or {}).get(file_of(declared, mapping)) or {}
    return list(declared.get("date_format") or file.get("date_format") or ())


def _categorical(column: pd.Series) -> pd.Categorical:
    return column.array if isinstance(column.array, pd.Categorical) else pd.Categorical(column)


def _compact(texts: pd.Categorical, places: np.ndarray) -> pd.Categorical:
    """The texts at some places, with the categories that occur there only."""
    codes = np.asarray(texts.codes)[places].astype(np.int64)
    used = np.zeros(len(texts.categories) + 1, dtype=bool)
    used[codes] = True
    used[-1] = False
    renumbered = np.cumsum(used) - 1
    codes = np.where(codes < 0, -1, renumbered[codes])
    return pd.Categorical.from_codes(codes, texts.categories[used[:-1]])


def _by_variable(observations: pd.DataFrame) -> dict[str, np.ndarray]:
    """Ascending positions of the observations of each variable."""
    if observations.empty:
        return {}
    variable = _categorical(observations["variable"])
    codes = np.asarray(variable.codes).astype(np.int16)
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(variable.categories) + 1))
    parts = {str(name): order[bounds[place] : bounds[place + 1]] for place, name in enumerate(variable.categories)}
    return {name: places for name, places in parts.items() if len(places)}


def _lookup(observations: pd.DataFrame, ids: np.ndarray, records: np.ndarray) -> np.ndarray:
    """The record of each observation, -1 where the patient has none. records: the record of each of `ids`."""
    patients = _categorical(observations["patient_id"])
    of_category = pd.Index(ids).get_indexer(patients.categories)
    of_category = np.where(of_category < 0, -1, records[of_category]) if len(ids) else of_category
    codes = np.asarray(patients.codes)
    return np.where(codes < 0, -1, of_category[codes]) if len(of_category) else np.full(len(codes), -1)


def _part(parsed: Harmonized, start: int, stop: int) -> Harmonized:
    findings = []
    for finding in parsed.findings:
        low, high = np.searchsorted(finding.cells, [start, stop])
        if high > low:
            findings.append(replace(finding, cells=finding.cells[low:high] - start))
    return Harmonized(parsed.values[start:stop], findings)


def _joined(first: Column, second: Column) -> Column:
    from pandas.api.types import union_categoricals

    def texts(one, two):
        if one is None and two is None:
            return None
        one, two = (
            pd.Categorical([None] * len(column.target), categories=pd.Index([], dtype=object)) if part is None else part
            for part, column in ((one, first), (two, second))
        )
        return union_categoricals([one, two])

    def dates(one, two):
        if one is None and two is None:
            return None
        one, two = (
            Harmonized(np.full(len(column.target), np.nan)) if part is None else part
            for part, column in ((one, first), (two, second))
        )
        shift = len(one.values)
        moved = [replace(finding, cells=finding.cells + shift) for finding in two.findings]
        return Harmonized(np.concatenate([one.values, two.values]), [*one.findings, *moved])

    return Column(
        texts(first.texts, second.texts),
        np.concatenate([first.target, second.target]),
        texts(first.units, second.units),
        texts(first.uln, second.uln),
        dates=dates(first.dates, second.dates),
        repeated=True,
    )
