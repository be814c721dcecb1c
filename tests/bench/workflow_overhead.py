"""How much of a pilot's wall time is not work: scheduling, process starts, imports, idle cores.

A script's work is what `job` writes at the end of its log, `work 3.210 s, imports 1.050 s`. Where a log has no such line the job's
benchmark file stands in; it counts start and imports as work, so the overhead is then a lower bound and no goal is judged.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from table import Row, yes_no

TITLE = "Workflow overhead"
ROOT = Path(__file__).resolve().parents[2]
GOAL, CORES = 0.25, 2
WORK = re.compile(r"^work ([\d.]+) s, imports ([\d.]+) s$", re.MULTILINE)


def run(quick: bool, root: Path = ROOT, targets: tuple[str, ...] = ()) -> list[Row]:
    """The first embedded pilot in a temporary folder, from nothing."""
    cores = min(CORES, os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as folder:
        pilot = prepare(root, Path(folder), quick)
        wall = run_pilot(root, Path(folder), pilot, cores, targets)
        jobs = jobs_of(Path(folder) / "results")
    return [row_of(f"{pilot}, {len(jobs)} jobs, {cores} cores{', small' if quick else ''}", wall, jobs, cores, quick)]


def row_of(name: str, wall: float, jobs: list[tuple[float, float | None]], cores: int, quick: bool) -> Row:
    """The share of the wall time that is not work; jobs are (work, imports) in seconds, imports None where not measured."""
    work = sum(seconds for seconds, _ in jobs)
    known = [imports for _, imports in jobs if imports is not None]
    overhead = wall - work / cores
    complete = len(known) == len(jobs)
    judged = complete and not quick
    imports = f"imports {sum(known):.1f} s" if complete else "imports counted as work: LOWER BOUND, not judged"
    return Row(
        f"wall time minus work / cores: {name}",
        overhead,
        goal=f"under {GOAL:.0%} of wall time",
        met=yes_no(overhead / wall < GOAL) if judged else "",
        agreement="verdict written",
        note=f"{overhead / wall:.0%} of {wall:.1f} s wall; work {work:.1f} s over all jobs, {imports}; idle cores count as overhead",
    )


def prepare(root: Path, folder: Path, quick: bool) -> str:
    """Copy the configuration into the folder, smaller where quick; returns the pilot's name."""
    shutil.copytree(root / "config", folder / "config")
    pilot = yaml.safe_load((folder / "config/config.yaml").read_text(encoding="utf-8"))["pilots"][0]
    if quick:
        study = yaml.safe_load((folder / f"config/pilots/{pilot}.yaml").read_text(encoding="utf-8"))
        path = folder / f"config/protocols/{study['protocol']}.yaml"
        protocol = yaml.safe_load(path.read_text(encoding="utf-8"))
        protocol["resampling"] |= {"replicates": 1, "folds": 3}
        protocol["penalties"] = [30, 300]
        protocol["bootstrap"]["samples"] = 50
        path.write_text(yaml.safe_dump(protocol, sort_keys=False), encoding="utf-8")
    return pilot


def run_pilot(root: Path, folder: Path, pilot: str, cores: int, targets: tuple[str, ...]) -> float:
    """Run Snakemake; returns wall seconds."""
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(root / "Snakefile"),
        "--directory",
        str(folder),
        "--cores",
        str(cores),
    ]
    command += ["--config", f"run={pilot}", "--quiet", "all", "--", *(target.format(pilot=pilot) for target in targets)]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    wall = time.perf_counter() - start
    if done.returncode or not (folder / f"results/{pilot}/verdict.json").exists():
        raise RuntimeError(f"workflow overhead: the pilot {pilot} did not finish: {done.stderr.strip()[-500:]}")
    return wall


def jobs_of(results: Path) -> list[tuple[float, float | None]]:
    """(work, imports) in seconds of every job that left a log."""
    return [job_of(log) for log in sorted(results.glob("**/run/logs/*.log"))]


def job_of(log: Path) -> tuple[float, float | None]:
    """From the log's last line of that kind, else from the benchmark file of the same name, else nothing."""
    found = WORK.findall(log.read_text(encoding="utf-8", errors="replace"))
    if found:
        return float(found[-1][0]), float(found[-1][1])
    table = log.parent.parent / "benchmarks" / f"{log.stem}.tsv"
    return (float(table.read_text(encoding="utf-8").splitlines()[1].split("\t")[0]) if table.exists() else 0.0), None
