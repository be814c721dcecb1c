"""Linear scores: a sum over terms, with every unknown value at its best, its worst and its mean."""

import numpy as np

from hemapilots.config.score import Score
from hemapilots.expressions import parse
from hemapilots.scores.result import categories, rounded
from hemapilots.scores.unknown import Trace

__all__ = ["linear_score"]


def linear_score(score: Score, work: Trace) -> dict[str, np.ndarray]:
    """score, category, missing, and each scenario with its category.

    The score is given where worst and best are at most `largest_range` apart, the category also where they share it.
    """
    terms = {name: parse(term.value) for name, term in score.linear.terms.items()}
    values = {name: expression.evaluate(work) for name, expression in terms.items()}
    totals = {scenario: rounded(_total(score, work, values, scenario), score) for scenario in score.linear.scenarios}
    labels = {scenario: categories(total, score) for scenario, total in totals.items()}
    # Sums of rounded decimals: a difference of exactly `largest_range` must not fall to the last binary digit.
    narrow = totals["worst"] - totals["best"] <= score.linear.largest_range + 1e-9
    shared = np.where(labels["best"] == labels["worst"], labels["best"], None)
    reason = "range above limit: " + work.unknown({name: (values[name], terms[name].names) for name in terms})
    first = score.linear.scenarios[0]
    return {
        "score": np.where(narrow, totals[first], np.nan),
        "category": np.where(narrow, labels[first], shared),
        "missing": np.where(narrow, None, reason),
        **totals,
        **{f"{scenario}_category": label for scenario, label in labels.items()},
    }


def _total(score: Score, work: Trace, values: dict, scenario: str) -> np.ndarray:
    total = 0.0
    for name, term in score.linear.terms.items():
        stand_in = term.stand_in(scenario)
        if isinstance(stand_in, str):
            stand_in = parse(stand_in).evaluate(work)
        value = np.where(np.isnan(values[name]), stand_in, values[name])
        total = total + term.coefficient * (value - (term.mean or 0))
    return total / score.linear.divide_by
