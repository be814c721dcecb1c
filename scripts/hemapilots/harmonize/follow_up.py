"""Outcomes from dates: what happened first after the index date, or how long a patient was followed without it.

- The first event in time counts; of the same day an event comes before a competing one. Without either, a patient is
  censored at the last sign of life (the last contact, or a later event that is not death), or at the first date of
  `censored_at`, after which nothing counts.
- A date of death outweighs a status other than dead (`contradiction`); a last contact after the death, a death without a
  usable date, and the lack of a last contact leave the outcomes unknown that no event before decides.
- Dates out of order leave the outcomes that rest on them unknown (`date_order`), see `follow_dates`.
- An event whose date is delivered but not understood or taken away happened on an unknown day: the outcomes that count it
  are unknown, with the reason why its date is. A sentinel, or words for missing, say that there was no event.
- A month or a year, of an event or of the index date, must be more than 60 days from the other (`date_partial`).
- A time beyond the hard range of its variable leaves the outcome unknown (`range_hard`), wherever the lock cuts.
- What happened after the administrative lock is not counted: the patient is censored there (`after_lock`), with delivered
  times and events as with dates.

An outcome with a flag that must be `known` is missing where the flag is, so that being missing does not follow from the
event. A dated event tells the flag as well, but only where the flag is told of most patients without one; else a blank
flag would be missing for them and an event for the others. Where the flag is not delivered, or told of nobody without
the event, there would be events only: nobody has the outcome.

Delivered times and events stand where both are known; those of the dates fill the others, always as a pair.
"""

from dataclasses import dataclass

import numpy as np

from hemapilots.harmonize.follow_dates import Dates, Span, gap, read_dates, unread
from hemapilots.harmonize.reading.inference import outside
from hemapilots.harmonize.work import Work

__all__ = ["DAYS_PER_YEAR", "Followed", "follow"]

DAYS_PER_YEAR = 365.25
# An event this near to the index date needs its day.
NEAR_INDEX = 60
# Delivered times are often rounded to months.
ROUNDING_DAYS = 31
AGREEMENT = 0.02
# From this share of patients without the event on, a flag that is blank for them is so by habit of the source.
_HABIT = 0.5


@dataclass
class Followed:
    """One outcome. happened: patients with an event as delivered; why: per patient the reason why it is unknown, else None.

    stayed: per patient why an event is not counted though the outcome is known, a key of `flow.STAYED`, else None.
    withheld: why nobody has the outcome, else None.
    """

    happened: np.ndarray
    why: np.ndarray
    stayed: np.ndarray
    died: np.ndarray
    deaths_only: bool = False
    withheld: str | None = None


def follow(work: Work, use_case: dict, lock: float | None) -> dict[str, Followed]:
    """Fills the times and events of every outcome whose dates are delivered; lock: in days.

    Returns the outcomes by the name of their status variable. Records with more than one wrong date are rejected.
    """
    spec, followed = use_case["follow_up"], {}
    delivered = {name for name, cells in work.cells.items() if cells.sourced}
    for outcome in spec["outcomes"].values():
        nobody = np.zeros(work.n, dtype=bool)
        made = Followed(nobody, _nothing(work.n), _nothing(work.n), nobody)
        if lock is not None:
            _cut(work, spec, outcome, made, lock)
        followed[outcome["status"]] = made
    if not {spec["index"], spec["last_contact"]} <= delivered:
        return followed
    outcomes = {
        name: outcome
        for name, outcome in spec["outcomes"].items()
        if {*outcome["events"], *(outcome.get("competing") or ())} <= delivered
    }
    dates = read_dates(work, spec, outcomes, delivered)
    work.reject("follow_up", "More than one pair of dates out of order", dates.rejected, "date_order")
    last = work.cells[spec["last_contact"]]
    if lock is not None:
        with np.errstate(invalid="ignore"):
            last.say("flagged", "after_lock", "after the administrative lock, cut there", last.values > lock, True)
    for outcome in outcomes.values():
        hard = use_case["variables"][outcome["time"]].get("hard")
        _Outcome(work, spec, outcome, dates, delivered, lock, hard).fill(followed[outcome["status"]])
    return followed


def _nothing(n: int) -> np.ndarray:
    return np.full(n, None, dtype=object)


def _cut(work: Work, spec: dict, outcome: dict, made: Followed, lock: float) -> None:
    """Delivered times and events end at the lock too; without an index date it cannot be said where that is."""
    times, events = work.cells[outcome["time"]], work.cells[outcome["status"]]
    both = ~times.unknown & ~events.unknown
    limit = (lock - work.cells[spec["index"]].values) / DAYS_PER_YEAR
    undated = "no index date, so that the administrative lock does not cut the delivered time"
    times.say("flagged", "after_lock", undated, both & np.isnan(limit), whole=True)
    with np.errstate(invalid="ignore"):
        never, late = both & (limit < 0), both & (limit >= 0) & (times.values > limit)
        happened = (late | never) & (events.values > 0)
    made.happened = made.happened | (happened & (events.values == 1))
    made.stayed[late & happened] = "after_lock"
    made.why[never] = "after_lock"
    for cells in (times, events):
        cells.null(never, "after_lock", "index date after the administrative lock")
    times.values = np.where(late, limit, times.values)
    events.values = np.where(late, 0.0, events.values)
    times.say("flagged", "after_lock", "delivered time beyond the administrative lock, cut there", late)
    events.say("flagged", "after_lock", "event after the administrative lock, censored there", late & happened)


class _Outcome:
    """One outcome of all records, made from dates."""

    def __init__(self, work: Work, spec: dict, outcome: dict, dates: Dates, delivered: set, lock, hard):
        self.work, self.spec, self.outcome, self.dates = work, spec, outcome, dates
        self.hard, self.death = hard, spec.get("death")
        self.named = (*outcome["events"], *(outcome.get("competing") or ()))
        self.others = [name for name in self.named if name != self.death]
        self.ending = [name for name in outcome.get("censored_at") or () if name in delivered]
        nan = np.full(work.n, np.nan)
        self.treated = np.fmin.reduce([nan, *(work.cells[name].values for name in self.ending)])
        self.lock = nan if lock is None else np.full(work.n, lock)
        self.cut = np.fmin(self.lock, self.treated)
        self.why = dates.why.copy()

    def span(self, name: str) -> Span:
        """The dates of one event."""
        return self.dates.death if name == self.death else self.dates.events[name]

    def fault(self, mask: np.ndarray, reason: str) -> None:
        """The outcome of these patients is unknown."""
        self.why[mask & np.equal(self.why, None)] = reason

    def fill(self, made: Followed) -> None:
        """Takes the outcome over where no time and event are delivered, and completes what is known of it."""
        made.withheld = self._withheld()
        self._faults()
        if made.withheld:
            self.fault(np.ones(self.work.n, dtype=bool), "missing")
        time, status = self._measured()
        happened = self._happened()
        known = np.equal(self.why, None)
        uncounted = known & (status == 0) & happened
        made.happened = made.happened | happened
        made.died = self.dates.dead
        made.deaths_only = set(self.outcome["events"]) == {self.death}
        made.stayed[uncounted] = "censored"
        with np.errstate(invalid="ignore"):
            late = uncounted & ~(self.treated < self.lock) & ~np.isnan(self.lock)
        made.stayed[late] = "after_lock"
        self._take(time, status, late, made)
        made.why = np.where(np.equal(made.why, None), self.why, made.why)

    def _faults(self) -> None:
        dates, work = self.dates, self.work
        for name in self.others:
            self.fault(dates.wrong[name], "date_order")
        for name in (*self.others, *self.ending):
            for reason, mask in unread(work.cells[name]).items():
                self.fault(mask, reason)
        # What came before the death or the last contact does not depend on them.
        decided = ~np.isnan(self.treated)
        for name in self.others:
            decided |= ~np.isnan(self.span(name).day)
        for reason in sorted({str(reason) for reason in dates.end_why} - {"None"}):
            self.fault(~decided & (dates.end_why == reason), reason)
        if self.death in self.named:
            for reason, mask in unread(work.cells[self.death]).items():
                self.fault(~decided & mask, reason)
        self.fault(~decided & np.isnan(dates.last.day) & ~dates.dead, "missing")
        if self.outcome.get("known"):
            self.fault(self._not_told(), "missing")
        for name in self.named:
            entry = self.span(name)
            with np.errstate(invalid="ignore"):
                near = gap(entry, dates.index) <= NEAR_INDEX
            self.fault(entry.partial & near, "date_partial")

    def _measured(self) -> tuple[np.ndarray, np.ndarray]:
        """Time in years and status of each patient, nan where the outcome is unknown."""
        dates = self.dates
        event, competing = (self._first(self.outcome.get(kind) or ()) for kind in ("events", "competing"))
        seen = np.fmax(dates.seen, dates.death.day)
        with np.errstate(invalid="ignore"):
            is_event = event <= np.where(np.isnan(competing), np.inf, competing)
            is_competing = ~is_event & ~np.isnan(competing)
            day = np.where(
                is_event, event, np.where(is_competing, competing, np.fmin(np.fmax(seen, self.treated), self.cut))
            )
            self.fault(np.isnan(day), "missing")
            exact = Span(day, day, day)
            self.fault(dates.index.partial & (gap(exact, dates.index) <= NEAR_INDEX), "date_partial")
            self.fault(self.lock < dates.index.day, "after_lock")
            self.fault((day < dates.index.day) & (dates.index.partial | dates.last.partial), "date_partial")
            self.fault(day < dates.index.day, "date_order")
            self.fault(outside((seen - dates.index.day) / DAYS_PER_YEAR, self.hard), "range_hard")
        known = np.equal(self.why, None)
        status = np.where(is_event, 1.0, np.where(is_competing, 2.0, 0.0))
        time = (day - dates.index.day) / DAYS_PER_YEAR
        return np.where(known, time, np.nan), np.where(known, status, np.nan)

    def _first(self, names) -> np.ndarray:
        """The earliest of some dates, nan where none is known or all are after the end of what counts."""
        found = np.full(self.work.n, np.nan)
        for name in names:
            day = self.span(name).day
            with np.errstate(invalid="ignore"):
                found = np.fmin(found, np.where(day > self.cut, np.nan, day))
        return found

    def _flag(self) -> np.ndarray:
        return self.work.cells[self.outcome["known"]].values

    def _without_date(self) -> np.ndarray:
        """Patients without a date of the event that the flag is about."""
        dated = np.zeros(self.work.n, dtype=bool)
        for name in self.outcome["events"]:
            if name != self.death:
                dated |= ~self.work.cells[name].unknown
        return ~dated

    def _withheld(self) -> str | None:
        """Why the outcome would consist of events only, if it would."""
        known = self.outcome.get("known")
        if not known:
            return None
        if not self.work.cells[known].sourced:
            return f'"{known}" is not delivered: who had no event cannot be told from whom nobody asked'
        others = self._without_date() & self.work.flow.kept
        if others.any() and not (self._flag()[others] == 0).any():
            return f'"{known}" never says no: who had no event cannot be told from whom nobody asked'
        return None

    def _not_told(self) -> np.ndarray:
        """The flag is unknown, or says yes of an event without a date."""
        flag, without = self._flag(), self._without_date()
        others = without & self.work.flow.kept
        by_habit = others.any() and np.isnan(flag[others]).mean() > _HABIT
        return (np.isnan(flag) & (without | by_habit)) | (without & (flag == 1))

    def _happened(self) -> np.ndarray:
        happened = np.zeros(self.work.n, dtype=bool)
        for name in self.outcome["events"]:
            cells = self.work.cells[name]
            happened |= (
                self.dates.dead
                if name == self.death
                else np.logical_or.reduce([~cells.unknown, *unread(cells).values()])
            )
        return happened

    def _take(self, time: np.ndarray, status: np.ndarray, late: np.ndarray, made: Followed) -> None:
        """The pair of time and event of those who have none; reasons where the dates give none either."""
        times, events = self.work.cells[self.outcome["time"]], self.work.cells[self.outcome["status"]]
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
            for reason in sorted({str(reason) for reason in self.why[~known & cells.unknown]} - {"missing"}):
                cells.say("null", reason, "dates of follow-up", cells.unknown & (self.why == reason))
            if made.withheld:
                cells.say("null", "missing", made.withheld, cells.unknown, whole=True)
