"""The clinical question: config/use_cases/<name>.yaml."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from hemapilots.config.recurrent import Recurrent
from hemapilots.config.sensitivity import Sensitivity
from hemapilots.config.shapes import Name, Range, Strict, Text, VariableName, Years


class Clear(Strict):
    """A sample less than so many days after a date, of all that are delivered, is no candidate; the reason is listed."""

    date: VariableName
    days: Annotated[int, Field(ge=1)]
    reason: str


class Variable(Strict):
    """A variable of the use case. hard: outside is nulled; soft: outside is flagged.

    landmark: years after the index date by which the value is known, where that is later.
    Dates and karyotypes are read to compute other variables and are not kept: they could identify a patient.
    """

    label: Text
    definition: Text | None = None
    type: Literal["number", "flag", "category", "date", "karyotype"]
    unit: str | None = None
    levels: tuple[str, ...] = ()
    ordered: bool = False
    soft: Range | None = None
    hard: Range | None = None
    known_at: Literal["index", "landmark", "outcome"]
    landmark: Years | None = None
    role: Literal["variable", "score"] = "variable"
    codes: dict[str, str | int] = {}
    window: Range | None = None
    pick: Literal["first", "last", "first_after_index", "last_before_index"] | None = None
    clear_of: tuple[Clear, ...] = ()
    vocabulary: VariableName | None = None
    gene: Text | None = None
    of_variants: Literal["flag", "count", "max_vaf"] = "flag"
    karyotype: VariableName | None = None
    expected: dict[str, Range] = {}

    @model_validator(mode="after")
    def _complete(self):
        if self.type == "category" and len(self.levels) < 2:
            raise ValueError("a category needs `levels`, at least two")
        if self.type == "number" and not self.unit:
            raise ValueError("a number needs a `unit` (UCUM; '1' for none)")
        if self.landmark is not None and self.known_at != "landmark":
            raise ValueError("`landmark` goes with `known_at: landmark`")
        if self.pick and self.type != "date":
            raise ValueError("`pick` chooses among dates; remove it")
        for bounds in (self.soft, self.hard):
            if bounds and bounds[0] >= bounds[1]:
                raise ValueError("a range is [low, high] with low below high")
        return self


class Derived(Strict):
    """A variable computed from others by an expression.

    landmark: the expression tells only what was known so many years after the index date, though it reads later columns.
    """

    label: Text
    type: Literal["number", "flag", "category"]
    levels: tuple[str, ...] = ()
    unit: str | None = None
    expression: Text
    landmark: Years | None = None


class Inclusion(Strict):
    """Records where the expression is false are left out and counted under the reason."""

    name: VariableName
    label: Text
    expression: Text
    reason: str


class Check(Strict):
    """What cannot be true of one patient. Where the expression is true the variables are flagged or nulled, or the record rejected."""

    name: VariableName
    label: Text
    expression: Text
    action: Literal["flag", "null", "reject"]
    variables: tuple[str, ...] = ()
    reason: str

    @model_validator(mode="after")
    def _complete(self):
        if (self.action == "reject") == bool(self.variables):
            raise ValueError("name the `variables` to flag or null; a check that rejects records names none")
        return self


class Outcome(Strict):
    """How a time and a status follow from dates: the first of `events`, else the first of `competing`, else the last contact.

    known: a flag that must be known, or the outcome is missing. censored_at: dates at the first of which follow-up ends.
    """

    time: VariableName
    status: VariableName
    events: Annotated[tuple[str, ...], Field(min_length=1)]
    competing: tuple[str, ...] = ()
    known: str | None = None
    censored_at: tuple[str, ...] = ()


class FollowUp(Strict):
    """Which dates tell what became of a patient; times are years since `index`. status: a category with levels alive, dead, lost.

    age: the number that `birth` and `index` give; drafts of mappings say how.
    """

    index: str
    last_contact: str
    birth: str | None = None
    age: str | None = None
    death: str | None = None
    status: str | None = None
    outcomes: dict[VariableName, Outcome]


class Endpoint(Strict):
    """time and event (0, 1, 2 = competing) as expressions, in years.

    entry: where patients come under observation late, on the same scale as time; scale: what that scale is called.
    competing: what event 2 is called. not_after: an endpoint that this one can never outlast and whose event is one of its
    own; else this one is nulled. horizons: years, the use case's unless given. landmark: years after the index date from which
    time counts; patients who were not under observation then, without the event, are left out.
    """

    label: Text
    time: Text
    event: Text
    entry: Text | None = None
    scale: Text | None = None
    competing: Text | None = None
    not_after: str | None = None
    horizons: tuple[Years, ...] = ()
    landmark: Years | None = None

    @model_validator(mode="after")
    def _complete(self):
        if (self.entry is None) != (self.scale is None):
            raise ValueError(
                "late `entry` needs a `scale` that says what its times are counted in, such as Age; and only then"
            )
        return self


class PredictorSet(Strict):
    """A named list of variables, on top of the sets that it includes."""

    include: tuple[str, ...] = ()
    variables: tuple[str, ...]


class UsedScore(Strict):
    """A score that harmonization computes, resources/scores/<name>.yaml.

    delivered: a variable with the score as sources give it; where both are known they are compared, numbers within `tolerance`,
    categories by their label.
    """

    delivered: VariableName | None = None
    tolerance: Annotated[float, Field(ge=0)] = 0.0


class Comparator(Strict):
    """What a model must beat: a score as it is, a small model with it among its predictors (`bar`: the honest one), or the
    score's own terms weighed anew. A score is a computed one by its name, or a delivered variable."""

    label: Text
    score: str | None = None
    predictors: tuple[str, ...] | None = None
    terms: str | None = None
    bar: bool = False

    @model_validator(mode="after")
    def _one_kind(self):
        if sum(part is not None for part in (self.score, self.predictors, self.terms)) != 1:
            raise ValueError("give one of `score`, `predictors` and `terms`")
        return self


class Decision(Strict):
    """What a predicted risk of an endpoint by a horizon is for: who is above (or below) a threshold of the range is treated so.

    thresholds: [low, high], risks between 0 and 1, fixed before any result. reason: why this range. among: variable: levels, for
    whom the decision is; all patients unless given. margin: that of `abstention` unless given.
    """

    name: VariableName
    label: Text
    endpoint: str
    horizon: Years
    thresholds: Range
    act: Literal["above", "below"] = "above"
    among: dict[VariableName, Annotated[tuple[str | int, ...], Field(min_length=1)]] = {}
    margin: Annotated[float, Field(ge=0, lt=0.5)] | None = None
    reason: Text

    @field_validator("thresholds")
    @classmethod
    def _risks(cls, thresholds):
        if not 0 < thresholds[0] < thresholds[1] < 1:
            raise ValueError("a range of thresholds is [low, high], risks between 0 and 1 with low below high")
        return thresholds


class Abstention(Strict):
    """When no risk is given: a required variable, or more than the share `missing` of the model's, is missing; a number lies more
    standard deviations from the training patients' mean than `deviations`; the 95 % interval of the risk is wider than `width`, or
    reaches beyond a threshold of a decision by more than `margin` on both sides; best and worst of the missing inputs lie on two sides of
    one, more than `margin` apart; the patient is of a subgroup in which the model is flagged or not assessed (`flagged`)."""

    required: tuple[str, ...] = ()
    missing: Annotated[float, Field(ge=0, le=1)] = 0.3
    deviations: Annotated[float, Field(gt=0)] = 5.0
    width: Annotated[float, Field(gt=0, le=1)] = 0.4
    margin: Annotated[float, Field(ge=0, lt=0.5)] = 0.1
    flagged: bool = True


class UseCase(Strict):
    """A clinical question: config/use_cases/<name>.yaml. index_year: the number that is the calendar year of the index date."""

    name: Name
    title: Text
    index_date: Text
    codes: dict[str, str | int] = {}
    sources: tuple[str, ...] = ()
    variables: dict[VariableName, Variable]
    derived: dict[VariableName, Derived] = {}
    inclusion: tuple[Inclusion, ...] = ()
    checks: tuple[Check, ...] = ()
    window: Range | None = None
    before: str | None = None
    follow_up: FollowUp | None = None
    index_year: str | None = None
    endpoints: dict[VariableName, Endpoint]
    primary_endpoint: str
    recurrent: dict[VariableName, Recurrent] = {}
    horizons: tuple[Years, ...]
    predictor_sets: dict[VariableName, PredictorSet]
    scores: dict[Name, UsedScore] = {}
    comparators: dict[Name, Comparator] = {}
    decisions: tuple[Decision, ...] = ()
    abstention: Abstention = Abstention()
    sensitivity: Sensitivity = Sensitivity()
    example: dict[VariableName, str | float | None] = {}
    subgroups: tuple[str, ...] = ()
    table_one: tuple[str, ...] = ()
    quality: dict[str, Annotated[float, Field(ge=0, le=100)]] = {}

    @field_validator("predictor_sets", mode="before")
    @classmethod
    def _short_form(cls, sets):
        if not isinstance(sets, dict):
            return sets
        return {name: {"variables": entry} if isinstance(entry, list) else entry for name, entry in sets.items()}
