"""Coded columns that are not read at all, because what is understood of them may be the wrong half.

A flag of which only the positives are understood would look like a rare finding that everybody has; a column of sex in a
language that nobody declared would make women men. Such a column waits for `values`, or for `language`.
"""

import re

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.findings import Finding, Harmonized, everywhere
from hemapilots.harmonize.reading.missing import findings_of
from hemapilots.harmonize.reading.raw import Texts

__all__ = ["check_outcome", "check_sex", "one_sided", "refused"]

AMBIGUOUS_TEXTS = "has texts that mean different things at different sites; give its `values`"
ONE_SIDED = "has only one value that is understood beside texts that are not; give `values` for all of its texts"
BARE_MINUS = "has `-` beside `+`, which may mean negative or missing; give its `values`"
LONE_M = "M is a man by the language alone, for no text tells a woman: give the `values` of the column"
_CODE = re.compile(r"[0-9]{1,2}|[^\W\d_]")
_PLUS, _MINUS = {"+", "(+)", "++", "+++"}, {"-", "(-)", "\u2013", "\u2014", "\u2212"}
# First letters of women, or of men beside women who begin with M: mujer, mulher, hombre, homme, vrouw, varon, kobieta.
_OTHER_LETTERS = {"h", "v", "w", "k", "\u03b8"}


def one_sided(texts: Texts, values, reasons, why, codes: dict, spec: dict) -> str | None:
    """Why a flag, or a category of two levels, cannot be read as it is understood; None where nothing is against it.

    values, reasons, why: per distinct text, as in `coded_column`; codes: the declared words for missing. A category of
    more levels loses no half of its meaning where one text is not understood, nor does a gene for a word such as VUS.
    """
    if spec["type"] != "flag" and len(spec.get("levels") or ()) != 2:
        return None
    found = _occurring(texts)
    known = pd.notna(values) & found
    unread = ~known & pd.isna(reasons) & (why == "code_unknown") & found
    if spec.get("gene"):
        unread &= np.array([_CODE.fullmatch(text) is not None for text in texts.texts], dtype=bool)
    if known.any() and unread.any() and len(set(values[known])) == 1:
        return ONE_SIDED
    plus = any(texts.texts[place] in _PLUS for place in np.flatnonzero(known))
    minus = found & ~known & np.array([text in _MINUS and text not in codes for text in texts.texts], dtype=bool)
    if not (plus and minus.any()):
        return None
    reasons[minus] = None  # not known to be missing
    return BARE_MINUS


def check_sex(texts: Texts, values, todo: np.ndarray, language: str | None, where: str) -> Finding | None:
    """Raises HemaPilotsError where an M may be a woman: beside a letter of another language, or where no word tells a woman.

    values: per distinct text, by words and not by a declared map; todo: texts that are not missing. Returns a doubt where the
    language of the source alone says that M is a man, because no text of the column tells a woman.
    """
    found = _occurring(texts) & todo
    letters = {texts.texts[place].casefold() for place in np.flatnonzero(found)}
    if "m" not in letters:
        return None
    women = any(str(value).casefold().startswith(("f", "w")) for value in values[found] if value is not None)
    unread = {texts.texts[place].casefold() for place in np.flatnonzero(found & pd.isna(values))}
    # D is a woman in some languages and the third entry of German registers, whose women are understood.
    if unread & (_OTHER_LETTERS if women else _OTHER_LETTERS | {"d"}) or (
        not women and (language is None or letters & _OTHER_LETTERS)
    ):
        remedy = "" if language else "declare the `language` of the mapping, or "
        raise HemaPilotsError(
            f"{where} has M, and nothing in it tells whether that is a man; {remedy}give the `values` of the column"
        )
    if women:
        return None
    lone = found & np.array([text.casefold() == "m" for text in texts.texts], dtype=bool)
    return Finding("flagged", "form_inferred", LONE_M, everywhere(texts.spread(lone, False)), whole=True)


def check_outcome(texts: Texts, values, reasons, where: str) -> None:
    """Raises HemaPilotsError where a text of an outcome is not understood: half an outcome is a wrong one."""
    unread = texts.spread(pd.isna(values) & pd.isna(reasons), False)
    if unread.any():
        raise HemaPilotsError(
            f"{where} is an outcome, and {int(unread.sum())} of its cells have a text that is not understood; give "
            "`values` for all of its texts (null for those that mean unknown)"
        )


def refused(texts: Texts, why: str, reasons, name: str, spec: dict, mapping: dict, declared: dict) -> Harmonized:
    """No cell is read: a column of nothing with one finding; for an outcome, HemaPilotsError."""
    column = declared.get("column") or name
    detail = f'column "{column}" {why}'
    if spec.get("known_at") == "outcome":
        raise HemaPilotsError(f"mapping {mapping.get('name', '')}, variables.{name}: {detail}")
    known = texts.spread(pd.isna(reasons), False)
    flag = spec["type"] == "flag"
    nothing = np.full(len(texts.codes), np.nan) if flag else np.full(len(texts.codes), None, dtype=object)
    findings = findings_of(texts, reasons)
    return Harmonized(nothing, [Finding("null", "code_unknown", detail, everywhere(known), whole=True), *findings])


def _occurring(texts: Texts) -> np.ndarray:
    """Which distinct texts stand in a cell; readers may keep categories that none has."""
    return texts.counts() > 0
