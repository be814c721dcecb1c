"""Cells that cannot be read: which, what stands in them, and what harmonization must say of each."""

import numpy as np
import pandas as pd

from hemapilots.synthesis.extracts.source import Source, Tables, is_measured

__all__ = ["COLUMNS", "corrupt"]

COLUMNS = ("patient_id", "variable", "text", "reason")
# Texts that mean nothing in any language, by type of variable, with the reason that must stand in the issues.
TEXTS = {
    "number": (("see note", "parse_error"), ("1..2", "parse_error"), ("-7", "range_hard")),
    "flag": (("xx?", "code_unknown"),),
    "category": (("xx?", "code_unknown"),),
    "date": (("31.02.2018", "date_invalid"), ("2018-13-01", "date_invalid")),
}


def corrupt(source: Source, tables: Tables) -> pd.DataFrame:
    """Writes over the share `corrupt` of the cells known at the index date; returns them with the columns of `COLUMNS`.

    Left alone are dates of follow-up, boxes that are ticked or not, what the format types itself, and what a table of
    variants knows as well. Other days of the patient that could stand in for the value are emptied.
    """
    found = [pd.DataFrame(columns=list(COLUMNS), dtype=object)]
    for name in [name for name in source.mapping["variables"] if source.habits.corrupt and _may(source, name)]:
        known = np.flatnonzero(source.clean[name].notna())
        patients = known[source.rng.random(len(known)) < source.habits.corrupt]
        choices = TEXTS[source.use_case["variables"][name]["type"]]
        chosen = source.rng.integers(0, len(choices), len(patients))
        texts, reasons = (np.array(part, dtype=object)[chosen] for part in zip(*choices, strict=True))
        tables.clear_others(name, patients)
        tables.put(name, patients, texts)
        cells = zip(COLUMNS, (source.patients[patients], name, texts, reasons), strict=True)
        found.append(pd.DataFrame(dict(cells), dtype=object))
    return pd.concat(found, ignore_index=True)


def _may(source: Source, name: str) -> bool:
    spec, definition = source.mapping["variables"][name], source.use_case["variables"][name]
    dates = [name for name in (source.use_case.get("follow_up") or {}).values() if isinstance(name, str)]
    typed = source.mapping["reader"] in ("fhir", "omop") and not is_measured(spec)
    return (
        definition["type"] in TEXTS
        and definition["known_at"] == "index"
        and name not in dates
        and not typed
        and "___" not in spec["column"]
        and not (definition.get("gene") and source.mapping.get("variants"))
    )
