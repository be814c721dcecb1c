"""What is read of a FHIR resource, R4 and R5: codes, values, dates. What is not built as FHIR says raises Malformed."""

import re

from hemapilots.ingest.long_table import day_text

__all__ = ["LOINC", "Malformed", "check_digit_holds", "codings", "date_of", "items", "obj", "text", "value_of"]

LOINC = ("http://loinc.org", "urn:oid:2.16.840.1.113883.6.1")
UCUM = "http://unitsofmeasure.org"
_LOINC_CODE = re.compile(r"[0-9]{1,8}-[0-9]")
# Reasons for which a value is absent, as words that harmonization knows; any other is plainly unknown.
_NOT_DONE = ("not-performed", "error", "unsupported", "not-a-number", "not-permitted", "not-applicable")
NOT_DONE, UNKNOWN = "not done", "unknown"


class Malformed(Exception):
    """An element of a resource has the wrong type; the text names the element."""


def obj(parent: dict, key: str) -> dict | None:
    """An element that must be an object."""
    value = parent.get(key)
    if value is None or type(value) is dict:
        return value
    raise Malformed(key)


def items(parent: dict, key: str) -> list[dict]:
    """An element that must be a list of objects."""
    value = parent.get(key)
    if value is None:
        return []
    if type(value) is not list or not all(type(item) is dict for item in value):
        raise Malformed(key)
    return value


def text(parent: dict, key: str) -> str | None:
    """An element that must be a text; None where it is absent or blank."""
    value = parent.get(key)
    if value is None:
        return None
    if type(value) is not str:
        raise Malformed(key)
    return value if value.strip() else None


def check_digit_holds(code: str) -> bool:
    """Whether a LOINC code has the form digits-digit and its check digit (mod 10) is right."""
    if not _LOINC_CODE.fullmatch(code):
        return False
    body, check = code.split("-")
    doubled = (2 * int(digit) if place % 2 == 0 else int(digit) for place, digit in enumerate(reversed(body)))
    return (10 - sum(value - 9 if value > 9 else value for value in doubled) % 10) % 10 == int(check)


def codings(concept: dict | None) -> list[tuple[str | None, str]]:
    """(system, code) of a CodeableConcept."""
    if concept is None:
        return []
    pairs = ((text(coding, "system"), text(coding, "code")) for coding in items(concept, "coding"))
    return [(system, code.strip()) for system, code in pairs if code is not None]


def date_of(resource: dict, *names: str) -> str | None:
    """The first date of several elements; a name that ends with Period stands for its start, PeriodEnd for its end."""
    for name in names:
        if name.endswith("PeriodEnd"):
            period = obj(resource, name.removesuffix("End"))
            found = text(period, "end") if period else None
        elif name.endswith("Period"):
            period = obj(resource, name)
            found = (text(period, "start") or text(period, "end")) if period else None
        elif name.endswith("Timing"):
            timing = obj(resource, name)
            events = timing.get("event") if timing else None
            found = next((event for event in events if type(event) is str), None) if type(events) is list else None
        else:
            found = text(resource, name)
        if found is not None:
            return day_text(found.strip())
    return None


def value_of(source: dict, keys: frozenset[str]) -> tuple[str | None, str | None]:
    """Value and unit of an Observation or component, as text; None where there is no value.

    keys: the casefolded texts for which the mapping declares values: they say whether a coded value is wanted by its code or
    by its words. A value that is absent for a stated reason becomes a word for missing.
    """
    quantity = obj(source, "valueQuantity")
    if quantity is not None and quantity.get("value") is not None:
        return (text(quantity, "comparator") or "").strip() + _scalar(quantity, "value"), _unit(quantity)
    concept = obj(source, "valueCodeableConcept")
    if concept is not None and (found := _coded(concept, keys)) is not None:
        return found, None
    for name in ("valueString", "valueInteger", "valueBoolean", "valueDecimal"):
        if source.get(name) is not None:
            return _scalar(source, name), None
    if (date := date_of(source, "valueDateTime", "valueDate", "valueInstant", "valuePeriod")) is not None:
        return date, None
    reason = obj(source, "dataAbsentReason")
    if reason is not None:
        stated = {code for _, code in codings(reason)}
        return NOT_DONE if stated & {*_NOT_DONE} else UNKNOWN, None
    return None, None


def _scalar(parent: dict, key: str) -> str:
    value = parent[key]
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is float:
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if type(value) is int:
        return str(value)
    raise Malformed(key)


def _unit(quantity: dict) -> str | None:
    """The UCUM code, else what is written for people; a code of another system (SNOMED CT has units) is no unit text."""
    system = text(quantity, "system")
    code = text(quantity, "code") if system is None or system.rstrip("/") == UCUM else None
    return code or text(quantity, "unit")


def _coded(concept: dict, keys: frozenset[str]) -> str | None:
    codes = [code for _, code in codings(concept)]
    words = [word for coding in items(concept, "coding") if (word := text(coding, "display"))]
    words += [word for word in (text(concept, "text"),) if word]
    wanted = next((found for found in [*codes, *words] if found.strip().casefold() in keys), None)
    return wanted or next(iter(codes + words if keys else words + codes), None)
