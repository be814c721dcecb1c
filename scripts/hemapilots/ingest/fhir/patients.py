"""Patients of FHIR resources, and to whom a reference leads."""

import re
from array import array
from urllib.parse import unquote

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.assemble import categorical
from hemapilots.ingest.fhir.values import items, obj, text
from hemapilots.ingest.long_table import day_text
from hemapilots.ingest.selectors import Selector, Target
from hemapilots.texts import BLANKS

__all__ = ["Patients", "reference_of"]

_AMBIGUOUS = -2
_LOCAL = re.compile(r"(?P<base>.*?/)?Patient/(?P<id>[^/?#]+)")
_BY_IDENTIFIER = re.compile(r"Patient\?identifier=(?P<value>.+)")


class Patients:
    """The Patient resources, in order of delivery. selector: `Patient.id` or `Patient.identifier[system]`."""

    def __init__(self, selector: Selector, targets: list[Target], where: str):
        self.selector, self.targets, self.where = selector, targets, where
        self.ids: dict[str, int] = {}
        self.rows, self.nameless, self.dead_undated = array("i"), 0, 0
        self.cells: list[list[str | None]] = [[] for _ in targets]
        self._known: dict[str, int] = {}

    def add(self, patient: dict, address: str | None) -> None:
        """Takes in one Patient."""
        key = self._key(patient)
        if key is None:
            self.nameless += 1
            return
        number = self.ids.setdefault(key, len(self.ids))
        self.rows.append(number)
        for cells, target in zip(self.cells, self.targets, strict=True):
            cells.append(self._cell(patient, target))
        if (name := text(patient, "id")) is not None:
            self._note(f"Patient/{name}", number)
        if address is not None:
            self._note(address.split("/_history/")[0], number)
        for identifier in items(patient, "identifier"):
            if (value := text(identifier, "value")) is not None:
                self._note(_identifier(text(identifier, "system"), value), number)

    def _key(self, patient: dict) -> str | None:
        if self.selector.field == "id":
            found = text(patient, "id")
        else:
            known = [entry for entry in items(patient, "identifier") if text(entry, "system") in self.selector.codes]
            known.sort(key=lambda entry: entry.get("use") == "old")
            found = next((value for entry in known if (value := text(entry, "value"))), None)
        return found.strip(BLANKS) or None if found else None

    def _cell(self, patient: dict, target: Target) -> str | None:
        match target.selector.field:
            case "gender" | "birthDate" as name:
                return text(patient, name)
            case "deceasedBoolean":
                return _is_dead(patient)
            case "deceased" if target.keys or target.declared.get("type") in ("flag", "category"):
                return _is_dead(patient)
        date = text(patient, "deceasedDateTime")
        self.dead_undated += date is None and patient.get("deceasedBoolean") is True
        return date and day_text(date.strip())

    def _note(self, reference: str, number: int) -> None:
        if self._known.setdefault(reference, number) != number:
            self._known[reference] = _AMBIGUOUS

    def records(self) -> pd.DataFrame:
        """`row`, `patient_id` and a column of text per target; raises HemaPilotsError where there is no patient, or one has no id."""
        if self.nameless:
            patients = "1 Patient has" if self.nameless == 1 else f"{self.nameless} Patients have"
            raise HemaPilotsError(
                f"{self.where}: {patients} no {self.selector.text}; complete them, or mend patient_id"
            )
        if not self.rows:
            raise HemaPilotsError(f"{self.where}: there is no Patient resource; deliver the patients too")
        ids = np.array(list(self.ids), dtype=object)
        found = {"row": np.arange(len(self.rows), dtype=np.int64), "patient_id": ids[np.array(self.rows)]}
        for target, cells in self._columns().items():
            found[target] = categorical(cells)
        return pd.DataFrame(found)

    def _columns(self) -> dict[str, list[str | None]]:
        found: dict[str, list[str | None]] = {}
        for target, cells in zip(self.targets, self.cells, strict=True):
            if target.name in found and any(cells) and any(found[target.name]):
                raise HemaPilotsError(
                    f"{self.where}: the column and an alias of {target.name} both carry values; name the one that counts in "
                    f"{target.where}.column"
                )
            if target.name not in found or any(cells):
                found[target.name] = cells
        return found

    def resolve(self, references: list[str]) -> np.ndarray:
        """The number of the patient to whom each reference leads, -1 for none.

        Raises HemaPilotsError where the references name patients on several servers, whose ids could collide.
        """
        bases, found = set(), np.full(len(references), -1, dtype=np.int64)
        for place, reference in enumerate(references):
            plain = reference.split("/_history/")[0]
            number = self._known.get(plain)
            if number is None and (query := _BY_IDENTIFIER.fullmatch(plain)):
                system, bar, value = unquote(query["value"]).rpartition("|")
                number = self._known.get(_identifier(system or None, value))
            elif number is None and plain.startswith("urn:uuid:"):
                number = self._known.get(f"Patient/{plain.removeprefix('urn:uuid:')}")
            elif number is None and (local := _LOCAL.fullmatch(plain)):
                number = self._known.get(f"Patient/{local['id']}")
                bases |= {local["base"]} if local["base"] and number is not None else set()
            found[place] = -1 if number is None or number == _AMBIGUOUS else number
        if len(bases) > 1:
            raise HemaPilotsError(
                f"{self.where}: resources refer to Patients on {len(bases)} servers; deliver the export of each server on its own"
            )
        return found


def reference_of(resource: dict) -> str | None:
    """To whom the subject of a resource leads, as a text that `Patients.resolve` knows; None where it has no subject."""
    subject = obj(resource, "subject")
    if subject is None:
        return None
    reference = text(subject, "reference")
    identifier = obj(subject, "identifier")
    if reference is not None and not reference.startswith("#"):
        return reference.strip()
    if reference is not None:
        for contained in items(resource, "contained"):
            if contained.get("id") == reference[1:] and contained.get("resourceType") == "Patient":
                # Inside a resource a Patient has no id of its own; its identifiers tell who it is.
                identifier = next(iter(items(contained, "identifier")), identifier)
    if identifier is not None and (value := text(identifier, "value")) is not None:
        return _identifier(text(identifier, "system"), value)
    return reference


def _identifier(system: str | None, value: str) -> str:
    # A blank cannot stand in a reference.
    return f" {(system or '').strip()}|{value.strip()}"


def _is_dead(patient: dict) -> str | None:
    if text(patient, "deceasedDateTime") is not None:
        return "true"
    dead = patient.get("deceasedBoolean")
    return None if dead is None else "true" if dead is True else "false"
