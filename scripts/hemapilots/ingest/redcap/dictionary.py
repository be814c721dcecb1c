"""The data dictionary of a REDCap project: which fields exist, how they are labelled, what their choice codes mean."""

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.delivered import Remark
from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.csv import read_columns
from hemapilots.ingest.gather import renamed
from hemapilots.ingest.text import Text
from hemapilots.texts import BLANKS, joined

__all__ = ["Dictionary", "Field", "box_code", "is_dictionary", "read_dictionary", "translated"]

# As the dictionary is downloaded, and as the interface for programs names the same columns.
_COLUMNS = {
    "field": ("Variable / Field Name", "field_name"),
    "type": ("Field Type", "field_type"),
    "label": ("Field Label", "field_label"),
    "choices": ("Choices, Calculations, OR Slider Labels", "select_choices_or_calculations"),
}
_FIXED_CHOICES = {"yesno": {"1": "Yes", "0": "No"}, "truefalse": {"1": "True", "0": "False"}}
_WITH_CHOICES = ("radio", "dropdown", "checkbox", "select")
_IDENTIFIER = ("Identifier?", "identifier")
# Columns that REDCap adds to an export and that no dictionary lists.
_ADDED = re.compile(r"redcap_\w+|\w+_complete|\w+_timestamp")
_TAG = re.compile(r"<[^<>]{0,500}>")


@dataclass(frozen=True)
class Field:
    """type: radio, checkbox, text, ...; label: without markup; choices: code -> label; identifier: marked as one."""

    type: str
    label: str
    choices: dict[str, str]
    identifier: bool = False


@dataclass(frozen=True)
class Dictionary:
    """The fields of a project by name, and the file for errors."""

    path: Path
    fields: dict[str, Field]

    def field(self, selectors: tuple[str, ...]) -> Field | None:
        """The field that some selectors name, or the only one that is labelled like one of them."""
        names = [name.strip() for name in selectors]
        found = [self.fields[name] for name in names if name in self.fields]
        labels = {joined(name) for name in names}
        labelled = [] if found else [field for field in self.fields.values() if joined(field.label) in labels]
        return found[0] if found else labelled[0] if len(labelled) == 1 else None

    def headers(self, selector: str) -> list[str]:
        """Under which headers a label export shows a field or box; none where the dictionary does not know it."""
        name, _, code = selector.strip().partition("___")
        found = self.fields.get(name)
        if found is None or not found.label:
            return []
        if not code:
            return [found.label]
        labels = [label for choice, label in found.choices.items() if box_code(choice) == code.lower()]
        return [f"{found.label} (choice={sign}{label}{sign})" for label in labels for sign in ("", "'")]

    def check(self, selectors: tuple[str, ...], variable: str, codes: set[str], mapping: dict) -> None:
        """Raises HemaPilotsError where none of the selectors is a field, a box, or the label of one."""
        if any(self._knows(selector.strip(), codes) for selector in selectors):
            return
        name, plain = selectors[0].strip().partition("___")[0], [name for name in self.fields if name.isidentifier()]
        near = difflib.get_close_matches(name, plain[:5000], 1)
        remedy = f'the nearest is "{near[0]}"' if near else "none has a similar name"
        remedy = "it has no such box" if name in self.fields else remedy
        raise HemaPilotsError(
            f'{self.path}: no field "{selectors[0]}" in the data dictionary ({remedy}); mend {variable} in mapping '
            f"{mapping.get('name', '')}, or deliver the dictionary of this export"
        )

    def _knows(self, selector: str, codes: set[str]) -> bool:
        name, _, code = selector.partition("___")
        found = self.fields.get(name)
        if found is None:
            return bool(_ADDED.fullmatch(selector)) or joined(selector.split(" (choice=")[0]) in self._labels()
        boxes = {box_code(choice) for choice in found.choices} | codes
        return code.lower() in boxes if code else found.type != "checkbox"

    def _labels(self) -> set[str]:
        return {joined(entry.label) for entry in self.fields.values()}


def box_code(code: str) -> str:
    """A choice code as it stands in the name of a box: REDCap writes lower case and an underscore for other signs."""
    return re.sub(r"[^a-z0-9_]", "_", code.strip().lower())


def is_dictionary(header: list[str]) -> bool:
    """Whether a header is that of a data dictionary."""
    return len(_places(header)) == len(_COLUMNS)


def _places(header: list[str]) -> dict[str, int]:
    folded = {joined(name): place for place, name in reversed(list(enumerate(header)))}
    return {part: folded[joined(name)] for part, names in _COLUMNS.items() for name in names if joined(name) in folded}


def read_dictionary(text: Text) -> Dictionary:
    """Reads a data dictionary; raises HemaPilotsError where the file is not one."""
    places = _places(text.header)
    if missing := [names[0] for part, names in _COLUMNS.items() if part not in places]:
        raise HemaPilotsError(
            f'{text.path}: no column "{missing[0]}", so it is not a REDCap data dictionary; download it from the project, '
            f"or remove files.{text.alias}"
        )
    marked = next((place for place, name in enumerate(text.header) if joined(name) in map(joined, _IDENTIFIER)), None)
    table = read_columns(text, places | ({} if marked is None else {"identifier": marked}))
    cells = {part: [str(cell).strip(BLANKS) for cell in table[part]] for part in table.columns}
    identifiers = cells.get("identifier", [""] * len(table))
    fields = {}
    for name, kind, label, choices, mark in zip(*(cells[part] for part in _COLUMNS), identifiers, strict=True):
        kind = kind.lower()
        label = " ".join(_TAG.sub("", label).split())
        fields[name] = Field(kind, label, _FIXED_CHOICES.get(kind) or _choices(kind, choices), mark.lower() == "y")
    return Dictionary(text.path, fields)


def _choices(kind: str, text: str) -> dict[str, str]:
    """`1, Female | 2, Male` by code. Other kinds of field hold a formula or the ends of a scale there."""
    if kind not in _WITH_CHOICES:
        return {}
    pairs = (part.partition(",") for part in text.split("|"))
    return {code.strip(BLANKS): " ".join(_TAG.sub("", label).split()) for code, comma, label in pairs if comma}


def translated(
    name: str, column: pd.Categorical, field: Field | None, values: dict | None, missing: set[str]
) -> tuple[pd.Categorical, list[Remark]]:
    """A choice field's cells in the words that the mapping's `values` use, or in codes for a yes-no field without `values`.

    Only where that is certain: `values` are labels throughout or codes throughout, a text that is both stays, and so do
    codes that mean missing and texts that the dictionary does not know.
    """
    if field is None or not field.choices or field.type == "checkbox":
        return column, []
    codes = {code: label for code, label in field.choices.items() if code not in missing}
    labels = {label.casefold(): code for code, label in codes.items()}
    if len(labels) < len(codes) or any(labels.get(code.casefold(), code) != code for code in codes):
        return column, []
    keys = {str(key).strip() for key in values or {}}
    by_code, by_label = keys & set(codes), {key.casefold() for key in keys} & set(labels)
    if by_label and not by_code:
        words, shown = codes, "choice codes read as the labels of the data dictionary"
    elif (by_code and not by_label) or (not keys and field.type in _FIXED_CHOICES):
        words, shown = labels, "labels read as the choice codes of the data dictionary"
    else:
        return column, []
    texts = [str(text).strip(BLANKS) for text in column.categories]
    found = [words.get(text if words is codes else text.casefold()) for text in texts]
    count = int(np.isin(column.codes, [place for place, word in enumerate(found) if word is not None]).sum())
    if not count:
        return column, []
    raw = column.categories
    result = renamed(column, [old if word is None else word for old, word in zip(raw, found, strict=True)])
    return result, [Remark(name, "mapped", None, shown, count)]
