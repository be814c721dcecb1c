"""Reader of delimited text files, joined on the patient id.

Strict where a lenient parser would shift or drop cells in silence: every row must have the header's width.
Only the mapped columns are converted.
"""

import csv
import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.files import columns_of, data_path, join, locate

__all__ = ["check", "read"]

_BLOCK = 1 << 24


def read(folder: Path, mapping: dict) -> pd.DataFrame:
    """`patient_id` and one column of raw text per mapped variable; rows of the first file, in its order."""
    paths = {alias: data_path(folder, mapping, alias) for alias in _used(mapping)}
    tables = {alias: _read_file(path, mapping, alias) for alias, path in paths.items()}
    return join(tables, paths, mapping)


def check(folder: Path, mapping: dict) -> None:
    """Raises HemaPilotsError where a file is absent, empty or a pointer, or lacks a mapped column."""
    for alias in _used(mapping):
        path = data_path(folder, mapping, alias)
        locate(path, _header(path, mapping, alias), mapping, alias)


def _used(mapping: dict) -> list[str]:
    first = next(iter(mapping["files"]))
    return [alias for alias in mapping["files"] if alias == first or columns_of(mapping, alias)]


def _encoding(mapping: dict, alias: str) -> str:
    encoding = mapping["files"][alias].get("encoding") or "utf-8"
    # A byte order mark is part of what Excel calls UTF-8.
    return "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding


def _delimiter(mapping: dict, alias: str) -> str:
    return mapping["files"][alias].get("delimiter") or ","


def _encoding_fault(path: Path, mapping: dict, alias: str) -> HemaPilotsError:
    encoding = mapping["files"][alias].get("encoding") or "utf-8"
    return HemaPilotsError(
        f"{path}: not written in {encoding}; name the right encoding in mapping {mapping.get('name', '')}, "
        f"files.{alias}.encoding (cp1252 and latin-1 are frequent)"
    )


def _header(path: Path, mapping: dict, alias: str) -> list[str]:
    try:
        with path.open(encoding=_encoding(mapping, alias), newline="") as stream:
            return next(csv.reader(stream, delimiter=_delimiter(mapping, alias)), [])
    except (UnicodeError, LookupError):
        raise _encoding_fault(path, mapping, alias) from None
    except (csv.Error, TypeError) as error:
        raise HemaPilotsError(
            f"{path}: the header cannot be read ({error}); check files.{alias}.delimiter in mapping "
            f"{mapping.get('name', '')}"
        ) from None


def _read_file(path: Path, mapping: dict, alias: str) -> pd.DataFrame:
    header = _header(path, mapping, alias)
    places = locate(path, header, mapping, alias)
    content = _balanced(path, path.read_bytes(), _encoding(mapping, alias))
    table = _parse(path, content, mapping, alias, len(header), sorted(set(places.values())))
    if table.num_rows == 0:
        raise HemaPilotsError(f"{path}: there is a header but no data row; ask for the extract again")
    columns = {name: table.column(str(place)).to_pandas().astype(object) for name, place in places.items()}
    return pd.DataFrame(columns)


def _balanced(path: Path, content: bytes, encoding: str) -> bytes:
    wide = encoding.lower().startswith(("utf-16", "utf_16", "utf-32", "utf_32"))
    if not wide and content.count(b'"') % 2:
        # A quotation that is opened and never closed swallows the rows that follow.
        raise HemaPilotsError(f'{path}: its quotation marks (") do not pair up; close or double the odd one')
    return content


def _parse(path: Path, content: bytes, mapping: dict, alias: str, width: int, places: list[int]) -> pa.Table:
    """The columns at `places` as text; columns are called by position because a header may repeat a name."""
    names = [str(place) for place in places]
    ragged = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        ragged.append((row.number, row.actual_columns))
        return "skip"

    try:
        table = arrow_csv.read_csv(
            io.BytesIO(content),
            # One thread: only then do faulty rows have their line numbers.
            read_options=arrow_csv.ReadOptions(
                column_names=[str(place) for place in range(width)],
                skip_rows_after_names=1,
                encoding=_encoding(mapping, alias).replace("utf-8-sig", "utf-8"),
                use_threads=False,
                block_size=_BLOCK,
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=_delimiter(mapping, alias), newlines_in_values=True, invalid_row_handler=skip
            ),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=names,
                column_types={name: pa.string() for name in names},
                strings_can_be_null=False,
            ),
        )
    except (UnicodeError, LookupError):
        raise _encoding_fault(path, mapping, alias) from None
    except pa.ArrowInvalid as error:
        # The parser's own message quotes the row: it must not be shown.
        if "UTF8" in str(error):
            raise _encoding_fault(path, mapping, alias) from None
        raise HemaPilotsError(f"{path}: not a readable delimited text file; check it in an editor") from None
    if ragged:
        line, found = ragged[0]
        raise HemaPilotsError(
            f"{path}, record {line} (the header is 1): {found} fields where the header has {width} "
            f"({len(ragged)} such rows); quote fields that hold the delimiter, or mend "
            f"files.{alias}.delimiter"
        )
    return table
