"""What a delivery is made from, and the tables that it is made of."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from hemapilots.config.habits import Habits
from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.reading.units import Factors

__all__ = ["MEASURED", "Source", "Tables", "is_measured"]

# Selectors of formats whose values are dated one by one.
MEASURED = ("Observation[", "measurement[", "observation[")


def is_measured(spec: dict) -> bool:
    """Whether a mapping's entry is a selector of values that carry their own day."""
    return spec["column"].startswith(MEASURED)


@dataclass
class Source:
    """A site: its clean patients, mapping and habits. rng: the one stream of chance of its delivery. events: the episodes of its
    recurrent events (patient_id, outcome, start, stop, event)."""

    clean: pd.DataFrame
    mapping: dict
    use_case: dict
    factors: Factors
    habits: Habits
    rng: np.random.Generator
    events: pd.DataFrame | None = None

    @property
    def where(self) -> str:
        """Named in errors."""
        return f"mapping {self.mapping.get('name', '')}".strip()

    @property
    def patients(self) -> np.ndarray:
        """Their ids, object array of shape (n,)."""
        return self.clean["patient_id"].to_numpy(dtype=object)

    @property
    def first(self) -> str:
        """The file that says who is a patient."""
        return next(iter(self.mapping["files"]))

    @property
    def window(self) -> tuple[int, int]:
        """Days around the index date from which measurements count."""
        low, high = self.mapping.get("window") or self.use_case.get("window") or (-60, 30)
        return int(low), int(high)

    @property
    def index(self) -> np.ndarray:
        """The index dates, days since 1970-01-01; raises HemaPilotsError where there is none to date samples by."""
        follow_up = self.use_case.get("follow_up") or {}
        if follow_up.get("index") not in self.clean:
            raise HemaPilotsError(
                f"{self.where}: samples are dated here, but the patients have no index date; draw it in the recipe"
            )
        return self.clean[follow_up["index"]].to_numpy(dtype=float)

    def file(self, alias: str) -> dict:
        """The form of a file, nothing where it is no file of its own."""
        return self.mapping["files"].get(alias) or {}

    def key(self, alias: str) -> str:
        """The column of the patient's id."""
        return self.file(alias).get("patient_id") or self.mapping["patient_id"]


@dataclass
class Tables:
    """files: name -> table of text, one column per selector of the mapping, None for no cell; the id stands first.

    table_of: variable -> the name of its table; rows: name -> the rows that hold the true values, per patient; days: name ->
    the days of these rows, nan where samples are not dated.
    """

    mapping: dict
    files: dict[str, pd.DataFrame] = field(default_factory=dict)
    table_of: dict[str, str] = field(default_factory=dict)
    rows: dict[str, np.ndarray] = field(default_factory=dict)
    days: dict[str, np.ndarray] = field(default_factory=dict)

    def put(self, variable: str, patients, texts, part: str = "column") -> None:
        """Writes texts over the cells that are the patients' values (positions, one or many).

        part: `column`, or one of `unit_column`, `uln_column` and `date`.
        """
        alias = self.table_of[variable]
        self.files[alias].loc[self.rows[alias][patients], self.mapping["variables"][variable][part]] = texts

    def clear_others(self, variable: str, patients) -> None:
        """Leaves the patients' values as the only ones: no other day can stand in for them."""
        alias = self.table_of[variable]
        table, rows = self.files[alias], np.atleast_1d(self.rows[alias][patients])
        ids = table.iloc[:, 0]
        others = ids.isin(ids[rows]) & ~table.index.isin(rows)
        table.loc[others, self.mapping["variables"][variable]["column"]] = None
