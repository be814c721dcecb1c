"""What of a mapping an extract speaks against, though both can be read: a unit that a header contradicts, values that no cell holds."""

from pathlib import Path

from hemapilots.config.mapping import INFER
from hemapilots.delivered import Delivered, declared_columns, section_of
from hemapilots.harmonize.reading.units import Factors, known
from hemapilots.ingest.readers import ingest
from hemapilots.scan.match import header_unit

__all__ = ["mapping_warnings"]

CODED = ("fhir", "omop")


def mapping_warnings(extract: Path, mapping: dict, use_case: dict, factors: Factors) -> list[str]:
    """Sentences for whoever wrote the mapping; none where the extract agrees with it. Only words of the mapping are repeated."""
    delivered, found, unseen = ingest(extract, mapping), [], {}
    for name, entry in declared_columns(mapping).items():
        where = f"{section_of(name, mapping)}.{name}"
        canonical = (use_case["variables"].get(name) or {}).get("unit")
        # What names a column of FHIR or OMOP is a code, not a header.
        if entry.get("unit") not in (None, INFER) and canonical and mapping["reader"] not in CODED:
            found += [f"{where}.unit: {said}" for said in _units(name, entry, canonical, factors)]
        absent = _absent_values(entry.get("values") or {}, _cells(delivered, name))
        if absent:
            unseen.setdefault(", ".join(absent), []).append(f"{where}.values")
    remedy = "check the spelling; what is rare may just not occur"
    return found + [f"{', '.join(places)}: no cell holds {texts}; {remedy}" for texts, places in unseen.items()]


def _units(name: str, entry: dict, canonical: str, factors: Factors) -> list[str]:
    """Headers that state another unit than the mapping does, where neither of their units is the same."""
    stated, said = known(name, entry["unit"], canonical, factors), []
    for header in (entry["column"], *(entry.get("aliases") or ())):
        told = {unit: known(name, unit, canonical, factors) for unit in header_unit(header)}
        told = {unit: one for unit, one in told.items() if one}
        if (
            stated
            and told
            and not any((one.scale, one.offset) == (stated.scale, stated.offset) for one in told.values())
        ):
            said.append(
                f"the mapping says {entry['unit']}, the header “{header}” says {next(iter(told))}; check which is right"
            )
    return said


def _cells(delivered: Delivered, name: str) -> set[str]:
    """The different texts of a variable, folded."""
    if name in delivered.records:
        texts = delivered.records[name].dropna().unique()
    else:
        rows = delivered.observations
        texts = rows.loc[rows["variable"] == name, "value"].dropna().unique()
    return {str(text).strip().casefold() for text in texts} - {""}


def _absent_values(values: dict, cells: set[str]) -> list[str]:
    """Keys of `values` that no cell holds, in quotes; none where there is no cell at all."""
    return [f"“{key}”" for key in values if cells and str(key).strip().casefold() not in cells]
