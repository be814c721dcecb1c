"""The strategies of a protocol: how sites' answers are combined, and their options."""

from typing import Annotated, Literal

from pydantic import Field

from hemapilots.config.shapes import Positive, Strict

__all__ = ["Strategies"]

Rate = Annotated[float, Field(gt=0)]


class Newton(Strict):
    """Exact. baseline: site (ranking stratified by site) or shared (one baseline; public and synthetic cohorts only)."""

    baseline: Literal["site", "shared"] = "site"
    max_rounds: Positive = 40
    tolerance: Annotated[float, Field(gt=0)] = 1e-10


class FedAvg(Strict):
    """Averages of locally trained models. rounds, local_steps and learning_rate are for linear models; networks bring their own."""

    rounds: Positive = 40
    local_steps: Positive = 5
    learning_rate: Rate = 0.2


class FedProx(FedAvg):
    """The same with mu / 2 times the squared distance from the round's start in each site's loss."""

    mu: Rate = 0.1


class ForestSampling(Strict):
    """Trees grown at the sites, in proportion to their patients, put together as one forest."""


class Strategies(Strict):
    """The strategies that the protocol compares."""

    newton: Newton | None = None
    fedavg: FedAvg | None = None
    fedprox: FedProx | None = None
    forest_sampling: ForestSampling | None = None
