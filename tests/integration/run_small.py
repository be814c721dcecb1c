"""Runs the small pilots in a temporary folder and compares their figures with tests/expected/, or writes these anew.

Used by .ci/run and `make expected`; the integration tests take `lay_out` and `snakemake` from here.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from hemapilots.difference import table_differences

ROOT = Path(__file__).resolve().parents[2]
EXPECTED = ROOT / "tests" / "expected"
TABLES = ("metrics.csv", "comparisons.csv")
TOLERANCE = 1e-6
# Net benefit fills most of the tables; that of this regime is kept.
WITH_THRESHOLDS = "pooled"


def lay_out(folder: Path) -> Path:
    """A folder in which the small pilots can run: a copy of config/ with tests/integration/small/ laid over it."""
    shutil.copytree(ROOT / "config", folder / "config", dirs_exist_ok=True)
    shutil.copytree(Path(__file__).parent / "small", folder / "config", dirs_exist_ok=True)
    return folder


def small_pilots() -> list[str]:
    """Their names."""
    return sorted(path.stem for path in (Path(__file__).parent / "small" / "pilots").glob("*.yaml"))


def snakemake(folder: Path, *arguments: str, cores: int = 2) -> subprocess.CompletedProcess:
    """Run the workflow of this checkout in a folder that was laid out; output is captured as text."""
    command = [
        sys.executable,
        str(ROOT / "scripts" / "start_snakemake.py"),
        "--snakefile",
        str(ROOT / "Snakefile"),
        "--cores",
        str(cores),
        "--nocolor",
    ]
    return subprocess.run([*command, *arguments], cwd=folder, capture_output=True, text=True, check=False)


def run_workflow(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """What `make pilots` runs, in a folder that was laid out; standard error is part of standard output."""
    command = [sys.executable, str(ROOT / "scripts" / "run_workflow.py"), *arguments]
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def deviations(results: Path) -> list[str]:
    """How the small pilots' tables differ from the expected ones."""
    found = []
    for pilot in small_pilots():
        for name in TABLES:
            write_core(results / pilot / name, results / f"{pilot}-{name}")
            lines = table_differences(EXPECTED / f"{pilot}-{name}", results / f"{pilot}-{name}", TOLERANCE)
            found += [f"{pilot}/{name}: {line}" for line in lines]
    return found


def write_expected(results: Path) -> None:
    """Take the core of this run's tables as the expected ones."""
    EXPECTED.mkdir(parents=True, exist_ok=True)
    for pilot in small_pilots():
        for name in TABLES:
            write_core(results / pilot / name, EXPECTED / f"{pilot}-{name}")


def write_core(table: Path, to: Path) -> None:
    """The rows over all patients, those of single thresholds of one regime only; every cell as it stands."""
    rows = pd.read_csv(table, dtype=str, keep_default_na=False)
    kept = (rows["evaluated_on"] == "all") & (rows["subgroup"] == "all" if "subgroup" in rows else True)
    judged = rows["reference_regime"] if "reference_regime" in rows else rows["regime"]
    kept &= (rows["threshold"] == "") | (judged == WITH_THRESHOLDS)
    rows[kept].to_csv(to, index=False, lineterminator="\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write-expected", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = lay_out(Path(name).resolve())
        first = run_workflow(folder)
        print(first.stdout, end="")
        if first.returncode:
            return first.returncode
        if options.write_expected:
            write_expected(folder / "results")
            print(f"wrote {EXPECTED}")
            return 0
        second = run_workflow(folder)
        found = deviations(folder / "results")
        if second.returncode or "nothing to be done" not in second.stdout:
            found.append(f"a second run did not end with nothing to be done:\n{second.stdout}")
    for line in found[:20]:
        print(line)
    print(
        f"small: {len(found)} deviations from tests/expected"
        if found
        else f"small: the same as tests/expected within {TOLERANCE:g}"
    )
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
