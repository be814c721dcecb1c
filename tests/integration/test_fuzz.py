"""A few hundred damaged extracts and mappings, in a process of their own with little memory; `make nightly` runs many more."""

import subprocess
import sys
from pathlib import Path

FUZZER = Path(__file__).resolve().parents[1] / "fuzz" / "run.py"


def test_damaged_input_gives_clear_errors_in_bounded_time_and_memory():
    command = [sys.executable, str(FUZZER), "--count", "320", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 faults" in done.stdout
