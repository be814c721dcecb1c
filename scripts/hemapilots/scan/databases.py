"""The OMOP tables of a DuckDB or SQLite file as text."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.omop.sql import Query, quoted
from hemapilots.ingest.omop.tables import open_extract

__all__ = ["database_frames"]

# More rows tell a scan nothing new, and all cells are text.
ROWS = 1_000_000


def database_frames(folder: Path, path: Path, names: tuple[str, ...]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Name and first rows of each table that the database has. Raises HemaPilotsError where it cannot be read."""
    mapping = {"name": "", "files": {"cdm": {"path": str(path.relative_to(folder))}}}
    found = 0
    with open_extract(folder, mapping, names) as database:
        for name in names:
            columns = database.columns(name)
            if columns:
                found += 1
                yield name, _frame(database, name, columns)
    if not found:
        raise HemaPilotsError(
            f"{path}: no table of OMOP CDM 5.4 is in it ({', '.join(names)}); name the reader, or export it again"
        )


def _frame(database, name: str, columns: dict[str, str]) -> pd.DataFrame:
    cells = ", ".join(f"COALESCE(CAST({quoted(own)} AS VARCHAR), '')" for own in columns.values())
    sql = f"SELECT {cells} FROM {database.relation(name)} LIMIT {ROWS}"
    batches = [
        pd.DataFrame({column: part.to_pandas() for column, part in zip(columns, batch, strict=True)})
        for batch in database.rows(name, Query(sql, tuple(columns)))
    ]
    return pd.concat(batches, ignore_index=True) if batches else pd.DataFrame(columns=list(columns), dtype=object)
