"""The word lists that a scan knows: headers by language, words for missing, coded values, gene symbols."""

import csv
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from hemapilots.paths import RESOURCES
from hemapilots.scan.identity import names_someone
from hemapilots.scan.tables import Column
from hemapilots.texts import fold

__all__ = ["LANGUAGES", "Words", "load_words", "word"]

LANGUAGES = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "el": "Greek",
    "pt": "Portuguese",
    "nl": "Dutch",
}
ANY = "*"  # the language of words that all languages share
# Columns that name a patient; the rest of headers.csv are variables.
IDENTITY, PATIENT, BIRTH = "identity", "patient_id", "birth_date"
_PERSONAL = {IDENTITY, PATIENT, BIRTH}
_BITS = ({"0", "1"}, {"y", "n"}, {"t", "f"}, {"true", "false"}, {"+"}, {"x"})


def word(text: str) -> str:
    """A coded value folded, with its plus and degree signs: Sβ, Sβ⁺ and Sβ° are three. A sign alone is left as it is."""
    signed = text.replace("⁺", "+").replace("+", " plus ").replace("°", " degree ")
    return fold(signed) if fold(text) else text.strip()


@dataclass
class Words:
    """headers: (variable, language, header) as written; missing: folded words; vocabularies: name -> (language, `word` of the
    text) -> value."""

    headers: list[tuple[str, str, str]]
    missing: set[str] = field(default_factory=set)
    vocabularies: dict[str, dict[tuple[str, str], str]] = field(default_factory=dict)

    @cached_property
    def by_header(self) -> dict[str, list[tuple[str, str]]]:
        """Folded header -> (variable, language) pairs."""
        found: dict[str, list[tuple[str, str]]] = {}
        for variable, language, header in self.headers:
            found.setdefault(fold(header), []).append((variable, language))
        return found

    @cached_property
    def identities(self) -> tuple[str, ...]:
        """Folded headers that name a person; those of two letters are words of other things too."""
        found = {fold(header) for variable, _, header in self.headers if variable in _PERSONAL}
        return tuple(sorted(header for header in found if len(header) > 2))

    @cached_property
    def by_variable(self) -> dict[str, list[str]]:
        """Variable -> folded headers, each once."""
        found: dict[str, dict[str, None]] = {}
        for variable, _, header in self.headers:
            found.setdefault(variable, {})[fold(header)] = None
        return {variable: list(headers) for variable, headers in found.items()}

    def is_missing(self, text: str) -> bool:
        """Whether a text is a known word for a value that is not there."""
        return text.strip().casefold() in self.missing

    def identifies(self, column: Column) -> bool:
        """Whether the header says that a column names patients or holds free text about them."""
        if column.personal:
            return True
        names = [column.selector, *column.names]
        kinds = {variable for name in names for variable, _ in self.by_header.get(fold(name), ())}
        if kinds:
            return bool(kinds & _PERSONAL)
        tokens = fold(column.selector).split()
        if column.codes or column.meanings:
            return False
        number = tokens[-1:] == ["id"] and "concept" not in tokens
        return number or any(names_someone(name, self.identities) for name in names)

    def in_vocabulary(self, texts: list[str]) -> bool:
        """Whether all texts are words of one known vocabulary."""
        folded = {word(text) for text in texts}
        return self.are_flags(texts) or any(
            folded <= {text for _, text in vocabulary} for vocabulary in self.vocabularies.values()
        )

    def are_flags(self, texts: list[str]) -> bool:
        """Whether the texts are two answers to a question, yes and no in any language."""
        folded = {word(text) for text in texts}
        known = {text for _, text in self.vocabularies.get("flag", {})}
        return any(folded <= bits for bits in _BITS) or (bool(known) and folded <= known)

    def value(self, vocabulary: str | None, language: str | None, text: str) -> str | None:
        """What a text means in a vocabulary: in the language of the source, else where all languages agree."""
        table = self.vocabularies.get(vocabulary or "", {})
        wanted = word(text)
        for own in filter(None, (language, ANY)):
            if (own, wanted) in table:
                return table[own, wanted]
        found = {value for (_, known), value in table.items() if known == wanted}
        return found.pop() if len(found) == 1 else None


def load_words(codes: Path = RESOURCES / "codes") -> Words:
    """Reads headers.csv, missing_words.csv and vocabularies.csv."""
    headers = [(row["variable"], row["language"], row["header"]) for row in _rows(codes / "headers.csv")]
    missing = {row["text"].strip().casefold() for row in _rows(codes / "missing_words.csv")}
    vocabularies: dict[str, dict[tuple[str, str], str]] = {}
    for row in _rows(codes / "vocabularies.csv"):
        vocabularies.setdefault(row["vocabulary"], {})[row["language"], word(row["text"])] = row["value"]
    return Words(headers, missing, vocabularies)


def _rows(path: Path) -> list[dict]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
