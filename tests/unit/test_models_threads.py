"""Networks are trained to the same bytes whatever the number of threads that a machine offers."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent
# Enough rows for libraries to share work between threads; on two, the sums of discrete hazards do differ.
TRAINING = """
from federation_sample import NETWORK, grid_for, plan_for, sites
from hemapilots.federation.server import train
parts = sites([2500, 900], folds=3, step=0.01)
learned = {"hidden": [32], "optimizer": "adam", "local_steps": 5, "patience": 3}
options = {"name": "fedavg", "rounds": 4, "local_steps": 5, "learning_rate": 0.01}
for kind, own in (("deepsurv", {}), ("discrete_hazard", {"cuts": [0.5, 1.0, 2.0]})):
    fitted = train(grid_for(kind, parts), plan_for(kind, NETWORK | learned | own, folds=3), options)
    print(fitted.state["parameters"].tobytes().hex())
"""


def trained(threads: int) -> bytes:
    """The parameters of both kinds of network after a federation in a process that is offered so many threads."""
    offered = {f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "MKL", "OPENBLAS")}
    env = os.environ | offered | {"PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parents[1] / "scripts")])}
    return subprocess.run([sys.executable, "-c", TRAINING], env=env, capture_output=True, check=True).stdout


def test_threads_do_not_change_the_bytes_of_networks():
    assert trained(1) == trained(2) != b""
