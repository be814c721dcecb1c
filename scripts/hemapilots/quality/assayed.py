"""Records whose gene was not assayed: one count for all genes of a panel, so it is told for all of them or for none."""

from collections import Counter

import pandas as pd

from hemapilots.quality.cells import classes_of, count_cells, listed_cells

__all__ = ["NOT_ASSAYED", "not_assayed"]

NOT_ASSAYED = "not_assayed"


def not_assayed(harmonized: pd.DataFrame, issues: pd.DataFrame, use_case: dict, minimum: int) -> dict[str, int | None]:
    """Variable of a gene -> how many records are set apart from its partition because the count is shown anyway.

    A count that one gene shows and another hides would be known for both. So a count of `minimum` or more is shown for every
    gene that has it, and is never hidden beside a small one: what is protected is the partition of the other records. 0 where
    nothing is set apart: counts below the minimum, which are small for every gene of the panel. None where a count differs
    by less than the minimum from one that more genes have (a variant reported outside its panel): all of that variable is hidden.
    """
    listed, n = listed_cells(issues, harmonized["row"]), len(harmonized)
    counts = {
        name: _count(harmonized, name, spec, listed.get(name))
        for name, spec in use_case["variables"].items()
        if name in harmonized and NOT_ASSAYED in classes_of(spec)[0]
    }
    if minimum <= 1:
        return dict.fromkeys(counts, 0)
    open_ = Counter(count for count in counts.values() if count >= minimum and (n - count >= minimum or n == count))
    told = []
    for count, _ in sorted(open_.items(), key=lambda item: (-item[1], item[0])):
        if all(abs(count - other) >= minimum for other in told):
            told.append(count)
    return {name: count if count in told else None if count in open_ else 0 for name, count in counts.items()}


def _count(harmonized: pd.DataFrame, name: str, spec: dict, cells: pd.DataFrame | None) -> int:
    unknown = harmonized["row"][harmonized[name].isna()]
    return count_cells(cells, "null", unknown, classes_of(spec)[0])[NOT_ASSAYED]
