"""The records of a source while they are harmonized: every variable's cells, the sample dates beside them, and the flow."""

from dataclasses import dataclass, field

import numpy as np

from hemapilots.errors import HemaPilotsError
from hemapilots.expressions import parse
from hemapilots.harmonize.candidates import Happened
from hemapilots.harmonize.cells import TEXT_TYPES, Cells
from hemapilots.harmonize.flow import Flow
from hemapilots.harmonize.issues import Issues

__all__ = ["Work", "evaluate"]


@dataclass
class Work:
    """cells: use-case variables and auxiliary columns; days: sample dates by variable; kinds: the type of each variable.

    happened: all delivered days of the dates that other variables must be clear of.
    """

    rows: np.ndarray
    cells: dict[str, Cells]
    kinds: dict[str, str]
    flow: Flow
    days: dict[str, Cells] = field(default_factory=dict)
    derived: dict[str, np.ndarray] = field(default_factory=dict)
    issues: Issues = field(default_factory=Issues)
    happened: dict[str, Happened] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """How many records there are."""
        return len(self.rows)

    def values(self, name: str) -> np.ndarray | None:
        """A column that an expression names: a variable, an auxiliary column, or `<variable>_date`; None where there is no such name."""
        if name in self.derived:
            return self.derived[name]
        if name in self.cells:
            return self.cells[name].values
        if name.endswith("_date") and (variable := name.removesuffix("_date")) in self.cells:
            known = self.days.get(variable)
            return np.full(self.n, np.nan) if known is None else known.values
        return None

    def evaluate(self, text: str, where: str, kind: str = "flag") -> np.ndarray:
        """An expression on all records."""
        expression = parse(str(text))
        table = {name: values for name in expression.names if (values := self.values(name)) is not None}
        if len(table) < len(expression.names):
            # The error names the nearest of those that exist.
            table = {name: cells.values for name, cells in self.cells.items()} | self.derived
        return evaluate(expression, table, where, self.n, kind in TEXT_TYPES)

    def delivered(self, text: str, derived: dict | None = None) -> bool:
        """Whether the source delivers anything that an expression reads, or it reads nothing at all.

        derived: the use case's derived variables, which are known as far as what they read is.
        """
        waiting, seen = list(parse(str(text)).names), set()
        reads_nothing = not waiting
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            if derived and name in derived and name not in self.cells:
                waiting += parse(str(derived[name]["expression"])).names
            elif name in self.cells:
                if self.cells[name].sourced:
                    return True
            elif name.removesuffix("_date") in self.days:
                return True
        return reads_nothing

    def reject(self, name: str, label: str, which: np.ndarray, reason: str, unknown: np.ndarray | None = None) -> None:
        """Takes records out, one row of the issues for each."""
        lost = self.flow.drop(name, label, which, reason, unknown)
        self.issues.cells(self.rows[lost], name, "rejected", reason, label)


def evaluate(expression, table: dict, where: str, n: int, text: bool = False) -> np.ndarray:
    """Values of an expression on n records; an error says where the expression stands."""
    try:
        values = expression.evaluate_text(table) if text else expression.evaluate(table)
    except HemaPilotsError as error:
        raise HemaPilotsError(f"{where}: {error}") from None
    # An expression of literals has one value.
    return values if len(values) == n else np.broadcast_to(values[:1], (n,)).copy()
