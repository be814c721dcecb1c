"""One variable: raw text to canonical values, with every removed, changed and doubted cell in a finding."""

import numpy as np

from hemapilots.harmonize.findings import Harmonized
from hemapilots.harmonize.reading.dates import parse_dates
from hemapilots.harmonize.reading.inference import outside
from hemapilots.harmonize.reading.missing import declared_codes, findings_of, missing_reasons, sentinels_of
from hemapilots.harmonize.reading.quantities import number_column
from hemapilots.harmonize.reading.raw import Raw, as_texts
from hemapilots.harmonize.reading.source import Source
from hemapilots.harmonize.reading.values import coded_column

__all__ = ["harmonize_column", "outside"]


def harmonize_column(raw: Raw, name: str, spec: dict, declared: dict, mapping: dict, factors: dict) -> Harmonized:
    """Canonical values of a raw column. spec: the variable of the use case (or the auxiliary column); declared: its entry
    in the mapping; factors: of `load_factors`.

    Raises HemaPilotsError where the declaration cannot be used, where dates are ambiguous, and where a column of an
    outcome cannot be read as a whole; other columns that cannot are nulled with one finding.
    """
    source = Source(name, spec, declared, mapping, factors)
    if spec["type"] == "number":
        return number_column(raw, source)
    if spec["type"] == "date":
        where = f'{source.where}: column "{source.column}"'
        codes, sentinels = declared_codes(declared, mapping), sentinels_of(declared, mapping)
        return parse_dates(raw.texts, source.form("date_format") or (), where, codes, sentinels)
    if spec["type"] in ("text", "karyotype"):
        return _text(raw, declared, mapping)
    return coded_column(raw, name, spec, declared, mapping)


def _text(raw: Raw, declared: dict, mapping: dict) -> Harmonized:
    """Texts as they are, trimmed; only blanks and the codes that the mapping declares are missing."""
    texts = as_texts(raw.texts)
    reasons = missing_reasons(texts, declared_codes(declared, mapping), words=False)
    values = np.where([reason is None for reason in reasons], texts.texts, None) if len(reasons) else texts.texts
    for code, value in (declared.get("values") or {}).items():
        values[texts.texts == str(code).strip()] = None if value is None else str(value)
    return Harmonized(texts.spread(values.astype(object), None), findings_of(texts, reasons))
