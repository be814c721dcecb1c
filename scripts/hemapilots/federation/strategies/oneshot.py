"""One-shot Cox regression by a surrogate likelihood: ODAC (Duan et al. 2020), or with a baseline for each site (Luo et al. 2022)."""

from collections.abc import Iterable

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message, MessageType, MetricRecord
from flwr.serverapp import Grid

from hemapilots.federation.asking import summed
from hemapilots.federation.messages import examples_in, instruct
from hemapilots.federation.plan import Fitted
from hemapilots.federation.strategies.base import OwnStrategy
from hemapilots.federation.strategies.meta import Meta
from hemapilots.federation.strategies.newton import Newton


class OneShot(OwnStrategy):
    """Where the sites' own fits meet, everybody's gradient and information, and then the lead site alone, the one with most patients.

    statistics: Newton (a baseline for each site) or SharedNewton (one baseline), which knows how to ask for the second step.
    """

    def __init__(self, usable: np.ndarray, statistics: Newton):
        self.meta, self.statistics, self.converged = Meta(usable), statistics, False
        self.sizes: dict[int, float] = {}
        self.total, self.unconverged = (), 0
        # Of the statistics only what they sum up to is wanted, not the step that follows.
        self.statistics.advance = self._keep

    def _keep(self, loglik: np.ndarray, gradient: np.ndarray, information: np.ndarray) -> None:
        self.total = (gradient, information)

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Ask every site for its fits, then for statistics where they meet, then the lead site for the surrogate's maximum."""
        if not self.meta.converged:
            return self.meta.configure_train(server_round, arrays, config, grid)
        if not self.total:
            return self.statistics.configure_train(server_round, arrays, config, grid)
        gradient, information = self.total
        config["server-round"], config["task"] = server_round, "surrogate"
        payload = {"gradient": gradient, "information": information, "coefficients": self.meta.coefficients}
        content = instruct(payload, config)
        # The first of the largest that still answer.
        lead = max((node for node in self.sizes if node in grid.get_node_ids()), key=self.sizes.get)
        return [Message(content, lead, MessageType.TRAIN)]

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Go on to the next step."""
        replies = list(replies)
        if not self.meta.converged:
            self.sizes = {reply.metadata.src_node_id: examples_in(reply)[0] for reply in replies}
            found = self.meta.aggregate_train(server_round, replies)
            self.statistics.coefficients = self.meta.coefficients
            self.statistics.restart()
            return found
        if not self.total:
            self.statistics.aggregate_train(server_round, replies)
            return instruct({"coefficients": self.meta.coefficients}, {})["arrays"], MetricRecord()
        if not replies:
            return instruct({"coefficients": self.meta.coefficients}, {})["arrays"], MetricRecord()
        answer, self.converged = summed(replies), True
        self.unconverged = int(answer["unconverged"].sum())
        return instruct({"coefficients": answer["coefficients"]}, {})["arrays"], MetricRecord()

    def describe(self, fitted: Fitted) -> None:
        """Fits that did not converge, at their own site or of the surrogate."""
        fitted.unconverged = self.meta.unconverged + self.unconverged
