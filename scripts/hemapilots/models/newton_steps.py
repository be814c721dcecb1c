"""Newton's method with step-halving for many penalised fits in lock-step, whoever computes log-likelihood, gradient and information."""

from functools import cache

import numpy as np

from hemapilots.errors import HemaPilotsError
from hemapilots.models.absolute_penalty import shrunken_step

# Matrices that are solved at once: so few that they stay in a processor's cache.
BLOCK = 16
# Steps shorter than this converge quadratically, so that the next one's length is foreseen.
SHORT = 1e-5


class NewtonSteps:
    """The steps of fits with penalties (F,); usable (F, p) is False for constant columns, whose coefficient stays 0.

    l1 (F,): the share a of a penalty on absolute values, penalty * (a |b| + (1 - a) / 2 |b|^2); the step then maximises the quadratic
    approximation less the penalty (a proximal Newton step), so that nobody but the server needs to know of it.
    groups (F,): fits of one group have the same log-likelihood and differ in their penalty alone. So what is known at one's coefficients
    is known to all: they start from one answer, and go on from another's coefficients where these are better than their own. That spares
    the weakly penalised, whose first steps are far too long, most of their halvings.
    told (F,), all by default: fits whose log-likelihood and information are wanted, and so are computed at their last coefficients. The
    others take their last step where the one after it is foreseen to be within the tolerance, and nobody is asked about that place.
    start (F, p), zeros by default: where the fits start from, the fits of a group from the same place.

    trial (F, p): where the statistics of the fits that are `asked` (indices) are wanted next; coefficients (F, p): the best so far;
    running (F,): fits that still move;
    information (F, p(p+1)/2): upper triangle without the penalty, at the coefficients.
    """

    def __init__(
        self,
        penalties: np.ndarray,
        usable: np.ndarray,
        tolerance: float,
        l1: np.ndarray | None = None,
        groups: np.ndarray | None = None,
        told: np.ndarray | None = None,
        start: np.ndarray | None = None,
    ):
        l1 = np.zeros(penalties.shape) if l1 is None else l1
        self.usable, self.tolerance = usable, tolerance
        self.penalties, self.absolute = penalties * (1 - l1), penalties * l1
        fits, p = usable.shape
        self.groups = np.arange(fits) if groups is None else groups
        self.told = np.ones(fits, dtype=bool) if told is None else told
        self.trial = np.zeros((fits, p)) if start is None else np.where(usable, start, 0.0)
        self.coefficients = self.trial.copy()
        self.objective = np.full(fits, -np.inf)
        self.loglik = np.full(fits, np.nan)
        self.step = np.zeros((fits, p))
        self.step_length = np.full(fits, np.inf)
        self.information = np.zeros((fits, p * (p + 1) // 2))
        self.running = np.ones(fits, dtype=bool)
        self.asked = np.unique(self.groups, return_index=True)[1]

    @property
    def converged(self) -> bool:
        """No fit is still moving."""
        return not self.running.any()

    def advance(self, loglik: np.ndarray, gradient: np.ndarray, information: np.ndarray) -> None:
        """Take each running fit to the best place that was `asked` about in its group, or halve its step; then set its next trial.

        loglik (A,), gradient (A, p) and information, upper triangle (A, p(p+1)/2), of the fits asked about.
        """
        active, places = np.flatnonzero(self.running), self.trial[self.asked]
        best, objective = self._best(active, loglik, places)
        better = objective >= self.objective[active] - _slack(objective)
        self._halve(active[~better])
        kept, best = active[better], best[better]
        moved = self._moved(kept, places[best])
        self.coefficients[kept], self.objective[kept], self.loglik[kept] = places[best], objective[better], loglik[best]
        self.information[kept] = information[best]
        slope = np.where(self.usable[kept], gradient[best] - self.penalties[kept, None] * places[best], 0.0)
        self.step[kept] = self._steps(kept, slope)
        self.step_length[kept] = np.abs(self.step[kept]).max(axis=1, initial=0.0)
        self.trial[kept] = self.coefficients[kept] + self.step[kept]
        last = kept[self._foreseen(kept, moved)]
        self.coefficients[last] = self.trial[last]
        self.running[kept] = self.step_length[kept] > self.tolerance
        self.running[last] = False
        self.asked = np.flatnonzero(self.running)

    def _moved(self, fits: np.ndarray, places: np.ndarray) -> np.ndarray:
        """How far (f,) the fits' own steps bring them to places (f, p); 0 where they go to another fit's place."""
        own = (places == self.trial[fits]).all(axis=1)
        return np.where(own, np.abs(places - self.coefficients[fits]).max(axis=1, initial=0.0), 0.0)

    def _foreseen(self, fits: np.ndarray, moved: np.ndarray) -> np.ndarray:
        """Of which fits the step is the last: with s' the step before, s (s / s')^2, the next of quadratic convergence, is negligible."""
        length = self.step_length[fits]
        free = ~self.told[fits] & (self.absolute[fits] == 0)
        return free & (length <= SHORT) & (length**3 <= self.tolerance * moved**2)

    def _steps(self, fits: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """The steps (f, p) of some fits from the slopes of their objectives (f, p)."""
        if self.absolute[fits].any():
            return shrunken_step(self.penalised(fits), slope, self.coefficients[fits], self.absolute[fits])
        steps = np.zeros(slope.shape)
        for block in np.split(np.arange(fits.size), range(BLOCK, fits.size, BLOCK)):
            # Columns that are constant in all of them need no equation.
            columns = np.flatnonzero(self.usable[fits[block]].any(axis=0))
            matrices = self.penalised(fits[block])[:, columns[:, None], columns]
            steps[block[:, None], columns] = self.solve(matrices, slope[block[:, None], columns])
        return steps

    def penalised(self, fits: np.ndarray) -> np.ndarray:
        """Penalised information (f, p, p) of some fits; constant columns become those of the identity, so that they drop out."""
        usable, penalty = self.usable[fits], self.penalties[fits, None]
        matrices = unpack_symmetric(self.information[fits], usable.shape[1])
        if not usable.all():
            matrices[~(usable[:, :, None] & usable[:, None, :])] = 0.0
        np.einsum("fii->fi", matrices)[...] += np.where(usable, penalty, 1.0)
        return matrices

    def _best(self, fits: np.ndarray, loglik: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each fit the place (number) of its group with the highest objective, its own trial where that is as high, and how high."""
        squares, sizes = (places**2).sum(axis=1), np.abs(places).sum(axis=1)
        objective = loglik - self.penalties[fits, None] / 2 * squares - self.absolute[fits, None] * sizes
        told = (self.groups[fits, None] == self.groups[self.asked]) & ~np.isnan(objective)
        objective = np.where(told, objective, -np.inf)
        each, best = np.arange(fits.size), np.argmax(objective, axis=1)
        own = np.searchsorted(self.asked, fits).clip(max=self.asked.size - 1)
        highest = objective[each, best]
        stays = (self.asked[own] == fits) & (objective[each, own] >= highest - _slack(highest))
        best = np.where(stays, own, best)
        return best, objective[each, best]

    def restart(self) -> None:
        """Go on from where the fits stand as if from a start, all of them: what they maximise is another sum from now on."""
        self.trial = self.coefficients.copy()
        self.objective = np.full_like(self.objective, -np.inf)
        self.running = np.ones_like(self.running)
        self.asked = np.flatnonzero(self.running)

    def _halve(self, fits: np.ndarray) -> None:
        self.step[fits] /= 2
        self.trial[fits] = self.coefficients[fits] + self.step[fits]

    def covariance(self, fit: int) -> np.ndarray:
        """The inverse penalised information (p, p), conditional on the penalty; 0 for constant columns."""
        return self.of_usable(fit, np.linalg.inv(self.penalised(np.array([fit]))[0]))

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


def _slack(objective: np.ndarray) -> np.ndarray:
    """What an objective may fall by and still count as high: rounding."""
    return 1e-10 * (1 + np.abs(objective))


def unpack_symmetric(upper: np.ndarray, p: int) -> np.ndarray:
    """Symmetric matrices (F, p, p) from their upper triangles (F, p(p+1)/2)."""
    return np.take(upper, _place(p), axis=1)


def pack_symmetric(matrices: np.ndarray) -> np.ndarray:
    """Upper triangles (F, p(p+1)/2) of symmetric matrices (F, p, p)."""
    fits, p, _ = matrices.shape
    return np.take(matrices.reshape(fits, p * p), _upper(p), axis=1)


@cache
def _upper(p: int) -> np.ndarray:
    """Where the upper triangle stands in a matrix (p, p) row by row."""
    return np.flatnonzero(np.triu(np.ones((p, p), dtype=bool)))


@cache
def _place(p: int) -> np.ndarray:
    """Where the entries of a symmetric matrix (p, p) stand in its upper triangle."""
    rows, columns = np.triu_indices(p)
    place = np.empty((p, p), dtype=np.intp)
    place[rows, columns] = place[columns, rows] = np.arange(rows.size)
    return place
