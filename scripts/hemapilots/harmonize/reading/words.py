"""The word tables of resources/codes: words for missing, words around numbers, names of months, vocabularies of coded columns."""

import unicodedata
from functools import lru_cache

import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.paths import RESOURCES

__all__ = ["AMBIGUOUS", "NUMBER", "bare", "missing_words", "month_names", "number_words", "vocabulary"]

# In a vocabulary: a text that means different things at different sites, and the text that stands for any number.
AMBIGUOUS = "?"
NUMBER = "<number>"


def bare(text: str) -> str:
    """A word without capitals, accents, blanks, hyphens, underscores and full stops."""
    letters = unicodedata.normalize("NFD", text.casefold())
    return "".join(letter for letter in letters if unicodedata.category(letter) != "Mn" and letter not in " \u00a0-_.")


@lru_cache(maxsize=1)
def missing_words() -> dict[str, str]:
    """Casefolded word -> reason, of all languages: the words hold in each of them."""
    table = _table("missing_words.csv", ("text", "language", "reason"))
    return {text.casefold(): reason for text, reason in zip(table["text"], table["reason"], strict=True)}


@lru_cache(maxsize=1)
def number_words() -> dict[str, tuple[str, ...]]:
    """Meaning (below, above, about, to) -> words and signs of all languages, longest first."""
    table = _table("number_words.csv", ("text", "language", "meaning"))
    groups = table.groupby("meaning")["text"]
    return {meaning: tuple(sorted(set(texts), key=lambda text: (-len(text), text))) for meaning, texts in groups}


@lru_cache(maxsize=1)
def month_names() -> dict[str, int]:
    """Bare name or abbreviation -> month, of all languages; a name that is two months in two languages is left out."""
    table = _table("month_names.csv", ("language", "month", "names"))
    months: dict[str, set[int]] = {}
    for month, names in zip(table["month"], table["names"], strict=True):
        for name in names.split():
            months.setdefault(bare(name), set()).add(int(month))
    return {name: found.pop() for name, found in months.items() if len(found) == 1}


@lru_cache(maxsize=200)
def vocabulary(name: str, language: str | None) -> tuple[tuple[str, str], ...]:
    """(text, value) of a vocabulary in one language and in all; value may hold alternatives between `|`.

    Raises HemaPilotsError where there is no such vocabulary.
    """
    table = _table("vocabularies.csv", ("vocabulary", "language", "text", "value"))
    if name not in set(table["vocabulary"]):
        known = ", ".join(sorted(set(table["vocabulary"])))
        raise HemaPilotsError(
            f'vocabulary "{name}": resources/codes/vocabularies.csv has none of that name; use one of {known}'
        )
    rows = table[(table["vocabulary"] == name) & table["language"].isin(["*", language])]
    return tuple(zip(rows["text"], rows["value"], strict=True))


@lru_cache(maxsize=10)
def _table(name: str, needed: tuple[str, ...]) -> pd.DataFrame:
    path = RESOURCES / "codes" / name
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if not set(needed) <= set(table):
        raise HemaPilotsError(f"{path}: the columns {', '.join(needed)} are needed; correct the header")
    return table
