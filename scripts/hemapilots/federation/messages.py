"""Every type of message that may leave a site: its fields, what it reveals, and the packing into Flower records."""

from dataclasses import dataclass

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict

MAXIMUM_BYTES = 1 << 30


@dataclass(frozen=True)
class MessageType:
    """fields: the only arrays it may carry. supported: its values are sums or estimates over patients, so the support rule applies.

    exact: it carries values of single patients (times, risk-set sums) and is refused where the gate is enforced.
    """

    fields: tuple[str, ...]
    supported: bool = True
    exact: bool = False


MESSAGE_TYPES = {
    "moments": MessageType(("patients", "events", "observed", "sums", "squares")),
    "median_counts": MessageType(("counts",)),
    "agreed": MessageType(("ready",), supported=False),
    "newton_statistics": MessageType(("loglik", "gradient", "information")),
    "descent": MessageType(("coefficients",)),
    "likelihoods": MessageType(("loglik",)),
    "baselines": MessageType(("baseline",)),
    "death_counts": MessageType(("times",), exact=True),
    "risk_sums": MessageType(("s0", "d0", "deaths", "eta", "s1", "d1", "x"), exact=True),
    "weighted_squares": MessageType(("information",)),
    # Files that a site releases; their small cells are suppressed where they are made.
    "support": MessageType(("support",), supported=False),
    "quality": MessageType(("quality",), supported=False),
    "site_metrics": MessageType(("site_metrics",), supported=False),
    "site_counts": MessageType(("site_counts",), supported=False),
    "curves": MessageType(("curves",), supported=False),
    "local_model": MessageType(("arrays",), supported=True),
}


def pack(arrays: dict[str, np.ndarray], examples: int = 0) -> RecordDict:
    """A Flower record of arrays, with the number of patients as Flower's averaging weight."""
    record = ArrayRecord({name: Array(np.ascontiguousarray(value)) for name, value in arrays.items()})
    return RecordDict({"arrays": record, "metrics": MetricRecord({"num-examples": examples})})


def instruct(arrays: dict[str, np.ndarray], config: dict) -> RecordDict:
    """A Flower record of arrays with the task's configuration."""
    record = ArrayRecord({name: Array(np.ascontiguousarray(value)) for name, value in arrays.items()})
    return RecordDict({"arrays": record, "config": ConfigRecord(config)})


def unpack(record: ArrayRecord) -> dict[str, np.ndarray]:
    """The arrays of a Flower record."""
    return {name: array.numpy() for name, array in record.items()}
