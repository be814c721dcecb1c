"""Reads a karyotype as laboratories really write it: ISCN in any case and spacing, or the usual words.

The text is taken apart into clones and items; `hemapilots.harmonize.genetics.abnormality` says what an item means and
`hemapilots.harmonize.genetics.karyotype` counts. Every step is linear in the length of the text, which is bounded.
"""

import re
import unicodedata
from dataclasses import dataclass, replace

from hemapilots.harmonize.genetics.spoken import Words, listen

__all__ = ["MAXIMUM", "Clone", "Item", "Reading", "read"]

MAXIMUM = 3000
_SIMILAR = str.maketrans(
    dict.fromkeys("‐‑‒–—−", "-") | {"∼": "~", "≈": "~", "×": "x", "∗": "*", "χ": "x", "υ": "y", "х": "x", "у": "y"}
)
_BRACKET = re.compile(r"\[([^\[\]]{0,40})\]")
_OTHER_METHOD = re.compile(
    r"(?:nucish|(?<![a-z])(?:pb|on)?(?:ish|fish)(?![a-z]{4})|(?<![a-z])(?:arr|seq|mlpa)(?=[\[(0-9:]))"
)
_NEXT_CLONE = re.compile(r"/{1,2}(?=[0-9]{2}(?:[~-][0-9]{2})?(?:<[0-9]n>)?,?[xyis])")
# A new clone begins although no mark stands before it, or although the bracket before it was never closed.
_FORGOTTEN = re.compile(r"\](?=[0-9]{2}(?:[~-][0-9]{2})?(?:<[0-9]n>)?,?(?:x|y|idem|sl|sdl))")
_UNCLOSED = re.compile(r"/[0-9]{2}(?:[~-][0-9]{2})?,[xyi]")
_MODAL = re.compile(r"([0-9]{2,3})(?:[~-]([0-9]{2,3}))?(?:<([0-9])n[+-]{0,2}>)?[,.;:]{0,3}")
_SEX = re.compile(r"(?:([xyo]{1,16}\+?)|\?)(c?)(?=[,.;\[+?(-]|$|del|add|der|inv|ins|idem|mar|[ti]\()")
_STEM = re.compile(r"(idem|sl|sdl)([0-9]?)(?:[x*]([2-4]))?")


@dataclass(frozen=True)
class Item:
    """One stated abnormality: normalised `text`, and the `cells` that it alone has, where stated."""

    text: str
    cells: int | None = None
    constitutional: bool = False
    uncertain: bool = False


@dataclass(frozen=True)
class Clone:
    """number: fewest and most chromosomes; sex: its letters, empty where not stated; stem: None, or which clone it builds on
    (0 the first abnormal one, 1 the next ...); ploidy: 2, or as stated; cells: how many metaphases, None where not stated."""

    number: tuple[int, int] | None
    sex: str
    items: tuple[Item, ...]
    cells: int | None
    stem: int | None = None
    ploidy: int = 2
    constitutional_sex: bool = False
    incomplete: bool = False


@dataclass(frozen=True)
class Reading:
    """kind: `clones`, `normal`, `failed`, `complex`, `other_method` (FISH or array alone) or `unread`.

    comment: text beside the karyotype was not read. at_least, exactly: the stated number of abnormalities of a text without
    ISCN.
    """

    kind: str
    clones: tuple[Clone, ...] = ()
    comment: bool = False
    at_least: int | None = None
    exactly: int | None = None


def read(text: str, words: Words) -> Reading:
    """Takes a text apart; never raises, whatever the text."""
    if len(text) > MAXIMUM:
        return Reading("unread")
    iscn = _normalise(text)
    body, other = _without_other_methods(iscn)
    said = listen(text, words)
    start = _MODAL.match(body)
    if start and said.kind != "normal" and 20 <= int(start[1]) <= 250 and _looks_like_clone(body, start.end()):
        return _clones(body, other, cut=_is_cut_off(text))
    if said.kind in ("normal", "failed", "complex"):
        return Reading(said.kind, at_least=said.at_least, exactly=said.exactly)
    if other and not body.strip(".,;:/"):
        return Reading("other_method")
    return Reading("unread") if other or said.kind == "denied" else _bare(body)


def _is_cut_off(text: str) -> bool:
    """Whether a text ends in a comma: a further abnormality may have stood behind it."""
    return text.rstrip(" \t\r\n\u00a0.…").endswith(",")


def _normalise(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).lower().translate(_SIMILAR)
    text = "".join(letter for letter in text if not letter.isspace() and letter not in "_\"'`´\ufeff\u200b")
    # Curly brackets and full stops at the end are typing.
    text = text.replace("{", "[").replace("}", "]").replace(":", ";").strip(".,;")
    return _FORGOTTEN.sub("]/", text)


def _without_other_methods(text: str) -> tuple[str, bool]:
    """Cuts FISH and array parts off; a number of metaphases behind one still belongs to its clone."""
    kept, at, cut = [], 0, False
    while True:
        found = _OTHER_METHOD.search(text, at)
        if not found:
            kept.append(text[at:])
            return "".join(kept), cut
        cut = True
        before = text[at : found.start()].rstrip(".,;:(")
        kept.append(before)
        following = _NEXT_CLONE.search(text, found.end())
        end = following.start() if following else len(text)
        counts = [b for b in _BRACKET.finditer(text, found.end(), end) if b[1].removeprefix("cp").isdigit()]
        if before and not before.endswith("]") and counts:
            kept.append(counts[-1][0])
        at = end


def _looks_like_clone(text: str, end: int) -> bool:
    rest = text[end:]
    return not rest or bool(_SEX.match(rest)) or rest[0] in "[/+-?" or bool(_STEM.match(rest)) or "(" in rest[:6]


def _clones(text: str, other: bool, cut: bool) -> Reading:
    recipient = text.split("//")[0]
    if not recipient:
        return Reading("unread")
    clones, comment = [], False
    for part in _split(recipient, "/"):
        clone, beside = _clone(part)
        comment |= beside
        if clone is not None:
            clones.append(clone)
    if cut and clones:
        clones[-1] = replace(clones[-1], incomplete=True)
    return Reading("clones", tuple(clones), comment)


def _split(text: str, mark: str) -> list[str]:
    """Parts between marks that do not stand in square brackets."""
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(text):
        if letter == "[":
            depth = 1
        elif letter == "]":
            depth = 0
        elif letter == mark and (not depth or _UNCLOSED.match(text, at)):
            depth = 0
            parts.append(text[start:at])
            start = at + 1
    return [part for part in (*parts, text[start:]) if part]


def _clone(text: str) -> tuple[Clone | None, bool]:
    """A clone, and whether something beside it was not read. None for a part that is no clone at all."""
    modal = _MODAL.match(text)
    number, ploidy = None, 2
    if modal:
        number = (int(modal[1]), int(modal[2] or modal[1]))
        ploidy = int(modal[3] or 2)
        text = text[modal.end() :]
    sex = _SEX.match(text)
    letters, inborn = "", False
    if sex:
        letters, inborn = (sex[1] or "").rstrip("+").replace("o", ""), bool(sex[2])
        text = text[sex.end() :]
    text, cells, comment = _metaphases(text)
    items, stem, incomplete = [], None, False
    for part in _items(text):
        found = _STEM.fullmatch(part)
        if found:
            stem = int(found[2] or 1) if found[1] == "sdl" else 0
            ploidy = 2 * int(found[3]) if found[3] else ploidy
        elif part.rstrip(".") == "inc" or part.startswith("inc["):
            incomplete = True
        else:
            items.append(_item(part))
    if number is None and not items and stem is None:
        return None, bool(text)
    return Clone(number, letters, tuple(items), cells, stem, ploidy, inborn, incomplete), comment


def _metaphases(text: str) -> tuple[str, int | None, bool]:
    """The clone without its number of metaphases, the number, and whether a comment followed it."""
    brackets = list(_BRACKET.finditer(text))
    if not brackets:
        return text, None, False
    last = brackets[-1]
    behind = text[last.end() :].strip(".,;:")
    # What follows the bracket is a comment, unless it goes on like an item (a missing clone separator).
    if behind and "," in text[last.end() :][:1]:
        return text, None, False
    return text[: last.start()], _count(last[1]), bool(behind)


def _count(text: str) -> int | None:
    """`12`, `cp12`, `12/20` (the first), `5+3` (the sum); None where there is no number or a percentage."""
    text = text.removeprefix("cp")
    if "%" in text:
        return None
    parts = text.split("/")[0].split("+")
    return sum(int(part) for part in parts) if all(part.isdecimal() and len(part) < 6 for part in parts) else None


def _items(text: str) -> list[str]:
    """Between commas; a sign after a bracket, or a plus after anything, begins an item too: a comma was forgotten."""
    parts = _split(re.sub(r"(?<=[)\]])(?=[+-])", ",", text), ",")
    parts = [
        piece for part in parts for piece in (re.split(r"(?<=[0-9a-z])(?=\+)", part) if "[" not in part else [part])
    ]
    return [part for part in parts if part.strip(".;?") not in ("", "nl", "normal")]


def _item(text: str) -> Item:
    found = _BRACKET.search(text)
    cells = _count(found[1]) if found else None
    text = _BRACKET.sub("", text)
    uncertain = "?" in text or re.search(r"or(?=[+-]|[a-z])", text) is not None
    text = re.split(r"or(?=[+-]|[a-z])", text.replace("?", ""), maxsplit=1)[0] or text
    text = text.strip(".;:")
    constitutional = len(text) > 2 and text[-1] == "c" and text[-2] in ")0123456789xy"
    return Item(text[:-1] if constitutional else text, cells, constitutional, uncertain)


def _bare(text: str) -> Reading:
    """Abnormalities alone, without the number of chromosomes: read where every one of them is understood."""
    from hemapilots.harmonize.genetics.abnormality import understand

    clones, comment = [], False
    for part in _split(text, "/"):
        rest, cells, beside = _metaphases(part)
        items = tuple(_item(piece) for piece in _items(rest))
        if not items or any(understand(item.text) is None for item in items):
            return Reading("unread")
        clones.append(Clone(None, "", items, cells))
        comment |= beside
    return Reading("clones", tuple(clones), comment) if clones else Reading("unread")
