"""The training sets of nested cross-validation, and how many patients stand behind a column in one of them."""

from itertools import combinations

import numpy as np

NO_FOLD = -1


def training_sets(replicates: int, folds: int, tune: bool) -> np.ndarray:
    """Every training set that nested cross-validation needs, as rows (replicate, left-out fold, second left-out fold): (S, 3).

    Row 0 leaves nothing out (the final model). With `tune`, pairs of folds are left out as well: the fit without folds j and k serves
    to choose the penalty for both the model without j and the one without k, so no penalty is chosen on patients it is judged by.
    """
    sets = [(NO_FOLD, NO_FOLD, NO_FOLD)]
    for r in range(replicates):
        sets += [(r, k, NO_FOLD) for k in range(folds)]
        if tune:
            sets += [(r, j, k) for j, k in combinations(range(folds), 2)]
    return np.array(sets, dtype=np.int64)


def column_support(x: np.ndarray, flags: np.ndarray) -> np.ndarray:
    """Per column of x (n, p) the patients behind its values (p,): carriers or non-carriers of a 0/1 column, whichever are fewer;
    observed values of another."""
    ones, zeros = (x == 1).sum(axis=0), (x == 0).sum(axis=0)
    return np.where(flags, np.minimum(ones, zeros), (~np.isnan(x)).sum(axis=0))
