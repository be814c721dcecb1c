"""The secret of a site that decides which counts are hidden beside the small ones: the same at every release."""

import hashlib
import os
import secrets
from pathlib import Path

from hemapilots.errors import HemaPilotsError

__all__ = ["site_secret"]

SHORTEST = 16


def site_secret(folder: Path, facts: str, gate: str) -> bytes:
    """The content of `secret` in the site's private folder.

    Where there is none, an enforced gate makes one at random, for its owner's eyes only; any other gate derives it from
    `facts` (pilot and site), so that public and synthetic pilots give the same bytes everywhere: that one is no secret.
    HemaPilotsError where the file is too short.
    """
    path = folder / "secret"
    if not path.exists():
        if gate != "enforce":
            return hashlib.sha256(f"hemapilots/{facts}".encode()).digest()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32) + "\n")
    secret = path.read_bytes().strip()
    if len(secret) < SHORTEST:
        raise HemaPilotsError(f"{path}: shorter than {SHORTEST} characters; remove it, and a new one is made")
    return secret
