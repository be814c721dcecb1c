"""Flower's own strategies over fits in lock-step: one instance for each training set, each with that set's own weights."""

import logging
from collections.abc import Iterable

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message, MessageType, MetricRecord, RecordDict
from flwr.serverapp import Grid
from flwr.serverapp.strategy import (
    FedAdagrad,
    FedAdam,
    FedAvg,
    FedAvgM,
    FedMedian,
    FedProx,
    FedTrimmedAvg,
    FedYogi,
    Krum,
    Strategy,
)

from hemapilots.federation.messages import examples_in, instruct, pack, unpack
from hemapilots.federation.strategies.base import OwnStrategy

EVERY_SITE = {"min_train_nodes": 1, "min_evaluate_nodes": 1, "min_available_nodes": 1}
ADAPTIVE = {"server_rate": "eta", "tau": "tau"}
# Name in the protocol: Flower's class and its arguments by our names.
FLOWER: dict[str, tuple[type[Strategy], dict[str, str]]] = {
    "fedavg": (FedAvg, {}),
    "fedprox": (FedProx, {"mu": "proximal_mu"}),
    "fedadam": (FedAdam, ADAPTIVE | {"beta_1": "beta_1", "beta_2": "beta_2"}),
    "fedyogi": (FedYogi, ADAPTIVE | {"beta_1": "beta_1", "beta_2": "beta_2"}),
    "fedadagrad": (FedAdagrad, ADAPTIVE),
    "fedavgm": (FedAvgM, {"server_rate": "server_learning_rate", "momentum": "server_momentum"}),
    "fedmedian": (FedMedian, {}),
    "fedtrimmedavg": (FedTrimmedAvg, {"trimmed": "beta"}),
    "krum": (Krum, {"malicious": "num_malicious_nodes"}),
    # A client's control variate is averaged like its parameters; what makes it SCAFFOLD happens at the sites.
    "scaffold": (FedAvg, {}),
}


class LockStep(OwnStrategy):
    """Runs a strategy of Flower's once per group of fits (F,) on the group's part of every message.

    A site says how many patients each fit learned from; so a fold's average is weighted by that fold's training patients.
    """

    def __init__(self, options: dict, groups: np.ndarray):
        """options: `name` and what the protocol sets; groups (F,) the training set of each fit."""
        # One line per group and round would drown the log.
        logging.getLogger("flwr").setLevel(logging.ERROR)
        made, arguments = FLOWER[options["name"]]
        given = {theirs: options[ours] for ours, theirs in arguments.items()}
        self.members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
        self.strategies = [made(**EVERY_SITE, **given) for _ in self.members]
        self.state: dict[str, np.ndarray] = {}

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """The whole state to every site, with what Flower's strategy adds to the instructions."""
        self.state = state = unpack(arrays)
        for strategy, members in zip(self.strategies, self.members, strict=True):
            strategy.configure_train(server_round, _part(state, members), config, grid)
        content = RecordDict({"arrays": arrays, "config": config})
        return [Message(content, node, MessageType.TRAIN) for node in grid.get_node_ids()]

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Each group aggregated by its own strategy over the sites that have patients in it, put together again."""
        answers = [
            (unpack(reply.content["arrays"]), examples_in(reply), reply.metadata.src_node_id) for reply in replies
        ]
        merged = {name: value.copy() for name, value in self.state.items()}
        for strategy, members in zip(self.strategies, self.members, strict=True):
            parts = [_reply(*answer, members) for answer in answers if answer[1][members[0]]]
            if not parts:
                continue
            found, _ = strategy.aggregate_train(server_round, parts)
            for name, value in unpack(found).items():
                merged[name][members] = value
        return instruct(merged, {})["arrays"], MetricRecord()


def _part(state: dict[str, np.ndarray], members: np.ndarray) -> ArrayRecord:
    return instruct({name: value[members] for name, value in state.items()}, {})["arrays"]


def _reply(state: dict[str, np.ndarray], examples: np.ndarray, node: int, members: np.ndarray) -> Message:
    """A site's reply as Flower's strategy would have had it for these fits alone."""
    part = {name: value[members] for name, value in state.items()} | {"examples": examples[members[:1]]}
    return Message(pack(part), node, MessageType.TRAIN)
