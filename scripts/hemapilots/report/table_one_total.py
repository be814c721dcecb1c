"""Table 1 over all sites together, from what the sites released: moments joined, counts added, quartiles from counts on a grid."""

import numpy as np
import pandas as pd

from hemapilots.evaluation.distributions import joined_moments, quantile
from hemapilots.report.words import NOT_SHOWN, count, percent

__all__ = ["shown_levels", "total_cells"]


def total_cells(found: list[dict], distribution: pd.DataFrame, sites: list[str]) -> list[str]:
    """The cells of all sites, in the order of a variable's rows, from each site's entry and the counts (of this variable) of the sites.

    A cell is shown only where every site that knows the variable tells its part.
    """
    knowing = [(one, site) for one, site in zip(found, sites, strict=True) if one["n"] != 0]
    absent = _added([one["absent"] for one in found])
    if found[0]["type"] == "number":
        told = [one for one, _ in knowing]
        return [_moments(told), _quartiles(distribution, [site for _, site in knowing]), count(absent)]
    n, levels = _added([one["n"] for one in found]), shown_levels(found)
    parts = [_added([one["levels"].get(level) for one in found]) for level in levels]
    return [*(NOT_SHOWN if part is None else _share(part, n) for part in parts), count(absent)]


def shown_levels(found: list[dict]) -> list[str]:
    """The levels of a variable that have a row: of a flag only those who have it."""
    return [level for level in found[0]["levels"] if not (set(found[0]["levels"]) == {"0", "1"} and level == "0")]


def _added(parts: list[int | None]) -> int | None:
    return None if None in parts else sum(parts)


def _share(part: int, whole: int | None) -> str:
    share = percent(part, whole, 0)
    return f"{part} ({share})" if share else str(part)


def _moments(told: list[dict]) -> str:
    values = [[one[name] for name in ("n", "mean", "sd")] for one in told]
    if not values or any(value is None for row in values for value in row):
        return NOT_SHOWN
    mean, sd = joined_moments(*np.transpose(np.array(values, float)))
    return f"{short(mean)} ({short(sd)})"


def _quartiles(distribution: pd.DataFrame, sites: list[str]) -> str:
    if not sites or set(sites) != set(distribution["site"]):
        return NOT_SHOWN
    limits = np.array([quantile(distribution, share) for share in (0.5, 0.25, 0.75)])
    error = np.abs(limits[:, 1:] - limits[:, :1]).max()
    if not np.isfinite(error):
        return NOT_SHOWN
    return "{} [{} to {}], ± {}".format(*map(short, limits[:, 0]), short(error))


def short(value: float) -> str:
    """A figure of Table 1, with as many decimals as its size needs."""
    text = f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"
    return (text if float(text) else text.removeprefix("-")).replace("-", "−")
