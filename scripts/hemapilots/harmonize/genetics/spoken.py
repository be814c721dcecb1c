"""Karyotypes in words: normal, failed, complex, and how many abnormalities there are.

What is denied (`no`, `without`) or bounded from above (`less than`) is never read as what it denies, and a number counts
where it stands beside the noun that it counts: `5 aberrations in 20 metaphases` are five.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Said", "Words", "listen", "tokens"]

_HYPHENS = str.maketrans(dict.fromkeys("‐‑‒–—−~∼", "-") | {"≥": ">=", "≤": "<="})
_TOKEN = re.compile(r"[<>=]{1,3}|[0-9]{1,6}(?: ?- ?[0-9]{1,6})?\+?|[^\W\d_]+")
# `complex[20]`, `normal [cp5]`: cells and no abnormalities.
_CELLS = re.compile(r"[\[{](?:cp)?[0-9 +]{1,20}[\]}]", re.IGNORECASE)
_USUAL = re.compile(r"\b46[,.;:\s]{0,3}x[xy](?![a-z])[,.;:]?", re.IGNORECASE)
# Longer texts are reports and no statements.
_LONGEST = 400
_MANY = 99
_NAMED = 3

Phrase = tuple[str, ...]


@dataclass(frozen=True)
class Words:
    """Phrases of all languages as `tokens`, from the table, which says how each kind is looked for."""

    normal: tuple[Phrase, ...]
    failed: tuple[Phrase, ...]
    complex: tuple[Phrase, ...]
    abnormalities: tuple[Phrase, ...]
    more_than: tuple[Phrase, ...]
    at_least: tuple[Phrase, ...]
    or_more: tuple[Phrase, ...]
    denials: tuple[Phrase, ...]
    metaphases: tuple[Phrase, ...]
    within: tuple[Phrase, ...]
    between: tuple[Phrase, ...]


@dataclass(frozen=True)
class Said:
    """kind: `normal`, `failed`, `complex`, `denied` (something is absent or bounded, nothing is known) or `unread`.

    at_least, exactly: the number of abnormalities; exactly is None where it is not known.
    """

    kind: str
    at_least: int | None = None
    exactly: int | None = None


def tokens(text: str) -> Phrase:
    """Words, numbers (`3`, `3-4`, `3+`) and signs that compare, in lower case and without accents."""
    plain = unicodedata.normalize("NFKD", text.translate(_HYPHENS)).casefold().translate(_HYPHENS)
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return tuple(_TOKEN.findall(plain))


def listen(text: str, words: Words) -> Said:
    """What a text in words says."""
    if len(text) > _LONGEST:
        return Said("unread")
    text = _CELLS.sub(" ", text)
    said = tokens(text)
    if any(_stands(phrase, said, at) for phrase in words.failed for at in range(len(said))):
        return Said("failed")
    if _is_normal(tokens(_USUAL.sub(" ", text, count=1)), words):
        return Said("normal")
    said, _ = _without_metaphases(said, words)
    if _denies(said, words):
        return Said("denied")
    if any(_contains(word, words.complex) or _contains(word, words.abnormalities) for word in said):
        return _stated(said, words)
    return Said("unread")


def _is_normal(said: Phrase, words: Words) -> bool:
    said, cells = _without_metaphases(said, words)
    while said and said[-1].isdigit():
        said, cells = said[:-1], cells | {said[-1]}
    # Of 10 normal cells of 20 the others are not.
    return len(cells) <= 1 and "".join(said) in _joined(words.normal)


@lru_cache(maxsize=4)
def _joined(phrases: tuple[Phrase, ...]) -> frozenset[str]:
    return frozenset("".join(phrase) for phrase in phrases)


@lru_cache(maxsize=4)
def _by_first(phrases: tuple[Phrase, ...]) -> dict[str, tuple[Phrase, ...]]:
    """The phrases that begin with each word."""
    return {first: tuple(phrase for phrase in phrases if phrase[0] == first) for first, *_ in phrases}


def _stands(phrase: Phrase, said: Phrase, at: int, exact: bool = False) -> bool:
    """Whether a phrase stands at a place; its last word may go on there, unless `exact`."""
    end = at + len(phrase)
    if end > len(said) or said[at : end - 1] != phrase[:-1]:
        return False
    return said[end - 1] == phrase[-1] if exact else said[end - 1].startswith(phrase[-1])


def _contains(word: str, phrases: tuple[Phrase, ...]) -> bool:
    return any(phrase[0] in word for phrase in phrases)


def _denies(said: Phrase, words: Words) -> bool:
    """Whether anything is denied or bounded from above; also in one word, `noncomplex`."""
    begun = _by_first(words.denials)
    if any(_stands(phrase, said, at, exact=True) for at, word in enumerate(said) for phrase in begun.get(word, ())):
        return True
    if any("<" in word for word in said):
        return True
    for word in said:
        for (complex_word,) in words.complex:
            head, found, _ = word.partition(complex_word)
            if found and (head,) in begun.get(head, ()):
                return True
    return False


def _without_metaphases(said: Phrase, words: Words) -> tuple[Phrase, set[str]]:
    """Without `in 20 metaphases`, and the numbers there: numbers of cells are no numbers of abnormalities."""
    kept, cells = list(said), set()
    for at in reversed(range(len(said))):
        if at >= len(kept) or not any(_stands(phrase, said, at) for phrase in words.metaphases):
            continue
        # One adjective may stand between the number and the noun.
        start = at - 1 if at and _is_number(said[at - 1]) else at - 2
        if start < 0 or not _is_number(said[start]) or _contains(said[start + 1], words.abnormalities):
            continue
        while start > 0 and (_is_number(said[start - 1]) or (said[start - 1],) in words.within):
            start -= 1
        cells |= {word for word in kept[start : at + 1] if _is_number(word)}
        del kept[start : at + 1]
    return tuple(kept), cells


def _is_number(word: str) -> bool:
    return word[0].isdigit()


def _stated(said: Phrase, words: Words) -> Said:
    """`complex`, with the number of abnormalities where it is stated."""
    named = any(_contains(word, words.complex) for word in said)
    numbers = [at for at, word in enumerate(said) if _is_number(word)]
    if not numbers:
        return Said("complex", at_least=_NAMED) if named else Said("unread")
    at = numbers[0]
    low, high, plus = _bounds(said[at])
    before, sign = (said[: at - 1], said[at - 1]) if at and said[at - 1][0] in ">=" else (said[:at], "")
    above, before = _take_end(before, words.more_than)
    least, before = _take_end(before, words.at_least)
    more, after = _take_start(said[at + 1 :], words.or_more)
    above |= sign == ">"
    least |= more or plus or sign in (">=", "=>")
    placed = _counts_behind(after, words) or ((above or least or sign == "=") and _counts_before(before, words))
    if len(numbers) > 1 or high > _MANY or not placed or (named and not (above or least) and high < _NAMED):
        return Said("unread")
    if low == high and not above and not least:
        return Said("complex", at_least=low, exactly=low)
    return Said("complex", at_least=max(low + above, _NAMED if named else 0))


def _bounds(word: str) -> tuple[int, int, bool]:
    """Lowest and highest number of `3`, `3-4`, `3+`, and whether there may be more."""
    ends = [int(end) for end in word.rstrip("+").split("-")]
    return min(ends), max(ends), word.endswith("+")


def _take_end(said: Phrase, phrases: tuple[Phrase, ...]) -> tuple[bool, Phrase]:
    for phrase in phrases:
        if said[-len(phrase) :] == phrase:
            return True, said[: -len(phrase)]
    return False, said


def _take_start(said: Phrase, phrases: tuple[Phrase, ...]) -> tuple[bool, Phrase]:
    for phrase in phrases:
        if _stands(phrase, said, 0):
            return True, said[len(phrase) :]
    return False, said


def _counts_behind(said: Phrase, words: Words) -> bool:
    """`abnormalities` first, but for words such as `clonal` and `complex`."""
    for word in said:
        if _contains(word, words.abnormalities):
            return True
        if not (_contains(word, words.complex) or any(word.startswith(phrase[0]) for phrase in words.between)):
            return False
    return False


def _counts_before(said: Phrase, words: Words) -> bool:
    """`complex` or `abnormalities` last, but for words such as `karyotype` and `with`: `complex karyotype (> 3)`."""
    for word in reversed(said):
        if _contains(word, words.abnormalities) or _contains(word, words.complex):
            return True
        if not any(word.startswith(phrase[0]) for phrase in words.between):
            return False
    return False
