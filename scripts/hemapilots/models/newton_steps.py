"""Newton's method with step-halving for many penalised fits in lock-step, whoever computes log-likelihood, gradient and information."""

import numpy as np

from hemapilots.errors import HemaPilotsError
from hemapilots.models.absolute_penalty import shrunken_step


class NewtonSteps:
    """The steps of fits with penalties (F,); usable (F, p) is False for constant columns, whose coefficient stays 0.

    l1 (F,): the share a of a penalty on absolute values, penalty * (a |b| + (1 - a) / 2 |b|^2); the step then maximises the quadratic
    approximation less the penalty (a proximal Newton step), so that nobody but the server needs to know of it.

    trial (F, p): where the statistics of the fits that are `running` (F,) are wanted next; coefficients (F, p): the best so far.
    """

    def __init__(self, penalties: np.ndarray, usable: np.ndarray, tolerance: float, l1: np.ndarray | None = None):
        l1 = np.zeros(penalties.shape) if l1 is None else l1
        self.usable, self.tolerance = usable, tolerance
        self.penalties, self.absolute = penalties * (1 - l1), penalties * l1
        fits, p = usable.shape
        self.trial = np.zeros((fits, p))
        self.coefficients = np.zeros((fits, p))
        self.objective = np.full(fits, -np.inf)
        self.loglik = np.full(fits, np.nan)
        self.step = np.zeros((fits, p))
        self.step_length = np.full(fits, np.inf)
        self.information = np.zeros((fits, p, p))
        self.running = np.ones(fits, dtype=bool)

    @property
    def converged(self) -> bool:
        """No fit is still moving."""
        return not self.running.any()

    def advance(self, loglik: np.ndarray, gradient: np.ndarray, information: np.ndarray) -> None:
        """Accept or halve the last step of each active fit, then set its next trial coefficients."""
        active = np.flatnonzero(self.running)
        trial, penalty = self.trial[active], self.penalties[active]
        objective = loglik - penalty / 2 * (trial**2).sum(axis=1) - self.absolute[active] * np.abs(trial).sum(axis=1)
        slack = 1e-10 * (1 + np.abs(objective))
        better = objective >= self.objective[active] - slack
        self._halve(active[~better])
        kept = active[better]
        self.coefficients[kept], self.objective[kept], self.loglik[kept] = (
            trial[better],
            objective[better],
            loglik[better],
        )
        usable = self.usable[kept]
        slope = np.where(usable, gradient[better] - penalty[better, None] * trial[better], 0.0)
        self.information[kept] = penalised(information[better], usable, penalty[better])
        if self.absolute[kept].any():
            self.step[kept] = shrunken_step(self.information[kept], slope, trial[better], self.absolute[kept])
        else:
            self.step[kept] = self.solve(self.information[kept], slope)
        self.step_length[kept] = np.abs(self.step[kept]).max(axis=1, initial=0.0)
        self.trial[kept] = self.coefficients[kept] + self.step[kept]
        self.running[kept] = self.step_length[kept] > self.tolerance

    def restart(self) -> None:
        """Go on from where the fits stand as if from a start, all of them: what they maximise is another sum from now on."""
        self.trial = self.coefficients.copy()
        self.objective = np.full_like(self.objective, -np.inf)
        self.running = np.ones_like(self.running)

    def _halve(self, fits: np.ndarray) -> None:
        self.step[fits] /= 2
        self.trial[fits] = self.coefficients[fits] + self.step[fits]

    def covariance(self, fit: int) -> np.ndarray:
        """The inverse penalised information (p, p), conditional on the penalty; 0 for constant columns."""
        return self.of_usable(fit, np.linalg.inv(self.information[fit]))

    def of_usable(self, fit: int, matrix: np.ndarray) -> np.ndarray:
        """A matrix (p, p) with 0 for constant columns."""
        return np.where(self.usable[fit][:, None] & self.usable[fit], matrix, 0.0)

    def standard_errors(self, fit: int, covariance: np.ndarray) -> np.ndarray:
        """sqrt of the diagonal of the covariance (p,); nan for constant columns."""
        return np.where(self.usable[fit], np.sqrt(np.diag(covariance)), np.nan)

    @staticmethod
    def solve(matrices: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Solutions (F, p); a singular matrix stops the run with the remedy."""
        try:
            return np.linalg.solve(matrices, right[:, :, None])[:, :, 0]
        except np.linalg.LinAlgError:
            raise HemaPilotsError(
                "protocol, penalties: predictors are collinear at penalty 0, so coefficients are not determined; use penalties above 0"
            ) from None


def unpack_symmetric(upper: np.ndarray, p: int) -> np.ndarray:
    """Symmetric matrices (F, p, p) from their upper triangles (F, p(p+1)/2)."""
    rows, columns = np.triu_indices(p)
    out = np.empty((len(upper), p, p))
    out[:, rows, columns] = upper
    out[:, columns, rows] = upper
    return out


def penalised(information: np.ndarray, usable: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Information plus penalty on the diagonal; constant columns become those of the identity, so that they drop out."""
    both = usable[:, :, None] & usable[:, None, :]
    diagonal = np.where(usable, penalty[:, None], 1.0)
    return np.where(both, information, 0.0) + diagonal[:, :, None] * np.eye(usable.shape[1])
