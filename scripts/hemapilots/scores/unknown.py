"""Which unknown inputs stand behind an unknown component of a score."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd

__all__ = ["Trace"]


class Trace(Mapping):
    """The columns of a score under evaluation; for each, where it is unknown, the unknown inputs that made it so.

    inputs: names; one that `table` lacks is unknown for everybody.
    """

    def __init__(self, inputs: Iterable[str], table: pd.DataFrame):
        self.length = len(table)
        self._columns = {name: table[name] if name in table else np.full(self.length, np.nan) for name in inputs}
        self._blamed = {name: {name: pd.isna(np.asarray(column))} for name, column in self._columns.items()}

    def __getitem__(self, name: str):
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def add(self, name: str, values: np.ndarray, reads: Iterable[str]) -> None:
        """A column computed from columns that are here already."""
        self._columns[name], self._blamed[name] = values, self._blame(name, values, reads)

    def unknown(self, components: Mapping[str, tuple[np.ndarray, Iterable[str]]]) -> np.ndarray:
        """Per row, comma-separated: the unknown inputs of those components that are unknown.

        components: name to values and the columns that they were computed from. A component that is unknown though
        nothing that it reads is (a logarithm of zero) names itself.
        """
        blames = [self._blame(name, values, reads) for name, (values, reads) in components.items()]
        named = np.full(self.length, "", dtype=object)
        for name in dict.fromkeys([*self._columns, *components]):
            masks = [blame[name] for blame in blames if name in blame]
            if masks:
                named[np.any(masks, axis=0)] += f", {name}"
        return np.array([text.removeprefix(", ") for text in named], dtype=object)

    def _blame(self, name: str, values: np.ndarray, reads: Iterable[str]) -> dict[str, np.ndarray]:
        """Input to the rows in which it makes these values unknown."""
        undecided = pd.isna(np.asarray(values))
        found: dict[str, np.ndarray] = {}
        for read in reads:
            for culprit, rows in self._blamed[read].items():
                found[culprit] = found.get(culprit, False) | (rows & undecided)
        unexplained = undecided.copy()
        for rows in found.values():
            unexplained &= ~rows
        found[name] = found.get(name, False) | unexplained
        return found
