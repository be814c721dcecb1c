"""What every configuration model shares: strict keys, names, and the nearest known word as a remedy."""

from difflib import get_close_matches
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
VariableName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"\S")]
Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0)]
Years = Annotated[float, Field(gt=0)]
Range = tuple[float, float]


class Strict(BaseModel):
    """A mapping that refuses keys it does not know, with the nearest one it does."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data):
        if isinstance(data, dict):
            for key in data:
                if key not in cls.model_fields:
                    message = f"unknown key '{key}'; {nearest(str(key), cls.model_fields)}"
                    raise PydanticCustomError("unknown_key", "{message}", {"message": message, "keys": (key,)})
        return data


def nearest(word: str, known) -> str:
    """A remedy: the nearest known word, or all of them."""
    known = sorted(known)
    close = get_close_matches(word, known, n=1)
    return f"did you mean '{close[0]}'?" if close else f"use one of: {', '.join(known[:40])}"
