"""Recurrent events of a use case: episodes that may come again, until death or the end of observation."""

from typing import Annotated

from pydantic import Field

from hemapilots.config.shapes import Strict, Text, VariableName, Years


class Recurrent(Strict):
    """What an episode is and how often it is asked to come.

    merge_days: one that begins less than so many days after the one before belongs to it. terminal: the endpoint whose event 1
    is the end of all episodes, such as death, and whose time is the end of observation, years since the index date.
    horizons: years, at which the mean number of episodes is told. compare: categories or flags known at the index date whose
    levels are compared with the first one; of all of them one at a time.
    """

    label: Text
    definition: Text
    merge_days: Annotated[int, Field(ge=1)]
    terminal: str
    horizons: Annotated[tuple[Years, ...], Field(min_length=1)]
    compare: Annotated[tuple[VariableName, ...], Field(min_length=1)]
