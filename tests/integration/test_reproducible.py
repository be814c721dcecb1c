"""The same bytes whatever the number of cores, and after a run that was killed half-way; an edit reruns exactly its dependents."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from run_small import ROOT, lay_out, run_workflow, small_pilots, snakemake

RESULTS = ("metrics.csv", "comparisons.csv", "verdict.json")


def result_bytes(results: Path) -> dict[str, bytes]:
    return {f"{pilot}/{name}": (results / pilot / name).read_bytes() for pilot in small_pilots() for name in RESULTS}


def test_one_core_gives_the_bytes_of_two(small_run, tmp_path):
    folder = lay_out(tmp_path)
    done = snakemake(folder, cores=1)
    assert done.returncode == 0, done.stdout + done.stderr
    assert result_bytes(folder / "results") == result_bytes(small_run)


def test_a_killed_run_started_again_gives_the_same_bytes(small_run, tmp_path):
    folder = lay_out(tmp_path)
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "scripts" / "run_workflow.py")],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    models = folder / "results" / small_pilots()[0] / "models"
    deadline = time.monotonic() + 300
    while not list(models.glob("federated-*")) and time.monotonic() < deadline:
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.05)
    victims = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    # The workflow itself is killed; its running jobs are left behind, as after a crash.
    for victim in victims:
        if (
            "snakemake" in " ".join(victim.cmdline()) and ".snakemake/scripts" not in " ".join(victim.cmdline())
        ) or victim.pid == process.pid:
            os.kill(victim.pid, signal.SIGKILL)
    process.wait()
    assert not (folder / "results" / small_pilots()[0] / "verdict.json").exists()
    again = run_workflow(folder)
    assert again.returncode == 0, again.stdout
    assert result_bytes(folder / "results") == result_bytes(small_run)


@pytest.fixture(scope="module")
def checkout(small_run, tmp_path_factory) -> Path:
    """A copy of the checkout with the finished small run in it."""
    copy = tmp_path_factory.mktemp("checkout")
    for part in ("Snakefile", "workflow", "scripts", "resources", "envs"):
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, copy / part)
    lay_out(copy)
    shutil.copytree(small_run, copy / "results")
    shutil.copytree(small_run.parent / ".snakemake", copy / ".snakemake")
    return copy


def planned(checkout: Path) -> set[str]:
    """The rules that a run would start, from a dry run in the copy."""
    command = [sys.executable, "-m", "snakemake", "--directory", str(checkout), "-n", "--nocolor", "--cores", "2"]
    done = subprocess.run([*command, "-s", str(checkout / "Snakefile")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {match[1] for line in done.stdout.splitlines() if (match := re.match(r"(?:local)?rule (\w+):", line))} - {
        "all"
    }


def test_nothing_is_planned_in_a_moved_checkout(checkout):
    assert planned(checkout) == set()


REPORTS = {"render_report", "render_index"}
TRAINING = {"train_local", "train_federated", "train_pooled", "predict", "refit_primary", "leave_sites_out"}
EXPLAINING = {"explain_site", "export_model"}
AFTER_TRAINING = {"evaluate_site", "evaluate_pooled", "merge_ledger", "combine"} | REPORTS


@pytest.mark.parametrize(
    ("helper", "expected"),
    [
        ("report/words.py", {"describe_variables"} | REPORTS),
        ("synthesis/truth.py", {"generate_truth"} | REPORTS),
        ("harmonize/split.py", set()),
        ("models/partial_likelihood.py", TRAINING | EXPLAINING | AFTER_TRAINING),
    ],
)
def test_an_edited_helper_reruns_its_dependents_and_what_follows(checkout, helper, expected):
    """tests/unit/test_staleness.py shows that the hash changes for exactly the scripts that import a helper; this is what it does."""
    path = checkout / "scripts" / "hemapilots" / helper
    before = path.read_bytes()
    path.touch()
    assert planned(checkout) == set()
    path.write_bytes(before + b"\n# edited\n")
    try:
        assert planned(checkout) == expected
    finally:
        path.write_bytes(before)
    assert planned(checkout) == set()


def test_a_changed_protocol_leaves_no_figure_of_the_old_one(checkout):
    """Whatever stands under the new protocol's hash is made anew, in one run."""
    path = checkout / "config" / "protocols" / "small.yaml"
    before = path.read_text()
    changed = re.sub(r"(bootstrap: .*seed: )\d+", r"\g<1>977", before)
    assert changed != before
    path.write_text(changed)
    try:
        assert planned(checkout) >= {"freeze_protocol"} | TRAINING | EXPLAINING | AFTER_TRAINING
    finally:
        path.write_text(before)
    assert planned(checkout) == set()
