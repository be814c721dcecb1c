"""How a variable is distributed: a site's counts on a grid that the use case fixes, and quantiles over all sites with their error.

The grid has fifty cells over the variable's usual range and one beyond each end. Neighbouring cells are joined until each holds nobody
or enough patients, so that a quantile over all sites is known up to the cells that may hold it: these limits are stated with it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["DISTRIBUTION_COLUMNS", "distribution_table", "joined_moments", "quantile"]

DISTRIBUTION_COLUMNS = ["site", "variable", "start", "end", "n"]
CELLS = 50
# As for the quartiles of Table 1.
MINIMUM_KNOWN = 40


def distribution_table(site: str, harmonized: pd.DataFrame, spec: Mapping[str, Any]) -> pd.DataFrame:
    """Counts per cell (start, end] of each variable of `spec["distributions"]` (its usual range), DISTRIBUTION_COLUMNS.

    A variable that is known for fewer than 40 patients has no rows.
    """
    rows = []
    for name, (low, high) in spec["distributions"].items():
        known = np.sort(harmonized[name].dropna().to_numpy(float))
        if len(known) < MINIMUM_KNOWN:
            continue
        edges = np.r_[-np.inf, np.linspace(low, high, CELLS + 1), np.inf]
        counts = np.diff(np.r_[0, np.searchsorted(known, edges[1:], side="right")])
        rows += [(site, name, *cell) for cell in merged(edges, counts, int(spec["minimum_cell"]))]
    return pd.DataFrame(rows, columns=DISTRIBUTION_COLUMNS)


def merged(edges: np.ndarray, counts: np.ndarray, minimum: int) -> list[tuple[float, float, int]]:
    """Cells (start, end, count), each of 0 or at least `minimum`; what is left at the end joins the last of these."""
    cells, start, pending = [], edges[0], 0
    for end, count in zip(edges[1:], counts, strict=True):
        pending += int(count)
        if pending == 0 or pending >= minimum:
            cells.append((float(start), float(end), pending))
            start, pending = end, 0
    while pending:
        first, _, count = cells.pop()
        start, pending = (first, 0) if pending + count >= minimum else (first, pending + count)
        if pending == 0:
            total = int(counts.sum()) - sum(cell[2] for cell in cells)
            cells.append((float(start), float(edges[-1]), total))
    return cells


def quantile(table: pd.DataFrame, share: float) -> tuple[float, float, float]:
    """(estimate, lower, upper) of the smallest value that a share of all patients does not exceed, from the rows of one variable.

    The value over all patients lies in (lower, upper]; the estimate takes patients to be spread evenly over their cell, and is a limit
    where the cell is open.
    """
    edges = np.unique(table[["start", "end"]].to_numpy())
    start, end, count = (table[name].to_numpy() for name in ("start", "end", "n"))
    # A share of a whole number is whole up to rounding.
    wanted = share * count.sum() - 1e-9
    surely = np.array([count[end <= edge].sum() for edge in edges])
    possibly = np.array([count[start < edge].sum() for edge in edges])
    lower, upper = edges[possibly < wanted][-1] if (possibly < wanted).any() else edges[0], edges[surely >= wanted][0]
    inside = (start < upper) & (end > lower)
    if not np.isfinite([lower, upper]).all() or not np.isfinite([start[inside], end[inside]]).all():
        return (float(upper if np.isfinite(upper) else lower), float(lower), float(upper))
    points = edges[(edges >= lower) & (edges <= upper)]
    reach = np.clip((points[:, None] - start[inside]) / (end - start)[inside], 0, 1)
    passed = count[end <= lower].sum() + reach @ count[inside]
    return float(np.clip(np.interp(wanted, passed, points), lower, upper)), float(lower), float(upper)


def joined_moments(n: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation (n - 1) over all patients from those of each site."""
    total = n.sum()
    middle = float(n @ mean / total)
    squares = (n - 1) @ sd**2 + n @ (mean - middle) ** 2
    return middle, float(np.sqrt(squares / (total - 1)))
