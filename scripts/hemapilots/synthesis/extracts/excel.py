"""Writes a workbook (Office Open XML): numbers and days as typed cells, all else as text."""

import datetime
import re
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pandas as pd

from hemapilots.synthesis.extracts.inverse import by_distinct
from hemapilots.synthesis.extracts.source import Tables

__all__ = ["write"]

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Day 0 of spreadsheets, for days from March 1900 on.
_EPOCH = datetime.date(1899, 12, 30)
_BLANK = "<c/>"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
# Style 1 is a day: number format 14 of the standard.
_STYLES = (
    f"<styleSheet {_MAIN}><fonts count='1'><font/></fonts>"
    "<fills count='2'><fill><patternFill patternType='none'/></fill><fill><patternFill patternType='gray125'/></fill></fills>"
    "<borders count='1'><border><left/><right/><top/><bottom/><diagonal/></border></borders>"
    "<cellStyleXfs count='1'><xf/></cellStyleXfs>"
    "<cellXfs count='2'><xf/><xf numFmtId='14' applyNumberFormat='1'/></cellXfs>"
    "<cellStyles count='1'><cellStyle name='Normal' xfId='0' builtinId='0'/></cellStyles></styleSheet>"
)
# A fixed time, so that the same cells give the same bytes.
_WRITTEN = (1980, 1, 1, 0, 0, 0)


def write(tables: Tables, folder: Path, seed=0) -> list[Path]:
    """One sheet per table, in the workbook that the mapping names; sheets of one path share a workbook. Returns the paths."""
    books: dict[str, dict[str, pd.DataFrame]] = {}
    for alias, table in tables.files.items():
        form = tables.mapping["files"][alias]
        books.setdefault(form["path"], {})[form.get("sheet") or alias] = table
    for path, sheets in books.items():
        _write_book(folder / path, sheets)
    return [folder / path for path in books]


def _write_book(path: Path, sheets: dict[str, pd.DataFrame]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in _parts(list(sheets)).items():
            archive.writestr(_entry(name), _HEAD + text)
        for number, table in enumerate(sheets.values(), start=1):
            with archive.open(_entry(f"xl/worksheets/sheet{number}.xml"), "w") as stream:
                stream.write(f"{_HEAD}<worksheet {_MAIN}><sheetData>".encode())
                stream.write("".join(_rows(table)).encode())
                stream.write(b"</sheetData></worksheet>")


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _WRITTEN)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _parts(names: list[str]) -> dict[str, str]:
    """The parts of a workbook around its sheets."""
    numbers = range(1, len(names) + 1)
    types = f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    types += f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>'
    types += "".join(
        f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{_TYPE}.worksheet+xml"/>'
        for number in numbers
    )
    defaults = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    defaults += '<Default Extension="xml" ContentType="application/xml"/>'
    sheets = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{number}" r:id="rId{number}"/>'
        for number, name in zip(numbers, names, strict=True)
    )
    links = "".join(_link(number, "worksheet", f"worksheets/sheet{number}.xml") for number in numbers)
    links += _link(len(names) + 1, "styles", "styles.xml")
    root = _link(1, "officeDocument", "xl/workbook.xml")
    return {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">{defaults}{types}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{root}</Relationships>',
        "xl/workbook.xml": f'<workbook {_MAIN} xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>',
        "xl/styles.xml": _STYLES,
    }


def _link(number: int, kind: str, target: str) -> str:
    return f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'


def _rows(table: pd.DataFrame) -> list[str]:
    """The rows of a sheet as XML, the header first."""
    head = "<row>" + "".join(_text(name) for name in table) + "</row>"
    columns = [by_distinct(table[name], _typed) for name in table]
    for column in columns:
        column[[cell is None for cell in column]] = _BLANK
    return [head, *("<row>" + "".join(cells) + "</row>" for cells in zip(*columns, strict=True))]


def _typed(cell: str) -> str:
    if cell == "":
        return _BLANK
    if _NUMBER.fullmatch(cell):
        return f"<c><v>{cell}</v></c>"
    if _DAY.fullmatch(cell):
        return f'<c s="1"><v>{(datetime.date.fromisoformat(cell) - _EPOCH).days}</v></c>'
    return _text(cell)


def _text(cell: str) -> str:
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(cell)}</t></is></c>'
