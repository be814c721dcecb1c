"""Reader of Parquet files: the mapped columns only, as text."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hemapilots.delivered import Delivered
from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.assemble import assemble
from hemapilots.ingest.files import data_path
from hemapilots.ingest.sheet_cells import cell_text
from hemapilots.ingest.wanted import MAXIMUM_COLUMNS, check_width, locate, used_files

__all__ = ["as_categorical", "check", "open_parquet", "read", "whole_table"]

MAXIMUM_ROWS = 50_000_000
# Of the wanted columns: a cell takes four bytes, one column at a time is unpacked.
MAXIMUM_CELLS = 400_000_000
MAXIMUM_UNPACKED = 2 << 30
_UNREADABLE = (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError, LookupError)


def read(folder: Path, mapping: dict) -> Delivered:
    """Rows of the first file, in its order; see `hemapilots.delivered`."""
    tables, paths = {}, {}
    for alias in used_files(mapping):
        path, file = _open(folder, mapping, alias)
        with file:
            places = locate(path, file.schema_arrow.names, mapping, alias)
            cells = _columns(path, file, sorted(set(places.values())))
        tables[alias] = pd.DataFrame({name: cells[place] for name, place in places.items()}, copy=False)
        paths[alias] = path
    return assemble(tables, paths, mapping)


def check(folder: Path, mapping: dict) -> None:
    """Raises HemaPilotsError where a file is absent, not Parquet, or lacks a mapped column."""
    for alias in used_files(mapping):
        path, file = _open(folder, mapping, alias)
        with file:
            locate(path, file.schema_arrow.names, mapping, alias)


def whole_table(path: Path, most: int = MAXIMUM_COLUMNS) -> tuple[list[str], list[pd.Categorical]]:
    """Header and all columns as text, for a scan; most: columns that it may have.

    Raises HemaPilotsError for what is not Parquet, or is too large.
    """
    file = _opened(path)
    with file:
        names = file.schema_arrow.names
        check_width(path, names, most)
        columns = _columns(path, file, list(range(len(names))))
    return names, list(columns.values())


def _open(folder: Path, mapping: dict, alias: str):
    path = data_path(folder, mapping, alias)
    return path, _opened(path)


def open_parquet(path: Path):
    """A Parquet file, its footer read within bounds; raises HemaPilotsError for what is none."""
    from pyarrow import parquet

    try:
        # Bounds on what a hostile footer can make the reader allocate.
        file = parquet.ParquetFile(path, thrift_string_size_limit=100 << 20, thrift_container_size_limit=1_000_000)
        file.schema_arrow.names  # noqa: B018 - the schema is read here, or is not readable
    except _UNREADABLE:
        raise HemaPilotsError(f"{path}: not a readable Parquet file; export it again") from None
    return file


def _opened(path: Path):
    file = open_parquet(path)
    names = file.schema_arrow.names
    if file.metadata.num_rows == 0:
        raise HemaPilotsError(f"{path}: there are {len(names)} columns but no row; ask for the extract again")
    if file.metadata.num_rows > MAXIMUM_ROWS:
        raise HemaPilotsError(f"{path}: more than {MAXIMUM_ROWS:,} rows; deliver it as a database")
    return file


def _columns(path: Path, file, places: list[int]) -> dict[int, pd.Categorical]:
    names = file.schema_arrow.names
    nested = [names[place] for place in places if pa.types.is_nested(file.schema_arrow.field(place).type)]
    if nested:
        raise HemaPilotsError(f'{path}, column "{nested[0]}": a column of lists or records; flatten it')
    doubled = [names[place] for place in places if names.count(names[place]) > 1]
    if doubled:
        raise HemaPilotsError(f'{path}, column "{doubled[0]}": the file has it twice; keep one of them')
    if file.metadata.num_rows * len(places) > MAXIMUM_CELLS:
        raise HemaPilotsError(f"{path}: more than {MAXIMUM_CELLS:,} cells in the mapped columns; split it")
    _bound(path, file, [names[place] for place in places])
    try:
        return {
            place: as_categorical(file.read(columns=[names[place]], use_threads=False)[names[place]])
            for place in places
        }
    except _UNREADABLE:
        raise HemaPilotsError(f"{path}: a column cannot be read; export the file again") from None


def _bound(path: Path, file, names: list[str]) -> None:
    """Refuses a wanted column that unpacks to more than a table of patients holds, before anything is unpacked."""
    sizes = dict.fromkeys(names, 0)
    for group in range(file.metadata.num_row_groups):
        for at in range(file.metadata.num_columns):
            part = file.metadata.row_group(group).column(at)
            if part.path_in_schema in sizes:
                sizes[part.path_in_schema] += max(part.total_uncompressed_size, 0)
    for name, size in sizes.items():
        if size > MAXIMUM_UNPACKED:
            raise HemaPilotsError(f'{path}, column "{name}": it unpacks to {size >> 20} MiB; deliver it as a database')


def as_categorical(column: pa.ChunkedArray) -> pd.Categorical:
    """Any plain column as a Categorical of text, each distinct value written once.

    Nulls and not-a-number stay null, whole numbers have no decimals, days are year-month-day.
    """
    encoded = column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)
    encoded = encoded.unify_dictionaries().combine_chunks()
    encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
    texts = [_text(value) for value in _values(encoded.dictionary)]
    codes = np.asarray(encoded.indices.cast(pa.int64()).fill_null(-1))
    # Two values may have one text: 1 and 1.0 in a column of decimals.
    again, categories = pd.factorize(np.array(texts, dtype=object))
    codes = np.where(codes >= 0, again[codes] if len(again) else -1, -1)
    return pd.Categorical.from_codes(codes, categories=pd.Index(categories, dtype=object))


def _values(dictionary: pa.Array) -> list:
    """The distinct values; numbers of single precision as the shortest decimals, 9.8 and not 9.800000190734863."""
    if pa.types.is_float16(dictionary.type) or pa.types.is_float32(dictionary.type):
        return [None if value is None else float(str(value)) for value in dictionary.to_numpy(zero_copy_only=False)]
    return dictionary.to_pylist()


def _text(value) -> str | None:
    if value is None or value != value:
        return None
    return value.decode("utf-8", errors="strict") if isinstance(value, bytes) else cell_text(value)
