"""How much individual predictions move when the model is trained again on resampled patients (Riley & Collins 2023)."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from hemapilots.evaluation.comparison import interval
from hemapilots.evaluation.frames import METRIC_COLUMNS, frame
from hemapilots.evaluation.measures import decisions_of
from hemapilots.evaluation.sample import SiteData
from hemapilots.evaluation.utility import thresholds_of

__all__ = ["instability_rows"]


def instability_rows(
    sites: Mapping[str, SiteData], refits: list[Mapping[str, pd.DataFrame]], spec: Mapping[str, Any]
) -> pd.DataFrame:
    """Rows of metrics of the primary model over all patients: `mape` per horizon, `flip_share` per threshold of each decision.

    A patient's mean absolute prediction error is that between the probability told and those of the refits, out of fold in each;
    flip_share is how often a refit puts a patient on the other side of the threshold. Means over patients and replicates; intervals by
    resampling patients. refits: see `refit`, with survival_<t>; who lacks a probability in one of them is left out of that refit.
    """
    primary, rows, order = spec["primary"], [], sorted(sites)
    names = {name: primary[name] for name in ("endpoint", "model", "regime")}
    told = {site: sites[site][2][tuple(names.values())].set_index(["replicate", "row"]) for site in order}
    patient = np.concatenate([_patients(told[site], site) for site in order])
    patient = np.unique(patient, return_inverse=True)[1]
    for horizon in map(float, spec["horizons"][primary["endpoint"]] if refits else ()):
        column = f"survival_{horizon:g}"
        first = np.concatenate([1 - told[site][column].to_numpy() for site in order])
        parts = [[_aligned(refit[site], told[site], column) for site in order] for refit in refits]
        again = np.stack([np.concatenate(part) for part in parts])
        for name, moved in _moves(first, again, horizon, spec):
            rows.append({"scenario": spec["scenario"]} | names | name | _figures(moved, patient, spec))
    return frame(rows, METRIC_COLUMNS)


def _aligned(refit: pd.DataFrame, told: pd.DataFrame, column: str) -> np.ndarray:
    return 1 - refit.set_index(["replicate", "row"])[column].reindex(told.index).to_numpy()


def _patients(told: pd.DataFrame, site: str) -> np.ndarray:
    return np.array([f"{site} {row}" for row in told.index.get_level_values("row")])


def _moves(
    first: np.ndarray, again: np.ndarray, horizon: float, spec: Mapping[str, Any]
) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Names, and what to average of each refit and prediction (refits, predictions), nan where one is missing."""
    yield {"metric": "mape", "horizon": horizon}, np.abs(again - first)
    for decision in decisions_of(spec["primary"]["endpoint"], spec):
        if float(decision["horizon"]) == horizon:
            for threshold in map(float, thresholds_of(decision)):
                flipped = np.where(np.isfinite(again - first), (again >= threshold) != (first >= threshold), np.nan)
                name = {
                    "metric": "flip_share",
                    "horizon": horizon,
                    "decision": decision["name"],
                    "threshold": threshold,
                }
                yield name, flipped


def _figures(moved: np.ndarray, patient: np.ndarray, spec: Mapping[str, Any]) -> dict[str, Any]:
    known = np.isfinite(moved)
    sums = np.bincount(patient, np.where(known, moved, 0.0).sum(axis=0))
    counts = np.bincount(patient, known.sum(axis=0))
    means = (sums / np.where(counts, counts, 1))[counts > 0]
    size, samples = len(means), int(spec["bootstrap"]["samples"])
    values = np.full(samples + 1, np.nan)
    if size:
        weights = np.random.default_rng([int(spec["bootstrap"]["seed"])]).multinomial(
            size, np.full(size, 1 / size), samples
        )
        values = np.r_[means.mean(), weights @ means / size]
    found = interval(values, float(spec["bootstrap"]["level"]))
    limits = {"estimate": found.estimate, "lower": found.lower, "upper": found.upper}
    return {"evaluated_on": "all", "subgroup": "all", "n": float(size)} | limits
