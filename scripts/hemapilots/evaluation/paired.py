"""Rows of metrics and of paired differences from draws; shared by a site and the pooled table."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from hemapilots.evaluation.comparison import interval, paired_p
from hemapilots.evaluation.draws import Draws, Measure, measures
from hemapilots.evaluation.frames import wanted_comparisons
from hemapilots.evaluation.sample import Key, Sample

__all__ = ["difference_rows", "metric_rows"]

AllDraws = dict[Key, dict[Measure, Draws]]


def metric_rows(endpoint: str, sample: Sample, draws: AllDraws, spec: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One row per regime and measure with estimate, interval, se, weight, n and events.

    Regimes without any prediction have rows too: not estimable, n 0.
    """
    for key in sorted([*sample.risk, *sample.absent]):
        for metric, horizon in measures(endpoint, spec):
            one = draws.get(key, {}).get((metric, horizon))
            name = {"endpoint": endpoint, "model": key[0], "regime": key[1], "subgroup": "all"}
            yield name | {"metric": metric, "horizon": horizon} | _figures(one, spec, "estimate") | _size(one)


def difference_rows(
    endpoint: str, sample: Sample, draws: AllDraws, spec: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """One row per comparison of `spec` on this endpoint and measure: model - reference, draw by draw."""
    for pair in (row for row in wanted_comparisons(spec) if row["endpoint"] == endpoint):
        first = draws.get((pair["model"], pair["regime"]))
        second = draws.get((pair["reference_model"], pair["reference_regime"]))
        both = first is not None and second is not None
        for measure in measures(endpoint, spec):
            one = _subtracted(first[measure], second[measure]) if both else None
            name = {"metric": measure[0], "horizon": measure[1]}
            p = None if one is None else paired_p(one.values)
            figures = _figures(one, spec, "difference")
            yield pair | name | figures | {"p": p if np.isfinite(figures["difference"]) else None} | _size(one)


def _subtracted(first: Draws, second: Draws) -> Draws:
    return Draws(first.values - second.values, first.weight, first.n, first.events)


def _figures(draws: Draws | None, spec: Mapping[str, Any], name: str) -> dict[str, float]:
    if draws is None:
        return dict.fromkeys((name, "lower", "upper", "se", "weight"), np.nan)
    found = interval(draws.values, float(spec["bootstrap"]["level"]))
    weight = draws.weight if np.isfinite(found.estimate) else np.nan
    limits = {"lower": found.lower, "upper": found.upper, "se": found.se}
    return {name: found.estimate} | limits | {"weight": weight}


def _size(draws: Draws | None) -> dict[str, float]:
    return {"n": 0.0, "events": 0.0} if draws is None else {"n": float(draws.n), "events": float(draws.events)}
