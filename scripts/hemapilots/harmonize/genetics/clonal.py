"""Which abnormalities of a karyotype are distinct, clonal and acquired: the count that categories rest on.

A loss must be found in three cells and anything else in two, where cells are counted; what a patient was born with does not
count; the cells of a subclone count for its stem line as well; the same abnormality in two clones is one.
"""

import re
from dataclasses import dataclass, field, replace

import numpy as np

from hemapilots.harmonize.genetics.abnormality import GAIN, LOSS, UNDONE, Abnormality, understand
from hemapilots.harmonize.genetics.iscn import Clone, Item, Reading
from hemapilots.harmonize.genetics.modal import NEAR_TRIPLOID, Line, believable, fits

__all__ = ["Counted", "Thresholds", "count"]

_WHOLE_ARM = re.compile(r"\+der\(([^();]+);([^();]+)\)\([pq]10;[pq]10\)")


@dataclass(frozen=True)
class Thresholds:
    """cells: how many a `loss` and anything `other` need; inborn, inborn_sex: names and sex chromosomes that do not count;
    completed: name of an abnormality -> the gain that belongs to it, also where a laboratory leaves it out."""

    cells: dict[str, int]
    inborn: tuple[re.Pattern, ...]
    inborn_sex: frozenset[str]
    completed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Counted:
    """The distinct clonal abnormalities of one karyotype.

    at_least, at_most: their number; at_most is nan where it is not known. names: of each abnormality, those by which the
    table may look it up; None where the text names none (`complex`). remarks: (status, reason, detail). independent: there
    are several and no clone has two of them.
    """

    at_least: float
    at_most: float
    names: tuple[frozenset[str], ...] | None
    remarks: tuple[tuple[str, str, str], ...] = ()
    loses_y: bool = False
    independent: bool = False


def count(reading: Reading, sex: str, rules: Thresholds) -> Counted:
    """Distinct clonal abnormalities of what was read. sex: F, M or empty; decides which sex chromosome `45,X` has lost."""
    comment = (("flagged", "free_text_unmapped", "text beside the karyotype was not read"),) if reading.comment else ()
    if reading.kind == "normal":
        return Counted(0, 0, ())
    if reading.kind == "failed":
        return Counted(np.nan, np.nan, None, (("null", "cyto_failed", "no metaphases"),))
    if reading.kind == "other_method":
        return Counted(np.nan, np.nan, None, (("null", "not_done", "FISH or array alone, no karyotype"),))
    if reading.kind == "complex":
        stated = reading.exactly
        remark = ("null", "parse_error", "abnormalities are counted in words and not named")
        return Counted(reading.at_least, np.nan if stated is None else stated, None, (remark,))
    if reading.kind == "unread":
        return Counted(np.nan, np.nan, None, (("null", "free_text_unmapped", "not a karyotype in a known form"),))
    tally = _Tally(rules)
    clones = tuple(clone for clone in reading.clones if not _unnamed_change(clone, tally))
    _sex_chromosomes(clones, sex, tally)
    _add_clones(clones, tally)
    return tally.result(comment)


def _unnamed_change(clone: Clone, tally: "_Tally") -> bool:
    """Notes a clone in which nothing is named, but whose number says that something has changed: `47,XX`, `46,X`, `99`."""
    if clone.items or believable(clone, clone.sex):
        return False
    lost = clone.number[1] < 46
    if clone.cells is None or clone.cells >= tally.rules.cells["loss" if lost else "other"]:
        tally.incomplete = True
    else:
        tally.below()
    return True


def _add_clones(clones: tuple[Clone, ...], tally: "_Tally") -> None:
    """Every clone's own and inherited abnormalities; cells of a subclone count for its stem line as well."""
    lines: list[tuple[Line, str]] = []
    for clone in clones:
        line, letters, undone, unread = {}, clone.sex, 0, tally.unread
        if clone.stem is not None and lines:
            inherited, stem_letters = lines[min(clone.stem, len(lines) - 1)]
            line.update(inherited)
            letters = letters or stem_letters
        for item in clone.items:
            found = understand(item.text)
            if found is None:
                tally.not_understood(item)
            elif found.kind == UNDONE:
                undone += 1
                line.pop(found.key, None)
                line.pop("+" + found.key, None)
            else:
                _include(line, item, found)
        known = tally.unread == unread and not clone.incomplete and not (clone.stem is not None and clone.ploidy > 2)
        if line and known and not fits(clone, line, letters, undone):
            tally.remark("flagged", "contradiction", "the number of chromosomes is not that of the named changes")
        if clone.ploidy > 2 or (clone.number and clone.number[0] >= NEAR_TRIPLOID and not clone.items):
            _include(line, Item("polyploidy"), Abnormality(GAIN, "polyploidy", frozenset({"polyploidy"})))
        if line:
            lines.append((line, letters))
        tally.incomplete |= clone.incomplete
        tally.add(_whole_arms(clone, line, letters, undone, tally.rules.completed), clone.cells)


def _whole_arms(clone: Clone, line: Line, letters: str, undone: int, completed: dict[str, str]) -> Line:
    """One way of writing for what laboratories write in three: `-7,+der(1;7)(q10;p10)`, or `der(1;7)(q10;p10)` alone where
    the number of chromosomes allows it, become `+1,der(1;7)(q10;p10)`."""
    result = dict(line)
    for key, (item, found) in line.items():
        joined = _WHOLE_ARM.fullmatch(key)
        lost = f"-{joined[2]}" if joined else ""
        if joined and lost in line:
            del result[key], result[lost]
            found = understand(key[1:])
            result[found.key] = (replace(item, text=item.text.removeprefix("+")), found)
        gain = next((gain for name, gain in completed.items() if name in found.names), None)
        if gain is None or gain in result:
            continue
        whole = result | {gain: (Item(gain, item.cells, item.constitutional, item.uncertain), understand(gain))}
        if fits(clone, whole, letters, undone):
            result = whole
    return result


def _include(line: Line, item: Item, found: Abnormality) -> None:
    """Adds an item to a clone; the same item again (`+mar,+mar`) is one more copy."""
    before = line.get(found.key)
    if before and before[0] is not item:
        low, high = before[1].copies
        found = Abnormality(
            found.kind, found.key, found.names, found.chromosomes, (low + found.copies[0], high + found.copies[1])
        )
    line[found.key] = (item, found)


def _sex_chromosomes(clones: tuple[Clone, ...], sex: str, tally: "_Tally") -> None:
    """What the letters say and no item does: `45,X` beside `46,XY` has lost a Y; `47,XXY` in all cells is constitutional."""
    stated = [clone for clone in clones if clone.sex]
    diploid = [
        clone for clone in stated if clone.ploidy == 2 and not (clone.number and clone.number[0] >= NEAR_TRIPLOID)
    ]
    extra = {clone.sex for clone in diploid if clone.sex in tally.rules.inborn_sex}
    if extra or any(clone.constitutional_sex for clone in stated):
        everywhere_same = len({clone.sex for clone in stated}) == 1 or any(clone.constitutional_sex for clone in stated)
        if everywhere_same:
            tally.remark("flagged", "ineligible", "a constitutional change is not counted")
            return
        for letters in sorted(extra):
            tally.add_sex("+y" if letters.count("y") > 1 else "+x", _cells_of(stated, letters))
    for clone in stated:
        changed = {place for item in clone.items for place in _places(item)}
        if len(clone.sex) == 1 and not changed & {"x", "y"} and clone.ploidy == 2 and clone.stem is None:
            lost = "y" if any("y" in other.sex for other in stated) or sex == "M" else "x"
            if lost == "x" and not sex and not any(len(other.sex) > 1 for other in stated):
                tally.incomplete = True
            tally.add_sex(f"-{lost}", clone.cells)


def _cells_of(clones: list[Clone], letters: str) -> int | None:
    cells = [clone.cells for clone in clones if clone.sex == letters]
    return None if None in cells else sum(cells)


def _places(item: Item) -> tuple[str, ...]:
    found = understand(item.text)
    return found.chromosomes if found else ()


class _Tally:
    """Distinct abnormalities with their cells, over all clones of one karyotype."""

    def __init__(self, rules: Thresholds):
        self.rules = rules
        self.found: dict[str, Abnormality] = {}
        self.cells: dict[str, int | None] = {}
        self.lines: list[frozenset[str]] = []
        self.remarks: list[tuple[str, str, str]] = []
        self.incomplete = False
        self.unread = 0

    def remark(self, *remark: str) -> None:
        if remark not in self.remarks:
            self.remarks.append(remark)

    def below(self) -> None:
        self.remark("flagged", "below_lod", "a change in fewer cells than a clone needs is not counted")

    def not_understood(self, item: Item) -> None:
        self.unread += bool(item.text)

    def add_sex(self, text: str, cells: int | None) -> None:
        self.add({text: (Item(text), understand(text))}, cells)

    def add(self, line: dict[str, tuple[Item, Abnormality]], cells: int | None) -> None:
        self.lines.append(frozenset(line))
        for key, (item, found) in line.items():
            if item.constitutional or any(p.fullmatch(name) for p in self.rules.inborn for name in found.names):
                self.remark("flagged", "ineligible", "a constitutional change is not counted")
                continue
            if item.uncertain:
                self.remark("flagged", "code_unknown", "an abnormality marked uncertain is counted")
            own = item.cells if item.cells is not None else cells
            known = self.cells.get(key, 0)
            self.cells[key] = None if own is None or known is None else known + own
            before = self.found.get(key)
            if before is None or before.copies < found.copies:
                self.found[key] = found

    def result(self, comment: tuple) -> Counted:
        clonal = [found for key, found in self.found.items() if self._is_clonal(found, self.cells[key])]
        if len(clonal) < len(self.found):
            self.below()
        # Two markers are two abnormalities; a second copy of the same named one (`+8,+8`) is not a distinct one.
        low, high = (sum(found.copies[end] if not found.chromosomes else 1 for found in clonal) for end in (0, 1))
        names = tuple(found.names for found in clonal)
        remarks = [*self.remarks, *comment]
        if self.unread or self.incomplete:
            remarks.append(("null", "parse_error", "part of the karyotype is not understood or not complete"))
        return Counted(
            float(low),
            np.nan if self.unread or self.incomplete else float(high),
            names,
            tuple(sorted(remarks)),
            any("-y" in of for of in names),
            len(clonal) > 1 and not any(len(line & {found.key for found in clonal}) > 1 for line in self.lines),
        )

    def _is_clonal(self, found: Abnormality, cells: int | None) -> bool:
        return cells is None or cells >= self.rules.cells["loss" if found.kind == LOSS else "other"]
