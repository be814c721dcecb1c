"""How many patients stand on either side of a split in time, as a site may tell it."""

import numpy as np
import pandas as pd

from hemapilots.rounding import round_count
from hemapilots.support import MINIMUM_SUPPORT

__all__ = ["PARTS", "sizes"]

# Those whom models learn from, those who are judged, and those whose index year is unknown, who are neither.
PARTS = ("earlier", "later", "unknown")


def sizes(folds: pd.DataFrame, event: np.ndarray, gate: str) -> dict[str, dict[str, int | None]]:
    """`patients` and `events` of each part at a site.

    Under an enforced gate counts are rounded, and all of a kind are hidden where one, or the rest of a part, is small. folds: the rows
    with a known outcome, `event` (n,) whether they have the event.
    """
    judged = folds["judged"].to_numpy(dtype=bool)
    masks = dict(
        zip(PARTS, (folds["fold"].to_numpy() > 0, judged, (folds["fold"].to_numpy() == 0) & ~judged), strict=True)
    )
    told = {"patients": np.ones(len(event), dtype=bool), "events": event}
    out: dict[str, dict[str, int | None]] = {part: {} for part in PARTS}
    for kind, marked in told.items():
        counts = {part: int(np.count_nonzero(mask & marked)) for part, mask in masks.items()}
        cells = [*counts.values(), *(int(np.count_nonzero(mask & ~event)) for mask in masks.values())]
        small = gate == "enforce" and any(0 < cell < MINIMUM_SUPPORT for cell in cells)
        base = MINIMUM_SUPPORT if gate == "enforce" else 1
        for part, count in counts.items():
            out[part][kind] = None if small else round_count(count, base)
    return out
