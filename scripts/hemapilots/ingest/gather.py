"""Rows of which a patient may have several (visits, repeating forms, samples) as records, observations and variants.

Of one variable:
- cells of repeated rows are observations, all of them, with the date and the unit that stand in the same row;
- a cell filled in one of a patient's other rows is the record's; the same text (and unit) in several rows is one cell;
- filled more than once beside a `date`: observations;
- filled differently without a date: the record gets a further row that differs in such cells only, so that harmonization
  sees a duplicate and judges it by its rules. Nothing is chosen here.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from hemapilots.delivered import OBSERVATIONS, VARIANTS, Delivered, Remark
from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.assemble import stack
from hemapilots.texts import BLANKS

__all__ = ["PANEL", "Rows", "blank", "gather", "patients_of", "renamed", "trimmed", "without_texts"]

COMPANIONS = ("unit", "date", "uln")
PANEL = "panel__name"


@dataclass
class Rows:
    """The rows of one file.

    where: file and column of the id, for errors. patients: trimmed ids, one per row; a row without one is left out.
    cells: raw text by `<variable>`, `<variable>__unit`, `__date`, `__uln` and `panel__name`; variants: raw text by `gene`,
    `protein`, ... repeated: rows of a form or table that a patient fills many times. copy: 0; 1, 2, ... for a row that is
    delivered again under its key.
    """

    where: str
    patients: pd.Categorical
    cells: dict[str, pd.Categorical]
    repeated: np.ndarray
    copy: np.ndarray
    variants: dict[str, pd.Categorical] = field(default_factory=dict)


def renamed(column: pd.Categorical, texts: list[str]) -> pd.Categorical:
    """The column with other texts, one per category; texts that become the same are one category."""
    codes, distinct = pd.factorize(np.asarray(texts, dtype=object))
    spread = np.append(codes, -1)[np.asarray(column.codes, dtype=np.int64)]
    return pd.Categorical.from_codes(spread, pd.Index(distinct, dtype=object))


def trimmed(column: pd.Categorical) -> pd.Categorical:
    """The column with its texts trimmed."""
    return renamed(column, [str(text).strip(BLANKS) for text in column.categories])


def blank(column: pd.Categorical) -> np.ndarray:
    """Which cells are absent or hold white space only."""
    of_text = np.array([not str(text).strip(BLANKS) for text in column.categories] + [True], dtype=bool)
    return of_text[np.asarray(column.codes, dtype=np.int64)]


def without_texts(column: pd.Categorical, texts: set[str]) -> pd.Categorical:
    """The column, null where a cell is one of some texts."""
    return renamed(column, [None if str(text).strip(BLANKS) in texts else text for text in column.categories])


def patients_of(column: pd.Categorical, where: str, mapping: dict) -> pd.Categorical:
    """Trimmed patient ids; raises HemaPilotsError where a row has none."""
    patients = trimmed(column)
    absent = patients.categories.isin(["", *(str(code).strip() for code in mapping.get("missing") or ())])
    without = int(np.append(absent, True)[patients.codes].sum())
    if without:
        rows = "1 row has" if without == 1 else f"{without} rows have"
        raise HemaPilotsError(f"{where}: {rows} no patient id; complete or remove them")
    return patients


def gather(files: dict[str, Rows], names: list[str], remarks: list[Remark]) -> Delivered:
    """The files of a source, the first of which says who is a patient, as one delivery.

    names: variables and auxiliary columns in the order that the tables shall have. remarks: what was met before.
    Raises HemaPilotsError where a further file has no patient of the first, or delivers a row that does not repeat twice.
    """
    first = next(iter(files))
    records = _Records(files[first])
    said, observed, variants = list(remarks), {}, []
    for alias, rows in files.items():
        patient = _positions(rows.patients, records.ids)
        if alias != first:
            said += _further(alias, rows, patient, files[first])
        for name in rows.cells:
            if name == PANEL:
                said += records.add_panel(rows, patient)
            elif not name.endswith(tuple(f"__{part}" for part in COMPANIONS)):
                if _is_observed(name, rows, patient):
                    observed[name] = _observations(name, rows, patient, records.ids)
                else:
                    records.add(name, rows, patient, alias == first)
        if rows.variants:
            variants.append(_variants(rows, patient, records.ids))
    ordered = [observed[name] for name in names if name in observed]
    return Delivered(records.table([*names, PANEL]), stack(ordered, OBSERVATIONS), stack(variants, VARIANTS), said)


class _Records:
    """One row per patient and copy, and further rows for cells that differ."""

    def __init__(self, rows: Rows):
        codes = np.asarray(rows.patients.codes, dtype=np.int64)
        known = np.flatnonzero(codes >= 0)
        number, ids = pd.factorize(codes[known])
        self.ids = pd.Index(rows.patients.categories, dtype=object)[ids]
        copy = np.where(rows.repeated, 0, rows.copy)[known]
        copies = int(copy.max(initial=0)) + 1
        record, keys = pd.factorize(number * copies + copy)
        # The record of each row of the first file; records stand in the order of their first row.
        self.of_row = np.full(len(codes), -1, dtype=np.int64)
        self.of_row[known] = record
        self.patient = np.asarray(keys, dtype=np.int64) // copies
        self.first_of = np.unique(self.patient, return_index=True)[1]
        self.columns: dict[str, tuple[pd.Categorical, np.ndarray]] = {}
        # (record, file, row) -> the cells in which that further row of the record differs.
        self.further: dict[tuple[int, str, int], dict[str, int]] = {}

    def add(self, name: str, rows: Rows, patient: np.ndarray, own: bool) -> None:
        """Puts a variable's cells, and what stands beside them, into the records. own: they are of the first file."""
        at, record, row = self._chosen(name, rows, patient, own)
        keys = [key for key in (name, *(f"{name}__{part}" for part in COMPANIONS)) if key in rows.cells]
        for key in keys:
            self.columns[key] = (rows.cells[key], at)
        for which in zip(record.tolist(), row.tolist(), strict=True):
            differs = self.further.setdefault((which[0], rows.where, which[1]), {})
            differs |= dict.fromkeys(keys, which[1])

    def add_panel(self, rows: Rows, patient: np.ndarray) -> list[Remark]:
        """The panel of each patient; none where rows name different ones."""
        cells = rows.cells[PANEL]
        group = np.where(blank(cells), -1, patient)
        texts = np.asarray(trimmed(cells).codes, dtype=np.int64)
        at = np.full(len(self.ids), -1, dtype=np.int64)
        usable = np.flatnonzero(group >= 0)[::-1]
        at[group[usable]] = usable
        doubtful = np.unique(group[usable][texts[usable] != texts[at[group[usable]]]])
        at[doubtful] = -1
        self.columns[PANEL] = (cells, at[self.patient])
        if not len(doubtful):
            return []
        detail = "rows of a patient name different panels, so that no gene counts as assayed"
        return [Remark(None, "null", "contradiction", detail, len(doubtful))]

    def _chosen(
        self, name: str, rows: Rows, patient: np.ndarray, own: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The row of each record's cell (the first that is filled, else the first), -1 for none; records and rows that differ."""
        cells, units = rows.cells[name], rows.cells.get(f"{name}__unit")
        group = np.where(rows.repeated | (patient < 0), -1, self.of_row if own else patient)
        usable, void = np.flatnonzero(group >= 0), blank(cells)
        order = usable[np.lexsort((usable, void[usable], group[usable]))]
        at = np.full(len(self.patient) if own else len(self.ids), -1, dtype=np.int64)
        at[group[order[::-1]]] = order[::-1]
        texts = np.asarray(trimmed(cells).codes, dtype=np.int64)
        filled = usable[~void[usable]]
        other = texts[filled] != texts[at[group[filled]]]
        if units is not None:
            texts = np.asarray(trimmed(units).codes, dtype=np.int64)
            other |= texts[filled] != texts[at[group[filled]]]
        differ = filled[other]
        record = group[differ] if own else self.first_of[group[differ]]
        return at if own else at[self.patient], record, differ

    def table(self, names: list[str]) -> pd.DataFrame:
        """The records table, its columns in the order of `names`."""
        further = list(self.further)
        record = np.concatenate([np.arange(len(self.patient)), np.array([key[0] for key in further], dtype=np.int64)])
        order = np.argsort(record, kind="stable")
        ids = pd.Categorical.from_codes(self.patient[record][order], self.ids)
        columns: dict = {"row": np.arange(len(record), dtype=np.int64), "patient_id": np.asarray(ids, dtype=object)}
        for key in (key for name in names for key in (name, *(f"{name}__{part}" for part in COMPANIONS))):
            if key in self.columns:
                cells, at = self.columns[key]
                at = at[record]
                for place, which in enumerate(further, len(self.patient)):
                    at[place] = self.further[which].get(key, at[place])
                columns[key] = _take(cells, at[order])
        return pd.DataFrame(columns)


def _positions(patients: pd.Categorical, ids: pd.Index) -> np.ndarray:
    """The number of each row's patient, -1 for one that the first file does not know."""
    of_text = np.append(ids.get_indexer(pd.Index(patients.categories, dtype=object)), -1)
    return of_text[np.asarray(patients.codes, dtype=np.int64)]


def _take(column: pd.Categorical, at: np.ndarray) -> pd.Categorical:
    """Cells at some rows, null where the row is -1; texts of other rows do not stay behind among the categories."""
    codes = np.append(np.asarray(column.codes, dtype=np.int64), -1)[at]
    return pd.Categorical.from_codes(codes, column.categories).remove_unused_categories()


def _further(alias: str, rows: Rows, patient: np.ndarray, first: Rows) -> list[Remark]:
    """What has to be said of a file beside the first one."""
    named = rows.patients.codes >= 0
    if named.any() and not (patient >= 0).any():
        raise HemaPilotsError(
            f"{rows.where}: no patient of {first.where} is in it; check that both files write the patient ids alike"
        )
    doubled = int(((rows.copy > 0) & (patient >= 0) & ~rows.repeated).sum())
    if doubled:
        raise HemaPilotsError(
            f"{rows.where}: {doubled} rows stand under an id that has a row already; keep one row per patient, or say "
            f"files.{alias}.repeated: true"
        )
    strangers = len(np.unique(np.asarray(rows.patients.codes)[named & (patient < 0)]))
    return [Remark(None, "rejected", "ineligible", f"only in {alias}", strangers)] if strangers else []


def _is_observed(name: str, rows: Rows, patient: np.ndarray) -> bool:
    filled = ~blank(rows.cells[name]) & (patient >= 0)
    if (filled & rows.repeated).any():
        return True
    if f"{name}__date" not in rows.cells:
        return False
    key = patient[filled & (rows.copy == 0)]
    return len(np.unique(key)) < len(key)


def _observations(name: str, rows: Rows, patient: np.ndarray, ids: pd.Index) -> dict:
    at = np.flatnonzero(~blank(rows.cells[name]) & (patient >= 0))
    piece = {"row": at.astype(np.int64), "patient_id": pd.Categorical.from_codes(patient[at], ids)}
    piece["variable"] = pd.Categorical.from_codes(np.zeros(len(at), dtype=int), pd.Index([name], dtype=object))
    piece["value"] = _take(rows.cells[name], at)
    for part in ("unit", "date", "uln"):
        if f"{name}__{part}" in rows.cells:
            piece[part] = _take(rows.cells[f"{name}__{part}"], at)
    return piece


def _variants(rows: Rows, patient: np.ndarray, ids: pd.Index) -> dict:
    """Rows that say anything of a variant, of patients who have a record."""
    silent = np.all([blank(column) for column in rows.variants.values()], axis=0)
    at = np.flatnonzero(~silent & (patient >= 0))
    piece = {"row": at.astype(np.int64), "patient_id": pd.Categorical.from_codes(patient[at], ids)}
    return piece | {name: _take(column, at) for name, column in rows.variants.items()}
