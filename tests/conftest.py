"""What several test files share: one run of the small pilots for the whole session."""

from pathlib import Path

import pytest

from run_small import lay_out, snakemake


@pytest.fixture(scope="session")
def small_run(tmp_path_factory) -> Path:
    """The results folder of the small pilots, run once by Snakemake as it stands; read it, do not write to it."""
    folder = lay_out(tmp_path_factory.mktemp("small"))
    result = snakemake(folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder / "results"
