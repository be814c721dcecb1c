"""Tables of the OMOP CDM from a SQLite file."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.omop.forms import named_columns
from hemapilots.ingest.omop.sql import SQLITE, Columns, Query, quoted

__all__ = ["SqliteTables"]

BATCH = 50_000
SECONDS = 600


class SqliteTables:
    """Tables of a SQLite database."""

    dialect = SQLITE

    def __init__(self, path: Path):
        self.path, self.where = path, str(path)
        self._columns: dict[str, Columns] = {}

    def __enter__(self):
        import sqlite3

        try:
            self._connection = sqlite3.connect(self.path.resolve().as_uri() + "?mode=ro&immutable=1", uri=True)
            self._connection.execute("PRAGMA query_only = ON")
            self._connection.execute("PRAGMA trusted_schema = OFF")
            tables = self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (table,) in tables:
                described = self._connection.execute(f"PRAGMA table_info({quoted(table)})").fetchall()
                self._columns[table.lower()] = named_columns(self.path, [str(row[1]) for row in described])
        except (sqlite3.Error, UnicodeError):
            raise self._unreadable("its catalogue") from None
        return self

    def __exit__(self, *_):
        self._connection.close()

    def _unreadable(self, what: str) -> HemaPilotsError:
        return HemaPilotsError(f"{self.path}: {what} cannot be read; export the SQLite database again")

    def columns(self, table: str) -> Columns | None:
        """The columns of a table; None where there is no such table."""
        return self._columns.get(table)

    def relation(self, table: str) -> str:
        """What stands behind FROM."""
        return quoted(table)

    def rows(self, table: str, query: Query) -> Iterator[list[pa.Array]]:
        """The result of a query in batches, one array of text per column."""
        import sqlite3
        import time

        end = time.monotonic() + SECONDS
        self._connection.set_progress_handler(lambda: time.monotonic() > end, 1_000_000)
        try:
            cursor = self._connection.execute(query.sql)
            while batch := cursor.fetchmany(BATCH):
                yield [pa.array(column, pa.string()) for column in zip(*batch, strict=True)]
        except (sqlite3.Error, pa.ArrowException, UnicodeError):
            raise self._unreadable(f"the table {table}") from None
