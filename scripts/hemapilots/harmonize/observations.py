"""Many measurements of one variable and patient: which of them is the value.

With a window and an index date: the usable measurement nearest to the index date inside the window; of two equally far
the one before. Without a window: the latest on or before the index date, else the earliest after it. A measurement
without a date counts only where there is none with a date; without an index date every measurement is like that.
Measurements of the same day (or all without a date) must agree: numbers within 2 %, others exactly; the first is kept.
Where they do not agree the value is unknown (`duplicate`); where all lie outside of the window too (`outside_window`).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = ["AGREEMENT", "Choice", "choose", "disagree", "distance"]

# How far two numbers of the same day may differ, as a share of the larger.
AGREEMENT = 0.02
# Behind every measurement on or before the index date, and behind every measurement with a date.
_AFTER, _UNDATED = 2.0**30, 2.0**40


@dataclass
class Choice:
    """chosen: per record the position of its candidate, -1 where it has none; masks of records whose value is not usable."""

    chosen: np.ndarray
    duplicate: np.ndarray
    outside: np.ndarray


def choose(target: np.ndarray, values: np.ndarray, key: np.ndarray, n: int, exact: bool = False) -> Choice:
    """The candidate of each of n records: the usable one with the smallest key.

    target: int64, the record of each candidate, -1 for none; values: float64, or object with None; key: float64, nan
    where a candidate must not be taken; exact: whether numbers must be equal to agree, as dates must. A record without
    a candidate that may be taken gets its first one, so that it can be said why that is so.
    """
    exact = exact or values.dtype == object
    values = _numbers(values)
    ours = target >= 0
    usable = ours & ~np.isnan(values)
    eligible = np.flatnonzero(usable & ~np.isnan(key))
    best = np.full(n, np.inf)
    np.minimum.at(best, target[eligible], key[eligible])
    tied = eligible[key[eligible] == best[target[eligible]]]
    duplicate = _conflict(target[tied], values[tied], n, exact)
    chosen = _first(tied, target, n)
    first_usable = _first(np.flatnonzero(usable), target, n)
    outside = (chosen < 0) & (first_usable >= 0)
    for other in (first_usable, _first(np.flatnonzero(ours), target, n)):
        chosen = np.where(chosen < 0, other, chosen)
    return Choice(chosen, duplicate, outside)


def distance(day: np.ndarray | None, index: np.ndarray, window: list | None) -> np.ndarray:
    """How far each candidate is from what is wanted, float64: a key for `choose`.

    day: days of the candidates, nan undated; index: the index date of each candidate's record, nan unknown;
    window: [low, high] in days from the index date, None for open.
    """
    if day is None:
        return np.full(len(index), _UNDATED)
    offset = day - index
    if window is None:
        key = np.where(offset <= 0, -offset, _AFTER + offset)
    else:
        low, high = window
        inside = (offset >= (-np.inf if low is None else low)) & (offset <= (np.inf if high is None else high))
        key = np.where(inside, 2 * np.abs(offset) + (offset > 0), np.nan)
    return np.where(np.isnan(offset), _UNDATED, key)


def disagree(first: np.ndarray, second: np.ndarray, exact: bool) -> np.ndarray:
    """Where two known values are not the same; unless `exact`, numbers may differ by 2 % of the larger."""
    if exact or first.dtype == object:
        return first != second
    return np.abs(first - second) > AGREEMENT * np.maximum(np.abs(first), np.abs(second))


def _numbers(values: np.ndarray) -> np.ndarray:
    """Texts as numbers, the same for the same; None as nan."""
    if values.dtype != object:
        return values
    codes, _ = pd.factorize(values)
    return np.where(codes < 0, np.nan, codes)


def _first(candidates: np.ndarray, target: np.ndarray, n: int) -> np.ndarray:
    """The first of ascending positions for each record, -1 where there is none."""
    result = np.full(n, -1, dtype=np.int64)
    # Of several assignments to one place the last stays.
    result[target[candidates[::-1]]] = candidates[::-1]
    return result


def _conflict(target: np.ndarray, values: np.ndarray, n: int, exact: bool) -> np.ndarray:
    low, high = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(low, target, values)
    np.maximum.at(high, target, values)
    conflict = np.isfinite(low)
    conflict[conflict] = disagree(low[conflict], high[conflict], exact)
    return conflict
