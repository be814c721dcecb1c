"""The patients on whom regimes are compared: outcomes, folds and predictions brought to common arrays."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError

__all__ = ["Key", "Sample", "SiteData", "assemble"]

Key = tuple[str, str]
SiteData = tuple[pd.DataFrame, pd.DataFrame, Mapping[tuple[str, str, str], pd.DataFrame]]


@dataclass(frozen=True)
class Sample:
    """n patients with a known outcome and a prediction of every regime that predicts at all.

    `site` (n,) names, `time` (n,) years, `event` (n,) boolean, `fold` (replicates, n); per (model, regime)
    `risk` (replicates, n) and `survival` (replicates, n, grid). `absent`: regimes without any prediction.
    """

    site: np.ndarray
    time: np.ndarray
    event: np.ndarray
    fold: np.ndarray
    risk: dict[Key, np.ndarray]
    survival: dict[Key, np.ndarray]
    absent: tuple[Key, ...]


def assemble(sites: Mapping[str, SiteData], endpoint: str, grid: list[float]) -> Sample:
    """Patients of all sites in order of site and row, reduced to the intersection of the regimes' patients.

    Folds of one number are one test fold across sites. Raises HemaPilotsError where a patient has two rows in
    a replicate or the endpoint has competing events.
    """
    names = sorted(sites)
    keys = sorted({key[1:] for name in names for key in sites[name][2] if key[0] == endpoint})
    replicates = np.unique(np.concatenate([sites[name][1]["replicate"].to_numpy() for name in names]))
    parts = [_site_arrays(name, sites[name], endpoint, keys, replicates, grid) for name in names]
    site, time, event = (np.concatenate([part[k] for part in parts]) for k in range(3))
    fold = np.concatenate([part[3] for part in parts], axis=1)
    tables = {key: np.concatenate([part[4][key] for part in parts], axis=1) for key in keys}
    usable = {key: np.isfinite(tables[key][:, :, 0]).all(axis=0) for key in keys}
    present = [key for key in keys if usable[key].any()]
    kept = np.logical_and.reduce([usable[key] for key in present]) if present else np.zeros(len(time), bool)
    return Sample(
        site[kept],
        time[kept],
        event[kept],
        fold[:, kept],
        {key: tables[key][:, kept, 0] for key in present},
        {key: tables[key][:, kept, 1:] for key in present},
        tuple(key for key in keys if key not in present),
    )


def _site_arrays(
    name: str, data: SiteData, endpoint: str, keys: list[Key], replicates: np.ndarray, grid: list[float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[Key, np.ndarray]]:
    """Site names, times, events, folds and per key (replicates, n, 1 + grid) of the judged."""
    outcomes, folds, predictions = data
    known = outcomes.dropna(subset=[f"{endpoint}_time", f"{endpoint}_event"]).sort_values("row")
    _refuse_repeats(known, ["row"], f"{name}, harmonized table")
    fold = _by_patient(folds, ["fold"], known["row"].to_numpy(), replicates, f"{name}, folds")[:, :, 0]
    dealt = np.isfinite(fold).all(axis=0) & (len(replicates) > 0)
    known, fold = known[dealt], fold[:, dealt]
    event = known[f"{endpoint}_event"].to_numpy(float)
    if not np.isin(event, (0.0, 1.0)).all():
        raise HemaPilotsError(
            f"{name}, {endpoint}_event: holds codes other than 0 and 1; define an endpoint without competing "
            "events, which are not evaluated."
        )
    rows = known["row"].to_numpy()
    columns = ["risk", *(f"survival_{t:g}" for t in grid)]
    tables = {}
    for key in keys:
        what = f"{name}, {endpoint} {'/'.join(key)}"
        tables[key] = _by_patient(predictions.get((endpoint, *key)), columns, rows, replicates, what)
    return np.full(len(rows), name), known[f"{endpoint}_time"].to_numpy(float), event == 1, fold, tables


def _by_patient(
    frame: pd.DataFrame | None, columns: list[str], rows: np.ndarray, replicates: np.ndarray, what: str
) -> np.ndarray:
    """Columns as (replicates, rows, columns), nan where the frame has no such row or column."""
    table = np.full((len(replicates) * len(rows), len(columns)), np.nan)
    if frame is None or len(rows) == 0 or len(frame) == 0:
        return table.reshape(len(replicates), len(rows), len(columns))
    _refuse_repeats(frame, ["replicate", "row"], what)
    place = np.searchsorted(rows, frame["row"].to_numpy()).clip(max=len(rows) - 1)
    round_ = np.searchsorted(replicates, frame["replicate"].to_numpy()).clip(max=len(replicates) - 1)
    wanted = (rows[place] == frame["row"].to_numpy()) & (replicates[round_] == frame["replicate"].to_numpy())
    values = frame.reindex(columns=columns).to_numpy(float)
    table[(round_ * len(rows) + place)[wanted]] = values[wanted]
    return table.reshape(len(replicates), len(rows), len(columns))


def _refuse_repeats(frame: pd.DataFrame, columns: list[str], what: str) -> None:
    if frame.duplicated(columns).any():
        raise HemaPilotsError(
            f"{what}, row: a patient stands twice in one replicate; give each patient one row per replicate."
        )
