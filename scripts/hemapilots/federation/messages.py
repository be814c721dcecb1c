"""Packing arrays into Flower records and back."""

import io
import math
from functools import cache

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict


def pack(arrays: dict[str, np.ndarray], written: dict[str, Array] | None = None) -> RecordDict:
    """A Flower record of arrays; `examples`, patients in all (1,) or per fit (F,), becomes Flower's averaging weight.

    written: those of the arrays that already are Flower's.
    """
    arrays = dict(arrays)
    examples = [int(number) for number in arrays.pop("examples")]
    return RecordDict(
        {
            "arrays": record_of(arrays, written),
            "metrics": MetricRecord({"num-examples": examples if len(examples) > 1 else examples[0]}),
        }
    )


def examples_in(reply: Message) -> np.ndarray:
    """The patients that a reply rests on: (1,), or per fit (F,)."""
    return np.atleast_1d(np.asarray(reply.content["metrics"]["num-examples"], dtype=float))


def instruct(arrays: dict[str, np.ndarray], config: dict) -> RecordDict:
    """A Flower record of arrays with the task's configuration."""
    return RecordDict({"arrays": record_of(arrays), "config": ConfigRecord(config)})


def record_of(arrays: dict[str, np.ndarray], written: dict[str, Array] | None = None) -> ArrayRecord:
    """A Flower record of arrays, the same bytes as Flower's own; written: those that already are Flower's."""
    known = written or {}
    return ArrayRecord({name: known.get(name) or _write(np.ascontiguousarray(value)) for name, value in arrays.items()})


def unpack(record: ArrayRecord) -> dict[str, np.ndarray]:
    """The arrays of a Flower record, read-only."""
    return {name: _read(array) for name, array in record.items()}


def _write(value: np.ndarray) -> Array:
    """Flower's own writer makes every header anew, which costs more than a small array."""
    data = b"".join((_header(value.dtype.str, value.shape), value.data))
    return Array(dtype=str(value.dtype), shape=value.shape, stype="numpy.ndarray", data=data)


@cache
def _header(dtype: str, shape: tuple[int, ...]) -> bytes:
    """The header of numpy's own format."""
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": dtype, "fortran_order": False, "shape": shape})
    return out.getvalue()


def is_plain(array: Array) -> bool:
    """Whether the array's data is numpy's header and its values, and nothing else, so that who reads it sees all of it."""
    dtype, shape = np.dtype(array.dtype), tuple(array.shape)
    header = _header(dtype.str, shape)
    size = len(header) + dtype.itemsize * math.prod(shape)
    return array.stype == "numpy.ndarray" and array.data.startswith(header) and len(array.data) == size


def _read(array: Array) -> np.ndarray:
    """Flower's own reader parses every header anew, which costs more than a small array; a C-ordered body is read in place."""
    data, shape, dtype = array.data, tuple(array.shape), np.dtype(array.dtype)
    header = _header(dtype.str, shape)
    if array.stype != "numpy.ndarray" or not data.startswith(header):
        return array.numpy()
    return np.frombuffer(data, dtype, offset=len(header)).reshape(shape)
