"""The episodes of some patients as arrays: who, when, and how long each was under observation."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = ["Sample", "sample_of"]


@dataclass(frozen=True)
class Sample:
    """end (n,): years under observation of each patient; died (n,): whether it ended with the terminal event.

    patient, time (m,): of every episode, times above 0 and at most the patient's end.
    """

    end: np.ndarray
    died: np.ndarray
    patient: np.ndarray
    time: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """Episodes of each patient (n,)."""
        return np.bincount(self.patient, minlength=len(self.end))

    def part(self, mask: np.ndarray) -> "Sample":
        """The patients of a mask (n,)."""
        places = np.cumsum(mask) - 1
        theirs = mask[self.patient]
        return Sample(self.end[mask], self.died[mask], places[self.patient[theirs]], self.time[theirs])


def sample_of(events: pd.DataFrame, harmonized: pd.DataFrame, outcome: str) -> tuple[Sample, pd.DataFrame]:
    """The sample of an outcome and, in the same order, the harmonized rows of its patients.

    events: row, outcome, start, stop, event (0, 1 an episode, 2 the terminal event), the last row of a patient ends observation.
    """
    own = events[events["outcome"] == outcome]
    last = own.groupby("row", sort=True)[["stop", "event"]].last()
    seen = own[own["event"] == 1]
    patient = last.index.get_indexer(seen["row"])
    sample = Sample(last["stop"].to_numpy(), (last["event"] == 2).to_numpy(), patient, seen["stop"].to_numpy())
    return sample, harmonized.set_index("row").loc[last.index].reset_index()
