"""Counts rounded before they leave a site: with an enforced gate no small number can then be had by subtracting released tables."""

import numpy as np
import pandas as pd

COUNT_COLUMNS = ("n", "events", "at_risk")


def round_count(value: float, base: int) -> float:
    """The nearest multiple of the base, halves up; base 1 changes nothing."""
    return int(np.floor(value / base + 0.5)) * base


def round_record(record, base: int):
    """A JSON record with every whole number rounded, and shares of them made anew from rounded ones."""
    if isinstance(record, dict):
        out = {key: round_record(value, base) for key, value in record.items()}
        if (
            base > 1
            and out.get("percent_missing") is not None
            and out.get("n") is not None
            and out.get("absent") is not None
        ):
            whole = out["n"] + out["absent"]
            out["percent_missing"] = round(100 * out["absent"] / whole, 1) if whole else None
        elif base > 1 and "percent_missing" in out:
            out["percent_missing"] = None
        return out
    if isinstance(record, list):
        return [round_record(value, base) for value in record]
    return round_count(record, base) if isinstance(record, int) and not isinstance(record, bool) else record


def round_columns(table: pd.DataFrame, base: int) -> pd.DataFrame:
    """A table of figures with its counts rounded; the weight of AUC is a number of cases and is rounded with them."""
    if base == 1:
        return table
    table = table.copy()
    for name in [name for name in COUNT_COLUMNS if name in table]:
        table[name] = np.floor(table[name] / base + 0.5) * base
    if "weight" in table:
        cases = table["metric"] == "auc"
        table.loc[cases, "weight"] = np.floor(table.loc[cases, "weight"] / base + 0.5) * base
    return table


def round_curves(curves: pd.DataFrame, base: int) -> pd.DataFrame:
    """Curve counts whose patients at the start are rounded; later ones follow by subtraction of the cells."""
    if base == 1 or curves.empty:
        return curves
    first = curves.groupby(["site", "endpoint"], sort=False)["at_risk"].transform("first")
    shift = np.floor(first / base + 0.5).astype(int) * base - first
    years = curves["years"] + shift * (curves["end"] - curves["start"])
    return curves.assign(at_risk=curves["at_risk"] + shift, years=years)
