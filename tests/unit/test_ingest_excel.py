"""Spreadsheets: the same text as a CSV of the same table, and clear refusals, whatever a file was made for."""

import datetime
import subprocess
import time
import zipfile
from functools import partial

import pandas as pd
import pytest

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.readers import check_extract, ingest
from tabular_sample import TABLE, cells, mapping_of

mapping = partial(mapping_of, "excel")


def write_xls(path) -> None:
    import xlwt

    book = xlwt.Workbook()
    sheet, day = book.add_sheet("data"), xlwt.easyxf(num_format_str="DD.MM.YYYY")
    for place, name in enumerate(TABLE):
        sheet.write(0, place, name)
        for row, value in enumerate(TABLE[name], start=1):
            if not pd.isna(value):
                sheet.write(row, place, *((value.to_pydatetime(), day) if name == "Day" else (value,)))
    book.save(str(path))


def write_ods(path) -> None:
    TABLE.assign(Day=TABLE["Day"].dt.date).to_excel(path, index=False, engine="odf")


WRITERS = {"xlsx": lambda path: TABLE.to_excel(path, index=False), "xls": write_xls, "ods": write_ods}


@pytest.mark.parametrize("kind", WRITERS)
def test_cells_become_text(tmp_path, kind):
    WRITERS[kind](tmp_path / f"data.{kind}")
    source = mapping(f"data.{kind}")
    assert cells(tmp_path, source, "hb") == ["9.8", "11", ""]
    assert cells(tmp_path, source, "day") == ["2019-05-01", "2020-02-29", ""]
    assert [text.strip() for text in cells(tmp_path, source, "text")] == ["9,8", "x", ""]
    assert not ingest(tmp_path, source).records.astype(object).isin(["Ann"]).any().any()
    check_extract(tmp_path, source)


def test_a_sheet_is_named_where_there_are_several(tmp_path):
    with pd.ExcelWriter(tmp_path / "data.xlsx") as writer:
        TABLE.to_excel(writer, sheet_name="patients", index=False)
        TABLE.to_excel(writer, sheet_name="other", index=False)
    assert cells(tmp_path, mapping("data.xlsx", sheet="patients"), "hb") == ["9.8", "11", ""]
    refused(tmp_path, mapping("data.xlsx"), '2 sheets ("patients", "other")', "files.main.sheet")
    refused(tmp_path, mapping("data.xlsx", sheet="Patient"), 'no sheet "Patient"', '"patients"')


def refused(folder, source, *words) -> None:
    for look in (check_extract, ingest):
        with pytest.raises(HemaPilotsError) as error:
            look(folder, source)
        assert all(word in str(error.value) for word in words), str(error.value)
        assert str(error.value).isprintable() and "Ann" not in str(error.value)


def test_a_title_above_the_header_is_explained(tmp_path):
    TABLE.to_excel(tmp_path / "data.xlsx", index=False, startrow=1)
    import openpyxl

    book = openpyxl.load_workbook(tmp_path / "data.xlsx")
    book.active["A1"] = "Our patients"
    book.save(tmp_path / "data.xlsx")
    refused(tmp_path, mapping("data.xlsx"), "first row", "header")


def test_a_spreadsheet_that_unpacks_to_a_gigabyte_is_refused_unread(tmp_path):
    TABLE.to_excel(tmp_path / "data.xlsx", index=False)
    with zipfile.ZipFile(tmp_path / "data.xlsx", "a", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("xl/worksheets/sheet9.xml", "w") as part:
            for _ in range(64):
                part.write(b" " * (1 << 20))
    refused(tmp_path, mapping("data.xlsx"), "unpacks to", "CSV or Parquet")


@pytest.mark.parametrize("content", [b"not a spreadsheet", b"PK\x03\x04 broken"])
@pytest.mark.parametrize("name", ["data.xlsx", "data.xls", "data.ods", "data.xlsb"])
def test_what_is_not_a_spreadsheet_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    refused(tmp_path, mapping(name), name, "not a readable")


def workbook(path, cells: dict, merged: tuple = (), formats: dict | None = None) -> None:
    """An xlsx file with the given cells of one sheet, beside the header and one patient."""
    import openpyxl

    book = openpyxl.Workbook()
    for place, value in ({"A1": "PID", "B1": "Hb", "C1": "Day", "D1": "Text", "A2": "p1"} | cells).items():
        book.active[place] = value
    for area in merged:
        book.active.merge_cells(area)
    for place, form in (formats or {}).items():
        book.active[place].number_format = form
    book.save(path)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (9.8, "9.8"),
        (11.0, "11"),
        (130000, "130000"),
        (0.1, "0.1"),
        (True, "true"),
        ("007", "007"),
        (" 9,8* ", " 9,8* "),
        (datetime.date(1931, 3, 1), "1931-03-01"),
        (datetime.datetime(2020, 1, 2, 3, 4), "2020-01-02T03:04:00"),
        (datetime.time(13, 5), "13:05:00"),
        ("#N/A", "#N/A"),
        ("#DIV/0!", "#DIV/0!"),
    ],
)
def test_a_cell_becomes_the_text_that_a_person_would_type(tmp_path, cell, text):
    workbook(tmp_path / "data.xlsx", {"B2": cell})
    assert cells(tmp_path, mapping("data.xlsx"), "hb") == [text]


def test_a_percentage_is_the_fraction_that_is_stored(tmp_path):
    workbook(tmp_path / "data.xlsx", {"B2": 0.45}, formats={"B2": "0%"})
    assert cells(tmp_path, mapping("data.xlsx"), "hb") == ["0.45"]


def test_a_faulty_formula_is_found_wherever_the_table_stands(tmp_path):
    import openpyxl

    book = openpyxl.Workbook()
    for place, value in {"C5": "PID", "D5": "Hb", "E5": "Day", "F5": "Text", "C7": "p1", "D7": "#REF!"}.items():
        book.active[place] = value
    book.save(tmp_path / "data.xlsx")
    assert cells(tmp_path, mapping("data.xlsx"), "hb") == ["#REF!"]


def test_blank_rows_are_no_patients(tmp_path):
    workbook(tmp_path / "data.xlsx", {"B2": 9.8, "A5": "p2", "B5": 10, "A9": "", "B9": None})
    assert cells(tmp_path, mapping("data.xlsx"), "hb") == ["9.8", "10"]


def test_days_are_counted(tmp_path):
    WRITERS["xlsx"](tmp_path / "data.xlsx")
    remarks = ingest(tmp_path, mapping("data.xlsx")).remarks
    assert [(remark.status, remark.count) for remark in remarks] == [("converted", 2)]


def test_a_hidden_sheet_is_not_read_unless_it_is_named(tmp_path):
    import openpyxl

    workbook(tmp_path / "data.xlsx", {"B2": 9.8})
    book = openpyxl.load_workbook(tmp_path / "data.xlsx")
    book.create_sheet("lists").sheet_state = "hidden"
    book.save(tmp_path / "data.xlsx")
    assert cells(tmp_path, mapping("data.xlsx"), "hb") == ["9.8"]
    refused(tmp_path, mapping("data.xlsx", sheet="lists"), "the sheet is empty")


def test_merged_cells_in_the_header_are_explained(tmp_path):
    workbook(tmp_path / "data.xlsx", {"B2": 9.8}, merged=("C1:D1",))
    refused(tmp_path, mapping("data.xlsx"), "first row are merged", "one name per column")
    workbook(tmp_path / "data.xlsx", {"B2": 9.8, "B3": 1}, merged=("C2:D2",))
    with pytest.raises(HemaPilotsError, match="no patient id"):
        ingest(tmp_path, mapping("data.xlsx"))


def test_a_cell_far_from_the_table_exhausts_no_memory(tmp_path):
    # The parser would lay out 17 thousand million cells.
    workbook(tmp_path / "data.xlsx", {"B2": 9.8, "XFD1048576": 1})
    started = time.monotonic()
    refused(tmp_path, mapping("data.xlsx"), "far below or beside the table")
    assert time.monotonic() - started < 20


def test_what_the_archive_says_of_its_sizes_is_not_believed(tmp_path):
    workbook(tmp_path / "data.xlsx", {"B2": 9.8})
    with zipfile.ZipFile(tmp_path / "data.xlsx", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet9.xml", b" " * (1 << 24))
    content = (tmp_path / "data.xlsx").read_bytes()
    (tmp_path / "data.xlsx").write_bytes(content.replace((1 << 24).to_bytes(4, "little"), (9).to_bytes(4, "little")))
    # The part is not the sheet that is read; what matters is that nothing hangs or grows.
    assert cells(tmp_path, mapping("data.xlsx"), "hb") == ["9.8"]


def test_the_parser_sees_no_secret_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("OMOP_ADDRESS", "postgresql://u:s3cret@h/x")
    started = []

    class Noted(subprocess.Popen):
        def __init__(self, *arguments, **options):
            started.append(options["env"])
            super().__init__(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    TABLE.to_excel(tmp_path / "data.xlsx", index=False)
    assert cells(tmp_path, mapping("data.xlsx"), "hb") == ["9.8", "11", ""]
    assert started and all(set(env) <= {"PATH", "LANG", "LC_ALL", "LC_CTYPE", "SYSTEMROOT"} for env in started)
