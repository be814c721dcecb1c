"""The probability of the event by a time in groups of patients, and how it moves with each patient's weight."""

import numpy as np

__all__ = ["incidence_gradients"]


def incidence_gradients(
    time: np.ndarray, event: np.ndarray, horizon: float, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """CIF(horizon) (k,) of event 1 in groups (n, k) at weights of one and its derivatives (n, k) by the patients' weights: the
    infinitesimal jackknife; 0 for those outside of a group.

    `event` (n,) 0, 1 or 2. Kaplan-Meier's 1 - S where nothing competes, else Aalen-Johansen's. With h1 = d1 / n and S from
    h = (d1 + d2) / n, CIF = sum of S(u-) h1(u) over u <= horizon; log S(u) moves by the sum of 1 / (n - d) - 1 / n over the times at
    which the patient is at risk, less 1 / (n - d) at the patient's own event.
    """
    seen = (event != 0) & (time <= horizon)
    times = np.unique(time[seen])
    # At how many of the times a patient was at risk.
    place = np.searchsorted(times, time, side="right")
    inside = np.asarray(groups, float)
    at_risk = _per_place(place, inside, len(times))[::-1].cumsum(axis=0)[::-1]
    first = _per_place(place, inside * (seen & (event == 1))[:, None], len(times))
    both = _per_place(place, inside * seen[:, None], len(times))
    stay, at_risk = at_risk - both, np.maximum(at_risk, 1.0)
    before = np.vstack([np.ones(inside.shape[1]), np.cumprod(1 - both / at_risk, axis=0)])[:-1]
    own = before * first / at_risk
    inverse = np.divide(1.0, stay, out=np.zeros_like(stay), where=stay > 0)
    # Passing a time at risk, and leaving by an event at one, as changes of log S.
    passed = _running(np.where(stay > 0, inverse - 1 / at_risk, 0.0))
    final = passed[place] - seen[:, None] * _from_first(inverse)[place]
    incidence, through = _running(own), _running(own * passed[:-1])
    direct = (seen & (event == 1))[:, None] * _from_first(before / at_risk)[place] - _running(own / at_risk)[place]
    return incidence[-1], inside * (through[place] + final * (incidence[-1] - incidence[place]) + direct)


def _per_place(place: np.ndarray, amounts: np.ndarray, count: int) -> np.ndarray:
    """Sums (count, k) of amounts (n, k) over those at places 1 to count."""
    order = np.argsort(place, kind="stable")
    found, starts = np.unique(place[order], return_index=True)
    sums = np.zeros((count + 1, amounts.shape[1]))
    if len(found):
        sums[found] = np.add.reduceat(amounts[order], starts, axis=0)
    return sums[1:]


def _from_first(rows: np.ndarray) -> np.ndarray:
    """The rows by place, 0 at place 0."""
    return np.vstack([np.zeros(rows.shape[1]), rows])


def _running(rows: np.ndarray) -> np.ndarray:
    """Sums (count + 1, k) of the rows up to each place."""
    return _from_first(np.cumsum(rows, axis=0))
