"""Counts that may leave a site: small ones are hidden, and enough others that totals do not give them away.

Small is 1 to `minimum - 1`. A partition is a dict of cells whose sum the reader knows. The reader also knows
this rule, so a hidden set must leave each of its cells more than one value:
- at least two cells, `minimum` together, neither all 1 nor all `minimum - 1`;
- the cells hidden beside the small ones are drawn at random: were it always the smallest, a shown cell would
  bound it. The generator is seeded from the site's own records (`private_generator`): the same bytes on every
  run, nothing that a reader can repeat;
- a partition too small for that is hidden whatever its cells.
"""

import hashlib

import numpy as np
import pandas as pd

__all__ = ["hide", "hide_and_tell", "is_small", "private_generator"]


def is_small(count: int, minimum: int) -> bool:
    """Whether a count must not be shown: 1 to `minimum - 1`."""
    return 0 < count < minimum


def hide(cells: dict, minimum: int, generator: np.random.Generator, forced: tuple = ()) -> dict:
    """The cells of a partition, the small ones and their complements None.

    forced: cells that are hidden whatever they count, because another table hides them.
    """
    if minimum <= 1 and not forced:
        return dict(cells)
    total = sum(cells.values())
    # Drawn in every case, so that what is hidden here does not move the draws of other tables.
    names = [list(cells)[place] for place in generator.permutation(len(cells))]
    if total == 0 or (len(cells) == 1 and not forced):
        return dict(cells)
    if total < 2 * max(minimum, len(cells)):
        return dict.fromkeys(cells)
    hidden = [name for name, count in cells.items() if is_small(count, minimum) or name in forced]
    spare = [name for name in names if cells[name] >= minimum and name not in hidden]
    while hidden and spare and not _safe([cells[name] for name in hidden], minimum):
        hidden.append(spare.pop(0))
    return {name: None if name in hidden else count for name, count in cells.items()}


def hide_and_tell(cells: dict, minimum: int, generator: np.random.Generator) -> tuple[dict, list[str]]:
    """As `hide`, and the hidden cells that may be called small ("1 to `minimum - 1`") without narrowing them further.

    With h hidden cells of S together, a reader who is told which are small can still think each of them any small count
    if S >= minimum x h: the others, `minimum` at least, take up the rest. S and h are known to the reader, so that
    nothing is told where the rule does not hold says nothing either.
    """
    shown = hide(cells, minimum, generator)
    hidden = [name for name, count in shown.items() if count is None]
    if sum(cells[name] for name in hidden) < minimum * len(hidden):
        return shown, []
    return shown, [name for name in hidden if is_small(cells[name], minimum)]


def _safe(hidden: list[int], minimum: int) -> bool:
    total, cells = sum(hidden), len(hidden)
    return cells >= 2 and total >= minimum and total not in (cells, cells * (minimum - 1))


def private_generator(records: pd.DataFrame) -> np.random.Generator:
    """A generator seeded from the content of the records (SHA-256): repeatable at the site only."""
    digest = hashlib.sha256()
    for name in records.columns:
        column = records[name]
        if column.dtype == object:
            digest.update("\x00".join(column.fillna("\x01").astype(str)).encode())
        else:
            digest.update(np.ascontiguousarray(column.to_numpy()).tobytes())
    return np.random.default_rng(int.from_bytes(digest.digest(), "big"))
