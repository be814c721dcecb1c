"""Recurrent events: the episodes that a source delivers become counting-process rows in years since the index date.

- An episode is the day on which it began. Of those of one patient, one that begins less than `merge_days` after the one before
  (of the same day too) belongs to it, so that a run of them is one episode.
- What began on or before the index date is history, and what lies after the end of observation is not counted; both are
  listed. The end of observation is the time of the terminal endpoint, after whose event nothing can follow.
- A day that is not understood, or known to the month only, is no episode, and is listed with its reason.
- An episode on the last day counts; where that is the day of death it stands half a day before.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hemapilots.delivered import Delivered
from hemapilots.harmonize.choosing import check_usable, read_columns
from hemapilots.harmonize.endpoints import HALF_DAY
from hemapilots.harmonize.engine import needed
from hemapilots.harmonize.findings import Harmonized
from hemapilots.harmonize.flow import Flow
from hemapilots.harmonize.follow_up import DAYS_PER_YEAR
from hemapilots.harmonize.issues import Issues, raw_hashes
from hemapilots.harmonize.reading.columns import harmonize_column
from hemapilots.harmonize.reading.raw import Raw
from hemapilots.harmonize.records import Column, Source
from hemapilots.harmonize.work import Work

__all__ = ["EVENT_COLUMNS", "episodes"]

EVENT_COLUMNS = ("row", "outcome", "start", "stop", "event")


@dataclass
class _Observed:
    """Per record of the source: its number, index date (days) and end of observation (years), nan where it is not followed; died."""

    rows: np.ndarray
    index: np.ndarray
    end: np.ndarray
    died: np.ndarray


def episodes(
    delivered: Delivered, use_case: dict, mapping: dict, units: dict, harmonized: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(events, issues) of the recurrent events that the mapping names, of the patients of a harmonized table.

    events: row (of the harmonized table), outcome, start, stop (years, (start, stop]), event (1 an episode, 0 censored, 2 the
    terminal event). Each patient's intervals follow each other from 0 to the end of observation; who had no episode has one.
    """
    issues, found = Issues(), []
    source = Source(delivered, mapping)
    for name, spec in (use_case.get("recurrent") or {}).items():
        declared = (mapping.get("episodes") or {}).get(name)
        if declared is None:
            continue
        observed = _observed(source, use_case, mapping, units, harmonized, spec["terminal"])
        days = _days(source.column(name, declared), name, declared, mapping, units, observed, issues)
        counted = _counted(days, name, spec, observed, mapping.get("lock"), issues)
        found.append(_intervals(counted, observed).assign(outcome=name))
    events = pd.concat(found, ignore_index=True) if found else pd.DataFrame({name: [] for name in EVENT_COLUMNS})
    types = {"row": "int64", "outcome": object, "start": float, "stop": float, "event": float}
    return events[list(EVENT_COLUMNS)].astype(types), issues.table()


def _observed(source: Source, use_case: dict, mapping: dict, units, harmonized, terminal: str) -> _Observed:
    index = use_case["follow_up"]["index"]
    work = Work(source.rows, {}, {}, Flow([], source.n))
    read_columns(work, source, use_case, mapping, units, needed([index], use_case, mapping))
    kept = harmonized.set_index("row").reindex(source.rows)
    end = (kept[f"{terminal}_time"] - kept[f"{terminal}_entry"]).to_numpy(dtype=float)
    day = work.cells[index].values
    return _Observed(
        source.rows, day, np.where(np.isnan(day), np.nan, end), (kept[f"{terminal}_event"] == 1).to_numpy()
    )


def _days(
    column: Column, name: str, declared: dict, mapping: dict, units, observed: _Observed, issues: Issues
) -> pd.DataFrame:
    """record and day (since 1970-01-01) of every episode of the patients under observation; what is not understood is listed."""
    ours = column.target >= 0
    ours[ours] = ~np.isnan(observed.end[column.target[ours]])
    raw = Raw(column.texts, None, None if column.dates is None else column.dates.values, None)
    read = harmonize_column(raw, name, {"type": "flag" if declared.get("values") else "date"}, declared, mapping, units)
    check_usable(name, declared, read, mapping)
    wanted, days, texts = ours, read, column.texts
    if declared.get("values"):
        _list(read, ours, column, column.texts, name, observed, issues)
        wanted = ours & (read.values == 1)
        days = column.dates or Harmonized(np.full(len(ours), np.nan))
        texts = column.date_texts if column.date_texts is not None else column.texts
    values = _list(days, wanted, column, texts, name, observed, issues)
    used = np.flatnonzero(wanted & ~np.isnan(values))
    return pd.DataFrame({"record": column.target[used], "day": values[used]})


def _list(
    read: Harmonized, wanted: np.ndarray, column: Column, texts: pd.Categorical, name: str, observed, issues: Issues
) -> np.ndarray:
    """The values without those known to the month only; lists what is wrong with the wanted cells."""
    values = read.values.copy()
    for finding in read.findings:
        cells = finding.cells[wanted[finding.cells]]
        status, detail = finding.status, finding.detail
        if finding.reason == "date_partial":
            status, detail = "null", "an episode needs its day"
            values[cells] = np.nan
        if finding.whole:
            issues.column(name, status, finding.reason, detail, len(cells))
        else:
            hashes = raw_hashes(texts, cells) if len(texts) == len(column.target) else None
            issues.cells(observed.rows[column.target[cells]], name, status, finding.reason, detail, hashes)
    return values


def _counted(days: pd.DataFrame, name: str, spec: dict, observed: _Observed, lock, issues: Issues) -> pd.DataFrame:
    """record and stop (years) of the episodes between the index date and the end of observation, each counted once."""
    days = days.sort_values(["record", "day"], kind="stable", ignore_index=True)
    gap = days.groupby("record")["day"].diff().to_numpy()
    issues.column(name, "rejected", "duplicate", "delivered again with the same day", int((gap == 0).sum()))
    joined = (gap > 0) & (gap < spec["merge_days"])
    detail = f"less than {spec['merge_days']} days after the one before, counted with it"
    issues.column(name, "mapped", None, detail, int(joined.sum()))
    first = days[~(gap < spec["merge_days"])]
    record = first["record"].to_numpy()
    years = (first["day"].to_numpy() - observed.index[record]) / DAYS_PER_YEAR
    issues.column(name, "rejected", "outside_window", "on or before the index date", int((years <= 0).sum()))
    late = years > observed.end[record] + HALF_DAY
    locked = late & (first["day"].to_numpy() > (np.inf if lock is None else _day(lock)))
    died = late & observed.died[record] & ~locked
    for which, reason, what in (
        (locked, "after_lock", "after the administrative lock"),
        (died, "date_order", "after death"),
        (late & ~locked & ~died, "outside_window", "after the end of observation"),
    ):
        issues.cells(observed.rows[record[which]], name, "rejected", reason, what)
    counted = (years > 0) & ~late
    return pd.DataFrame({"record": record[counted], "stop": years[counted]})


def _day(lock) -> float:
    return float(np.datetime64(str(lock), "D").astype(np.int64))


def _intervals(counted: pd.DataFrame, observed: _Observed) -> pd.DataFrame:
    followed = np.flatnonzero(~np.isnan(observed.end))
    end, died = observed.end[followed], observed.died[followed]
    last = pd.DataFrame({"record": followed, "stop": end, "event": np.where(died, 2.0, 0.0)})
    ends, dead = observed.end[counted["record"]], observed.died[counted["record"]]
    stop = np.minimum(counted["stop"], np.where(dead, ends - HALF_DAY, ends))
    rows = pd.concat([counted.assign(stop=stop, event=1.0), last], ignore_index=True)
    rows = rows.sort_values(["record", "stop"], kind="stable", ignore_index=True)
    rows["start"] = rows.groupby("record")["stop"].shift(fill_value=0.0)
    # An episode on the last day ends the observation of who was not known to die.
    rows = rows[rows["stop"] > rows["start"]]
    return rows.assign(row=observed.rows[rows["record"]]).drop(columns="record")
