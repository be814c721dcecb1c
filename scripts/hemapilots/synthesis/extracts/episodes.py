"""The episodes of recurrent events as a site would deliver them, with rows that harmonization must see through.

Beside the true episodes stand, for some patients each: the same row twice, a readmission that belongs to the episode before,
episodes from before the index date, one after the end of observation, a day that cannot be read, and other kinds of episode
where the table tells kinds apart. None of these changes what is true.
"""

import numpy as np
import pandas as pd

from hemapilots.synthesis.extracts.inverse import as_dates, date_format
from hemapilots.synthesis.extracts.source import Source
from hemapilots.synthesis.variables import DAYS_PER_YEAR

__all__ = ["EPISODES", "episode_tables"]

# The end of the name of a table of a format without files of its own for episodes.
EPISODES = " episodes"
# Share of patients, or of episodes, with a row of each kind of dirt.
SHARE = 0.05
UNREADABLE = "31.02.2018"
# Formats whose days are typed, so that none is unreadable.
_TYPED = ("fhir", "omop")


def episode_tables(source: Source) -> dict[str, pd.DataFrame]:
    """Name of a table -> its rows as text, the patient's id first, of every recurrent event that the mapping names."""
    parts: dict[str, list[pd.DataFrame]] = {}
    for name, spec in (source.mapping.get("episodes") or {}).items():
        alias = spec.get("file") or source.first
        table = alias if source.file(alias).get("repeated") else alias + EPISODES
        parts.setdefault(table, []).append(_rows(source, name, spec, alias))
    joined = {table: pd.concat(rows, ignore_index=True) for table, rows in parts.items()}
    return {
        table: rows.iloc[source.rng.permutation(len(rows))].reset_index(drop=True) for table, rows in joined.items()
    }


def _rows(source: Source, name: str, spec: dict, alias: str) -> pd.DataFrame:
    days, values = _delivered(source, name), spec.get("values") or {}
    other = source.index[others := _some(source, np.arange(len(source.clean)))] + source.rng.integers(
        1, 400, len(others)
    )
    if 0 in values.values():
        days = pd.concat([days, pd.DataFrame({"patient": others, "day": other, "spare": False, "kind": 0})])
    cells = as_dates(days["day"].to_numpy(float), date_format(spec, source.mapping))
    if source.mapping["reader"] not in _TYPED:
        cells[source.rng.random(len(cells)) < np.where(days["spare"], SHARE, 0.0)] = UNREADABLE
    columns = {source.key(alias): source.patients[days["patient"]]}
    if not values:
        return pd.DataFrame(columns | {spec["column"]: cells}, dtype=object)
    texts = np.full(len(days), None, dtype=object)
    for kind in (0, 1):
        known = np.array([text for text, meaning in values.items() if meaning == kind], dtype=object)
        here = (days["kind"] == kind).to_numpy()
        texts[here] = known[source.rng.integers(0, max(len(known), 1), int(here.sum()))]
    day = spec.get("date") or source.file(alias)["date"]
    return pd.DataFrame(columns | {spec["column"]: texts, day: cells}, dtype=object)


def _some(source: Source, places: np.ndarray) -> np.ndarray:
    """A share of some places, by chance."""
    return places[source.rng.random(len(places)) < SHARE]


def _delivered(source: Source, name: str) -> pd.DataFrame:
    """patient (position), day, kind 1, and whether the row is spare: it tells nothing that the others do not."""
    rng, merge = source.rng, source.use_case["recurrent"][name]["merge_days"]
    true, end = _true(source, name)
    following = true.groupby("patient")["day"].shift(-1, fill_value=np.inf)
    # A readmission is far enough from the next episode not to join the two.
    room = _some(source, np.flatnonzero((following - true["day"] >= 2 * merge) & (merge > 1)))
    again, readmitted = true.iloc[_some(source, np.arange(len(true)))], true.iloc[room]
    readmitted = readmitted.assign(day=readmitted["day"] + rng.integers(1, max(merge, 2), len(room)))
    history, late = _some(source, np.arange(len(source.clean))), _some(source, np.flatnonzero(~np.isnan(end)))
    before = source.index[history] - merge - rng.integers(1, 400, len(history))
    after = end[late] + rng.integers(2, 300, len(late))
    spare = [again, pd.DataFrame({"patient": history, "day": before})]
    needed = [true, readmitted, pd.DataFrame({"patient": late, "day": after})]
    parts = [*(part.assign(spare=False) for part in needed), *(part.assign(spare=True) for part in spare)]
    return pd.concat(parts, ignore_index=True).assign(kind=1)


def _true(source: Source, name: str) -> tuple[pd.DataFrame, np.ndarray]:
    """patient and day of the true episodes, and the last day of each patient under observation."""
    end = np.full(len(source.clean), np.nan)
    if source.events is None:
        return pd.DataFrame({"patient": np.empty(0, dtype=int), "day": np.empty(0)}), end
    events = source.events[source.events["outcome"] == name]
    place = pd.Index(source.patients).get_indexer(events["patient_id"])
    day = source.index[place] + np.round(events["stop"].to_numpy() * DAYS_PER_YEAR)
    seen = (events["event"] == 1).to_numpy()
    np.fmax.at(end, place, day)
    true = pd.DataFrame({"patient": place[seen], "day": day[seen]}).sort_values(["patient", "day"], ignore_index=True)
    return true, end
