"""The example of README.md is one that works: its files are valid together, down to the headers of the extracts."""

import re
import shutil
from pathlib import Path

import pytest

from hemapilots.cli import main

ROOT = Path(__file__).resolve().parents[2]
HEADER = "pat_id;Age (years);Sex;Hb [g/L];Plt;ANC;Blasts BM %;Karyotype;follow_up_months;dead\nn1;70;male;98;120;1.9;4.5;G;31.5;yes\n"
NAMED = re.compile(r"^`(config/\S+\.yaml)`.*?^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def example(tmp_path, monkeypatch):
    """The example's files as README prints them, beside the configuration that is there."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    files = dict(NAMED.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    assert len(files) == 3
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    for site in ("north", "south", "east"):
        (tmp_path / "extracts" / site).mkdir(parents=True)
        (tmp_path / "extracts" / site / "patients.csv").write_text(HEADER)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_example_is_valid(example, capsys):
    assert main(["validate", "mds-ours"]) == 0, capsys.readouterr().err
    assert "mds-ours: valid (private, 3 sites" in capsys.readouterr().out


def test_the_example_mapping_is_checked_and_harmonizes_as_written(example, capsys):
    rows = [
        f"n{k};{60 + k % 30};{('male', 'female')[k % 2]};{90 + k};{100 + k};2.{k % 9};{k % 15};G;{k + 8.5};{('no', 'yes')[k % 2]}"
        for k in range(40)
    ]
    path = example / "extracts" / "north" / "patients.csv"
    path.write_text("\n".join([HEADER.splitlines()[0], *rows]))
    assert main(["validate", "--mapping", "our-registry", "--extract", "extracts/north"]) == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    assert said.startswith("our-registry: valid (use case mds, 9 variables, and the extract has its columns)")
    # Of five cytogenetic categories one occurs.
    assert [line[:43] for line in said.splitlines()[1:]] == ["warning: variables.cyto_ipssr.values: no ce"]
    assert main(["harmonize", "extracts/north", "--mapping", "our-registry", "--out", "private/north"]) == 0
    assert "our-registry: records delivered: 40, kept: 40" in capsys.readouterr().out


def test_a_column_that_an_extract_lacks_is_named(example, capsys):
    path = example / "extracts" / "south" / "patients.csv"
    path.write_text(HEADER.replace("ANC", "Neutro"))
    assert main(["validate", "mds-ours"]) == 2
    assert "ANC" in capsys.readouterr().err


def test_every_target_and_file_that_the_readme_names_exists():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`make ([a-z]+)", text)) | set(re.findall(r"^make ([a-z]+)", text, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for name in re.findall(r"\]\(([A-Za-z/._-]+)\)", text):
        assert (ROOT / name).is_file(), name
