"""A long table under construction: one row per value, each distinct text stored once, so that memory stays small."""

import re
from array import array

import numpy as np
import pandas as pd
import pyarrow as pa

from hemapilots.delivered import OBSERVATIONS, Remark, empty
from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.selectors import Target

__all__ = ["MAXIMUM_ROWS", "LongTable", "codes_of", "day_text"]

# 28 bytes a row: far more values than the patients of a rare disease have.
MAXIMUM_ROWS = 50_000_000
_INTEGER = np.dtype(array("i").typecode)
_TIMED = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)


def day_text(text: str) -> str:
    """The day of a date with a time; any other text as it is."""
    match = _TIMED.fullmatch(text) if len(text) > 10 else None
    return match[1] if match else text


def codes_of(column: pa.Array, known: dict[str, int], clean=None) -> np.ndarray:
    """The number of each text of a column, -1 for null; texts that are new are added to `known`. clean: applied to each distinct text."""
    encoded = column.dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    if clean is not None:
        texts = [clean(text) for text in texts]
    codes = np.array([*(known.setdefault(text, len(known)) for text in texts), -1], dtype=_INTEGER)
    return codes[np.asarray(encoded.indices.fill_null(len(texts)), dtype=np.int64)]


class LongTable:
    """Rows of (target, row of its file, patient, value, unit, date); the last four are numbers of distinct texts, -1 for none.

    patients: key of a patient -> number; values, units, dates: text -> number.
    """

    def __init__(self, targets: list[Target], where: str):
        self.targets, self.where = targets, where
        self.patients: dict[str, int] = {}
        self.texts: tuple[dict[str, int], ...] = ({}, {}, {})
        self._row, self._target, self._patient = array("q"), array("i"), array("i")
        self._parts = (array("i"), array("i"), array("i"))

    def __len__(self) -> int:
        return len(self._row)

    def add(self, target: int, row: int, patient: int, value: str, unit: str | None, date: str | None) -> None:
        """One value."""
        self._row.append(row)
        self._target.append(target)
        self._patient.append(patient)
        for texts, part, text in zip(self.texts, self._parts, (value, unit, date), strict=True):
            part.append(-1 if text is None else texts.setdefault(text, len(texts)))
        if len(self._row) > MAXIMUM_ROWS:
            self._refuse()

    def extend(self, target: int, row: np.ndarray, patient: np.ndarray, parts: tuple) -> None:
        """Many values: numbers of rows and patients, and of the texts of value, unit and date (None for none)."""
        self._row.frombytes(row.astype(np.int64).tobytes())
        self._target.frombytes(np.full(len(row), target, dtype=_INTEGER).tobytes())
        self._patient.frombytes(patient.astype(_INTEGER).tobytes())
        for part, codes in zip(self._parts, parts, strict=True):
            codes = np.full(len(row), -1) if codes is None else codes
            part.frombytes(codes.astype(_INTEGER).tobytes())
        if len(self._row) > MAXIMUM_ROWS:
            self._refuse()

    def _refuse(self) -> None:
        raise HemaPilotsError(
            f"{self.where}: more than {MAXIMUM_ROWS:,} values under the mapped codes; deliver fewer patients or codes"
        )

    def finish(self, ids: pd.Index, of_patient: np.ndarray) -> tuple[pd.DataFrame, list[Remark]]:
        """The observations, in the order of the mapping and of delivery, and what is to be said of the variables.

        ids: distinct patient ids; of_patient: per number of `patients` the position in ids, -1 for somebody else's values.
        Raises HemaPilotsError where a column and one of its aliases both carry values.
        """
        target = np.frombuffer(self._target, dtype=_INTEGER)
        counts = np.bincount(target, minlength=len(self.targets))
        names = list(dict.fromkeys(entry.name for entry in self.targets))
        self._check_aliases(counts)
        said = self._unused(counts, len(ids))
        variable = np.array([names.index(entry.name) for entry in self.targets], dtype=np.int64)[target]
        patient = np.append(of_patient, -1)[np.frombuffer(self._patient, dtype=_INTEGER)]
        order = np.argsort(variable, kind="stable")
        order = order[patient[order] >= 0]
        if not len(order):
            return empty(OBSERVATIONS), said
        columns = {
            "row": np.frombuffer(self._row, dtype=np.int64)[order],
            "patient_id": pd.Categorical.from_codes(patient[order], ids),
            "variable": pd.Categorical.from_codes(variable[order], pd.Index(names, dtype=object)),
        }
        for name, texts, part in zip(("value", "unit", "date"), self.texts, self._parts, strict=True):
            codes = np.frombuffer(part, dtype=_INTEGER)[order]
            columns[name] = pd.Categorical.from_codes(codes, pd.Index(list(texts), dtype=object))
        columns["uln"] = pd.Categorical.from_codes(np.full(len(order), -1), pd.Index([], dtype=object))
        return pd.DataFrame(columns, copy=False), said

    def strangers(self, of_patient: np.ndarray) -> tuple[int, int]:
        """How many patients with values are not among the records, and how many values that concerns."""
        patient = np.frombuffer(self._patient, dtype=_INTEGER)
        missing = patient[np.append(of_patient, -1)[patient] < 0] if len(patient) else patient
        return len(np.unique(missing[missing >= 0])), len(missing)

    def _check_aliases(self, counts: np.ndarray) -> None:
        used: dict[str, Target] = {}
        for entry, count in zip(self.targets, counts, strict=True):
            if count and entry.name in used:
                raise HemaPilotsError(
                    f'{self.where}: "{used[entry.name].selector.text}" and "{entry.selector.text}" both carry values of '
                    f"{entry.name}; name the one that counts in {entry.where}.column, or both in one pair of brackets"
                )
            if count:
                used[entry.name] = entry

    def _unused(self, counts: np.ndarray, patients: int) -> list[Remark]:
        totals: dict[str, int] = {}
        for entry, count in zip(self.targets, counts, strict=True):
            totals[entry.name] = totals.get(entry.name, 0) + int(count)
        selectors = {entry.name: entry.selector.text for entry in reversed(self.targets)}
        return [
            Remark(name, "null", "missing", f"nothing stands under {selectors[name]}", patients)
            for name, total in totals.items()
            if not total
        ]
