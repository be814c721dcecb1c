"""Reader of REDCap exports: the flat CSV, with raw codes or with labels.

Columns are named by field (`field`, or `field___code` for one box of a checkbox), or by the label under which a label export
shows them. A file with the alias `dictionary` is the project's data dictionary: with it fields are found under their labels
too, and choice codes become labels, or labels codes, as the mapping's `values` ask.

A row belongs to a record and an event, or to one instance of a repeating instrument or event; `gather` joins the rows of a
record, and repeated ones become observations. Boxes are read as 1 and 0. REDCap writes 0 for the boxes of a form that
nobody opened: an unticked box counts only where its form shows an entry, or where no row of the record does. A code for
missing data is a box of its own in a checkbox; it becomes the cell. In other fields such codes pass as they are.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.delivered import Delivered, Remark, declared_columns
from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.csv import read_columns
from hemapilots.ingest.gather import Rows, blank, gather, patients_of, trimmed, without_texts
from hemapilots.ingest.redcap.boxes import Visits, read_box
from hemapilots.ingest.redcap.dictionary import Dictionary, read_dictionary, translated
from hemapilots.ingest.redcap.fields import box_places, key_places, missing_codes, places_of
from hemapilots.ingest.text import Text, open_text
from hemapilots.ingest.wanted import Wanted, patient_column, used_files, wanted

__all__ = ["DICTIONARY", "check", "read"]

DICTIONARY = "dictionary"


def read(folder: Path, mapping: dict) -> Delivered:
    """Records of the first file, in its order; see `hemapilots.delivered`."""
    remarks: list[Remark] = []
    dictionary, mapping = _without_dictionary(folder, mapping, remarks)
    files = {}
    for alias in used_files(mapping):
        text = open_text(folder, mapping, alias)
        remarks += text.remarks
        files[alias] = _File(text, mapping, dictionary).rows(remarks)
    return gather(files, list(declared_columns(mapping)), remarks)


def check(folder: Path, mapping: dict) -> None:
    """Raises HemaPilotsError where a file is absent, empty or a pointer, or lacks a mapped field."""
    dictionary, mapping = _without_dictionary(folder, mapping, [])
    for alias in used_files(mapping):
        places_of(open_text(folder, mapping, alias, head=True), mapping, dictionary)


def _without_dictionary(folder: Path, mapping: dict, remarks: list[Remark]) -> tuple[Dictionary | None, dict]:
    """The data dictionary, if there is one, and the mapping with the files of records only."""
    files = {alias: file for alias, file in mapping["files"].items() if alias != DICTIONARY}
    if not files:
        raise HemaPilotsError(
            f"mapping {mapping.get('name', '')}, files: there is only a dictionary; name the file with the records too"
        )
    dictionary = None
    if DICTIONARY in mapping["files"]:
        text = open_text(folder, mapping, DICTIONARY)
        remarks += text.remarks
        dictionary = read_dictionary(text)
    return dictionary, {**mapping, "files": files}


class _File:
    """One export and the columns of it that are needed."""

    def __init__(self, text: Text, mapping: dict, dictionary: Dictionary | None):
        self.text, self.mapping, self.dictionary = text, mapping, dictionary
        places, keys = places_of(text, mapping, dictionary), key_places(text.header)
        wants = wanted(mapping, text.alias)
        self.boxes = {want.name: box_places(text.header, places[want.name]) for want in wants if want.part == "value"}
        positions = {**places, **{f"={key}": place for key, place in keys.items()}}
        positions |= {f"#{place}": place for group in self.boxes.values() for place in group.values()}
        self.where = f'{text.path}, column "{patient_column(mapping, text.alias)}"'
        self.table = read_columns(text, positions)

    def rows(self, remarks: list[Remark]) -> Rows:
        """The rows with the cells that the mapping names; adds to the remarks."""
        patients, repeated = patients_of(self.table["patient_id"].array, self.where, self.mapping), self._repeated()
        key = {"patient": patients.codes, "repeated": repeated}
        if "=event" in self.table:
            key["event"] = trimmed(self.table["=event"].array).codes
        # The same record and event again: a row that was delivered twice.
        copy = pd.DataFrame(key).groupby(list(key)).cumcount().to_numpy()
        rows = Rows(self.where, patients, {}, repeated, np.where(repeated, 0, copy))
        for want in wanted(self.mapping, self.text.alias):
            cells = self.table[want.name].array
            if want.part == "value":
                cells, said = self._read(want, cells, rows)
                remarks += said
            elif want.part == "panel":
                cells = without_texts(cells, missing_codes(self.mapping, {}))
            (rows.variants if want.variable == "variants" else rows.cells)[want.name] = cells
        return rows

    def _read(self, want: Wanted, cells: pd.Categorical, rows: Rows) -> tuple[pd.Categorical, list[Remark]]:
        declared = declared_columns(self.mapping)[want.variable]
        codes, values = missing_codes(self.mapping, declared), declared.get("values")
        if group := {choice: self.table[f"#{place}"].array for choice, place in self.boxes[want.name].items()}:
            date = f"{want.name}__date"
            dated = ~blank(self.table[date].array) if date in self.table else np.zeros(len(cells), dtype=bool)
            record = np.asarray(rows.patients.codes, dtype=np.int64) * (int(rows.copy.max(initial=0)) + 1) + rows.copy
            visits = Visits(record, rows.repeated, dated)
            return read_box(want.name, cells, group, visits, codes, values)
        field = self.dictionary.field(want.headers) if self.dictionary else None
        return translated(want.name, cells, field, values, codes)

    def _repeated(self) -> np.ndarray:
        """Rows of a repeating instrument name it; rows of a repeating event have an instance only."""
        declared = bool(self.mapping["files"][self.text.alias].get("repeated"))
        found = np.full(len(self.table), declared)
        for key in ("=instrument", "=instance"):
            if key in self.table:
                found |= ~blank(self.table[key].array)
        return found
