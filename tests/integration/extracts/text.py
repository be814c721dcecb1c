"""Writes delimited text, quoted where needed, in the encoding of the mapping."""

import csv
from pathlib import Path

from extracts.cells import Tables

__all__ = ["write"]


def write(tables: Tables, folder: Path, bom: bool = False) -> None:
    """One file per table."""
    for alias, table in tables.files.items():
        form = tables.mapping["files"][alias]
        encoding = form.get("encoding") or "utf-8"
        with open(folder / form["path"], "w", encoding="utf-8-sig" if bom else encoding, newline="") as stream:
            writer = csv.writer(stream, delimiter=form.get("delimiter") or ",", lineterminator="\r\n")
            writer.writerow(table.columns)
            writer.writerows(["" if cell is None else cell for cell in row] for row in table.itertuples(index=False))
