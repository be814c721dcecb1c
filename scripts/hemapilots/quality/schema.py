"""The form of a quality record, whole: what the exit lets pass, and nothing that this page does not name.

Every key is fixed or a name of the use case; every text is one that the use case, the mappings' rules or this package give;
every count is 0 or at least the minimum; checks are those that follow from the counts. What a fault says names known places
only: an unknown key or text may be a patient's.
"""

import json
import math

from hemapilots.columns import column_specs
from hemapilots.harmonize.checks import DEFAULT
from hemapilots.harmonize.findings import REASONS
from hemapilots.harmonize.flow import REASONS as OUTCOME_REASONS
from hemapilots.harmonize.flow import STAYED
from hemapilots.paths import RESOURCES
from hemapilots.quality.baseline import MINIMUM_FOR_MOMENTS, MINIMUM_FOR_QUARTILES
from hemapilots.quality.cells import FLAGGED, OTHER, classes_of
from hemapilots.quality.checks import check_record, load_checks
from hemapilots.quality.doubts import DOUBTS
from hemapilots.quality.scores import AGREEMENT, COMPUTED

__all__ = ["record_fault"]

# What the engine calls its own steps: name, label, reason; None: any of the list.
STEPS = {
    ("delivered", "Records delivered", None),
    ("patients", "Rows of the same patient joined", "duplicate"),
    ("identity", "Rows of one id that belong to different persons", "duplicate"),
    ("follow_up", "More than one pair of dates out of order", "date_order"),
    ("dealt", "Records dealt to the site", None),
    *(("cells", "Findings that cannot be those of one patient", reason) for reason in REASONS),
}
OUTCOMES = {
    ("patients", "Patients", None),
    *(("endpoint", label, reason) for reason, label in OUTCOME_REASONS.items()),
    *(("endpoint", "Outcome not usable", reason) for reason in REASONS),
    *(("endpoint", label, reason) for reason, label in STAYED.values()),
}
SILENT = ("Death in the outcome column without a status or date of death", "contradiction")
ROUNDED_DIGITS = 3
_MOMENTS, _QUARTILES = ("mean", "sd"), ("median", "lower_quartile", "upper_quartile")
_HEAD = ("label", "type", "unit")


class _FaultError(Exception):
    """What is wrong, in words that hold nothing of the record but known places."""


def record_fault(record, use_case: dict, mappings: list[dict], minimum: int, rounding: int) -> str | None:
    """What keeps a quality record from leaving, or None.

    mappings: of the site's sources, for the names of their rules. minimum: smallest count that may be shown. rounding: every
    count is a multiple of it; above 1, means and quartiles have three significant digits at most.
    """
    try:
        _Reader(use_case, mappings, minimum, rounding).record(record)
    except _FaultError as fault:
        return str(fault)
    rules = load_checks(RESOURCES / "quality" / "thresholds.yaml", use_case)
    counts = {name: part for name, part in record.items() if name != "checks"}
    # As texts: in Python true is 1 and 1 is 1.0.
    checks = json.dumps(check_record(counts, rules, use_case))
    return None if checks == json.dumps(record["checks"]) else "checks: not those of its counts"


class _Reader:
    def __init__(self, use_case: dict, mappings: list[dict], minimum: int, rounding: int):
        self.use_case, self.minimum, self.rounding = use_case, minimum, rounding
        self.steps = STEPS | set(_rules(use_case, mappings))
        self.lines = self.steps | OUTCOMES

    def record(self, record) -> None:
        variables, endpoints = self.use_case["variables"], self.use_case["endpoints"]
        shown = column_specs(self.use_case)
        listed = set(self.use_case.get("table_one") or ())
        parts = {
            "minimum_cell": lambda value, at: _is(repr(value) == repr(self.minimum), at, f"not {self.minimum}"),
            "records": self.count,
            "only_elsewhere": self.count,
            "flow": lambda value, at: self.each(value, at, self.step),
            "endpoints": lambda value, at: self.named(value, at, endpoints, self.endpoint),
            "reconciliation": lambda value, at: self.named(value, at, endpoints, self.deaths),
            "variables": lambda value, at: self.named(value, at, variables, self.variable),
            "dates": lambda value, at: self.named(value, at, variables, self.date),
            "table_one": lambda value, at: self.named(
                value, at, {name: shown[name] for name in listed if name in shown}, self.baseline
            ),
            "scores": lambda value, at: self.named(value, at, self.use_case.get("scores") or {}, self.score),
            "checks": lambda value, at: _is(isinstance(value, list), at, "not a list"),
        }
        self.keys(record, "", parts)

    def keys(self, value, at: str, parts: dict) -> None:
        """An object with these keys, all of them and no others."""
        _is(isinstance(value, dict), at or "the record", "not an object")
        _is(set(value) <= set(parts), at or "the record", "it carries a key that its type does not know")
        missing = ", ".join(sorted(set(parts) - set(value)))
        _is(not missing, at or "the record", f"without {missing}")
        for name, read in parts.items():
            read(value[name], f"{at}.{name}" if at else name)

    def named(self, value, at: str, specs: dict, read) -> None:
        """An object whose keys are names of the use case."""
        _is(isinstance(value, dict), at, "not an object")
        _is(set(value) <= set(specs), at, "it carries a name that the use case does not know")
        for name, entry in value.items():
            read(entry, f"{at}.{name}", name, specs[name])

    def each(self, value, at: str, read) -> None:
        _is(isinstance(value, list), at, "not a list")
        for place, entry in enumerate(value):
            read(entry, f"{at}[{place}]")

    def count(self, value, at: str) -> None:
        if value is None:
            return
        _is(isinstance(value, int) and not isinstance(value, bool), at, "not a whole number")
        _is(value >= 0, at, "below zero")
        self.size(value, at)

    def size(self, value: int, at: str) -> None:
        _is(not 0 < abs(value) < self.minimum, at, f"a count of 1 to {self.minimum - 1}")
        _is(value % self.rounding == 0, at, f"not rounded to a multiple of {self.rounding}")

    def difference(self, value, at: str) -> None:
        if value is not None:
            _is(isinstance(value, int) and not isinstance(value, bool), at, "not a whole number")
            self.size(value, at)

    def counts(self, names):
        return lambda value, at: self.keys(value, at, dict.fromkeys(names, self.count))

    def few(self, names):
        return self.some(names, "not a list of its own counts")

    def some(self, names, fault: str):
        """A list of some of these names."""

        def read(value, at):
            known = isinstance(value, list) and all(isinstance(name, str) and name in names for name in value)
            _is(known, at, fault)

        return read

    def moment(self, value, at: str) -> None:
        if value is not None:
            _is(
                isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value),
                at,
                "not a number",
            )
            short = self.rounding == 1 or value == float(f"{value:.{ROUNDED_DIGITS}g}")
            _is(short, at, f"more than {ROUNDED_DIGITS} significant digits")

    def step(self, value, at: str) -> None:
        numbers = ("records_in", "records_out", "lost", "unknown")
        known = dict.fromkeys(("step", "label", "reason"), _anything) | dict.fromkeys(numbers, self.count)
        self.keys(value, at, known | {"suppressed": _flag})
        _said(value, at, ("step", "label", "reason"), self.steps)

    def line(self, value, at: str) -> None:
        numbers = [f"{who}_{way}" for who in ("patients", "events") for way in ("in", "out", "lost")]
        self.keys(value, at, dict.fromkeys(("step", "label", "reason"), _anything) | dict.fromkeys(numbers, self.count))
        _said(value, at, ("step", "label", "reason"), self.lines)

    def endpoint(self, value, at: str, name: str, spec: dict) -> None:
        numbers = ("patients", "events", "competing", "censored", "unknown", "zero_time")
        parts = {"label": _just(spec.get("label", name)), **dict.fromkeys(numbers, self.count)}
        parts |= {"lines": lambda lines, where: self.each(lines, where, self.line)}
        self.keys(value, at, parts | {"few": self.few(numbers), "suppressed": _flag, "delivered": _flag})

    def deaths(self, value, at: str, name: str, spec: dict) -> None:
        texts = {(label, reason) for _, label, reason in self.lines} | {SILENT}

        def line(entry, where):
            self.keys(entry, where, {"label": _anything, "reason": _anything, "count": self.difference})
            _said(entry, where, ("label", "reason"), texts)

        parts = {"label": _just(spec.get("label", name)), "delivered": self.count, "counted": self.count}
        self.keys(value, at, parts | {"lines": lambda lines, where: self.each(lines, where, line)})

    def variable(self, value, at: str, name: str, spec: dict) -> None:
        nulled, flagged = classes_of(spec)
        flagged = [*flagged, OTHER] if spec["type"] in FLAGGED else [OTHER]
        names = ["n", "absent", "missing", "plain"]
        parts = _head(name, spec) | dict.fromkeys(names, self.count) | {"percent_missing": _anything}
        parts |= {"nulled": self.counts(nulled), "flagged": self.counts(flagged)}
        few = [*names, *(f"nulled.{part}" for part in nulled), *(f"flagged.{part}" for part in flagged)]
        parts |= {"few": self.few(few), "doubts": self.some(DOUBTS, "not a list of doubts")}
        self.keys(value, at, parts | {"suppressed": _flag, "delivered": _flag})
        _percent(value, at)

    def date(self, value, at: str, name: str, spec: dict) -> None:
        nulled = classes_of(spec)[0]
        parts = {"label": _just(spec.get("label", name)), "type": _just(spec["type"]), "nulled": self.counts(nulled)}
        self.keys(value, at, parts | {"few": self.few([f"nulled.{part}" for part in nulled]), "suppressed": _flag})

    def baseline(self, value, at: str, name: str, spec: dict) -> None:
        parts = _head(name, spec) | {"n": self.count, "absent": self.count, "suppressed": _flag}
        if spec["type"] == "number":
            self.keys(value, at, parts | dict.fromkeys((*_MOMENTS, *_QUARTILES), self.moment))
            for names, least in ((_MOMENTS, MINIMUM_FOR_MOMENTS), (_QUARTILES, MINIMUM_FOR_QUARTILES)):
                told = any(value[part] is not None for part in names)
                _is(not told or value["n"] is None or value["n"] >= least, at, f"a moment of fewer than {least}")
            return
        levels = ["1", "0"] if spec["type"] == "flag" else [str(level) for level in spec.get("levels") or ()]
        self.keys(value, at, parts | {"levels": self.counts(levels)})

    def score(self, value, at: str, name: str, spec: dict) -> None:
        agreement = self.counts(AGREEMENT) if spec["delivered"] else _just(None)
        parts = {"label": _just(spec["label"]), "counts": self.counts(COMPUTED), "agreement": agreement}
        self.keys(value, at, parts | {"suppressed": _flag})


def _rules(use_case: dict, mappings: list[dict]):
    """Name, label and reason of every rule that can take a record out."""
    for part in (use_case, *mappings):
        for rule in (*(part.get("inclusion") or ()), *(part.get("checks") or ())):
            yield rule["name"], rule.get("label") or rule["name"], rule.get("reason") or DEFAULT


def _head(name: str, spec: dict) -> dict:
    said = {"label": spec.get("label", name), "type": spec["type"], "unit": spec.get("unit")}
    return {part: _just(said[part]) for part in _HEAD}


def _just(expected):
    return lambda value, at: _is(value == expected, at, "not what the use case says")


def _said(value: dict, at: str, names: tuple, known: set) -> None:
    texts = tuple(value[name] for name in names)
    plain = all(text is None or isinstance(text, str) for text in texts)
    _is(plain and texts in known, at, "a step that neither the use case nor the mapping knows")


def _percent(value: dict, at: str) -> None:
    percent, n, absent = value["percent_missing"], value["n"], value["absent"]
    if percent is not None:
        known = isinstance(percent, float) and n is not None and absent is not None and n + absent > 0
        _is(
            known and percent == round(100 * absent / (n + absent), 1),
            f"{at}.percent_missing",
            "not that of its counts",
        )


def _flag(value, at: str) -> None:
    _is(isinstance(value, bool), at, "not true or false")


def _anything(value, at: str) -> None:
    """Read together with its neighbours."""


def _is(sound: bool, at: str, fault: str) -> None:
    if not sound:
        raise _FaultError(f"{at}: {fault}")
