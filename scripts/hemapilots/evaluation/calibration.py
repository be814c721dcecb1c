"""Calibration at a horizon for a batch of patient weights: O/E, intercept and slope, smoothed curve, ICI, E50, E90; and D-calibration.

What happened by the horizon t is 0 or 1, weighted by the inverse probability of being seen: 1 / G(time-) of those with an event of
either kind by t, 1 / G(t) of those who outlive it, 0 of those censored before. On the complementary log-log scale, where a Cox
model's predictions shift by a constant if its baseline is wrong, a binomial regression on cloglog(risk) gives the slope; with slope 1
the intercept; on a natural cubic spline of cloglog(risk) the smoothed curve (Austin et al. 2020, 2022, with weights for censoring).
Bootstrap replicates take one Newton step from the estimate, which is exact to first order.

A risk of 0 has no place on that scale: a site's baseline that begins with its first event tells everybody 0 until then. Such a
patient without the event adds nothing to the likelihood of a line that rises, one with it makes it impossible. Both are left out of
regression and curve, and the number of patients that they rest on says so; where a tenth or more are left out nothing is estimated.
O/E and the errors count everybody.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hemapilots.evaluation.censoring import Weighted, probability_by

__all__ = [
    "BINS",
    "GROUPS",
    "ON_THE_SCALE",
    "Status",
    "cloglog",
    "d_calibration",
    "d_calibration_shares",
    "fit",
    "knots_of",
    "on_the_scale",
    "one_step",
    "spline",
]

# Replicates of ICI, E50 and E90 are computed on this many groups of neighbouring predictions; the estimate on every patient.
GROUPS = 100
BINS = 10
ON_THE_SCALE = ("calibration_intercept", "calibration_slope", "ici", "e50", "e90")
KNOTS = (0.1, 0.5, 0.9)
FEWEST_VALUES = 5
SMALLEST = 1e-6
LEAST_INSIDE = 0.9
Line = tuple[np.ndarray, np.ndarray]
TRIANGLES = {size: np.triu_indices(size) for size in (1, 2, 3)}


def cloglog(risk: np.ndarray) -> np.ndarray:
    """log(-log(1 - risk)), risks kept a millionth away from 0 and 1."""
    return np.log(-np.log1p(-np.clip(risk, SMALLEST, 1 - SMALLEST)))


def on_the_scale(risk: np.ndarray) -> np.ndarray:
    """Whose predicted risk (n,) is a millionth or more; towards 1 the scale does not run away as it does towards 0."""
    return risk >= SMALLEST


def probability(predictor: np.ndarray) -> np.ndarray:
    """The inverse of `cloglog`."""
    return -np.expm1(-np.exp(np.clip(predictor, -30, 3.5)))


def knots_of(predictor: np.ndarray) -> np.ndarray | None:
    """Three knots at fixed percentiles; None where they are not apart, or there are too few distinct values to bend a curve."""
    knots = np.quantile(predictor, KNOTS)
    apart = knots[0] < knots[1] < knots[2] and len(np.unique(predictor)) >= FEWEST_VALUES
    return knots if apart else None


def spline(predictor: np.ndarray, knots: np.ndarray | None) -> np.ndarray:
    """Natural cubic spline basis (n, 3): 1, x, and Harrell's truncated cubic, linear beyond the outer knots; without knots 1 and x."""
    plain = np.column_stack([np.ones_like(predictor), predictor])
    if knots is None:
        return plain
    low, middle, high = knots
    cubes = [np.maximum(predictor - knot, 0.0) ** 3 for knot in knots]
    bend = cubes[0] - (cubes[1] * (high - low) - cubes[2] * (middle - low)) / (high - middle)
    return np.column_stack([plain, bend / (high - low) ** 2])


def fit(basis: np.ndarray, status: np.ndarray, mass: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Coefficients (k,) of a weighted binomial regression with complementary log-log link by Newton's method; nan if none is reached."""
    theta = np.zeros(basis.shape[1])
    theta[1:2] = 1.0 if basis.shape[1] > 1 else 0.0
    reached = _likelihood(basis @ theta + offset, status, mass)
    for _ in range(50):
        scores, information = _contributions(basis, status, basis @ theta + offset)
        try:
            step = np.linalg.solve(_symmetric(mass @ information, len(theta)), mass @ scores)
        except np.linalg.LinAlgError:
            break
        if np.abs(step).max() < 1e-10:
            return theta + step
        # A full step may lead out of where the likelihood is near a parabola, as when some are told a risk of 0 or 1.
        for _ in range(30):
            tried = _likelihood(basis @ (theta + step) + offset, status, mass)
            if tried >= reached - 1e-12 * abs(reached):
                break
            step = step / 2
        theta, reached = theta + step, tried
    return np.full(len(theta), np.nan)


def _likelihood(predictor: np.ndarray, status: np.ndarray, mass: np.ndarray) -> float:
    """Weighted log-likelihood of what happened."""
    hazard = np.exp(np.clip(predictor, -30, 3.5))
    return float(mass @ np.where(status > 0, np.log(-np.expm1(-hazard)), -hazard))


def one_step(basis: np.ndarray, status: np.ndarray, mass: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Coefficients (batch, k) for masses (batch, n): the fit of row 0, and one Newton step from it for the others."""
    return one_step_each([(basis, offset)], status, mass)[0]


def one_step_each(lines: list[Line], status: np.ndarray, mass: np.ndarray) -> list[np.ndarray]:
    """`one_step` of several regressions, whose sums over patients are taken together."""
    thetas = [fit(basis, status, mass[0], offset) for basis, offset in lines]
    parts = [
        np.column_stack(_contributions(basis, status, basis @ theta + offset))
        for (basis, offset), theta in zip(lines, thetas, strict=True)
    ]
    ends = np.cumsum([part.shape[1] for part in parts])[:-1]
    sums = np.split(mass @ np.column_stack(parts), ends, axis=1)
    return [_stepped(theta, one) for theta, one in zip(thetas, sums, strict=True)]


def _stepped(theta: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Coefficients (batch, k) one step from theta, for sums (batch, ...) of scores and information; nan where there is none."""
    size = len(theta)
    steps = np.full((len(sums), size), np.nan)
    if np.isfinite(theta).all():
        matrices = _symmetric(sums[:, size:], size)
        # Against the product of its diagonal, the determinant of a matrix tells how near it is to a singular one.
        solvable = np.linalg.det(matrices) > 1e-12 * np.diagonal(matrices, axis1=1, axis2=2).prod(axis=1)
        steps[solvable] = np.linalg.solve(matrices[solvable], sums[solvable, :size, None])[:, :, 0]
    return theta + steps


def _contributions(basis: np.ndarray, status: np.ndarray, predictor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores (n, k) and upper triangles of the observed information (n, k(k+1)/2) of the patients; the likelihood is concave."""
    hazard = np.exp(np.clip(predictor, -30, 3.5))
    expected = -np.expm1(-hazard)
    rate, slope = hazard / expected, hazard * (1 - expected)
    left = status - expected
    weight = slope * rate - left * rate * (1 - slope / expected)
    rows, columns = TRIANGLES[basis.shape[1]]
    return basis * (left * rate)[:, None], basis[:, rows] * basis[:, columns] * weight[:, None]


def _symmetric(upper: np.ndarray, size: int) -> np.ndarray:
    rows, columns = TRIANGLES[size]
    out = np.empty((*upper.shape[:-1], size, size))
    out[..., rows, columns] = out[..., columns, rows] = upper
    return out


@dataclass(frozen=True)
class Status:
    """What had happened by a horizon to patients under a batch of weights; prepared once for every prediction that is judged."""

    outcomes: Weighted
    horizon: float

    @cached_property
    def event(self) -> np.ndarray:
        """1 for the event by the horizon (n,)."""
        return ((self.outcomes.event == 1) & (self.outcomes.time <= self.horizon)).astype(float)

    @cached_property
    def mass(self) -> np.ndarray:
        """Patient weights times the inverse probability of being seen (batch, n)."""
        gone = (self.outcomes.event != 0) & (self.outcomes.time <= self.horizon)
        reached = self.outcomes.curves.at(np.array([self.horizon]))
        alive = np.divide(1.0, reached, out=np.zeros_like(reached), where=reached > 0)
        return self.outcomes.mass * gone + self.outcomes.weights * (self.outcomes.time > self.horizon) * alive

    @property
    def total(self) -> np.ndarray:
        """Sum of patient weights (batch,)."""
        return self.outcomes.total

    @cached_property
    def observed(self) -> np.ndarray:
        """Probability of the event by the horizon (batch,): Kaplan-Meier, or Aalen-Johansen where events compete."""
        return probability_by(self.horizon, self.outcomes.time, self.outcomes.event, self.outcomes.weights)

    @cached_property
    def null_brier(self) -> np.ndarray:
        """Brier score (batch,) of telling everybody the observed probability; nan where all have the event, or nobody, for then nothing
        is left to be gained."""
        with_event = self.mass @ self.event
        without = self.mass @ (1 - self.event)
        error = ((1 - self.observed) ** 2 * with_event + self.observed**2 * without) / self.total
        return np.where(error > 1e-12, error, np.nan)

    def ratio(self, risk: np.ndarray) -> dict[str, np.ndarray]:
        """oe (batch,) of predicted risks (n,): events observed over expected."""
        expected = self.outcomes.weights @ risk / self.total
        return {"oe": np.divide(self.observed, expected, out=np.full_like(expected, np.nan), where=expected > 0)}

    def measures(self, risk: np.ndarray) -> dict[str, np.ndarray]:
        """oe, calibration_intercept, calibration_slope, ici, e50, e90 (batch,) of predicted risks (n,)."""
        found = self.ratio(risk)
        part, told = self._inside(risk)
        if part is None:
            return found | {name: np.full(len(self.total), np.nan) for name in ON_THE_SCALE}
        return found | part._on_the_scale(told)

    def _inside(self, risk: np.ndarray) -> tuple["Status | None", np.ndarray]:
        """Those whose risk is on the scale, with their risks; None where they are less than nine in ten."""
        inside = on_the_scale(risk)
        if inside.all():
            return self, risk
        if not inside.size or np.mean(inside) <= LEAST_INSIDE:
            return None, risk
        return Status(self.outcomes.of(np.flatnonzero(inside)), self.horizon), risk[inside]

    def _on_the_scale(self, risk: np.ndarray) -> dict[str, np.ndarray]:
        predictor, flat = cloglog(risk), np.ones((len(risk), 1))
        straight, basis, nothing = (
            np.column_stack([flat, predictor]),
            spline(predictor, knots_of(predictor)),
            np.zeros_like(risk),
        )
        lines = [(flat, predictor), (straight, nothing), (basis, nothing)]
        shift, line, theta = one_step_each(lines, self.event, self.mass)
        found = {"calibration_intercept": shift[:, 0], "calibration_slope": line[:, 1]}
        return found | self._distances(risk, basis, theta)

    def smoothed(self, risk: np.ndarray, at: np.ndarray) -> np.ndarray:
        """The smoothed calibration curve (batch, m): probability of the event given predicted risks `at` (m,)."""
        part, told = self._inside(risk)
        if part is None:
            return np.full((len(self.total), len(at)), np.nan)
        predictor = cloglog(told)
        knots = knots_of(predictor)
        theta = one_step(spline(predictor, knots), part.event, part.mass, np.zeros_like(told))
        return probability(theta @ spline(cloglog(at), knots).T)

    def _distances(self, risk: np.ndarray, basis: np.ndarray, theta: np.ndarray) -> dict[str, np.ndarray]:
        """Mean, median and 90th percentile of |smoothed - predicted|, of curves theta (batch, k) on a basis (n, k)."""
        order = np.argsort(risk, kind="stable")
        risk, basis = risk[order], basis[order]
        starts = np.unique(np.linspace(0, len(risk), min(GROUPS, len(risk)), endpoint=False).astype(int))
        sizes = np.diff(np.r_[starts, len(risk)])
        weights = np.add.reduceat(self.outcomes.weights[:, order], starts, axis=1)
        middle = np.add.reduceat(basis, starts, axis=0) / sizes[:, None]
        apart = np.abs(probability(theta @ middle.T) - np.add.reduceat(risk, starts) / sizes)
        found = _summary(apart, weights)
        exact = _summary(np.abs(probability(basis @ theta[0]) - risk)[None], self.outcomes.weights[:1, order])
        for name, values in found.items():
            values[0] = exact[name][0]
            values[~np.isfinite(theta).all(axis=1)] = np.nan
        return found


def _summary(apart: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Weighted mean, median and 90th percentile of each row."""
    rows, order = np.arange(len(apart))[:, None], np.argsort(apart, axis=1)
    values, share = apart[rows, order], np.cumsum(weights[rows, order], axis=1)
    share = share / share[:, -1:]
    found = {"ici": (apart * weights).sum(axis=1) / weights.sum(axis=1)}
    for name, level in (("e50", 0.5), ("e90", 0.9)):
        place = (share < level - 1e-12).sum(axis=1)
        found[name] = values[rows[:, 0], place]
    return found


def d_calibration_shares(outcomes: Weighted, survival: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Share of patients (batch, 10) whose predicted survival at their own time lies in each tenth, from the lowest (Haider et al. 2020).

    `survival` (n, t) on `grid` (t,), joined by straight lines from 1 at time 0. Who is censored, or outlives the grid, is spread
    over the tenths below: s, the survival then, is itself spread evenly between 0 and s.
    """
    last = grid[-1]
    time = np.minimum(outcomes.time, last)
    edges = np.r_[0.0, grid]
    right = np.clip(np.searchsorted(edges, time, side="left"), 1, len(grid))
    padded = np.column_stack([np.ones(len(time)), survival])
    rows = np.arange(len(time))
    left_value, right_value = padded[rows, right - 1], padded[rows, right]
    part = (time - edges[right - 1]) / (edges[right] - edges[right - 1])
    reached = np.clip(left_value + part * (right_value - left_value), 1e-9, 1.0)
    lower = np.arange(BINS) / BINS
    died = (outcomes.event == 1) & (outcomes.time <= last)
    place = np.minimum((reached * BINS).astype(int), BINS - 1)
    spread = np.clip(reached[:, None] - lower, 0.0, 1 / BINS) / reached[:, None]
    belongs = np.where(died[:, None], np.eye(BINS)[place], spread)
    return outcomes.weights @ belongs / outcomes.weights.sum(axis=1, keepdims=True)


def d_calibration(shares: np.ndarray) -> np.ndarray:
    """How many patients (share, batch) stand in the wrong tenth: half the summed distances of the shares from one tenth."""
    return np.abs(shares - 1 / BINS).sum(axis=1) / 2
