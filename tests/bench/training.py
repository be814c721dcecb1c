"""The training jobs of the standard protocol: every model at each site alone, federated and pooled, each in a process of its own.

As a program: `python training.py FOLDER JOB MODEL-OR-SITE` runs one job and prints its seconds and peak memory.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from table import Row, yes_no

TITLE = "Training of the standard protocol"
ROOT = Path(__file__).resolve().parents[2]
SHARES = {"site-a": 0.35, "site-b": 0.25, "site-c": 0.18, "site-d": 0.12, "site-e": 0.1}
GOAL_SECONDS, GOAL_GIB, CORES = 180.0, 2.0, 2


def run(quick: bool, patients: int | None = None, columns: int = 60) -> list[Row]:
    """Five sites, two replicates of five folds, one endpoint; two jobs at a time."""
    patients = patients or (200 if quick else 2000)
    with tempfile.TemporaryDirectory() as folder:
        models = lay_out(Path(folder), patients, columns)
        jobs = [("federated", name) for name in models] + [("pooled", name) for name in models]
        jobs += [("local", site) for site in SHARES]
        start = time.perf_counter()
        with ThreadPoolExecutor(CORES) as pool:
            found = list(pool.map(lambda job: in_own_process(folder, *job), jobs))
        wall = time.perf_counter() - start
    peak = max(one["gib"] for one in found)
    slowest = max(zip(found, jobs, strict=True), key=lambda pair: pair[0]["seconds"])
    return [
        Row(
            f"{len(jobs)} training jobs, {patients:,} patients x {columns} columns, five sites, 2 x 5 folds",
            wall,
            goal=f"{GOAL_SECONDS:g} s, {GOAL_GIB:g} GiB",
            met="" if quick else yes_no(wall <= GOAL_SECONDS and peak <= GOAL_GIB),
            agreement="every model written",
            note=f"one endpoint, {CORES} jobs at a time, start-up included; processor time {sum(one['processor'] for one in found):.0f} s "
            f"in all; peak of a job {peak:.2f} GiB; longest: {' '.join(slowest[1])}, {slowest[0]['seconds']:.1f} s",
        )
    ]


def lay_out(folder: Path, patients: int, columns: int) -> list[str]:
    """Sites' tables, the agreement on columns and the training specification; returns the models' names."""
    import pandas as pd

    from federations import site_data
    from hemapilots.study import load_study

    rng, names = np.random.default_rng(4), [f"x{j}" for j in range(columns)]
    for k, (site, share) in enumerate(SHARES.items()):
        data = site_data([8, k], round(patients * share), columns, "daily")
        rows, place = np.arange(data.time.size), folder / "sites" / site
        place.mkdir(parents=True)
        outcome = {"os_entry": 0.0, "os_time": data.time, "os_event": data.event}
        pd.DataFrame({"row": rows} | outcome).to_parquet(place / "harmonized.parquet")
        pd.DataFrame({"row": rows} | dict(zip(names, data.x.T, strict=True))).to_parquet(place / "design.parquet")
        folds = [pd.DataFrame({"replicate": r, "fold": rng.permutation(rows.size) % 5, "row": rows}) for r in range(2)]
        pd.concat(folds).to_parquet(place / "folds.parquet")
    spec = load_study("mds-synthetic", ROOT / "config", ROOT / "resources")["train"] | {"endpoints": ["os"]}
    spec["models"] = {name: model for name, model in spec["models"].items() if not model["comparator"]}
    agreed = [{"column": name, "flag": j % 2 == 0} for j, name in enumerate(names)]
    columns_of = {"os": dict.fromkeys(spec["models"], agreed)}
    agreement = {"sites": {"os": list(SHARES)}, "columns": columns_of}
    (folder / "job.json").write_text(json.dumps({"spec": spec, "agreed": agreement}))
    return list(spec["models"])


def in_own_process(folder: str, job: str, name: str) -> dict:
    """Seconds and peak memory in GiB of one job."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
    done = subprocess.run(
        [sys.executable, __file__, folder, job, name], env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"training, {job} {name}: the process failed: {done.stderr[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(folder: Path, job: str, name: str) -> dict:
    """Run one training job in this process."""
    start = time.perf_counter()
    from hemapilots.federation.training import train_federated, train_local, train_pooled

    read = json.loads((folder / "job.json").read_text())
    spec, agreed, out = read["spec"], read["agreed"], folder / f"{job}-{name}"
    sites = {site: folder / "sites" / site for site in SHARES}
    if job == "local":
        train_local(name, sites[name], agreed, spec, out, "report")
    else:
        {"federated": train_federated, "pooled": train_pooled}[job](sites, name, agreed, spec, out)
    if not list(out.rglob("*.npz")):
        raise RuntimeError("no model was written")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 30 if sys.platform == "darwin" else 1 << 20)
    return {"seconds": time.perf_counter() - start, "processor": time.process_time(), "gib": peak}


if __name__ == "__main__":
    import hemapilots  # noqa: F401  pins linear algebra to one thread before numpy is loaded

    print(json.dumps(measure(Path(sys.argv[1]), *sys.argv[2:4])))
