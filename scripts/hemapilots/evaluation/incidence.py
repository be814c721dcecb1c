"""The probability of the event by a time in a group of patients, and how it moves with each patient's weight."""

import numpy as np

__all__ = ["incidence_gradient"]


def incidence_gradient(time: np.ndarray, event: np.ndarray, horizon: float) -> tuple[float, np.ndarray]:
    """CIF(horizon) of event 1 at weights of one and its derivatives (n,) by the patients' weights: the infinitesimal jackknife.

    `event` (n,) 0, 1 or 2. Kaplan-Meier's 1 - S where nothing competes, else Aalen-Johansen's. With h1 = d1 / n and S from
    h = (d1 + d2) / n, CIF = sum of S(u-) h1(u) over u <= horizon; log S(u) moves by the sum of 1 / (n - d) - 1 / n over the times at
    which the patient is at risk, less 1 / (n - d) at the patient's own event.
    """
    times, place = np.unique(time, return_inverse=True)
    leaving = np.bincount(place, minlength=len(times)).astype(float)
    first = np.bincount(place, weights=event == 1, minlength=len(times))
    both = np.bincount(place, weights=event != 0, minlength=len(times))
    at_risk = leaving[::-1].cumsum()[::-1]
    stay = at_risk - both
    counted = times <= horizon
    hazard, own = both / at_risk, np.where(counted, first / at_risk, 0.0)
    survival = np.cumprod(1 - hazard)
    before = np.r_[1.0, survival[:-1]]
    incidence = np.cumsum(before * own)
    inverse = np.divide(1.0, stay, out=np.zeros_like(stay), where=stay > 0)
    step = np.where(stay > 0, inverse - 1 / at_risk, 0.0)
    # Passing a time at risk, and leaving by an event at one, as changes of log S.
    passed = np.cumsum(step)
    earlier = np.r_[0.0, passed[:-1]]
    final = passed[place] - np.where(event != 0, inverse[place], 0.0)
    through = np.cumsum(before * own * earlier)
    later = incidence[-1] - incidence[place]
    direct = (
        np.where((event == 1) & counted[place], (before / at_risk)[place], 0.0)
        - np.cumsum(before * own / at_risk)[place]
    )
    return float(incidence[-1]), through[place] + final * later + direct
