"""What may leave a site about its data: counts by variable, status and reason, the flow, and Table 1.

Counts of 1 to `minimum_cell - 1` and their complements are null; their entry says `"suppressed": true`.
"""

import numpy as np
import pandas as pd

from hemapilots.harmonize.suppression import hide, is_small, private_generator

__all__ = ["quality", "table_one"]

# A quantile of few patients is a patient.
MINIMUM_FOR_QUANTILES = 20
# Reasons that are always listed: a key that appears only where it occurs would say that it occurs.
_NULLED = {"number": ("parse_error", "range_hard"), "flag": ("code_unknown",), "category": ("code_unknown",)}
_ABSENT = ("absent",)  # never the name of a level
_FLAGGED = {"number": ("range_soft",), "flag": (), "category": ()}


def quality(harmonized: pd.DataFrame, issues: pd.DataFrame, flow: dict, use_case: dict, minimum_cell: int = 5) -> dict:
    """JSON-ready record of one site: `records`, `flow`, `endpoints`, and cells per variable.

    Per variable: records = n + absent, n = plain + flagged by reason, absent = missing + nulled by reason;
    `percent_missing` is the share of absent.
    """
    n, generator = len(harmonized), private_generator(harmonized)
    listed = issues[issues["row"].notna() & issues["row"].isin(harmonized["row"])]
    listed = listed.groupby(["variable", "status", "reason"], sort=True).size()
    variables = {
        name: _variable(harmonized[name], spec, listed, minimum_cell, generator)
        for name, spec in use_case["variables"].items()
    }
    return {
        "minimum_cell": minimum_cell,
        "records": None if is_small(n, minimum_cell) else n,
        "flow": _flow(flow["steps"], minimum_cell, generator),
        "endpoints": {name: _endpoint(counts, minimum_cell, generator) for name, counts in flow["endpoints"].items()},
        "variables": variables,
    }


def _variable(values: pd.Series, spec: dict, listed: pd.Series, minimum: int, generator) -> dict:
    name, n, absent = values.name, len(values), int(values.isna().sum())
    flagged = dict.fromkeys(_FLAGGED[spec["type"]], 0) | _by_reason(listed, name, "flagged")
    nulled = dict.fromkeys(_NULLED[spec["type"]], 0) | _by_reason(listed, name, "null")
    halves = _halves(n, absent, minimum, generator)
    plain = n - absent - sum(flagged.values())
    missing = absent - sum(nulled.values())
    above = _within({"plain": plain, **flagged}, halves["present"] is None, minimum, generator)
    below = _within({"missing": missing, **nulled}, halves["absent"] is None, minimum, generator)
    share = None if halves["absent"] is None else round(100 * absent / n, 1)
    shown = {
        "label": spec.get("label", name),
        "type": spec["type"],
        "unit": spec.get("unit"),
        "n": halves["present"],
        "absent": halves["absent"],
        "percent_missing": share,
        "missing": below.pop("missing"),
        "nulled": below,
        "plain": above.pop("plain"),
        "flagged": above,
    }
    return shown | {"suppressed": any(count is None for count in _counts(shown))}


def _counts(shown: dict) -> list:
    single = [shown[name] for name in ("n", "absent", "missing", "plain")]
    return single + list(shown["nulled"].values()) + list(shown["flagged"].values())


def _by_reason(listed: pd.Series, name: str, status: str) -> dict[str, int]:
    if (name, status) not in listed.index.droplevel("reason"):
        return {}
    return {str(reason): int(count) for reason, count in listed.loc[(name, status)].items()}


def _halves(n: int, absent: int, minimum: int, generator) -> dict:
    if is_small(n, minimum):
        return {"present": None, "absent": None}
    return hide({"present": n - absent, "absent": absent}, minimum, generator)


def _within(cells: dict, whole_is_hidden: bool, minimum: int, generator) -> dict:
    # Where the whole is hidden, showing all the parts would give it away.
    return dict.fromkeys(cells) if whole_is_hidden else hide(cells, minimum, generator)


def _flow(steps: list[dict], minimum: int, generator) -> list[dict]:
    """Steps without the records before the last small loss: with them it could be subtracted."""
    small = [place for place, step in enumerate(steps) if is_small(step["lost"], minimum)]
    last_small = small[-1] if small else -1
    shown = []
    for place, step in enumerate(steps):
        into, out = step["records_in"], step["records_out"]
        into = None if place <= last_small or is_small(into, minimum) else into
        out = None if place < last_small or is_small(out, minimum) else out
        unknown = {"unknown": step["unknown"], "known": step["records_out"] - step["unknown"]}
        unknown = hide(unknown, minimum, generator)
        counts = {
            "records_in": into,
            "records_out": out,
            "lost": None if is_small(step["lost"], minimum) else step["lost"],
            "unknown": unknown["unknown"],
        }
        shown.append({**step, **counts, "suppressed": any(count is None for count in counts.values())})
    return shown


def _endpoint(counts: dict, minimum: int, generator) -> dict:
    """patients = events + competing + censored, and patients + unknown = records.

    The number of patients with a known outcome is shown whenever it is not small: every figure of the site rests on it and says so.
    How many have none follows from it, and is no statement about what happened to them.
    """
    small = is_small(counts["patients"], minimum)
    parts = {name: counts[name] for name in ("events", "competing", "censored")}
    parts = _within(parts, small, minimum, generator)
    # The times kept as half a day are part of the patients, and no shown count is their complement.
    zero = {"zero_time": counts["zero_time"], "later": counts["patients"] - counts["zero_time"]}
    zero = hide(zero, minimum, generator)
    zero_time = None if small and counts["zero_time"] else zero["zero_time"]
    shown = {
        "label": counts["label"],
        "patients": None if small else counts["patients"],
        **parts,
        "unknown": None if is_small(counts["unknown"], minimum) else counts["unknown"],
        "zero_time": zero_time,
    }
    return shown | {"suppressed": any(value is None for value in shown.values())}


def table_one(harmonized: pd.DataFrame, use_case: dict, minimum_cell: int = 5) -> dict:
    """Table 1 of one site, JSON-ready: numbers as n, mean, sd and quartiles; flags and categories as counts.

    Quartiles need 20 patients. Counts by level and `absent` are suppressed as in `quality`, which shows or
    hides `absent` by the same rule.
    """
    generator = private_generator(harmonized)
    specs = {**use_case["variables"], **(use_case.get("derived") or {})}
    return {
        name: _row(harmonized[name], specs[name], minimum_cell, generator) for name in use_case.get("table_one") or []
    }


def _row(values: pd.Series, spec: dict, minimum: int, generator) -> dict:
    halves = _halves(len(values), int(values.isna().sum()), minimum, generator)
    head = {"label": spec.get("label", values.name), "type": spec["type"], "unit": spec.get("unit")}
    head |= {"n": halves["present"], "absent": halves["absent"]}
    if spec["type"] == "number":
        body = _moments(values.to_numpy(dtype=float), minimum)
    else:
        body = {"levels": _levels(values, spec, halves, minimum, generator)}
    hidden = None in (head["n"], head["absent"], *body.get("levels", {}).values())
    return {**head, **body, "suppressed": hidden}


def _levels(values: pd.Series, spec: dict, halves: dict, minimum: int, generator) -> dict:
    if spec["type"] == "flag":
        counts = {"1": int((values == 1).sum()), "0": int((values == 0).sum())}
    else:
        levels = spec.get("levels") or sorted(values.dropna().unique())
        counts = {str(level): int((values == level).sum()) for level in levels}
    absent = int(values.isna().sum())
    if halves["absent"] is None:
        # The records are known, so the sum of all levels would give the absent away.
        joint = hide({**counts, _ABSENT: absent}, minimum, generator, forced=(_ABSENT,))
        return {level: joint[level] for level in counts}
    return hide(counts, minimum, generator)


def _moments(values: np.ndarray, minimum: int) -> dict:
    known = values[np.isfinite(values)]
    names = ("mean", "sd", "median", "lower_quartile", "upper_quartile")
    found = dict.fromkeys(names)
    if len(known) >= max(minimum, 2):
        found |= {"mean": _short(known.mean()), "sd": _short(known.std(ddof=1))}
    if len(known) >= MINIMUM_FOR_QUANTILES:
        quartiles = np.quantile(known, [0.5, 0.25, 0.75])
        found |= dict(zip(names[2:], map(_short, quartiles), strict=True))
    return found


def _short(value: float) -> float:
    return float(f"{value:.4g}")
