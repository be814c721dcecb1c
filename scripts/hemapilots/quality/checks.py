"""Checks of a site's quality record by Kahn's categories: n checked, n failed, per cent, threshold, pass.

They are computed from the released record and from nothing else, so that they cannot say more than it does: where the
record hides a count, what it may be decides, and a check passes or fails only where every such count would.
"""

from pathlib import Path

from hemapilots.errors import HemaPilotsError
from hemapilots.quality.intervals import UNKNOWN, Counts
from hemapilots.yaml_source import read_yaml

__all__ = ["CATEGORIES", "check_record", "load_checks", "tally"]

CATEGORIES = ("conformance", "completeness", "plausibility")
_KEYS = {"category", "subcategory", "context", "level", "checked", "failed", "threshold", "description"}


def load_checks(path: str | Path, use_case: dict | None = None) -> dict:
    """The checks as data, with the thresholds that a use case states (`quality: {check or check.variable: per cent}`)."""
    rules, _ = read_yaml(Path(path))
    for name, check in rules["checks"].items():
        if set(check) != _KEYS or check["category"] not in CATEGORIES:
            raise HemaPilotsError(f"{path}, checks.{name}: it needs {', '.join(sorted(_KEYS))}; mend it")
    own = (use_case or {}).get("quality") or {}
    for name in own:
        if name.partition(".")[0] not in rules["checks"]:
            raise HemaPilotsError(
                f"use case {(use_case or {}).get('name', '')}, quality.{name}: there is no such check; "
                f"use one of {', '.join(rules['checks'])}"
            )
    return rules | {"own": dict(own)}


def check_record(record: dict, rules: dict, use_case: dict) -> list[dict]:
    """One row per check, in the order of the rules: id, category, subcategory, context, variable, label, description,
    n_checked, n_failed, percent, threshold, pass, note.

    record: of `quality`, with `table_one` where expected shares are to be compared, rounded or not. n_checked, n_failed
    and percent are None where the record hides them. pass is None where nothing can be said; note says why.
    """
    rows = []
    for name, check in rules["checks"].items():
        for variable, label, counts in _subjects(check, record, use_case):
            threshold = rules["own"].get(f"{name}.{variable}", rules["own"].get(name, check["threshold"]))
            rows.append(_row(name, check, variable, label) | _judged(check, counts, threshold))
    shares = _shares(record, rules["share"], use_case)
    unassessed = list(rules["not_assessed"])
    if not shares:
        unassessed.append(rules["share"] | {"description": "no expected share of any level is given"})
    rows += shares
    rows += [
        _row(_name(check), check, None, None) | _nothing("not assessed: no expectation is given")
        for check in unassessed
    ]
    return rows


def tally(rows: list[dict]) -> dict[str, int]:
    """How many checks passed, failed, and could not be judged."""
    return {
        "passed": sum(row["pass"] is True for row in rows),
        "failed": sum(row["pass"] is False for row in rows),
        "not_assessed": sum(row["pass"] is None for row in rows),
    }


def _row(name: str, check: dict, variable: str | None, label: str | None) -> dict:
    return {
        "id": f"{name}.{variable}" if variable else name,
        "category": check["category"],
        "subcategory": check["subcategory"],
        "context": check["context"],
        "variable": variable,
        "label": label,
        "description": check["description"],
    }


def _name(check: dict) -> str:
    return ".".join(filter(None, (check["category"], check["subcategory"], check["context"])))


def _subjects(check: dict, record: dict, use_case: dict):
    """(variable or endpoint, label, counts) of everything that a check looks at; counts None where nothing is delivered."""
    match check["level"]:
        case "site":
            yield None, None, Counts.of_site(record)
        case "endpoint":
            for name, entry in record["endpoints"].items():
                counts = Counts.of_endpoint(entry, record["records"], record["minimum_cell"])
                yield name, entry["label"], counts if entry["delivered"] else None
        case level:
            for name, entry in record["variables" if level == "variable" else "dates"].items():
                if _has(check, entry, use_case["variables"][name]):
                    counts = Counts.of_variable(entry, record["records"], record["minimum_cell"])
                    yield name, entry["label"], counts if entry.get("delivered", True) else None


def _has(check: dict, entry: dict, spec: dict) -> bool:
    """Whether a check means something for a variable: it counts such faults, and there is a range to lie outside of."""
    for place in check["failed"]:
        part, _, name = place.partition(".")
        bounds = {"range_hard": "hard", "range_soft": "soft"}.get(name)
        if bounds and not spec.get(bounds):
            return False
        if name and name in entry.get(part, {}):
            return True
    return not check["failed"][0].count(".")


def _judged(check: dict, counts: Counts | None, threshold: float) -> dict:
    if counts is None:
        return _nothing("not delivered by this site")
    checked, failed = counts.sum([check["checked"]]), counts.sum(check["failed"])
    if checked == (0, 0):
        return _nothing("nothing to check") | {"threshold": threshold, "n_checked": 0}
    exact = checked[0] == checked[1] and failed[0] == failed[1]
    highest = 100.0 if not checked[0] else min(100 * failed[1] / checked[0], 100.0)
    lowest = 0.0 if checked[1] in (0, UNKNOWN) else 100 * failed[0] / checked[1]
    passed = True if highest <= threshold else False if lowest > threshold else None
    return {
        "n_checked": checked[0] if checked[0] == checked[1] else None,
        "n_failed": failed[0] if failed[0] == failed[1] else None,
        "percent": round(100 * failed[0] / checked[0], 1) if exact and checked[0] else None,
        "threshold": threshold,
        "pass": passed,
        "note": None if exact else _hidden(failed, counts.minimum),
    }


def _hidden(failed: tuple, minimum: int) -> str:
    small = failed[0] >= 1 and failed[1] < minimum
    return f"fewer than {minimum} failed" if small else "not shown: few patients"


def _nothing(note: str) -> dict:
    return {"n_checked": None, "n_failed": None, "percent": None, "threshold": None, "pass": None, "note": note}


def _shares(record: dict, check: dict, use_case: dict) -> list[dict]:
    """Shares of levels against the use case's expectation, where Table 1 shows them."""
    rows = []
    for name, entry in (record.get("table_one") or {}).items():
        expected = use_case["variables"].get(name, {}).get("expected") or {}
        for level, (low, high) in expected.items():
            part, whole = (entry.get("levels") or {}).get(str(level)), entry["n"]
            row = _row("share", check, f"{name}.{level}", f"{entry['label']}: {level}") | {"variable": name}
            if part is None or not whole:
                rows.append(row | _nothing("not shown: few patients"))
                continue
            share = round(100 * part / whole, 1)
            found = {"n_checked": whole, "n_failed": None, "percent": share, "threshold": [low, high]}
            rows.append(row | found | {"pass": low <= share <= high, "note": f"expected {low:g} to {high:g} %"})
    return rows
