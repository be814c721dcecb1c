"""The flow of records, patients and events through harmonization: at every step in, out and lost with the reason.

`flow` of a source:

- steps: a list of {step, label, records_in, records_out, lost, unknown, reason}. What goes into a step came out of the one
  before. `unknown` counts records that were kept because the rule could not be decided.
- endpoints: per endpoint {label, patients, events, competing, censored, unknown, zero_time, lines}. lines: a list of
  {step, label, reason, patients_in, patients_out, patients_lost, events_in, events_out, events_lost}; the first line is the
  patients with all their events as delivered, the last comes out as `patients` and `events`.
- reconciliation: per endpoint that counts deaths and nothing else {label, delivered, counted, lines}, where lines are
  {label, reason, count}: deaths delivered plus the sum of the counts is the deaths of the endpoint table.
"""

import numpy as np

__all__ = ["Flow", "lines", "reconcile", "step"]

KEPT = -1
# What can happen to a patient whose record is kept: the same list whatever happened.
REASONS = {
    "missing": "Time, event or entry missing",
    "date_order": "Dates or times out of order",
    "date_invalid": "Date of an event that cannot be read",
    "date_partial": "Date of an early event known by month or year only",
    "range_hard": "Time beyond what a patient can have",
    "after_lock": "Index date after the administrative lock",
    "contradiction": "Dates and outcomes contradict each other",
    "before_landmark": "Event or end of follow-up before the landmark",
}
# Why an event is not counted though the patient has time and event: reason and label.
STAYED = {
    "censored": (None, "Event after the date at which the patient is censored"),
    "competing": (None, "Another event came first"),
    "contradiction": ("contradiction", "Event of the dates that the delivered outcome does not have"),
    "after_lock": ("after_lock", "Event after the administrative lock, patient censored"),
}


class Flow:
    """Steps that lose records. `lost_at`: per patient the place of the step that lost the record, -1 where it is kept."""

    def __init__(self, steps: list[dict], n: int):
        self.steps = steps
        self.lost_at = np.full(n, KEPT, dtype=np.int64)

    @property
    def kept(self) -> np.ndarray:
        """The records that are left."""
        return self.lost_at == KEPT

    def drop(
        self, name: str, label: str, which: np.ndarray, reason: str | None, unknown: np.ndarray | None = None
    ) -> np.ndarray:
        """Takes records out; gives back those of them that were still there.

        unknown: records of which the rule could not be decided; None for what is no declared rule and is told only
        where it takes records out.
        """
        kept = self.kept
        lost = which & kept
        if unknown is None and not lost.any():
            return lost
        undecided = 0 if unknown is None else int((unknown & kept).sum())
        into = int(kept.sum())
        self.steps.append(step(name, label, into, into - int(lost.sum()), undecided, reason))
        self.lost_at[lost] = len(self.steps) - 1
        return lost


def step(name: str, label: str, into: int, out: int, unknown: int = 0, reason: str | None = None) -> dict:
    """One line of the flow of records."""
    head = {"step": name, "label": label, "records_in": int(into), "records_out": int(out), "lost": int(into - out)}
    return head | {"unknown": int(unknown), "reason": reason}


def lines(
    flow: Flow,
    start: int,
    events: np.ndarray,
    counted: np.ndarray,
    why: np.ndarray,
    usable: np.ndarray,
    stayed: np.ndarray,
) -> list[dict]:
    """The flow of one endpoint.

    start: the place of the first step that is about patients. events: patients with an event as delivered; counted:
    with an event in the endpoint table; usable: with time and event there; why: per patient the reason, where not usable;
    stayed: per patient a key of STAYED, where an event is not counted though the patient is usable; None: a contradiction.
    """
    table = _Lines(np.ones(len(events), dtype=bool), events)
    table.add("patients", "Patients", None)
    for place in range(start, len(flow.steps)):
        entry = flow.steps[place]
        table.add(entry["step"], entry["label"], entry["reason"], flow.lost_at == place)
    kept = flow.kept
    for reason, label in REASONS.items():
        table.add("endpoint", label, reason, kept & ~usable & (why == reason))
    others = sorted({str(reason) for reason in why[kept & ~usable]} - set(REASONS))
    for reason in others:
        table.add("endpoint", "Outcome not usable", reason, kept & ~usable & (why == reason))
    stayed = np.where(np.equal(stayed, None), "contradiction", stayed)
    for key, (reason, label) in STAYED.items():
        table.add("endpoint", label, reason, censored=table.events & ~counted & (stayed == key))
    return table.lines


class _Lines:
    def __init__(self, patients: np.ndarray, events: np.ndarray):
        self.patients, self.events, self.lines = patients, events & patients, []

    def add(self, name: str, label: str, reason: str | None, lost=None, censored=None) -> None:
        before = int(self.patients.sum()), int(self.events.sum())
        if lost is not None:
            self.patients, self.events = self.patients & ~lost, self.events & ~lost
        if censored is not None:
            self.events = self.events & ~censored
        after = int(self.patients.sum()), int(self.events.sum())
        line = {"step": name, "label": label, "reason": reason}
        for what, into, out in zip(("patients", "events"), before, after, strict=True):
            line |= {f"{what}_in": into, f"{what}_out": out, f"{what}_lost": into - out}
        self.lines.append(line)


def reconcile(label: str, flow_lines: list[dict], died: np.ndarray, events: np.ndarray) -> dict:
    """Deaths delivered against deaths in the endpoint table. died: by status or date; events: `events` of `lines`.

    Every line of the endpoint's flow that loses deaths explains a part of the difference.
    """
    silent = int((events & ~died).sum())
    explained = [
        {
            "label": "Death in the outcome column without a status or date of death",
            "reason": "contradiction",
            "count": silent,
        }
    ]
    explained += [
        {"label": line["label"], "reason": line["reason"], "count": -line["events_lost"]} for line in flow_lines[1:]
    ]
    counted = flow_lines[-1]["events_out"]
    return {"label": label, "delivered": int((events & died).sum()), "counted": counted, "lines": explained}
