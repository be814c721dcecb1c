"""How a source's columns become the use case's variables: config/mappings/<source>.yaml."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema, field_validator, model_validator

from hemapilots.config.readers import READERS
from hemapilots.config.shapes import Name, Range, Strict, Text, VariableName
from hemapilots.config.use_case import Inclusion

LANGUAGES = ("en", "de", "fr", "es", "it", "el", "pt", "nl")
Character = Annotated[str, StringConstraints(min_length=1, max_length=1)]
DecimalMark = Literal[".", ","]
ThousandsMark = Literal[".", ",", " ", "'"]
# Day, month and year in any order with any separator, the month and the year, or the year alone.
DateFormat = Annotated[str, StringConstraints(pattern=r"^(?:DD|MM|YYYY)(?:[-./ ]?(?:DD|MM|YYYY)){0,2}$")]
INFER = "infer"


def with_reasons(codes):
    """A list of codes that mean missing, as code: reason; a mapping of codes to reasons stays as it is."""
    if isinstance(codes, list | tuple):
        return {str(code): "missing" for code in codes}
    return {str(code): reason for code, reason in codes.items()} if isinstance(codes, dict) else codes


MissingCodes = Annotated[
    dict[str, str],
    BeforeValidator(with_reasons),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": ["string", "number"]}},
                {"type": "object", "additionalProperties": {"type": "string"}},
            ]
        }
    ),
]


class SourceFile(Strict):
    """One file of an extract. What is not stated of its form is detected and recorded."""

    path: Text
    patient_id: Text | None = None
    delimiter: Character | None = None
    encoding: str | None = None
    decimal: DecimalMark | None = None
    thousands: ThousandsMark | None = None
    date_format: tuple[DateFormat, ...] = ()
    sheet: str | None = None
    repeated: bool = False
    date: Text | None = None


class Column(Strict):
    """Where a variable comes from: column, its unit, and the meaning of its values."""

    column: Text
    aliases: tuple[Text, ...] = ()
    file: str | None = None
    unit: str | None = None
    unit_column: Text | None = None
    uln: Annotated[float, Field(gt=0)] | None = None
    uln_column: Text | None = None
    decimal: DecimalMark | None = None
    thousands: ThousandsMark | None = None
    date_format: tuple[DateFormat, ...] = ()
    date: Text | None = None
    window: Range | None = None
    values: dict[str, str | int | float | None] | None = None
    missing: MissingCodes = {}
    sentinels: tuple[float, ...] = ()
    status: Literal["proposed", "approved"] = "approved"

    @field_validator("values", mode="before")
    @classmethod
    def _text_keys(cls, values):
        if isinstance(values, dict) and any(isinstance(key, bool) for key in values):
            raise ValueError(
                "YAML reads unquoted yes, no, on, off, true and false as truth values; write them in quotes"
            )
        return {str(key): value for key, value in values.items()} if isinstance(values, dict) else values


class Auxiliary(Column):
    """A column that expressions of the mapping read and that is not a variable of the use case; it is not kept."""

    type: Literal["number", "flag", "category", "date", "text"]


class Episodes(Column):
    """Where the episodes of a recurrent event are: one row each, many per patient.

    `column` holds the day on which one began; or with `values` its kind (1: such an episode, 0: another one), and the day
    stands in `date`.
    """

    @model_validator(mode="after")
    def _only_days(self):
        foreign = [
            key for key in ("unit", "unit_column", "uln", "uln_column", "window") if getattr(self, key) is not None
        ]
        if foreign:
            raise ValueError(
                f"`{foreign[0]}` does not go with episodes, of which the day and the kind are read; remove it"
            )
        if self.values and set(self.values.values()) - {0, 1, None}:
            raise ValueError("`values` says which kinds are such an episode: 1 yes, 0 another one, null unknown")
        if self.date and not self.values:
            raise ValueError("without `values` the `column` itself holds the day; remove `date`")
        return self


class Panel(Strict):
    """Which genes were assayed: a list, or one list for each value of a column. A gene that is not listed is not assayed."""

    genes: tuple[Text, ...] | dict[str, tuple[Text, ...]]
    column: Text | None = None
    file: str | None = None

    @model_validator(mode="after")
    def _consistent(self):
        if isinstance(self.genes, dict) != (self.column is not None):
            raise ValueError(
                "give `column` with one list of genes for each of its values, or one list without `column`"
            )
        return self


class Variants(Strict):
    """A table with one row per variant, from which gene flags, counts and allele fractions are made."""

    file: str
    gene: Text
    protein: Text | None = None
    coding: Text | None = None
    vaf: Text | None = None
    vaf_unit: Literal["1", "%"] | None = None
    classification: Text | None = None
    oncogenic: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _consistent(self):
        if bool(self.oncogenic) != (self.classification is not None):
            raise ValueError(
                "`classification` is the column and `oncogenic` the classes that count; give both or neither"
            )
        return self


class Mapping(Strict):
    """How a source's columns become the use case's variables: config/mappings/<source>.yaml."""

    use_case: Name
    reader: Literal[READERS] = "csv"
    language: Literal[LANGUAGES] | None = None
    patient_id: Text
    missing: MissingCodes = {"": "missing"}
    sentinels: tuple[float, ...] = ()
    files: dict[str, SourceFile] = {}
    database: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,62}$")] | None = None
    window: Range | None = None
    lock: date | None = None
    panel: Panel | None = None
    variants: Variants | None = None
    variables: Annotated[dict[VariableName, Column], Field(min_length=1)]
    auxiliary: dict[VariableName, Auxiliary] = {}
    episodes: dict[VariableName, Episodes] = {}
    derived: dict[VariableName, Text] = {}
    inclusion: tuple[Inclusion, ...] = ()
    without: tuple[VariableName, ...] = ()

    @model_validator(mode="after")
    def _somewhere(self):
        if bool(self.files) == (self.database is not None):
            raise ValueError("give `files`, or `database`: the name of an environment variable that holds its address")
        if self.database and self.reader != "omop":
            raise ValueError("`database` goes with `reader: omop` only")
        return self
