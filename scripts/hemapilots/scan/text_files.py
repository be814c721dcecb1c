"""Delimited text, workbooks and Parquet files with all their columns, as text."""

import csv
import io
import re
import warnings
from pathlib import Path

import pandas as pd

from hemapilots.errors import HemaPilotsError
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
    check_width(path, split_record(path, content, delimiter, "--reader"), MAXIMUM_COLUMNS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                io.BytesIO(content), sep=delimiter, dtype=str, keep_default_na=False, na_filter=False, index_col=False
            )
    except (ValueError, csv.Error, OverflowError, pd.errors.ParserWarning):
        # The parser's own message may quote a row.
        raise HemaPilotsError(f"{path}: its rows do not have the width of the header; check it in an editor") from None
    _check_header(path, list(frame.columns), [frame.iloc[:, place].astype(str) for place in range(frame.shape[1])])
    return frame, delimiter


def _check_header(path: Path, names: list, columns: list) -> None:
    """Refuses a table whose first row is a patient: its cells would be shown as names of columns."""
    names = ["" if str(name).startswith("Unnamed:") else str(name).strip() for name in names]
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
    """Columns with a header; blank cells and missing ones are the empty text."""
    columns = []
    for place, name in enumerate(frame.columns):
        if not str(name).strip() or str(name).startswith("Unnamed:"):
            continue
        cells = frame.iloc[:, place].astype(object)
        columns.append(Column(str(name).strip(), pd.Categorical(cells.where(cells.notna(), "").astype(str))))
    return columns


def alias_of(path: Path, tables: list[Table]) -> str:
    """A name for a file in the mapping, made of its own; unique among the tables."""
    name = re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_") or "table"
    taken = {table.alias for table in tables}
    return name if name not in taken else next(f"{name}_{k}" for k in range(2, 10_000) if f"{name}_{k}" not in taken)
