"""Whether the stated number of chromosomes is that of the abnormalities that are named.

A number that fits nothing is a sentinel, a slip of the pen, or a change that nobody named. Where laboratories write in several
ways, the smallest and the largest number that one of them would state are compared with the stated range.
"""

import re

from hemapilots.harmonize.genetics.abnormality import GAIN, LOSS, Abnormality
from hemapilots.harmonize.genetics.iscn import Clone, Item

__all__ = ["NEAR_TRIPLOID", "Line", "believable", "fits"]

# The changes of a clone by the key of the abnormality.
Line = dict[str, tuple[Item, Abnormality]]

AUTOSOMES = 22
DIPLOID = 2
SETS = range(1, 9)
# ISCN: up to 34 chromosomes are nearer to one set than to two, from 58 on they are nearer to three.
_NEAR_HAPLOID, NEAR_TRIPLOID = 34, 58
_SEX = {"x", "y"}
# Chromosomes that became one: of a translocation whole arms only, t(13;14)(q10;q10).
_JOINED = re.compile(r"\+?(?:(?:dic|trc|rob|der)\(([^()]*)\)|t\(([^()]*)\)\([pq]10;[pq]10\))")


def fits(clone: Clone, line: Line, letters: str, undone: int) -> bool:
    """Whether a clone can have the stated number of chromosomes.

    line: its changes, inherited ones too; letters: its sex chromosomes, of the stem line where it states none;
    undone: how many changes of the stem line it has lost again.
    """
    if clone.number is None:
        return True
    low, high = _autosomal(clone, line)
    few, many = clone.number
    for sets in _possible_sets(clone):
        fewest, most = _sex_chromosomes(line, letters, sets)
        if AUTOSOMES * sets + low + fewest - undone <= many and few <= AUTOSOMES * sets + high + most:
            return True
    return False


def believable(clone: Clone, letters: str) -> bool:
    """Whether a clone of which no change is named can have the stated number: the usual one by its sex chromosomes, or
    many sets with the sex chromosomes of more than half of them."""
    if clone.number is None or clone.stem is not None:
        return True
    if clone.ploidy > DIPLOID:
        return True
    if clone.ploidy == DIPLOID and clone.number[0] >= NEAR_TRIPLOID:
        sets = round(clone.number[0] / (AUTOSOMES + 1))
        return len(letters) > sets / 2 and len(letters) > DIPLOID
    low, high = clone.number
    return clone.ploidy == DIPLOID and low <= AUTOSOMES * DIPLOID + (len(letters) or DIPLOID) <= high


def _possible_sets(clone: Clone) -> tuple[int, ...]:
    if clone.ploidy != DIPLOID:
        return (clone.ploidy,)
    if clone.number[0] >= NEAR_TRIPLOID:
        return tuple(sets for sets in SETS if sets >= DIPLOID)
    return (1, DIPLOID) if clone.number[1] <= _NEAR_HAPLOID else (DIPLOID,)


def _autosomal(clone: Clone, line: Line) -> tuple[int, int]:
    """Fewest and most chromosomes that the changes add, those of the sex chromosomes left out."""
    low = high = 0
    for item, found in line.values():
        if found.kind in (GAIN, LOSS) and _SEX & {*found.chromosomes}:
            continue
        fewest, most = _effect(item, found)
        # What only some cells have, or is in doubt, need not be in the number.
        if item.uncertain or item.cells is not None or clone.number[0] != clone.number[1]:
            fewest, most = min(fewest, 0), max(most, 0)
        low, high = low + fewest, high + most
    return low, high


def _effect(item: Item, found: Abnormality) -> tuple[int, int]:
    few, many = found.copies
    if found.kind == LOSS:
        return -many, -few
    if found.kind == GAIN:
        # A marker without its plus may stand in the place of a chromosome.
        return (few if item.text.startswith("+") else 0), many
    if item.text.startswith("+"):
        # An additional arm (+1q) is a chromosome of its own, or a part of another.
        return (few if found.key.startswith("+") else 0), many
    joined = _JOINED.match(found.key)
    # Of two chromosomes that became one, some laboratories write the loss as an item too.
    return (-(joined[1] or joined[2]).count(";") * many if joined else 0), 0


def _sex_chromosomes(line: Line, letters: str, sets: int) -> tuple[int, int]:
    """Fewest and most sex chromosomes: the letters are what is left after losses, but not every laboratory writes so."""
    stated = len(letters) or sets
    lost = gained = changed = 0
    for item, found in line.values():
        if not _SEX & {*found.chromosomes}:
            continue
        if found.kind == LOSS:
            lost += found.copies[1]
        elif found.kind == GAIN:
            gained += found.copies[1]
        elif not item.text.startswith("+"):
            changed += len(_SEX & {*found.chromosomes})
    # A changed X or Y stands as an item and not as a letter.
    missing = max(0, sets - stated)
    left = stated - (lost if not missing else 0)
    return left + (gained if not lost else 0), left + gained + min(changed, missing)
