"""A prognostic score as tables and expressions: resources/scores/<name>.yaml."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hemapilots.config.shapes import Name, Strict, Text, VariableName

SCENARIOS = ("mean", "best", "worst")


class Applies(Strict):
    """Where `when` is false the score says nothing, and `reason` tells why."""

    when: Text
    reason: Text


class Percentile(Strict):
    """A cut that the cohort itself gives: a percentile of an input over those whom the score applies to."""

    of: VariableName
    at: Annotated[float, Field(gt=0, lt=100)]


class PointsRow(Strict):
    """The points where `when` is the first of its table that holds; a last row without `when` holds for the rest."""

    when: Text | None = None
    points: float


class Term(Strict):
    """One term of a linear score: coefficient x (value - mean), and what stands for a value that is unknown.

    best, worst: numbers, or expressions where part of the value is known. In the scenario `mean` the mean stands in,
    or the expression `expected`. mean: none for points, which are not centred.
    """

    value: Text
    coefficient: float = 1
    mean: float | None = None
    expected: Text | None = None
    best: float | Text
    worst: float | Text

    def stand_in(self, scenario: str) -> float | str | None:
        """What replaces an unknown value."""
        return {"mean": self.expected or self.mean, "best": self.best, "worst": self.worst}[scenario]


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
    """A prognostic score. Higher is worse.

    evidence: whether each number was read in its source or is recalled; partly_assumed: the numbers were read, a unit or
    a rule that the source leaves open is said in `note`. applies: to whom; all of it must hold.
    """

    name: Name
    label: Text
    title: Text
    use_case: Name
    predicts: Annotated[tuple[VariableName, ...], Field(min_length=1)]
    sources: Annotated[tuple[Text, ...], Field(min_length=1)]
    evidence: Literal["verified", "recalled", "partly_recalled", "partly_assumed"]
    note: Text | None = None
    inputs: Annotated[tuple[VariableName, ...], Field(min_length=1)]
    applies: tuple[Applies, ...] = ()
    percentiles: dict[VariableName, Percentile] = {}
    derived: dict[VariableName, Text] = {}
    points: dict[VariableName, Annotated[tuple[PointsRow, ...], Field(min_length=2)]] = {}
    score: Text | None = None
    linear: Linear | None = None
    decimals: Annotated[int, Field(ge=0, le=10)] | None = None
    categories: tuple[ScoreCategory, ...] = ()

    @property
    def terms(self) -> tuple[str, ...]:
        """What the score weighs: the terms of a linear score, the points of another."""
        return tuple(self.linear.terms if self.linear else self.points)

    @model_validator(mode="after")
    def _consistent(self):
        if (self.score is None) == (self.linear is None):
            raise ValueError("give either `score`, an expression, or `linear`, a table of coefficients")
        if self.evidence == "partly_assumed" and self.note is None:
            raise ValueError("say in `note` what is assumed")
        limits = [category.up_to for category in self.categories]
        if limits and (limits[-1] is not None or None in limits[:-1] or limits[:-1] != sorted(set(limits[:-1]))):
            raise ValueError("categories rise by `up_to`, and the last one has none")
        for name, rows in self.points.items():
            if any(row.when is None for row in rows[:-1]):
                raise ValueError(f"points of {name}: only the last row may be without `when`")
        return self
