"""Measure every target of the design beside its peers: `python tests/bench/run.py [--quick] [--only NAME]`; QUICK=1 means --quick.

Writes results/benchmarks/<name>.csv and results/benchmarks/index.html. Exits with 1 and a sentence where results disagree.
"""

import argparse
import logging
import os
import sys
import warnings
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(Path(__file__).resolve().parent)]

import hemapilots  # noqa: E402, F401  pins linear algebra to one thread before numpy is loaded
from table import Disagreement, write_csv, write_page  # noqa: E402

BENCHMARKS = (
    "round_messages",
    "cox_lifelines",
    "cox_many_sites",
    "network_steps",
    "training",
    "concordance",
    "evaluation",
    "extracts",
    "harmonization",
    "workflow_overhead",
)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks; 0, or 1 where one failed."""
    parser = argparse.ArgumentParser(description="Measure the targets beside their peers.")
    parser.add_argument(
        "--quick", action="store_true", default=os.environ.get("QUICK", "") not in ("", "0"), help="small sizes"
    )
    parser.add_argument("--only", choices=BENCHMARKS, help="one benchmark")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "benchmarks", help="folder to write to")
    chosen = parser.parse_args(arguments)
    logging.disable(logging.INFO)
    warnings.simplefilter("ignore")
    return measure([chosen.only] if chosen.only else list(BENCHMARKS), chosen.quick, chosen.out)


def measure(names: list[str], quick: bool, out: Path) -> int:
    """Run benchmarks by name and write their tables; one that fails is named, loses its old table, and the others still run."""
    out.mkdir(parents=True, exist_ok=True)
    failed = 0
    for name in names:
        table = out / f"{name}.csv"
        table.unlink(missing_ok=True)
        try:
            rows = import_module(name).run(quick)
        except (Disagreement, RuntimeError) as error:
            print(f"bench: {error}", file=sys.stderr)
            failed = 1
            continue
        write_csv(table, rows)
        print("\n".join(map(sentence, rows)), flush=True)
    write_page(out / "index.html", {name: import_module(name).TITLE for name in BENCHMARKS})
    print(out / "index.html")
    return failed


def sentence(row) -> str:
    """A row for the terminal."""
    peer = f"; {row.peer} {row.peer_seconds:.3g} s, ratio {row.ratio:.3g}" if row.peer_seconds else ""
    goal = f"; goal {row.goal}: {row.met or 'not judged at this size'}" if row.goal else ""
    return f"{row.target}: {row.ours_seconds:.3g} s{peer}{goal}"


if __name__ == "__main__":
    sys.exit(main())
