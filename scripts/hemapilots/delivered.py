"""What a reader delivers: raw text of the mapped columns only, in three tables, and remarks on what it met.

- records: `row` (int64, 0-based, in the order of delivery), `patient_id` (text, trimmed, never blank), then one
  column per mapped variable and auxiliary column of a file with one row per patient, and where the mapping names
  them `<variable>__unit`, `<variable>__date`, `<variable>__uln`, and `panel__name`. Cells are pandas Categoricals of
  text as delivered: each distinct text is stored once; a null means that the source has no such cell. A patient may
  have several rows: the engine decides what a duplicate is.
- observations: dated or repeated measurements, one row each: `row` (of its own file), `patient_id`, `variable`,
  `value`, `unit`, `date`, `uln` (the limit beside the value). Only of patients who have a record.
- variants: `row`, `patient_id`, `gene`, `protein`, `coding`, `vaf`, `classification`; a patient without a row has no
  variant of an assayed gene.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd

from hemapilots.tables import read_parquet, write_json, write_parquet

__all__ = [
    "OBSERVATIONS",
    "SECTIONS",
    "VARIANTS",
    "Delivered",
    "Remark",
    "declared_columns",
    "empty",
    "load",
    "save",
    "section_of",
]

# The parts of a mapping that name columns.
SECTIONS = ("variables", "auxiliary", "episodes")

OBSERVATIONS = ("row", "patient_id", "variable", "value", "unit", "date", "uln")
VARIANTS = ("row", "patient_id", "gene", "protein", "coding", "vaf", "classification")


def declared_columns(mapping: dict) -> dict[str, dict]:
    """Name -> what a mapping says of it, of all SECTIONS in their order."""
    return {name: entry for section in SECTIONS for name, entry in (mapping.get(section) or {}).items()}


def section_of(name: str, mapping: dict) -> str:
    """The part of a mapping that names a column, for errors."""
    return next((section for section in SECTIONS if name in (mapping.get(section) or {})), SECTIONS[0])


@dataclass(frozen=True)
class Remark:
    """What a reader did or met that concerns many cells: `variable` or None for a whole file, with a count of cells or rows."""

    variable: str | None
    status: str
    reason: str | None
    detail: str
    count: int


def empty(columns: tuple[str, ...]) -> pd.DataFrame:
    """A table of OBSERVATIONS or VARIANTS without rows."""
    return pd.DataFrame(
        {name: pd.Series(dtype="int64") if name == "row" else pd.Categorical([], categories=[]) for name in columns}
    )


@dataclass
class Delivered:
    """The extract of one source after reading."""

    records: pd.DataFrame
    observations: pd.DataFrame = field(default_factory=lambda: empty(OBSERVATIONS))
    variants: pd.DataFrame = field(default_factory=lambda: empty(VARIANTS))
    remarks: list[Remark] = field(default_factory=list)


def save(delivered: Delivered, records: str, observations: str, variants: str, remarks: str) -> None:
    """Writes the three tables (Parquet) and the remarks (JSON)."""
    write_parquet(records, delivered.records)
    write_parquet(observations, delivered.observations)
    write_parquet(variants, delivered.variants)
    write_json(remarks, [asdict(remark) for remark in delivered.remarks])


def load(records: str, observations: str, variants: str, remarks: str) -> Delivered:
    """Reads what `save` wrote."""
    said = [Remark(**entry) for entry in json.loads(Path(remarks).read_text())]
    return Delivered(read_parquet(records), read_parquet(observations), read_parquet(variants), said)
