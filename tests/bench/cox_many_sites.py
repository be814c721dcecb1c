"""Exact federated Cox regression over a thousand sites, in a process of its own so that its peak memory can be read.

As a program: `python cox_many_sites.py SITES PATIENTS COLUMNS` prints one JSON line.
"""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

from table import Disagreement, Row, agree, yes_no

TITLE = "A thousand sites"
CHECKED, GOAL_SECONDS, GOAL_GIB = 20, 60.0, 4.0


def run(quick: bool, sites: int | None = None, patients: int = 1000, columns: int = 50) -> list[Row]:
    """The first sites against lifelines, then all of them with the clock and the memory."""
    from federations import difference, federate, lifelines_fit, lifelines_frame, site_data

    sites = sites or (50 if quick else 1000)
    few = [site_data([2, k], patients, columns, "daily") for k in range(min(CHECKED, sites))]
    fitted = federate(few)
    agreement = agree(f"cox, {len(few)} sites", difference(fitted, lifelines_fit(lifelines_frame(few, fitted))), 1e-8)
    found = in_own_process(sites, patients, columns)
    if found["unconverged"]:
        raise Disagreement(f"cox, {sites} sites: the fit did not converge; no time is reported")
    met = found["seconds"] <= GOAL_SECONDS and found["gib"] <= GOAL_GIB
    return [
        Row(
            f"{sites:,} sites x {patients:,} patients x {columns} columns, exact Cox, daily times",
            found["seconds"],
            goal=f"{GOAL_SECONDS:g} s, {GOAL_GIB:g} GiB at 1,000 sites",
            met="" if quick else yes_no(met),
            agreement=f"{agreement} at {len(few)} sites",
            note=f"peak memory {found['gib']:.2f} GiB, data included; {found['rounds']} rounds; one run; peer: lifelines, results only",
        )
    ]


def in_own_process(sites: int, patients: int, columns: int) -> dict:
    """Seconds, peak memory in GiB, rounds and fits that did not converge."""
    scripts = Path(__file__).resolve().parents[2] / "scripts"
    environment = os.environ | {"PYTHONPATH": str(scripts)}
    command = [sys.executable, __file__, str(sites), str(patients), str(columns)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"cox, {sites} sites: the process failed: {done.stderr[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(sites: int, patients: int, columns: int) -> dict:
    """Run the federation in this process."""
    from federations import federate, site_data
    from table import best_of

    data = [site_data([2, k], patients, columns, "daily") for k in range(sites)]
    seconds, fitted = best_of(1, lambda: federate(data))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 30 if sys.platform == "darwin" else 1 << 20)
    return {"seconds": seconds, "gib": peak, "rounds": fitted.rounds, "unconverged": fitted.unconverged}


if __name__ == "__main__":
    import hemapilots  # noqa: F401  pins linear algebra to one thread before numpy is loaded

    print(json.dumps(measure(*map(int, sys.argv[1:4]))))
