"""The issues table: a row per nulled, flagged or rejected cell; what holds for a whole column is one row."""

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
        self._parts: list[pd.DataFrame] = []

    def cells(self, rows: np.ndarray, variable: str, status: str, reason: str, detail: str, hashes=None) -> None:
        """One issue per row number; `detail` states unit or rule, never the patient's value."""
        if len(rows) == 0:
            return
        self._add(rows, variable, status, reason, detail, list(hashes) if hashes is not None else None, 1)

    def column(self, variable: str, status: str, reason: str | None, detail: str, count: int) -> None:
        """One issue for `count` cells of a column; none where the count is 0."""
        if count:
            self._add([None], variable, status, reason, detail, None, int(count))

    def _add(self, rows, variable, status, reason, detail, hashes, count) -> None:
        part = {"row": pd.array(rows, dtype="Int64"), "variable": variable, "status": status}
        part |= {"reason": reason, "detail": detail, "raw_hash": hashes, "count": count}
        self._parts.append(pd.DataFrame(part, columns=list(COLUMNS)).astype(COLUMNS))

    def nulled(self, variable: str) -> list[str]:
        """Why listed cells of a variable could not be used, each reason once."""
        parts = [
            part for part in self._parts if part["variable"].iloc[0] == variable and part["status"].iloc[0] == "null"
        ]
        return sorted({str(part["reason"].iloc[0]) for part in parts if part["row"].notna().all()})

    def table(self) -> pd.DataFrame:
        """Columns row, variable, status, reason, detail, raw_hash, count."""
        empty = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()})
        if not self._parts:
            return empty
        table = pd.concat(self._parts, ignore_index=True).astype(COLUMNS)
        for name in ("reason", "raw_hash"):
            table[name] = table[name].where(table[name].notna(), None)
        return table


def raw_hashes(raw: np.ndarray) -> np.ndarray:
    """First 16 hexadecimal digits of the SHA-256 of each raw text; it stays at the site."""
    codes, values = pd.factorize(raw)
    digests = [hashlib.sha256(str(value).encode()).hexdigest()[:16] for value in values]
    return np.array(digests, dtype=object)[codes]
