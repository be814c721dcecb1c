"""The one error that users are meant to read, and what may be said of all others.

The words of an unexpected error may quote a patient's cell: outside a site's folder only its kind and place are told.
"""

import traceback
from pathlib import Path

__all__ = ["HemaPilotsError", "frames", "sentence"]

DISK_FULL = 28


class HemaPilotsError(Exception):
    """Something a user can mend: the message names the file, the field or column, and the remedy in one sentence."""


def sentence(error: BaseException) -> str:
    """What went wrong, where, and what to do, in one sentence; of an unexpected error the kind and the place."""
    if isinstance(error, HemaPilotsError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        full = error.errno == DISK_FULL
        remedy = "free some space" if full else "check that the path exists and may be written or read"
        return f"{where}{error.strerror}; {remedy}, then run the same command again"
    if isinstance(error, MemoryError):
        return "out of memory; run with fewer cores or a smaller cohort"
    called = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(called[-1].filename).name}, line {called[-1].lineno}" if called else ""
    return f"unexpected {type(error).__name__}{place}; please report it"


def frames(error: BaseException) -> str:
    """The traceback of an error and of those behind it: kinds, files, lines and code, without what the errors say."""
    parts, seen = [], set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        head = "Traceback (most recent call last, messages left out):\n"
        parts.append(head + "".join(traceback.format_tb(error.__traceback__)) + f"{type(error).__name__}\n")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\nwhich came of\n".join(parts)
