"""Writes a workbook: numbers and days as typed cells, all else as text."""

import datetime
import re
from pathlib import Path

from extracts.cells import Tables

__all__ = ["write"]

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def write(tables: Tables, folder: Path) -> None:
    """One sheet per table, in the workbook that the mapping names; sheets of one path share a workbook."""
    from openpyxl import Workbook

    books = {}
    for alias, table in tables.files.items():
        form = tables.mapping["files"][alias]
        book = books.setdefault(form["path"], Workbook())
        sheet = book.create_sheet(form.get("sheet") or alias)
        sheet.append(list(table.columns))
        for row in table.itertuples(index=False):
            sheet.append([_typed(cell) for cell in row])
    for path, book in books.items():
        del book["Sheet"]
        book.save(folder / path)


def _typed(cell):
    if cell is None or cell == "":
        return None
    if _NUMBER.fullmatch(cell):
        return float(cell) if "." in cell else int(cell)
    return datetime.datetime.fromisoformat(cell) if _DAY.fullmatch(cell) else cell
