"""What a user does wrong gives one clear sentence and a non-zero exit, and leaves the last good results where they are."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from private_pilot import MAPPINGS, PILOT, ROOT, SITES, make_private_pilot

sys.path.insert(0, str(ROOT / "scripts"))
from job import sentence

KEPT = ("metrics.csv", "comparisons.csv", "verdict.json", "report.html")


def run(folder: Path, *arguments, **environment):
    command = [sys.executable, str(ROOT / "scripts/run_workflow.py"), "--pilots", PILOT, *arguments]
    env = os.environ | {"PYTHONPATH": str(ROOT / "scripts")} | environment
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=400)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A finished private pilot, with its results' bytes."""
    folder = make_private_pilot(tmp_path_factory.mktemp("bad"))
    done = run(folder)
    assert done.returncode == 0, done.stderr
    return folder, {name: (folder / "results" / PILOT / name).read_bytes() for name in KEPT}


def check_fails(good, expected: list[str], code: int | None = None):
    """The run fails with one sentence that has every part, no traceback, and the old results stay."""
    folder, before = good
    done = run(folder)
    assert done.returncode != 0 and (code is None or done.returncode == code)
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    sentences = [line for line in done.stderr.splitlines() if line.startswith("hemapilots: ")]
    assert len(sentences) == 1, done.stderr
    for part in expected:
        assert part in sentences[0], sentences[0]
    assert {name: (folder / "results" / PILOT / name).read_bytes() for name in KEPT} == before


@pytest.fixture
def spoil(good):
    """Change a file for one test and put it back."""
    kept = []

    def change(path: Path, new: bytes | None):
        kept.append((path, path.read_bytes()))
        path.unlink() if new is None else path.write_bytes(new)

    yield change
    for path, content in kept:
        path.write_bytes(content)


def extract(good, site="clinic-a") -> Path:
    return good[0] / "extracts" / site / "patients.csv"


def table(good) -> pd.DataFrame:
    return pd.read_csv(extract(good), dtype=str, keep_default_na=False)


def spoiled_table(good, spoil, change) -> None:
    frame = change(table(good))
    spoil(extract(good), frame.to_csv(index=False).encode())


MAPPING = yaml.safe_load((MAPPINGS / "mds-plain-en.yaml").read_text())["variables"]
TIME, STATUS = MAPPING["os_years"]["column"], MAPPING["os_status"]["column"]


def test_misspelt_key(good, spoil):
    path = good[0] / "config/protocols/short.yaml"
    spoil(path, path.read_bytes().replace(b"folds:", b"fodls:"))
    check_fails(good, ["short.yaml, line", "unknown key 'fodls'", "did you mean 'folds'?"], 2)


def test_missing_extract(good, spoil):
    spoil(extract(good), None)
    check_fails(good, ["patients.csv", "clinic-a"], 2)


def test_empty_extract(good, spoil):
    spoil(extract(good), b"")
    check_fails(good, ["patients.csv", "empty"], 2)


def test_git_lfs_pointer(good, spoil):
    spoil(extract(good), b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    check_fails(good, ["patients.csv", "Git-LFS pointer", "git lfs pull"], 2)


def test_absent_column(good, spoil):
    spoiled_table(good, spoil, lambda frame: frame.rename(columns={MAPPING["hb"]["column"]: "Hbx"}))
    check_fails(good, ["patients.csv", MAPPING["hb"]["column"]], 2)


def test_rows_without_a_patient(good, spoil):
    spoiled_table(good, spoil, lambda frame: pd.concat([frame, frame.head(2).assign(**{frame.columns[0]: ""})]))
    check_fails(good, ["ingest", "clinic-a", "2 rows have no patient id", "(log: results/"], 1)


def test_negative_time(good, spoil):
    spoiled_table(good, spoil, lambda frame: frame.assign(**{TIME: ["-1", *frame[TIME][1:]]}))
    check_fails(good, ["harmonize", "clinic-a", TIME, "negative"], 1)


def test_missing_times(good, spoil):
    spoiled_table(good, spoil, lambda frame: frame.assign(**{TIME: "NA"}))
    check_fails(good, ["harmonize", "clinic-a", TIME, "os"], 1)


def test_no_usable_patient(good, spoil):
    lfs = MAPPING["lfs_years"]["column"]
    spoiled_table(
        good,
        spoil,
        lambda frame: frame.assign(**{STATUS: "NA", MAPPING["lfs_status"]["column"]: "NA", lfs: frame[lfs]}),
    )
    check_fails(good, ["harmonize", "clinic-a"], 1)


def test_endpoint_without_events(good, spoil):
    for site, (stem, _) in SITES.items():
        mapping = yaml.safe_load((MAPPINGS / f"{stem}.yaml").read_text())
        file, column = next(iter(mapping["files"].values())), mapping["variables"]["os_status"]
        alive = next((raw for raw, value in (column.get("values") or {"0": 0}).items() if value == 0), "0")
        path, separator, encoding = extract(good, site), file.get("delimiter", ","), file.get("encoding", "utf-8")
        frame = pd.read_csv(path, sep=separator, encoding=encoding, dtype=str, keep_default_na=False)
        frame[column["column"]] = str(alive)
        spoil(path, frame.to_csv(index=False, sep=separator).encode(encoding))
    check_fails(good, ["endpoint os", "no site has an event"], 1)


def test_unknown_pilot(good):
    done = run(good[0], "--pilots", "mds-privat")
    assert done.returncode == 2 and "mds-privat.yaml: no such file; did you mean 'mds-private'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_mirror_that_does_not_exist(good):
    done = run(good[0], "--pilots", "mds-ipssm", "--cohort-mirror", "/nowhere")
    assert done.returncode == 2 and "COHORT_MIRROR=/nowhere: no such folder" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_good_pilot_is_still_up_to_date(good):
    """Everything was put back: the run ends well and with the same bytes."""
    folder, before = good
    done = run(folder)
    assert done.returncode == 0
    for name in KEPT[:3]:
        assert (folder / "results" / PILOT / name).read_bytes() == before[name]


def test_no_permission_to_write(good, tmp_path):
    if os.geteuid() != 0:
        folder = tmp_path / "locked"
        shutil.copytree(good[0] / "config", folder / "config")
        folder.chmod(0o500)
        command = [sys.executable, str(ROOT / "scripts/run_workflow.py")]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
        )
        assert done.returncode == 2 and "no permission to write" in done.stderr and "Traceback" not in done.stderr
    assert "check that the path exists and may be written" in sentence(
        PermissionError(errno.EACCES, "Permission denied", "out.csv")
    )


FULL_DISK = """
import errno, sys
from pathlib import Path
from types import SimpleNamespace

from job import job
from hemapilots import tables


def full(self, data):
    raise OSError(errno.ENOSPC, "No space left on device", str(self))


Path.write_bytes = full
with job(SimpleNamespace(log=["job.log"], rule="combine", wildcards=["some-pilot"])):
    tables.write_text("metrics.csv", "new")
"""


def test_full_disk_gives_a_sentence_and_leaves_the_old_file(tmp_path):
    """The write raises ENOSPC as a full disk does: log with traceback, one sentence, exit 1, the old file as it was."""
    (tmp_path / "metrics.csv").write_text("old")
    env = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
    command = [sys.executable, "-c", FULL_DISK]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert (tmp_path / "metrics.csv").read_text() == "old" and not list(tmp_path.glob(".*tmp"))
    assert "combine, some-pilot: " in done.stderr and "No space left on device; free some space" in done.stderr
    assert "Traceback" not in done.stderr and "Traceback" in (tmp_path / "job.log").read_text()
