"""Runs one Snakemake job: everything said goes to the job's log, and a failure reaches the terminal as one sentence."""

import gc
import os
import sys
from contextlib import contextmanager
from pathlib import Path

import hemapilots  # noqa: F401  pins linear algebra to one thread before numpy is loaded
from hemapilots.errors import frames, sentence

# Jobs are short and make few cycles: a collection in 700 new objects, Python's own rate, is a tenth of the time of their imports.
gc.set_threshold(100_000, 20, 20)
# Folders of results/<pilot>/ whose content is patients: `sites/<site>` and the source that is dealt to sites.
PRIVATE = {"sites": 4, "source": 3}


@contextmanager
def job(snakemake):
    """Send output and warnings to the log; on failure print one sentence with the log's path and exit with 1.

    Logs lie outside the sites' folders: of an error they hold the frames, and never its own words beyond that sentence.
    """
    terminal = os.dup(2)
    with open(snakemake.log[0], "w", encoding="utf-8") as log:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            _close(getattr(snakemake, "output", ()))
            yield
        except Exception as error:
            said = sentence(error)
            print(frames(error), said, sep="\n", file=sys.stderr, flush=True)
            name = ", ".join([snakemake.rule, *snakemake.wildcards])
            os.write(terminal, f"\nhemapilots: {name}: {said} (log: {snakemake.log[0]})\n\n".encode())
            raise SystemExit(1) from None
        finally:
            # What is left goes with the process: to look for cycles in it would take a tenth to a quarter of a second of each job.
            gc.freeze()


def _close(outputs) -> None:
    """The private folders that a job writes into are for their owner only."""
    for parts in {Path(path).parts for path in outputs}:
        depth = PRIVATE.get(parts[2]) if len(parts) > 3 and parts[0] == "results" else None
        if depth:
            folder = Path(*parts[:depth])
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
