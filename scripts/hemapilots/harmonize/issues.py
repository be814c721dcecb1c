"""The issues table: a row per nulled, flagged, inferred or rejected cell; what holds for a whole column is one row."""

import hashlib

import numpy as np
import pandas as pd

__all__ = ["COLUMNS", "Issues", "raw_hashes"]

COLUMNS = {
    "row": "Int64",
    "variable": object,
    "status": object,
    "reason": object,
    "detail": object,
    "raw_hash": object,
    "count": "int64",
}


class Issues:
    """Collects issues in the order of the work; `table()` gives them with stable column types."""

    def __init__(self):
        # (rows or None for a whole column, variable, status, reason, detail, hashes or None, count)
        self._parts: list[tuple] = []

    def cells(self, rows: np.ndarray, variable: str, status: str, reason: str | None, detail: str, hashes=None) -> None:
        """One issue per row number; `detail` states unit or rule, never the patient's value."""
        if len(rows):
            self._parts.append((np.asarray(rows, dtype=np.int64), variable, status, reason, detail, hashes, 1))

    def column(self, variable: str | None, status: str, reason: str | None, detail: str, count: int) -> None:
        """One issue for `count` cells of a column; none where the count is 0."""
        if count:
            self._parts.append((None, variable, status, reason, detail, None, int(count)))

    def table(self) -> pd.DataFrame:
        """Columns row, variable, status, reason, detail, raw_hash, count."""
        lengths = np.array([1 if part[0] is None else len(part[0]) for part in self._parts], dtype=np.int64)
        nothing = np.zeros(1, dtype=np.int64)
        rows = np.concatenate([nothing[:0], *(nothing if part[0] is None else part[0] for part in self._parts)])
        whole = np.repeat(np.array([part[0] is None for part in self._parts], dtype=bool), lengths)
        hashes = np.full(len(rows), None, dtype=object)
        start = 0
        for part, length in zip(self._parts, lengths, strict=True):
            if part[5] is not None:
                hashes[start : start + length] = part[5]
            start += length
        columns = {"row": pd.arrays.IntegerArray(rows, whole)}
        for place, name in enumerate(("variable", "status", "reason", "detail"), start=1):
            columns[name] = np.repeat(_objects([part[place] for part in self._parts]), lengths)
        columns["raw_hash"] = hashes
        columns["count"] = np.repeat(np.array([part[6] for part in self._parts], dtype=np.int64), lengths)
        return pd.DataFrame(columns, columns=list(COLUMNS)).astype(COLUMNS)


def _objects(values: list) -> np.ndarray:
    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result


def raw_hashes(texts: pd.Categorical, cells: np.ndarray) -> np.ndarray:
    """First 16 hexadecimal digits of the SHA-256 of the raw text of each cell, None where there is none; it stays at the site.

    texts: a column of raw text; cells: positions in it, -1 for a cell that the source does not have.
    """
    codes = np.where(cells >= 0, np.asarray(texts.codes)[np.maximum(cells, 0)], -1) if len(texts) else cells
    used, places = np.unique(codes, return_inverse=True)
    categories = texts.categories
    digests = [None if code < 0 else hashlib.sha256(str(categories[code]).encode()).hexdigest()[:16] for code in used]
    return _objects(digests)[places]
