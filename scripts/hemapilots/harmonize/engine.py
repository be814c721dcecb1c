"""Raw text to the use case's variables: parse, convert, check, derive, include, and follow up."""

import difflib

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.expressions import parse
from hemapilots.harmonize.columns import Harmonized, Source, harmonize_column
from hemapilots.harmonize.endpoints import add_endpoint, check_not_negative, endpoint_counts, evaluate
from hemapilots.harmonize.issues import Issues
from hemapilots.harmonize.units import Factors

__all__ = ["harmonize"]


def harmonize(
    ingested: pd.DataFrame, use_case: dict, mapping: dict, units: Factors
) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    """Harmonized records, issues and flow of one source.

    ingested: `row` and one raw text column per mapped variable. units: of `load_factors`.
    harmonized: `row`, variables, derived variables, then `<endpoint>_entry`, `_time` (years) and `_event`;
    numbers and flags float64 (nan), categories text (None); included records only.
    flow: `steps`, each {step, label, records_in, records_out, lost, unknown, reason}, and `endpoints`.
    Raises HemaPilotsError where the mapping, the follow-up or the whole extract is unusable.
    """
    _check_known(use_case, mapping)
    issues = Issues()
    columns = {
        name: _variable(name, spec, ingested, mapping, units, issues) for name, spec in use_case["variables"].items()
    }
    table = pd.DataFrame({"row": ingested["row"].to_numpy(dtype=np.int64)})
    table = pd.concat([table, _frame({name: column.values for name, column in columns.items()})], axis=1)
    table = _derive(table, use_case)
    check_not_negative(_with_negatives(table, columns, use_case), use_case["endpoints"], mapping)
    table, steps = _include(table, use_case, mapping, issues)
    for name, spec in use_case["endpoints"].items():
        add_endpoint(table, name, spec, mapping, issues)
    flow = {"steps": steps, "endpoints": endpoint_counts(table, use_case["endpoints"])}
    if not any(counts["patients"] for counts in flow["endpoints"].values()):
        raise HemaPilotsError(
            f"mapping {mapping.get('name', '')}, endpoints: no usable patient (of {len(table)} none has "
            "time and event); check the outcome columns and their codes"
        )
    return table, issues.table(), flow


def _check_known(use_case: dict, mapping: dict) -> None:
    for name in mapping["variables"]:
        if name not in use_case["variables"]:
            near = difflib.get_close_matches(name, use_case["variables"], 1)
            remedy = f'did you mean "{near[0]}"?' if near else "remove it"
            raise HemaPilotsError(
                f"mapping {mapping.get('name', '')}, variables.{name}: the use case has no such variable; " + remedy
            )


def _variable(name: str, spec: dict, ingested: pd.DataFrame, mapping: dict, units, issues: Issues) -> Harmonized:
    if name not in mapping["variables"]:
        issues.column(name, "null", "missing", "not in the mapping", len(ingested))
        number = spec["type"] != "category"
        return Harmonized(np.full(len(ingested), np.nan if number else None, dtype=float if number else object))
    declared = mapping["variables"][name]
    alias = declared.get("file") or next(iter(mapping["files"]))
    source = Source(
        variable=name,
        unit=declared.get("unit"),
        values=declared.get("values"),
        decimal=mapping["files"][alias].get("decimal") or ".",
        missing=mapping.get("missing") or [],
        mapping=mapping.get("name", ""),
    )
    column = harmonize_column(ingested[name], spec, source, units, ingested["row"].to_numpy(), issues)
    _check_usable(name, declared, column.values, issues, mapping)
    return column


def _check_usable(name: str, declared: dict, values: np.ndarray, issues: Issues, mapping: dict) -> None:
    """A column that is delivered, but of which no cell can be used, is a mistake in the mapping and not missing data."""
    reasons = issues.nulled(name)
    if reasons and pd.isna(values).all():
        raise HemaPilotsError(
            f'mapping {mapping.get("name", "")}, variables.{name}: of column "{declared["column"]}" no delivered value can be used '
            f"({', '.join(reasons)}); check its unit, decimal mark and values, or leave the variable out"
        )


def _frame(columns: dict[str, np.ndarray]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(values, dtype=values.dtype) for name, values in columns.items()})


def _derive(table: pd.DataFrame, use_case: dict) -> pd.DataFrame:
    """Adds the derived variables, each of which may use the ones before it."""
    for name, spec in (use_case.get("derived") or {}).items():
        text = spec.get("type") == "category"
        table = table.assign(
            **{name: evaluate(parse(str(spec["expression"])), table, f"derived.{name}.expression", text)}
        )
    return table


def _with_negatives(table: pd.DataFrame, columns: dict[str, Harmonized], use_case: dict) -> pd.DataFrame:
    """With the numbers below 0 that the hard range took out: a negative time must not pass as missing."""
    restored = {
        name: np.where(np.isnan(column.negative), column.values, column.negative)
        for name, column in columns.items()
        if column.negative is not None
    }
    return _derive(table.assign(**restored), use_case) if restored else table


def _include(table: pd.DataFrame, use_case: dict, mapping: dict, issues: Issues) -> tuple[pd.DataFrame, list[dict]]:
    """Drops the records for which an inclusion expression is false, one rule after the other."""
    steps = [_step("delivered", "Records delivered", len(table), len(table), 0, None)]
    for rule in use_case.get("inclusion") or []:
        name, label, reason = (
            rule["name"],
            rule.get("label", rule["name"]),
            rule.get("reason") or "ineligible",
        )
        holds = evaluate(parse(str(rule["expression"])), table, f"inclusion.{name}.expression")
        lost = holds == 0
        issues.cells(table["row"].to_numpy()[lost], name, "rejected", reason, label)
        unknown = int(np.isnan(holds).sum())
        steps.append(_step(name, label, len(table), int((~lost).sum()), unknown, reason))
        table = table[~lost].reset_index(drop=True)
    if table.empty:
        raise HemaPilotsError(
            f"mapping {mapping.get('name', '')}, inclusion: no usable patient (all "
            f"{steps[0]['records_in']} records are excluded); check the units and codes of the "
            "columns that the inclusion rules read"
        )
    return table, steps


def _step(step: str, label: str, records_in: int, records_out: int, unknown: int, reason: str | None) -> dict:
    """One line of the flow; `unknown` counts records kept because the rule could not be decided."""
    return {
        "step": step,
        "label": label,
        "records_in": records_in,
        "records_out": records_out,
        "lost": records_in - records_out,
        "unknown": unknown,
        "reason": reason,
    }
