"""How a source's columns become the use case's variables: config/mappings/<source>.yaml."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from hemapilots.config.shapes import Name, Strict, Text, VariableName


class SourceFile(Strict):
    """One file of an extract."""

    path: Text
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."


class Column(Strict):
    """Where a variable comes from: column, its unit, and the meaning of its values."""

    column: Text
    file: str | None = None
    unit: str | None = None
    values: dict[str, str | int | float] | None = None

    @field_validator("values", mode="before")
    @classmethod
    def _text_keys(cls, values):
        if isinstance(values, dict) and any(isinstance(key, bool) for key in values):
            raise ValueError(
                "YAML reads unquoted yes, no, on, off, true and false as truth values; write them in quotes"
            )
        return {str(key): value for key, value in values.items()} if isinstance(values, dict) else values


class Mapping(Strict):
    """How a source's columns become the use case's variables: config/mappings/<source>.yaml."""

    use_case: Name
    reader: Literal["csv"] = "csv"
    patient_id: Text
    missing: tuple[str, ...] = ("",)
    files: Annotated[dict[str, SourceFile], Field(min_length=1)]
    variables: Annotated[dict[VariableName, Column], Field(min_length=1)]
