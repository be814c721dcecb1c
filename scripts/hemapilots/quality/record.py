"""What may leave a site about its data: counts by variable and reason, and the flow.

Counts of 1 to `minimum_cell - 1` and their complements in the same partition are null; their entry says `"suppressed": true`, and
`few` names those of which it is safe to say that they are small. Partitions are protected one by one: what two of them tell about
the same patients (the endpoints, two variables) can still be subtracted unless counts are rounded. With `minimum_cell` 1 nothing is
hidden: for the site's own eyes.
"""

import pandas as pd

from hemapilots.harmonize.suppression import Draw, hide_and_tell, is_small
from hemapilots.quality.assayed import NOT_ASSAYED, not_assayed
from hemapilots.quality.cells import OTHER, classes_of, count_cells, listed_cells
from hemapilots.quality.doubts import doubts
from hemapilots.quality.flow import endpoint, flow_steps, reconciliation
from hemapilots.support import MINIMUM_SUPPORT

__all__ = ["PUBLIC", "halves", "quality"]

# The draw without a secret: whoever reads this page can repeat it.
PUBLIC = Draw(b"")


def quality(
    harmonized: pd.DataFrame,
    issues: pd.DataFrame,
    flow: dict,
    use_case: dict,
    minimum_cell: int = MINIMUM_SUPPORT,
    draw: Draw = PUBLIC,
    aside: dict | None = None,
    rounded: bool = False,
) -> dict:
    """JSON-ready record of one site: `records`, `flow`, `endpoints`, cells per variable, and `dates`.

    only_elsewhere: patients of further files whom the first file does not have.
    Per variable: records = n + absent, n = plain + flagged by class, absent = missing + nulled by class;
    `percent_missing` is the share of absent; `delivered` is false where the site has no such column, and
    `doubts` are of its whole column (`doubts.DOUBTS`).
    dates: dates and karyotypes, which are read and not kept: nulled by class. aside: of `not_assayed`. rounded: the
    counts will be rounded before they leave, so that a difference of two of them hides what one of them does.
    """
    n = len(harmonized)
    aside = not_assayed(harmonized, issues, use_case, minimum_cell) if aside is None else aside
    elsewhere = _only_elsewhere(issues)
    listed, undelivered = listed_cells(issues, harmonized["row"]), _undelivered(issues)
    refused, doubted = _refused(issues), doubts(issues)
    kept = {name: spec for name, spec in use_case["variables"].items() if name in harmonized}
    gone = {name: spec for name, spec in use_case["variables"].items() if name not in harmonized}
    variables = {
        name: _variable(
            harmonized["row"],
            harmonized[name],
            spec,
            listed.get(name),
            refused.get(name),
            minimum_cell,
            draw.of(name),
            aside.get(name, 0),
        )
        | {"delivered": name not in undelivered, "doubts": doubted.get(name, [])}
        for name, spec in kept.items()
    }
    dates = {
        name: _unkept(harmonized["row"], name, spec, listed.get(name), minimum_cell, draw.of(name))
        for name, spec in gone.items()
        if name not in undelivered
    }
    steps = flow_steps(flow["steps"], minimum_cell, draw.of("flow"))
    endpoints = {
        name: endpoint(counts, minimum_cell, draw.of(f"endpoints/{name}"), rounded)
        for name, counts in flow["endpoints"].items()
    }
    return {
        "minimum_cell": minimum_cell,
        "records": None if is_small(n, minimum_cell) else n,
        "only_elsewhere": None if is_small(elsewhere, minimum_cell) else elsewhere,
        "flow": steps,
        "endpoints": endpoints,
        "reconciliation": {
            name: reconciliation(counts, endpoints[name], minimum_cell)
            for name, counts in (flow.get("reconciliation") or {}).items()
        },
        "variables": variables,
        "dates": dates,
    }


def _undelivered(issues: pd.DataFrame) -> set[str]:
    """Variables that the site has no source for."""
    whole = issues[issues["row"].isna() & (issues["status"] == "null") & (issues["detail"] == "not in the mapping")]
    return set(whole["variable"].dropna())


def _refused(issues: pd.DataFrame) -> dict[str, str]:
    """Variable -> why its whole column could not be used."""
    whole = issues[issues["row"].isna() & issues["status"].isin(["null", "rejected"]) & issues["variable"].notna()]
    whole = whole[whole["reason"].notna() & (whole["reason"] != "missing")]
    return dict(zip(whole["variable"], whole["reason"], strict=True))


def _only_elsewhere(issues: pd.DataFrame) -> int:
    """Patients of further files whom the first file does not have."""
    whole = issues[issues["row"].isna() & (issues["status"] == "rejected")]
    return int(whole.loc[whole["detail"].str.startswith("only in "), "count"].sum())


def _variable(
    rows: pd.Series,
    values: pd.Series,
    spec: dict,
    cells,
    refused: str | None,
    minimum: int,
    draw: Draw,
    aside: int | None,
) -> dict:
    unknown = values.isna().to_numpy()
    name, n, absent = values.name, len(values), int(unknown.sum())
    nulled_classes, flagged_classes = classes_of(spec)
    flagged = count_cells(cells, "flagged", rows[~unknown], flagged_classes)
    nulled = count_cells(cells, "null", rows[unknown], nulled_classes)
    plain_missing = nulled.pop(OTHER)
    column = next((part for part, reasons in nulled_classes.items() if refused in reasons), None)
    if column and absent == n:
        # A column refused as a whole lists only the cells that were missing anyway.
        nulled[column] += n - sum(nulled.values()) - plain_missing
    parts, few = halves(n, absent, minimum, draw, aside)
    above = {"plain": n - absent - sum(flagged.values()), **flagged}
    above, few_above = _within(above, parts["present"] is None, minimum, draw.of("flagged"))
    below = {"missing": absent - sum(nulled.values()), **nulled}
    told = {NOT_ASSAYED: below.pop(NOT_ASSAYED)} if aside else {}
    below, few_below = _within(below, parts["absent"] is None, minimum, draw.of("nulled"))
    below |= told
    few = [{"present": "n"}.get(part, part) for part in few]
    few += [part if part == "plain" else f"flagged.{part}" for part in few_above]
    few += [part if part == "missing" else f"nulled.{part}" for part in few_below]
    shown = {
        "label": spec.get("label", name),
        "type": spec["type"],
        "unit": spec.get("unit"),
        "n": parts["present"],
        "absent": parts["absent"],
        "percent_missing": None if parts["absent"] is None else round(100 * absent / n, 1) if n else None,
        "missing": below.pop("missing"),
        "nulled": {part: below[part] for part in nulled_classes},
        "plain": above.pop("plain"),
        "flagged": above,
        "few": few,
    }
    return shown | {"suppressed": any(count is None for count in _counts(shown))}


def _counts(shown: dict) -> list:
    single = [shown[name] for name in ("n", "absent", "missing", "plain")]
    return single + list(shown["nulled"].values()) + list(shown["flagged"].values())


def _unkept(rows: pd.Series, name: str, spec: dict, cells, minimum: int, draw: Draw) -> dict:
    """A date or karyotype: how many cells were nulled and why; how many were delivered is not known any more."""
    nulled = count_cells(cells, "null", rows, classes_of(spec)[0])
    nulled.pop(OTHER)
    shown, few = _within({"rest": len(rows) - sum(nulled.values()), **nulled}, False, minimum, draw.of("nulled"))
    rest = shown.pop("rest")
    few = [f"nulled.{part}" for part in few if part != "rest"]
    return {
        "label": spec.get("label", name),
        "type": spec["type"],
        "nulled": shown,
        "few": few,
        "suppressed": None in (rest, *shown.values()),
    }


def halves(n: int, absent: int, minimum: int, draw: Draw, aside: int | None = 0) -> tuple[dict, list[str]]:
    """Present and absent as far as they may be shown, and which of them may be called small.

    aside: absent records whose number is shown in any case (`not_assayed`): the partition is that of the others, and an
    absent half that is called small is so beside them. None: neither half is shown.
    """
    if aside is None or is_small(n, minimum):
        return {"present": None, "absent": None}, []
    parts, few = hide_and_tell({"present": n - absent, "absent": absent - aside}, minimum, draw)
    if parts["absent"] is not None:
        parts["absent"] += aside
    return parts, few


def _within(cells: dict, whole_is_hidden: bool, minimum: int, draw: Draw) -> tuple[dict, list[str]]:
    # Where the whole is hidden, showing all the parts would give it away.
    return (dict.fromkeys(cells), []) if whole_is_hidden else hide_and_tell(cells, minimum, draw)
