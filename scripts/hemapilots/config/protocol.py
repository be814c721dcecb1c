"""How a pilot is run and judged: config/protocols/<name>.yaml."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from hemapilots.config.models import Model
from hemapilots.config.shapes import Name, Positive, Seed, Strict, Text
from hemapilots.config.strategies import Strategies


class Resampling(Strict):
    """Repeated cross-validation, stratified by site and primary event; or a split in time.

    judge_from: a calendar year. Patients whose index date lies in it or later are judged, by models trained on the earlier ones, whose
    folds serve to choose penalties.
    """

    replicates: Annotated[int, Field(ge=1, le=100)] = 2
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    seed: Seed
    judge_from: Annotated[int, Field(ge=1900, le=2200)] | None = None

    @model_validator(mode="after")
    def _once(self):
        if self.judge_from is not None and self.replicates != 1:
            raise ValueError("a split in time (`judge_from`) is made once; give `replicates: 1`")
        return self

    @property
    def parts(self) -> int:
        """Folds of a replicate, the later patients of a split in time as one more."""
        return self.folds + (self.judge_from is not None)


# Predictions, curves and baselines hold a number for each; days over five years stay below.
MOST_STEPS = 2000


class Times(Strict):
    """Years: step of the protocol's grid and its end tau, the largest horizon that is reported."""

    step: Annotated[float, Field(gt=0)] = 0.25
    tau: Annotated[float, Field(gt=0, le=100)]

    @model_validator(mode="after")
    def _bounded(self):
        if self.tau / self.step > MOST_STEPS:
            raise ValueError(f"`tau` over `step` gives more than {MOST_STEPS} times; take a larger `step`, as 0.25")
        return self


# Fifty bins: whole points of risk up to 0.10, even points up to 0.86, and two above.
RISK_EDGES = tuple(k / 100 for k in (*range(1, 10), *range(10, 88, 2), 92))


class Primary(Strict):
    """The one result that the verdict is about."""

    model: Name
    regime: str
    metric: Literal["uno_c", "harrell_c"] = "uno_c"


class Bootstrap(Strict):
    """Paired resampling of patients within site and fold; refits: resamples on which the primary model is trained anew (0: none)."""

    samples: Annotated[int, Field(ge=50, le=10000)] = 500
    refits: Annotated[int, Field(ge=0, le=1000)] = 0
    seed: Seed
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95


class Explanation(Strict):
    """What drives the primary model. repeats: deals of each variable's values, samples: resamples of patients for their interval;
    patients: how many a site explains at most, background: reference patients that each is held against."""

    repeats: Annotated[int, Field(ge=2, le=100)] = 3
    samples: Annotated[int, Field(ge=50, le=10000)] = 100
    patients: Annotated[int, Field(ge=5, le=100000)] = 100
    background: Annotated[int, Field(ge=2, le=1000)] = 20
    seed: Seed = 17


class Criterion(Strict):
    """One success criterion; they are tested in the order written."""

    name: Text
    test: Literal["non_inferior", "superior", "no_site_harmed", "calibrated", "useful", "fair"]
    against: str | None = None
    margin: Annotated[float, Field(ge=0)] = 0.0
    minimum_events: Positive = 20

    @model_validator(mode="after")
    def _complete(self):
        alone = self.test in ("calibrated", "fair")
        if alone != (self.against is None):
            raise ValueError("calibrated and fair are `against` nothing; every other test needs what it is against")
        if self.test == "calibrated" and not self.margin:
            raise ValueError("calibrated needs a `margin`, the largest ICI that passes, such as 0.05")
        return self


class Protocol(Strict):
    """How a pilot is run and judged: config/protocols/<name>.yaml. refused: what becomes of a strategy that can train no model here:
    the run stops, or it is listed and left out."""

    title: Text
    resampling: Resampling
    times: Times
    penalties: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=1, max_length=30)]
    ties: Literal["efron", "breslow"] = "efron"
    models: Annotated[dict[Name, Model], Field(min_length=1)]
    strategies: Strategies
    risk_edges: Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(min_length=1, max_length=199)] = (
        RISK_EDGES
    )
    refused: Literal["stop", "list"] = "stop"
    primary: Primary
    bootstrap: Bootstrap
    explanation: Explanation = Explanation()
    criteria: tuple[Criterion, ...]

    @field_validator("risk_edges")
    @classmethod
    def _ascending(cls, edges):
        if list(edges) != sorted(set(edges)):
            raise ValueError("the edges of risk stand in ascending order, each once")
        return edges
