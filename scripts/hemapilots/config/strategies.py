"""The strategies of a protocol: how sites' answers are combined, and their options."""

from typing import Annotated, Literal

from pydantic import Field

from hemapilots.config.shapes import Positive, Strict

__all__ = ["Strategies"]

Rate = Annotated[float, Field(gt=0)]


class Newton(Strict):
    """Exact. baseline: site (ranking stratified by site), grid (one baseline, times coarsened to the protocol's steps) or shared (one
    baseline on original times); the last two in public and synthetic cohorts only."""

    baseline: Literal["site", "grid", "shared"] = "site"
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


class FedAdam(FedAvg):
    """Adaptive steps at the server (Reddi et al. 2021): rate, decay of both moments, and tau, which bounds the step of small ones."""

    server_rate: Rate = 0.05
    beta_1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    beta_2: Annotated[float, Field(ge=0, lt=1)] = 0.99
    tau: Rate = 0.001


class FedYogi(FedAdam):
    """The same with Yogi's second moment."""


class FedAdagrad(FedAvg):
    """The same with the sum of squares as second moment."""

    server_rate: Rate = 0.05
    tau: Rate = 0.001


class FedAvgM(FedAvg):
    """Averages with momentum at the server (Hsu et al. 2019)."""

    server_rate: Rate = 1.0
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.5


class FedMedian(FedAvg):
    """The median over sites of each parameter; sites count alike."""


class FedTrimmedAvg(FedAvg):
    """The mean without the share `trimmed` of sites at each end, for each parameter; sites count alike."""

    trimmed: Annotated[float, Field(gt=0, lt=0.5)] = 0.2


class Krum(FedAvg):
    """The one site whose model is nearest to most others' (Blanchard et al. 2017), chosen for each fit; malicious: how many may lie."""

    malicious: Positive = 1


class Scaffold(FedAvg):
    """Averages with control variates, option II, all sites in each round (Karimireddy et al. 2020); plain gradient steps only."""


class Meta(Strict):
    """Inverse-variance meta-analysis of the sites' own fits, in one round."""


class OneShot(Strict):
    """Surrogate likelihood at the lead site. baseline: site (one for each) or shared (one for all; public and synthetic cohorts only)."""

    baseline: Literal["site", "shared"] = "site"


class ForestSampling(Strict):
    """Trees grown at the sites, in proportion to their patients, put together as one forest."""


class HistogramBoosting(Strict):
    """Boosted trees grown by all sites together, from sums per column and bin."""


class FineTune(Strict):
    """A personalised last step at each site, from the model of another strategy (`of`; by default newton for Cox models, fedavg for
    networks). local_steps are those of a network; a Cox model has the protocol's penalties on its distance to the federated one."""

    of: str | None = None
    local_steps: Positive = 5


class Strategies(Strict):
    """The strategies that the protocol compares."""

    newton: Newton | None = None
    fedavg: FedAvg | None = None
    fedprox: FedProx | None = None
    fedadam: FedAdam | None = None
    fedyogi: FedYogi | None = None
    fedadagrad: FedAdagrad | None = None
    fedavgm: FedAvgM | None = None
    fedmedian: FedMedian | None = None
    fedtrimmedavg: FedTrimmedAvg | None = None
    krum: Krum | None = None
    scaffold: Scaffold | None = None
    meta: Meta | None = None
    oneshot: OneShot | None = None
    forest_sampling: ForestSampling | None = None
    histogram_boosting: HistogramBoosting | None = None
    finetune: FineTune | None = None
