"""Counts that may leave a site: small ones are hidden, and enough others that totals do not give them away.

Small is 1 to `minimum - 1`. A partition is a dict of cells whose sum the reader knows. The reader also knows
this rule, so a hidden set must leave each of its cells more than one value: at least two cells, not all of
them 1, `minimum` together. A partition too small for that is hidden whatever its cells.
"""

__all__ = ["hide", "is_small"]


def is_small(count: int, minimum: int) -> bool:
    """Whether a count must not be shown: 1 to `minimum - 1`."""
    return 0 < count < minimum


def hide(cells: dict, minimum: int, forced: tuple = ()) -> dict:
    """The cells of a partition, the small ones and their complements None.

    forced: cells that are hidden whatever they count, because another table hides them.
    """
    total = sum(cells.values())
    if total == 0 or (len(cells) == 1 and not forced):
        return dict(cells)
    if total < 2 * max(minimum, len(cells)):
        return dict.fromkeys(cells)
    hidden = [name for name, count in cells.items() if is_small(count, minimum) or name in forced]
    spare = sorted(
        (count, place, name) for place, (name, count) in enumerate(cells.items()) if count >= minimum
    )
    spare = [name for _, _, name in spare if name not in hidden]
    while hidden and spare and not _safe([cells[name] for name in hidden], minimum):
        hidden.append(spare.pop(0))
    return {name: None if name in hidden else count for name, count in cells.items()}


def _safe(hidden: list[int], minimum: int) -> bool:
    return len(hidden) >= 2 and sum(hidden) >= minimum and sum(hidden) > len(hidden)
