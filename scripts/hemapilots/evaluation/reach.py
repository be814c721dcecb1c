"""Which patients' probabilities are known at a time, for all regimes that are judged there.

A baseline hazard ends with follow-up, and with late entry it does not reach patients who are older than anybody seen. A regime that
leaves more than a tenth of the patients without a probability at a time is not judged there; the others are, on the patients for
whom each of them has one.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hemapilots.evaluation.sample import REACHED, Key, Sample

__all__ = ["Reach"]


@dataclass(frozen=True)
class Reach:
    """A sample and the times (t,) at which its predictions give probabilities."""

    sample: Sample
    grid: np.ndarray

    def place(self, time: float) -> int | None:
        """Where a time stands in the grid; None if it does not."""
        found = np.flatnonzero(np.isclose(self.grid, time, rtol=0, atol=1e-9))
        return int(found[0]) if len(found) else None

    def keys(self, time: float) -> list[Key]:
        """The regimes that are judged at a time of the grid."""
        return self._judged(time)[0]

    def members(self, time: float) -> np.ndarray:
        """The patients on whom they are judged: indices; none where no regime is."""
        return self._judged(time)[1]

    def _judged(self, time: float) -> tuple[list[Key], np.ndarray]:
        if time not in self._found:
            place = self.place(time)
            known = {}
            if place is not None and len(self.sample.time):
                known = {key: self._known(key, place) for key in self.sample.survival}
            known = {key: one for key, one in known.items() if np.mean(one) >= REACHED}
            members = np.flatnonzero(np.logical_and.reduce(list(known.values()))) if known else np.array([], dtype=int)
            self._found[time] = list(known), members
        return self._found[time]

    @cached_property
    def _found(self) -> dict[float, tuple[list[Key], np.ndarray]]:
        return {}

    def _known(self, key: Key, place: int) -> np.ndarray:
        """Patients with a probability in every replicate; it is known up to a time, never beyond one that it lacks."""
        return np.isfinite(self.sample.survival[key][:, :, place]).all(axis=0)
