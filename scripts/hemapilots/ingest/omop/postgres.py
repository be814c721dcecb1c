"""Tables of the OMOP CDM from PostgreSQL. The address stands in an environment variable and is never shown.

Address: postgresql://user:password@host:port/database?schema=cdm, or host=... dbname=... schema=cdm; without a schema the
search path of the account holds. All is read in one read-only transaction, through cursors of the server.
"""

import os
import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit, urlunsplit

import pyarrow as pa

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.omop.sql import POSTGRES, Columns, Query, quoted

__all__ = ["PostgresTables"]

BATCH = 20_000
CONNECT_SECONDS = 15
STATEMENT_SECONDS = 600
LOCK_SECONDS = 10
_SCHEMA = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,62}")
_KEYWORD = re.compile(r"(?:^|\s)schema\s*=\s*(?:'(?P<quoted>[^']*)'|(?P<plain>\S+))")
_CATALOGUE = """
SELECT c.relname, a.attname
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = %s AND lower(c.relname) = %s AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
ORDER BY c.relname, a.attnum
"""
# Classes of SQLSTATE, and what to do.
_REMEDIES = {
    "08": "the connection failed; check host, port and network",
    "28": "user or password are refused; check the address",
    "3D": "there is no such database; check the address",
    "3F": "there is no such schema; check the address",
    "42501": "the account may not read it; grant SELECT on the tables of the mapping",
    "57014": f"it took longer than {STATEMENT_SECONDS} s; add an index on the concept ids, or deliver the tables as files",
    "55P03": "a table is locked; try again when no load is running",
}


class PostgresTables:
    """The database at the address in an environment variable; to be used in a `with`."""

    dialect = POSTGRES

    def __init__(self, variable: str):
        self.where = f"the database that {variable} names"
        address = os.environ.get(variable, "").strip()
        if not address:
            raise HemaPilotsError(
                f"environment variable {variable}: not set; put the address of the OMOP database there"
            )
        self._address, self._schema = self._split(address, variable)
        self._known: dict[str, tuple[str, Columns]] = {}

    def _split(self, address: str, variable: str) -> tuple[str, str | None]:
        """The address without its schema, which the client does not know, and the schema."""
        try:
            if "://" in address:
                parts = urlsplit(address)
                # What is kept stays as it was written: the client reads %20 as a space, and + as a plus sign.
                options = [(unquote(option.partition("=")[0]), option) for option in parts.query.split("&")]
                schema = next((unquote(text.partition("=")[2]) for key, text in options if key == "schema"), None)
                rest = "&".join(text for key, text in options if key != "schema")
                address = urlunsplit(parts._replace(query=rest))
            else:
                found = _KEYWORD.search(address)
                schema = found and (found["quoted"] or found["plain"])
                address = _KEYWORD.sub(" ", address)
        except ValueError:
            raise HemaPilotsError(
                f"environment variable {variable}: not an address of a PostgreSQL database; mend it"
            ) from None
        if schema is not None and not _SCHEMA.fullmatch(schema):
            raise HemaPilotsError(f"environment variable {variable}: the schema is not a plain name; mend it")
        return address, schema

    def __enter__(self):
        import psycopg

        try:
            self._connection = psycopg.connect(
                self._address, connect_timeout=CONNECT_SECONDS, application_name="hemapilots", client_encoding="utf8"
            )
        except (psycopg.Error, ValueError, UnicodeError) as error:
            raise self._failed(error, "it cannot be reached; check address, user, password and network") from None
        try:
            self._connection.read_only = True
            self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            settings = {
                "statement_timeout": f"{STATEMENT_SECONDS}s",
                "lock_timeout": f"{LOCK_SECONDS}s",
                "datestyle": "ISO, YMD",
            }
            for setting, value in settings.items():
                self._connection.execute("SELECT set_config(%s, %s, true)", (setting, value))
            if self._schema is None:
                self._schema = self._connection.execute("SELECT current_schema()").fetchone()[0]
        except psycopg.Error as error:
            self._connection.close()
            raise self._failed(error, "it cannot be read") from None
        return self

    def __exit__(self, *_):
        self._connection.close()

    def _failed(self, error: Exception, otherwise: str) -> HemaPilotsError:
        """What went wrong by its SQLSTATE: the server's own message may show the address, or a value."""
        state = getattr(error, "sqlstate", None) or ""
        remedy = _REMEDIES.get(state) or _REMEDIES.get(state[:2]) or otherwise
        return HemaPilotsError(f"{self.where}: {remedy}" + (f" (SQLSTATE {state})" if state else ""))

    def columns(self, table: str) -> Columns | None:
        """The columns of a table; None where there is no such table."""
        import psycopg

        if table not in self._known:
            try:
                found = self._connection.execute(_CATALOGUE, (self._schema, table)).fetchall()
            except psycopg.Error as error:
                raise self._failed(error, "its catalogue cannot be read") from None
            if not found:
                return None
            names = sorted({name for name, _ in found}, key=lambda name: (name != table, name))
            columns = {column.lower(): column for name, column in found if name == names[0]}
            self._known[table] = (names[0], columns)
        return self._known[table][1]

    def relation(self, table: str) -> str:
        """What stands behind FROM."""
        self.columns(table)
        return f"{quoted(self._schema)}.{quoted(self._known[table][0])}"

    def rows(self, table: str, query: Query) -> Iterator[list[pa.Array]]:
        """The result of a query in batches, one array of text per column."""
        import psycopg

        try:
            with self._connection.cursor(name="hemapilots") as cursor:
                cursor.execute(query.sql, [query.ids] if query.ids else None)
                while batch := cursor.fetchmany(BATCH):
                    yield [pa.array(column, pa.string()) for column in zip(*batch, strict=True)]
        except (psycopg.Error, pa.ArrowException, UnicodeError) as error:
            raise self._failed(error, f"the table {table} cannot be read as OMOP CDM 5.4") from None
