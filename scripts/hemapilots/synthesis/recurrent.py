"""Recurrent events: a patient's episodes between the index date and the end of observation, as counting-process intervals."""

import numpy as np
import pandas as pd

from hemapilots.synthesis.hazards import hazard
from hemapilots.synthesis.outcomes import in_days
from hemapilots.synthesis.variables import DAYS_PER_YEAR

__all__ = ["COLUMNS", "draw_recurrent", "episodes_per_patient"]

COLUMNS = ("row", "outcome", "start", "stop", "event")


def draw_recurrent(outcomes: dict, table: dict, classes: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Intervals (start, stop] in years of every recurrent outcome; event 1: an episode, 0: censored, 2: death.

    Each patient's intervals follow each other from 0 to the end of observation, and the last one ends in 0 or 2. Episodes
    come at the intensity of the recurrent outcome, or of the `process` whose time is the first of them; one that begins less
    than `merge_days` after the one before belongs to it.
    """
    last = table["last"]
    end_event = np.where(table["died"] == 1, 2.0, 0.0)
    parts = [
        _intervals(name, _episodes(outcomes, name, table, classes, rng), last, end_event)
        for name, spec in outcomes.get("recurrent", {}).items()
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({name: [] for name in COLUMNS})


def episodes_per_patient(outcomes: dict, events: pd.DataFrame, n: int) -> dict[str, np.ndarray]:
    """`<outcome>_episodes`, shape (n,), of every recurrent outcome; events: of `draw_recurrent`."""
    seen = events[events["event"] == 1]
    rows = {name: seen["row"][seen["outcome"] == name].to_numpy(dtype=int) for name in outcomes.get("recurrent", {})}
    return {f"{name}_episodes": np.bincount(found, minlength=n).astype(float) for name, found in rows.items()}


def _episodes(outcomes: dict, name: str, table: dict, classes: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """row and day of each episode before the end, sorted; a Poisson process with the wanted cumulative intensity."""
    spec, last = outcomes["recurrent"][name], table["last"]
    known, begin = spec, np.zeros(len(last))
    if "process" in spec:
        known, begin = outcomes["processes"][spec["process"]], np.minimum(table[f"{spec['process']}_at"], last)
    intensity = hazard(known, table, classes, f"outcomes.recurrent.{name}")
    before = intensity.cumulative(begin[:, None])[:, 0]
    total = np.maximum(intensity.cumulative(last[:, None])[:, 0] - before, 0.0)
    rows = np.repeat(np.arange(len(last)), rng.poisson(total))
    years = intensity.take(rows).time_of(before[rows] + rng.random(len(rows)) * total[rows])
    opening = np.flatnonzero((begin > 0) & (begin < last))
    rows, years = np.append(rows, opening), np.append(years, begin[opening])
    episodes = pd.DataFrame({"row": rows, "day": in_days(years)}).sort_values(["row", "day"], kind="stable")
    before_end = episodes["day"].to_numpy() < np.round(last[episodes["row"]] * DAYS_PER_YEAR)
    gap = episodes.groupby("row")["day"].diff().to_numpy()
    # Same day as an episode before: one, also where nothing is merged.
    apart = ~(gap < max(float(spec.get("merge_days", 0)), 1.0))
    return episodes[before_end & apart]


def _intervals(name: str, episodes: pd.DataFrame, last: np.ndarray, end_event: np.ndarray) -> pd.DataFrame:
    ends = pd.DataFrame({"row": np.arange(len(last)), "stop": last, "event": end_event})
    inner = pd.DataFrame({"row": episodes["row"], "stop": episodes["day"] / DAYS_PER_YEAR, "event": 1.0})
    both = pd.concat([inner, ends], ignore_index=True).sort_values(["row", "stop"], kind="stable", ignore_index=True)
    start = both.groupby("row")["stop"].shift(fill_value=0.0)
    return both.assign(outcome=name, start=start)[list(COLUMNS)]
