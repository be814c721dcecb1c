"""Table 1 over all sites together, from what the sites released: moments joined, counts added, quartiles from counts on a grid."""

import numpy as np
import pandas as pd

from hemapilots.evaluation.distributions import joined_moments, quantile
from hemapilots.report.words import NOT_SHOWN, count, percent

__all__ = ["shown_levels", "total_cells"]


# Sites that tell their part must hold this share of all known values for a total without the others, marked ≈.
ENOUGH = 0.9


def total_cells(found: list[dict], distribution: pd.DataFrame, records: dict[str, int | None]) -> list[str]:
    """The cells of all sites, in the order of a variable's rows, from each site's entry and the counts (of this variable) of the sites.

    A cell is shown where every site that knows the variable tells its part, or nearly all do. records: of each site.
    """
    pairs = [(one, site) for one, site in zip(found, records, strict=True) if one["n"] != 0]
    absent = _added([one["absent"] for one in found])
    if found[0]["type"] == "number":
        return [_moments(pairs, records), _quartiles(distribution, [site for _, site in pairs]), count(absent)]
    return [*(_level(pairs, level, records) for level in shown_levels(found)), count(absent)]


def _level(pairs: list[tuple[dict, str]], level: str, records: dict[str, int | None]) -> str:
    """A level's count with its share of the known values, over the sites that tell it."""
    told = [(one, site) for one, site in pairs if one["levels"].get(level) is not None]
    if not _enough(told, pairs, records):
        return NOT_SHOWN
    part, whole = sum(one["levels"][level] for one, _ in told), _added([one["n"] for one, _ in told])
    if len(told) == len(pairs):
        return _share(part, whole)
    # Without the others a count is too low; the share is not.
    share = percent(part, whole, 0)
    return f"≈ {share}" if share else f"at least {part}"


def _enough(told: list, pairs: list, records: dict[str, int | None]) -> bool:
    """Whether the sites that tell hold nearly all known values; a site that hides their number weighs as many as its records."""
    if len(told) == len(pairs):
        return True
    sizes = {site: records[site] if one["n"] is None else one["n"] for one, site in pairs}
    if None in sizes.values():
        return False
    return sum(sizes[site] for _, site in told) >= ENOUGH * sum(sizes.values())


def _about(told: list, knowing: list) -> str:
    return "" if len(told) == len(knowing) else "≈ "


def shown_levels(found: list[dict]) -> list[str]:
    """The levels of a variable that have a row: of a flag only those who have it."""
    return [level for level in found[0]["levels"] if not (set(found[0]["levels"]) == {"0", "1"} and level == "0")]


def _added(parts: list[int | None]) -> int | None:
    return None if None in parts else sum(parts)


def _share(part: int, whole: int | None) -> str:
    share = percent(part, whole, 0)
    return f"{part} ({share})" if share else str(part)


def _moments(pairs: list[tuple[dict, str]], records: dict[str, int | None]) -> str:
    """Mean and SD over the sites that tell theirs; where a few missing values are hidden, a site weighs as many as its records."""
    told = [(one, site) for one, site in pairs if None not in (one["mean"], one["sd"], one["n"] or records[site])]
    if not told or not _enough(told, pairs, records):
        return NOT_SHOWN
    values = [[one["n"] or records[site], one["mean"], one["sd"]] for one, site in told]
    mean, sd = joined_moments(*np.transpose(np.array(values, float)))
    hidden = any(one["n"] is None for one, _ in told)
    return f"{'≈ ' if hidden else _about(told, pairs)}{short(mean)} ({short(sd)})"


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
