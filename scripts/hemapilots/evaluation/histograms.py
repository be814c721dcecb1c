"""Counts of patients by predicted risk, time and what happened, from which figures over all sites are made without rows (METHODS 9, 10).

Edges of risk and time are the protocol's, fixed before data are seen, so that the sites' counts can be added. No small count leaves: a
site cuts the plane of risk and time, for each kind of end of follow-up, at the horizons, then halves it, as long as both halves hold
nobody or at least the minimum cell, and tells the rectangles that are left. A rectangle is spread evenly over its cells where the
sites' counts are added.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from hemapilots.evaluation.reach import Reach
from hemapilots.evaluation.sample import Key
from hemapilots.evaluation.scope import Scopes
from hemapilots.evaluation.subgroups import shown_keys

__all__ = ["HISTOGRAM_COLUMNS", "KINDS", "Plane", "added", "edges_of", "plane_of", "site_histograms", "told"]

# How follow-up ends: codes of events.
KINDS = ("censored", "event", "competing")
HISTOGRAM_COLUMNS = (
    "site,endpoint,model,regime,horizon,kind,risk_from,risk_to,time_from,time_to,n,mean_risk,mean_square".split(",")
)


class Plane(NamedTuple):
    """Patients (kinds, bins, cells) in cells of risk and time; mean predicted risk and mean of its square there."""

    count: np.ndarray
    mean: np.ndarray
    square: np.ndarray


def edges_of(spec: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Edges of risk and of time; the last cell of time is open."""
    return np.r_[0.0, spec["risk_edges"], 1.0], np.r_[0.0, spec["grid"], np.inf]


def plane_of(risk: np.ndarray, time: np.ndarray, event: np.ndarray, spec: Mapping[str, Any]) -> Plane:
    """The exact plane of patients (n,): bins [from, to) of risk, as thresholds flag, and cells (from, to] of time."""
    risks, times = edges_of(spec)
    size = len(KINDS), len(risks) - 1, len(times) - 1
    cell = np.maximum(np.searchsorted(times, time, side="left") - 1, 0)
    place = (event.astype(int), _bin(risk, risks), cell)
    at = np.ravel_multi_index(place, size)
    sums = [np.bincount(at, weights=values, minlength=np.prod(size)) for values in (np.ones(len(risk)), risk, risk**2)]
    count, first, second = (values.reshape(size) for values in sums)
    return Plane(count, _ratio(first, count), _ratio(second, count))


def _bin(risk: np.ndarray, edges: np.ndarray) -> np.ndarray:
    return np.clip(np.searchsorted(edges, risk, side="right") - 1, 0, len(edges) - 2)


def _ratio(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)


def site_histograms(site: str, scopes: Scopes) -> pd.DataFrame:
    """What a site tells of the primary model, its pooled twin and the comparators of the criteria, at each horizon.

    Of several replicates the first, its folds together. Nothing is told of a table in which all of a kind are fewer than the minimum.
    """
    rows, spec = [], scopes.spec
    for endpoint in spec["endpoints"]:
        reach = scopes.of(endpoint).reach
        for key in shown_keys(reach.sample, spec):
            for horizon in map(float, spec["horizons"][endpoint]):
                if key in reach.keys(horizon):
                    name = {"site": site, "endpoint": endpoint, "model": key[0], "regime": key[1], "horizon": horizon}
                    rows += [name | row for row in _told(reach, key, horizon, endpoint, spec)]
    return pd.DataFrame(rows, columns=HISTOGRAM_COLUMNS)


def _told(reach: Reach, key: Key, horizon: float, endpoint: str, spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    sample, members = reach.sample, reach.members(horizon)
    risk = 1 - sample.survival[key][0, members, reach.place(horizon)]
    return told(plane_of(risk, sample.time[members], sample.event[members], spec), spec, spec["horizons"][endpoint])


def told(plane: Plane, spec: Mapping[str, Any], horizons: Sequence[float]) -> list[dict[str, Any]]:
    """The rectangles of a plane: kind, risk_from, risk_to, time_from, time_to, n, mean_risk, mean_square."""
    totals, least = plane.count.sum(axis=(1, 2)), int(spec["minimum_cell"])
    small = np.any((totals > 0) & (totals < least))
    return [] if small else list(_rectangles(plane, least, edges_of(spec), horizons))


def _rectangles(
    plane: Plane, least: int, edges: tuple[np.ndarray, np.ndarray], horizons: Sequence[float]
) -> Iterator[dict[str, Any]]:
    places = [int(np.argmin(np.abs(edges[1] - horizon))) for horizon in sorted(horizons)]
    for kind, count, mean, square in zip(KINDS, *plane, strict=True):
        stretches = _stretches(count.sum(axis=0), places, least)
        for box in (box for part in stretches for box in _boxes(count, (slice(0, count.shape[0]), part), least)):
            n = count[box].sum()
            limits = [edge[place] for edge, part in zip(edges, box, strict=True) for place in (part.start, part.stop)]
            names = ("risk_from", "risk_to", "time_from", "time_to")
            means = {
                name: float((count[box] * values[box]).sum() / n)
                for name, values in (("mean_risk", mean), ("mean_square", square))
            }
            yield {"kind": kind} | dict(zip(names, limits, strict=True)) | {"n": n} | means


def _stretches(count: np.ndarray, places: list[int], least: int) -> list[slice]:
    """Cells of time between horizons, so that no rectangle has one inside.

    Where too few are on one side of a horizon, the cut is at the cell nearest to it, in patients, that leaves enough on both. The
    horizons are taken in their order, whichever of them the risks are for: tables of the same patients have the same cuts.
    """
    through, cuts = np.r_[0, np.cumsum(count)], [0]
    for place in places:
        before, after = through - through[cuts[-1]], through[-1] - through
        allowed = np.flatnonzero((before >= max(least, 1)) & (after >= max(least, 1)))
        if len(allowed) and before[place] > 0 and after[place] > 0:
            cuts.append(int(allowed[np.argmin(np.abs(through[allowed] - through[place]))]))
    return [slice(*limits) for limits in pairwise([*cuts, len(count)])]


def _boxes(count: np.ndarray, box: tuple[slice, slice], least: int) -> Iterator[tuple[slice, slice]]:
    """Rectangles with patients that cannot be halved further."""
    if not count[box].any():
        return
    box = _tightened(count, box)
    for axis in sorted((0, 1), key=lambda axis: -(box[axis].stop - box[axis].start) / count.shape[axis]):
        through = np.cumsum(count[box].sum(axis=1 - axis))
        allowed = np.flatnonzero((through >= least) & (through[-1] - through >= max(least, 1)))
        if len(allowed):
            cut = box[axis].start + 1 + int(allowed[np.argmin(np.abs(through[allowed] - through[-1] / 2))])
            for part in (slice(box[axis].start, cut), slice(cut, box[axis].stop)):
                yield from _boxes(count, (part, box[1]) if axis == 0 else (box[0], part), least)
            return
    yield box


def _tightened(count: np.ndarray, box: tuple[slice, slice]) -> tuple[slice, slice]:
    """The rectangle without its empty margins."""
    found = []
    for axis, part in enumerate(box):
        filled = np.flatnonzero(count[box].sum(axis=1 - axis))
        found.append(slice(part.start + int(filled[0]), part.start + int(filled[-1]) + 1))
    return found[0], found[1]


def added(tables: Iterable[pd.DataFrame], spec: Mapping[str, Any]) -> Plane:
    """The plane of all sites from the rectangles of one model at one horizon, each spread evenly over its cells."""
    edges = edges_of(spec)
    sums = np.zeros((3, len(KINDS), *(len(edge) - 1 for edge in edges)))
    for table in tables:
        for row in table.itertuples():
            risks, times = (
                slice(*np.searchsorted(edge, limits))
                for edge, limits in zip(
                    edges, ((row.risk_from, row.risk_to), (row.time_from, row.time_to)), strict=True
                )
            )
            part = sums[:, KINDS.index(row.kind), risks, times]
            part += (row.n * np.array([1.0, row.mean_risk, row.mean_square]) / part[0].size)[:, None, None]
    return Plane(sums[0], _ratio(sums[1], sums[0]), _ratio(sums[2], sums[0]))
