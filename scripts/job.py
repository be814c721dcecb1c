"""Runs one Snakemake job: everything said goes to the job's log, and a failure reaches the terminal as one sentence."""

import os
import sys
import traceback
from contextlib import contextmanager

import hemapilots  # noqa: F401  pins linear algebra to one thread before numpy is loaded
from hemapilots.errors import HemaPilotsError


@contextmanager
def job(snakemake):
    """Send output, warnings and any traceback to the log; on failure print one sentence with the log's path and exit with 1."""
    terminal = os.dup(2)
    with open(snakemake.log[0], "w", encoding="utf-8") as log:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            yield
        except Exception as error:
            traceback.print_exc()
            sys.stderr.flush()
            name = ", ".join([snakemake.rule, *snakemake.wildcards])
            os.write(terminal, f"\nhemapilots: {name}: {sentence(error)} (log: {snakemake.log[0]})\n\n".encode())
            raise SystemExit(1) from None


def sentence(error: Exception) -> str:
    """What went wrong, where, and what to do, in one sentence."""
    if isinstance(error, HemaPilotsError):
        return str(error)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        remedy = "free some space" if error.errno == 28 else "check that the path exists and may be written"
        return f"{where}{error.strerror or error}; {remedy}, then run the same command again"
    if isinstance(error, MemoryError):
        return "out of memory; run with fewer cores or a smaller cohort"
    return f"unexpected {type(error).__name__}: {error}; please report it with the log"
