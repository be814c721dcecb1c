"""Meta-analysis of the sites' own fits in one round: inverse-variance weights, all coefficients together."""

from collections.abc import Iterable

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message, MessageType, MetricRecord
from flwr.serverapp import Grid

from hemapilots.federation.asking import summed
from hemapilots.federation.messages import instruct, unpack
from hemapilots.federation.plan import Fitted
from hemapilots.federation.strategies.base import OwnStrategy
from hemapilots.models.newton_steps import unpack_symmetric


class Meta(OwnStrategy):
    """b = (sum of I_k)^-1 (sum of I_k b_k) from each site's information I_k and coefficients b_k (fixed effects, multivariate).

    The card of the final model also has a random-effects analysis of each coefficient.
    """

    def __init__(self, usable: np.ndarray):
        """usable (F, p): False for constant columns."""
        self.usable, self.converged, self.unconverged = usable, False, 0
        self.coefficients = np.zeros(usable.shape)
        self.sites: list[dict[str, np.ndarray]] = []

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Every site's own fits."""
        config["server-round"], config["task"] = server_round, "local_fit"
        return [Message(instruct({}, config), node, MessageType.TRAIN) for node in grid.get_node_ids()]

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Weigh them together."""
        replies = list(replies)
        total, self.converged = summed(replies), True
        self.sites = [unpack(reply.content["arrays"]) for reply in replies]
        self.unconverged = int(total["unconverged"].sum())
        information = unpack_symmetric(total["information"], self.usable.shape[1])
        inverse = np.linalg.pinv(information, hermitian=True)
        self.coefficients = np.where(self.usable, np.einsum("fij,fj->fi", inverse, total["weighted"]), 0.0)
        return instruct({"coefficients": self.coefficients}, {})["arrays"], MetricRecord()

    def describe(self, fitted: Fitted) -> None:
        """Fits that did not converge at their site, and the random-effects analysis of the final model's unpenalised coefficients."""
        # scipy's statistics and optimisation take half a second to import.
        from hemapilots.random_effects import random_effects

        fitted.unconverged = self.unconverged
        fit, p = int(fitted.chosen[0]), self.usable.shape[1]
        if fitted.plan.fit_penalty[fit] > 0:
            fitted.more["meta_analysis"] = (
                "not made: a penalty shrinks the sites' estimates, so their spread is no evidence"
            )
            return
        estimates, variances = [], []
        for site in self.sites:
            inverse = np.linalg.pinv(unpack_symmetric(site["information"][[fit]], p)[0], hermitian=True)
            estimates.append(inverse @ site["weighted"][fit])
            variances.append(np.diag(inverse))
        tables = [
            random_effects(*column) for column in zip(np.transpose(estimates), np.transpose(variances), strict=True)
        ]
        fitted.more["meta_analysis"] = [
            {"column": name, **table} for name, table in zip(fitted.plan.columns, tables, strict=True)
        ]
