"""Coded columns: flags and categories, by the map that the mapping declares, else by the words of the source's language."""

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.findings import Finding, Harmonized, everywhere
from hemapilots.harmonize.reading.missing import declared_codes, findings_of, missing_reasons, sentinels_of
from hemapilots.harmonize.reading.raw import Raw, Texts, as_texts, objects
from hemapilots.harmonize.reading.refusals import AMBIGUOUS_TEXTS, check_outcome, check_sex, one_sided, refused
from hemapilots.harmonize.reading.words import AMBIGUOUS, NUMBER, bare, vocabulary

__all__ = ["coded_column", "value_map"]

FLAG_VALUES = {"0": 0, "1": 1}
_WHOLE = re.compile(r"([-+]?[0-9]+)\.0+")
_NUMBER = re.compile(r"[<>~]?\s*[-+]?[0-9]+([.,][0-9]+)?")
_UNKNOWN = object()


def coded_column(raw: Raw, name: str, spec: dict, declared: dict, mapping: dict) -> Harmonized:
    """Values of a flag (float64) or category (object) column. In this order: declared values, declared missing codes,
    sentinels, words for missing, the variable's own levels, and words of its vocabulary, which go before words for missing
    where the variable names one. What is none of these is `code_unknown`.

    A column of which only one side is understood is refused as a whole, see `refusals`. Raises HemaPilotsError for an
    outcome with any text that is not understood, and for a sex that may be the other one.
    """
    texts = as_texts(raw.texts)
    flag = spec["type"] == "flag"
    codes = declared_codes(declared, mapping)
    given = declared.get("values")
    known = value_map(name, spec["type"], spec.get("levels"), given, mapping.get("name", "")) if given else {}
    lookup = _Lookup(known.items())
    explicit = np.fromiter((lookup.knows(text) for text in texts.texts), dtype=bool, count=len(texts.texts))
    reasons = missing_reasons(texts, codes, words=False)
    reasons[explicit] = None
    reasons[~explicit & pd.isna(reasons) & _is_sentinel(texts, declared, mapping)] = "sentinel"
    todo = pd.isna(reasons)
    values = np.full(len(texts.texts), None, dtype=object)
    for place in np.flatnonzero(explicit):
        values[place] = lookup.get(texts.texts[place])
        if values[place] is None:
            reasons[place] = "missing"
    why = np.full(len(values), "code_unknown", dtype=object)
    doubt = None
    if not given:
        doubt = _undeclared(texts, todo, values, reasons, why, name, spec, declared, mapping)
    else:
        usual = missing_reasons(texts, {})
        for place in np.flatnonzero(todo & ~explicit):
            reasons[place] = usual[place]
    where = f'mapping {mapping.get("name", "")}, variables.{name}: column "{declared.get("column") or name}"'
    lone = None
    if not given and doubt is None and spec.get("vocabulary") == "sex":
        lone = check_sex(texts, values, pd.isna(reasons), mapping.get("language"), where)
    doubt = doubt or one_sided(texts, values, reasons, why, codes, spec)
    if doubt is not None:
        return refused(texts, doubt, reasons, name, spec, mapping, declared)
    if spec.get("known_at") == "outcome":
        check_outcome(texts, values, reasons, where)
    read = _result(texts, values, reasons, why, flag, given, spec)
    return Harmonized(read.values, [*read.findings, *filter(None, [lone])])


def value_map(variable: str, kind: str, levels: list | None, values: dict | None, mapping_name: str) -> dict:
    """Raw text -> canonical value (float for flags, str for categories, None for 'unknown').

    Raises HemaPilotsError where the mapping points to a value that the variable does not have.
    """
    allowed = [0.0, 1.0] if kind == "flag" else [str(level) for level in levels or []]
    if values is None:
        values = FLAG_VALUES if kind == "flag" else {level: level for level in allowed}
    result = {}
    for raw, value in values.items():
        try:
            canonical = None if value is None else float(value) if kind == "flag" else str(value)
        except (TypeError, ValueError):
            canonical = value
        if canonical is not None and canonical not in allowed and allowed:
            known = "0, 1" if kind == "flag" else ", ".join(allowed)
            raise HemaPilotsError(
                f'mapping {mapping_name}, variables.{variable}.values: "{value}" is not a value of the '
                f"variable; use one of {known}"
            )
        result[str(raw).strip()] = canonical
    return result


class _Lookup:
    """Texts to values: exactly, then without regard to capitals (and accents, if loose) where that leaves no doubt."""

    def __init__(self, pairs: Iterable[tuple[str, object]], loose: bool = False):
        self.exact, self.loose = {}, loose
        folds: dict[str, set] = {}
        for text, value in pairs:
            self.exact.setdefault(text, value)
            folds.setdefault(text.casefold(), set()).add(value)
            if loose and bare(text):
                folds.setdefault(bare(text), set()).add(value)
        self.folded = {text: next(iter(values)) for text, values in folds.items() if len(values) == 1}

    def get(self, text: str, default=None):
        """The value of a text; a whole number may be written 1.0."""
        forms = [text]
        if whole := _WHOLE.fullmatch(text):
            forms.append(whole[1])
        for form in forms:
            if form in self.exact:
                return self.exact[form]
            if (folded := form.casefold()) in self.folded:
                return self.folded[folded]
            if self.loose and bare(form) in self.folded:
                return self.folded[bare(form)]
        return default

    def knows(self, text: str) -> bool:
        return self.get(text, _UNKNOWN) is not _UNKNOWN


def _is_sentinel(texts: Texts, declared: dict, mapping: dict) -> np.ndarray:
    sentinels = {f"{value:g}" for value in sentinels_of(declared, mapping)}
    if not sentinels:
        return np.zeros(len(texts.texts), dtype=bool)
    shown = [_WHOLE.sub(r"\1", text) for text in texts.texts]
    return np.array([text in sentinels for text in shown], dtype=bool)


def _undeclared(texts: Texts, todo, values, reasons, why, name, spec, declared, mapping) -> str | None:
    """Fills in values without a declared map; says why the column cannot be read where a text needs a key."""
    flag, language = spec["type"] == "flag", mapping.get("language")
    own = _Lookup(value_map(name, spec["type"], spec.get("levels"), None, "").items())
    special = _vocabulary(name, spec, spec.get("vocabulary"), language)
    general = _vocabulary(name, spec, "flag", language) if flag else _Lookup([])
    genes = spec.get("gene") if flag else None
    usual = missing_reasons(texts, {})
    for place in np.flatnonzero(todo):
        text = texts.texts[place]
        value = special.get(text)
        if value is None and _NUMBER.fullmatch(text):
            value = special.exact.get(NUMBER)
        if value is None and not genes:
            value = own.get(text)
            if value is None and usual[place] is None:
                value = general.get(text)
        if value is None and not genes:
            reasons[place] = usual[place]
        values[place] = value
    ambiguous = np.array([value == AMBIGUOUS for value in values], dtype=bool)
    if ambiguous.any():
        return AMBIGUOUS_TEXTS
    if genes:
        _read_genes(genes, texts, todo, values, reasons, why, usual)
    return None


def _read_genes(gene: str, texts: Texts, todo, values, reasons, why, usual) -> None:
    """Cells about one gene: wt, mut, p.R882H. What they do not say may still be a word for missing."""
    from hemapilots.harmonize.genetics.genes import read_gene_cells

    places = np.flatnonzero(todo & pd.isna(values))
    found, said = read_gene_cells(texts.texts[places], gene)
    for place, value, reason in zip(places, found, said, strict=True):
        if not np.isnan(value):
            values[place] = value
        elif usual[place] is not None or reason == "missing":
            reasons[place] = usual[place] or "missing"
        else:
            why[place] = reason or "code_unknown"


def _vocabulary(name: str, spec: dict, vocabulary_name: str | None, language: str | None) -> _Lookup:
    """The words of a vocabulary with the values that the variable has; words of other values are left out."""
    if not vocabulary_name or not language:
        return _Lookup([])
    levels = {_level(str(level)): str(level) for level in spec.get("levels") or ()}
    pairs = []
    for text, value in vocabulary(vocabulary_name, language):
        if value == AMBIGUOUS:
            pairs.append((text, AMBIGUOUS))
        elif spec["type"] == "flag":
            if value in FLAG_VALUES:
                pairs.append((text, float(value)))
        else:
            level = next((levels[key] for key in map(_level, value.split("|")) if key in levels), None)
            if level is not None:
                pairs.append((text, level))
    return _Lookup(pairs, loose=True)


def _level(value: str) -> str:
    """A level's name as it is compared with a vocabulary's: Sbeta+, S_beta_plus and S-beta plus are the same."""
    return bare(value.replace("β", "beta").replace("+", "plus").replace("zero", "0"))


def _result(texts: Texts, values, reasons, why, flag: bool, given, spec: dict) -> Harmonized:
    sentinel = np.array([reason == "sentinel" for reason in reasons], dtype=bool)
    known = pd.notna(values)
    absent = pd.notna(reasons)
    per_text = np.array([np.nan if value is None else value for value in values], dtype=float) if flag else values
    spread = texts.spread(per_text, np.nan if flag else None)
    shown = np.where(sentinel, None, reasons)
    findings = [finding for finding in findings_of(texts, objects(list(shown))) if finding.cells.size]
    if sentinel.any():
        cells = everywhere(texts.spread(sentinel, False))
        findings.append(Finding("null", "sentinel", "declared as unknown", cells))
    said = "not in the value map" if given else "not a word of the variable"
    unread = ~known & ~absent
    for reason in sorted({str(reason) for reason in why[unread]}):
        cells = everywhere(texts.spread(unread & (why == reason), False))
        findings.append(Finding("null", reason, said, cells))
    other = known & np.array(
        [_differs(text, value) for text, value in zip(texts.texts, values, strict=True)], dtype=bool
    )
    if other.any():
        detail = f"value map of {len(given)} codes" if given else "words of the language"
        mapped = known if given else other
        findings.append(Finding("mapped", None, detail, everywhere(texts.spread(mapped, False)), whole=True))
    return Harmonized(spread, [finding for finding in findings if finding.cells.size])


def _differs(text: str, value) -> bool:
    return value is not None and text != (f"{value:g}" if isinstance(value, float) else value)
