"""A prognostic score as tables and expressions: resources/scores/<name>.yaml."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hemapilots.config.shapes import Name, Strict, Text, VariableName

SCENARIOS = ("mean", "best", "worst")


class PointsRow(Strict):
    """The points where `when` is the first of its table that holds; a last row without `when` holds for the rest."""

    when: Text | None = None
    points: float


class Term(Strict):
    """One term of a linear score: coefficient x (value - mean). An unknown value is replaced as each scenario says.

    mean: none for points, which are not centred. scenarios: expressions in place of plain replacements, where part of
    the value is known.
    """

    value: Text
    coefficient: float = 1
    mean: float | None = None
    best: float
    worst: float
    scenarios: dict[Literal[SCENARIOS], Text] = {}


class Linear(Strict):
    """sum of coefficient x (value - mean), divided by `divide_by`.

    largest_range: the score is given where worst minus best is at most this; where both lie in one category the
    category alone.
    """

    divide_by: Annotated[float, Field(gt=0)] = 1
    largest_range: Annotated[float, Field(ge=0)]
    terms: Annotated[dict[VariableName, Term], Field(min_length=1)]

    @property
    def scenarios(self) -> tuple[str, ...]:
        """mean, best and worst; without means, best and worst."""
        return SCENARIOS if all(term.mean is not None for term in self.terms.values()) else SCENARIOS[1:]


class ScoreCategory(Strict):
    """Scores up to and including `up_to`; the last category has none."""

    label: Text
    up_to: float | None = None


class Score(Strict):
    """A prognostic score. Higher is worse. evidence: whether each number was read in its source or is recalled."""

    name: Name
    title: Text
    use_case: Name
    predicts: tuple[VariableName, ...]
    sources: Annotated[tuple[Text, ...], Field(min_length=1)]
    evidence: Literal["verified", "recalled", "partly_recalled"]
    note: Text | None = None
    inputs: Annotated[tuple[VariableName, ...], Field(min_length=1)]
    derived: dict[VariableName, Text] = {}
    points: dict[VariableName, Annotated[tuple[PointsRow, ...], Field(min_length=2)]] = {}
    score: Text | None = None
    linear: Linear | None = None
    decimals: Annotated[int, Field(ge=0, le=10)] | None = None
    categories: tuple[ScoreCategory, ...] = ()

    @model_validator(mode="after")
    def _consistent(self):
        if (self.score is None) == (self.linear is None):
            raise ValueError("give either `score`, an expression, or `linear`, a table of coefficients")
        limits = [category.up_to for category in self.categories]
        if limits and (limits[-1] is not None or None in limits[:-1] or limits[:-1] != sorted(set(limits[:-1]))):
            raise ValueError("categories rise by `up_to`, and the last one has none")
        for name, rows in self.points.items():
            if any(row.when is None for row in rows[:-1]):
                raise ValueError(f"points of {name}: only the last row may be without `when`")
        return self
