"""Writes a flat REDCap export: one row per record, further rows for the instances of a repeating instrument."""

import csv
from pathlib import Path

from extracts.cells import Tables

__all__ = ["write"]


def write(tables: Tables, folder: Path, instrument: str = "laboratory") -> None:
    """One export file; the first table are the records, the others repeating instruments whose fields follow."""
    form = next(iter(tables.mapping["files"].values()))
    key = tables.mapping["patient_id"]
    header = [key, "redcap_repeat_instrument", "redcap_repeat_instance"]
    header += dict.fromkeys(name for table in tables.files.values() for name in table.columns if name != key)
    rows = []
    for number, table in enumerate(tables.files.values()):
        instances: dict[str, int] = {}
        for record in table.to_dict("records"):
            patient = record[key]
            instances[patient] = instances.get(patient, 0) + 1
            place = (
                {"redcap_repeat_instrument": instrument, "redcap_repeat_instance": instances[patient]} if number else {}
            )
            rows.append({**record, **place})
    order = {patient: place for place, patient in enumerate(next(iter(tables.files.values()))[key])}
    rows.sort(key=lambda row: (order[row[key]], bool(row.get("redcap_repeat_instance"))))
    with open(folder / form["path"], "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(["" if row.get(name) is None else row.get(name) for name in header] for row in rows)
