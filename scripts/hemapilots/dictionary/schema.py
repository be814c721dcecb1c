"""A use case's harmonized table as a Frictionless Table Schema, and the Data Package that holds it."""

from hemapilots.dictionary.entries import COLUMNS, SYSTEMS, codes_of

__all__ = ["data_package", "table_schema"]

_PROFILE = "tabular-data-package"


def table_schema(entries: list[dict]) -> dict:
    """The fields of the harmonized table: name, title, description, type, constraints, unit (UCUM) and codes."""
    fields = [_field(entry) for entry in entries if entry["kind"] != "read"]
    return {"fields": fields, "missingValues": [""], "primaryKey": ["row"]}


def _field(entry: dict) -> dict:
    field = {"name": entry["name"], "title": entry["label"], "type": _type(entry)}
    if entry["definition"]:
        field["description"] = entry["definition"]
    constraints = _constraints(entry)
    if constraints:
        field["constraints"] = constraints
    extra = {"unit": entry["unit"], "knownAt": entry["known_at"], "computedFrom": entry["computed_from"]}
    if entry["lowest_usual"] is not None:
        extra["usualRange"] = [entry["lowest_usual"], entry["highest_usual"]]
    extra["codes"] = codes_of(entry) or None
    return field | {key: value for key, value in extra.items() if value is not None}


def _type(entry: dict) -> str:
    return {"integer": "integer", "category": "string", "text": "string"}.get(entry["type"], "number")


def _constraints(entry: dict) -> dict:
    if entry["name"] == "row":
        return {"required": True, "unique": True, "minimum": 0}
    if entry["type"] == "flag":
        return {"enum": [0, 1]}
    if entry["levels"]:
        return {"enum": [int(level) for level in entry["levels"]] if entry["type"] == "number" else entry["levels"]}
    bounds = {"minimum": entry["lowest_possible"], "maximum": entry["highest_possible"]}
    return {key: value for key, value in bounds.items() if value is not None}


def data_package(use_case: dict, entries: list[dict]) -> dict:
    """datapackage.json: the dictionary itself, and the harmonized table by its header, since patients stay at their sites."""
    name = use_case["name"]
    return {
        "profile": _PROFILE,
        "name": f"{name}-dictionary",
        "title": f"{use_case['title']}: data dictionary",
        "description": "Columns of the harmonized table of each site. The table itself holds patients and stays at its site; "
        "harmonized.csv is its header.",
        "keywords": ["data dictionary", *(f"{SYSTEMS[key][0]}:{code}" for key, code in _codes(use_case).items())],
        "sources": [{"title": source} for source in use_case.get("sources") or []],
        "resources": [
            {
                "name": "dictionary",
                "path": "dictionary.csv",
                "profile": "tabular-data-resource",
                "format": "csv",
                "encoding": "utf-8",
                "schema": {"fields": [_column(column) for column in COLUMNS], "primaryKey": ["name"]},
            },
            {
                "name": "harmonized",
                "path": "harmonized.csv",
                "profile": "tabular-data-resource",
                "format": "csv",
                "encoding": "utf-8",
                "schema": table_schema(entries),
            },
        ],
    }


def _codes(use_case: dict) -> dict:
    return {key: code for key, code in (use_case.get("codes") or {}).items() if key in SYSTEMS}


def _column(name: str) -> dict:
    ranges = name.startswith(("lowest", "highest"))
    return {"name": name, "type": "number" if ranges else "string"}
