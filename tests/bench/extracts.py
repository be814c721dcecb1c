"""From a recipe to the files that sites deliver: patients drawn and written in the formats of a pilot's sites, taken in turn.

Each measurement runs in a process of its own, so that its peak memory is its own.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from table import Row, yes_no

TITLE = "Synthetic extracts"
ROOT = Path(__file__).resolve().parents[2]
PILOT = "mds-synthetic"
FULL, QUICK, SITES = 100_000, 4_000, 20
GOAL_SECONDS, GOAL_GIB = 60.0, 2.0


def run(quick: bool) -> list[Row]:
    """The whole cohort, and what each format costs alone."""
    total = QUICK if quick else FULL
    return [_whole(total, quick), *(_alone(name, total // SITES) for name in _child("formats"))]


def _whole(total: int, quick: bool) -> Row:
    ours = _child("whole", str(total))
    met = "" if quick else yes_no(ours["seconds"] <= GOAL_SECONDS and ours["peak_gib"] <= GOAL_GIB)
    return Row(
        f"{total:,} patients at {SITES} sites, drawn and written in the formats of {PILOT}",
        ours["seconds"],
        goal=f"{GOAL_SECONDS:g} s, {GOAL_GIB:g} GiB at {FULL:,}",
        met=met,
        note=f"peak memory {ours['peak_gib']:.2f} GiB (interpreter and imports included); {ours['mib']:.0f} MiB of files",
    )


def _alone(name: str, patients: int) -> Row:
    ours = _child("alone", str(patients), name)
    return Row(
        f"{patients:,} patients of {name}",
        ours["seconds"],
        note=f"peak memory {ours['peak_gib']:.2f} GiB; {ours['mib']:.1f} MiB of files",
    )


def _child(*arguments: str):
    done = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"extracts: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout)


def _measure(total: int, sites: int, only: str | None) -> dict:
    """Draws and writes; every site's files are counted and removed, as another site would have its own disk."""
    from hemapilots.config.habits import Habits
    from hemapilots.harmonize.reading.units import load_factors
    from hemapilots.study import load_study
    from hemapilots.synthesis.cohort import draw_site
    from hemapilots.synthesis.extracts.write import write_extract
    from hemapilots.synthesis.recipe import load_recipe

    resources = ROOT / "resources"
    study = load_study(PILOT, ROOT / "config", resources)
    kinds = [(name, study["generate"][name]) for name in study["sites"]]
    kinds = [(name, draw) for name, draw in kinds if only in (None, study["mappings"][name]["name"])]
    start, written = time.perf_counter(), 0
    factors = load_factors(resources / "units" / "factors.csv")
    for at in range(sites):
        name, draw = kinds[at % len(kinds)]
        recipe = load_recipe(resources / "recipes" / f"{draw['recipe']}.yaml")
        table = draw_site(recipe, at, total // sites, draw["seed"], draw["profile"])
        with tempfile.TemporaryDirectory() as folder:
            habits, mapping = Habits(**draw["habits"]), study["mappings"][name]
            write_extract(table, mapping, study["harmonize"], factors, folder, habits, (draw["seed"], at, 1))
            written += sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"seconds": time.perf_counter() - start, "peak_gib": peak, "mib": written / 2**20}


def main(what: str, total: str = "", only: str = "") -> None:
    """One measurement, or the mappings of the pilot, as JSON."""
    if what == "formats":
        from hemapilots.study import load_study

        mappings = load_study(PILOT, ROOT / "config", ROOT / "resources")["mappings"]
        print(json.dumps(sorted({mapping["name"] for mapping in mappings.values()})))
    else:
        print(json.dumps(_measure(int(total), SITES if what == "whole" else 1, only or None)))


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "scripts")]
    main(*sys.argv[1:])
