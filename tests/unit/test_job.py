"""A job that fails: one sentence on the terminal, frames in the log, and no word of a patient in either."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hemapilots.errors import HemaPilotsError, frames, sentence

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
JOB = """
from types import SimpleNamespace
from job import job
output = ["results/p/sites/a/harmonized.parquet", "results/p/source/x", "results/p/quality/a.json"]
with job(SimpleNamespace(log=["job.log"], rule="harmonize", wildcards=["p", "a"], output=output)):
    try:
        int("Anna Muster")
    except ValueError as error:
        raise KeyError("Anna Muster") from error
"""


def run(tmp_path):
    env = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    return subprocess.run([sys.executable, "-c", JOB], cwd=tmp_path, env=env, capture_output=True, text=True)


def test_neither_terminal_nor_log_quotes_a_cell(tmp_path):
    done, log = run(tmp_path), tmp_path / "job.log"
    assert done.returncode == 1 and "harmonize, p, a: unexpected KeyError in <string>, line 9" in done.stderr
    told = log.read_text()
    assert "Anna" not in done.stderr + done.stdout + told
    assert "Traceback" in told and "KeyError" in told and "ValueError" in told and "line 7" in told


def test_private_folders_are_closed_and_others_are_not_touched(tmp_path):
    (tmp_path / "results/p/sites/a").mkdir(parents=True, mode=0o755)
    (tmp_path / "results/p/quality").mkdir(mode=0o755)
    run(tmp_path)
    modes = {name: (tmp_path / "results/p" / name).stat().st_mode & 0o777 for name in ("sites/a", "source", "quality")}
    assert modes == {"sites/a": 0o700, "source": 0o700, "quality": 0o755}


@pytest.mark.parametrize("error", [ValueError("Anna"), OSError("Anna"), KeyError("Anna"), RuntimeError("Anna")])
def test_unexpected_errors_keep_their_words(error):
    assert "Anna" not in sentence(error) + frames(error)


def test_what_a_person_can_mend_is_said():
    assert sentence(HemaPilotsError("a.csv: mend it")) == "a.csv: mend it"
    assert "a.csv: No such file" in sentence(FileNotFoundError(2, "No such file", "a.csv"))


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("hemapilots.federation.training", {"torch", "scipy.stats", "scipy.optimize", "pydantic"}),
        ("hemapilots.models.deepsurv, hemapilots.models.discrete_hazard", {"torch", "pandas"}),
        ("hemapilots.predict", {"torch", "scipy.stats", "scipy.optimize", "pydantic", "flwr"}),
        ("hemapilots.evaluation.site", {"torch", "scipy.stats", "scipy.optimize", "pydantic", "flwr"}),
    ],
)
def test_a_job_imports_no_library_that_it_may_not_need(module, heavy):
    """Hundreds of jobs start in a run: half a second in each is minutes in all."""
    command = f"import {module}, sys; print(*sys.modules)"
    env = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    done = subprocess.run([sys.executable, "-c", command], env=env, capture_output=True, text=True, check=True)
    assert not heavy & set(done.stdout.split())
