"""Outcomes from dates: what happened first after the index date, or how long a patient was followed without it.

- The first event in time counts; of the same day an event comes before a competing one. Without either, a patient is
  censored at the last sign of life: the last contact, or a later event that is not death.
- A date of death outweighs a status other than dead (`contradiction`); a last contact after the death leaves the outcome
  unknown, as does a death without a date, a status that is unknown, or the lack of a last contact.
- Dates out of order leave the outcomes that rest on them unknown (`date_order`); more than one such error rejects the record.
- An event known by month or year only must be more than 60 days from the index date (`date_partial`).
- An outcome with a flag that must be `known` is unknown where the flag is, or says yes, and the event has no date.
- What happened after the administrative lock is not counted: the patient is censored there (`after_lock`).

Delivered times and events stand where both are known; those of the dates fill the others, always as a pair.
"""

from dataclasses import dataclass

import numpy as np

from hemapilots.harmonize.cells import Cells
from hemapilots.harmonize.work import Work

__all__ = ["DAYS_PER_YEAR", "Followed", "follow"]

DAYS_PER_YEAR = 365.25
# An event this near to the index date needs its day.
NEAR_INDEX = 60
# Delivered times are often rounded to months.
ROUNDING_DAYS = 31
AGREEMENT = 0.02


@dataclass
class Followed:
    """One outcome. happened: patients with an event as delivered; why: per patient the reason why it is unknown, else None."""

    happened: np.ndarray
    why: np.ndarray
    died: np.ndarray
    deaths_only: bool


@dataclass
class _Dates:
    index: np.ndarray
    last: np.ndarray
    birth: np.ndarray
    death: np.ndarray
    dead: np.ndarray
    seen: np.ndarray
    # Why no outcome of a patient is known, in the order in which it is found; object, None.
    why: np.ndarray
    errors: np.ndarray

    def fault(self, mask: np.ndarray, reason: str) -> None:
        """No outcome of these patients is known."""
        self.why[mask & np.equal(self.why, None)] = reason


def follow(work: Work, spec: dict, lock: float | None) -> dict[str, Followed]:
    """Fills the times and events of every outcome whose dates are delivered; spec: `follow_up` of the use case; lock: in days.

    Returns the outcomes by the name of their status variable. Records with more than one order error are rejected.
    """
    delivered = {name for name, cells in work.cells.items() if cells.sourced}
    if not {spec["index"], spec["last_contact"]} <= delivered:
        return {}
    outcomes = {
        name: outcome
        for name, outcome in spec["outcomes"].items()
        if {*outcome["events"], *(outcome.get("competing") or ())} <= delivered
    }
    dates = _dates(work, spec, delivered)
    wrong = {name: np.zeros(work.n, dtype=bool) for name in outcomes}
    _order(work, spec, outcomes, dates, wrong)
    work.reject("follow_up", "More than one pair of dates out of order", dates.errors > 1, "date_order")
    return {
        outcome["status"]: _outcome(work, spec, outcome, dates, wrong[name], lock) for name, outcome in outcomes.items()
    }


def _dates(work: Work, spec: dict, delivered: set) -> _Dates:
    nothing = np.full(work.n, np.nan)

    def date(part: str) -> np.ndarray:
        return work.cells[spec[part]].values if spec.get(part) in delivered else nothing

    dates = _Dates(
        *(date(part) for part in ("index", "last_contact", "birth", "death")),
        dead=~np.isnan(date("death")),
        seen=date("last_contact"),
        why=np.full(work.n, None, dtype=object),
        errors=np.zeros(work.n, dtype=np.int64),
    )
    dates.fault(np.isnan(dates.index), "missing")
    if spec.get("status") in delivered:
        _status(work.cells[spec["status"]], dates)
    with np.errstate(invalid="ignore"):
        late = dates.last > dates.death
    work.cells[spec["last_contact"]].say("flagged", "contradiction", "after the date of death", late)
    dates.fault(late, "contradiction")
    return dates


def _status(cells: Cells, dates: _Dates) -> None:
    """A date of death makes a patient dead; who is dead without a date, or of unknown status, has no outcome."""
    known, dated = ~cells.unknown, ~np.isnan(dates.death)
    contradicted = known & dated & (cells.values != "dead")
    dead = known & (cells.values == "dead")
    cells.values = np.where(dated, "dead", cells.values)
    cells.say("flagged", "contradiction", "dead by the date of death", contradicted)
    dates.dead = dated | dead
    dates.fault(dead & ~dated, "missing")
    dates.fault(~known & ~dated, "missing")


def _order(work: Work, spec: dict, outcomes: dict, dates: _Dates, wrong: dict[str, np.ndarray]) -> None:
    """Counts the order errors of each record and marks the outcomes that rest on them."""
    with np.errstate(invalid="ignore"):
        shared = {
            (spec["index"], "before the date of birth"): dates.index < dates.birth,
            (spec["last_contact"], "before the index date"): dates.last < dates.index,
            (spec.get("death"), "before the date of birth"): dates.death < dates.birth,
            (spec.get("death"), "before the index date"): dates.death < dates.index,
        }
    for (name, detail), mask in shared.items():
        if mask.any():
            work.cells[name].say("flagged", "date_order", detail, mask)
        dates.errors += mask
        dates.fault(mask, "date_order")
    for event in _events(outcomes, spec):
        values = work.cells[event].values
        with np.errstate(invalid="ignore"):
            before, after = values < dates.index, values > dates.death
            later = values > dates.seen
        dates.seen = np.fmax(dates.seen, values)
        work.cells[spec["last_contact"]].say("flagged", "date_order", f"{event} is later and taken instead", later)
        work.cells[event].say("flagged", "date_order", "before the index date", before)
        work.cells[event].say("flagged", "date_order", "after the date of death", after)
        dates.errors += before.astype(np.int64) + after
        for name, outcome in outcomes.items():
            if event in (*outcome["events"], *(outcome.get("competing") or ())):
                wrong[name] |= before | after


def _events(outcomes: dict, spec: dict) -> list[str]:
    """The dates of events other than death, each once."""
    named = [event for entry in outcomes.values() for event in (*entry["events"], *(entry.get("competing") or ()))]
    return [event for event in dict.fromkeys(named) if event != spec.get("death")]


def _outcome(work: Work, spec: dict, outcome: dict, dates: _Dates, wrong: np.ndarray, lock: float | None) -> Followed:
    why = dates.why.copy()

    def fault(mask: np.ndarray, reason: str) -> None:
        why[mask & np.equal(why, None)] = reason

    fault(wrong, "date_order")
    if outcome.get("known"):
        fault(_not_told(work, spec, outcome), "missing")
    event, competing = (_first(work, outcome.get(kind) or (), lock) for kind in ("events", "competing"))
    near = _near_and_partial(work, outcome, dates.index)
    fault(near, "date_partial")
    seen = np.fmax(dates.seen, dates.death)
    end = seen if lock is None else np.fmin(seen, lock)
    with np.errstate(invalid="ignore"):
        is_event = event <= np.where(np.isnan(competing), np.inf, competing)
        is_competing = ~is_event & ~np.isnan(competing)
    day = np.where(is_event, event, np.where(is_competing, competing, end))
    status = np.where(is_event, 1.0, np.where(is_competing, 2.0, 0.0))
    fault(~is_event & ~is_competing & np.isnan(dates.last) & ~dates.dead, "missing")
    fault(np.isnan(day), "missing")
    with np.errstate(invalid="ignore"):
        fault(day < dates.index, "date_order")
    known = np.equal(why, None)
    time = np.where(known, (day - dates.index) / DAYS_PER_YEAR, np.nan)
    status = np.where(known, status, np.nan)
    deaths_only = set(outcome["events"]) == {spec.get("death")}
    happened = _happened(work, outcome, spec, dates)
    late = known & (status == 0) & happened if lock is not None else np.zeros(work.n, dtype=bool)
    _fill(work, outcome, time, status, why, late)
    return Followed(happened, why, dates.dead, deaths_only)


def _not_told(work: Work, spec: dict, outcome: dict) -> np.ndarray:
    """No date of the event, and the flag of the event is unknown or says that there was one."""
    dated = np.zeros(work.n, dtype=bool)
    for name in _events({"": {"events": outcome["events"]}}, spec):
        dated |= ~work.cells[name].unknown
    flag = work.cells[outcome["known"]].values
    return ~dated & (np.isnan(flag) | (flag == 1))


def _first(work: Work, events, lock: float | None) -> np.ndarray:
    """The earliest of some dates, nan where none is known or all are after the lock."""
    found = np.full(work.n, np.nan)
    for name in events:
        values = work.cells[name].values
        with np.errstate(invalid="ignore"):
            values = values if lock is None else np.where(values > lock, np.nan, values)
        found = np.fmin(found, values)
    return found


def _near_and_partial(work: Work, outcome: dict, index: np.ndarray) -> np.ndarray:
    near = np.zeros(work.n, dtype=bool)
    for name in (*outcome["events"], *(outcome.get("competing") or ())):
        cells = work.cells[name]
        with np.errstate(invalid="ignore"):
            near |= cells.places_of("date_partial") & (np.abs(cells.values - index) <= NEAR_INDEX)
    return near


def _happened(work: Work, outcome: dict, spec: dict, dates: _Dates) -> np.ndarray:
    happened = np.zeros(work.n, dtype=bool)
    for name in outcome["events"]:
        happened |= dates.dead if name == spec.get("death") else ~work.cells[name].unknown
    return happened


def _fill(work: Work, outcome: dict, time, status, why: np.ndarray, late: np.ndarray) -> None:
    """The pair of time and event of those who have none; reasons where the dates give none either."""
    times, events = work.cells[outcome["time"]], work.cells[outcome["status"]]
    delivered = ~times.unknown & ~events.unknown
    known = ~np.isnan(time)
    allowed = np.maximum(ROUNDING_DAYS / DAYS_PER_YEAR, AGREEMENT * np.abs(np.nan_to_num(time)))
    with np.errstate(invalid="ignore"):
        differ = known & ~times.unknown & (np.abs(times.values - time) > allowed)
        other = known & ~events.unknown & (events.values != status)
    times.say("flagged", "contradiction", "the dates give another time", differ)
    events.say("flagged", "contradiction", "the dates give another outcome", other)
    take = known & ~delivered
    for cells, values in ((times, time), (events, status)):
        cells.found_elsewhere()
        cells.values = np.where(take, values, cells.values)
        cells.say("mapped", None, "from the dates of follow-up", take, whole=True)
        cells.say("flagged", "after_lock", "event after the administrative lock, censored there", take & late)
        for reason in sorted({str(reason) for reason in why[~known & cells.unknown]} - {"missing"}):
            cells.say("null", reason, "dates of follow-up", cells.unknown & (why == reason))
