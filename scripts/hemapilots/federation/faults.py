"""Faults of sites, as a scenario declares them, in a simulated federation: models and strategies know nothing of them."""

from collections.abc import Callable

import numpy as np
from flwr.app import Context, Error, Message, MessageType
from flwr.clientapp import ClientApp
from flwr.clientapp.typing import ClientAppCallable
from flwr.common.constant import ErrorCode

from hemapilots.federation.grid import LocalGrid
from hemapilots.federation.messages import examples_in, pack, unpack
from hemapilots.federation.release import Exit

__all__ = ["FaultyGrid", "mods_of", "strikes", "tampering"]

LATE = "its answer came after the round was closed and was discarded"
GONE = "the site has dropped out"


def strikes(fault: dict, round_: int) -> bool:
    """Whether a fault (round, share, seed) happens in a round: from its `round` on, in a `share` of the rounds drawn by `seed`."""
    return round_ >= fault["round"] and np.random.default_rng([fault["seed"], round_]).random() < fault["share"]


def mods_of(faults: dict[str, dict], site: str, exit_: Exit) -> list[Callable]:
    """What stands between a site's model and its exit: something where its fault, if any, is of the kinds `nan` and `poison`."""
    fault = faults.get(site)
    return [tampering(fault, exit_)] if fault and fault["kind"] in ("nan", "poison") else []


def tampering(fault: dict, exit_: Exit) -> Callable:
    """A Flower mod between a site's model and its exit: the answer to a round of training is not finite, or its update is multiplied."""

    def mod(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        reply, config = call_next(message, context), message.content["config"]
        if message.metadata.message_type != MessageType.TRAIN or not strikes(fault, int(config.get("server-round", 0))):
            return reply
        arrays, examples = unpack(reply.content["arrays"]), examples_in(reply)
        if fault["kind"] == "nan":
            arrays = {name: np.full(value.shape, np.nan) for name, value in arrays.items()}
        else:
            exit_.remark_next(f"scenario: the update is multiplied by {fault['factor']:g}")
            sent = unpack(message.content["arrays"])
            for name in arrays.keys() & sent.keys():
                arrays[name] = sent[name] + fault["factor"] * (arrays[name] - sent[name])
        return Message(pack(arrays | {"examples": examples}), reply_to=message)

    return mod


class FaultyGrid(LocalGrid):
    """A federation inside one process in which sites drop out for good, or answer too late."""

    def __init__(self, apps: dict[str, ClientApp], exits: dict[str, Exit], faults: dict[str, dict]):
        """faults: by site, of the kinds `drop` and `late`; other kinds and sites without an app are passed over."""
        super().__init__(apps)
        self._exits = exits
        self._faults = {site: fault for site, fault in faults.items() if site in apps}
        self._gone: set[str] = set()

    def _deliver(self, message: Message, node: int) -> Message:
        site, config = self.sites[node], message.content["config"]
        fault, round_ = self._faults.get(site, {"kind": "none"}), int(config.get("server-round", 0))
        training = message.metadata.message_type == MessageType.TRAIN
        if fault["kind"] == "drop" and training and round_ >= fault["round"]:
            self._gone.add(site)
        if site in self._gone:
            self._exits[site].silence(str(config["task"]), round_, GONE)
            return Message(Error(ErrorCode.NODE_UNAVAILABLE, f"site {site}: {GONE}"), reply_to=message)
        late = fault["kind"] == "late" and training and strikes(fault, round_)
        if late:
            self._exits[site].remark_next(LATE)
        reply = super()._deliver(message, node)
        return (
            Message(Error(ErrorCode.REPLY_MESSAGE_UNAVAILABLE, f"site {site}: {LATE}"), reply_to=message)
            if late
            else reply
        )
