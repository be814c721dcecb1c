"""An extract as text, every column of it: what a scan looks at. Nothing of it is kept."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.config.readers import READERS
from hemapilots.config.shapes import nearest
from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.files import check_file, check_inside
from hemapilots.texts import BLANKS

__all__ = ["MAXIMUM_COLUMNS", "Column", "Table", "patient_codes", "read_extract"]

MAXIMUM_COLUMNS = 5_000
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".xlsx": "excel",
    ".xls": "excel",
    ".xlsm": "excel",
    ".ods": "excel",
    ".parquet": "parquet",
    ".ndjson": "fhir",
    ".jsonl": "fhir",
    ".json": "fhir",
    ".duckdb": "omop",
    ".sqlite": "omop",
    ".sqlite3": "omop",
    ".db": "omop",
}
OMOP_TABLES = ("person", "measurement", "observation_period", "condition_occurrence", "death")


@dataclass
class Column:
    """One column of raw text. selector: how a mapping names it; units: of each cell where the source says so;
    names: what else the source calls it (the display of a code); meanings: words for cells that are codes of a standard;
    patients: of each cell a number for its patient, None where no column names patients; personal: the source says that it names
    patients or holds free text."""

    selector: str
    texts: pd.Categorical
    units: pd.Categorical | None = None
    names: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    meanings: dict[str, str] = field(default_factory=dict)
    patients: np.ndarray | None = None
    personal: bool = False


@dataclass
class Table:
    """One file or sheet. form: keys of a mapping's `files` entry that were told from the file; patient: the column that is
    known to name patients (None: to be found, "": the reader knows); repeated: many rows a patient; settled: that is known;
    lookup: it holds no patients, and the reader needs it to read the others."""

    alias: str
    path: str
    columns: list[Column]
    form: dict = field(default_factory=dict)
    patient: str | None = None
    repeated: bool = False
    settled: bool = False
    lookup: bool = False
    remarks: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """The number of rows; of the longest column where they differ."""
        return max((len(column.texts) for column in self.columns), default=0)

    def count_for(self, patients: np.ndarray) -> None:
        """Says of which patient each row is."""
        for column in self.columns:
            column.patients = patients


def patient_codes(cells: pd.Categorical) -> np.ndarray:
    """A number per patient for each cell of a column that names patients; all cells without a name are one patient."""
    names = [str(name).strip(BLANKS) for name in cells.categories]
    # The code -1 of a cell that is missing points at the last one, the blank name.
    return pd.factorize(np.array([*names, ""], dtype=object))[0][np.asarray(cells.codes)]


def read_extract(extract: Path, reader: str | None) -> tuple[str, list[Table]]:
    """(reader, tables) of a file or folder; the reader is told from the files where it is not given.

    Raises HemaPilotsError where there is nothing to read.
    """
    if reader is not None and reader not in READERS:
        raise HemaPilotsError(f"--reader {reader}: there is no such reader; {nearest(reader, READERS)}")
    if not extract.exists():
        raise HemaPilotsError(f"{extract}: there is no such file or folder; give the extract")
    files = [extract] if extract.is_file() else sorted(path for path in extract.rglob("*") if path.is_file())
    files = [path for path in files if not path.name.startswith((".", "~$"))]
    folder = extract.parent if extract.is_file() else extract
    files = _sound(folder, [path for path in files if path.suffix.lower() in SUFFIXES], extract.is_dir())
    reader = reader or _told(extract, files)
    tables = _reader(reader)(folder, _of_reader(reader, files))
    tables = [table for table in tables if table.columns or table.lookup]
    if all(table.lookup for table in tables):
        raise HemaPilotsError(f"{extract}: no file of it holds a table that reader {reader} can read; name the reader")
    # Without rows nobody can tell whether a header is one, or a patient.
    tables = [table for table in tables if table.rows or table.lookup]
    if all(table.lookup for table in tables):
        raise HemaPilotsError(f"{extract}: there is a header but no data row; ask for the extract again")
    wide = next((table for table in tables if len(table.columns) > MAXIMUM_COLUMNS), None)
    if wide:
        raise HemaPilotsError(
            f"{folder / wide.path}: {len(wide.columns)} columns, more than {MAXIMUM_COLUMNS}; this is no clinical table"
        )
    return reader, tables


def _sound(folder: Path, files: list[Path], whole: bool) -> list[Path]:
    """The files that may be read; raises HemaPilotsError for a link out of the folder, and for what holds no data.

    whole: the folder was given and not a file, and an export writes an empty file for a resource of which there is none.
    """
    kept = []
    for path in files:
        check_inside(folder, path)
        if whole and SUFFIXES[path.suffix.lower()] == "fhir" and not path.stat().st_size:
            continue
        check_file(path)
        kept.append(path)
    return kept


def _of_reader(reader: str, files: list[Path]) -> list[Path]:
    accepted = {"redcap": ("csv",), "cbioportal": ("csv",), "omop": ("csv", "parquet", "omop")}.get(reader, (reader,))
    return [path for path in files if SUFFIXES.get(path.suffix.lower()) in accepted]


def _told(extract: Path, files: list[Path]) -> str:
    names = {path.stem.lower() for path in files}
    if any(name.startswith("data_clinical") for name in names):
        return "cbioportal"
    if "person" in names and names & set(OMOP_TABLES[1:]):
        return "omop"
    kinds = [SUFFIXES[path.suffix.lower()] for path in files if path.suffix.lower() in SUFFIXES]
    if not kinds:
        raise HemaPilotsError(
            f"{extract}: no file with a known ending ({', '.join(SUFFIXES)}); name the reader, or rename the file"
        )
    kind = max(sorted(set(kinds)), key=kinds.count)
    if kind == "csv" and any(_is_redcap(path) for path in files if SUFFIXES.get(path.suffix.lower()) == "csv"):
        return "redcap"
    return kind


def _is_redcap(path: Path) -> bool:
    with path.open("rb") as file:
        header = file.read(1 << 16).split(b"\n", 1)[0]
    return any(mark in header for mark in (b"redcap_", b"record_id", b"___"))


def _reader(reader: str):
    match reader:
        case "csv":
            from hemapilots.scan.text_files import read_csv_files as read
        case "excel":
            from hemapilots.scan.text_files import read_workbooks as read
        case "parquet":
            from hemapilots.scan.text_files import read_parquet_files as read
        case "redcap":
            from hemapilots.scan.studies import read_redcap as read
        case "cbioportal":
            from hemapilots.scan.studies import read_cbioportal as read
        case "fhir":
            from hemapilots.scan.coded import read_fhir as read
        case "omop":
            from hemapilots.scan.coded import read_omop as read
    return read
