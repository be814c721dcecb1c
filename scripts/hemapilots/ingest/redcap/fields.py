"""Where the fields that a mapping names stand in a REDCap export: under their names, or under their labels."""

import re

from hemapilots.delivered import SECTIONS
from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.redcap.boxes import checkbox
from hemapilots.ingest.redcap.dictionary import Dictionary, box_code
from hemapilots.ingest.text import Text
from hemapilots.ingest.wanted import locate, patient_column, wanted
from hemapilots.texts import joined

__all__ = ["box_places", "key_places", "missing_codes", "places_of"]

# What tells the rows of a record apart, in raw and in label exports.
_KEYS = {
    "event": ("redcap_event_name", "Event Name"),
    "instrument": ("redcap_repeat_instrument", "Repeat Instrument"),
    "instance": ("redcap_repeat_instance", "Repeat Instance"),
}
_SELECTORS = ("column", "unit_column", "uln_column", "date", "patient_id", "gene", "protein", "coding", "vaf")
_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]*")
_LONG_FORM = {"record", "field_name", "value"}


def places_of(text: Text, mapping: dict, dictionary: Dictionary | None) -> dict[str, int]:
    """Delivered name -> position in the header, `patient_id` first; raises HemaPilotsError where a mapped field is absent."""
    header = [name.strip() for name in text.header]
    if {name.lower() for name in header} >= _LONG_FORM:
        raise HemaPilotsError(
            f"{text.path}: one row per field (EAV); export the records in the flat layout, one column per field"
        )
    if dictionary:
        _check_known(text, mapping, dictionary)
        mapping = _under_labels(mapping, set(header), dictionary)
        _check_exported(text, header, mapping, dictionary)
    places = locate(text.path, text.header, mapping, text.alias)
    named = {"patient_id": (patient_column(mapping, text.alias),)}
    named |= {want.name: want.headers for want in wanted(mapping, text.alias)}
    for name, place in places.items():
        _check_same_field(text, header[place], named[name], name, mapping)
    return places


def key_places(header: list[str]) -> dict[str, int]:
    """Positions of what tells the rows of a record apart: event, instrument, instance; as far as the export has them."""
    names = {name.strip(): place for place, name in reversed(list(enumerate(header)))}
    return {key: names[name] for key, spellings in _KEYS.items() for name in spellings if name in names}


def box_places(header: list[str], place: int) -> dict[str, int]:
    """The boxes of the checkbox to which a column belongs, choice -> position; empty where it is no box."""
    own = checkbox(header[place])
    if own is None:
        return {}
    boxes = ((other, checkbox(name)) for other, name in enumerate(header))
    return {box[1]: other for other, box in boxes if box and box[0] == own[0]}


def missing_codes(mapping: dict, declared: dict) -> set[str]:
    """The codes that mean missing in one column."""
    return {str(code).strip() for part in (mapping, declared) for code in part.get("missing") or ()}


def _check_known(text: Text, mapping: dict, dictionary: Dictionary) -> None:
    for want in wanted(mapping, text.alias):
        declared = (mapping.get("variables") or {}).get(want.variable) or {}
        codes = {box_code(code) for code in missing_codes(mapping, declared)}
        dictionary.check(want.headers, want.variable, codes, mapping)


def _under_labels(mapping: dict, present: set[str], dictionary: Dictionary) -> dict:
    """The mapping with the labels of a label export where it names fields that stand under them."""

    def shown(selector: str) -> str:
        labels = [] if selector.strip() in present else dictionary.headers(selector)
        return next((label for label in labels if label in present), selector)

    def changed(entry: dict) -> dict:
        return {key: shown(value) if key in _SELECTORS and value else value for key, value in entry.items()}

    result = changed(mapping)
    for section in (*SECTIONS, "files"):
        result[section] = {name: changed(entry) for name, entry in (mapping.get(section) or {}).items()}
    for part in ("panel", "variants"):
        result[part] = changed(mapping[part]) if mapping.get(part) else None
    return result


def _check_exported(text: Text, header: list[str], mapping: dict, dictionary: Dictionary) -> None:
    present = {joined(name) for name in header}
    for want in wanted(mapping, text.alias):
        if not present & {joined(name) for name in want.headers} and dictionary.headers(want.headers[0]):
            raise HemaPilotsError(
                f'{text.path}, column "{want.headers[0]}": the field is in the data dictionary but not in the export; '
                f"export it, or leave {want.variable} out of mapping {mapping.get('name', '')}"
            )


def _check_same_field(text: Text, found: str, asked: tuple[str, ...], name: str, mapping: dict) -> None:
    """`lab1` and `lab_1` are two fields: between field names only case may differ."""
    if not _FIELD_NAME.fullmatch(found) or found in {header.strip().lower() for header in asked}:
        return
    alike = [header for header in asked if joined(header) == joined(found)]
    if any(_FIELD_NAME.fullmatch(header.strip().lower()) for header in alike):
        raise HemaPilotsError(
            f'{text.path}, column "{alike[0]}": not in the export (the nearest is "{found}", another field); mend {name} '
            f"in mapping {mapping.get('name', '')}, or export the field"
        )
