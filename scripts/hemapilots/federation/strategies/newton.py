"""Newton's method on statistics summed over sites: exact, with step-halving, all fits in lock-step."""

from collections.abc import Iterable

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message, MessageType, MetricRecord
from flwr.serverapp import Grid

from hemapilots.federation.asking import summed
from hemapilots.federation.messages import instruct
from hemapilots.federation.plan import Fitted
from hemapilots.federation.strategies.base import OwnStrategy
from hemapilots.models import partial_likelihood as pl
from hemapilots.models.newton_steps import NewtonSteps, pack_symmetric


class Newton(NewtonSteps, OwnStrategy):
    """Cox regression stratified by site (`baseline: site`): log-likelihood, gradient and information leave, baselines stay.

    penalties (F,) with their share l1 (F,) on absolute values; usable (F, p) is False for constant columns; groups (F,): the training set
    of each fit, whose fits share what the sites answer; told (F,): the fits of the final model, see `NewtonSteps`.
    """

    task = "newton_statistics"

    def __init__(self, penalties: np.ndarray, usable: np.ndarray, ties: str, tolerance: float, **how):
        super().__init__(penalties, usable, tolerance, **how)
        self.ties, self.sites = ties, 0

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Ask every site for its statistics at the trial coefficients of the fits that need them."""
        self.sites = len(list(grid.get_node_ids()))
        content = instruct(
            {"coefficients": self.trial[self.asked], "active": self.asked},
            {"task": self.task, "ties": self.ties, "server-round": server_round},
        )
        return [Message(content, node, MessageType.TRAIN) for node in grid.get_node_ids()]

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Sum the sites' statistics and take the next Newton step; without one of the sites the fits go on among the rest."""
        replies = list(replies)
        if len(replies) < self.sites:
            self.restart()
            return self.result()
        total = summed(replies)
        self.advance(total["loglik"], total["gradient"], total["information"])
        return self.result()

    def describe(self, fitted: Fitted) -> None:
        """Add what only Newton's method knows: fits that still moved, errors and log-likelihood of the final model."""
        fitted.unconverged = int(self.running.sum())
        if not self.absolute[fitted.chosen[0]]:
            fitted.covariance = self.covariance(fitted.chosen[0])
            fitted.standard_errors = self.standard_errors(fitted.chosen[0], fitted.covariance)
        fitted.loglik = float(self.loglik[fitted.chosen[0]])

    def result(self) -> tuple[ArrayRecord, MetricRecord]:
        """The coefficients as Flower records."""
        return instruct({"coefficients": self.coefficients}, {})["arrays"], MetricRecord(
            {"running": int(self.running.sum())}
        )


class SharedNewton(Newton):
    """One baseline for all sites, exact on the times that the sites train on: original ones, or coarsened to a grid.

    Risk-set sums at every death time leave the sites, which reveals patients: the gate lets it pass only where it is not enforced. A
    step takes two rounds: the sums, then the squares they weight.
    """

    def __init__(self, *args, times: np.ndarray, **kwargs):
        """times (D,): the distinct death times of all sites."""
        super().__init__(*args, **kwargs)
        self.times = times
        self.sums: dict[str, np.ndarray] | None = None

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Ask for risk-set sums, or, once these are known, for the squares they weight."""
        self.sites = len(list(grid.get_node_ids()))
        payload = {"coefficients": self.trial[self.asked], "active": self.asked}
        if self.sums is not None:
            payload |= {"inverse": self.terms["inverse"], "inverse_f": self.terms["inverse_f"]}
        task = "risk_sums" if self.sums is None else "weighted_squares"
        content = instruct(payload, {"task": task, "ties": self.ties, "server-round": server_round})
        return [Message(content, node, MessageType.TRAIN) for node in grid.get_node_ids()]

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Keep the risk-set sums, or take the step; sums of a site that is lost meanwhile are of no use."""
        replies = list(replies)
        if len(replies) < self.sites:
            self.sums = None
            self.restart()
            return self.result()
        total = summed(replies)
        if self.sums is None:
            self.sums, self.terms = total, self._tie_terms(total)
            return self.result()
        information = total["information"] - pack_symmetric(self.terms["mean_square"])
        self.advance(self.terms["loglik"], self.terms["gradient"], information)
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
            out["mean_square"][k] = pl.mean_square(s1[:, None], d1[:, None], terms)[0]
        return out
