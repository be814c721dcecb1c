"""Ratios of the rate of episodes between groups: the model of Andersen and Gill (1982), the variance of Lin, Wei, Yang, Ying (2000).

Every episode is an event of a Cox model on the time since the index date, in which a patient stays at risk until death or the end
of observation, Breslow's ties, a baseline per stratum. The variance is the sandwich over patients: episodes of one may go together.
"""

import numpy as np

from hemapilots.evaluation.recurrent.sample import Sample

__all__ = ["andersen_gill"]

ROUNDS, TOLERANCE = 50, 1e-12


def andersen_gill(samples: list[Sample], columns: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(coefficients (p,), robust covariance (p, p)) of strata with their patients' columns x (n, p)."""
    strata = [_Stratum(sample, x) for sample, x in zip(samples, columns, strict=True) if len(sample.time)]
    b = np.zeros(columns[0].shape[1])
    for _ in range(ROUNDS):
        parts = [stratum.statistics(b) for stratum in strata]
        information = sum(part[1] for part in parts)
        step = np.linalg.solve(information, sum(part[0] for part in parts))
        # Longer steps overshoot where the groups differ very much.
        step = step / max(1.0, np.abs(step).max() / 2)
        b = b + step
        if np.abs(step).max() < TOLERANCE:
            break
    residuals = np.concatenate([stratum.residuals(b) for stratum in strata])
    bread = np.linalg.inv(sum(stratum.statistics(b)[1] for stratum in strata))
    return b, bread @ residuals.T @ residuals @ bread


class _Stratum:
    """One stratum: its patients sorted by the end of observation, from the longest on."""

    def __init__(self, sample: Sample, x: np.ndarray):
        self.x, self.patient = x, sample.patient
        self.order = np.argsort(-sample.end, kind="stable")
        self.times, self.of_episode, self.count = np.unique(sample.time, return_inverse=True, return_counts=True)
        # At a time those are at risk whose observation ends no earlier, and a patient passes all times up to the end.
        self.at_risk = np.searchsorted(-sample.end[self.order], -self.times, side="right")
        self.passed = np.searchsorted(self.times, sample.end, side="right")

    def _sums(self, b: np.ndarray):
        weight = np.exp(self.x @ b)
        s0 = np.cumsum(weight[self.order])[self.at_risk - 1]
        s1 = np.cumsum((weight[:, None] * self.x)[self.order], axis=0)[self.at_risk - 1]
        return weight, s0, s1 / s0[:, None]

    def statistics(self, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Score (p,) and information (p, p)."""
        weight, s0, mean = self._sums(b)
        squares = np.einsum("n,ni,nj->nij", weight, self.x, self.x)[self.order].cumsum(axis=0)[self.at_risk - 1]
        spread = squares / s0[:, None, None] - np.einsum("ki,kj->kij", mean, mean)
        score = self.x[self.patient].sum(axis=0) - self.count @ mean
        return score, np.einsum("k,kij->ij", self.count, spread)

    def residuals(self, b: np.ndarray) -> np.ndarray:
        """Score residual (n, p) of each patient: own episodes less those expected."""
        weight, s0, mean = self._sums(b)
        own = np.zeros_like(self.x)
        np.add.at(own, self.patient, self.x[self.patient] - mean[self.of_episode])
        rate = self.count / s0
        hazard = np.concatenate([[0.0], np.cumsum(rate)])[self.passed]
        centre = np.concatenate([np.zeros((1, own.shape[1])), np.cumsum(rate[:, None] * mean, axis=0)])[self.passed]
        return own - weight[:, None] * (self.x * hazard[:, None] - centre)
