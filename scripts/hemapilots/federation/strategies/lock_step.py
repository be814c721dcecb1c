"""Flower's own strategies over fits in lock-step, each fit with its training set's own weights."""

import logging
from collections.abc import Iterable, Iterator
from typing import NamedTuple

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

from hemapilots.federation.messages import examples_in, pack, record_of, unpack
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


class Answer(NamedTuple):
    """A site's arrays (F, ...), and its patients in the training set of each fit (F,)."""

    arrays: dict[str, np.ndarray]
    examples: np.ndarray
    node: int


class LockStep(OwnStrategy):
    """Runs a strategy of Flower's on all fits at once, or, where it looks at more than one number, on one after the other.

    A site says how many patients each fit learned from; so a fold's average is weighted by that fold's training patients.
    """

    def __init__(self, options: dict):
        """options: `name` and what the protocol sets."""
        # Several lines a round would drown the log.
        logging.getLogger("flwr").setLevel(logging.ERROR)
        made, arguments = FLOWER[options["name"]]
        self.flower = made(**EVERY_SITE, **{theirs: options[ours] for ours, theirs in arguments.items()})
        self.parts = {"fedmedian": _by_sites, "fedtrimmedavg": _by_sites, "krum": _by_fit}.get(
            options["name"], _average
        )
        self.state: dict[str, np.ndarray] = {}

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """The whole state to every site, with what Flower's strategy adds to the instructions."""
        self.state = unpack(arrays)
        self.flower.configure_train(server_round, arrays, config, grid)
        content = RecordDict({"arrays": arrays, "config": config})
        return [Message(content, node, MessageType.TRAIN) for node in grid.get_node_ids()]

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Each fit aggregated over the sites that have patients in it; a fit without any stays as it was."""
        answers = [
            Answer(unpack(reply.content["arrays"]), examples_in(reply), reply.metadata.src_node_id) for reply in replies
        ]
        merged = {name: value.copy() for name, value in self.state.items()}
        for fits, parts in self.parts(answers, self.state):
            found, _ = self.flower.aggregate_train(server_round, parts)
            for name, value in unpack(found).items():
                merged[name][fits] = value
        return record_of(merged), MetricRecord()


Parts = Iterator[tuple[np.ndarray, list[Message]]]


def _average(answers: list[Answer], state: dict[str, np.ndarray]) -> Parts:
    """All fits, as one reply that holds the sites' average.

    Flower weighs whole replies, so weights that differ between fits are applied here, by its own sums in its own order; what its
    strategy makes of an average acts on each number by itself.
    """
    examples = np.array([answer.examples for answer in answers])
    total = examples.sum(axis=0)
    weights = np.divide(examples, total, out=np.zeros_like(examples), where=total > 0)
    average = {name: np.where(_along(total, value) > 0, 0.0, value) for name, value in state.items()}
    for answer, weight in zip(answers, weights, strict=True):
        for name, value in answer.arrays.items():
            average[name] += value * _along(weight, value)
    yield np.arange(total.size), [_reply(average, answers[0].node)]


def _by_sites(answers: list[Answer], state: dict[str, np.ndarray]) -> Parts:
    """Fits in which the same sites have patients, together: what is made of a number's values at the sites needs no other number."""
    there = np.array([answer.examples > 0 for answer in answers])
    for pattern in np.unique(there, axis=1).T:
        if pattern.any():
            fits = np.flatnonzero((there == pattern[:, None]).all(axis=0))
            yield fits, [_part(answer, fits) for answer, present in zip(answers, pattern, strict=True) if present]


def _by_fit(answers: list[Answer], state: dict[str, np.ndarray]) -> Parts:
    """Each fit by itself: a site is chosen by all of a fit's numbers."""
    for fit in range(answers[0].examples.size):
        present = [answer for answer in answers if answer.examples[fit]]
        if present:
            yield np.array([fit]), [_part(answer, np.array([fit])) for answer in present]


def _along(values: np.ndarray, array: np.ndarray) -> np.ndarray:
    """Values (F,) for products with an array (F, ...)."""
    return values.reshape(-1, *[1] * (array.ndim - 1))


def _part(answer: Answer, fits: np.ndarray) -> Message:
    return _reply({name: value[fits] for name, value in answer.arrays.items()}, answer.node)


def _reply(arrays: dict[str, np.ndarray], node: int) -> Message:
    """A site's reply as Flower's strategy would have had it for these fits alone; weights have been seen to."""
    return Message(pack(arrays | {"examples": np.ones(1)}), node, MessageType.TRAIN)
