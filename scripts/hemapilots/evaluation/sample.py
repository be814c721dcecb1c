"""The patients on whom regimes are compared: outcomes, folds and predictions brought to common arrays."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError

__all__ = ["REACHED", "Key", "Sample", "SiteData", "assemble", "levels_of", "outcomes_of", "years_since_entry"]

# A model that leaves more than a tenth of the patients without a prediction is not compared; a score is, on its own patients.
REACHED = 0.9

Key = tuple[str, str]
SiteData = tuple[pd.DataFrame, pd.DataFrame, Mapping[tuple[str, str, str], pd.DataFrame]]


@dataclass(frozen=True)
class Sample:
    """n patients with a known outcome and a prediction of every regime that predicts at all.

    `site` (n,) names, `row` (n,) in the site's tables, `time` (n,) years since the index date, `event` (n,) 0, 1 or 2 = competing,
    `fold` (replicates, n); per (model, regime) `risk` (replicates, n) and `survival` (replicates, n, grid), the probability of no
    event 1. `absent`: regimes without any prediction; `partial`: scores that tell some patients apart, but reach less than nine in
    ten. `groups`: by variable the level of each patient as text, "" where it is unknown.
    """

    site: np.ndarray
    row: np.ndarray
    time: np.ndarray
    event: np.ndarray
    fold: np.ndarray
    risk: dict[Key, np.ndarray]
    survival: dict[Key, np.ndarray]
    absent: tuple[Key, ...]
    groups: dict[str, np.ndarray]
    partial: tuple[Key, ...] = ()

    @property
    def case(self) -> np.ndarray:
        """Who has the event of interest (n,)."""
        return self.event == 1


def assemble(
    sites: Mapping[str, SiteData],
    endpoint: str,
    grid: list[float],
    subgroups: Iterable[str] = (),
    only: Collection[Key] | None = None,
) -> Sample:
    """Patients of all sites in order of site and row, reduced to the intersection of the regimes' patients.

    A regime counts where it reaches nine patients in ten: those that it does not reach (out of a baseline's range, or without a
    score) are lost to every regime. only: of these regimes, whomever they reach. Time runs from each patient's entry. Folds of
    one number are one test fold across sites. Raises HemaPilotsError where a patient has two rows in a replicate.
    """
    names = sorted(sites)
    keys = sorted({key[1:] for name in names for key in sites[name][2] if key[0] == endpoint})
    keys = [key for key in keys if only is None or key in only]
    replicates = np.unique(np.concatenate([sites[name][1]["replicate"].to_numpy() for name in names]))
    parts = [_site_arrays(name, sites[name], endpoint, keys, replicates, grid, tuple(subgroups)) for name in names]
    site, row, time, event = (np.concatenate([part[k] for part in parts]) for k in range(4))
    fold = np.concatenate([part[4] for part in parts], axis=1)
    tables = {key: np.concatenate([part[5][key] for part in parts], axis=1) for key in keys}
    usable = {key: np.isfinite(tables[key][:, :, 0]).all(axis=0) for key in keys}
    least = REACHED if only is None else 0.0
    present = [key for key in keys if usable[key].any() and np.mean(usable[key]) >= least]
    partial = [key for key in keys if key[0] == "score" and key not in present and _varies(tables[key], usable[key])]
    kept = np.logical_and.reduce([usable[key] for key in present]) if present else np.zeros(len(time), bool)
    return Sample(
        site[kept],
        row[kept],
        time[kept],
        event[kept],
        fold[:, kept],
        {key: tables[key][:, kept, 0] for key in present},
        {key: tables[key][:, kept, 1:] for key in present},
        tuple(key for key in keys if key not in [*present, *partial]),
        {name: np.concatenate([part[6][name] for part in parts])[kept] for name in subgroups},
        tuple(partial),
    )


def _varies(table: np.ndarray, known: np.ndarray) -> bool:
    """Whether a score differs between those who have it; else it tells nobody apart."""
    risk = table[:, known, 0]
    return bool(risk.size and np.ptp(risk) > 0)


def _site_arrays(
    name: str,
    data: SiteData,
    endpoint: str,
    keys: list[Key],
    replicates: np.ndarray,
    grid: list[float],
    subgroups: tuple[str, ...],
) -> tuple[*tuple[np.ndarray, ...], dict[Key, np.ndarray], dict[str, np.ndarray]]:
    """Site names, rows, times, events, folds, per key (replicates, n, 1 + grid), and levels of the judged."""
    outcomes, folds, predictions = data
    known = outcomes.dropna(subset=[f"{endpoint}_time", f"{endpoint}_event"]).sort_values("row")
    _refuse_repeats(known["row"].to_numpy(), f"{name}, harmonized table")
    fold = _by_patient(folds, ["fold"], known["row"].to_numpy(), replicates, f"{name}, folds")[:, :, 0]
    dealt = np.isfinite(fold).all(axis=0) & (len(replicates) > 0)
    known, fold = known[dealt], fold[:, dealt]
    event, time = known[f"{endpoint}_event"].to_numpy(int), years_since_entry(known, endpoint)
    rows = known["row"].to_numpy()
    columns = ["risk", *(f"survival_{t:g}" for t in grid)]
    tables = {}
    for key in keys:
        what = f"{name}, {endpoint} {'/'.join(key)}"
        tables[key] = _by_patient(predictions.get((endpoint, *key)), columns, rows, replicates, what)
    groups = {variable: levels_of(known[variable]) for variable in subgroups}
    return np.full(len(rows), name), rows, time, event, fold, tables, groups


def outcomes_of(sample: Sample, outcomes: Mapping[str, pd.DataFrame], endpoint: str) -> tuple[np.ndarray, np.ndarray]:
    """Time and event (n,) of a sample's patients from the tables of their sites."""
    parts = [outcomes[name].set_index("row").loc[sample.row[sample.site == name]] for name in sorted(outcomes)]
    known = pd.concat(parts)
    return years_since_entry(known, endpoint), known[f"{endpoint}_event"].to_numpy(int)


def levels_of(values: pd.Series) -> np.ndarray:
    """Levels of a category or flag as text."""
    if pd.api.types.is_numeric_dtype(values):
        return np.array(["" if np.isnan(value) else f"{value:g}" for value in values.to_numpy(float)], dtype=object)
    return values.where(values.notna(), "").astype(object).to_numpy()


def years_since_entry(outcomes: pd.DataFrame, endpoint: str) -> np.ndarray:
    """Follow-up (n,) from the day that each patient came under observation."""
    return (outcomes[f"{endpoint}_time"] - outcomes[f"{endpoint}_entry"]).to_numpy(float)


def _by_patient(
    frame: pd.DataFrame | None, columns: list[str], rows: np.ndarray, replicates: np.ndarray, what: str
) -> np.ndarray:
    """Columns as (replicates, rows, columns), nan where the frame has no such row or column."""
    table = np.full((len(replicates) * len(rows), len(columns)), np.nan)
    if frame is None or len(rows) == 0 or len(frame) == 0:
        return table.reshape(len(replicates), len(rows), len(columns))
    place = np.searchsorted(rows, frame["row"].to_numpy()).clip(max=len(rows) - 1)
    round_ = np.searchsorted(replicates, frame["replicate"].to_numpy()).clip(max=len(replicates) - 1)
    wanted = (rows[place] == frame["row"].to_numpy()) & (replicates[round_] == frame["replicate"].to_numpy())
    slots = (round_ * len(rows) + place)[wanted]
    _refuse_repeats(slots, what)
    table[slots] = frame.reindex(columns=columns).to_numpy(float)[wanted]
    return table.reshape(len(replicates), len(rows), len(columns))


def _refuse_repeats(whose: np.ndarray, what: str) -> None:
    if len(np.unique(whose)) < len(whose):
        raise HemaPilotsError(
            f"{what}, row: a patient stands twice in one replicate; give each patient one row per replicate."
        )
