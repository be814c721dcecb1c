"""Writes a flat REDCap export: one row per record, further rows for the instances of a repeating instrument."""

from pathlib import Path

import numpy as np

from hemapilots.synthesis.extracts.episodes import EPISODES
from hemapilots.synthesis.extracts.source import Tables
from hemapilots.synthesis.extracts.text import write_rows

__all__ = ["write"]


def write(tables: Tables, folder: Path, seed=0) -> list[Path]:
    """One export file; the first table are the records, the others repeating instruments whose fields follow."""
    path, key = folder / next(iter(tables.mapping["files"].values()))["path"], tables.mapping["patient_id"]
    first, *repeating = tables.files.values()
    instruments = [_instrument(name) for name in tables.files]
    order = {patient: place for place, patient in enumerate(first[key])}
    names = list(dict.fromkeys(name for table in tables.files.values() for name in table if name != key))
    patients = np.concatenate([table[key].to_numpy() for table in tables.files.values()])
    instances = [np.zeros(len(first), dtype=int), *(table.groupby(key).cumcount() + 1 for table in repeating)]
    instance = np.concatenate(instances)
    again = instance > 0
    rows = np.lexsort((instance, np.array([order[patient] for patient in patients])))
    named = np.repeat(np.array(instruments, dtype=object), [len(table) for table in tables.files.values()])
    columns = [patients, np.where(again, named, ""), np.where(again, instance.astype(str), "")]
    columns += [np.concatenate([_column(table, name) for table in tables.files.values()]) for name in names]
    header = [key, "redcap_repeat_instrument", "redcap_repeat_instance", *names]
    write_rows(path, header, [column[rows] for column in columns])
    return [path]


def _instrument(name: str) -> str:
    """What a table's repeating instrument is called: `laboratory`, save for episodes."""
    return "episodes" if name.endswith(EPISODES) else "laboratory"


def _column(table, name: str) -> np.ndarray:
    return table[name].to_numpy() if name in table else np.full(len(table), None, dtype=object)
