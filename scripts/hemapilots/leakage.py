"""Predictors that give the outcome away: columns that alone tell near perfectly who has the event, or in which order events happen.

No predictor known at the index date does that; one that does holds the outcome, or was recorded after it. Times of follow-up that
stand as a predictor order the events, statuses and values that are only recorded after an event separate the patients.
"""

import numpy as np

__all__ = ["FEWEST", "LIMIT", "leakage"]

# Rank agreement, of a kind that is 1 where the outcome itself is the predictor, from which on a column is suspect; and the patients
# with the event, and without it where the two are compared, below which chance may reach it.
LIMIT, FEWEST = 0.9, 20


def leakage(x: np.ndarray, names: list[str], time: np.ndarray, event: np.ndarray) -> dict:
    """`columns`: the suspects among `names`; `assessed`: those known for patients enough, with the event and without it, to tell.

    x (n, p), nan where missing; time (n,) since the index date; event (n,) boolean.
    """
    known = ~np.isnan(x)
    enough = np.minimum(known[event].sum(axis=0), known[~event].sum(axis=0)) >= FEWEST
    suspects = [name for name, column in zip(names, x.T, strict=True) if _tells(column, time, event)]
    return {"assessed": [name for name, so in zip(names, enough, strict=True) if so], "columns": suspects}


def _tells(column: np.ndarray, time: np.ndarray, event: np.ndarray) -> bool:
    known = ~np.isnan(column)
    column, time, event = column[known], time[known], event[known]
    return separation(column, event) >= LIMIT or agreement(column[event], time[event]) >= LIMIT


def separation(column: np.ndarray, event: np.ndarray) -> float:
    """AUC of having the event by a column, whichever way it points; 0.5 where either side is too small."""
    cases, others = int(event.sum()), int((~event).sum())
    if min(cases, others) < FEWEST:
        return 0.5
    auc = (ranks(column)[event].sum() - cases * (cases + 1) / 2) / (cases * others)
    return max(auc, 1 - auc)


def agreement(column: np.ndarray, time: np.ndarray) -> float:
    """Spearman's correlation, without its sign, of a column and the times of the events; 0 where they are few or all the same."""
    if len(column) < FEWEST or np.ptp(column) == 0 or np.ptp(time) == 0:
        return 0.0
    return abs(float(np.corrcoef(ranks(column), ranks(time))[0, 1]))


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, ties sharing their mean."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]
