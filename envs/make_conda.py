"""Writes envs/python.yaml, the conda environment of the rules, from the pins that `make` installs with pip."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
HEAD = """\
# The environment of every rule, for `snakemake --sdm conda`. Written by `make envs` from requirements.txt; do not edit.
channels: [conda-forge, nodefaults]
dependencies:
  - python=3.11.*
  - pip
  - pip:
"""


def conda_environment(requirements: str) -> str:
    """The text of python.yaml for the text of requirements.txt."""
    pins = [line for line in requirements.splitlines() if line and not line.startswith("#")]
    return HEAD + "".join(f"      - {pin}\n" for pin in pins)


if __name__ == "__main__":
    text = conda_environment((HERE / "requirements.txt").read_text(encoding="utf-8"))
    (HERE / "python.yaml").write_text(text, encoding="utf-8")
    sys.stdout.write("wrote envs/python.yaml\n")
