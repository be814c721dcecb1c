"""Delimited text, workbooks and Parquet files with all their columns, as text."""

import csv
import io
import re
from pathlib import Path

import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.dialect import decode, find_delimiter
from hemapilots.scan.tables import Column, Table

__all__ = ["alias_of", "columns_of", "read_csv_files", "read_parquet_files", "read_text_table", "read_workbooks"]

MAXIMUM_BYTES = 1 << 31


def read_csv_files(folder: Path, files: list[Path]) -> list[Table]:
    """One table per file, its delimiter and encoding told from the text."""
    tables = []
    for path in files:
        frame, form = read_text_table(path)
        tables.append(Table(alias_of(path, tables), str(path.relative_to(folder)), columns_of(frame), form))
    return tables


def read_text_table(path: Path, skip: int = 0, delimiter: str | None = None) -> tuple[pd.DataFrame, dict]:
    """(all cells as text, what was told of the form). skip: lines before the header."""
    if path.stat().st_size > MAXIMUM_BYTES:
        raise HemaPilotsError(f"{path}: larger than {MAXIMUM_BYTES >> 30} GiB; scan a part of it")
    raw = path.read_bytes()
    if not raw.strip():
        raise HemaPilotsError(f"{path}: the file is empty; ask for the extract again")
    found = decode(path, raw, None, "--reader")
    content = b"".join(found.content.splitlines(keepends=True)[skip:]) if skip else found.content
    delimiter = delimiter or find_delimiter(path, content, None, "--reader")[0]
    try:
        frame = pd.read_csv(
            io.BytesIO(content), sep=delimiter, dtype=str, keep_default_na=False, na_filter=False, index_col=False
        )
    except (ValueError, csv.Error, OverflowError):
        # The parser's own message may quote a row.
        raise HemaPilotsError(f"{path}: its rows do not have the width of the header; check it in an editor") from None
    return frame, {"delimiter": delimiter, "encoding": found.encoding}


def read_workbooks(folder: Path, files: list[Path]) -> list[Table]:
    """One table per sheet that has a header and rows."""
    from hemapilots.ingest.excel import whole_sheets

    tables = []
    for path in files:
        sheets = whole_sheets(path)
        for name, (header, columns) in sheets.items():
            form = {"sheet": name} if len(sheets) > 1 else {}
            alias = alias_of(Path(name) if len(sheets) > 1 else path, tables)
            tables.append(Table(alias, str(path.relative_to(folder)), _named(header, columns), form))
    return tables


def read_parquet_files(folder: Path, files: list[Path]) -> list[Table]:
    """One table per file."""
    from hemapilots.ingest.parquet import whole_table

    tables = []
    for path in files:
        alias = alias_of(path, tables)
        tables.append(Table(alias, str(path.relative_to(folder)), _named(*whole_table(path))))
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
