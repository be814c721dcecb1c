"""The file of new patients, CSV or Parquet: read as it is, with the line on which each patient stands."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.tables import read_parquet

__all__ = ["read_table"]

# What else than a comma may stand between the columns.
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def read_table(path: Path) -> pd.DataFrame:
    """A CSV (text, None where a cell is empty) or Parquet file with one row per patient.

    The index, named `line` or `row`, says where each stands in the file. Raises HemaPilotsError where it cannot be read.
    """
    if not path.is_file():
        raise HemaPilotsError(f"{path}: no such file; give a CSV or Parquet file with one row per patient")
    table = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    if table.empty:
        raise HemaPilotsError(f"{path}: it holds no patients; give one row for each")
    return table


def _parquet(path: Path) -> pd.DataFrame:
    try:
        table = read_parquet(path)
    except ValueError:
        raise HemaPilotsError(f"{path}: it is not Parquet; write it anew, or name a CSV file .csv") from None
    return table.set_axis(pd.RangeIndex(1, len(table) + 1, name="row"))


def _csv(path: Path) -> pd.DataFrame:
    records = _records(path, _text(path))
    first, header = next(records, (1, []))
    header = [name.strip() for name in header]
    if not any(header):
        raise HemaPilotsError(
            f"{path}: it is empty; `hemapilots predict MODEL --template FILE` writes a table to fill in"
        )
    if len(header) == 1 and (sign := next((sign for sign in _SEPARATORS if sign in header[0]), None)):
        raise HemaPilotsError(
            f"{path}: its columns are separated by {_SEPARATORS[sign]}; separate them by commas, and write decimals with a point"
        )
    for name, count in Counter(header).items():
        if not name:
            raise HemaPilotsError(f"{path}, line {first}: a column has no name; name it, or leave it out")
        if count > 1:
            raise HemaPilotsError(f"{path}: column {name} stands there twice; leave one")
    lines, rows = [], []
    for line, fields in records:
        if len(fields) > len(header):
            raise HemaPilotsError(f"{path}, line {line}: it has more fields than the header; give each field a column")
        lines.append(line)
        rows.append([cell.strip() or None for cell in fields] + [None] * (len(header) - len(fields)))
    return pd.DataFrame(rows, columns=header, index=pd.Index(lines, name="line", dtype=int), dtype=object)


def _text(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise HemaPilotsError(f"{path}: it is not text in UTF-8; save it as CSV in UTF-8") from None
    if "\x00" in text:
        raise HemaPilotsError(f"{path}: it holds null characters, so it is no text; save it as CSV in UTF-8")
    return text


# Signs of a cell: Python's own limit, which other libraries of a process may have raised.
LONGEST = 131_072
TOO_LONG = f"a cell holds more than {LONGEST:,} signs; shorten it, or leave its column out"


def _records(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """(line on which it begins, fields) of each record; blank lines are none."""
    reader, before = csv.reader(io.StringIO(text, newline=""), strict=True), 0
    try:
        for fields in reader:
            if max(map(len, fields), default=0) > LONGEST:
                raise HemaPilotsError(f"{path}, line {before + 1}: {TOO_LONG}")
            if any(field.strip() for field in fields) or len(fields) > 1:
                yield before + 1, fields
            before = reader.line_num
    except csv.Error as error:
        what = "its quotes do not pair; put one at each end of a field, and double those within"
        # A quote that is never closed swallows what follows, and may reach the limit as well.
        if "field limit" in str(error) and text.count('"') % 2 == 0:
            what = TOO_LONG
        raise HemaPilotsError(f"{path}, line {before + 1}: {what}") from None
