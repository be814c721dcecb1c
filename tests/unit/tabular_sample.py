"""A table of three patients as spreadsheets and Parquet files hold it, and what a mapping makes of it."""

import datetime

import pandas as pd

from hemapilots.ingest.readers import ingest

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


def mapping_of(reader: str, path: str, **file) -> dict:
    """The mapping of one file with these variables; file: more keys of the file."""
    common = {"name": "clinic", "reader": reader, "patient_id": "PID", "missing": {"": "missing"}}
    return common | {"files": {"main": {"path": path} | file}, "variables": VARIABLES}


def cells(folder, mapping, name) -> list:
    """The texts of a variable, None where there is none."""
    column = ingest(folder, mapping).records[name]
    return column.astype(object).where(column.notna(), None).tolist()
