"""The shapes of the YAML files under config/: the one place where YAML becomes objects, and the only validator of a single file.

What holds between files (a mapping's variables are the use case's, a criterion's regime exists) is checked in `cross_checks`.
"""

from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
VariableName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Positive = Annotated[int, Field(ge=1)]
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


class Variable(Strict):
    """A variable of the use case. hard: outside is nulled; soft: outside is flagged."""

    label: Text
    type: Literal["number", "flag", "category"]
    unit: str | None = None
    levels: tuple[str, ...] = ()
    ordered: bool = False
    soft: Range | None = None
    hard: Range | None = None
    known_at: Literal["index", "landmark", "outcome"]
    role: Literal["variable", "score"] = "variable"
    codes: dict[str, str | int] = {}

    @model_validator(mode="after")
    def _complete(self):
        if self.type == "category" and len(self.levels) < 2:
            raise ValueError("a category needs `levels`, at least two")
        if self.type == "number" and not self.unit:
            raise ValueError("a number needs a `unit` (UCUM; '1' for none)")
        for bounds in (self.soft, self.hard):
            if bounds and bounds[0] >= bounds[1]:
                raise ValueError("a range is [low, high] with low below high")
        return self


class Derived(Strict):
    """A variable computed from others by an expression."""

    label: Text
    type: Literal["number", "flag"]
    unit: str | None = None
    expression: Text


class Inclusion(Strict):
    """Records where the expression is false are left out and counted under the reason."""

    name: VariableName
    label: Text
    expression: Text
    reason: str


class Endpoint(Strict):
    """time and event (0, 1, 2 = competing) as expressions; entry, where patients come under observation late."""

    label: Text
    time: Text
    event: Text
    entry: Text | None = None


class PredictorSet(Strict):
    """A named list of variables, on top of the sets that it includes."""

    include: tuple[str, ...] = ()
    variables: tuple[str, ...]


class Comparator(Strict):
    """What a model must beat: a delivered score, or a small model with the score among its predictors (`bar`: the honest one)."""

    label: Text
    score: str | None = None
    predictors: tuple[str, ...] | None = None
    bar: bool = False

    @model_validator(mode="after")
    def _one_kind(self):
        if (self.score is None) == (self.predictors is None):
            raise ValueError("give either `score` or `predictors`")
        return self


class UseCase(Strict):
    """A clinical question: config/use_cases/<name>.yaml."""

    name: Name
    title: Text
    index_date: Text
    codes: dict[str, str | int] = {}
    sources: tuple[str, ...] = ()
    variables: dict[VariableName, Variable]
    derived: dict[VariableName, Derived] = {}
    inclusion: tuple[Inclusion, ...] = ()
    endpoints: dict[VariableName, Endpoint]
    primary_endpoint: str
    horizons: tuple[Annotated[float, Field(gt=0)], ...]
    predictor_sets: dict[VariableName, PredictorSet]
    comparators: dict[Name, Comparator] = {}
    table_one: tuple[str, ...] = ()

    @field_validator("predictor_sets", mode="before")
    @classmethod
    def _short_form(cls, sets):
        if not isinstance(sets, dict):
            return sets
        return {name: {"variables": entry} if isinstance(entry, list) else entry for name, entry in sets.items()}


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


class Resampling(Strict):
    """Repeated cross-validation, stratified by site and primary event."""

    replicates: Annotated[int, Field(ge=1, le=100)] = 2
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    seed: int


class Times(Strict):
    """Years: step of the protocol's grid and its end tau, the largest horizon that is reported."""

    step: Annotated[float, Field(gt=0)] = 0.25
    tau: Annotated[float, Field(gt=0)]


class Model(Strict):
    """A model of the protocol; supported_only leaves out columns that fail the support rule at any site."""

    kind: Literal["cox"]
    predictors: str
    supported_only: bool = False


class Newton(Strict):
    """Exact. baseline: site (ranking stratified by site) or shared (one baseline; public and synthetic cohorts only)."""

    baseline: Literal["site", "shared"] = "site"
    max_rounds: Positive = 40
    tolerance: Annotated[float, Field(gt=0)] = 1e-10


class FedAvg(Strict):
    """Averages of locally trained models."""

    rounds: Positive = 40
    local_steps: Positive = 5
    learning_rate: Annotated[float, Field(gt=0)] = 0.2


class Strategies(Strict):
    """The strategies that the protocol compares."""

    newton: Newton | None = None
    fedavg: FedAvg | None = None


class Primary(Strict):
    """The one result that the verdict is about."""

    model: Name
    regime: str
    metric: Literal["uno_c", "harrell_c"] = "uno_c"


class Bootstrap(Strict):
    """Paired resampling of patients within site and fold; refits: resamples on which the primary model is trained anew (0: none)."""

    samples: Annotated[int, Field(ge=50, le=10000)] = 500
    refits: Annotated[int, Field(ge=0, le=1000)] = 0
    seed: int
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95


class Criterion(Strict):
    """One success criterion; they are tested in the order written."""

    name: Text
    test: Literal["non_inferior", "superior", "no_site_harmed"]
    against: str
    margin: Annotated[float, Field(ge=0)] = 0.0
    minimum_events: Positive = 20


class Protocol(Strict):
    """How a pilot is run and judged: config/protocols/<name>.yaml."""

    title: Text
    resampling: Resampling
    times: Times
    penalties: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=1, max_length=30)]
    ties: Literal["efron", "breslow"] = "efron"
    models: Annotated[dict[Name, Model], Field(min_length=1)]
    strategies: Strategies
    primary: Primary
    bootstrap: Bootstrap
    criteria: tuple[Criterion, ...]


class Split(Strict):
    """Deals the rows of a cohort without sites into invented ones."""

    sites: Annotated[dict[Name, Annotated[float, Field(gt=0, le=1)]], Field(min_length=2)]
    seed: int

    @field_validator("sites")
    @classmethod
    def _whole(cls, sites):
        if abs(sum(sites.values()) - 1) > 1e-9:
            raise ValueError(f"shares must add up to 1, not {sum(sites.values()):g}")
        return sites


class Synthetic(Strict):
    """Invented patients: resources/recipes/<recipe>.yaml."""

    recipe: Name
    patients: Annotated[int, Field(ge=20, le=10_000_000)]
    seed: int


class Site(Strict):
    """A site: its mapping, and its extract folder or, in a synthetic cohort, its share of the patients."""

    mapping: str
    extract: str | None = None
    share: Annotated[float, Field(gt=0, le=1)] | None = None


class Cohort(Strict):
    """Sites with their extracts. sharing says who may pool: private nobody, public and synthetic everybody.

    in_sample: comparators that were fitted on these very patients, with the remark that the report makes.
    """

    sharing: Literal["private", "public", "synthetic"]
    gate: Literal["enforce", "report", "off"] | None = None
    public: Name | None = None
    synthetic: Synthetic | None = None
    mapping: str | None = None
    sites: dict[Name, Site] = {}
    split: Split | None = None
    in_sample: dict[str, Text] = {}

    @field_validator("gate", mode="before")
    @classmethod
    def _unquoted_off(cls, gate):
        """YAML reads an unquoted off as false."""
        return "off" if gate is False else gate

    @model_validator(mode="after")
    def _consistent(self):
        if self.sharing == "private" and self.gate not in (None, "enforce"):
            raise ValueError("a private cohort's gate is `enforce`; remove `gate`")
        if self.sharing == "private" and (self.split or self.synthetic or self.public):
            raise ValueError(
                "a private cohort has `sites` with an `extract` each, and no split, public or synthetic part"
            )
        if (self.sharing == "synthetic") != (self.synthetic is not None):
            raise ValueError("`synthetic` names the recipe of a cohort with `sharing: synthetic`, and of no other")
        if bool(self.split) == bool(self.sites):
            raise ValueError("give either `sites`, or `mapping` and `split` for a cohort that has none")
        if self.sites and self.public:
            raise ValueError(
                "a public cohort has no sites of its own here; give `mapping` and `split`, or name each site's `extract`"
            )
        if self.split and not self.mapping:
            raise ValueError("a cohort that is split needs its `mapping`")
        if self.split and not self.public:
            raise ValueError("only a cohort named under `public` can be split")
        return self

    @property
    def effective_gate(self) -> str:
        """enforce for private cohorts; report unless stated for the others."""
        return self.gate or ("enforce" if self.sharing == "private" else "report")


class Pilot(Strict):
    """Use case + cohort + protocol: config/pilots/<use case>-<cohort>.yaml. note: what a reader of the report must know first."""

    title: Text
    note: Text | None = None
    use_case: Name
    protocol: Name
    cohort: Cohort


class Settings(Strict):
    """config/config.yaml."""

    pilots: tuple[Name, ...]
    real: tuple[Name, ...] = ()
    cohort_mirror: str = ""


class PublicFile(Strict):
    """Where a file comes from, and the SHA-256 of each accepted form."""

    url: Annotated[str, StringConstraints(pattern=r"^https://")]
    sha256: Annotated[tuple[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")], ...], Field(min_length=1)]


class PublicCohort(Strict):
    """An entry of resources/cohorts.yaml; folder is its folder in a mirror."""

    title: Text
    folder: Name
    licence: Text
    citation: Text
    commit: str | None = None
    files: Annotated[dict[str, PublicFile], Field(min_length=1)]
