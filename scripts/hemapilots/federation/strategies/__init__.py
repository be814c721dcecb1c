"""How sites' answers are combined, by the strategy's name."""

import numpy as np
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Strategy

from hemapilots.errors import HemaPilotsError
from hemapilots.federation.agreement import agree_on
from hemapilots.federation.asking import ask
from hemapilots.federation.least_sites import too_few
from hemapilots.federation.plan import Plan
from hemapilots.federation.strategies.forest_sampling import ForestSampling
from hemapilots.federation.strategies.histogram_boosting import HistogramBoosting
from hemapilots.federation.strategies.lock_step import FLOWER, LockStep
from hemapilots.federation.strategies.meta import Meta
from hemapilots.federation.strategies.newton import Newton, SharedNewton
from hemapilots.federation.strategies.oneshot import OneShot
from hemapilots.federation.strategies.sandwich import RobustNewton
from hemapilots.models.data import Preprocessing
from hemapilots.models.registry import SUBDISTRIBUTION


def make_strategy(grid: Grid, plan: Plan, options: dict, preprocessing: Preprocessing) -> Strategy:
    """The strategy by its name: newton, or Flower's own in lock-step."""
    if options["name"] == "newton":
        return _newton(grid, plan, options, preprocessing)
    if options["name"] in FLOWER:
        reason = too_few(options["name"], options, len(list(grid.get_node_ids())))
        if reason:
            raise HemaPilotsError(f"strategies.{options['name']}: {reason}")
        return LockStep(options)
    if options["name"] == "meta":
        return Meta(_usable(plan, preprocessing))
    if options["name"] == "oneshot":
        statistics = _newton(grid, plan, options | {"tolerance": 0.0}, preprocessing)
        return OneShot(_usable(plan, preprocessing), statistics)
    if options["name"] == "histogram_boosting":
        return HistogramBoosting(plan.settings)
    if options["name"] == "forest_sampling":
        return ForestSampling(plan.settings["trees"])
    raise HemaPilotsError(f"no strategy '{options['name']}'; see `strategies` in config/README.md")


def _usable(plan: Plan, preprocessing: Preprocessing) -> np.ndarray:
    """Which columns vary in each fit's training set (F, p)."""
    return (preprocessing.scale > 0)[plan.fit_set]


def _newton(grid: Grid, plan: Plan, options: dict, preprocessing: Preprocessing) -> Newton:
    usable = _usable(plan, preprocessing)
    common = dict(
        penalties=plan.fit_penalty,
        usable=usable,
        ties=plan.ties,
        tolerance=options["tolerance"],
        l1=plan.fit_l1,
        groups=plan.fit_set,
        told=plan.fit_set == 0,
        start=plan.start,
    )
    if plan.kind in SUBDISTRIBUTION:
        return RobustNewton(**common, grid=grid)
    if options["baseline"] == "site":
        return Newton(**common)
    times = ask(grid, {}, {"task": "death_counts"})
    times = np.unique(np.concatenate([answer["times"] for answer in times]))
    agree_on(grid, plan, preprocessing, {"times": times})
    return SharedNewton(**common, times=times)
