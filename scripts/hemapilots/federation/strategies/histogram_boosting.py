"""Boosted trees grown by all sites together: each sends histograms, the server chooses the splits."""

from collections.abc import Iterable

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message, MessageType, MetricRecord
from flwr.serverapp import Grid

from hemapilots.federation.asking import summed
from hemapilots.federation.messages import instruct, unpack
from hemapilots.federation.strategies.base import OwnStrategy
from hemapilots.models.boosting import NOBODY
from hemapilots.support import MINIMUM_SUPPORT


class HistogramBoosting(OwnStrategy):
    """A round for each level of each tree; all fits grow side by side.

    settings: depth, learning_rate, l2 (added to the expected events of a leaf), leaf_patients at least, thresholds.
    """

    def __init__(self, settings: dict):
        self.settings, self.level = settings, 0
        self.state: dict[str, np.ndarray] = {}

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Ask every site for the histograms of the level that is next."""
        self.state = {name: value.copy() for name, value in unpack(arrays).items()}
        config["server-round"], config["task"], config["level"] = server_round, "bin_sums", self.level
        content = instruct(self.state, config)
        return [Message(content, node, MessageType.TRAIN) for node in grid.get_node_ids()]

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Choose the splits of the level; after the last one the tree gets its leaves."""
        total, state = summed(replies)["sums"], self.state
        fits, tree = np.arange(len(total)), state["grown"].astype(int)
        split, leaves = best_splits(total, self.settings)
        first, width = 2**self.level - 1, 2**self.level
        state["nodes"][fits[:, None], tree[:, None], first + np.arange(width)] = split
        self.level += 1
        if self.level == self.settings["depth"]:
            state["leaves"][fits, tree] = self.settings["learning_rate"] * leaves
            state["grown"] += 1
            self.level = 0
        return instruct(state, {})["arrays"], MetricRecord()


def best_splits(total: np.ndarray, settings: dict) -> tuple[np.ndarray, np.ndarray]:
    """Column and threshold of each node's best split (F, n, 2), and the values of both sides (F, 2n), from sums (F, n, p, h, 4).

    The gain is G^2 / (E + l2) of both sides less that of the node; a split that leaves a side with few patients or events is none, and
    both sides then keep the node's value.
    """
    left = total.cumsum(axis=3)[..., :-1, :]
    whole = total[:, :, :1].sum(axis=3, keepdims=True)
    right, l2 = whole - left, settings["l2"]
    gain = _gain(left, l2) + _gain(right, l2) - _gain(whole, l2)
    enough = (np.minimum(left[..., 2], right[..., 2]) >= settings["leaf_patients"] - 0.5) & (
        np.minimum(left[..., 3], right[..., 3]) >= MINIMUM_SUPPORT - 0.5
    )
    fits, nodes, _, cuts = gain.shape
    flat = np.where(enough, gain, -1.0).reshape(fits, nodes, -1)
    best = flat.argmax(axis=2)
    found = np.take_along_axis(flat, best[..., None], axis=2)[..., 0] > 1e-9
    column, at = best // cuts, best % cuts
    split = np.stack([np.where(found, column, NOBODY), np.where(found, np.array(settings["thresholds"])[at], 0.0)], -1)
    f, n = np.ogrid[:fits, :nodes]
    sides = np.stack([left[f, n, column, at], right[f, n, column, at]], axis=2)
    sides = np.where(found[..., None, None], sides, whole[:, :, 0])
    return split, (sides[..., 0] / (sides[..., 1] + l2)).reshape(fits, 2 * nodes)


def _gain(sums: np.ndarray, l2: float) -> np.ndarray:
    return sums[..., 0] ** 2 / (sums[..., 1] + l2)
