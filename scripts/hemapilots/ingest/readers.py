"""The reader that a mapping names, imported when it is needed."""

from pathlib import Path

from hemapilots.config.readers import READERS
from hemapilots.delivered import Delivered
from hemapilots.errors import HemaPilotsError

__all__ = ["check_extract", "ingest"]


def ingest(folder: str | Path, mapping: dict) -> Delivered:
    """The mapped columns of an extract as delivered. Raises HemaPilotsError where it is unusable."""
    return _reader(mapping).read(Path(folder), mapping)


def check_extract(folder: str | Path, mapping: dict) -> None:
    """Looks at existence, Git-LFS pointers and headers only: for use before a run starts."""
    _reader(mapping).check(Path(folder), mapping)


def _reader(mapping: dict):
    """The module of a reader: `read(folder, mapping) -> Delivered` and `check(folder, mapping)`; imported when needed."""
    match mapping.get("reader", "csv"):
        case "csv":
            from hemapilots.ingest import csv as reader
        case "excel":
            from hemapilots.ingest import excel as reader
        case "parquet":
            from hemapilots.ingest import parquet as reader
        case "redcap":
            from hemapilots.ingest.redcap import reader
        case "fhir":
            from hemapilots.ingest.fhir import reader
        case "omop":
            from hemapilots.ingest.omop import reader
        case "cbioportal":
            from hemapilots.ingest.cbioportal import reader
        case name:
            raise HemaPilotsError(
                f'mapping {mapping.get("name", "")}, reader: there is no reader "{name}"; use one of '
                + ", ".join(READERS)
            )
    return reader
