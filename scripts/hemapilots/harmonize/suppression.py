"""Counts that may leave a site: small ones are hidden, and enough others that totals do not give them away.

Small is 1 to `minimum - 1`. A partition is a dict of cells whose sum the reader knows. The reader also knows
this rule, so a hidden set must leave each of its cells more than one value:
- at least two cells, `minimum` together, neither all 1 nor all `minimum - 1`;
- the cells hidden beside the small ones are drawn by a keyed hash of their names (`Draw`), never by their counts: were it
  always the smallest, a shown cell would bound it, and were it drawn anew, a second release would show what the first hid;
- a partition too small for that is hidden whatever its cells.

What this does not give: a correction that carries a count across `minimum` shows it on one side, and whoever knows that one
patient was corrected knows the other; no release remembers what an earlier one hid. And partitions that share patients can be
subtracted from each other unless their counts are rounded.
"""

import hashlib
import hmac
from collections.abc import Callable, Hashable

__all__ = ["Draw", "hide", "hide_and_tell", "is_small"]

Order = Callable[[list], list]


class Draw:
    """An order of cells that depends on a secret, the table and the cells' names, and on nothing that is counted.

    As good as random for whoever does not have the secret; the same at every release. A secret that can be guessed
    (pilot and site of a public cohort) gives an order that can be repeated.
    """

    def __init__(self, secret: bytes, table: str = ""):
        self.secret, self.table = secret, table

    def of(self, part: str) -> "Draw":
        """The draw of a table within this one."""
        return Draw(self.secret, f"{self.table}/{part}")

    def __call__(self, names: list) -> list:
        return sorted(names, key=self._digest)

    def _digest(self, name: Hashable) -> bytes:
        return hmac.new(self.secret, f"{self.table}\x00{name}".encode(), hashlib.sha256).digest()


def is_small(count: int, minimum: int) -> bool:
    """Whether a count must not be shown: 1 to `minimum - 1`."""
    return 0 < count < minimum


def hide(cells: dict, minimum: int, draw: Order, forced: tuple = ()) -> dict:
    """The cells of a partition, the small ones and their complements None.

    draw: puts the names of cells in the order in which they are hidden beside the small ones. forced: cells that are hidden
    whatever they count, because another table hides them.
    """
    if minimum <= 1 and not forced:
        return dict(cells)
    total = sum(cells.values())
    if total == 0 or (len(cells) == 1 and not forced):
        return dict(cells)
    if total < 2 * max(minimum, len(cells)):
        return dict.fromkeys(cells)
    hidden = [name for name, count in cells.items() if is_small(count, minimum) or name in forced]
    spare = [name for name in draw(list(cells)) if cells[name] >= minimum and name not in hidden]
    while hidden and spare and not _safe([cells[name] for name in hidden], minimum):
        hidden.append(spare.pop(0))
    return {name: None if name in hidden else count for name, count in cells.items()}


def hide_and_tell(cells: dict, minimum: int, draw: Order) -> tuple[dict, list[str]]:
    """As `hide`, and the hidden cells that may be called small ("1 to `minimum - 1`") without narrowing them further.

    With h hidden cells of S together, a reader who is told which are small can still think each of them any small count
    if S >= minimum x h: the others, `minimum` at least, take up the rest. S and h are known to the reader, so that
    nothing is told where the rule does not hold says nothing either.
    """
    shown = hide(cells, minimum, draw)
    hidden = [name for name, count in shown.items() if count is None]
    if sum(cells[name] for name in hidden) < minimum * len(hidden):
        return shown, []
    return shown, [name for name in hidden if is_small(cells[name], minimum)]


def _safe(hidden: list[int], minimum: int) -> bool:
    total, cells = sum(hidden), len(hidden)
    return cells >= 2 and total >= minimum and total not in (cells, cells * (minimum - 1))
