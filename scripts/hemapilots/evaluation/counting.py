"""For every patient at once: the weight of comparable patients with lower and with higher risk, in n log n.

Patients are sorted by risk; the list is then split stably by the bits of their position in time, highest bit
first. Inside a node all of the right half stand later in time than all of the left half, and running sums say
how much of the other half has lower risk. About twenty passes serve a million patients.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["PairSums", "pair_sums"]


@dataclass(frozen=True)
class PairSums:
    """Per patient (n,): what is summed over the partners of the pairs in which the patient is one.

    `below`: weight of later partners with lower risk, ties one half; `later`: of all later partners.
    `above`: mass of earlier partners with higher risk, ties one half; `earlier`: of all earlier partners.
    """

    below: np.ndarray
    later: np.ndarray
    above: np.ndarray
    earlier: np.ndarray


def pair_sums(
    time: np.ndarray, event: np.ndarray, risk: np.ndarray, mass: np.ndarray, weight: np.ndarray | None = None
) -> PairSums:
    """Sums over comparable pairs (i, j): i has the event and j outlives it, or is censored at the same time.

    `mass` (n,) belongs to the earlier partner and is taken as 0 for the censored, `weight` (n,) to the later
    one. Two events at one time are not comparable; risks tie only if equal.
    """
    mass = np.where(event, mass, 0.0)
    weight = np.ones(len(time)) if weight is None else weight
    position_order = np.lexsort((risk, ~event, time))
    position = np.empty(len(time), dtype=np.int64)
    position[position_order] = np.arange(len(time))
    group = _groups(time[position_order], ~event[position_order])[position]
    # Ties in risk stand in order of time, so a tied later partner is never counted as lower.
    by_risk = position_order[np.argsort(risk[position_order], kind="stable")]
    below, above = _split_sums(position[by_risk], weight[by_risk], mass[by_risk])
    below, above = below[position], above[position]
    tied_below, tied_above = _tied_sums(risk[by_risk], group[by_risk], weight[by_risk], mass[by_risk])
    below[by_risk] += 0.5 * tied_below
    above[by_risk] += 0.5 * tied_above
    later = weight.sum() - np.cumsum(np.bincount(group, weights=weight))
    by_group = np.bincount(group, weights=mass)
    earlier = np.cumsum(by_group) - by_group
    return PairSums(below, later[group], above, earlier[group])


def _groups(*keys: np.ndarray) -> np.ndarray:
    """Number of the run of equal keys that each entry of sorted columns belongs to."""
    change = np.zeros(len(keys[0]), dtype=bool)
    for key in keys:
        change[1:] |= key[1:] != key[:-1]
    return np.cumsum(change)


def _split_sums(position: np.ndarray, weight: np.ndarray, mass: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From arrays in order of risk: later weight with lower, earlier mass with higher risk, by position."""
    n = len(position)
    bits = max(1, (n - 1).bit_length())
    size = 1 << bits
    position = np.r_[position, np.arange(n, size)].astype(np.int32)
    weight, mass = (np.r_[values, np.zeros(size - n)] for values in (weight, mass))
    below, above = np.zeros(size), np.zeros(size)
    for shift in range(bits - 1, -1, -1):
        right = (position >> shift & 1).astype(bool)
        below += np.where(right, 0.0, _running(np.where(right, weight, 0.0), shift))
        running = _running(np.where(right, 0.0, mass), shift).reshape(-1, 2 << shift)
        above += np.where(right, (running[:, -1:] - running).ravel(), 0.0)
        left, right = np.flatnonzero(~right), np.flatnonzero(right)
        order = np.concatenate([left.reshape(-1, 1 << shift), right.reshape(-1, 1 << shift)], axis=1).ravel()
        position, weight, mass = position[order], weight[order], mass[order]
        below, above = below[order], above[order]
    return below[:n], above[:n]


def _running(values: np.ndarray, shift: int) -> np.ndarray:
    """Inclusive running sums that start anew in each node of 2^(shift + 1) entries."""
    total = np.cumsum(values)
    nodes = total.reshape(-1, 2 << shift)
    nodes[1:] -= nodes[:-1, -1:].copy()
    return total


def _tied_sums(
    risk: np.ndarray, group: np.ndarray, weight: np.ndarray, mass: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """From arrays in order of risk, then time: later weight and earlier mass among equal risks."""
    same_risk, same_pair = _groups(risk), _groups(risk, group)
    if same_risk[-1] + 1 == len(risk):
        return np.zeros(len(risk)), np.zeros(len(risk))
    pair_risk = same_risk[np.flatnonzero(np.r_[True, same_pair[1:] != same_pair[:-1]])]
    weight_through = np.cumsum(np.bincount(same_pair, weights=weight))
    risk_end = np.cumsum(np.bincount(same_risk, weights=weight))
    later = risk_end[pair_risk] - weight_through
    by_pair, by_risk = np.bincount(same_pair, weights=mass), np.bincount(same_risk, weights=mass)
    earlier = (np.cumsum(by_pair) - by_pair) - (np.cumsum(by_risk) - by_risk)[pair_risk]
    return later[same_pair], earlier[same_pair]
