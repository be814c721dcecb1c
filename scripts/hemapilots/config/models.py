"""The models of a protocol: what each kind fixes, beside the predictor set that it learns from."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from hemapilots.config.shapes import Positive, Strict

__all__ = ["Cox", "DeepSurv", "DiscreteHazard", "Model"]


class _Model(Strict):
    """What every model has. supported_only leaves out columns that fail the support rule at any site.

    strategies: which of the protocol's strategies train it; by default all that can. late_entry: whether the kind can learn from
    patients who come under observation late; one that cannot is not trained for such endpoints.
    """

    late_entry: ClassVar[bool] = False

    predictors: str
    supported_only: bool = False
    strategies: Annotated[tuple[str, ...], Field(min_length=1)] | None = None

    def settings(self) -> dict:
        """What is fixed of the model itself."""
        kept = {"kind", "predictors", "supported_only", "strategies"}
        return self.model_dump(mode="json", exclude=kept, exclude_none=True)


class Cox(_Model):
    """Ridge Cox regression; its penalty is chosen from the protocol's."""

    late_entry: ClassVar[bool] = True

    kind: Literal["cox"]


class _Network(_Model):
    """Dense layers with ReLU, trained by full-batch steps at each site; the number of rounds is chosen inside the training folds.

    hidden: widths; learning_rate, weight_decay, optimizer (at a site, anew in each round), local_steps a round; rounds at most;
    patience: rounds without a better cross-validated log-likelihood before training ends; seed of the first parameters.
    """

    hidden: Annotated[tuple[Annotated[int, Field(ge=1, le=1024)], ...], Field(max_length=5)] = (16,)
    learning_rate: Annotated[float, Field(gt=0)] = 0.01
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    optimizer: Literal["adam", "sgd"] = "adam"
    local_steps: Positive = 5
    rounds: Positive = 30
    patience: Positive = 5
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
        if cuts and sorted(set(cuts)) != list(cuts):
            raise ValueError("cuts must rise")
        return cuts


Model = Annotated[Cox | DeepSurv | DiscreteHazard, Field(discriminator="kind")]
