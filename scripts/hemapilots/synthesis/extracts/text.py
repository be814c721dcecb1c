"""Writes delimited text, quoted where needed, in the encoding of the mapping."""

import csv
from pathlib import Path

from hemapilots.synthesis.extracts.source import Tables

__all__ = ["write", "write_rows"]


def write(tables: Tables, folder: Path, seed=0) -> list[Path]:
    """One file per table, in the form that the mapping states; returns their paths."""
    paths = []
    for alias, table in tables.files.items():
        form = tables.mapping["files"][alias]
        paths.append(folder / form["path"])
        columns = [table[name].to_numpy() for name in table]
        write_rows(paths[-1], list(table), columns, form.get("delimiter") or ",", form.get("encoding") or "utf-8")
    return paths


def write_rows(path: Path, header: list[str], columns: list, delimiter: str = ",", encoding: str = "utf-8") -> None:
    """A table by its columns; None is a blank cell."""
    with open(path, "w", encoding=encoding, newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter, lineterminator="\r\n")
        writer.writerow(header)
        writer.writerows(zip(*columns, strict=True))
