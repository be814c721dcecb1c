"""The rows of a table: one per patient, or several samples of which the one nearest the index date holds the true value."""

import numpy as np
import pandas as pd

from hemapilots.synthesis.extracts.source import Source

__all__ = ["single_visits", "visits"]

# The true sample lies this close to the index date, every other one further away.
_CLOSE = 9
_AGAIN = 0.2


def single_visits(source: Source, dated: bool) -> pd.DataFrame:
    """Columns patient (position), day and kind: one true row per patient, in order; day is nan where not dated."""
    n = len(source.clean)
    day = _true_days(source) if dated else np.full(n, np.nan)
    return pd.DataFrame({"patient": np.arange(n), "day": day, "kind": "true"})


def visits(source: Source) -> pd.DataFrame:
    """Rows in an order of their own: `true`, `near` (further away, in the window), `outside` of it, `again` (the true one twice)."""
    rng, n, (low, high) = source.rng, len(source.clean), source.window
    index, true = source.index, single_visits(source, dated=True)
    far = max(min(-low, high), _CLOSE + 3)
    found = [true]
    for kind, days in (
        ("near", index + rng.choice([-1, 1], n) * rng.integers(_CLOSE + 2, far, n)),
        ("outside", index + high + rng.integers(5, 400, n)),
        ("outside", index + low - rng.integers(5, 400, n)),
    ):
        some = rng.random(n) < source.habits.revisits
        found.append(pd.DataFrame({"patient": true["patient"], "day": days, "kind": kind})[some])
    found.append(true[rng.random(n) < _AGAIN * min(1.0, 2 * source.habits.revisits)].assign(kind="again"))
    joined = pd.concat(found, ignore_index=True)
    return joined.iloc[rng.permutation(len(joined))].reset_index(drop=True)


def _true_days(source: Source) -> np.ndarray:
    """Days near the index date, none after the day that ends the time of samples."""
    low, high = source.window
    days = source.index + source.rng.integers(max(low, -_CLOSE), min(high, _CLOSE) + 1, len(source.clean))
    before = source.use_case.get("before")
    if before in source.clean:
        days = np.fmin(days, source.clean[before].to_numpy(dtype=float))
    return days
