"""Which UCUM code a unit is, however it is written: resources/units/aliases.csv.

Some letters mean different things: K/uL is thousands and not kelvin, G/L is 10*9/L and not gauss, m is a month in a
column of ages and a metre in a column of heights. `only_for` names the units of the use case for which a line holds; such
a line goes before the others. `language` names the languages for which it holds: J is a year in German and a day in French,
and nothing where no language is declared. [U]/L, [IU]/L and their like, which no UCUM parser accepts for an enzyme, are U/L.
"""

import unicodedata
from pathlib import Path

import pandas as pd

from hemapilots.errors import HemaPilotsError

__all__ = ["Names", "load_names", "plain"]

_SIMPLE = str.maketrans("µμ⁰¹²³⁴⁵⁶⁷⁸⁹·×✕", "uu0123456789.xx")


class Names:
    """Synonyms of units. codes: known codes; aliases: (text, code, units of the use case for which it holds, languages for
    which it holds), both separated by blanks, or nothing."""

    def __init__(self, aliases: list[tuple[str, str, str, str]], codes: list[str]):
        self._exact: dict[str, str] = {plain(code): code for code in codes}
        self._only: dict[str, dict[str, str]] = {}
        self._spoken: dict[tuple[str, str], dict[str, str]] = {}
        for text, code, only, languages in aliases:
            for unit in only.split():
                if not languages:
                    self._only.setdefault(unit, {})[plain(text)] = code
                for language in languages.split():
                    self._spoken.setdefault((language, unit), {})[plain(text)] = code
            if not only:
                self._exact.setdefault(plain(code), code)
                self._exact[plain(text)] = code
        self._folded = _folded(self._exact)
        self._folded_spoken = {key: _folded(table) for key, table in self._spoken.items()}
        self._folded_only = {unit: _folded(table) for unit, table in self._only.items()}

    def resolve(self, text: str, canonical: str | None, language: str | None = None) -> str | None:
        """The code of a unit as written; canonical: the unit it is to be converted to; language: of the source. None where
        it is not known."""
        key = plain(text)
        of_language = (language, canonical)
        found = self._spoken.get(of_language, {}).get(key) or self._only.get(canonical, {}).get(key)
        found = found or self._exact.get(key)
        if found is None:
            key = key.casefold()
            found = self._folded_spoken.get(of_language, {}).get(key) or self._folded_only.get(canonical, {}).get(key)
            found = found or self._folded.get(key)
        return found


def plain(text: str) -> str:
    """A unit without white space, with one kind of micro sign and digits on the line."""
    return "".join(unicodedata.normalize("NFC", text).translate(_SIMPLE).split()).replace("\u200b", "")


def load_names(path: Path, codes: list[str]) -> Names:
    """Reads a table of synonyms (alias, unit, only_for and, if any, language, which needs only_for); without the file only
    the codes themselves are known."""
    if not path.is_file():
        return Names([], codes)
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if not {"alias", "unit", "only_for"} <= set(table):
        raise HemaPilotsError(f"{path}: the columns alias, unit and only_for are needed; correct the header")
    if "language" not in table:
        table["language"] = ""
    return Names(list(table[["alias", "unit", "only_for", "language"]].itertuples(index=False, name=None)), codes)


def _folded(table: dict[str, str]) -> dict[str, str]:
    """Synonyms without regard to capitals, where that leaves no doubt."""
    meanings: dict[str, set[str]] = {}
    for text, code in table.items():
        meanings.setdefault(text.casefold(), set()).add(code)
    return {text: codes.pop() for text, codes in meanings.items() if len(codes) == 1}
