"""Tables of the OMOP CDM from CSV and Parquet files or from a DuckDB file, through duckdb; a SQLite file is opened by `sqlite`."""

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.files import check_file, check_inside, data_path
from hemapilots.ingest.omop.forms import named_columns
from hemapilots.ingest.omop.sql import DUCKDB, Columns, Query, quoted
from hemapilots.ingest.omop.sqlite import SqliteTables
from hemapilots.ingest.parquet import open_parquet

__all__ = ["DuckdbTables", "open_extract"]

BATCH = 250_000
MEMORY = "512MB"
SECONDS = 600
_HEAD = 1 << 20
_DELIMITERS = (",", ";", "\t", "|")
_ENCODINGS = {"utf-8": "utf-8", "utf-8-sig": "utf-8", "latin-1": "latin-1", "iso-8859-1": "latin-1", "utf-16": "utf-16"}
_NULLS = "['', 'NULL', 'null', '\\N']"
_FILE = re.compile(r"(?P<table>[a-z_]+)\.(?P<kind>csv|tsv|txt|parquet)(?P<packed>\.gz)?", re.IGNORECASE)


def open_extract(folder: Path, mapping: dict, tables: tuple[str, ...]):
    """The source that a mapping's files are: an object with `columns(table)` and `rows(table, query)`, to be used in a `with`."""
    found: dict[str, tuple[Path, dict]] = {}
    declared = mapping.get("files") or {}
    for alias, form in declared.items():
        path = data_path(folder, mapping, alias, folders=True)
        kind = _database(path) if path.is_file() else None
        if kind is not None:
            if len(declared) > 1:
                raise HemaPilotsError(
                    f"mapping {mapping.get('name', '')}, files: {path.name} is a database, which holds every table; name it alone"
                )
            return SqliteTables(path) if kind == "sqlite" else DuckdbTables(path, {})
        for file in [path] if path.is_file() else sorted(path.iterdir()):
            _take(folder, file, form, tables, found, path.is_file())
    where = folder if len(declared) != 1 else data_path(folder, mapping, next(iter(declared)), folders=True)
    return DuckdbTables(where, found)


def _database(path: Path) -> str | None:
    with path.open("rb") as file:
        start = file.read(16)
    if start.startswith(b"SQLite format 3\x00"):
        return "sqlite"
    return "duckdb" if start[8:12] == b"DUCK" else None


def _take(folder: Path, file: Path, form: dict, tables, found: dict, named: bool) -> None:
    """Notes the table that a file holds by its name; other files of a folder are left alone."""
    match = _FILE.fullmatch(file.name)
    table = match["table"].lower() if match else None
    if table not in tables or not file.is_file():
        if named:
            raise HemaPilotsError(
                f"{file}: neither a database nor named after a table; call it measurement.csv or the like ({', '.join(tables)})"
            )
        return
    check_inside(folder, file)
    check_file(file)
    if table in found:
        raise HemaPilotsError(f"{file}: the table {table} is in {found[table][0].name} too; keep one of them")
    found[table] = (file, form)


class DuckdbTables:
    """Tables that duckdb reads: `files` (table -> path and form), or those of the database at `path`."""

    dialect = DUCKDB

    def __init__(self, path: Path, files: dict[str, tuple[Path, dict]]):
        self.path, self.files, self.where = path, files, str(path)
        self._columns: dict[str, Columns] = {}
        self._relations: dict[str, str] = {}

    def __enter__(self):
        import duckdb

        self._connection = duckdb.connect(":memory:")
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise
        return self

    def __exit__(self, *_):
        self._connection.close()

    def _prepare(self) -> None:
        import duckdb

        run = self._connection.execute
        try:
            for setting in (
                f"memory_limit = '{MEMORY}'",
                "threads = 2",
                "autoinstall_known_extensions = false",
                "temp_directory = ''",
            ):
                run(f"SET {setting}")
            if not self.files:
                if self.path.is_file():
                    run(f"ATTACH {_literal(self.path)} AS cdm (READ_ONLY)")
            # A table in a database may be a view of any file of the host; nothing but the extract is opened.
            allowed = ", ".join(_literal(path) for path, _ in self.files.values())
            run(f"SET allowed_paths = [{allowed}]")
            run("SET enable_external_access = false")
            run("SET lock_configuration = true")
            if not self.files and self.path.is_file():
                self._catalogue()
        except duckdb.Error:
            raise HemaPilotsError(f"{self.path}: not a readable DuckDB database; export it again") from None

    def _catalogue(self) -> None:
        sql = (
            "SELECT c.schema_name, c.table_name, c.column_name FROM duckdb_columns() c JOIN duckdb_tables() t "
            "USING (database_name, schema_name, table_name) WHERE c.database_name = 'cdm' ORDER BY ALL"
        )
        for schema, table, column in self._connection.execute(sql).fetchall():
            relation = f"cdm.{quoted(schema)}.{quoted(table)}"
            if self._relations.setdefault(table.lower(), relation) != relation:
                raise HemaPilotsError(
                    f"{self.path}: the table {table.lower()} is in it more than once; keep one of them"
                )
            self._columns.setdefault(table.lower(), {})[column.lower()] = column

    def columns(self, table: str) -> Columns | None:
        """The columns of a table; None where there is no such table."""
        if table in self.files and table not in self._columns:
            path, form = self.files[table]
            names, self._relations[table] = _parquet(path) if ".parquet" in path.name.lower() else _text(path, form)
            self._columns[table] = named_columns(path, names)
        return self._columns.get(table)

    def relation(self, table: str) -> str:
        """What stands behind FROM."""
        self.columns(table)
        return self._relations[table]

    def rows(self, table: str, query: Query) -> Iterator[list[pa.Array]]:
        """The result of a query in batches, one array of text per column."""
        import threading

        import duckdb

        where = self.files[table][0] if table in self.files else self.path
        # A damaged or hostile database must not hold up the run.
        timer = threading.Timer(SECONDS, self._connection.interrupt)
        timer.start()
        try:
            reader = self._connection.sql(query.sql).to_arrow_reader(BATCH)
            for batch in reader:
                yield [column.cast(pa.string()) for column in batch.columns]
        except (duckdb.Error, pa.ArrowException, OSError):
            raise HemaPilotsError(
                f"{where}: the table {table} cannot be read (rows of another width than the header, quotation marks that do not "
                "pair up, an encoding that is not UTF-8, a damaged file?); export it again"
            ) from None
        finally:
            timer.cancel()


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _parquet(path: Path) -> tuple[list[str], str]:
    with open_parquet(path) as file:
        return file.schema_arrow.names, f"read_parquet({_literal(path)})"


def _text(path: Path, form: dict) -> tuple[list[str], str]:
    """Header and relation of a delimited file, every column of it text."""
    encoding = _ENCODINGS.get((form.get("encoding") or "utf-8").lower())
    if encoding is None:
        raise HemaPilotsError(f"{path}: the encoding {form['encoding']} is not read here; use {', '.join(_ENCODINGS)}")
    header = _first_line(path, encoding)
    delimiters = (form["delimiter"],) if form.get("delimiter") else _DELIMITERS
    for delimiter in delimiters:
        names = [name.strip().strip('"') for name in header.split(delimiter)]
        if "person_id" in (name.lower() for name in names):
            break
    else:
        raise HemaPilotsError(f'{path}, column "person_id": not in the header; export the table as OMOP CDM 5.4')
    named_columns(path, names)
    shape = ", ".join(f"{_quoted_text(name)}: 'VARCHAR'" for name in names)
    packed = "gzip" if path.name.lower().endswith(".gz") else "none"
    return names, (
        f"read_csv({_literal(path)}, auto_detect = false, header = true, delim = {_quoted_text(delimiter)}, quote = '\"', "
        f"escape = '\"', strict_mode = true, null_padding = false, nullstr = {_NULLS}, compression = '{packed}', "
        f"encoding = '{encoding}', columns = {{{shape}}})"
    )


def _quoted_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _first_line(path: Path, encoding: str) -> str:
    import gzip
    import zlib

    try:
        with gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb") as stream:
            head = stream.read(_HEAD)
        text = head.decode(encoding, errors="replace").removeprefix("\ufeff")
    except (OSError, EOFError, zlib.error):
        raise HemaPilotsError(f"{path}: it breaks off or is damaged; copy it again") from None
    line = text.splitlines()[0] if text.splitlines() else ""
    if "\x00" in line or len(line) >= _HEAD // 2:
        raise HemaPilotsError(f"{path}: its first line is no header of a table; export it again")
    return line
