"""How an invented site writes, beyond what its mapping says: `habits` of a synthetic site in config/pilots/<name>.yaml."""

from typing import Annotated, Literal

from pydantic import Field

from hemapilots.config.shapes import Strict, Text, VariableName

Share = Annotated[float, Field(ge=0, le=1)]


class Habits(Strict):
    """Habits of a laboratory and of those who type.

    units: variable -> the units that its unit column, or the resource itself, states in turn. blanks: what may stand behind a
    cell. marks: flags of the laboratory behind a number. absent: further texts for a number that is unknown. decoys: column ->
    what it holds, columns that no mapping names. aliases: gene -> the name that the laboratory uses. limits: variable ->
    lowest and highest value that the assay tells, in the unit of the use case. revisits: share of patients with each further
    sample, where samples are dated. corrupt: share of the cells known at the index date that cannot be read.
    """

    units: dict[VariableName, Annotated[tuple[Text, ...], Field(min_length=1)]] = {}
    blanks: Annotated[tuple[str, ...], Field(min_length=1)] = ("",)
    marks: Annotated[tuple[str, ...], Field(min_length=1)] = ("",)
    absent: tuple[Text, ...] = ()
    decoys: dict[Text, Literal["surname", "birth_date", "record_number"]] = {
        "name": "surname",
        "birth_date": "birth_date",
    }
    aliases: dict[Text, Text] = {}
    limits: dict[VariableName, tuple[float | None, float | None]] = {}
    revisits: Share = 0.5
    corrupt: Share = 0.0
