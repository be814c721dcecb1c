"""Questions from the server to every site."""

from collections.abc import Iterable

import numpy as np
from flwr.app import Message, MessageType
from flwr.serverapp import Grid

from hemapilots.errors import HemaPilotsError
from hemapilots.federation.messages import instruct, unpack


def send(grid: Grid, arrays: dict, config: dict, message_type: str = MessageType.QUERY) -> list[Message]:
    """Ask every site; replies in order of site."""
    content = instruct(arrays, config)
    return list(grid.send_and_receive([Message(content, node, message_type) for node in grid.get_node_ids()]))


def ask(grid: Grid, arrays: dict, config: dict) -> list[dict[str, np.ndarray]]:
    """Ask every site and return each one's arrays."""
    replies = send(grid, arrays, config)
    summed([reply for reply in replies if reply.has_error()])
    return [unpack(reply.content["arrays"]) for reply in replies]


def summed(replies: Iterable[Message]) -> dict[str, np.ndarray]:
    """The replies' arrays, added in order of site; an error reply stops the run with its reason."""
    total: dict[str, np.ndarray] = {}
    for reply in replies:
        if reply.has_error():
            raise HemaPilotsError(reply.error.reason)
        for name, value in unpack(reply.content["arrays"]).items():
            if name in total:
                total[name] += value
            else:
                total[name] = value.copy()
    return total
