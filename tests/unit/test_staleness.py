"""The hash of a script changes with what it imports, and with nothing else."""

import shutil
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py") if "with job(snakemake)" in path.read_text())


@pytest.fixture
def copy(tmp_path):
    return Path(shutil.copytree(SCRIPTS, tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__")))


def hashes(folder: Path) -> dict[str, str]:
    """library() of every script, as a fresh process with that folder would give it."""
    namespace = {"__file__": str(folder / "staleness.py"), "__name__": "staleness"}
    exec(compile((folder / "staleness.py").read_text(), "staleness.py", "exec"), namespace)
    return {name: namespace["library"](name) for name in NAMES}


def changed_by(copy: Path, file: str) -> set[str]:
    before = hashes(copy)
    path = copy / file
    path.write_text(path.read_text() + "\n# edited\n")
    after = hashes(copy)
    return {name for name in NAMES if before[name] != after[name]}


def test_edited_helpers_change_exactly_their_dependents(copy):
    assert changed_by(copy, "hemapilots/models/partial_likelihood.py") == {
        "predict",
        "refit_primary",
        "train_federated",
        "train_local",
        "train_pooled",
    }


def test_edited_reader_changes_ingestion_only(copy):
    assert changed_by(copy, "hemapilots/ingest/csv.py") == {"ingest"}


def test_edited_script_changes_itself_only(copy):
    assert changed_by(copy, "combine.py") == {"combine"}


def test_job_wrapper_changes_all(copy):
    assert changed_by(copy, "job.py") == set(NAMES)


def test_touching_and_moving_change_nothing(copy, tmp_path):
    before = hashes(copy)
    (copy / "hemapilots/models/cox.py").touch()
    moved = Path(shutil.copytree(copy, tmp_path / "elsewhere"))
    assert hashes(copy) == before == hashes(moved)


def test_edited_template_changes_the_pages_only(copy):
    before = hashes(copy)
    path = copy / "hemapilots/report/templates/style.css"
    path.write_text(path.read_text() + " ")
    after = hashes(copy)
    assert {name for name in NAMES if before[name] != after[name]} == {
        "describe_variables",
        "render_report",
        "render_index",
    }
