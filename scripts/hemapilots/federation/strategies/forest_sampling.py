"""Trees grown at the sites, as many at each as its share of the patients, and put together as one forest (Archetti et al. 2023)."""

from collections.abc import Iterable

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message, MessageType, MetricRecord
from flwr.serverapp import Grid

from hemapilots.federation.messages import examples_in, instruct, unpack
from hemapilots.federation.strategies.base import OwnStrategy


class ForestSampling(OwnStrategy):
    """Two rounds: how many patients each site has in each training set, then the trees.

    trees: in each forest. Trees are shared out by largest remainder and numbered through, so that no two draw the same rows.
    """

    def __init__(self, trees: int):
        self.trees = trees
        self.sizes: dict[int, np.ndarray] = {}
        self.quota: dict[int, np.ndarray] | None = None
        self.converged = False

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Ask for the sizes, or for each site's trees."""
        config["server-round"] = server_round
        config["task"] = "training_sizes" if self.quota is None else "grow"
        if self.quota is None:
            return [Message(instruct({}, config), node, MessageType.TRAIN) for node in grid.get_node_ids()]
        first, messages = 0, []
        for node, quota in self.quota.items():
            messages.append(
                Message(instruct({"quota": quota, "first": first + 0 * quota}, config), node, MessageType.TRAIN)
            )
            first = first + quota
        return messages

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Share out the trees, or put them together."""
        replies = list(replies)
        if self.quota is None:
            self.sizes = {reply.metadata.src_node_id: examples_in(reply) for reply in replies}
        # Without one of the sites that were to grow trees the others grow them all.
        if self.quota is None or len(replies) < len(self.quota):
            nodes = [reply.metadata.src_node_id for reply in replies]
            shares = np.apply_along_axis(shared_out, 0, np.array([self.sizes[node] for node in nodes]), self.trees)
            self.quota = dict(zip(nodes, shares, strict=True))
            return instruct({}, {})["arrays"], MetricRecord()
        self.converged = True
        quotas = [self.quota[reply.metadata.src_node_id].astype(int) for reply in replies]
        return instruct(together([unpack(reply.content["arrays"]) for reply in replies], quotas), {})[
            "arrays"
        ], MetricRecord()


def shared_out(sizes: np.ndarray, trees: int) -> np.ndarray:
    """Trees of each site (K,) in proportion to its patients, by largest remainder; the first site wins a tie."""
    exact = trees * sizes / sizes.sum()
    whole = np.floor(exact)
    order = np.argsort(whole - exact, kind="stable")[: int(trees - whole.sum())]
    whole[order] += 1
    return whole


def together(parts: list[dict[str, np.ndarray]], quotas: list[np.ndarray]) -> dict[str, np.ndarray]:
    """One forest for each fit from the first `quota` (F,) trees of each site: nodes (F, b, n, 3), leaves (F, b, l, T)."""
    out = {}
    for name in ("nodes", "leaves"):
        longest = max(part[name].shape[2] for part in parts)
        padded = [np.pad(part[name], ((0, 0), (0, 0), (0, longest - part[name].shape[2]), (0, 0))) for part in parts]
        fits = [
            np.concatenate([part[f, : quota[f]] for part, quota in zip(padded, quotas, strict=True)])
            for f in range(len(quotas[0]))
        ]
        out[name] = np.stack(fits)
    return out
