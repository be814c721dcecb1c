"""Says where two tables differ, cell by cell."""

import numpy as np
import pandas as pd

__all__ = ["differences"]


def differences(found: pd.DataFrame, wanted: pd.DataFrame, relative: float = 1e-9) -> list[str]:
    """One sentence per column that differs, empty where all cells are equal.

    Numbers may differ by `relative` of their size, which is what a conversion there and back loses; unknown equals unknown.
    """
    out = [f"column {name} is absent" for name in wanted if name not in found]
    out += [f"column {name} is too many" for name in found if name not in wanted and name != "row"]
    if len(found) != len(wanted):
        return [*out, f"{len(found)} rows instead of {len(wanted)}"]
    for name in [name for name in wanted if name in found]:
        one, other = found[name].to_numpy(), wanted[name].to_numpy()
        both = pd.isna(one) & pd.isna(other)
        if pd.api.types.is_numeric_dtype(wanted[name]):
            one, other = one.astype(float), other.astype(float)
            with np.errstate(invalid="ignore"):
                same = both | (np.abs(one - other) <= relative * np.maximum(np.abs(one), np.abs(other)))
        else:
            same = both | (one == other)
        if not same.all():
            at = int(np.flatnonzero(~same)[0])
            out.append(f"{name}: {int((~same).sum())} cells, first in row {at}: {one[at]!r} instead of {other[at]!r}")
    return out
