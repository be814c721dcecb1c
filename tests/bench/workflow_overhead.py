"""How much of a pilot's wall time is not work: scheduling, process starts, imports, idle cores.

A job's work is the seconds of its Snakemake benchmark less its script's start-up, which is measured here: a fresh interpreter that
runs the script's imports and nothing else. Jobs without a benchmark are bookkeeping and count as overhead altogether.
"""

import ast
import os
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
# Benchmark files that do not bear the name of their script.
SCRIPTS = {
    "generate": "generate_extract",
    "evaluate": "evaluate_site",
    "explain": "explain_site",
    "recurrent": "describe_recurrent",
    "recurrent_pooled": "describe_recurrent_pooled",
}


def run(quick: bool, root: Path = ROOT, targets: tuple[str, ...] = ()) -> list[Row]:
    """The first embedded pilot in a temporary folder, from nothing."""
    cores = min(CORES, os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as folder:
        pilot = prepare(root, Path(folder), quick)
        wall = run_pilot(root, Path(folder), pilot, cores, targets)
        jobs = jobs_of(Path(folder) / "results", root)
    return [row_of(f"{pilot}, {len(jobs)} jobs, {cores} cores{', small' if quick else ''}", wall, jobs, cores, quick)]


def row_of(name: str, wall: float, jobs: list[tuple[float, float]], cores: int, quick: bool) -> Row:
    """The share of the wall time that is not work; jobs are (benchmark seconds, start-up seconds of the script)."""
    work = sum(max(seconds - start, 0.0) for seconds, start in jobs)
    starts = sum(start for _, start in jobs)
    overhead = wall - work / cores
    return Row(
        f"wall time minus work / cores: {name}",
        overhead,
        goal=f"under {GOAL:.0%} of wall time",
        met="" if quick else yes_no(overhead / wall < GOAL),
        agreement="verdict written",
        note=f"{overhead / wall:.0%} of {wall:.1f} s wall; work {work:.1f} s, start-up {starts:.1f} s over all jobs; idle cores count",
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
        str(root / "scripts" / "start_snakemake.py"),
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


def jobs_of(results: Path, root: Path) -> list[tuple[float, float]]:
    """(benchmark seconds, start-up seconds) of every job with a benchmark file."""
    tables = sorted(results.glob("**/run/benchmarks/*.tsv"))
    scripts = [script_of(table.stem) for table in tables]
    starts = {script: start_up(root / "scripts", script) for script in sorted(set(scripts))}
    return [
        (float(table.read_text(encoding="utf-8").splitlines()[1].split("\t")[0]), starts[script])
        for table, script in zip(tables, scripts, strict=True)
    ]


def script_of(stem: str) -> str:
    """The script behind a benchmark file: `train_local-site-a` is by train_local."""
    name = stem.split("-")[0]
    return SCRIPTS.get(name, name)


def start_up(scripts: Path, name: str, repeats: int = 3) -> float:
    """Seconds of a fresh interpreter that runs a script's imports, best of some."""
    tree = ast.parse((scripts / f"{name}.py").read_text(encoding="utf-8"))
    imports = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    command = [sys.executable, "-c", "\n".join(imports)]
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": str(scripts)})
        times.append(time.perf_counter() - start)
    return min(times)
