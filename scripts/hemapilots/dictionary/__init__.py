"""The data dictionary of a use case, for people (HTML, CSV) and for machines (Frictionless Data Package and Table Schema)."""

from pathlib import Path

import pandas as pd

from hemapilots.dictionary.entries import COLUMNS, entries, jrc_elements
from hemapilots.dictionary.schema import data_package, table_schema
from hemapilots.tables import write_csv, write_json, write_text

__all__ = ["data_package", "entries", "table_schema", "write_dictionary"]

FILES = ("datapackage.json", "harmonized.schema.json", "harmonized.csv", "dictionary.csv", "dictionary.html")


def write_dictionary(use_case: dict, out: str | Path) -> None:
    """Writes FILES into a folder. use_case: resolved. Raises HemaPilotsError where a code is not one."""
    from hemapilots.report.dictionary_page import dictionary_page

    out, found = Path(out), entries(use_case)
    kept = [entry["name"] for entry in found if entry["kind"] != "read"]
    rows = [entry | {"levels": "; ".join(entry["levels"])} for entry in found]
    write_json(out / "datapackage.json", data_package(use_case, found))
    write_json(out / "harmonized.schema.json", table_schema(found))
    write_text(out / "harmonized.csv", ",".join(kept) + "\n")
    write_csv(out / "dictionary.csv", pd.DataFrame(rows, columns=list(COLUMNS)))
    write_text(out / "dictionary.html", dictionary_page(use_case, found, jrc_elements()))
