"""Cox partial likelihood with tied deaths and delayed entry, in n log n, for several coefficient vectors at once.

Notation: at death time j with d deaths, S0, S1 are sums of exp(x.b) and x exp(x.b) over those at risk (entry < t <= exit),
D0, D1 the same over the dead. Efron (1977) replaces the d equal terms S0 by S0 - (l/d) D0, l = 0..d-1; Breslow (1974) keeps S0.
"""

from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array

OVERSHOT = -1e300
# Values of all fits' weighted rows at once, at most, so that memory does not grow with penalties.
BLOCK = 4_000_000
# Rows of at least so many values are added one by one: numpy's cumulative sum down the columns walks out of the processor's cache.
WIDE = 128


@dataclass(frozen=True)
class Indicator:
    """A matrix (count, size) with a one where a row (m,) belongs to a bin (m,), so that products with it sum over bins.

    Rows whose bin is negative belong to none.
    """

    bins: np.ndarray
    rows: np.ndarray
    count: int
    size: int

    def __matmul__(self, values: np.ndarray) -> np.ndarray:
        """Sums (count, k) of values (size, k)."""
        if values.shape[1] != 1:
            return self._matrix @ values
        bins, rows = self._kept
        return np.bincount(bins, weights=values[rows, 0], minlength=self.count)[:, None]

    @cached_property
    def _kept(self) -> tuple[np.ndarray, np.ndarray]:
        inside = self.bins >= 0
        return self.bins[inside], self.rows[inside]

    @cached_property
    def _matrix(self) -> csr_array:
        return csr_array((np.ones(len(self._kept[0])), self._kept), shape=(self.count, self.size))


@dataclass(frozen=True)
class RiskSets:
    """Who is at risk at each distinct death time; rows are sorted by exit time.

    times (D,), deaths (D,): distinct death times and deaths at each. first, last (n,): row i is at risk at times first[i] <= j < last[i].
    dead (m,): rows that died; group (m,): their death time. leaving, entering, dying (D, n) have a one where a row is last at risk at a
    death time, enters between it and the next, or dies at it, so products with them are sums; entering is None where nobody enters late.
    """

    times: np.ndarray
    deaths: np.ndarray
    first: np.ndarray
    last: np.ndarray
    dead: np.ndarray
    group: np.ndarray
    leaving: Indicator
    entering: Indicator | None
    dying: Indicator

    @classmethod
    def build(
        cls, entry: np.ndarray, time: np.ndarray, event: np.ndarray, times: np.ndarray | None = None
    ) -> "RiskSets":
        """Risk sets of rows sorted by `time`; `times` gives the death times of all sites where the baseline is shared."""
        died = event == 1
        times = np.unique(time[died]) if times is None else times
        last = np.searchsorted(times, time, side="right")
        first = np.searchsorted(times, entry, side="right")
        dead = np.flatnonzero(died)
        group = last[dead] - 1
        deaths = np.bincount(group, minlength=times.size)
        everyone = np.arange(time.size)
        leaving = Indicator(last - 1, everyone, times.size, time.size)
        entering = Indicator(first - 1, everyone, times.size, time.size) if first.any() else None
        return cls(
            times, deaths, first, last, dead, group, leaving, entering, Indicator(group, dead, times.size, time.size)
        )

    def over_risk_sets(self, values: np.ndarray) -> np.ndarray:
        """Sum of values (n, k) over those at risk at each death time: (D, k)."""
        change = self.leaving @ values
        if self.entering is not None:
            change -= self.entering @ values
        if values.shape[1] < WIDE:
            return np.cumsum(change[::-1], axis=0)[::-1]
        rows = list(change)
        for later, row in pairwise(reversed(rows)):
            np.add(row, later, out=row)
        return change

    def over_deaths(self, values: np.ndarray) -> np.ndarray:
        """Sum of values (n, k) over the dead of each death time: (D, k)."""
        return self.dying @ values

    def weights(self, hazard: np.ndarray, per_risk: np.ndarray, per_death: np.ndarray) -> np.ndarray:
        """Each row's expected number of events (n, L), from the sums over death rows of 1/s and (l/d)/s, both (D, L)."""
        return np.maximum(hazard * self.expected(per_risk, per_death), 0.0)

    def expected(self, per_risk: np.ndarray, per_death: np.ndarray) -> np.ndarray:
        """Each row's sum (n, L) of per_risk (D, L) over the death times at which it is at risk, less per_death at its own death."""
        cumulative = np.concatenate([np.zeros((1, per_risk.shape[1])), np.cumsum(per_risk, axis=0)])
        found = cumulative[self.last]
        if self.entering is not None:
            found = found - cumulative[self.first]
        found[self.dead] -= per_death[self.group]
        return found


@dataclass(frozen=True)
class TieTerms:
    """Sums over the death rows of each death time, all (D, L): 1/s, f/s, 1/s^2, f/s^2, f^2/s^2 and log s, with s = S0 - f D0."""

    inverse: np.ndarray
    inverse_f: np.ndarray
    square: np.ndarray
    square_f: np.ndarray
    square_ff: np.ndarray
    log: np.ndarray

    def of(self, fits: np.ndarray) -> "TieTerms":
        """The terms of some of the coefficient vectors."""
        return TieTerms(*(getattr(self, part.name)[:, fits] for part in fields(self)))

    def times(self, factor: np.ndarray) -> "TieTerms":
        """The terms of each death time multiplied by a factor (D,) that is not negative."""
        return TieTerms(*(getattr(self, part.name) * factor[:, None] for part in fields(self)))


def tie_terms(s0: np.ndarray, d0: np.ndarray, deaths: np.ndarray, ties: str) -> TieTerms:
    """TieTerms from the sums S0, D0 (D, L) and the deaths (D,) at each time; ties is `efron` or `breslow`."""
    if ties == "breslow" or not (deaths > 1).any():
        count = deaths[:, None].astype(float)
        inverse, zero = count / s0, np.zeros_like(s0)
        return TieTerms(inverse, zero, inverse / s0, zero, zero, count * np.log(s0))
    group = np.repeat(np.arange(deaths.size), deaths)
    starts = np.cumsum(deaths) - deaths
    fraction = ((np.arange(group.size) - starts[group]) / deaths[group])[:, None]
    s = s0[group] - fraction * d0[group]
    inverse = 1.0 / s
    rows = (inverse, fraction * inverse, inverse**2, fraction * inverse**2, (fraction * inverse) ** 2, np.log(s))
    return TieTerms(*np.add.reduceat(np.stack(rows), starts, axis=1))


@dataclass(frozen=True)
class Statistics:
    """Log partial likelihood (L,), its gradient (L, p) and, where asked for, its negative Hessian (L, p, p)."""

    loglik: np.ndarray
    gradient: np.ndarray
    information: np.ndarray | None


@np.errstate(over="ignore", divide="ignore", invalid="ignore")
def statistics(
    x: np.ndarray,
    coefficients: np.ndarray,
    sets: RiskSets,
    ties: str,
    information: bool = True,
    factor: np.ndarray | None = None,
) -> Statistics:
    """Partial-likelihood statistics of one stratum: x (n, p) sorted like `sets`, coefficients (L, p).

    factor (D,), not negative, multiplies what each death time adds: gradient and information of a coefficient that changes with time.
    A step so long that risk sums leave the range of floats gets the log-likelihood OVERSHOT and zeros, so that it is taken back.
    """
    count, p = coefficients.shape
    if sets.times.size == 0:
        return Statistics(np.zeros(count), np.zeros((count, p)), np.zeros((count, p, p)) if information else None)
    eta = x @ coefficients.T
    shift = eta.max(axis=0)
    hazard = np.exp(eta - shift)
    terms = tie_terms(sets.over_risk_sets(hazard), sets.over_deaths(hazard), sets.deaths, ties)
    died_eta, died_x = eta[sets.dead] - shift, x[sets.dead]
    if factor is not None:
        terms, at = terms.times(factor), factor[sets.group, None]
        died_eta, died_x = at * died_eta, at * died_x
    weights = sets.weights(hazard, terms.inverse, terms.inverse_f)
    loglik = died_eta.sum(axis=0) - terms.log.sum(axis=0)
    gradient = died_x.sum(axis=0) - weights.T @ x
    if not information:
        return Statistics(loglik, gradient, None)
    matrices = np.zeros((count, p, p))
    overshot = ~(np.isfinite(loglik) & np.isfinite(gradient).all(axis=1) & np.isfinite(terms.square).all(axis=0))
    loglik[overshot], gradient[overshot] = OVERSHOT, 0.0
    kept, at_once = np.flatnonzero(~overshot), max(1, BLOCK // max(x.size, 1))
    for fits in (kept[k : k + at_once] for k in range(0, kept.size, at_once)):
        means = mean_square(*risk_means(x, hazard[:, fits], sets), terms.of(fits))
        matrices[fits] = weighted_square(x, weights[:, fits]) - means
    return Statistics(loglik, gradient, matrices)


def loglik(x: np.ndarray, coefficients: np.ndarray, sets: RiskSets, ties: str) -> np.ndarray:
    """Log partial likelihood (L,) of one stratum."""
    if sets.times.size == 0:
        return np.zeros(len(coefficients))
    eta = x @ coefficients.T
    shift = eta.max(axis=0)
    hazard = np.exp(eta - shift)
    terms = tie_terms(sets.over_risk_sets(hazard), sets.over_deaths(hazard), sets.deaths, ties)
    return (eta[sets.dead] - shift).sum(axis=0) - terms.log.sum(axis=0)


def risk_means(x: np.ndarray, hazard: np.ndarray, sets: RiskSets) -> tuple[np.ndarray, np.ndarray]:
    """S1 and D1 (D, L, p) for coefficient vectors with hazards (n, L)."""
    shape = (sets.times.size, hazard.shape[1], x.shape[1])
    weighted = (hazard[:, :, None] * x[:, None, :]).reshape(len(x), shape[1] * shape[2])
    return sets.over_risk_sets(weighted).reshape(shape), sets.over_deaths(weighted).reshape(shape)


def weighted_square(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sums of w x x' (L, p, p); weights (n, L) are not negative."""
    return squares(np.sqrt(weights)[:, :, None] * x[:, None, :])


def mean_square(s1: np.ndarray, d1: np.ndarray, terms: TieTerms) -> np.ndarray:
    """Sums over death rows of (S1 - f D1)(S1 - f D1)' / s^2 (L, p, p), of S1, D1 (D, L, p) and their terms."""
    # a S S' - b (S D' + D S') + c D D' = r r' + (c - b^2/a) D D' with r = sqrt(a) S - b/sqrt(a) D; b and c are 0 of a single death.
    root, tied = np.sqrt(terms.square), np.flatnonzero(terms.square_f.any(axis=1))
    rows = root[:, :, None] * s1
    if tied.size == 0:
        return squares(rows)
    root, d1 = root[tied], d1[tied]
    cross = np.divide(terms.square_f[tied], root, out=np.zeros_like(root), where=root > 0)
    rest = np.sqrt(np.maximum(terms.square_ff[tied] - cross**2, 0.0))
    rows[tied] -= cross[:, :, None] * d1
    return squares(rows) + squares(rest[:, :, None] * d1)


def squares(rows: np.ndarray) -> np.ndarray:
    """Sums of r r' over the rows r of (n, L, p): (L, p, p)."""
    return np.matmul(rows.transpose(1, 2, 0), rows.transpose(1, 0, 2))


def baseline_hazard(hazard: np.ndarray, sets: RiskSets, ties: str) -> np.ndarray:
    """Cumulative baseline hazard after each death time (D,), for hazard = exp(x.b) (n,): Breslow's, or Efron's where ties is so."""
    column = hazard[:, None]
    return np.cumsum(tie_terms(sets.over_risk_sets(column), sets.over_deaths(column), sets.deaths, ties).inverse[:, 0])
