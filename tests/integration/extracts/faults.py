"""Cells that are made dirty beyond repair: what stands in them, what becomes of them, and what must be said of them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hemapilots.synthesis.extracts.source import Tables

__all__ = ["Fault", "plant", "unsaid"]


@dataclass(frozen=True)
class Fault:
    """A text over the cell of a variable.

    loses: what is unknown then (the variable itself if not stated); "record" where the patient is left out. said: the variable
    or rule under which it stands in the issues, with status and reason. part: the cell itself (`column`), or that of its unit,
    limit or date. without: variables that must be unknown, as they could stand in for the cell.
    becomes: (variable, value) that the text rightly means. whole: it may be counted for the column and not be listed.
    """

    variable: str
    text: str
    status: str
    reason: str
    loses: tuple[str, ...] | None = None
    said: str | None = None
    part: str = "column"
    without: tuple[str, ...] = ()
    becomes: tuple = ()
    whole: bool = False


def plant(
    tables: Tables, clean: pd.DataFrame, faults: tuple[Fault, ...]
) -> tuple[pd.DataFrame, list[tuple[int, Fault]]]:
    """Writes each fault over the cell of another patient; returns what the patients are then, and who has which fault.

    The patient's row of the clean table loses what the fault loses; a record that must go has nothing but its id.
    """
    clean, placed, free = clean.copy(), [], list(range(len(clean)))
    for fault in faults:
        loses = (fault.variable,) if fault.loses is None else fault.loses
        patient = next(place for place in free if _suits(clean, place, fault, loses))
        free.remove(patient)
        tables.clear_others(fault.variable, patient)
        tables.put(fault.variable, patient, fault.text, fault.part)
        for name in [name for name in loses if name != "record"]:
            clean.loc[patient, name] = None if clean[name].dtype == object else np.nan
        for name, value in fault.becomes:
            clean.loc[patient, name] = value
        placed.append((patient, fault))
    gone = [patient for patient, fault in placed if fault.loses == ("record",)]
    clean["kept"] = ~np.isin(np.arange(len(clean)), gone)
    return clean, placed


def _suits(clean: pd.DataFrame, patient: int, fault: Fault, loses: tuple[str, ...]) -> bool:
    """The cell is known, and what is lost with it; a lost Y chromosome goes to a woman."""
    names = [fault.variable, *(name for name in loses if name != "record")]
    women = "-Y" not in fault.text or clean.loc[patient, "sex"] == "F"
    alone = all(pd.isna(clean.loc[patient, name]) for name in fault.without)
    return women and alone and all(pd.notna(clean.loc[patient, name]) for name in names)


def unsaid(issues: pd.DataFrame, placed: list[tuple[int, Fault]]) -> list[tuple]:
    """The faults that the issues table does not tell of as it should, with what it says instead."""
    missed = []
    for patient, fault in placed:
        listed = (issues["row"] == patient).fillna(False) | (issues["row"].isna() & fault.whole)
        of_patient = issues[(issues["variable"] == (fault.said or fault.variable)) & listed]
        said = set(zip(of_patient["status"], of_patient["reason"], strict=True))
        if (fault.status, fault.reason) not in said:
            missed.append((patient, fault.variable, fault.text, fault.status, fault.reason, sorted(said, key=str)))
    return missed
