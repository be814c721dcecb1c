"""From a site's extract to one table of raw text, one reader per format.

A column that no mapping names is never kept, so names, birth dates and addresses cannot enter.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest import csv

__all__ = ["READERS", "check_extract", "ingest"]

# A reader is a module with `read(folder, mapping) -> DataFrame` (patient_id, then one text column per mapped
# variable) and `check(folder, mapping)`, which looks at files and headers only.
READERS = {"csv": csv}


def ingest(folder: str | Path, mapping: dict) -> pd.DataFrame:
    """The mapped columns of an extract as delivered.

    Columns: `row` (int64, 0-based data row of the first file), `patient_id`, then one text column per mapped
    variable, None where a further file lacks the patient. Raises HemaPilotsError where it is unusable.
    """
    table = _reader(mapping).read(Path(folder), mapping)
    table.insert(0, "row", np.arange(len(table), dtype=np.int64))
    return table


def check_extract(folder: str | Path, mapping: dict) -> None:
    """Looks at existence, Git-LFS pointers and headers only: for use before a run starts."""
    _reader(mapping).check(Path(folder), mapping)


def _reader(mapping: dict):
    name = mapping.get("reader", "csv")
    if name not in READERS:
        raise HemaPilotsError(
            f'mapping {mapping.get("name", "")}, reader: there is no reader "{name}"; use one of '
            + ", ".join(sorted(READERS))
        )
    return READERS[name]
