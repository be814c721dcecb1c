"""Every column of a use case's harmonized table, with what it means and the codes that others know it by."""

import csv

from hemapilots.errors import HemaPilotsError
from hemapilots.expressions import parse
from hemapilots.harmonize.scores import reason_column
from hemapilots.paths import RESOURCES

__all__ = ["COLUMNS", "SYSTEMS", "codes_of", "entries", "jrc_elements"]

# key in `codes` -> name of the system and the address by which it is known.
SYSTEMS = {
    "loinc": ("LOINC", "http://loinc.org"),
    "snomed": ("SNOMED CT", "http://snomed.info/sct"),
    "hgnc": ("HGNC", "http://www.genenames.org"),
    "orpha": ("ORPHA", "http://www.orpha.net"),
    "icd10": ("ICD-10", "http://hl7.org/fhir/sid/icd-10"),
    "omop": ("OMOP", "https://athena.ohdsi.org"),
    "hpo": ("HPO", "http://human-phenotype-ontology.org"),
    "atc": ("ATC", "http://www.whocc.no/atc"),
    "jrc": ("JRC", "https://eu-rd-platform.jrc.ec.europa.eu/set-of-common-data-elements"),
}
COLUMNS = (
    "name",
    "label",
    "definition",
    "kind",
    "type",
    "unit",
    "lowest_possible",
    "highest_possible",
    "lowest_usual",
    "highest_usual",
    "levels",
    "known_at",
    *SYSTEMS,
    "jrc_name",
    "computed_from",
)
_ORDER = ("index", "landmark", "outcome")


def entries(use_case: dict) -> list[dict]:
    """One dictionary with COLUMNS per column, in the order of the harmonized table; `levels` is a list.

    kind: variable, score, derived, outcome, or read (a date or karyotype that is read and not kept).
    """
    elements = jrc_elements()
    found = [_entry("row", "Row of the extract", "variable", "integer", definition="number of the record, from 0")]
    found += [_variable(name, spec, use_case, elements) for name, spec in use_case["variables"].items()]
    for name, spec in (use_case.get("derived") or {}).items():
        found.append(_entry(name, spec["label"], "derived", spec["type"]))
        found[-1] |= {"unit": spec.get("unit"), "levels": list(spec.get("levels") or [])}
        found[-1] |= {"known_at": _known_at(name, use_case), "computed_from": spec["expression"]}
    for name, spec in (use_case.get("computed") or {}).items():
        inputs = ", ".join(use_case["scores"][spec["score"]]["table"]["inputs"])
        found.append(_entry(name, spec["label"], "score", spec["type"], definition=spec["definition"]))
        found[-1] |= {key: spec[key] for key in ("unit", "levels", "known_at")}
        found[-1] |= {"computed_from": f"score {spec['score']}: {inputs}"}
    for spec in (use_case.get("scores") or {}).values():
        words = "the score does not apply, or unknown inputs that it needs"
        found.append(
            _entry(reason_column(spec), f"{spec['label']}: why it is missing", "score", "text", definition=words)
        )
        found[-1] |= {"known_at": "index"}
    for name, spec in use_case["endpoints"].items():
        found += _endpoint(name, spec)
    return found


def jrc_elements() -> dict[str, dict]:
    """Number -> the common data element for rare-disease registries."""
    path = RESOURCES / "codes" / "jrc_elements.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return {row["number"]: row for row in csv.DictReader(file)}


def _entry(name: str, label: str, kind: str, type_: str, **more) -> dict:
    return dict.fromkeys(COLUMNS) | {"name": name, "label": label, "kind": kind, "type": type_, "levels": []} | more


def _variable(name: str, spec: dict, use_case: dict, elements: dict) -> dict:
    read_only = spec["type"] in ("date", "karyotype")
    kind = "read" if read_only else "score" if spec.get("role") == "score" else "variable"
    entry = _entry(name, spec["label"], kind, spec["type"], definition=spec.get("definition"))
    entry |= {"unit": spec.get("unit"), "levels": list(spec.get("levels") or []), "known_at": spec["known_at"]}
    for part, which in (("hard", "possible"), ("soft", "usual")):
        if spec.get(part):
            entry |= {f"lowest_{which}": spec[part][0], f"highest_{which}": spec[part][1]}
    codes = {key: str(value) for key, value in (spec.get("codes") or {}).items()}
    entry |= {key: code for key, code in codes.items() if key in SYSTEMS}
    if "jrc" in codes:
        if codes["jrc"] not in elements:
            raise HemaPilotsError(
                f"use case {use_case['name']}, variables.{name}.codes.jrc: there is no such common data element; "
                f"use one of {', '.join(elements)}, in quotes"
            )
        entry["jrc_name"] = elements[codes["jrc"]]["name"]
    entry["computed_from"] = _source(spec)
    return entry


def _source(spec: dict) -> str | None:
    if spec.get("karyotype"):
        return f"karyotype: {spec['karyotype']}"
    if spec.get("gene"):
        return f"variants of {spec['gene']}: {spec.get('of_variants', 'flag')}"
    return None


def _endpoint(name: str, spec: dict) -> list[dict]:
    label = spec["label"]
    columns = [
        _entry(f"{name}_entry", f"{label}: entry", "outcome", "number", computed_from=spec.get("entry")),
        _entry(f"{name}_time", f"{label}: time", "outcome", "number", computed_from=spec["time"]),
        _entry(f"{name}_event", f"{label}: event", "outcome", "number", computed_from=spec["event"]),
    ]
    for column, words in zip(columns, ("coming under observation", "the event or the last contact"), strict=False):
        column |= {"unit": "a", "lowest_possible": 0, "known_at": "outcome"}
        column["definition"] = (
            f"{spec['scale']}, years, at {words}" if spec.get("scale") else f"years from {_origin(spec)} to {words}"
        )
    columns[2] |= {"levels": ["0", "1", "2"], "known_at": "outcome"}
    columns[2]["definition"] = "0 none until the last contact, 1 the event, 2 a competing event"
    return columns


def _origin(spec: dict) -> str:
    landmark = spec.get("landmark")
    return f"{landmark:g} years after the index date" if landmark else "the index date"


def _known_at(name: str, use_case: dict) -> str:
    derived = use_case.get("derived") or {}
    if name not in derived:
        return use_case["variables"][name]["known_at"]
    if derived[name].get("landmark"):
        return "landmark"
    parts = [_known_at(part, use_case) for part in parse(derived[name]["expression"]).names]
    return max(parts, key=_ORDER.index, default="index")


def codes_of(entry: dict) -> list[dict]:
    """The bindings of an entry: system, its address, and code."""
    return [
        {"system": SYSTEMS[key][0], "uri": SYSTEMS[key][1], "code": entry[key]} for key in SYSTEMS if entry.get(key)
    ]
