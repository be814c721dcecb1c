"""The protocol as it stands before training: every default filled in, every input hashed, and a hash of the whole."""

import hashlib
import json
from pathlib import Path

import yaml

from hemapilots.tables import write_text


def freeze(protocol: dict, path: Path) -> None:
    """Write protocol.yaml with `sha256` over its other fields."""
    write_text(path, yaml.safe_dump(protocol | {"sha256": digest(protocol)}, sort_keys=False, allow_unicode=True))


def digest(protocol: dict) -> str:
    """SHA-256 of a protocol's fields, `sha256` left out, as canonical JSON."""
    fields = {key: value for key, value in protocol.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
