"""Folders that several test files begin with."""

import shutil
from pathlib import Path

import pytest

from scan_sample import USE_CASE

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def config(tmp_path) -> Path:
    """A copy of the project's configuration, to be changed at will."""
    return Path(shutil.copytree(ROOT / "config", tmp_path / "config"))


@pytest.fixture
def small_config(tmp_path) -> Path:
    """A configuration with the small use case of the scans alone."""
    folder = tmp_path / "config"
    (folder / "use_cases").mkdir(parents=True)
    (folder / "use_cases" / "small.yaml").write_text(USE_CASE)
    return folder


@pytest.fixture
def extract(tmp_path) -> Path:
    """An empty folder for an extract."""
    folder = tmp_path / "extract"
    folder.mkdir()
    return folder
