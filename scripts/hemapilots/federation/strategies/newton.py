"""Newton's method on statistics summed over sites: exact, with step-halving, all fits in lock-step."""

from collections.abc import Iterable

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message, MessageType, MetricRecord
from flwr.serverapp import Grid

from hemapilots.errors import HemaPilotsError
from hemapilots.federation.asking import summed
from hemapilots.federation.messages import instruct
from hemapilots.federation.plan import Fitted
from hemapilots.federation.strategies.base import OwnStrategy
from hemapilots.models import partial_likelihood as pl


class Newton(OwnStrategy):
    """Cox regression stratified by site (`baseline: site`): log-likelihood, gradient and information leave, baselines stay.

    penalties (F,); usable (F, p) is False for constant columns, whose coefficient stays 0.
    """

    task = "newton_statistics"

    def __init__(self, penalties: np.ndarray, usable: np.ndarray, ties: str, tolerance: float):
        self.penalties, self.usable, self.ties, self.tolerance = penalties, usable, ties, tolerance
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

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Ask every site for its statistics at the trial coefficients of the fits that still move."""
        active = np.flatnonzero(self.running)
        content = instruct(
            {"coefficients": self.trial[active], "active": active},
            {"task": self.task, "ties": self.ties, "server-round": server_round},
        )
        return [Message(content, node, MessageType.TRAIN) for node in grid.get_node_ids()]

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Sum the sites' statistics and take the next Newton step."""
        total = summed(replies)
        self.advance(total["loglik"], total["gradient"], unpack_symmetric(total["information"], self.trial.shape[1]))
        return self.result()

    def advance(self, loglik: np.ndarray, gradient: np.ndarray, information: np.ndarray) -> None:
        """Accept or halve the last step of each active fit, then set its next trial coefficients."""
        active = np.flatnonzero(self.running)
        trial, penalty = self.trial[active], self.penalties[active]
        objective = loglik - penalty / 2 * (trial**2).sum(axis=1)
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
        self.step[kept] = solve(self.information[kept], slope)
        self.step_length[kept] = np.abs(self.step[kept]).max(axis=1, initial=0.0)
        self.trial[kept] = self.coefficients[kept] + self.step[kept]
        self.running[kept] = self.step_length[kept] > self.tolerance

    def _halve(self, fits: np.ndarray) -> None:
        self.step[fits] /= 2
        self.trial[fits] = self.coefficients[fits] + self.step[fits]

    def describe(self, fitted: Fitted) -> None:
        """Add what only Newton's method knows: fits that still moved, errors and log-likelihood of the final model."""
        fitted.unconverged = int(self.running.sum())
        fitted.standard_errors = self.standard_errors(fitted.chosen[0])
        fitted.loglik = float(self.loglik[fitted.chosen[0]])

    def standard_errors(self, fit: int) -> np.ndarray:
        """sqrt of the diagonal of the inverse penalised information (p,), conditional on the penalty; nan for constant columns."""
        variance = np.diag(np.linalg.inv(self.information[fit]))
        return np.where(self.usable[fit], np.sqrt(variance), np.nan)

    def result(self) -> tuple[ArrayRecord, MetricRecord]:
        """The coefficients as Flower records."""
        return instruct({"coefficients": self.coefficients}, {})["arrays"], MetricRecord(
            {"running": int(self.running.sum())}
        )


class SharedNewton(Newton):
    """One baseline for all sites, exact on original times. Risk-set sums at every death time leave the sites, which reveals patients:
    the gate lets it pass only where it is not enforced. A step takes two rounds: the sums, then the squares they weight."""

    def __init__(self, *args, times: np.ndarray, **kwargs):
        """times (D,): the distinct death times of all sites."""
        super().__init__(*args, **kwargs)
        self.times = times
        self.sums: dict[str, np.ndarray] | None = None

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Ask for risk-set sums, or, once these are known, for the squares they weight."""
        active = np.flatnonzero(self.running)
        payload = {"coefficients": self.trial[active], "active": active}
        if self.sums is not None:
            payload |= {"inverse": self.terms["inverse"], "inverse_f": self.terms["inverse_f"]}
        task = "risk_sums" if self.sums is None else "weighted_squares"
        content = instruct(payload, {"task": task, "ties": self.ties, "server-round": server_round})
        return [Message(content, node, MessageType.TRAIN) for node in grid.get_node_ids()]

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Keep the risk-set sums, or take the step."""
        total = summed(replies)
        if self.sums is None:
            self.sums, self.terms = total, self._tie_terms(total)
            return self.result()
        squares = unpack_symmetric(total["information"], self.trial.shape[1])
        self.advance(self.terms["loglik"], self.terms["gradient"], squares - self.terms["mean_square"])
        self.sums = None
        return self.result()

    def _tie_terms(self, total: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Per active fit: weights for the sites (F, D), log-likelihood, gradient, and the part of the information known here."""
        (fits, d), p = total["s0"].shape, total["x"].shape[1]
        out = {"inverse": np.zeros((fits, d)), "inverse_f": np.zeros((fits, d)), "loglik": np.zeros(fits)}
        out |= {"gradient": np.zeros((fits, p)), "mean_square": np.zeros((fits, p, p))}
        for k in range(fits):
            at = np.flatnonzero(total["deaths"][k])
            if at.size == 0:
                continue
            s1, d1 = total["s1"][k, at], total["d1"][k, at]
            terms = pl.tie_terms(
                total["s0"][k, at, None], total["d0"][k, at, None], total["deaths"][k, at].astype(int), self.ties
            )
            out["inverse"][k, at], out["inverse_f"][k, at] = terms.inverse[:, 0], terms.inverse_f[:, 0]
            out["loglik"][k] = total["eta"][k] - terms.log.sum()
            out["gradient"][k] = total["x"][k] - terms.inverse[:, 0] @ s1 + terms.inverse_f[:, 0] @ d1
            out["mean_square"][k] = pl.mean_square(s1, d1, terms, 0)
        return out


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


def solve(matrices: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solutions (F, p); a singular matrix stops the run with the remedy."""
    try:
        return np.linalg.solve(matrices, right[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        raise HemaPilotsError(
            "protocol, penalties: predictors are collinear at penalty 0, so coefficients are not determined; use penalties above 0"
        ) from None
