"""Endpoints: entry, time (years) and event (0, 1, 2 = competing) of each record."""

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.expressions import Expression, parse
from hemapilots.harmonize.issues import Issues

__all__ = ["HALF_DAY", "add_endpoint", "check_not_negative", "endpoint_counts", "evaluate"]

HALF_DAY = 0.5 / 365.25


def evaluate(expression: Expression, table: pd.DataFrame, where: str, text: bool = False) -> np.ndarray:
    """Values of an expression on a table; an error says where the expression stands."""
    try:
        return expression.evaluate_text(table) if text else expression.evaluate(table)
    except HemaPilotsError as error:
        raise HemaPilotsError(f"{where}: {error}") from None


def check_not_negative(table: pd.DataFrame, endpoints: dict, mapping: dict) -> None:
    """Raises HemaPilotsError where an endpoint has a negative time or entry in any row of `table`."""
    for name, spec in endpoints.items():
        for part in ("time", "entry"):
            if not spec.get(part):
                continue
            expression = parse(str(spec[part]))
            below = int((evaluate(expression, table, f"endpoints.{name}.{part}") < 0).sum())
            if below:
                raise HemaPilotsError(
                    f"{_columns(expression, mapping)}: {below} records have a "
                    f'negative {part} for endpoint "{name}"; correct them in the extract or leave them blank'
                )


def _columns(expression: Expression, mapping: dict) -> str:
    sources = [mapping["variables"].get(name, {}).get("column", name) for name in expression.names]
    kind = "column " if len(sources) == 1 else "columns "
    return f"mapping {mapping.get('name', '')}, {kind}" + ", ".join(f'"{source}"' for source in sources)


def add_endpoint(table: pd.DataFrame, name: str, spec: dict, mapping: dict, issues: Issues) -> None:
    """Adds `<name>_entry`, `<name>_time` and `<name>_event` to `table` in place; nan where unknown.

    A time of 0 becomes half a day; entry >= exit nulls the endpoint. Raises HemaPilotsError where no record
    has a time, or an event is not 0, 1 or 2.
    """
    where, rows = f"endpoints.{name}", table["row"].to_numpy()
    expressions = {part: parse(str(spec[part])) for part in ("time", "event")}
    time, event = (evaluate(expressions[part], table, f"{where}.{part}") for part in ("time", "event"))
    entry = np.zeros(len(table))
    if spec.get("entry"):
        entry = evaluate(parse(str(spec["entry"])), table, f"{where}.entry")
    if np.isnan(time).all():
        raise HemaPilotsError(
            f"{_columns(expressions['time'], mapping)}: no record has a time for "
            f'endpoint "{name}"; deliver it, or leave the endpoint out of the use case'
        )
    odd = int((~np.isin(event, (0, 1, 2)) & ~np.isnan(event)).sum())
    if odd:
        raise HemaPilotsError(f"{where}.event: {odd} records are neither 0, 1 nor 2; mend the expression")

    unknown = np.isnan(time) | np.isnan(event) | np.isnan(entry)
    issues.column(f"{name}_time", "null", "missing", "time, event or entry", unknown.sum())
    zero = ~unknown & (time == 0)
    issues.cells(rows[zero], f"{name}_time", "flagged", "zero_time", "time 0 kept as 0.5 day")
    time = np.where(zero, HALF_DAY, time)
    disorder = ~unknown & (entry >= time)
    issues.cells(rows[disorder], f"{name}_time", "null", "date_order", "entry not before exit")
    for part, values in (("entry", entry), ("time", time), ("event", event)):
        table[f"{name}_{part}"] = np.where(unknown | disorder, np.nan, values)


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
