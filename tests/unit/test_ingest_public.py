"""Public cohorts that Python packages carry: pinned versions, pinned bytes."""

from pathlib import Path

import pandas as pd
import pytest

from hemapilots.cross_checks import load_public
from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.public import check_mirror, fetch

PUBLIC = load_public(Path(__file__).resolve().parents[2] / "resources")
CARRIED = [
    (name, file) for name, cohort in PUBLIC.items() for file, entry in cohort["files"].items() if entry["package"]
]


@pytest.mark.parametrize(("name", "file"), CARRIED)
def test_a_carried_cohort_is_exported_with_the_expected_bytes(tmp_path, name, file):
    fetch(file, PUBLIC[name], None, tmp_path / file)
    table = pd.read_csv(tmp_path / file)
    assert len(table) == {"leuksurv": 1043, "mgus2": 1384}[name]
    if name == "leuksurv":
        assert table["event"].sum() == 879 and table["fac_district"].nunique() == 24
    else:
        assert table["pstat"].sum() == 115 and table["death"].sum() == 963


def test_other_bytes_are_refused_and_nothing_is_kept(tmp_path):
    name, file = CARRIED[0]
    entry = PUBLIC[name]["files"][file] | {"sha256": ["0" * 64]}
    with pytest.raises(HemaPilotsError, match="SHA-256 .* is not the expected"):
        fetch(file, PUBLIC[name] | {"files": {file: entry}}, None, tmp_path / file)
    assert not (tmp_path / file).exists()


@pytest.mark.parametrize(
    ("package", "words"), [({"version": "9.9"}, "installed in version"), ({"name": "NoSuch"}, "not installed")]
)
def test_a_package_that_is_absent_or_of_another_version(tmp_path, package, words):
    name, file = CARRIED[0]
    entry = PUBLIC[name]["files"][file]
    cohort = PUBLIC[name] | {"files": {file: entry | {"package": entry["package"] | package}}}
    with pytest.raises(HemaPilotsError, match=f"{words}.*requirements-cohorts.txt"):
        fetch(file, cohort, None, tmp_path / file)
    with pytest.raises(HemaPilotsError, match=words):
        check_mirror(str(tmp_path), [cohort])
