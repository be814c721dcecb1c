"""The tables of evaluation: columns, rows, order, suppression of small cells, and writing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hemapilots.tables import write_csv

__all__ = [
    "COMPARISON_COLUMNS",
    "COUNT_COLUMNS",
    "METRIC_COLUMNS",
    "frame",
    "released",
    "typed",
    "wanted_comparisons",
    "write_metrics",
]

METRIC_COLUMNS = (
    "scenario,endpoint,model,regime,evaluated_on,subgroup,metric,horizon,decision,threshold,estimate,lower,upper,n,events"
).split(",")
COMPARISON_COLUMNS = (
    "scenario,endpoint,metric,horizon,decision,threshold,model,regime,reference_model,reference_regime,evaluated_on,estimand,"
    "difference,lower,upper,band_lower,band_upper,p,n,events"
).split(",")
COUNT_COLUMNS = (
    "site,kind,endpoint,model,regime,reference_model,reference_regime,subgroup,metric,horizon,decision,threshold,"
    "estimate,lower,upper,se,weight,band_lower,band_upper,p,n,events,at_risk"
).split(",")
TEXT = frozenset(
    "scenario,endpoint,model,regime,reference_model,reference_regime,evaluated_on,estimand,subgroup,metric,p,"
    "site,kind,decision".split(",")
)
# What may not be told where fewer patients or events stand behind it than the minimum cell.
FIGURES = ("estimate", "difference", "lower", "upper", "band_lower", "band_upper", "se", "weight")


def frame(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    """Rows as a table with these columns: text for names, float64 for the rest; what is absent is missing."""
    return typed(pd.DataFrame(rows, columns=columns))


def typed(table: pd.DataFrame) -> pd.DataFrame:
    """The table with text for names and float64 for the rest, in place."""
    for name in table.columns:
        table[name] = table[name].astype(object if name in TEXT else np.float64)
        if name in TEXT:
            table[name] = table[name].where(table[name].notna(), None)
    return table


def released(table: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """The table with figures and counts blanked where n or events lie below `minimum` (0: nothing is)."""
    small = (table["n"] < minimum) | (table["events"] < minimum)
    table = table.copy()
    table.loc[small, [name for name in FIGURES if name in table]] = np.nan
    if "p" in table:
        table.loc[small, "p"] = None
    for name in ("n", "events"):
        table.loc[table[name] < minimum, name] = np.nan
    return table


def wanted_comparisons(spec: Mapping[str, Any]) -> list[dict[str, str]]:
    """The comparisons of `spec`, and after them those that its criteria need, each once."""
    names = ("endpoint", "model", "regime", "reference_model", "reference_regime")
    wanted = [{name: row[name] for name in names} for row in spec["comparisons"]]
    primary = spec.get("primary") or {}
    for criterion in (one for one in spec.get("criteria") or [] if one["against"] and one["against"][0] != "treat"):
        pair = (primary["endpoint"], primary["model"], primary["regime"], *criterion["against"])
        wanted.append(dict(zip(names, pair, strict=True)))
    return [row for place, row in enumerate(wanted) if row not in wanted[:place]]


def write_metrics(table: pd.DataFrame, path: str | Path) -> None:
    """Writes metrics or comparisons as CSV by rename: 10 significant digits, sorted by the naming columns."""
    keys = [name for name in table.columns if name in TEXT - {"p"} or name in ("horizon", "threshold")]
    ordered = table.sort_values(keys, kind="stable", na_position="first")
    numbers = ordered.select_dtypes("number").columns
    # Adding zero turns -0 into 0, which reads better and compares equal as text.
    ordered[numbers] = ordered[numbers] + 0.0
    write_csv(path, ordered, digits=10)
