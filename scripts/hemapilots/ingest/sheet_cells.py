"""Reads one sheet of a spreadsheet in a process of its own, so that a file made to exhaust memory ends that process only.

Run as a script with a path and the name of a sheet (JSON; null for the only one). It writes a line of JSON with the header or
a fault, reads a line with the wanted positions, and writes these columns: a line with their distinct texts, then the
code of each row (int32). It imports nothing of the library: it starts for every spreadsheet.
"""

import datetime
import json
import sys
from array import array

__all__ = ["MAXIMUM_CELLS", "MAXIMUM_SECONDS", "cell_text"]

MAXIMUM_CELLS = 100_000_000
MAXIMUM_SECONDS = 300
_MEMORY = 4 << 30


def cell_text(cell) -> str:
    """A cell as the text that a person would type.

    A day is year-month-day, a whole number has no decimals, other numbers have the fewest digits that give them back.
    """
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
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
    rows = (row for row in sheet.iter_rows() if any(cell not in ("", None) for cell in row))
    header, first = next(rows, None), next(rows, None)
    if header is None:
        return _line(out, {"fault": "empty"})
    _line(out, {"header": [cell_text(cell).strip() for cell in header], "rows": first is not None})
    places = json.loads(sys.stdin.buffer.readline() or "[]")
    if places:
        _columns(out, places, first, rows)
    out.flush()


def _sheet(path: str, name: str | None):
    """The sheet, or what is wrong with it."""
    from python_calamine import CalamineWorkbook, SheetVisibleEnum

    workbook = CalamineWorkbook.from_path(path)
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
        first = next(rows, None)
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
