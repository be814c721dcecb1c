"""Which FHIR selectors there are, and which of them a code of a resource belongs to."""

import re

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.fhir.values import LOINC, check_digit_holds
from hemapilots.ingest.selectors import Forms, Target

__all__ = ["FORMS", "PATIENT_FORMS", "CodeIndex"]

FORMS: Forms = {
    ("Patient", "gender"): False,
    ("Patient", "birthDate"): False,
    ("Patient", "deceased"): False,
    ("Patient", "deceasedBoolean"): False,
    ("Patient", "deceasedDateTime"): False,
    ("Observation", ""): True,
    ("Observation", "effective"): True,
    ("Condition", "onset"): True,
    ("Condition", "recorded"): True,
    ("Condition", "abatement"): True,
    ("Procedure", "performed"): True,
    ("MedicationStatement", "start"): True,
    ("MedicationStatement", "end"): True,
}
PATIENT_FORMS: Forms = {("Patient", "id"): False, ("Patient", "identifier"): True}
_LOOKS_LIKE_LOINC = re.compile(r"[0-9]{1,8}-[0-9]")


class CodeIndex:
    """Code -> targets of the variables that are read from one file. Raises HemaPilotsError for a LOINC code that cannot be one."""

    def __init__(self, targets: list[Target], alias: str, mapping: dict):
        self._found: dict[str, dict[str, list[tuple[str | None, int]]]] = {}
        self._bad: dict[str, bool] = {}
        self.bad_loinc: dict[str, int] = {}
        for number, target in enumerate(targets):
            file = target.declared.get("file")
            if file and file not in (mapping.get("files") or {}):
                raise HemaPilotsError(f"{target.where}.file: there is no file {file} in this mapping; add it to files")
            for text in target.selector.codes:
                system, _, code = text.rpartition("|")
                self._check(system, code, target)
                if file in (None, alias):
                    table = self._found.setdefault(target.selector.table, {})
                    table.setdefault(code, []).append((system or None, number))

    @staticmethod
    def _check(system: str, code: str, target: Target) -> None:
        observed = target.selector.table == "Observation" and not system and _LOOKS_LIKE_LOINC.fullmatch(code)
        if (observed or system in LOINC) and not check_digit_holds(code):
            raise HemaPilotsError(
                f"{target.where}.column: {code} is no LOINC code, its check digit is wrong; mend it, or write system|code for "
                "a code of another system"
            )

    def wants(self, table: str) -> bool:
        """Whether any code of this kind of resource is mapped."""
        return table in self._found

    def targets(self, table: str, codings: list[tuple[str | None, str]]) -> list[int]:
        """The targets of a resource by its codes, each once; LOINC codes with a wrong check digit are counted."""
        found: list[int] = []
        codes = self._found.get(table, {})
        for system, code in codings:
            if system in LOINC and self._is_bad(code):
                self.bad_loinc[code] = self.bad_loinc.get(code, 0) + 1
            for wanted, number in codes.get(code, ()):
                if (wanted is None or wanted == system) and number not in found:
                    found.append(number)
        return found

    def _is_bad(self, code: str) -> bool:
        if code not in self._bad:
            # Parts, answers and lists of LOINC (LP, LA, LL) follow other rules.
            self._bad[code] = not code.startswith("L") and not check_digit_holds(code)
        return self._bad[code]
