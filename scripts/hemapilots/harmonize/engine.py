"""From a delivered extract to the use case's variables in canonical units, with every doubt listed and every loss counted.

Patients who withdrew their consent leave first: nothing else of the work sees them. Then columns are read and the cell of
each patient is chosen (`choosing`), filled from other sources (`fill`), checked (`checks`), followed up (`follow_up`),
derived, included, and measured (`endpoints`).
"""

import numpy as np
import pandas as pd

from hemapilots.delivered import Delivered
from hemapilots.errors import HemaPilotsError
from hemapilots.expressions import parse
from hemapilots.harmonize.checks import check, include, keep_ranges
from hemapilots.harmonize.choosing import check_known, read_columns
from hemapilots.harmonize.endpoints import (
    Endpoint,
    check_not_negative,
    endpoint_counts,
    from_landmark,
    measure,
    no_later,
    report,
)
from hemapilots.harmonize.fill import fill
from hemapilots.harmonize.flow import Flow, lines, reconcile, step
from hemapilots.harmonize.follow_dates import NO_DATE, unread
from hemapilots.harmonize.follow_up import Followed, follow
from hemapilots.harmonize.genetics.variants import remarks
from hemapilots.harmonize.reading.header_units import contradicted_units
from hemapilots.harmonize.reading.units import Factors
from hemapilots.harmonize.records import Source, declared_of, without_patients
from hemapilots.harmonize.scores import score_columns
from hemapilots.harmonize.work import Work, evaluate

__all__ = ["harmonize", "needed"]

CONSENT = "consent_withdrawn"
NOT_KEPT = ("date", "karyotype")


def harmonize(
    delivered: Delivered, use_case: dict, mapping: dict, units: Factors
) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    """Harmonized records, issues and flow of one source.

    delivered: what a reader gave. units: of `load_factors`. harmonized: `row` (the patient's first row in the extract),
    variables except dates and karyotypes, derived variables, scores (`score_columns`), then `<endpoint>_entry`, `_time` (years)
    and `_event`, and the column `site` of a source whose rows are dealt to the sites that they name; numbers and flags float64
    (nan), categories text (None); included patients only. flow: see `flow`.
    Raises HemaPilotsError where the mapping, the follow-up or the whole extract is unusable.
    """
    check_known(use_case, mapping)
    total = len(delivered.records)
    steps = [step("delivered", "Records delivered", total, total)]
    delivered = _consenting(delivered, use_case, mapping, units, steps)
    work, source, start = _read(delivered, use_case, mapping, units, steps)
    fill(work, source, use_case, mapping)
    _reject_cells(work, use_case)
    # The checks know better reasons than a range does.
    check(work, use_case.get("checks") or [])
    keep_ranges(work, use_case["variables"])
    include(work, _without_consent(mapping))
    followed = {}
    if use_case.get("follow_up"):
        followed = follow(work, use_case, _lock(mapping))
        keep_ranges(work, use_case["variables"])
    table = _derive(work, use_case)
    check_not_negative(_with_negatives(work, table, use_case), work.n, use_case["endpoints"], mapping)
    _report_cells(work, use_case, mapping)
    for name, said in contradicted_units(mapping, use_case, units).items():
        work.issues.column(name, "flagged", "unit_conflict", said, int(work.n))
    work.derived = {name: table[name] for name in use_case.get("derived") or {}}
    include(work, _without_consent(use_case), use_case.get("derived"))
    if not work.flow.kept.any():
        raise HemaPilotsError(
            f"mapping {mapping.get('name', '')}, inclusion: no usable patient (all {total} records are excluded); "
            "check the units and codes of the columns that the inclusion rules read"
        )
    endpoints = _measure(work, table, use_case, mapping, followed)
    harmonized = _harmonized(work, table, endpoints, use_case, mapping)
    flow = _flow(work, harmonized, endpoints, followed, use_case, start)
    if not any(counts["patients"] for counts in flow["endpoints"].values()):
        raise HemaPilotsError(
            f"mapping {mapping.get('name', '')}, endpoints: no usable patient (of {len(harmonized)} none has "
            "time and event); check the outcome columns and their codes"
        )
    return harmonized, work.issues.table(), flow


def _consenting(delivered: Delivered, use_case: dict, mapping: dict, units, steps: list[dict]) -> Delivered:
    """Without the patients who withdrew their consent, in any of their rows; a count is all that is left of them."""
    rules = [
        rule for part in (mapping, use_case) for rule in part.get("inclusion") or () if rule.get("reason") == CONSENT
    ]
    for rule in rules:
        into = len(delivered.records)
        # Each row for itself: rows of one patient that contradict each other must not hide a withdrawal.
        source = Source(delivered, mapping, merge=False)
        names = needed(parse(str(rule["expression"])).names, use_case, mapping)
        work = Work(source.rows, {}, {}, Flow([], source.n))
        read_columns(work, source, use_case, mapping, units, names)
        fill(work, source, _only(use_case, names), mapping | {"derived": _picked(mapping.get("derived"), names)})
        _check_understood(work, mapping)
        holds = work.evaluate(rule["expression"], f"inclusion.{rule['name']}.expression")
        if np.isnan(holds).all() and not work.delivered(rule["expression"]):
            continue
        gone = set(source.patients[holds == 0])
        undecided = sum(patient not in gone for patient in source.patients[np.isnan(holds)])
        delivered = without_patients(delivered, gone)
        label = rule.get("label") or rule["name"]
        steps.append(step(rule["name"], label, into, len(delivered.records), undecided, CONSENT))
    return delivered


def _check_understood(work: Work, mapping: dict) -> None:
    """Cells about consent that are not understood, or contradict each other, must not pass as consent."""
    issues = work.issues.table()
    beside = issues[(issues["status"] == "rejected") & ~issues["reason"].isin(NO_DATE)]
    for name, cells in work.cells.items():
        count = sum(int(mask.sum()) for mask in unread(cells).values())
        count += int(beside.loc[beside["variable"] == name, "count"].sum())
        if count:
            column = (declared_of(name, mapping) or {}).get("column", name)
            raise HemaPilotsError(
                f'mapping {mapping.get("name", "")}, variables.{name}: of column "{column}", which says who consents, '
                f"{count} cells are not understood or contradict each other; list all of its texts under `values` "
                "(null for unknown), and deliver the latest consent of a patient only"
            )


def _outcome_of(spec: dict, followed: dict[str, Followed]) -> Followed | None:
    """The outcome of follow-up that an endpoint counts."""
    return next((followed[read] for read in parse(str(spec["event"])).names if read in followed), None)


def needed(names, use_case: dict, mapping: dict) -> list[str]:
    """The variables and auxiliary columns that some names need, through the mapping's derivations, these included."""
    derived, out = mapping.get("derived") or {}, []
    waiting = list(names)
    while waiting:
        name = waiting.pop(0)
        known = {*use_case["variables"], *(mapping.get("auxiliary") or {})}
        name = name if name in known else name.removesuffix("_date")
        if name in out:
            continue
        out.append(name)
        waiting += parse(str(derived[name])).names if name in derived else ()
    return out


def _only(use_case: dict, names) -> dict:
    return {**use_case, "variables": _picked(use_case["variables"], names)}


def _picked(entries: dict | None, names) -> dict:
    return {name: entry for name, entry in (entries or {}).items() if name in names}


def _without_consent(part: dict) -> list[dict]:
    return [rule for rule in part.get("inclusion") or () if rule.get("reason") != CONSENT]


def _read(delivered: Delivered, use_case: dict, mapping: dict, units, steps: list[dict]) -> tuple[Work, Source, int]:
    """The columns of all patients; the place of the first step that is about patients."""
    source = Source(delivered, mapping)
    into = len(delivered.records)
    if source.merged:
        steps.append(step("patients", "Rows of the same patient joined", into, source.n, 0, "duplicate"))
    start = len(steps)
    work = Work(source.rows, {}, {}, Flow(steps, source.n))
    of_variants = remarks(delivered.variants) if mapping.get("variants") else []
    for remark in [*delivered.remarks, *of_variants]:
        work.issues.column(remark.variable, remark.status, remark.reason, remark.detail, remark.count)
    identity = read_columns(work, source, use_case, mapping, units)
    work.reject("identity", "Rows of one id that belong to different persons", identity, "duplicate")
    return work, source, start


def _reject_cells(work: Work, use_case: dict) -> None:
    """Records with a cell that no patient can have."""
    which = np.zeros(work.n, dtype=bool)
    reason = "contradiction"
    for cells in work.cells.values():
        for finding in cells.rejected():
            which[finding.cells] = True
            reason = finding.reason or reason
    work.flow.drop("cells", "Findings that cannot be those of one patient", which, reason)


def _lock(mapping: dict) -> float | None:
    lock = mapping.get("lock")
    return None if lock is None else float(np.datetime64(str(lock), "D").astype(np.int64))


def _derive(work: Work, use_case: dict) -> dict[str, np.ndarray]:
    """The variables and the use case's derived ones, each of which may use the ones before it."""
    table = {name: work.cells[name].values for name in use_case["variables"]}
    return _derived(table, work.n, use_case)


def _derived(table: dict, n: int, use_case: dict) -> dict[str, np.ndarray]:
    table = dict(table)
    for name, spec in (use_case.get("derived") or {}).items():
        text = spec.get("type") == "category"
        where = f"derived.{name}.expression"
        table[name] = evaluate(parse(str(spec["expression"])), table, where, n, text)
    return table


def _with_negatives(work: Work, table: dict, use_case: dict) -> dict[str, np.ndarray]:
    """With the numbers below 0 that the hard range took out: a negative time must not pass as missing."""
    restored = {
        name: np.where(np.isnan(cells.negative) | ~np.isnan(cells.values), cells.values, cells.negative)
        for name, cells in work.cells.items()
        if name in use_case["variables"] and cells.negative is not None
    }
    return (
        _derived({name: table[name] for name in use_case["variables"]} | restored, work.n, use_case)
        if restored
        else table
    )


def _report_cells(work: Work, use_case: dict, mapping: dict) -> None:
    for name in (*use_case["variables"], *(mapping.get("auxiliary") or {})):
        work.cells[name].report(name, work.rows, work.issues)
        if name in work.days:
            work.days[name].report(f"{name}_date", work.rows, work.issues, missing=False)


def _measure(work: Work, table: dict, use_case: dict, mapping: dict, followed: dict) -> dict[str, Endpoint]:
    kept, specs = work.flow.kept, use_case["endpoints"]
    whys = {name: getattr(_outcome_of(spec, followed), "withheld", None) for name, spec in specs.items()}
    endpoints = {name: measure(table, name, spec, mapping, kept, whys[name]) for name, spec in specs.items()}
    no_later(endpoints, specs)
    for name, endpoint in endpoints.items():
        from_landmark(endpoint, specs[name])
        report(name, endpoint, specs[name], work.rows, kept, work.issues)
    return endpoints


def _harmonized(work: Work, table: dict, endpoints: dict[str, Endpoint], use_case: dict, mapping: dict) -> pd.DataFrame:
    kept = work.flow.kept
    columns = {"row": work.rows}
    columns |= {
        name: values
        for name, values in table.items()
        if use_case["variables"].get(name, {}).get("type") not in NOT_KEPT
    }
    found = _frame(columns, kept)
    site = _frame({name: work.cells[name].values for name in filter(None, [mapping.get("site")])}, kept)
    outcomes = {
        f"{name}_{part}": getattr(endpoint, part)
        for name, endpoint in endpoints.items()
        for part in ("entry", "time", "event")
    }
    return pd.concat([found, pd.DataFrame(score_columns(found, use_case)), _frame(outcomes, kept), site], axis=1)


def _frame(columns: dict[str, np.ndarray], kept: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(values[kept], dtype=values.dtype) for name, values in columns.items()})


def _flow(
    work: Work,
    harmonized: pd.DataFrame,
    endpoints: dict[str, Endpoint],
    followed: dict[str, Followed],
    use_case: dict,
    start: int,
) -> dict:
    counts, deaths = endpoint_counts(harmonized, use_case["endpoints"]), {}
    for name, endpoint in endpoints.items():
        spec = use_case["endpoints"][name]
        outcome = _outcome_of(spec, followed)
        events, why, stayed = endpoint.delivered == 1, endpoint.why, np.full(work.n, None, dtype=object)
        if outcome is not None:
            events, stayed = events | outcome.happened, outcome.stayed
            why = np.where((why == "missing") & ~np.equal(outcome.why, None), outcome.why, why)
        stayed = np.where(endpoint.event == 2, "competing", stayed)
        counts[name]["delivered"] = endpoint.told
        counts[name]["lines"] = lines(work.flow, start, events, endpoint.event == 1, why, endpoint.usable, stayed)
        if outcome is not None and outcome.deaths_only:
            label = spec.get("label", name)
            deaths[name] = reconcile(label, counts[name]["lines"], outcome.died, events)
    return {"steps": work.flow.steps, "endpoints": counts, "reconciliation": deaths}
