"""Units that stand in the header of a column, and headers that state another unit than the mapping does."""

import re

from hemapilots.config.mapping import INFER
from hemapilots.delivered import declared_columns, section_of
from hemapilots.harmonize.reading.numbers import DAYS
from hemapilots.harmonize.reading.units import Factors, known
from hemapilots.texts import fold

__all__ = ["BRACKET", "contradicted_units", "header_unit"]

BRACKET = re.compile(r"[(\[]([^()\[\]]{1,20})[)\]]")
_TIMES = {"years": "a", "months": "mo", "days": "d", "jahre": "a", "monate": "mo", "tage": "d", "anni": "a", "mesi": "mo", "giorni": "d",
          "anos": "a", "meses": "mo", "dias": "d", "ans": "a", "mois": "mo", "jours": "d", "jaar": "a", "maanden": "mo", "dagen": "d",
          "ετη": "a", "μηνες": "mo", "χρονια": "a", "ημερες": "d"}  # fmt: skip
# What names a column of these is a code, not a header.
_CODED = ("fhir", "omop")


def contradicted_units(mapping: dict, use_case: dict, factors: Factors) -> dict[str, str]:
    """Variable -> how its header contradicts the unit that the mapping states, in words of the mapping."""
    found = {}
    for name, entry in declared_columns(mapping).items() if mapping.get("reader") not in _CODED else ():
        canonical = (use_case["variables"].get(name) or {}).get("unit")
        if entry.get("unit") in (None, INFER) or canonical in (None, "1"):
            continue
        said = _contradictions(name, entry, canonical, factors)
        if said:
            found[name] = f"{section_of(name, mapping)}.{name}.unit: {'; '.join(said)}; check which is right"
    return found


def _contradictions(name: str, entry: dict, canonical: str, factors: Factors) -> list[str]:
    """Headers that state another unit than the mapping does, where neither of their units is the same."""
    stated, said = known(name, entry["unit"], canonical, factors), []
    for header in (entry["column"], *(entry.get("aliases") or ())):
        told = {
            unit: known(name, unit, canonical, factors)
            for unit in header_unit(header)
            if _is_name(unit, canonical, factors)
        }
        told = {unit: one for unit, one in told.items() if one}
        # A mapping may say more than the header: of what the amount is, behind the same unit.
        same = stated and any(
            (one.scale, one.offset) == (stated.scale, stated.offset) or one.source == stated.source.partition("{")[0]
            for one in told.values()
        )
        if stated and told and not same:
            said.append(f"the mapping says {entry['unit']}, the header “{header}” says {next(iter(told))}")
    return said


def _is_name(word: str, canonical: str, factors: Factors) -> bool:
    """Whether a word of a header is a unit's name. Any other, and a letter behind a name, would load UCUM for nothing."""
    letter = len(word) == 1 and word.isalpha() and canonical not in DAYS
    names = getattr(factors, "names", None)
    return names is not None and not letter and names.resolve(word, canonical) is not None


def header_unit(text: str) -> list[str]:
    """Units that a header may state: what stands in brackets, or behind the name."""
    found = [unit.strip() for unit in BRACKET.findall(text)]
    tokens = fold(text).split()
    found += [_TIMES[token] for token in (*tokens[-1:], *tokens[:1]) if token in _TIMES]
    found += [_TIMES[fold(unit)] for unit in list(found) if fold(unit) in _TIMES]
    bare = BRACKET.sub(" ", text).strip()
    for mark in ("_", " ", "-"):
        parts = bare.split(mark)
        if len(parts) > 1:
            found += [parts[-1], "/".join(parts[-2:]) if len(parts) > 2 else parts[-1]]
    squeezed = re.search(r"(?:^|[_ ])(m?g|ug|ng|pg|[umnp]mol|[uk])(d?l|ml|ul)$", bare.casefold())
    if squeezed:
        found.append(f"{squeezed[1]}/{squeezed[2]}")
    return list(dict.fromkeys(found))
