"""Delimited text, workbooks and Parquet files with all their columns, as text."""

import re
from pathlib import Path

import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.csv import columns_at
from hemapilots.ingest.dialect import Dialect, decode, find_delimiter, split_record, without_preamble
from hemapilots.ingest.headers import looks_like_data
from hemapilots.ingest.text import read_bytes
from hemapilots.ingest.wanted import check_width
from hemapilots.scan.tables import MAXIMUM_COLUMNS, Column, Table

__all__ = [
    "alias_of",
    "columns_of",
    "decoded",
    "parsed",
    "read_csv_files",
    "read_parquet_files",
    "read_text_table",
    "read_workbooks",
]


def read_csv_files(folder: Path, files: list[Path]) -> list[Table]:
    """One table per file, its delimiter and encoding told from the text."""
    tables = []
    for path in files:
        frame, form = read_text_table(path)
        tables.append(Table(alias_of(path, tables), str(path.relative_to(folder)), columns_of(frame), form))
    return tables


def read_text_table(path: Path) -> tuple[pd.DataFrame, dict]:
    """(all cells as text, what was told of the form); raises HemaPilotsError where there is no table with a header."""
    found = decoded(path)
    content, named = without_preamble(found.content)
    frame, delimiter = parsed(path, content, named)
    return frame, {"delimiter": delimiter, "encoding": found.encoding}


def decoded(path: Path) -> Dialect:
    """A text file as UTF-8."""
    content = read_bytes(path)
    if not content.strip():
        raise HemaPilotsError(f"{path}: the file is empty; ask for the extract again")
    return decode(path, content, None, "--reader")


def parsed(path: Path, content: bytes, delimiter: str | None = None) -> tuple[pd.DataFrame, str]:
    """(all cells as text, the delimiter). The header is looked at before the rows are: a million columns take minutes."""
    delimiter = delimiter or find_delimiter(path, content, None, "--reader")[0]
    header = split_record(path, content, delimiter, "--reader")
    check_width(path, header, MAXIMUM_COLUMNS)
    try:
        columns, ragged = columns_at(content, delimiter, len(header), list(range(len(header))))
    except ValueError:
        columns, ragged = [], [()]
    if ragged:
        raise HemaPilotsError(f"{path}: its rows do not have the width of the header; check it in an editor")
    _check_header(path, header, [cells.categories for cells in columns])
    frame = pd.DataFrame(dict(enumerate(columns)), copy=False)
    frame.columns = _each_once(header)
    return frame, delimiter


def _each_once(header: list[str]) -> list[str]:
    """Names of columns, each once: a reader refuses a name that stands twice, so the second is shown as one."""
    names: dict[str, None] = {}
    for name in header:
        while name.strip() and name in names:
            name += " (again)"
        names[name if name.strip() else " " * len(names)] = None
    return list(names)


def _check_header(path: Path, names: list, columns: list) -> None:
    """Refuses a table whose first row is a patient: its cells would be shown as names of columns."""
    names = [str(name).strip() for name in names]
    if looks_like_data(names, [name in set(cells) for name, cells in zip(names, columns, strict=True)]):
        raise HemaPilotsError(
            f"{path}: its first row looks like data and not like names of columns; put a header row above it"
        )


def read_workbooks(folder: Path, files: list[Path]) -> list[Table]:
    """One table per sheet that has a header and rows."""
    from hemapilots.ingest.excel import whole_sheets

    tables = []
    for path in files:
        sheets = whole_sheets(path, MAXIMUM_COLUMNS)
        for name, (header, columns) in sheets.items():
            form = {"sheet": name} if len(sheets) > 1 else {}
            _check_header(path, header, [cells.categories for cells in columns])
            alias = alias_of(Path(name) if len(sheets) > 1 else path, tables)
            tables.append(Table(alias, str(path.relative_to(folder)), _named(header, columns), form))
    return tables


def read_parquet_files(folder: Path, files: list[Path]) -> list[Table]:
    """One table per file."""
    from hemapilots.ingest.parquet import whole_table

    tables = []
    for path in files:
        alias = alias_of(path, tables)
        tables.append(Table(alias, str(path.relative_to(folder)), _named(*whole_table(path, MAXIMUM_COLUMNS))))
    return tables


def _named(header: list[str], columns: list[pd.Categorical]) -> list[Column]:
    """Columns with a header; missing cells are the empty text."""
    pairs = [(str(name).strip(), cells) for name, cells in zip(header, columns, strict=True) if str(name).strip()]
    return [Column(name, cells if (cells.codes >= 0).all() else _filled(cells)) for name, cells in pairs]


def _filled(cells: pd.Categorical) -> pd.Categorical:
    cells = cells if "" in cells.categories else cells.add_categories("")
    return pd.Categorical(pd.Series(cells).fillna(""))


def columns_of(frame: pd.DataFrame) -> list[Column]:
    """The columns of a table that `parsed` gave, those with a header."""
    return _named(list(frame.columns), [frame.iloc[:, place].array for place in range(frame.shape[1])])


def alias_of(path: Path, tables: list[Table]) -> str:
    """A name for a file in the mapping, made of its own; unique among the tables."""
    name = re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_") or "table"
    taken = {table.alias for table in tables}
    return name if name not in taken else next(f"{name}_{k}" for k in range(2, 10_000) if f"{name}_{k}" not in taken)
