"""Reader of Parquet files: the mapped columns only, as text."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.assemble import assemble
from hemapilots.ingest.delivered import Delivered
from hemapilots.ingest.files import data_path
from hemapilots.ingest.wanted import locate, used_files

__all__ = ["as_categorical", "check", "read"]

MAXIMUM_ROWS = 50_000_000


def read(folder: Path, mapping: dict) -> Delivered:
    """Rows of the first file, in its order; see `hemapilots.ingest.delivered`."""
    tables, paths = {}, {}
    for alias in used_files(mapping):
        path, file = _open(folder, mapping, alias)
        places = locate(path, file.schema_arrow.names, mapping, alias)
        cells = _columns(path, file, sorted(set(places.values())))
        tables[alias] = pd.DataFrame({name: cells[place] for name, place in places.items()}, copy=False)
        paths[alias] = path
    return assemble(tables, paths, mapping)


def check(folder: Path, mapping: dict) -> None:
    """Raises HemaPilotsError where a file is absent, not Parquet, or lacks a mapped column."""
    for alias in used_files(mapping):
        path, file = _open(folder, mapping, alias)
        locate(path, file.schema_arrow.names, mapping, alias)


def _open(folder: Path, mapping: dict, alias: str):
    from pyarrow import parquet

    path = data_path(folder, mapping, alias)
    try:
        # Bounds on what a hostile footer can make the reader allocate.
        file = parquet.ParquetFile(path, thrift_string_size_limit=100 << 20, thrift_container_size_limit=1_000_000)
        names = file.schema_arrow.names
    except (pa.ArrowException, OSError, ValueError, MemoryError):
        raise HemaPilotsError(f"{path}: not a readable Parquet file; export it again") from None
    if file.metadata.num_rows == 0:
        raise HemaPilotsError(f"{path}: there are {len(names)} columns but no row; ask for the extract again")
    if file.metadata.num_rows > MAXIMUM_ROWS:
        raise HemaPilotsError(f"{path}: more than {MAXIMUM_ROWS:,} rows; deliver it as a database")
    return path, file


def _columns(path: Path, file, places: list[int]) -> dict[int, pd.Categorical]:
    names = file.schema_arrow.names
    nested = [names[place] for place in places if pa.types.is_nested(file.schema_arrow.field(place).type)]
    if nested:
        raise HemaPilotsError(f'{path}, column "{nested[0]}": a column of lists or records; flatten it')
    doubled = [names[place] for place in places if names.count(names[place]) > 1]
    if doubled:
        raise HemaPilotsError(f'{path}, column "{doubled[0]}": the file has it twice; keep one of them')
    try:
        table = file.read(columns=[names[place] for place in places], use_threads=False)
        return {place: as_categorical(table.column(names[place])) for place in places}
    except (pa.ArrowException, OSError, ValueError, MemoryError, UnicodeError):
        raise HemaPilotsError(f"{path}: a column cannot be read; export the file again") from None


def as_categorical(column: pa.ChunkedArray) -> pd.Categorical:
    """Any plain column as a Categorical of text; nulls stay null, whole numbers have no decimals, days are year-month-day."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    encoded = pc.dictionary_encode(column)
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
    texts = [_text(value) for value in encoded.dictionary.to_pylist()]
    codes = np.asarray(encoded.indices.fill_null(-1), dtype=np.int64)
    # Two values may have one text: 1 and 1.0 in a column of decimals.
    again, categories = pd.factorize(np.array(texts, dtype=object))
    codes = np.where(codes >= 0, again[codes] if len(again) else -1, -1)
    return pd.Categorical.from_codes(codes, categories=pd.Index(categories, dtype=object))


def _text(value) -> str | None:
    from hemapilots.ingest.sheet_cells import cell_text

    return value.decode("utf-8", errors="strict") if isinstance(value, bytes) else cell_text(value)
