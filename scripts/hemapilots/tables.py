"""Writing tables and records: under a temporary name, then renamed, so that a reader never sees half a file.

The same content gives the same bytes: no dates, no host facts, columns and keys in the given order.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

__all__ = ["atomic", "read_parquet", "write_csv", "write_json", "write_parquet", "write_text"]


def atomic(path: str | Path, write: Callable[[Path], object]) -> None:
    """Calls `write(temporary path)` in the folder of `path` and renames what it wrote; makes the folder.

    The old file stays where `write` raises; the temporary one is removed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Writes text as UTF-8 with line feeds."""
    atomic(path, lambda temporary: temporary.write_bytes(text.encode("utf-8")))


def write_parquet(path: str | Path, table: pd.DataFrame, repeats: bool = True) -> None:
    """Writes a table without its index; object columns are text, also where all of it is missing.

    Values are coded by a dictionary and compressed (zstd) unless few of them repeat: then that saves no room, and reading takes twice
    as long.
    """
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    for place, name in enumerate(arrow.column_names):
        if pa.types.is_null(arrow.schema.field(place).type) and table[name].dtype == object:
            text = arrow.column(place).cast(pa.string())
            arrow = arrow.set_column(place, pa.field(name, pa.string()), text)
    how = {"compression": "zstd" if repeats else "none", "use_dictionary": repeats}
    atomic(path, lambda temporary: parquet.write_table(arrow, temporary, **how))


def read_parquet(path: str | Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Reads a table, or some of its columns, in one thread: of the many small files of a pilot that halves the time."""
    with parquet.ParquetFile(path) as file:
        return file.read(columns=columns, use_threads=False).to_pandas(use_threads=False)


def write_csv(path: str | Path, table: pd.DataFrame, digits: int = 10) -> None:
    """Writes a table without its index; numbers with `digits` significant digits, missing as empty."""
    shown = table.assign(**{name: _texts(table[name], digits) for name in table.select_dtypes(np.float64)})
    write_text(path, shown.to_csv(index=False, float_format=f"%.{digits}g", lineterminator="\n"))


def _texts(column: pd.Series, digits: int) -> np.ndarray:
    """Numbers as they stand in a CSV file, each distinct one formatted once; told apart by their bits, so that -0 is not 0."""
    bits, place = np.unique(column.to_numpy().view(np.int64), return_inverse=True)
    numbers = bits.view(np.float64)
    texts = np.array([f"%.{digits}g" % number for number in numbers.tolist()], dtype=object)
    return np.where(np.isnan(numbers), "", texts)[place]


def write_json(path: str | Path, record: dict | list) -> None:
    """Writes a record, indented, keys in their order; ValueError for numbers that are not finite."""
    text = json.dumps(record, ensure_ascii=False, indent=2, allow_nan=False, default=_plain)
    write_text(path, text + "\n")


def _plain(value):
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
