"""What of a mapping an extract speaks against, though both can be read: a unit that a header contradicts, values that no cell holds."""

from pathlib import Path

from hemapilots.delivered import Delivered, declared_columns, section_of
from hemapilots.harmonize.reading.header_units import contradicted_units
from hemapilots.harmonize.reading.units import Factors, load_factors
from hemapilots.ingest.readers import ingest
from hemapilots.paths import RESOURCES

__all__ = ["mapping_warnings", "unit_warnings"]


def unit_warnings(study: dict) -> list[str]:
    """Of each mapping of a pilot, sentences on units that a header contradicts."""
    mappings = {mapping["name"]: mapping for mapping in study["mappings"].values()}
    return [
        f"mapping {name}, {said}"
        for name, mapping in mappings.items()
        for said in contradicted_units(mapping, study["harmonize"], _factors()).values()
    ]


def _factors() -> Factors:
    return load_factors(RESOURCES / "units" / "factors.csv")


def mapping_warnings(extract: Path, mapping: dict, use_case: dict) -> list[str]:
    """Sentences for whoever wrote the mapping; none where the extract agrees with it. Only words of the mapping are repeated."""
    delivered, unseen = ingest(extract, mapping), {}
    for name, entry in declared_columns(mapping).items():
        where = f"{section_of(name, mapping)}.{name}"
        absent = _absent_values(entry.get("values") or {}, _cells(delivered, name))
        if absent:
            unseen.setdefault(", ".join(absent), []).append(f"{where}.values")
    remedy = "check the spelling; what is rare may just not occur"
    found = [*contradicted_units(mapping, use_case, _factors()).values()]
    return found + [f"{', '.join(places)}: no cell holds {texts}; {remedy}" for texts, places in unseen.items()]


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
