"""Cells that cannot be read: which, what stands in them, and what harmonization must say of each."""

import numpy as np
import pandas as pd

from hemapilots.expressions import parse
from hemapilots.synthesis.extracts.source import Source, Tables, is_measured

__all__ = ["COLUMNS", "corrupt"]

COLUMNS = ("patient_id", "variable", "text", "reason")
# Texts that mean nothing in any language, by type of variable, with the reason that must stand in the issues.
TEXTS = {
    "number": (("see note", "parse_error"), ("1..2", "parse_error"), ("", "range_hard")),
    "flag": (("xx?", "code_unknown"),),
    "category": (("xx?", "code_unknown"),),
    "date": (("31.02.2018", "date_invalid"), ("2018-13-01", "date_invalid")),
}
# A gene's cell is read as the text of a variant.
_GENE = (("xx?", "free_text_unmapped"),)
# Below what is possible in any unit, and no two alike: one that comes again and again would be a code for missing.
_IMPOSSIBLE = (100, 900)


def corrupt(source: Source, tables: Tables) -> pd.DataFrame:
    """Writes over the share `corrupt` of the cells known at the index date; returns them with the columns of `COLUMNS`.

    Left alone are consents, dates of follow-up, boxes that are ticked or not, what the format types itself, and what a karyotype or a
    table of variants tells as well. Other days of the patient that could stand in for the value are emptied.
    """
    found = [pd.DataFrame(columns=list(COLUMNS), dtype=object)]
    for name in [name for name in source.mapping["variables"] if source.habits.corrupt and _may(source, name)]:
        known = np.flatnonzero(source.clean[name].notna())
        patients = known[source.rng.random(len(known)) < source.habits.corrupt]
        texts, reasons = _texts(source, name, len(patients))
        tables.clear_others(name, patients)
        tables.put(name, patients, texts)
        cells = zip(COLUMNS, (source.patients[patients], name, texts, reasons), strict=True)
        found.append(pd.DataFrame(dict(cells), dtype=object))
    return pd.concat(found, ignore_index=True)


def _texts(source: Source, name: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Texts and reasons for n cells of a variable."""
    spec, definition = source.mapping["variables"][name], source.use_case["variables"][name]
    of_gene = definition["type"] == "flag" and definition.get("gene") and not spec.get("values")
    choices = _GENE if of_gene else TEXTS[definition["type"]]
    if not definition.get("hard"):
        choices = [choice for choice in choices if choice[1] != "range_hard"]
    chosen = source.rng.integers(0, len(choices), n)
    texts, reasons = (np.array(part, dtype=object)[chosen] for part in zip(*choices, strict=True))
    far = reasons == "range_hard"
    texts[far] = [f"-{number}" for number in source.rng.permutation(np.arange(*_IMPOSSIBLE))[: far.sum()]]
    return texts, reasons


def _may(source: Source, name: str) -> bool:
    spec, definition = source.mapping["variables"][name], source.use_case["variables"][name]
    dates = [name for name in (source.use_case.get("follow_up") or {}).values() if isinstance(name, str)]
    typed = source.mapping["reader"] in ("fhir", "omop") and not is_measured(spec)
    return (
        definition["type"] in TEXTS
        and definition["known_at"] == "index"
        and name not in dates
        and name not in _consents(source)
        # Beside a single code a text that nobody understands may mean the other one: such a column is refused as a whole.
        and source.clean[name].nunique() > 1
        and not typed
        and "___" not in spec["column"]
        and not (definition.get("gene") and source.mapping.get("variants"))
        and not (definition.get("karyotype") and _tells_karyotype(source))
    )


def _consents(source: Source) -> set[str]:
    """What decides whether a patient's data may be read at all: where that is unreadable, a run stops."""
    rules = [*source.use_case.get("inclusion", ()), *(source.mapping.get("inclusion") or ())]
    return {name for rule in rules if rule["reason"] == "consent_withdrawn" for name in parse(rule["expression"]).names}


def _tells_karyotype(source: Source) -> bool:
    return any(source.use_case["variables"][name]["type"] == "karyotype" for name in source.mapping["variables"])
