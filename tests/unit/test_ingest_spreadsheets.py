"""Spreadsheets and Parquet: the same text as a CSV of the same table, and clear refusals."""

import datetime
import zipfile

import numpy as np
import pandas as pd
import pytest

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest import check_extract, ingest

TABLE = pd.DataFrame(
    {
        "PID": ["p1", "p2", "p3"],
        "Name": ["Ann", "Bob", "Cid"],
        "Hb": [9.8, 11.0, None],
        "Day": [datetime.datetime(2019, 5, 1), datetime.datetime(2020, 2, 29), None],
        "Text": ["9,8", " x ", None],
    }
)
VARIABLES = {"hb": {"column": "Hb"}, "day": {"column": "Day"}, "text": {"column": "Text"}}


def mapping(reader: str, path: str, **file) -> dict:
    common = {"name": "clinic", "reader": reader, "patient_id": "PID", "missing": {"": "missing"}}
    return common | {"files": {"main": {"path": path} | file}, "variables": VARIABLES}


def cells(folder, mapping, name) -> list:
    column = ingest(folder, mapping).records[name]
    return column.astype(object).where(column.notna(), None).tolist()


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
    source = mapping("excel", f"data.{kind}")
    assert cells(tmp_path, source, "hb") == ["9.8", "11", ""]
    assert cells(tmp_path, source, "day") == ["2019-05-01", "2020-02-29", ""]
    assert [text.strip() for text in cells(tmp_path, source, "text")] == ["9,8", "x", ""]
    assert not ingest(tmp_path, source).records.astype(object).isin(["Ann"]).any().any()
    check_extract(tmp_path, source)


def test_a_sheet_is_named_where_there_are_several(tmp_path):
    with pd.ExcelWriter(tmp_path / "data.xlsx") as writer:
        TABLE.to_excel(writer, sheet_name="patients", index=False)
        TABLE.to_excel(writer, sheet_name="other", index=False)
    assert cells(tmp_path, mapping("excel", "data.xlsx", sheet="patients"), "hb") == ["9.8", "11", ""]
    refused(tmp_path, mapping("excel", "data.xlsx"), '2 sheets ("patients", "other")', "files.main.sheet")
    refused(tmp_path, mapping("excel", "data.xlsx", sheet="Patient"), 'no sheet "Patient"', '"patients"')


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
    refused(tmp_path, mapping("excel", "data.xlsx"), "first row", "header")


def test_a_spreadsheet_that_unpacks_to_a_gigabyte_is_refused_unread(tmp_path):
    TABLE.to_excel(tmp_path / "data.xlsx", index=False)
    with zipfile.ZipFile(tmp_path / "data.xlsx", "a", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("xl/worksheets/sheet9.xml", "w") as part:
            for _ in range(64):
                part.write(b" " * (1 << 20))
    refused(tmp_path, mapping("excel", "data.xlsx"), "unpacks to", "CSV or Parquet")


@pytest.mark.parametrize("content", [b"not a spreadsheet", b"PK\x03\x04 broken"])
@pytest.mark.parametrize("reader", ["excel", "parquet"])
def test_what_is_not_of_its_kind_is_refused(tmp_path, reader, content):
    name = {"excel": "data.xlsx", "parquet": "data.parquet"}[reader]
    (tmp_path / name).write_bytes(content)
    refused(tmp_path, mapping(reader, name), name, "not a readable")


def test_parquet_columns_become_the_same_text(tmp_path):
    TABLE.assign(Day=TABLE["Day"].dt.date).to_parquet(tmp_path / "data.parquet")
    source = mapping("parquet", "data.parquet")
    assert cells(tmp_path, source, "hb") == ["9.8", "11", None]
    assert cells(tmp_path, source, "day") == ["2019-05-01", "2020-02-29", None]
    assert cells(tmp_path, source, "text") == ["9,8", " x ", None]
    check_extract(tmp_path, source)


def test_parquet_of_every_plain_type(tmp_path):
    table = pd.DataFrame(
        {"PID": [1, 2], "Hb": np.array([3, 4], "int8"), "Text": pd.Categorical(["a", "b"]), "Day": [True, False]}
    )
    table.to_parquet(tmp_path / "data.parquet")
    source = mapping("parquet", "data.parquet")
    assert ingest(tmp_path, source).records["patient_id"].tolist() == ["1", "2"]
    found = {name: cells(tmp_path, source, name) for name in VARIABLES}
    assert found == {"hb": ["3", "4"], "day": ["true", "false"], "text": ["a", "b"]}


def test_parquet_of_lists_is_refused(tmp_path):
    TABLE.assign(Hb=[[1], [2], [3]]).to_parquet(tmp_path / "data.parquet")
    with pytest.raises(HemaPilotsError, match='column "Hb": a column of lists'):
        ingest(tmp_path, mapping("parquet", "data.parquet"))
