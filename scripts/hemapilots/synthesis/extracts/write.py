"""The one way to an extract: the clean table of a site, its mapping and its habits, written as the site would deliver it."""

from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.config.habits import Habits
from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.reading.units import Factors
from hemapilots.synthesis.extracts.corrupt import corrupt
from hemapilots.synthesis.extracts.delivery import deliver
from hemapilots.synthesis.extracts.source import Source, Tables

__all__ = ["make_tables", "write_extract", "write_tables"]


def write_extract(
    table: pd.DataFrame,
    mapping: dict,
    use_case: dict,
    factors: Factors,
    folder: str | Path,
    habits: Habits | None = None,
    seed=0,
    events: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Writes the extract into `folder` and returns its corrupt cells (columns of `corrupt.COLUMNS`).

    table: `patient_id` and clean variables, dates as days since 1970-01-01; what the mapping does not name is left out.
    seed: of numpy's generators; the same gives the same bytes. events: recurrent ones, see `Source`.
    Raises HemaPilotsError where the mapping cannot be inverted.
    """
    tables, broken = make_tables(table, mapping, use_case, factors, habits, seed, events)
    write_tables(tables, folder, seed)
    return broken


def make_tables(
    table: pd.DataFrame,
    mapping: dict,
    use_case: dict,
    factors: Factors,
    habits: Habits | None = None,
    seed=0,
    events: pd.DataFrame | None = None,
) -> tuple[Tables, pd.DataFrame]:
    """The extract before it is written, and its corrupt cells."""
    rng = np.random.default_rng(seed)
    source = Source(table.reset_index(drop=True), mapping, use_case, factors, habits or Habits(), rng, events)
    tables = deliver(source)
    return tables, corrupt(source, tables)


def write_tables(tables: Tables, folder: str | Path, seed=0) -> list[Path]:
    """Writes tables in the format of their mapping; returns the paths."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    return _writer(tables.mapping).write(tables, Path(folder), seed)


def _writer(mapping: dict):
    """The module of a format, imported when it is needed."""
    match mapping.get("reader", "csv"):
        case "csv":
            from hemapilots.synthesis.extracts import text as writer
        case "excel":
            from hemapilots.synthesis.extracts import excel as writer
        case "redcap":
            from hemapilots.synthesis.extracts import redcap as writer
        case "fhir":
            from hemapilots.synthesis.extracts import fhir as writer
        case "omop":
            from hemapilots.synthesis.extracts import omop as writer
        case name:
            raise HemaPilotsError(
                f'mapping {mapping.get("name", "")}, reader: no extract is written for the reader "{name}"; use csv, excel, '
                "redcap, fhir or omop"
            )
    return writer
