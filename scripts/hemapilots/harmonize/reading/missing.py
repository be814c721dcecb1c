"""Which texts of a column say that there is no value, and why: what the mapping declares, then the words of eight languages."""

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hemapilots.harmonize.findings import Finding, everywhere
from hemapilots.harmonize.reading.raw import Texts
from hemapilots.harmonize.reading.words import missing_words

__all__ = ["declared_codes", "findings_of", "missing_reasons", "sentinels_of"]

_NUMERIC = re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?")


def declared_codes(declared: dict, mapping: dict) -> dict[str, str]:
    """Code -> reason of a column: the mapping's and its own, which goes before; a blank is always missing."""
    codes = {"": "missing"}
    for given in (mapping.get("missing"), declared.get("missing")):
        pairs = given.items() if isinstance(given, dict) else ((code, "missing") for code in given or ())
        codes |= {str(code).strip(): str(reason) for code, reason in pairs}
    return codes


def sentinels_of(declared: dict, mapping: dict) -> np.ndarray:
    """The numbers that mean unknown in a column, float64."""
    return np.array(
        sorted({float(v) for given in (mapping, declared) for v in given.get("sentinels") or ()}), dtype=float
    )


def missing_reasons(
    texts: Texts, codes: dict[str, str], words: bool = True, but: frozenset = frozenset()
) -> np.ndarray:
    """Object array: a reason per distinct text that means missing, else None. A code that is a number stands for that
    number however it is written: 999 for 999.0 too. words: whether the usual words count; but: those that do not.
    """
    reasons = np.full(len(texts.texts), None, dtype=object)
    folded: dict[str, str | None] = {}
    for code, reason in codes.items():
        # Two codes that differ in capitals only, for different reasons, are told apart by them.
        folded[code.casefold()] = reason if folded.get(code.casefold(), reason) == reason else None
    usual = missing_words() if words else {}
    numeric = {float(code): reason for code, reason in codes.items() if _NUMERIC.fullmatch(code)}
    worded = np.asarray(pc.invert(pc.match_substring_regex(texts.array, "^[-+\u2212]?[0-9]")), dtype=bool)
    exact = sorted(code for code in codes if code[:1].isdigit() or code[1:2].isdigit())
    if exact:
        worded |= np.asarray(pc.is_in(texts.array, value_set=pa.array(exact)), dtype=bool)
    for place in np.flatnonzero(worded):
        text = texts.texts[place]
        fold = text.casefold()
        reasons[place] = codes.get(text) or folded.get(fold) or (usual.get(fold) if fold not in but else None)
    if numeric:
        same = pc.match_substring_regex(texts.array, _written(numeric))
        for place in np.flatnonzero(np.asarray(same, dtype=bool) & pd.isna(reasons)):
            reasons[place] = numeric.get(float(texts.texts[place].replace("\u2212", "-").replace(",", ".")))
    return reasons


def _written(numbers) -> str:
    """An expression of all ways to write some numbers. Three digits after a mark may be thousands: 9.000 is not code 9."""
    forms = []
    for number in numbers:
        whole, _, part = f"{abs(number):.15g}".partition(".")
        sign = "[-\u2212]" if number < 0 else r"\+?"
        more = f"[.,]{part}0?" if part else "(?:[.,](?:0{0,2}|0{4,}))?"
        forms.append(f"{sign}0*{re.escape(whole)}{more}")
    return f"^(?:{'|'.join(forms)})$"


def findings_of(texts: Texts, reasons: np.ndarray) -> list[Finding]:
    """The cells that are missing, one finding for each reason; a cell that the source does not have is missing too."""
    known = ~pd.isna(reasons)
    found = sorted({*reasons[known], "missing"})
    order = {reason: place for place, reason in enumerate(found)}
    per_text = np.full(len(reasons), -1, dtype=np.int64)
    per_text[known] = [order[reason] for reason in reasons[known]]
    per_cell = texts.spread(per_text, order["missing"])
    masks = {reason: per_cell == place for reason, place in order.items()}
    everything = len(per_cell) > 0 and masks["missing"].all()
    details = {"missing": "the whole column is empty" if everything else ""}
    return [
        Finding("null", reason, details.get(reason, ""), everywhere(mask), whole=True)
        for reason, mask in masks.items()
        if mask.any()
    ]
