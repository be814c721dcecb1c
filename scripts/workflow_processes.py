"""Which processes of a workflow are alive in a folder: a run that must not be disturbed, and what a killed run left behind."""

import os
from pathlib import Path

import psutil

OWNER = "HEMAPILOTS_OWNER"  # in the environment of a workflow: the process that watches over it
GONE = (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess)


def living_workflow(folder: Path) -> int | None:
    """The process id of a Snakemake at work in this folder whose owner, if it has one, lives; None where there is none."""
    return next((process.pid for process in _here(folder) if _is_workflow(process) and not _abandoned(process)), None)


def orphans(folder: Path, of: int | None = None) -> list[psutil.Process]:
    """Workflows without their owner and job scripts without a workflow; with `of`, the job scripts of that workflow."""
    here = _here(folder)
    if of is not None:
        return [process for process in here if _is_job(process) and of in _ancestors(process)]
    living = {process.pid for process in here if _is_workflow(process) and not _abandoned(process)}
    left = [process for process in here if _is_workflow(process) and process.pid not in living]
    return left + [process for process in here if _is_job(process) and not living & set(_ancestors(process))]


def end(processes: list[psutil.Process], patience: float = 5) -> None:
    """Ask processes to end, and make those that do not."""
    for process in processes:
        _try(process.terminate)
    _, alive = psutil.wait_procs(processes, timeout=patience)
    for process in alive:
        _try(process.kill)
    psutil.wait_procs(alive, timeout=patience)


def _here(folder: Path) -> list[psutil.Process]:
    """Other processes of this user's reach whose working directory is the folder, this one's ancestors left out."""
    mine = {os.getpid(), *_ancestors(psutil.Process())}
    folder = str(folder.resolve())
    return [process for process in psutil.process_iter() if process.pid not in mine and _try(process.cwd) == folder]


def _is_workflow(process: psutil.Process) -> bool:
    """`python -m snakemake ...`, `.../snakemake ...` or our start of it, not merely a word in a path."""
    words = _try(process.cmdline) or []
    return any(Path(word).name in ("snakemake", "start_snakemake.py") for word in words[:3])


def _is_job(process: psutil.Process) -> bool:
    return any("/.snakemake/scripts/" in word for word in _try(process.cmdline) or [])


def _abandoned(process: psutil.Process) -> bool:
    """Started by a process of ours that no longer lives."""
    owner = (_try(process.environ) or {}).get(OWNER, "")
    return owner.isdecimal() and int(owner) not in _ancestors(process)


def _ancestors(process: psutil.Process) -> list[int]:
    return [parent.pid for parent in _try(process.parents) or []]


def _try(question):
    """The answer, or None where the process has ended or belongs to someone else."""
    try:
        return question()
    except GONE:
        return None
