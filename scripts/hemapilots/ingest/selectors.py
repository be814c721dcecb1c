"""Selectors: how a mapping names cells of sources that have codes in place of columns.

Patient.gender                 a field
Observation[718-7, 59260-0]    values under one of several codes
Condition.onset[C92.0]         a field of what stands under a code
"""

import difflib
import re
from dataclasses import dataclass, field

from hemapilots.delivered import SECTIONS
from hemapilots.errors import HemaPilotsError

__all__ = ["Forms", "Selector", "Target", "parse_selector", "patient_selector", "targets_of"]

# (table, field; "" for the value itself) -> whether codes in brackets belong to it.
Forms = dict[tuple[str, str], bool]
MAXIMUM_CODES = 1000
_SHAPE = re.compile(r"(?P<table>[A-Za-z_]+)(?:\.(?P<field>[A-Za-z_]+))?(?:\[(?P<codes>[^\[\]]*)\])?")
_TABLES_ONLY = ("unit_column", "uln_column", "date")


@dataclass(frozen=True)
class Selector:
    """A parsed selector; field is "" for the value itself, codes are as written."""

    text: str
    table: str
    field: str
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Target:
    """One selector of one variable or auxiliary column. declared: its entry in the mapping; where: field of the mapping."""

    name: str
    selector: Selector
    where: str
    declared: dict = field(hash=False, compare=False)

    @property
    def keys(self) -> frozenset[str]:
        """The delivered texts for which the mapping declares values, casefolded."""
        return frozenset(str(key).strip().casefold() for key in self.declared.get("values") or ())


def parse_selector(text: str, forms: Forms, where: str) -> Selector:
    """Reads a selector that has one of `forms`; where: the field of the mapping, for errors. Raises HemaPilotsError."""
    match = _SHAPE.fullmatch(text.strip())
    if match is None:
        raise HemaPilotsError(f'{where}: "{text}" is not a selector; write one like {_example(forms)}')
    table, part = match["table"], match["field"] or ""
    if (table, part) not in forms:
        raise HemaPilotsError(f'{where}: "{text}" is not known here; {_nearest(text, forms)}')
    coded = forms[table, part]
    if match["codes"] is None:
        if coded:
            raise HemaPilotsError(f'{where}: "{text}" needs a code in brackets, like {shown(table, part)}[...]')
        return Selector(text, table, part, ())
    codes = tuple(dict.fromkeys(code.strip() for code in match["codes"].split(",")))
    if not coded:
        raise HemaPilotsError(f'{where}: "{text}" takes no code; write {shown(table, part)}')
    if "" in codes or len(codes) > MAXIMUM_CODES:
        raise HemaPilotsError(
            f'{where}: "{text}" has an empty code or more than {MAXIMUM_CODES}; write the codes with commas between them'
        )
    return Selector(text, table, part, codes)


def targets_of(mapping: dict, forms: Forms) -> list[Target]:
    """Every selector that a mapping names, variables first, in its order; raises HemaPilotsError for what goes with columns only."""
    name = f"mapping {mapping.get('name', '')}"
    panel = (mapping.get("panel") or {}).get("column")
    if panel or mapping.get("variants"):
        raise HemaPilotsError(
            f"{name}, {'panel.column' if panel else 'variants'}: goes with tables of columns only; remove it, or deliver "
            "that table as a file of its own"
        )
    found = []
    for section in SECTIONS:
        for variable, declared in (mapping.get(section) or {}).items():
            where = f"{name}, {section}.{variable}"
            for key in _TABLES_ONLY:
                if declared.get(key):
                    raise HemaPilotsError(
                        f"{where}.{key}: units and dates stand beside each value in this kind of source; remove it"
                    )
            for text in (declared["column"], *(declared.get("aliases") or ())):
                found.append(Target(variable, parse_selector(text, forms, f"{where}.column"), where, declared))
    return found


def patient_selector(mapping: dict, forms: Forms) -> Selector:
    """What the mapping takes as patient id."""
    return parse_selector(mapping["patient_id"], forms, f"mapping {mapping.get('name', '')}, patient_id")


def shown(table: str, part: str) -> str:
    """A form as it is written."""
    return f"{table}.{part}" if part else table


def _example(forms: Forms) -> str:
    """The first form of each kind."""
    by_kind = {coded: f"{shown(*form)}[...]" if coded else shown(*form) for form, coded in reversed(forms.items())}
    return " or ".join(by_kind[coded] for coded in sorted(by_kind))


def _nearest(text: str, forms: Forms) -> str:
    known = {shown(*form).casefold(): f"{shown(*form)}{'[...]' if coded else ''}" for form, coded in forms.items()}
    near = difflib.get_close_matches(text.split("[")[0].strip().casefold(), list(known), 1)
    return f"the nearest is {known[near[0]]}" if near else "use one of " + ", ".join(known.values())
