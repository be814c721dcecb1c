"""Packing arrays into Flower records and back."""

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict


def pack(arrays: dict[str, np.ndarray]) -> RecordDict:
    """A Flower record of arrays; `examples`, patients in all (1,) or per fit (F,), becomes Flower's averaging weight."""
    arrays = dict(arrays)
    examples = [int(number) for number in arrays.pop("examples")]
    record = ArrayRecord({name: Array(np.ascontiguousarray(value)) for name, value in arrays.items()})
    return RecordDict(
        {"arrays": record, "metrics": MetricRecord({"num-examples": examples if len(examples) > 1 else examples[0]})}
    )


def examples_in(reply: Message) -> np.ndarray:
    """The patients that a reply rests on: (1,), or per fit (F,)."""
    return np.atleast_1d(np.asarray(reply.content["metrics"]["num-examples"], dtype=float))


def instruct(arrays: dict[str, np.ndarray], config: dict) -> RecordDict:
    """A Flower record of arrays with the task's configuration."""
    record = ArrayRecord({name: Array(np.ascontiguousarray(value)) for name, value in arrays.items()})
    return RecordDict({"arrays": record, "config": ConfigRecord(config)})


def unpack(record: ArrayRecord) -> dict[str, np.ndarray]:
    """The arrays of a Flower record, read-only."""
    return {name: _read(array) for name, array in record.items()}


def _read(array: Array) -> np.ndarray:
    """Flower's own reader parses every header anew, which costs more than a small array; a C-ordered body is read in place."""
    start = len(array.data) - int(np.prod(array.shape)) * np.dtype(array.dtype).itemsize
    if start < 0 or array.stype != "numpy.ndarray" or b"'fortran_order': False" not in array.data[:start]:
        return array.numpy()
    return np.frombuffer(array.data, array.dtype, offset=start).reshape(array.shape)
