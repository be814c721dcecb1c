"""The exit of a site for its quality record, which is checked whole: it is the one file whose form is known to the last key."""

import json
from dataclasses import dataclass, field

from hemapilots.federation.message_types import MessageType
from hemapilots.federation.release import Exit
from hemapilots.quality.schema import record_fault
from hemapilots.support import MINIMUM_SUPPORT

__all__ = ["QualityExit"]


@dataclass
class QualityExit(Exit):
    """An exit that knows the use case and the mappings, and so every name and text that a quality record may carry.

    Under each gate counts of 1 to 4 are refused; under an enforced one also counts that are not rounded.
    """

    use_case: dict = field(kw_only=True)
    mappings: list[dict] = field(kw_only=True)

    def _record_fault(self, kind: MessageType, payload: dict) -> str | None:
        """What a quality record holds that may not leave, or None: it is read from the text that leaves."""
        if not kind.quality:
            return None
        rounding = MINIMUM_SUPPORT if self.gate == "enforce" else 1
        try:
            record = json.loads(payload["quality"], object_pairs_hook=_each_once)
        except ValueError:
            return "it is not JSON, or names a key twice"
        return record_fault(record, self.use_case, self.mappings, MINIMUM_SUPPORT, rounding)


def _each_once(pairs: list[tuple]) -> dict:
    """An object; of a key that stands twice a reader would see the last only, and the first would leave unread."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)
