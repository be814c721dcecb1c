"""The models of a protocol: what each kind fixes, beside the predictor set that it learns from."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from hemapilots.config.shapes import Positive, Strict

__all__ = ["Cox", "DeepSurv", "DiscreteHazard", "FineGray", "Forest", "Model"]


# Standard deviations from a column's mean.
THRESHOLDS = (-2.0, -1.5, -1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)


def rising(values: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """The values, if each is larger than the one before."""
    if values and sorted(set(values)) != list(values):
        raise ValueError("the values must rise")
    return values


class _Model(Strict):
    """What every model has. supported_only leaves out columns that fail the support rule at any site.

    endpoints: `primary` where it is trained for the primary endpoint alone. strategies: which of the protocol's strategies train it; by
    default all that can. late_entry: whether the kind can learn from
    patients who come under observation late; one that cannot is not trained for such endpoints. competing_only: whether it is trained
    only where an event competes.
    """

    late_entry: ClassVar[bool] = False
    competing_only: ClassVar[bool] = False

    predictors: str
    supported_only: bool = False
    endpoints: Literal["all", "primary"] = "all"
    strategies: Annotated[tuple[str, ...], Field(min_length=1)] | None = None

    def settings(self) -> dict:
        """What is fixed of the model itself."""
        kept = {"kind", "predictors", "supported_only", "endpoints", "strategies"}
        return self.model_dump(mode="json", exclude=kept, exclude_none=True)


class Cox(_Model):
    """Penalised Cox regression; the penalty is chosen from the protocol's.

    l1_ratios: the shares of the penalty on absolute values (elastic net) that are tried beside each penalty; by default ridge alone.
    """

    late_entry: ClassVar[bool] = True

    kind: Literal["cox"]
    l1_ratios: Annotated[tuple[Annotated[float, Field(ge=0, le=1)], ...], Field(min_length=1, max_length=10)] | None = (
        None
    )

    @field_validator("l1_ratios")
    @classmethod
    def _rising(cls, ratios):
        return rising(ratios)


class FineGray(_Model):
    """Ridge Fine-Gray regression of the cumulative incidence, for endpoints with a competing event; its penalty is as of a Cox model."""

    competing_only: ClassVar[bool] = True

    kind: Literal["fine_gray"]


class _Network(_Model):
    """Dense layers with ReLU, trained by full-batch steps at each site; the number of rounds is chosen inside the training folds.

    hidden: widths; learning_rate, weight_decay, optimizer (at a site, anew in each round), local_steps a round; rounds at most;
    patience: rounds without a better cross-validated log-likelihood before training ends, None for all rounds, of which the last is kept;
    seed of the first parameters.
    """

    hidden: Annotated[tuple[Annotated[int, Field(ge=1, le=1024)], ...], Field(max_length=5)] = (16,)
    learning_rate: Annotated[float, Field(gt=0)] = 0.01
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    optimizer: Literal["adam", "sgd"] = "adam"
    local_steps: Positive = 5
    rounds: Positive = 30
    patience: Positive | None = 5
    seed: Annotated[int, Field(ge=0)] = 1


class DeepSurv(_Network):
    """A network in place of the linear predictor of the Cox model."""

    late_entry: ClassVar[bool] = True

    kind: Literal["deepsurv"]


class DiscreteHazard(_Network):
    """A network that gives the hazard of each interval between the cuts (years); by default these are the protocol's grid."""

    kind: Literal["discrete_hazard"]
    cuts: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=2)] | None = None

    @field_validator("cuts")
    @classmethod
    def _rising(cls, cuts):
        return rising(cuts)


class Forest(_Model):
    """Random survival forest; trees grown at each site. thresholds: where columns may be split, in standard deviations from the mean.

    columns_tried at a split: by default the square root of their number. cuts (years): where hazards leave, by default the protocol's
    grid, of which no more than 50 times are taken.
    """

    kind: Literal["forest"]
    trees: Annotated[int, Field(ge=1, le=1000)] = 50
    leaf_patients: Annotated[int, Field(ge=5)] = 15
    columns_tried: Annotated[int, Field(ge=1)] | None = None
    thresholds: Annotated[tuple[float, ...], Field(min_length=1, max_length=50)] = THRESHOLDS
    cuts: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=2, max_length=50)] | None = None
    seed: Annotated[int, Field(ge=0)] = 1

    @field_validator("cuts", "thresholds")
    @classmethod
    def _rising(cls, values):
        return rising(values)


class Boosting(_Model):
    """Gradient-boosted Cox regression; full trees of `depth`, whose number is chosen inside the training folds, `trees` at most.

    thresholds: as of a forest. l2 is added to the expected events of a leaf; a split needs `leaf_patients` on both sides. patience:
    trees without a better cross-validated log-likelihood before training ends.
    """

    late_entry: ClassVar[bool] = True

    kind: Literal["boosting"]
    trees: Annotated[int, Field(ge=1, le=250)] = 100
    depth: Annotated[int, Field(ge=1, le=4)] = 2
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    l2: Annotated[float, Field(ge=0)] = 1.0
    leaf_patients: Annotated[int, Field(ge=5)] = 15
    thresholds: Annotated[tuple[float, ...], Field(min_length=1, max_length=50)] = THRESHOLDS
    patience: Positive = 10

    @field_validator("thresholds")
    @classmethod
    def _rising(cls, values):
        return rising(values)

    def settings(self) -> dict:
        """What is fixed of the model itself; a level of a tree is a round, so rounds and patience are counted in levels."""
        return super().settings() | {"rounds": self.trees * self.depth, "patience": self.patience * self.depth}


class SurvivalAutoencoder(_Network):
    """A variational autoencoder whose code of `latent` numbers gives a Weibull law (SAVAE); `hidden` is of each of its three networks.

    reconstruction, divergence: weights of giving the columns back, and of codes far from a standard normal one, beside the likelihood.
    """

    kind: Literal["savae"]
    latent: Annotated[int, Field(ge=1, le=64)] = 4
    reconstruction: Annotated[float, Field(ge=0)] = 0.1
    divergence: Annotated[float, Field(ge=0)] = 0.1


Model = Annotated[
    Cox | FineGray | DeepSurv | DiscreteHazard | SurvivalAutoencoder | Forest | Boosting, Field(discriminator="kind")
]
