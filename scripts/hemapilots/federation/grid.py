"""A federation inside one process: Flower's Grid interface over the sites' own ClientApps, answered in order of site."""

from collections.abc import Iterable

from flwr.app import Context, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid

# Flower makes a Message only where it knows which task it speaks for; its own runtimes set this, and there is no public way yet.
from flwr.supercore.task_identity import TaskIdentity


class LocalGrid(Grid):
    """Delivers each message to its site's app at once; replies are sorted by site, so sums do not depend on arrival."""

    def __init__(self, apps: dict[str, ClientApp]):
        """apps: site name to app; node ids are the rank of the name, from 1."""
        TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 0, 1
        self._run = None
        self.sites = dict(enumerate(sorted(apps), start=1))
        self._apps = {node: apps[site] for node, site in self.sites.items()}
        self._contexts = {node: Context(1, node, {}, RecordDict(), {}) for node in self.sites}
        self._replies: dict[str, Message] = {}

    def set_run(self, run) -> None:
        """Take the run that Flower's runtime would assign; nothing here needs one."""
        self._run = run

    @property
    def run(self):
        """The run that was set, if any."""
        return self._run

    def create_message(
        self, content: RecordDict, message_type: str, dst_node_id: int, group_id: str, ttl: float | None = None
    ) -> Message:
        """A message to one site."""
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> Iterable[int]:
        """Node ids of the sites."""
        return list(self.sites)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Deliver messages; their ids fetch the replies."""
        identifiers = []
        for message in messages:
            node = message.metadata.dst_node_id
            identifier = f"{len(self._replies)}-{node}"
            self._replies[identifier] = self._deliver(message, node)
            identifiers.append(identifier)
        return identifiers

    def _deliver(self, message: Message, node: int) -> Message:
        """A site's answer."""
        return self._apps[node](message, self._contexts[node])

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """The replies, in order of site."""
        replies = [self._replies.pop(identifier) for identifier in message_ids]
        return sorted(replies, key=lambda reply: reply.metadata.src_node_id)

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        """Deliver messages and return the replies in order of site."""
        return self.pull_messages(self.push_messages(messages))
