"""Reader of delimited text files, joined on the patient id.

Strict where a lenient parser would shift or drop cells in silence: every row must have the header's width.
Only the mapped columns are converted, each distinct text once.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv

from hemapilots.delivered import Delivered
from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.assemble import assemble
from hemapilots.ingest.text import Text, open_text
from hemapilots.ingest.wanted import locate, used_files

__all__ = ["check", "columns_at", "read", "read_columns"]

# Larger blocks have larger dictionaries, which no longer fit the processor's cache: twice as slow.
_BLOCK = 1 << 22


def read(folder: Path, mapping: dict) -> Delivered:
    """Rows of the first file, in its order; see `hemapilots.delivered`."""
    texts = {alias: open_text(folder, mapping, alias) for alias in used_files(mapping)}
    tables = {
        alias: read_columns(text, locate(text.path, text.header, mapping, alias)) for alias, text in texts.items()
    }
    delivered = assemble(tables, {alias: text.path for alias, text in texts.items()}, mapping)
    delivered.remarks[:0] = [remark for text in texts.values() for remark in text.remarks]
    return delivered


def check(folder: Path, mapping: dict) -> None:
    """Raises HemaPilotsError where a file is absent, empty or a pointer, or lacks a mapped column."""
    for alias in used_files(mapping):
        text = open_text(folder, mapping, alias, head=True)
        locate(text.path, text.header, mapping, alias)


def read_columns(text: Text, places: dict[str, int]) -> pd.DataFrame:
    """Columns at positions of the header as Categoricals of text, under the given names.

    Raises HemaPilotsError for rows of another width than the header, quotation marks that do not pair up, no row.
    """
    if text.content.count(b'"') % 2:
        raise HemaPilotsError(f'{text.path}: its quotation marks (") do not pair up; close or double the odd one')
    wanted, width = sorted(set(places.values())), len(text.header)
    try:
        columns, ragged = columns_at(text.content, text.delimiter, width, wanted)
    except ValueError:
        # The parser's own message quotes the row: it must not be shown.
        raise HemaPilotsError(f"{text.path}: not a readable delimited text file; check it in an editor") from None
    if ragged:
        (line, found), rows = ragged[0], "1 such row" if len(ragged) == 1 else f"{len(ragged)} such rows"
        raise HemaPilotsError(
            f"{text.path}, record {line} (the header is 1): {found} fields where the header has {width} ({rows}); quote "
            f"fields that hold the delimiter, or mend files.{text.alias}.delimiter"
        )
    if not columns or not len(columns[0]):
        raise HemaPilotsError(f"{text.path}: there is a header but no data row; ask for the extract again")
    cells = dict(zip(wanted, columns, strict=True))
    return pd.DataFrame({name: cells[place] for name, place in places.items()}, copy=False)


def columns_at(
    content: bytes, delimiter: str, width: int, places: list[int]
) -> tuple[list[pd.Categorical], list[tuple]]:
    """(the columns at some places of a UTF-8 table with a header of `width` fields, record and fields of every row of another width).

    Raises ValueError where the text cannot be read as a table; its words may quote a row.
    """
    ragged = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        ragged.append((row.number, row.actual_columns))
        return "skip"

    if content.count(b'"') % 2:
        # A quotation that is opened and never closed swallows the rows that follow.
        raise ValueError("quotation marks")
    # Columns are called by position because a header may repeat a name.
    names = [str(place) for place in places]
    table = arrow_csv.read_csv(
        pa.BufferReader(content),
        read_options=arrow_csv.ReadOptions(
            column_names=[str(place) for place in range(width)],
            skip_rows_after_names=1,
            # One thread: only then do faulty rows have their line numbers.
            use_threads=False,
            block_size=_BLOCK,
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=b'"' in content, invalid_row_handler=skip
        ),
        convert_options=arrow_csv.ConvertOptions(
            include_columns=names,
            column_types={name: pa.dictionary(pa.int32(), pa.string()) for name in names},
            strings_can_be_null=False,
        ),
    )
    return [_categorical(table.column(name)) for name in names], ragged


def _categorical(column: pa.ChunkedArray) -> pd.Categorical:
    column = column.unify_dictionaries().combine_chunks()
    column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    categories = pd.Index(column.dictionary.to_pandas(), dtype=object)
    return pd.Categorical.from_codes(np.asarray(column.indices), categories=categories)
