"""Endpoints: entry, time (years) and event (0, 1, 2 = competing) of each record."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.expressions import Expression, parse
from hemapilots.harmonize.issues import Issues
from hemapilots.harmonize.work import evaluate

__all__ = ["HALF_DAY", "Endpoint", "check_not_negative", "endpoint_counts", "from_landmark", "measure", "no_later"]

HALF_DAY = 0.5 / 365.25


@dataclass
class Endpoint:
    """entry, time, event: float64, nan where the endpoint is unknown; why: object, the reason where it is, else None.

    delivered: event as the expression gives it, before anything was found to be missing or out of order; told: whether the
    source tells this endpoint at all.
    """

    entry: np.ndarray
    time: np.ndarray
    event: np.ndarray
    delivered: np.ndarray
    why: np.ndarray
    told: bool = True

    @property
    def usable(self) -> np.ndarray:
        """Records with time and event."""
        return ~np.isnan(self.event)

    def null(self, mask: np.ndarray, reason: str) -> None:
        """Takes the endpoint away from the records of a mask."""
        self.why = np.where(mask & np.equal(self.why, None), reason, self.why)
        self.entry, self.time, self.event = (np.where(mask, np.nan, x) for x in (self.entry, self.time, self.event))


def check_not_negative(table: dict, n: int, endpoints: dict, mapping: dict) -> None:
    """Raises HemaPilotsError where an endpoint has a negative time or entry in any of n records of `table`."""
    for name, spec in endpoints.items():
        for part in ("time", "entry"):
            if not spec.get(part):
                continue
            expression = parse(str(spec[part]))
            below = int((evaluate(expression, table, f"endpoints.{name}.{part}", n) < 0).sum())
            if below:
                raise HemaPilotsError(
                    f"{_columns(expression, mapping)}: {below} records have a "
                    f'negative {part} for endpoint "{name}"; correct them in the extract or leave them blank'
                )


def _columns(expression: Expression, mapping: dict) -> str:
    sources = [(mapping["variables"].get(name) or {}).get("column", name) for name in expression.names]
    kind = "column " if len(sources) == 1 else "columns "
    return f"mapping {mapping.get('name', '')}, {kind}" + ", ".join(f'"{source}"' for source in sources)


def measure(
    table: dict, name: str, spec: dict, mapping: dict, kept: np.ndarray, withheld: str | None = None
) -> Endpoint:
    """An endpoint of all records. A time of 0 becomes half a day; entry >= exit leaves it unknown.

    kept: the records that count; withheld: why nobody has the outcome, where follow-up says so. An endpoint that the
    mapping is `without` is unknown. Raises HemaPilotsError where none of them has a time, or an event is not 0, 1 or 2.
    """
    if name in (mapping.get("without") or ()):
        return Endpoint(*np.full((4, len(kept)), np.nan), np.full(len(kept), "missing", dtype=object), told=False)
    where, n = f"endpoints.{name}", len(kept)
    expressions = {part: parse(str(spec[part])) for part in ("time", "event")}
    time, event = (evaluate(expressions[part], table, f"{where}.{part}", n) for part in ("time", "event"))
    entry = np.zeros(n)
    if spec.get("entry"):
        entry = evaluate(parse(str(spec["entry"])), table, f"{where}.entry", n)
    if np.isnan(time[kept]).all():
        raise HemaPilotsError(
            f"{_columns(expressions['time'], mapping)}: no record has a time for "
            f'endpoint "{name}"'
            + (f" ({withheld})" if withheld else "")
            + "; deliver it, or leave the endpoint out of the use case (outside pilots: name it under `without` in the mapping)"
        )
    odd = int((~np.isin(event, (0, 1, 2)) & ~np.isnan(event) & kept).sum())
    if odd:
        raise HemaPilotsError(f"{where}.event: {odd} records are neither 0, 1 nor 2; mend the expression")
    competing = int(((event == 2) & kept).sum())
    if competing and not spec.get("competing"):
        raise HemaPilotsError(
            f"{where}.event: {competing} records have a competing event (2), which has no name; "
            "add `competing` with its label, or mend the expression"
        )
    endpoint = Endpoint(entry, np.where(time == 0, HALF_DAY, time), event, event, np.full(n, None, dtype=object))
    endpoint.null(np.isnan(time) | np.isnan(event) | np.isnan(entry), "missing")
    endpoint.null(endpoint.usable & (entry >= endpoint.time), "date_order")
    return endpoint


def no_later(endpoints: dict[str, Endpoint], specs: dict) -> None:
    """An endpoint that outlasts the one that it can never outlast is unknown (`contradiction`).

    So is one that goes without an event to the very time of the other's event, which is one of its own.
    Years since entry are compared as measured, with half a day of rounding, so that the order of the endpoints does not matter.
    """
    times = {name: endpoint.time - endpoint.entry for name, endpoint in endpoints.items()}
    events = {name: endpoint.event for name, endpoint in endpoints.items()}
    for name, spec in specs.items():
        if spec.get("not_after"):
            with np.errstate(invalid="ignore"):
                other = spec["not_after"]
                late = times[name] - times[other]
                unsaid = (events[other] == 1) & (events[name] == 0) & (np.abs(late) <= HALF_DAY * 1.001)
                endpoints[name].null((late > HALF_DAY * 1.001) | unsaid, "contradiction")


def from_landmark(endpoint: Endpoint, spec: dict) -> None:
    """Counts an endpoint from its landmark, years after a patient came under observation.

    Who had the event by then, or was not followed so far, is left out (`before_landmark`).
    """
    landmark = spec.get("landmark")
    if landmark is None:
        return
    with np.errstate(invalid="ignore"):
        endpoint.null(endpoint.usable & (endpoint.time - endpoint.entry <= landmark), "before_landmark")
    if spec.get("entry"):
        endpoint.entry = endpoint.entry + landmark
    else:
        endpoint.time = endpoint.time - landmark


def report(name: str, endpoint: Endpoint, spec: dict, rows: np.ndarray, kept: np.ndarray, issues: Issues) -> None:
    """Adds what there is to say of an endpoint of the kept records."""
    details = {
        "date_order": "entry not before exit",
        "contradiction": f"later than {spec.get('not_after')}, or without its event",
    }
    issues.column(f"{name}_time", "null", "missing", "time, event or entry", (kept & (endpoint.why == "missing")).sum())
    zero = kept & (endpoint.time == HALF_DAY)
    issues.cells(rows[zero], f"{name}_time", "flagged", "zero_time", "time 0 kept as 0.5 day")
    for reason, detail in details.items():
        issues.cells(rows[kept & (endpoint.why == reason)], f"{name}_time", "null", reason, detail)


def endpoint_counts(table: pd.DataFrame, endpoints: dict) -> dict:
    """Per endpoint: patients, events, competing, censored, unknown, and times kept as half a day."""
    counts = {}
    for name, spec in endpoints.items():
        event, time = table[f"{name}_event"], table[f"{name}_time"]
        counts[name] = {
            "label": spec.get("label", name),
            "patients": int(event.notna().sum()),
            "events": int((event == 1).sum()),
            "competing": int((event == 2).sum()),
            "censored": int((event == 0).sum()),
            "unknown": int(event.isna().sum()),
            "zero_time": int((time == HALF_DAY).sum()),
        }
    return counts
