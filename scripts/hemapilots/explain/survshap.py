"""SurvSHAP(t) (Krzyzinski et al. 2023): how each variable moves a patient's predicted survival at a time away from that of a reference.

Shapley values by sampling (Strumbelj and Kononenko 2014): on the way from a reference patient to the explained one, variables are
exchanged one by one in a random order. Every reference patient starts one way, and each second order is the reverse of the one before,
which cancels interactions of pairs. The values of a patient sum exactly to S(t | x) less the mean S(t) of the reference.
"""

from collections.abc import Callable, Sequence

import numpy as np

__all__ = ["shapley"]

# Rows that are predicted at once.
BATCH = 10_000


def shapley(
    survival: Callable[[np.ndarray, np.ndarray], np.ndarray],
    x: np.ndarray,
    reference: np.ndarray,
    groups: Sequence[Sequence[int]],
    rng: np.random.Generator,
) -> np.ndarray:
    """Contributions (n, G, T) of G groups of columns to the survival of explained patients x (n, p).

    survival(rows (m, p), whose (m,)) gives (m, T), `whose` being the explained patient that a row belongs to; reference (c, p);
    columns in no group stay the explained patient's.
    """
    steps, place = _ways(len(reference), groups, x.shape[1], rng)
    taken = place[:, None, :] < np.arange(len(groups) + 1)[:, None]
    found = []
    most = max(1, BATCH // taken[..., 0].size)
    for start in range(0, len(x), most):
        whose = np.arange(start, min(start + most, len(x)))
        rows = np.where(taken, x[whose, None, None, :], reference[:, None, :])
        flat = survival(rows.reshape(-1, x.shape[1]), np.repeat(whose, taken[..., 0].size))
        moved = np.diff(flat.reshape(*rows.shape[:3], -1), axis=2)
        found.append(np.take_along_axis(moved, steps[None, :, :, None], axis=2).mean(axis=1))
    return np.concatenate(found)


def _ways(count: int, groups: Sequence[Sequence[int]], columns: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """The step at which each group is exchanged (count, G), and each column (count, p); columns in no group before the first."""
    orders = []
    for number in range(count):
        orders.append(orders[-1][::-1] if number % 2 else rng.permutation(len(groups)))
    steps = np.argsort(np.array(orders), axis=1)
    place = np.full((count, columns), -1)
    for group, members in enumerate(groups):
        place[:, members] = steps[:, [group]]
    return steps, place
