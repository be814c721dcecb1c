"""Patients under bootstrap weights: all of a sample, or those of a subgroup, prepared once for every regime judged on them."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from hemapilots.evaluation.calibration import Status
from hemapilots.evaluation.censoring import Weighted, weigh
from hemapilots.evaluation.discrimination import Fold
from hemapilots.evaluation.measures import grouping
from hemapilots.evaluation.reach import Reach
from hemapilots.evaluation.resampling import bootstrap_weights
from hemapilots.evaluation.sample import Key, Sample, SiteData, assemble

__all__ = ["EVENTS_FOR_C", "Scope", "Scopes", "reportable", "scope_of"]

# UTILITY rule for a horizon, and the least number of events that a C-index is printed for.
SHARE_AT_RISK, EVENTS_BEFORE, EVENTS_FOR_C = 0.10, 20, 5


def reportable(time: np.ndarray, event: np.ndarray, horizon: float) -> bool:
    """At least 10 % of patients outlive the horizon under observation, and 20 events come before it."""
    if len(time) == 0:
        return False
    before = np.count_nonzero(event & (time <= horizon))
    return bool(np.mean(time > horizon) >= SHARE_AT_RISK and before >= EVENTS_BEFORE)


@dataclass(frozen=True)
class Scope:
    """Patients `inside` (n,) of a sample. Weights and the censoring curve are those of the whole sample, so that scopes are paired."""

    endpoint: str
    sample: Sample
    spec: Mapping[str, Any]
    outcomes: Weighted
    reach: Reach
    inside: np.ndarray

    def narrowed(self, inside: np.ndarray) -> "Scope":
        """The scope of some of the sample's patients."""
        return Scope(self.endpoint, self.sample, self.spec, self.outcomes, self.reach, inside)

    def with_outcomes(self, time: np.ndarray, event: np.ndarray) -> "Scope":
        """The scope of the same patients and resamples with other outcomes (n,)."""
        outcomes = weigh(time, event, self.outcomes.weights)
        return Scope(
            self.endpoint, replace(self.sample, time=time, event=event), self.spec, outcomes, self.reach, self.inside
        )

    def among(self, decision: Mapping[str, Any]) -> "Scope":
        """The scope of those for whom a decision is."""
        wanted = decision.get("among") or {}
        if not wanted:
            return self
        if decision["name"] not in self._parts:
            told = [
                np.isin(self.sample.groups[name], [str(level) for level in levels]) for name, levels in wanted.items()
            ]
            self._parts[decision["name"]] = self.narrowed(np.logical_and.reduce([self.inside, *told]))
        return self._parts[decision["name"]]

    @cached_property
    def _parts(self) -> dict[str, "Scope"]:
        return {}

    @property
    def samples(self) -> int:
        """Rows of every batch."""
        return len(self.outcomes.weights)

    @cached_property
    def n(self) -> int:
        """Patients."""
        return int(np.count_nonzero(self.inside))

    @cached_property
    def events(self) -> int:
        """Patients with the event."""
        return int(np.count_nonzero(self.sample.case & self.inside))

    @cached_property
    def folds(self) -> list[list[Fold]]:
        """Test folds of each replicate."""
        tau = float(self.spec["tau"])
        return [
            [Fold(self.outcomes, np.flatnonzero((fold == k) & self.inside), tau) for k in np.unique(fold[self.inside])]
            for fold in self.sample.fold
        ]

    def members(self, horizon: float) -> np.ndarray:
        """The patients whose probability at a time of the grid every judged regime gives."""
        found = self.reach.members(horizon)
        return found[self.inside[found]]

    def status(self, key: Key, horizon: float) -> Status | None:
        """What had happened to them by then; None where the regime is not judged there, or the horizon is not reportable."""
        if horizon not in self._statuses:
            members = self.members(horizon)
            judged = self.outcomes.of(members)
            told = reportable(judged.time, judged.event == 1, horizon)
            self._statuses[horizon] = Status(judged, horizon) if told else None
        return self._statuses[horizon] if key in self.reach.keys(horizon) else None

    @cached_property
    def _statuses(self) -> dict[float, Status | None]:
        return {}


@dataclass(frozen=True)
class Scopes:
    """The patients of some sites at each endpoint, put together once for all that is judged on them.

    sites: by name (outcomes, folds, {(endpoint, model, regime): predictions}), see `assemble`; spec: see `study.evaluate_spec`.
    """

    sites: Mapping[str, SiteData]
    spec: Mapping[str, Any]

    def by_endpoint(self) -> Iterator["Scopes"]:
        """The same sites at one endpoint after the other; whoever takes the next lets go of the weights of the last."""
        for endpoint in self.spec["endpoints"]:
            yield Scopes(self.sites, {**self.spec, "endpoints": [endpoint]})

    def of(self, endpoint: str) -> Scope:
        """All patients whom every regime reaches, told apart by the variables of `grouping`."""
        if endpoint not in self._found:
            self._found[endpoint] = self.only(endpoint, None)
        return self._found[endpoint]

    def only(self, endpoint: str, keys: Collection[Key] | None) -> Scope:
        """All patients whom some regimes reach."""
        sample = assemble(self.sites, endpoint, self.spec["grid"], grouping(self.spec), only=keys)
        return scope_of(endpoint, sample, self.spec)

    @cached_property
    def _found(self) -> dict[str, Scope]:
        return {}


def scope_of(endpoint: str, sample: Sample, spec: Mapping[str, Any]) -> Scope:
    """All patients of a sample, with bootstrap weights drawn within site and fold."""
    if len(sample.time):
        strata = np.column_stack([np.unique(sample.site, return_inverse=True)[1], sample.fold[0]])
    else:
        strata = np.zeros((0, 2), dtype=int)
    weights = bootstrap_weights(strata, int(spec["bootstrap"]["samples"]), int(spec["bootstrap"]["seed"]))
    outcomes = weigh(sample.time, sample.event, weights)
    reach = Reach(sample, np.asarray(spec["grid"], float))
    return Scope(endpoint, sample, spec, outcomes, reach, np.ones(len(sample.time), dtype=bool))
