"""Rows of metrics and of paired differences from draws; shared by a site and the pooled table."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from hemapilots.evaluation.comparison import interval, paired_p
from hemapilots.evaluation.draws import Draws
from hemapilots.evaluation.frames import wanted_comparisons
from hemapilots.evaluation.measures import COMPARED, Measure, decisions_of, measures
from hemapilots.evaluation.sample import Key
from hemapilots.evaluation.scope import Scope
from hemapilots.evaluation.utility import TREAT_ALL, TREAT_NONE

__all__ = ["difference_rows", "figure_row", "metric_rows"]

AllDraws = dict[Key, dict[Measure, Draws]]


def metric_rows(scope: Scope, draws: AllDraws) -> Iterator[dict[str, Any]]:
    """One row per regime and measure with estimate, interval, se, weight, n and events.

    Regimes without any prediction have rows too: not estimable, n 0. Treating everybody or nobody has rows of net benefit only.
    """
    treated = [key for key in draws if key not in scope.sample.risk]
    for key in [*sorted([*scope.sample.risk, *scope.sample.absent]), *treated]:
        found = draws.get(key, {})
        for measure in found if key in treated else measures(scope.endpoint, scope.spec, key[1]):
            yield figure_row(scope, key, measure, found.get(measure))


def figure_row(scope: Scope, key: Key, measure: Measure, draws: Draws | None) -> dict[str, Any]:
    """One row: names, estimate, lower, upper, se, weight, n and events; no figure where there are no draws."""
    name = {"endpoint": scope.endpoint, "model": key[0], "regime": key[1], "subgroup": "all"}
    return name | measure._asdict() | _figures(draws, scope.spec, "estimate") | _size(draws)


def difference_rows(scope: Scope, draws: AllDraws) -> Iterator[dict[str, Any]]:
    """One row per comparison of `spec` on this endpoint and measure: model - reference, draw by draw.

    Net benefit is compared with treating everybody and nobody as well, and has a band that holds at all thresholds of a decision
    together.
    """
    for pair in _pairs(scope):
        first = draws.get((pair["model"], pair["regime"]))
        second = draws.get((pair["reference_model"], pair["reference_regime"]))
        judged = measures(scope.endpoint, scope.spec, pair["reference_regime"])
        compared, ones = [measure for measure in judged if measure.metric in COMPARED], {}
        for measure in compared:
            if first is not None and second is not None and measure in first and measure in second:
                ones[measure] = _subtracted(first[measure], second[measure])
        bands = _bands(ones, float(scope.spec["bootstrap"]["level"]))
        for measure in compared:
            if pair["reference_model"] == TREAT_ALL[0] and measure.metric != "net_benefit":
                continue
            one = ones.get(measure)
            figures = _figures(one, scope.spec, "difference")
            p = None if one is None or not np.isfinite(figures["difference"]) else paired_p(one.values)
            yield pair | measure._asdict() | figures | bands.get(measure, {}) | {"p": p} | _size(one)


def _pairs(scope: Scope) -> list[dict[str, str]]:
    pairs = [row for row in wanted_comparisons(scope.spec) if row["endpoint"] == scope.endpoint]
    primary = scope.spec.get("primary")
    if primary and decisions_of(scope.endpoint, scope.spec):
        judged = {"endpoint": scope.endpoint, "model": primary["model"], "regime": primary["regime"]}
        pairs += [
            judged | {"reference_model": model, "reference_regime": name} for model, name in (TREAT_ALL, TREAT_NONE)
        ]
    return pairs


def _bands(ones: dict[Measure, Draws], level: float) -> dict[Measure, dict[str, float]]:
    """band_lower and band_upper per threshold: estimate -+ c se, c the quantile over resamples of the largest standardised deviation."""
    found = {}
    for name in dict.fromkeys(measure.decision for measure in ones if measure.decision):
        part = [measure for measure in ones if measure.decision == name and np.isfinite(ones[measure].values).all()]
        if not part:
            continue
        values = np.column_stack([ones[measure].values for measure in part])
        error = values[1:].std(axis=0, ddof=1)
        moved = np.divide(np.abs(values[1:] - values[0]), error, out=np.zeros_like(values[1:]), where=error > 0)
        half = np.quantile(moved.max(axis=1), level) * error
        for measure, estimate, width in zip(part, values[0], half, strict=True):
            found[measure] = {"band_lower": estimate - width, "band_upper": estimate + width}
    return found


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
