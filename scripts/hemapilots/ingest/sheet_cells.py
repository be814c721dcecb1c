"""Reads one sheet of a spreadsheet in a process of its own, so that a file made to exhaust memory ends that process only.

Run as a script with a path and the name of a sheet (JSON; null for the only one). It writes a line of JSON with the header or
a fault, reads a line with the wanted positions, and writes these columns: a line with their distinct texts, then the
code of each row (int32). It imports nothing of the library: it starts for every spreadsheet.
"""

import datetime
import json
import re
import sys
import zipfile
from array import array
from html import unescape
from pathlib import PurePosixPath
from xml.etree import ElementTree

__all__ = ["MAXIMUM_CELLS", "MAXIMUM_SECONDS", "cell_text"]

MAXIMUM_CELLS = 100_000_000
MAXIMUM_SECONDS = 300
_MEMORY = 4 << 30


def cell_text(cell) -> str:
    """A cell as the text that a person would type.

    A day is year-month-day, a whole number has no decimals, other numbers have the fewest digits that give them back; with
    three decimals one zero more, since 12.345 could be twelve thousand to who reads it, and 12.3450 could not.
    """
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        text = str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
        return text + "0" if text[-4:-3] == "." else text
    if isinstance(cell, datetime.datetime):
        return cell.date().isoformat() if cell.time() == datetime.time() else cell.isoformat()
    return "" if cell is None else str(cell)


def main() -> None:
    """Answers on standard output; ends where nothing is asked."""
    _bound()
    # What the parser of the spreadsheet prints must not stand between the answers.
    out, sys.stdout = sys.stdout.buffer, sys.stderr
    try:
        sheet = _sheet(sys.argv[1], json.loads(sys.argv[2]))
    except Exception:
        sheet = {"fault": "unreadable"}
    if isinstance(sheet, dict):
        return _line(out, sheet)
    errors, unplaced = _errors(sys.argv[1], sheet)
    rows = _rows(sheet, errors)
    (line, header), first = next(rows, (0, None)), next(rows, (0, None))[1]
    if header is None:
        return _line(out, {"fault": "empty"})
    merged = any(top[0] <= line <= end[0] for top, end in sheet.merged_cell_ranges or [])
    titles = [cell_text(cell).strip() for cell in header]
    _line(out, {"header": titles, "rows": first is not None, "merged": merged, "unplaced": unplaced})
    places = json.loads(sys.stdin.buffer.readline() or "[]")
    if places:
        _columns(out, places, first, rows)
    out.flush()


def _rows(sheet, errors: dict):
    """(line of the sheet from 0, cells) of the rows that are not blank altogether."""
    left = sheet.start[1] if sheet.start else 0
    for line, row in enumerate(sheet.iter_rows()):
        for column, text in errors.get(line, ()):
            row[column - left] = text
        if any(cell not in ("", None) for cell in row):
            yield line, row


def _errors(path: str, sheet) -> tuple[dict[int, list], int]:
    """Cells that hold a fault of a formula, such as #N/A, which calamine gives as blank: line -> (column, text).

    Of ods only how many there are in all sheets; of xls and xlsb nothing.
    """
    if not zipfile.is_zipfile(path):
        return {}, 0
    found = {}
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        if "content.xml" in names:
            return {}, archive.read("content.xml").count(b'calcext:value-type="error"')
        if "xl/workbook.xml" not in names:
            return {}, 0
        texts = archive.read(_part(archive, sheet.name))
    if b't="e"' not in texts and b"t='e'" not in texts:
        return {}, 0
    for cell in re.finditer(rb"<(?:\w+:)?c\s([^<>]*\bt=[\"']e[\"'][^<>]*)>(.*?)</(?:\w+:)?c>", texts, re.DOTALL):
        place = re.search(rb"\br=[\"']([A-Z]+)(\d+)[\"']", cell[1])
        value = re.search(rb"<(?:\w+:)?v>([^<]*)<", cell[2])
        if place:
            column = 0
            for letter in place[1]:
                column = 26 * column + letter - 64
            text = unescape(value[1].decode("utf-8", "replace")) if value else "#ERROR!"
            found.setdefault(int(place[2]) - 1, []).append((column - 1, text))
    return found, 0


def _part(archive: zipfile.ZipFile, name: str) -> str:
    """The part of an xlsx file that holds a sheet."""
    links = {
        link.get("Id"): link.get("Target")
        for link in ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    }
    for sheet in ElementTree.fromstring(archive.read("xl/workbook.xml")).iter():
        if sheet.tag.endswith("}sheet") and sheet.get("name") == name:
            target = next(links[value] for key, value in sheet.attrib.items() if key.endswith("}id"))
            return target.lstrip("/") if target.startswith("/") else str(PurePosixPath("xl") / target)
    raise ValueError(f"no part for sheet {name}")


def _sheet(path: str, name: str | None):
    """The sheet, or what is wrong with it."""
    from python_calamine import CalamineWorkbook, SheetVisibleEnum

    with open(path, "rb") as file:
        # By its content: that a file of one kind has the ending of another is frequent.
        workbook = CalamineWorkbook.from_filelike(file)
    visible = [part.name for part in workbook.sheets_metadata if part.visible == SheetVisibleEnum.Visible]
    if name is not None and name not in workbook.sheet_names:
        return {"fault": "absent", "sheets": workbook.sheet_names[:10]}
    if name is None and len(visible) != 1:
        return {"fault": "several", "sheets": visible[:10], "count": len(visible)}
    sheet = workbook.get_sheet_by_name(visible[0] if name is None else name)
    return {"fault": "large"} if sheet.total_height * sheet.total_width > MAXIMUM_CELLS else sheet


def _columns(out, places: list[int], first: list, rows) -> None:
    texts, codes = [{} for _ in places], [array("i") for _ in places]
    days = 0
    while first is not None:
        for place, known, found in zip(places, texts, codes, strict=True):
            cell = first[place]
            days += isinstance(cell, datetime.date)
            text = cell if type(cell) is str else cell_text(cell)
            found.append(known.setdefault(text, len(known)))
        first = next(rows, (0, None))[1]
    _line(out, {"days": days, "count": len(codes[0])})
    for known, found in zip(texts, codes, strict=True):
        _line(out, list(known))
        out.write(found.tobytes())


def _line(out, answer) -> None:
    out.write(json.dumps(answer).encode() + b"\n")
    out.flush()


def _bound() -> None:
    """Limits what the process may use, where the system can."""
    try:
        import resource
    except ImportError:
        return
    for kind, most in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_CPU, MAXIMUM_SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    main()
