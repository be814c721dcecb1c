"""Reader of spreadsheets: xls, xlsx, xlsb and ods, through calamine. Cells become the text that a person would type.

A percentage is the fraction that the spreadsheet stores; what was typed as text stays as it is.
"""

import json
import os
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.delivered import Delivered, Remark
from hemapilots.errors import HemaPilotsError
from hemapilots.ingest import sheet_cells
from hemapilots.ingest.assemble import assemble
from hemapilots.ingest.files import data_path
from hemapilots.ingest.wanted import MAXIMUM_COLUMNS, check_width, locate, used_files

__all__ = ["check", "read", "whole_sheets"]

SUFFIXES = (".xls", ".xlsx", ".xlsm", ".xlsb", ".ods")
# What a spreadsheet may unpack to. A sheet of a million rows and a hundred columns is smaller.
MAXIMUM_UNPACKED = 1 << 30
MAXIMUM_RATIO = 200
# Paths and letters only. SYSTEMROOT: without it Python does not start on Windows.
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "SYSTEMROOT")
_ZIP, _RATIO_APPLIES = b"PK\x03\x04", 1 << 24


def read(folder: Path, mapping: dict) -> Delivered:
    """Rows of the first file's sheet, in its order; see `hemapilots.delivered`."""
    tables, paths, remarks = {}, {}, []
    for alias in used_files(mapping):
        with _opened(folder, mapping, alias) as (path, header, sheet):
            places = locate(path, header, mapping, alias)
            columns, days = sheet.columns(sorted(set(places.values())))
        tables[alias] = pd.DataFrame({name: columns[place] for name, place in places.items()}, copy=False)
        paths[alias] = path
        if days:
            remarks.append(Remark(None, "converted", None, f"{path.name}: cells held as days by the spreadsheet", days))
        if sheet.unplaced:
            detail = f"{path.name}: cells with a fault of a formula, read as blank"
            remarks.append(Remark(None, "flagged", "parse_error", detail, sheet.unplaced))
    delivered = assemble(tables, paths, mapping)
    delivered.remarks[:0] = remarks
    return delivered


def check(folder: Path, mapping: dict) -> None:
    """Raises HemaPilotsError where a file is absent, empty or a pointer, or lacks its sheet or a mapped column."""
    for alias in used_files(mapping):
        with _opened(folder, mapping, alias) as (path, header, _):
            locate(path, header, mapping, alias)


def whole_sheets(path: Path, most: int = MAXIMUM_COLUMNS) -> dict[str, tuple[list[str], list[pd.Categorical]]]:
    """Visible sheet -> header and all its columns as text, for a scan; sheets without a header or rows are left out.

    most: columns that a sheet may have.

    Raises HemaPilotsError for what is not a spreadsheet, or is too large.
    """
    _check_unpacked(path)
    with _Sheet(path, None) as sheet:
        start = sheet.answer()
    names = start["sheets"] if start.get("fault") == "several" else [None]
    found = {}
    for name in names:
        with _Sheet(path, name) as sheet:
            start = sheet.answer()
            if start.get("fault") == "empty" or not start.get("rows", True):
                continue
            if "fault" in start:
                raise _refusal(start, path, "--reader excel", name)
            check_width(path, start["header"], most)
            columns, _ = sheet.columns(list(range(len(start["header"]))))
            found[name or ""] = (start["header"], list(columns.values()))
    return found


@contextmanager
def _opened(folder: Path, mapping: dict, alias: str):
    """Path, header and sheet of a file; raises HemaPilotsError for what is not a spreadsheet with a header and rows."""
    path = data_path(folder, mapping, alias)
    field = f"mapping {mapping.get('name', '')}, files.{alias}"
    if path.suffix.lower() not in SUFFIXES:
        raise HemaPilotsError(f"{path}: not a spreadsheet by its name ({field}.path); use one of {', '.join(SUFFIXES)}")
    _check_unpacked(path)
    name = mapping["files"][alias].get("sheet")
    with _Sheet(path, name) as sheet:
        start = sheet.answer()
        if "fault" in start:
            raise _refusal(start, path, field, name)
        header = start["header"]
        check_width(path, header)
        nameless = len(header) > 2 and header.count("") > len(header) / 2
        if nameless or start["merged"]:
            why = (
                "cells of its first row are merged" if start["merged"] else "most columns of its first row have no name"
            )
            raise HemaPilotsError(f"{path}: {why}; let the header be the first row, with one name per column")
        if not start["rows"]:
            raise HemaPilotsError(f"{path}: there is a header but no data row; ask for the extract again")
        sheet.unplaced = start["unplaced"]
        yield path, header, sheet


def _refusal(start: dict, path: Path, field: str, name: str | None) -> HemaPilotsError:
    known = ", ".join(f'"{sheet}"' for sheet in start.get("sheets", []))
    return HemaPilotsError(
        {
            "absent": f'{path}: there is no sheet "{name}" ({field}.sheet); it has {known}',
            "several": f"{path}: it has {start.get('count')} sheets ({known}); name one in {field}.sheet",
            "large": f"{path}: more than {sheet_cells.MAXIMUM_CELLS:,} cells; deliver it as CSV or Parquet",
            "empty": f"{path}: the sheet is empty; ask for the extract again",
            "unreadable": f"{path}: not a readable spreadsheet, or protected; open and save it again",
        }[start["fault"]]
    )


class _Sheet:
    """A sheet that a process of its own reads: its header first, then the columns that are asked for."""

    def __init__(self, path: Path, name: str | None):
        self.path, self.unplaced = path, 0
        # -P: without the folder of that script, whose csv.py is not Python's.
        command = [sys.executable, "-P", sheet_cells.__file__, str(path.resolve()), json.dumps(name)]
        # The parser of a file from elsewhere gets none of the secrets that stand in this process's environment.
        shown = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=shown
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def answer(self) -> dict | list:
        """The next line of the process; raises HemaPilotsError where it ended instead."""
        try:
            return json.loads(self.process.stdout.readline())
        except ValueError:
            raise self._ended() from None

    def columns(self, places: list[int]) -> tuple[dict[int, pd.Categorical], int]:
        """Position -> cells as text, and how many of them the spreadsheet holds as days."""
        try:
            self.process.stdin.write(json.dumps(places).encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            raise self._ended() from None
        about, columns = self.answer(), {}
        for place in places:
            texts, size = self.answer(), 4 * about["count"]
            codes = self.process.stdout.read(size)
            if len(codes) != size:
                raise self._ended()
            columns[place] = pd.Categorical.from_codes(
                np.frombuffer(codes, dtype=np.int32), categories=pd.Index(texts, dtype=object)
            )
        return columns, about["days"]

    def _ended(self) -> HemaPilotsError:
        return HemaPilotsError(
            f"{self.path}: not a readable spreadsheet, or one that takes more than 4 GiB or "
            f"{sheet_cells.MAXIMUM_SECONDS} s to read; remove what stands far below or beside the table, and save it again"
        )


def _check_unpacked(path: Path) -> None:
    """Refuses a packed spreadsheet that would unpack to far more than a table of patients, before anything is unpacked."""
    with path.open("rb") as stream:
        packed = stream.read(4) == _ZIP
    if not packed:
        return
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = [(part.file_size, part.compress_size) for part in archive.infolist()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeError):
        raise HemaPilotsError(f"{path}: not a readable spreadsheet; open and save it again") from None
    large = any(size > _RATIO_APPLIES and size > MAXIMUM_RATIO * max(packed, 1) for size, packed in sizes)
    if large or sum(size for size, _ in sizes) > MAXIMUM_UNPACKED:
        raise HemaPilotsError(
            f"{path}: it unpacks to {sum(size for size, _ in sizes) >> 20} MiB, far more than a table of patients; "
            "deliver the table as CSV or Parquet"
        )
