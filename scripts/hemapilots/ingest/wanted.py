"""What a mapping wants of each file of an extract, and where that stands in a header."""

import difflib
from dataclasses import dataclass
from pathlib import Path

from hemapilots.delivered import declared_columns
from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.headers import looks_like_data
from hemapilots.texts import joined

__all__ = ["MAXIMUM_COLUMNS", "Wanted", "check_width", "file_of", "locate", "patient_column", "used_files", "wanted"]

# No table of patients is wider; a header of a million columns is a mistake or an attack.
MAXIMUM_COLUMNS = 50_000


@dataclass(frozen=True)
class Wanted:
    """One column that the mapping names: `name` in the delivered tables, and the headers under which it may stand.

    part: value, unit, date or uln of `variable`; panel or a column of the variants for the others.
    """

    name: str
    variable: str
    part: str
    headers: tuple[str, ...]


def wanted(mapping: dict, alias: str) -> list[Wanted]:
    """Everything but the patient id that the mapping wants of one file."""
    found = []
    for variable, declared in declared_columns(mapping).items():
        if file_of(mapping, declared) == alias:
            found += _of_variable(variable, declared, mapping, alias)
    panel, variants = mapping.get("panel") or {}, mapping.get("variants") or {}
    if panel.get("column") and file_of(mapping, panel) == alias:
        found.append(Wanted("panel__name", "panel", "panel", (panel["column"],)))
    if variants and variants["file"] == alias:
        for part in ("gene", "protein", "coding", "vaf", "classification"):
            if variants.get(part):
                found.append(Wanted(part, "variants", part, (variants[part],)))
    return found


def _of_variable(variable: str, declared: dict, mapping: dict, alias: str) -> list[Wanted]:
    headers = (declared["column"], *(declared.get("aliases") or ()))
    found = [Wanted(variable, variable, "value", headers)]
    file = (mapping.get("files") or {}).get(alias) or {}
    parts = {"unit": declared.get("unit_column"), "uln": declared.get("uln_column")}
    parts["date"] = declared.get("date") or (file.get("date") if file.get("repeated") else None)
    return found + [
        Wanted(f"{variable}__{part}", variable, part, (header,)) for part, header in parts.items() if header
    ]


def file_of(mapping: dict, declared: dict) -> str:
    """The alias of the file in which an entry of the mapping stands: the first one unless it says otherwise."""
    return declared.get("file") or next(iter(mapping["files"]))


def used_files(mapping: dict) -> list[str]:
    """The aliases of the first file, which says who is a patient, and of all others that something is wanted of."""
    first = next(iter(mapping["files"]))
    return [alias for alias in mapping["files"] if alias == first or wanted(mapping, alias)]


def patient_column(mapping: dict, alias: str) -> str:
    """The header of the patient id in one file."""
    return mapping["files"][alias].get("patient_id") or mapping["patient_id"]


def check_width(path: Path, header: list, most: int = MAXIMUM_COLUMNS) -> None:
    """Refuses a header with more columns than any table of patients has."""
    if len(header) > most:
        raise HemaPilotsError(
            f"{path}: {len(header):,} columns, more than {most:,}; deliver the columns that are needed"
        )


def locate(path: Path, header: list[str], mapping: dict, alias: str) -> dict[str, int]:
    """Delivered name -> position in the header, `patient_id` first; raises HemaPilotsError where absent or not unique."""
    check_width(path, header)
    index = _Header(path, header, mapping, alias)
    places = {"patient_id": index.find("patient_id", (patient_column(mapping, alias),))}
    return places | {want.name: index.find(want.variable, want.headers) for want in wanted(mapping, alias)}


class _Header:
    """The names of a file's columns: as they stand, and without case, accents and punctuation."""

    def __init__(self, path: Path, header: list[str], mapping: dict, alias: str):
        self.path, self.mapping, self.alias = path, mapping, alias
        self.exact: dict[str, list[int]] = {}
        self.folded: dict[str, list[int]] = {}
        for place, name in enumerate(header):
            self.exact.setdefault(str(name).strip(), []).append(place)
            self.folded.setdefault(joined(str(name)), []).append(place)
        self.names = [str(name).strip() for name in header]

    def find(self, variable: str, headers: tuple[str, ...]) -> int:
        """The one column that carries one of these names."""
        for names, key in ((self.exact, str.strip), (self.folded, joined)):
            # A name of signs only, such as %, folds to nothing, and so does a column without a name.
            wanted_names = {key(header) for header in headers} - {""}
            places = sorted({place for name in wanted_names for place in names.get(name, ())})
            if len(places) == 1:
                return places[0]
            if places:
                raise HemaPilotsError(self._several(variable, places))
        raise HemaPilotsError(self._absent(variable, headers[0]))

    def _several(self, variable: str, places: list[int]) -> str:
        names = sorted({_printable(self.names[place]) for place in places})
        where = f'{self.path}, column "{names[0]}"'
        if len(names) == 1:
            return f"{where}: the header names it {len(places)} times; keep one of them"
        others = ", ".join(f'"{name}"' for name in names[1:4])
        return (
            f"{where}: {others} would be {variable} too (unit_conflict); name the one that counts in mapping "
            f"{self.mapping.get('name', '')}, variables.{variable}.column, and take the other from its aliases"
        )

    def _absent(self, variable: str, column: str) -> str:
        folded = {name.casefold(): name for name in self.names if name.isprintable()}
        near = difflib.get_close_matches(column.casefold(), list(folded)[:5000], 1)
        remedy = f'the nearest is "{folded[near[0]]}"' if near else "no column has a similar name"
        if looks_like_data(self.names):
            # The nearest text would be a patient's.
            remedy = "the file seems to have no header row, its first row looks like data; put one above it"
        elif len(self.names) == 1:
            remedy = f"the header has a single column, so check files.{self.alias}.delimiter"
        return (
            f'{self.path}, column "{column}": not in the header ({remedy}); mend {variable} in mapping '
            f"{self.mapping.get('name', '')}"
        )


def _printable(name: str) -> str:
    """A header for a sentence on a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in name)[:80]
