"""A score on a table of patients: value, category, and why either is missing."""

import numpy as np
import pandas as pd

from hemapilots.config.score import Score
from hemapilots.expressions import parse
from hemapilots.scores.linear import linear_score
from hemapilots.scores.result import categories, rounded
from hemapilots.scores.unknown import Trace

__all__ = ["evaluate", "terms"]


def evaluate(score: Score, table: pd.DataFrame) -> pd.DataFrame:
    """Columns score (float64, nan unknown), category (text, None unknown), missing (text, None where the score is known).

    table: the cohort, one row per patient; an input that is not a column is unknown for everybody. `missing` says to
    whom the score does not apply, or names the unknown inputs that it needs. Linear scores add best and worst, and
    where they have means mean, each with its category: every unknown value at its best, worst, mean.
    """
    work, reason = _traced(score, table)
    applies = pd.isna(reason)
    found = linear_score(score, work) if score.linear else _plain(score, work)
    found = {name: np.where(applies, values, _nothing(values)) for name, values in found.items()}
    found["missing"] = np.where(applies, found["missing"], reason)
    return pd.DataFrame(found, index=table.index)


def terms(score: Score, table: pd.DataFrame) -> pd.DataFrame:
    """What the score weighs, before it does: the terms of a linear score, the points of another; float64, nan unknown.

    Columns are named by term. The rules of whom the score applies to are not asked.
    """
    work, _ = _traced(score, table)
    if score.linear:
        found = {name: parse(term.value).evaluate(work) for name, term in score.linear.terms.items()}
    else:
        found = {name: work[name] for name in score.points}
    return pd.DataFrame(found, index=table.index)


def _traced(score: Score, table: pd.DataFrame) -> tuple[Trace, np.ndarray]:
    """All that the score computes before it adds up, and why it does not apply (None where it does)."""
    work = Trace(score.inputs, table)
    reason = _reasons(score, work)
    applies = pd.isna(reason)
    for name, cut in score.percentiles.items():
        work.add(name, _percentile(parse(cut.of).evaluate(work)[applies], cut.at, len(table)), [cut.of])
    for name, text in score.derived.items():
        work.add(name, parse(text).evaluate(work), parse(text).names)
    for name, rows in score.points.items():
        reads = [part for row in rows if row.when for part in parse(row.when).names]
        work.add(name, _points(rows, work, len(table)), reads)
    return work, reason


def _reasons(score: Score, work: Trace) -> np.ndarray:
    """Why the score does not apply: the first rule that is false, else the inputs that would decide; None where it applies."""
    unknown = np.full(work.length, None, dtype=object)
    false = unknown.copy()
    for rule in reversed(score.applies):
        holds = parse(rule.when).evaluate(work)
        open_ = np.isnan(holds)
        unknown[open_] = work.unknown({rule.when: (holds, parse(rule.when).names)})[open_]
        false[holds == 0] = rule.reason
    return np.where(pd.isna(false), unknown, false)


def _percentile(values: np.ndarray, at: float, length: int) -> np.ndarray:
    known = values[~np.isnan(values)]
    return np.full(length, np.percentile(known, at) if len(known) else np.nan)


def _points(rows, work: Trace, length: int) -> np.ndarray:
    """The points of the first row that holds; unknown where an earlier row cannot be decided, or none holds."""
    result, open_ = np.full(length, np.nan), np.ones(length, dtype=bool)
    for row in rows:
        holds = np.ones(length) if row.when is None else parse(row.when).evaluate(work)
        result[open_ & (holds == 1)] = row.points
        open_ &= holds == 0
    return result


def _plain(score: Score, work: Trace) -> dict:
    expression = parse(score.score)
    value = rounded(expression.evaluate(work), score)
    missing = np.where(np.isnan(value), work.unknown({score.name: (value, expression.names)}), None)
    return {"score": value, "category": categories(value, score), "missing": missing}


def _nothing(values: np.ndarray):
    return None if values.dtype == object else np.nan
