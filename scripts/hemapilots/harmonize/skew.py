"""Random splits whose sites are unlike: in size, event times, censoring, or a covariate, by a Dirichlet distribution."""

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError

__all__ = ["classes_of", "skewed"]

DRAWS = 1000
# Patients of whom the class is unknown.
UNKNOWN = -1


def skewed(table: pd.DataFrame, rule: dict) -> dict[str, np.ndarray]:
    """The places of each site's records, ascending.

    rule: `sites` with shares, `seed`, and `skew` as configured, with the `endpoint` whose times and events it is about. Draws are
    repeated until every site has `skew.minimum` records; raises HemaPilotsError where that does not come about.
    """
    skew, shares = rule["skew"], np.array(list(rule["sites"].values()), dtype=float)
    classes = classes_of(table, skew)
    for draw in range(DRAWS):
        rng = np.random.default_rng([rule["seed"], draw])
        site_of = np.empty(len(table), dtype=int)
        for one in np.unique(classes):
            members = rng.permutation(np.flatnonzero(classes == one))
            parts = shares if one == UNKNOWN else rng.dirichlet(skew["concentration"] * shares.size * shares)
            site_of[members] = np.repeat(np.arange(shares.size), _whole(members.size, parts))
        if np.bincount(site_of, minlength=shares.size).min() >= skew["minimum"]:
            return {site: np.flatnonzero(site_of == at) for at, site in enumerate(rule["sites"])}
    raise HemaPilotsError(
        f"split.skew: in {DRAWS} draws no split of {len(table)} records gave every site {skew['minimum']}; "
        "raise `concentration`, or lower `minimum`"
    )


def classes_of(table: pd.DataFrame, skew: dict) -> np.ndarray:
    """The class (n,) of each record, -1 where it is unknown; of event times only those of patients with the event are known."""
    if skew["of"] == "quantity":
        return np.zeros(len(table), dtype=int)
    event = table[f"{skew['endpoint']}_event"]
    if skew["of"] == "censoring":
        return event.gt(0).astype(int).where(event.notna(), UNKNOWN).to_numpy()
    values = table[f"{skew['endpoint']}_time"].where(event == 1) if skew["of"] == "time" else table[skew["variable"]]
    if values.dtype != object and values.nunique() > skew["classes"]:
        values = pd.qcut(values, skew["classes"], labels=False, duplicates="drop")
    return values.astype("category").cat.codes.to_numpy(dtype=int)


def _whole(n: int, parts: np.ndarray) -> np.ndarray:
    """n records in these parts by the largest remainder (K,)."""
    exact = n * parts / parts.sum()
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: n - counts.sum()]] += 1
    return counts
