"""The sites' explanations put together, from their released tables alone."""

import numpy as np
import pandas as pd
from scipy.special import ndtri

__all__ = ["combine_importance", "combine_survshap"]


def combine_importance(sites: pd.DataFrame, level: float) -> pd.DataFrame:
    """Per endpoint and variable the loss over all sites that told theirs, the largest first: endpoint, variable, estimate, lower,
    upper, n, sites.

    Sites count by their comparable pairs, as within-site concordance does elsewhere; their errors are independent.
    """
    found = _combined(sites, ["endpoint", "variable"], "weight", ["estimate"])
    return _with_limits(found, "estimate", level).sort_values("estimate", ascending=False, kind="stable")


def combine_survshap(sites: pd.DataFrame, level: float) -> pd.DataFrame:
    """Per endpoint, variable and time the mean over the explained patients of all sites that told theirs: size (with lower, upper;
    missing where sizes stayed at the sites), share of all contributions, and direction."""
    keys = ["endpoint", "variable", "time"]
    return _with_limits(_combined(sites, keys, "n", ["size", "share", "direction"]), "size", level)


def _combined(sites: pd.DataFrame, keys: list[str], weight: str, names: list[str]) -> pd.DataFrame:
    """Weighted means of some columns over the sites that have them, `se` of the first, patients and number of sites."""
    part = sites[keys].assign(n=sites["n"], sites=1.0)
    for name in names:
        used = sites[weight].where(sites[name].notna())
        part[name], part[f"_{name}"] = used * sites[name], used
    part["se"] = (sites[weight] * sites["se"]) ** 2
    found = part.groupby(keys, sort=False, as_index=False).sum(min_count=1)
    for name in names:
        found[name] = found[name] / found[f"_{name}"]
    found["se"] = np.sqrt(found["se"]) / found[f"_{names[0]}"]
    return found[[*keys, *names, "se", "n", "sites"]]


def _with_limits(found: pd.DataFrame, name: str, level: float) -> pd.DataFrame:
    half = float(ndtri(0.5 + level / 2)) * found.pop("se")
    return found.assign(lower=found[name] - half, upper=found[name] + half)
