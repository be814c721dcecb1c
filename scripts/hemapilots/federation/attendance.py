"""Who answers: a federation goes on without the answers that do not come, and says whose they were."""

from collections.abc import Iterable

from flwr.app import Message, MessageType, RecordDict
from flwr.serverapp import Grid

from hemapilots.errors import HemaPilotsError
from hemapilots.federation.client import REFUSED

SILENT = "no answer came"


class Attendance(Grid):
    """The sites that take part, over any Grid; replies are those that can be used.

    An answer that is missing or not finite is left out and listed. Where `lasting`, or where the question was not for a round of
    training, its site is out from then on, so that all that is summed stands on the same sites; else the site is asked again in
    the next round. What a site's gate refuses stops the run, and so does a round that fewer than two of several sites answer.
    """

    def __init__(self, grid: Grid, lasting: bool):
        self.grid, self.lasting = grid, lasting
        self.nodes = list(grid.get_node_ids())
        self.least = min(2, len(self.nodes))
        self.absences: list[dict] = []

    def set_run(self, run) -> None:
        """Hand the run on."""
        self.grid.set_run(run)

    @property
    def run(self):
        """The run of the grid beneath."""
        return self.grid.run

    def create_message(
        self, content: RecordDict, message_type: str, dst_node_id: int, group_id: str, ttl: float | None = None
    ) -> Message:
        """A message to one site."""
        return self.grid.create_message(content, message_type, dst_node_id, group_id, ttl)

    def get_node_ids(self) -> Iterable[int]:
        """Node ids of the sites that take part."""
        return list(self.nodes)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Send messages."""
        return self.grid.push_messages(messages)

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """The replies as they are."""
        return self.grid.pull_messages(message_ids)

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        """The usable replies, in order of site."""
        messages = list(messages)
        replies = {reply.metadata.src_node_id: reply for reply in self.grid.send_and_receive(messages, timeout=timeout)}
        for reply in replies.values():
            if reply.has_error() and reply.error.code == REFUSED:
                raise HemaPilotsError(reply.error.reason)
        good = {node: reply for node, reply in replies.items() if not reply.has_error()}
        missing = [message for message in messages if message.metadata.dst_node_id not in good]
        reasons = [self._miss(message, replies.get(message.metadata.dst_node_id)) for message in missing]
        # A question to a single site may be asked again elsewhere, as long as there are sites.
        if reasons and len(good if len(messages) > 1 else self.nodes) < self.least:
            raise HemaPilotsError(f"too few sites answer for a federation: {reasons[0]}")
        return [good[node] for node in sorted(good)]

    def _miss(self, message: Message, reply: Message | None) -> str:
        """List what did not come; the reason."""
        node, config = message.metadata.dst_node_id, message.content["config"]
        reason = reply.error.reason if reply is not None and reply.error.reason else SILENT
        out = self.lasting or message.metadata.message_type != MessageType.TRAIN
        if out and node in self.nodes:
            self.nodes.remove(node)
        self._list(
            {
                "site": getattr(self.grid, "sites", {}).get(node, str(node)),
                "task": str(config["task"]),
                "reason": reason,
                "consequence": "out from then on" if out else "the round went on without it",
            },
            int(config.get("server-round", 0)),
        )
        return reason

    def _list(self, absence: dict, round_: int) -> None:
        """Absences of one kind are one entry with the first round and their number."""
        for known in self.absences:
            if absence.items() <= known.items():
                known["times"] += 1
                return
        self.absences.append(absence | {"round": round_, "times": 1})
