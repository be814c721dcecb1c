"""Where the primary model puts the patients of each category of a score."""

import numpy as np
import pandas as pd

from hemapilots.evaluation.reclassification import PLACES
from hemapilots.report.performance import scores_of
from hemapilots.report.released import Released
from hemapilots.report.words import Labels, count, percent

__all__ = ["reclassification_tables"]


def reclassification_tables(released: Released, labels: Labels) -> dict[str, list[dict]]:
    """Per decision a table for each score: patients by category and by where their predicted risk lies, with what was observed."""
    found: dict[str, list[dict]] = {}
    table = _everybody(released)
    for decision in released.study["evaluate"]["decisions"]:
        own = table[table["decision"] == decision["name"]]
        low, high = (f"{100 * threshold:g} %" for threshold in decision["thresholds"])
        heads = [f"Risk below {low}", f"{low} to {high}", f"{high} or more"]
        for score in (one for one in own["score"].unique() if _compared(released, decision["endpoint"], one)):
            rows = _rows(released, own[own["score"] == score], score)
            told = [row["category"] for row in rows]
            hidden = [one for one in _categories(released, score) if one not in told]
            one = {"score": labels.score(score), "heads": heads, "rows": rows, "hidden": hidden}
            found.setdefault(decision["name"], []).append(one)
    return found


def _compared(released: Released, endpoint: str, score: str) -> bool:
    """Whether a score is not known for so few patients that as a comparator it was left out."""
    known = released.study["harmonize"]["comparators"]
    return score not in known or ("score", f"score/{score}") in scores_of(released, endpoint)


def _everybody(released: Released) -> pd.DataFrame:
    """All patients where rows may be pooled, else the sum of what the sites told, observed probabilities weighted by patients."""
    table = released.reclassification
    if (table["evaluated_on"] == "all").any():
        return table[table["evaluated_on"] == "all"]
    table = table.assign(sum=table["observed"] * table["n"], told=table["n"].where(table["observed"].notna(), 0.0))
    names = ["endpoint", "decision", "score", "category", "place"]
    summed = table.groupby(names, sort=False)[["n", "sum", "told"]].sum().reset_index()
    return summed.assign(observed=np.where(summed["told"] > 0, summed["sum"] / summed["told"].clip(lower=1), np.nan))


def _rows(released: Released, table: pd.DataFrame, score: str) -> list[dict]:
    order, rows = _categories(released, score), []
    for category in sorted(table["category"].unique(), key=order.index):
        cells = table[table["category"] == category].set_index("place")
        rows.append({"category": category, "cells": [_cell(cells, place) for place in PLACES]})
    return rows


def _categories(released: Released, score: str) -> list[str]:
    """The categories of a score, in their order."""
    return released.study["harmonize"]["computed"][released.study["evaluate"]["categories"][score]]["levels"]


def _cell(cells: pd.DataFrame, place: str) -> str:
    if place not in cells.index or not cells.loc[place, "n"]:
        return "0"
    cell = cells.loc[place]
    if not np.isfinite(cell["observed"]):
        return count(cell["n"])
    limits = [100 * cell.get(name, np.nan) for name in ("lower", "upper")]
    said = ", {:.0f} to {:.0f}".format(*limits) if np.isfinite(limits).all() else ""
    return f"{count(cell['n'])} ({percent(cell['observed'], 1, 0)}{said})"
