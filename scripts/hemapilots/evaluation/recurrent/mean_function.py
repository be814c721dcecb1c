"""Mean number of episodes by time t where death ends them (Ghosh and Lin, Biometrics 2000).

mu(t) is the integral of S(u-) dN(u) / Y(u): S the Kaplan-Meier estimate of survival, N the episodes, Y the number under observation.
Its variance is the sum of squared influences of the patients, so that episodes of one patient may go together as they like.
"""

import numpy as np

from hemapilots.evaluation.recurrent.sample import Sample

__all__ = ["mean_function"]


def mean_function(sample: Sample, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(mean number of episodes, standard error) at times `at` (T,); of an episode and a death of the same time the episode is first."""
    deaths = sample.end[sample.died]
    times = np.unique(np.concatenate([sample.time, deaths]))
    if not len(times) or not len(sample.time):
        return np.zeros(len(at)), np.zeros(len(at))
    at_risk = len(sample.end) - np.searchsorted(np.sort(sample.end), times, side="left")
    episodes, dying = (_counts(found, times) for found in (sample.time, deaths))
    hazard = dying / at_risk
    before = np.concatenate([[1.0], np.cumprod(1 - hazard)[:-1]])
    step = before * episodes / at_risk
    mean = np.concatenate([[0.0], np.cumsum(step)])
    until = np.searchsorted(times, at, side="right")
    influence = _of_episodes(sample, times, until, before / at_risk, step / at_risk)
    influence += _of_survival(sample, times, until, hazard, at_risk, step, mean)
    return mean[until], np.sqrt((influence**2).sum(axis=0))


def _counts(found: np.ndarray, times: np.ndarray) -> np.ndarray:
    return np.bincount(np.searchsorted(times, found), minlength=len(times)).astype(float)


def _of_episodes(sample: Sample, times: np.ndarray, until: np.ndarray, weight: np.ndarray, drift: np.ndarray):
    """Influence (n, T) through the episodes: those of the patient less those expected while under observation."""
    own = np.zeros((len(sample.end), len(until)))
    place = np.searchsorted(times, sample.time)
    for column, last in enumerate(until):
        seen = place < last
        own[:, column] = np.bincount(sample.patient[seen], weight[place[seen]], minlength=len(sample.end))
    passed = np.concatenate([[0.0], np.cumsum(drift)])
    left = np.searchsorted(times, sample.end, side="right")
    return own - passed[np.minimum(left[:, None], until)]


def _of_survival(sample: Sample, times, until, hazard, at_risk, step, mean) -> np.ndarray:
    """Influence (n, T) through survival: a death takes away from all later steps, being at risk gives to them."""
    stays = at_risk * (1 - hazard)
    # Where all who are left die nothing comes later.
    pull, gain = (np.divide(top, stays, out=np.zeros_like(hazard), where=stays > 0) for top in (1.0, hazard))
    gained = np.concatenate([[0.0], np.cumsum(gain)])
    weighted = np.concatenate([[0.0], np.cumsum(step * gained[:-1])])
    left = np.searchsorted(times, sample.end, side="right")[:, None]
    # Steps until the patient leaves grow with what was gained before each, later ones with all of it.
    turn = np.minimum(left, until)
    given = weighted[turn] + gained[np.minimum(left, len(times))] * (mean[until] - mean[turn])
    died = np.where(sample.died, np.searchsorted(times, sample.end), len(times))[:, None]
    lost = np.append(pull, 0.0)[died] * np.maximum(mean[until] - mean[np.minimum(died + 1, len(times))], 0.0)
    return given - lost
