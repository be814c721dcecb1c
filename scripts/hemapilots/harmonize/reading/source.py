"""What a mapping says of one column, resolved: its marks, its file, and the place that errors name."""

from dataclasses import dataclass

from hemapilots.delivered import section_of

__all__ = ["Source"]

# Readers of formats in which a number is a number: it is written with a decimal point and never grouped.
_WITH_POINTS = ("fhir", "omop")


@dataclass
class Source:
    """What the mapping says of one column, resolved: marks, missing codes, the place that errors name."""

    name: str
    spec: dict
    declared: dict
    mapping: dict
    factors: dict

    @property
    def where(self) -> str:
        return f"mapping {self.mapping.get('name', '')}, {section_of(self.name, self.mapping)}.{self.name}"

    @property
    def column(self) -> str:
        return str(self.declared.get("column") or self.name)

    def form(self, key: str):
        """`decimal` or `thousands`, of the column or else of its file."""
        files = self.mapping.get("files") or {}
        file = files.get(self.declared.get("file") or next(iter(files), None)) or {}
        stated = self.declared.get(key) or file.get(key)
        if stated is None and key == "decimal" and self.mapping.get("reader") in _WITH_POINTS:
            return "."
        return stated
