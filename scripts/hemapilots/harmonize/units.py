"""One conversion factor per column and stated unit, from a table; never a guess per value."""

from pathlib import Path

import pandas as pd

from hemapilots.errors import HemaPilotsError

__all__ = ["factor", "load_factors"]

Factors = dict[tuple[str, str, str], float]


def load_factors(path: str | Path) -> Factors:
    """Reads a factor table: columns variable (`*` for any), source, canonical, factor, basis.

    Returns (variable, source unit, canonical unit) -> factor; canonical = source x factor.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        keys = list(zip(table["variable"], table["source"], table["canonical"], strict=True))
        factors = dict(zip(keys, table["factor"].astype(float), strict=True))
    except (OSError, KeyError, ValueError) as error:
        raise HemaPilotsError(
            f"{path}: not a table of unit factors ({error}); it needs variable, source, canonical and factor"
        ) from None
    if len(factors) < len(keys):
        raise HemaPilotsError(f"{path}: a combination of variable, source and canonical stands twice; keep one")
    bad = [" ".join(key) for key, value in factors.items() if not 0 < value < float("inf")]
    if bad:
        raise HemaPilotsError(f"{path}, factor of {bad[0]}: it is not positive; correct it")
    return factors


def factor(variable: str, source: str | None, canonical: str | None, factors: Factors, mapping_name: str) -> float:
    """The factor of a column; 1 for equal units. Raises HemaPilotsError where the table has none."""
    if source == canonical or (source is None and canonical in (None, "1")):
        return 1.0
    for owner in (variable, "*"):
        if (owner, source, canonical) in factors:
            return factors[owner, source, canonical]
    known = sorted({key[1] for key in factors if key[0] in (variable, "*") and key[2] == canonical})
    stated = "no unit is stated" if source is None else f'the unit "{source}" has no factor to {canonical}'
    raise HemaPilotsError(
        f"mapping {mapping_name}, variables.{variable}.unit: {stated}; use one of "
        + ", ".join(str(unit) for unit in [canonical, *known])
    )
