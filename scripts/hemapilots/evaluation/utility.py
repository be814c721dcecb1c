"""Net benefit over the thresholds of a decision (Vickers & Elkin 2006; Vickers et al. 2008), for a batch of patient weights.

Acting above a threshold q: NB = X R - X (1 - R) q / (1 - q), X the share with a predicted risk of q or more and R the probability of
the event among them by the horizon (Kaplan-Meier, Aalen-Johansen where events compete). Acting below, where treatment is reduced:
NB = X (1 - R) - X R (1 - q) / q, X and R of those below q. The first row is the estimate; in the bootstrap R moves along its
derivatives by the patients' weights.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from hemapilots.evaluation.calibration import Status
from hemapilots.evaluation.incidence import incidence_gradients

__all__ = [
    "FEWEST_AT_RISK",
    "TREAT_ALL",
    "TREAT_NONE",
    "benefit",
    "largest",
    "net_benefit",
    "odds",
    "standardised",
    "thresholds_of",
]

TREAT_ALL, TREAT_NONE = ("treat", "treat/all"), ("treat", "treat/none")
# A flagged group with fewer at risk at the horizon has no net benefit to tell.
FEWEST_AT_RISK = 10


def thresholds_of(decision: Mapping[str, Any]) -> np.ndarray:
    """The decision's range in steps of one point, its ends included."""
    low, high = decision["thresholds"]
    points = np.arange(np.ceil(low * 100 - 1e-9), np.floor(high * 100 + 1e-9) + 1) / 100
    return np.unique(np.round(np.r_[low, points, high], 10))


def odds(thresholds: np.ndarray) -> np.ndarray:
    """What an unnecessary action costs, in missed events, of one who acts from these risks on."""
    return thresholds / (1 - thresholds)


def net_benefit(status: Status, risk: np.ndarray, thresholds: np.ndarray, act: str) -> np.ndarray:
    """(batch, thresholds) of acting on predicted risks (n,); nan where the group acted upon is too small, 0 where nobody is in it."""
    acted = risk[:, None] >= thresholds if act == "above" else risk[:, None] < thresholds
    # Groups lie within each other, so that those of one size are one: many thresholds part few patients.
    _, first, which = np.unique(acted.sum(axis=0), return_index=True, return_inverse=True)
    groups, outcomes = acted[:, first], status.outcomes
    estimate, gradient = incidence_gradients(outcomes.time, outcomes.event, status.horizon, groups)
    estimate[groups[outcomes.time > status.horizon].sum(axis=0) < FEWEST_AT_RISK] = np.nan
    share = outcomes.weights @ groups / status.total[:, None]
    event = np.clip(estimate + (outcomes.weights - 1) @ gradient, 0.0, 1.0)
    return np.where(groups.any(axis=0)[which], benefit(share[:, which], event[:, which], thresholds, act), 0.0)


def benefit(share: np.ndarray, event: np.ndarray, thresholds: np.ndarray, act: str) -> np.ndarray:
    """Net benefit from the share acted upon and the probability of the event among them."""
    if act == "above":
        return share * event - share * (1 - event) * odds(thresholds)
    return share * (1 - event) - share * event / odds(thresholds)


def largest(status: Status, act: str) -> np.ndarray:
    """The largest net benefit (batch,) that could be: of finding everybody with the event, or without it where one acts below."""
    return status.observed if act == "above" else 1 - status.observed


def standardised(status: Status, found: np.ndarray, act: str) -> np.ndarray:
    """Net benefit (batch, thresholds) as a share of the largest that could be."""
    most = largest(status, act)[:, None]
    return np.divide(found, most, out=np.full_like(found, np.nan), where=most > 0)
