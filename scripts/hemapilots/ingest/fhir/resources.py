"""FHIR resources one by one into records and a long table."""

from array import array

from hemapilots.delivered import Remark
from hemapilots.ingest.fhir.codes import CodeIndex
from hemapilots.ingest.fhir.patients import Patients, reference_of
from hemapilots.ingest.fhir.values import codings, date_of, items, obj, text, value_of
from hemapilots.ingest.long_table import LongTable
from hemapilots.ingest.selectors import Target

__all__ = ["Reading"]

_EFFECTIVE = ("effectiveDateTime", "effectiveInstant", "effectivePeriod", "effectiveTiming")
# (kind, field) -> elements that hold the date, R4 and R5.
_DATES = {
    ("Condition", "onset"): ("onsetDateTime", "onsetPeriod"),
    ("Condition", "recorded"): ("recordedDate",),
    ("Condition", "abatement"): ("abatementDateTime", "abatementPeriodEnd"),
    ("Procedure", "performed"): ("performedDateTime", "performedPeriod", "occurrenceDateTime", "occurrencePeriod"),
    ("MedicationStatement", "start"): ("effectiveDateTime", "effectivePeriod"),
    ("MedicationStatement", "end"): ("effectivePeriodEnd",),
}
# What did not happen, and what was never true.
_NOT_DONE = ("cancelled", "not-done", "not-taken", "preparation", "intended", "registered", "draft")
_NOT_TRUE = ("entered-in-error", "refuted")
_VOID = _NOT_DONE + _NOT_TRUE


class Reading:
    """What has been read so far. kinds: resource types that were met; index: the codes that are wanted of the file that is being read."""

    def __init__(self, targets: list[Target], patients: Patients, where: str):
        self.targets, self.patients = targets, patients
        self.table = LongTable(targets, where)
        self.kinds: set[str] = set()
        self._keys = [target.keys for target in targets]
        self._said: dict[tuple, int] = {}
        self._bad_loinc: dict[str, int] = {}
        self._without_subject, self._lost_medications = 0, 0
        # Statements that refer to a Medication, which may come later: row, patient, reference, status, start, end.
        self._pending = tuple(array("i") for _ in range(6))
        self._days: dict[str, int] = {}
        self._medications: dict[str, int] = {}
        self._of_medication: dict[str, list[int]] = {}

    def use(self, index: CodeIndex) -> None:
        """From here on resources are looked up in these codes."""
        self.index = index
        index.bad_loinc = self._bad_loinc

    def take(self, resource: dict, row: int, address: str | None) -> None:
        """One resource; `row` is its number in the file from 0."""
        kind = resource["resourceType"]
        self.kinds.add(kind)
        if kind == "Patient":
            self.patients.add(resource, address)
        elif kind == "Medication" and self.index.wants("MedicationStatement"):
            self._take_medication(resource, address)
        elif kind == "Observation" and self.index.wants(kind):
            self._take_observation(resource, row)
        elif kind in ("Condition", "Procedure", "MedicationStatement") and self.index.wants(kind):
            self._take_event(kind, resource, row)

    def _take_observation(self, resource: dict, row: int) -> None:
        found = [(number, resource) for number in self.index.targets("Observation", codings(obj(resource, "code")))]
        for part in items(resource, "component"):
            found += [(number, part) for number in self.index.targets("Observation", codings(obj(part, "code")))]
        if not found or self._void(resource, [number for number, _ in found]):
            return
        patient = self._patient(resource)
        date = date_of(resource, *_EFFECTIVE)
        for number, source in found:
            if self.targets[number].selector.field == "effective":
                value, unit = date, None
            else:
                value, unit = value_of(source, self._keys[number])
            if value is None:
                self._count(number, "null", "missing", "Observation without a value")
            elif patient is not None:
                self.table.add(number, row, patient, value, unit, date)

    def _take_event(self, kind: str, resource: dict, row: int) -> None:
        if kind == "MedicationStatement":
            numbers = self._of_statement(resource, row)
        else:
            numbers = self.index.targets(kind, codings(obj(resource, "code")))
        if not numbers or self._void(resource, numbers):
            return
        patient = self._patient(resource)
        for number in numbers:
            self._add_date(number, row, patient, date_of(resource, *_DATES[kind, self.targets[number].selector.field]))

    def _add_date(self, number: int, row: int, patient: int | None, date: str | None) -> None:
        if date is None:
            kind = self.targets[number].selector.table
            self._count(number, "null", "missing", f"{kind} without a date ({self.targets[number].selector.field})")
        elif patient is not None:
            self.table.add(number, row, patient, date, None, None)

    def _of_statement(self, resource: dict, row: int) -> list[int]:
        """Targets of a MedicationStatement by its code, in R4 and R5; one that refers to a Medication waits for it."""
        inside = obj(resource, "medication") or {}
        concept = obj(resource, "medicationCodeableConcept") or obj(inside, "concept")
        if concept is not None:
            return self.index.targets("MedicationStatement", codings(concept))
        link = obj(resource, "medicationReference") or obj(inside, "reference")
        reference = text(link, "reference") if link else None
        if reference is None:
            return []
        if reference.startswith("#"):
            medications = [part for part in items(resource, "contained") if part.get("id") == reference[1:]]
            return [
                number
                for part in medications
                for number in self.index.targets("MedicationStatement", codings(obj(part, "code")))
            ]
        self._wait(resource, row, reference)
        return []

    def _wait(self, resource: dict, row: int, reference: str) -> None:
        patient, status = self._patient(resource), self._status(resource)
        start, end = (date_of(resource, *_DATES["MedicationStatement", part]) for part in ("start", "end"))
        days = (-1 if day is None else self._days.setdefault(day, len(self._days)) for day in (start, end))
        medication = self._medications.setdefault(reference.split("/_history/")[0], len(self._medications))
        cells = (
            row,
            -1 if patient is None else patient,
            medication,
            -1 if status is None else _VOID.index(status),
            *days,
        )
        for column, value in zip(self._pending, cells, strict=True):
            column.append(value)

    def _take_medication(self, resource: dict, address: str | None) -> None:
        numbers = self.index.targets("MedicationStatement", codings(obj(resource, "code")))
        name = text(resource, "id")
        for key in (address, name and f"Medication/{name}", name and f"urn:uuid:{name}"):
            if key:
                self._of_medication[key] = numbers

    def join_medications(self) -> None:
        """Adds the statements whose Medication was met somewhere in the export."""
        days, references = list(self._days), list(self._medications)
        for row, patient, medication, status, *dates in zip(*self._pending, strict=True):
            reference = references[medication]
            numbers = self._of_medication.get(reference)
            if numbers is None:
                numbers = self._of_medication.get("/".join(reference.split("/")[-2:]))
            if numbers is None:
                self._lost_medications += 1
            for number in numbers or ():
                if status >= 0:
                    self._count_void(number, _VOID[status])
                    continue
                day = dates[0 if self.targets[number].selector.field == "start" else 1]
                self._add_date(number, row, None if patient < 0 else patient, None if day < 0 else days[day])

    def _patient(self, resource: dict) -> int | None:
        reference = reference_of(resource)
        if reference is None:
            self._without_subject += 1
            return None
        return self.table.patients.setdefault(reference, len(self.table.patients))

    def _void(self, resource: dict, numbers: list[int]) -> bool:
        """Counts a resource that says of itself that it does not hold."""
        status = self._status(resource)
        if status is None:
            return False
        for number in numbers:
            self._count_void(number, status)
        return True

    def _count_void(self, number: int, status: str) -> None:
        reason = "not_done" if status in _NOT_DONE else "ineligible"
        self._count(number, "rejected", reason, f"{self.targets[number].selector.table} with status {status}")

    @staticmethod
    def _status(resource: dict) -> str | None:
        if (status := text(resource, "status")) in _VOID:
            return status
        stated = {code for _, code in codings(obj(resource, "verificationStatus"))}
        return next((code for code in _NOT_TRUE if code in stated), None)

    def _count(self, number: int, *said: str) -> None:
        key = (self.targets[number].name, *said)
        self._said[key] = self._said.get(key, 0) + 1

    def remarks(self) -> list[Remark]:
        """What was left out, and why."""
        found = [Remark(*said, count) for said, count in sorted(self._said.items())]
        if self._without_subject:
            detail = "resources that name no patient"
            found.append(Remark(None, "rejected", "ineligible", detail, self._without_subject))
        if self._lost_medications:
            detail = "MedicationStatements whose Medication is not in the export"
            found.append(Remark(None, "rejected", "code_unknown", detail, self._lost_medications))
        if self._bad_loinc:
            codes = sorted(self._bad_loinc)
            shown = ", ".join(codes[:5]) + (", ..." if len(codes) > 5 else "")
            detail = f"codes with a wrong LOINC check digit: {shown}"
            found.append(Remark(None, "rejected", "code_unknown", detail, sum(self._bad_loinc.values())))
        return found
