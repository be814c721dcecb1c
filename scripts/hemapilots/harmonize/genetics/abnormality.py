"""One item of a karyotype: what it is, the names under which tables may look it up, and which arms it gains and loses.

This is the grammar of ISCN and no disease: a deletion of 5q is called `del(5q)` here whoever has it.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

__all__ = ["GAIN", "LOSS", "STRUCTURAL", "UNDONE", "Abnormality", "understand"]

GAIN, LOSS, STRUCTURAL, UNDONE = "gain", "loss", "structural", "undone"

_CHROMOSOME = r"(1[0-9]|2[0-2]|[1-9]|x|y)"
# Every repetition is of one class of characters and followed by another class: no text can make these backtrack far.
_WHOLE = re.compile(rf"([+-]){_CHROMOSOME}")
_ARM = re.compile(rf"([+-]){_CHROMOSOME}([pq])")
_OLD_ARM = re.compile(rf"{_CHROMOSOME}([pq])([+-])")
_SPOKEN = re.compile(rf"(del|minus|mono|monosom[a-z]{{1,3}}|plus|tris|trisom[a-z]{{1,3}}){_CHROMOSOME}")
_MARKER = re.compile(r"\+?([0-9]{1,2})?(?:[~-]([0-9]{1,2}))?(mar|r)([0-9]{0,2}[a-z]?)(?:[~-]([0-9]{1,2}))?")
_MINUTE = re.compile(r"\+?(?:[0-9]{1,3})?(?:[~-][0-9]{1,3})?(dmin|hsr)[0-9]{0,2}(?:\([0-9xyq.]{0,12}\)){0,2}")
_TIMES = re.compile(r"[x*]([0-9]{1,2})(?:[~-]([0-9]{1,2}))?$")
_KINDS = "psudic|idicr|idic|dicr|dic|trc|ider|iso|ins|inv|add|del|der|dup|trp|qdp|rob|tas|fra|hsr|tr|i|r|t"
_OPERATION = re.compile(rf"({_KINDS})\(([^()]{{0,40}})\)?(?:\(([^()]{{0,60}})\)?)?")
_SHORT = re.compile(rf"({_KINDS}){_CHROMOSOME}(?:\(?([pq][0-9.pqter;]{{0,30}})\)?)?")
# A word or a further clone behind an item: what it says of the item is not known (`del(5q) not confirmed`).
_PROSE = re.compile(r"[^\W\d_]{4}|/")
_PLACE = re.compile(rf"{_CHROMOSOME}([pq].{{0,30}})?")
_BREAK = re.compile(r"([pq])([0-9]{0,2})")
_SAME = {"iso": "i", "psudic": "dic", "dicr": "dic", "idicr": "idic", "tas": "dic", "tr": "t"}


@dataclass(frozen=True)
class Abnormality:
    """kind: GAIN, LOSS, STRUCTURAL or UNDONE (a change of the stem line that this clone has lost again: `-der(...)`).

    key: the same for the same abnormality in another clone. names: for patterns, such as `-7`, `del(5q)`, `t(3;3)`,
    `loss(17p)`. copies: fewest and most, (1, 1) but for `x2` and numbered markers.
    """

    kind: str
    key: str
    names: frozenset[str] = field(default_factory=frozenset)
    chromosomes: tuple[str, ...] = ()
    copies: tuple[int, int] = (1, 1)


@lru_cache(maxsize=20_000)
def understand(text: str) -> Abnormality | None:
    """The abnormality that an item states (lower case, no white space, no `?`), or None where it is not ISCN."""
    if len(text) > 200:
        return None
    times = _TIMES.search(text)
    copies = (1, 1)
    if times:
        text = text[: times.start()]
        copies = (int(times[1]), int(times[2] or times[1]))
    found = _numerical(text) or _marker(text) or _structural(text)
    if found is None or copies == (1, 1):
        return found
    return Abnormality(found.kind, found.key, found.names, found.chromosomes, (max(1, min(copies)), max(copies)))


def _numerical(text: str) -> Abnormality | None:
    spoken = _SPOKEN.fullmatch(text)
    if spoken:
        text = ("+" if spoken[1].startswith(("plus", "tris")) else "-") + spoken[2]
    whole = _WHOLE.fullmatch(text)
    if whole:
        sign, chromosome = whole.groups()
        return Abnormality(GAIN if sign == "+" else LOSS, text, frozenset({text}), (chromosome,))
    arm = _ARM.fullmatch(text)
    if arm:
        sign, chromosome, letter = arm.groups()
        name = f"{'gain' if sign == '+' else 'loss'}({chromosome}{letter})"
        also = {f"del({chromosome}{letter})"} if sign == "-" else {text}
        return Abnormality(STRUCTURAL, name, frozenset({name} | also), (chromosome,))
    old = _OLD_ARM.fullmatch(text)
    if old:
        chromosome, letter, sign = old.groups()
        return _structural(f"{'add' if sign == '+' else 'del'}({chromosome})({letter})")
    return None


def _marker(text: str) -> Abnormality | None:
    if _MINUTE.fullmatch(text):
        name = "dmin" if "dmin" in text else "hsr"
        return Abnormality(STRUCTURAL, name, frozenset({name}))
    if text.startswith("-") and (lost := _MARKER.fullmatch(text[1:])):
        return Abnormality(UNDONE, lost[3] + lost[4])
    found = _MARKER.fullmatch(text)
    if not found:
        return None
    low, high, kind, label, last = found.groups()
    few, many = int(low or 1), int(high or low or 1)
    if last and label.isdigit() and int(last) > int(label):
        many, label = int(last) - int(label) + 1, ""
        few = many
    return Abnormality(
        GAIN, f"+{kind}{label}", frozenset({f"+{kind}"}), (), (max(1, min(few, many)), max(1, few, many))
    )


def _structural(text: str) -> Abnormality | None:
    sign = text[:1] if text[:1] in "+-" and text else ""
    rest = text[len(sign) :].removeprefix("_")
    if rest.startswith("dert("):
        rest = rest.replace("dert(", "t(", 1)
    operations = _operations(rest)
    if not operations:
        return None
    key = "".join(f"{kind}({';'.join(places)})({';'.join(bands)})" for kind, places, bands in operations)
    if sign == "-":
        return Abnormality(UNDONE, key)
    names = _names(operations)
    # An additional copy of a changed chromosome takes nothing away: its losses are those of the lost normal one.
    effects = {effect for effect in _effects(operations) if not (sign and effect.startswith("loss"))}
    names |= effects | ({f"+{name}" for name in names} if sign else set())
    chromosomes = tuple(dict.fromkeys(place for _, places, _ in operations for place in places))
    return Abnormality(STRUCTURAL, sign + key, frozenset(names), chromosomes)


def _operations(text: str) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """(kind, chromosomes, bands of each) of every `kind(...)(...)`; empty where the text does not begin with one."""
    short = _SHORT.fullmatch(text)
    if short:
        kind, chromosome, bands = short.groups()
        return [(_SAME.get(kind, kind), (chromosome,), (bands,) if bands else ())]
    result = []
    if not _OPERATION.match(text) or _PROSE.search(_OPERATION.sub(";", text)):
        return result
    for found in _OPERATION.finditer(text):
        kind, inside, bands = found.groups()
        places, stated = [], []
        for part in inside.split(";"):
            place = _PLACE.fullmatch(part)
            if place:
                places.append(place[1])
                stated.append(place[2] or "")
        if bands is not None:
            stated = [band.strip(".") for band in bands.split(";")]
        if places:
            result.append((_SAME.get(kind, kind), tuple(places), tuple(band for band in stated if band)))
    return result


def _names(operations: list) -> set[str]:
    names = set()
    for kind, places, bands in operations:
        where = ";".join(places)
        names.add(f"{kind}({where})")
        if bands:
            names.add(f"{kind}({where})({';'.join(bands)})")
        for place, band in zip(places, bands, strict=False):
            names |= {f"{kind}({place}{arm})" for arm in {letter for letter, _ in _BREAK.findall(band)}}
    return names


def _effects(operations: list) -> set[str]:
    """`gain(1q)`, `loss(7q)` as far as the breakpoints tell."""
    derived = operations[0][1] if operations[0][0] in ("der", "ider") else ()
    effects = set()
    if operations[0][0] == "der" and operations[0][2]:
        effects |= _joined(operations[0][1], operations[0][2])
    for kind, places, bands in operations:
        if kind in ("dic", "rob"):
            effects |= _joined(places, bands)
        for place, band in zip(places, bands, strict=False):
            arms = {letter for letter, _ in _BREAK.findall(band)}
            if kind in ("del", "dup", "trp", "qdp"):
                effects |= {f"{'loss' if kind == 'del' else 'gain'}({place}{arm})" for arm in arms}
            elif kind in ("i", "idic"):
                effects |= _isochromosome(kind, place, band)
            elif kind == "t" and derived:
                effects |= {f"{'loss' if place in derived else 'gain'}({place}{arm})" for arm in arms}
    return effects


def _joined(places, bands) -> set[str]:
    """Two chromosomes in one: with a break in the centromere (p10, q10) the named arm stays, else what lies beyond is lost."""
    effects = set()
    for place, band in zip(places, bands, strict=False):
        found = _BREAK.match(band)
        if found:
            arm, number = found.groups()
            other = "q" if arm == "p" else "p"
            effects.add(f"loss({place}{other if number == '10' else arm})")
    return effects


def _isochromosome(kind: str, place: str, band: str) -> set[str]:
    found = _BREAK.match(band)
    if not found:
        return set()
    arm, number = found.groups()
    # i(17)(q10) keeps q twice; idic(17)(p11) keeps all up to p11 twice, so the rest of p is lost.
    kept = arm if kind == "i" or number == "10" else ("q" if arm == "p" else "p")
    lost = "q" if kept == "p" else "p"
    return {f"gain({place}{kept})", f"loss({place}{lost})", f"i({place}{kept})"}
