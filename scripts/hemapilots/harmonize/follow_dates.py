"""The dates of follow-up as spans of days, their order, and what becomes of a patient whose end is not known.

A date known by month or year only is a span from its first to its last possible day; two dates are out of order where
their spans do not touch. One wrong date may contradict several others: a record is rejected where no single wrong date
explains all of its errors. Without a status the last contact tells: a patient without a date of death lived then.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from hemapilots.harmonize.cells import Cells
from hemapilots.harmonize.work import Work

__all__ = ["NO_DATE", "Dates", "Span", "before", "event_names", "gap", "read_dates", "unread"]

# Reasons for which a cell says that there is no date, or is not the one to look at.
NO_DATE = ("missing", "not_done", "sentinel", "outside_window")
# Where the reader of dates puts a month.
_DAY_OF_MONTH = 15


@dataclass(frozen=True)
class Span:
    """day: the day that counts; low, high: the first and last possible day; float64 days since 1970-01-01, nan unknown."""

    day: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def partial(self) -> np.ndarray:
        """Where the day is not known exactly."""
        return ~np.isnan(self.day) & (self.low != self.high)

    def between(self, low: np.ndarray, high: np.ndarray) -> "Span":
        """A partial date moved between two days, as far as it may lie there; nan for an open end."""
        day = np.fmin(np.fmax(self.day, low), np.where(np.isnan(high), np.inf, high))
        day = np.clip(day, self.low, self.high)
        return replace(self, day=np.where(self.partial, day, self.day))


def span(cells: Cells) -> Span:
    """The spans of a variable of type date."""
    day = cells.values
    partial = cells.places_of("date_partial") & ~np.isnan(day)
    if not partial.any():
        return Span(day, day, day)
    low, high = day.copy(), day.copy()
    days = day[partial].astype(np.int64).astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    is_month = (days - months).astype(np.int64) + 1 == _DAY_OF_MONTH
    for part, bounds in (("M", is_month), ("Y", ~is_month)):
        first = days[bounds].astype(f"datetime64[{part}]")
        places = np.flatnonzero(partial)[bounds]
        low[places] = first.astype("datetime64[D]").astype(np.int64)
        high[places] = (first + 1).astype("datetime64[D]").astype(np.int64) - 1
    return Span(day, low, high)


def before(first: Span, second: Span) -> np.ndarray:
    """Where one date is certainly before another."""
    with np.errstate(invalid="ignore"):
        return first.high < second.low


def gap(first: Span, second: Span) -> np.ndarray:
    """Days between the nearest ends of two spans; 0 where they touch, nan where one is unknown."""
    return np.maximum(np.maximum(first.low - second.high, second.low - first.high), 0)


@dataclass
class Dates:
    """events: the dates of events other than death. seen: the last day on which a patient is known to have lived.

    why: the reason why no outcome of a patient is known, in the order in which it is found; end_why: why the end of
    follow-up is not, which leaves outcomes unknown that nothing decided before; object, None. wrong: per event, patients
    whose date of it is out of order. rejected: patients of whom no single wrong date explains the order.
    """

    index: Span
    last: Span
    birth: Span
    death: Span
    events: dict[str, Span]
    dead: np.ndarray
    seen: np.ndarray
    why: np.ndarray
    end_why: np.ndarray
    wrong: dict[str, np.ndarray] = field(default_factory=dict)
    rejected: np.ndarray | None = None

    def fault(self, mask: np.ndarray, reason: str) -> None:
        """No outcome of these patients is known."""
        self.why[mask & np.equal(self.why, None)] = reason

    def end_fault(self, mask: np.ndarray, reason: str) -> None:
        """The end of these patients is not known."""
        self.end_why[mask & np.equal(self.end_why, None)] = reason


def event_names(outcomes: dict, death: str | None) -> list[str]:
    """The dates of events other than death, each once."""
    named = [event for entry in outcomes.values() for event in (*entry["events"], *(entry.get("competing") or ()))]
    return [event for event in dict.fromkeys(named) if event != death]


def unread(cells: Cells) -> dict[str, np.ndarray]:
    """Reason -> patients of whom a cell is delivered that cannot be used; each patient once, with the first reason."""
    left, found = cells.unknown, {}
    for finding in cells.findings:
        if finding.status == "null" and finding.reason not in NO_DATE:
            mask = np.zeros(len(left), dtype=bool)
            mask[finding.cells] = left[finding.cells]
            left &= ~mask
            if mask.any():
                found[finding.reason] = found.get(finding.reason, False) | mask
    return found


def read_dates(work: Work, spec: dict, outcomes: dict, delivered: set) -> Dates:
    """The dates of all records. spec: `follow_up`; outcomes: those of which all dates are delivered."""
    blank = np.full(work.n, np.nan)

    def date(part: str) -> Span:
        return span(work.cells[spec[part]]) if spec.get(part) in delivered else Span(blank, blank, blank)

    index, last, birth, death = (date(part) for part in ("index", "last_contact", "birth", "death"))
    events = {name: span(work.cells[name]) for name in event_names(outcomes, spec.get("death"))}
    # A month may lie before the day of something that came first; as far as it can, it comes after.
    alive = [index.day, last.day, *(np.where(entry.partial, np.nan, entry.day) for entry in events.values())]
    death = death.between(np.fmax.reduce(alive), np.full(work.n, np.nan))
    events = {name: entry.between(index.day, death.day) for name, entry in events.items()}
    whys = (np.full(work.n, None, dtype=object) for _ in range(2))
    dates = Dates(index, last, birth, death, events, ~np.isnan(death.day), last.day, *whys)
    dates.fault(np.isnan(index.day), "missing")
    _status(work, spec, dates, delivered)
    _order(work, spec, dates)
    return dates


def _status(work: Work, spec: dict, dates: Dates, delivered: set) -> None:
    """A date of death makes a patient dead; of who is dead without a usable date the end is not known."""
    deaths = unread(work.cells[spec["death"]]) if spec.get("death") in delivered else {}
    if spec.get("status") not in delivered:
        dates.dead = np.logical_or.reduce([dates.dead, *deaths.values()])
        return
    cells = work.cells[spec["status"]]
    known, dated, unclear = ~cells.unknown, ~np.isnan(dates.death.day), unread(cells)
    contradicted = known & dated & (cells.values != "dead")
    dead = known & (cells.values == "dead")
    cells.values = np.where(dated, "dead", cells.values)
    cells.say("flagged", "contradiction", "dead by the date of death", contradicted)
    dates.dead = dated | dead
    for reason, mask in deaths.items():
        dates.end_fault(mask & (dead | ~known), reason)
        dates.dead |= mask & ~known
    dates.end_fault(dead & ~dated, "missing")
    for reason, mask in unclear.items():
        dates.end_fault(mask & ~dated, reason)


def _order(work: Work, spec: dict, dates: Dates) -> None:
    """Finds what is out of order, marks the outcomes that rest on it, and the records with more than one wrong date."""
    late = before(dates.death, dates.last)
    work.cells[spec["last_contact"]].say("flagged", "contradiction", "after the date of death", late)
    dates.end_fault(late, "contradiction")
    pairs = []
    named = (("index", dates.index), ("last_contact", dates.last), ("death", dates.death))
    for earlier, first, detail in (
        ("birth", dates.birth, "before the date of birth"),
        ("index", dates.index, "before the index date"),
    ):
        for part, second in named:
            if part != earlier:
                mask = before(second, first)
                pairs.append((second.day, first.day, mask))
                if mask.any():
                    work.cells[spec[part]].say("flagged", "date_order", detail, mask)
                dates.fault(mask, "date_order")
    for name, event in dates.events.items():
        _order_of_event(work, spec, dates, name, event, pairs)
    dates.rejected = _several_wrong(pairs, work.n)


def _order_of_event(work: Work, spec: dict, dates: Dates, name: str, event: Span, pairs: list) -> None:
    early, after = before(event, dates.index), before(dates.death, event)
    with np.errstate(invalid="ignore"):
        later = event.low > dates.seen
    dates.seen = np.fmax(dates.seen, event.day)
    work.cells[spec["last_contact"]].say("flagged", "date_order", f"{name} is later and taken instead", later)
    work.cells[name].say("flagged", "date_order", "before the index date", early)
    work.cells[name].say("flagged", "date_order", "after the date of death", after)
    unborn = before(event, dates.birth)
    pairs += [
        (event.day, dates.index.day, early),
        (dates.death.day, event.day, after),
        (event.day, dates.birth.day, unborn),
    ]
    dates.wrong[name] = early | after


def _several_wrong(pairs: list[tuple], n: int) -> np.ndarray:
    """Records with an error that no single wrong day explains. pairs: two days and where they are out of order."""
    errors = np.zeros(n, dtype=bool)
    for *_, mask in pairs:
        errors |= mask
    places = np.flatnonzero(errors)
    if not len(places):
        return errors
    pairs = [(first[places], second[places], mask[places]) for first, second, mask in pairs]
    explained = np.zeros(len(places), dtype=bool)
    for suspect in [day for first, second, _ in pairs for day in (first, second)]:
        by_it = ~np.isnan(suspect)
        for first, second, mask in pairs:
            by_it &= ~mask | (first == suspect) | (second == suspect)
        explained |= by_it
    errors[places] = ~explained
    return errors
