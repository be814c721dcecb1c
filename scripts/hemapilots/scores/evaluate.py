"""A score on a table of patients: value, category, and why either is missing."""

import numpy as np
import pandas as pd

from hemapilots.config.score import Score
from hemapilots.expressions import parse

__all__ = ["evaluate"]


def evaluate(score: Score, table: pd.DataFrame) -> pd.DataFrame:
    """Columns score (float64, nan unknown), category (text, None unknown), missing (text, None where both are known).

    table: the score's inputs, one row per patient; an input that is not a column is unknown for everybody. Linear
    scores add best, worst, where they have means mean, and their categories: every unknown value at its best, worst, mean.
    `missing` names the components that are unknown; "range above limit" where too much is for a linear score.
    """
    work = {name: table[name] if name in table else np.full(len(table), np.nan) for name in score.inputs}
    for name, text in score.derived.items():
        work[name] = parse(text).evaluate(work)
    for name, rows in score.points.items():
        work[name] = _points(rows, work, len(table))
    found = _linear(score, work) if score.linear else _plain(score, work, len(table))
    return pd.DataFrame(found, index=table.index)


def _points(rows, work: dict, length: int) -> np.ndarray:
    """The points of the first row that holds; unknown where an earlier row cannot be decided, or none holds."""
    result, open_ = np.full(length, np.nan), np.ones(length, dtype=bool)
    for row in rows:
        holds = np.ones(length) if row.when is None else parse(row.when).evaluate(work)
        result[open_ & (holds == 1)] = row.points
        open_ &= holds == 0
    return result


def _plain(score: Score, work: dict, length: int) -> dict:
    value = _rounded(parse(score.score).evaluate(work), score)
    parts = parse(score.score).names
    return {
        "score": value,
        "category": _categories(value, score),
        "missing": np.where(np.isnan(value), _unknown({name: work[name] for name in parts}, length), None),
    }


def _linear(score: Score, work: dict) -> dict:
    values = {name: parse(term.value).evaluate(work) for name, term in score.linear.terms.items()}
    totals = {part: _rounded(_total(score, work, values, part), score) for part in score.linear.scenarios}
    categories = {part: _categories(total, score) for part, total in totals.items()}
    narrow = totals["worst"] - totals["best"] <= score.linear.largest_range
    same = categories["best"] == categories["worst"]
    length = len(narrow)
    missing = np.full(length, None, dtype=object)
    missing[~narrow] = np.where(same[~narrow], "range above limit: category only", "range above limit")
    return {
        "score": np.where(narrow, totals[score.linear.scenarios[0]], np.nan),
        "category": np.where(narrow, categories[score.linear.scenarios[0]], np.where(same, categories["best"], None)),
        "missing": missing,
        **totals,
        **{f"{part}_category": found for part, found in categories.items()},
    }


def _total(score: Score, work: dict, values: dict, scenario: str) -> np.ndarray:
    total = 0.0
    for name, term in score.linear.terms.items():
        if scenario in term.scenarios:
            value = parse(term.scenarios[scenario]).evaluate(work)
        else:
            value = np.where(np.isnan(values[name]), getattr(term, scenario), values[name])
        total = total + term.coefficient * (value - (term.mean or 0))
    return total / score.linear.divide_by


def _rounded(value: np.ndarray, score: Score) -> np.ndarray:
    # Half away from zero, on the decimal that is printed: 0.125 in binary rounding would fall either way.
    if score.decimals is None:
        return value
    scale = 10.0**score.decimals
    return np.sign(value) * np.floor(np.abs(value) * scale + 0.5 + 1e-9) / scale


def _categories(value: np.ndarray, score: Score) -> np.ndarray:
    """Right-closed categories; None where the score is unknown or has no categories."""
    result = np.full(len(value), None, dtype=object)
    if score.categories:
        limits = [category.up_to for category in score.categories[:-1]]
        known = ~np.isnan(value)
        labels = np.array([category.label for category in score.categories], dtype=object)
        result[known] = labels[np.searchsorted(limits, value[known], side="left")]
    return result


def _unknown(parts: dict, length: int) -> np.ndarray:
    """Which components are unknown, per row."""
    result = np.full(length, "", dtype=object)
    for name, values in parts.items():
        result[pd.isna(np.asarray(values))] += f", {name}"
    return np.array([text.removeprefix(", ") for text in result], dtype=object)
