"""The hash of a script changes with what it imports, and with nothing else."""

import shutil
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py") if "with job(snakemake)" in path.read_text())


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy") / "scripts"
    return Path(shutil.copytree(SCRIPTS, folder, ignore=shutil.ignore_patterns("__pycache__")))


def hashes(folder: Path) -> dict[str, str]:
    """library() of every script, as a fresh process with that folder would give it."""
    namespace = {"__file__": str(folder / "staleness.py"), "__name__": "staleness"}
    exec(compile((folder / "staleness.py").read_text(), "staleness.py", "exec"), namespace)
    return {name: namespace["library"](name) for name in NAMES}


@pytest.fixture(scope="module")
def before(copy):
    """The hashes of the copy as it is; an edited file is put back."""
    return hashes(copy)


@pytest.fixture
def changed_by(copy, before):
    def edited(file: str) -> set[str]:
        path = copy / file
        text = path.read_text()
        path.write_text(text + ("\n# edited\n" if path.suffix == ".py" else " "))
        after = hashes(copy)
        path.write_text(text)
        return {name for name in NAMES if before[name] != after[name]}

    return edited


def test_edited_helpers_change_exactly_their_dependents(changed_by):
    assert changed_by("hemapilots/models/partial_likelihood.py") == {
        "explain_site",
        "export_model",
        "leave_sites_out",
        "predict",
        "refit_primary",
        "train_federated",
        "train_local",
        "train_pooled",
    }


def test_edited_reader_changes_ingestion_only(changed_by):
    assert changed_by("hemapilots/ingest/csv.py") == {"ingest"}


def test_edited_script_changes_itself_only(changed_by):
    assert changed_by("combine.py") == {"combine"}


def test_job_wrapper_changes_all(changed_by):
    assert changed_by("job.py") == set(NAMES)


def test_touching_moving_and_taking_an_edit_back_change_nothing(copy, before, changed_by, tmp_path):
    assert changed_by("hemapilots/models/cox.py")
    (copy / "hemapilots/models/cox.py").touch()
    moved = Path(shutil.copytree(copy, tmp_path / "elsewhere"))
    assert hashes(copy) == before == hashes(moved)


def test_edited_template_changes_the_pages_only(changed_by):
    assert changed_by("hemapilots/report/templates/style.css") == {
        "describe_variables",
        "render_comparison",
        "render_report",
        "render_index",
    }
