"""Files that are generated from others are up to date, and the pins are pins."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

import hemapilots
from export_schemas import schema_texts

ROOT = Path(__file__).resolve().parents[2]
ENVS = ROOT / "envs"
CONFIG = ROOT / "config"


def pins(name: str) -> dict[str, str]:
    lines = [line for line in (ENVS / name).read_text().splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.]+", line) for line in lines), name
    return dict(line.lower().replace("_", "-").split("==") for line in lines)


def test_every_requirement_is_pinned_once():
    files = ("requirements.txt", "torch.txt", "requirements-test.txt", "requirements-cohorts.txt")
    runtime, torch, test, cohorts = (pins(name) for name in files)
    assert len(runtime | torch | test | cohorts) == len(runtime) + len(torch) + len(test) + len(cohorts)
    assert {"snakemake", "flwr", "pandas"} <= runtime.keys() and "torch" in torch and "pytest" in test


def test_conda_environment_is_up_to_date():
    spec = importlib.util.spec_from_file_location("make_conda", ENVS / "make_conda.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = (ENVS / "python.yaml").read_text()
    assert text == module.conda_environment((ENVS / "requirements.txt").read_text()), "run `make envs`"
    listed = yaml.safe_load(text)["dependencies"][-1]["pip"]
    assert dict(line.lower().replace("_", "-").split("==") for line in listed) == pins("requirements.txt")


@pytest.mark.parametrize("name", sorted(schema_texts()))
def test_schemas_are_up_to_date(name):
    assert (ROOT / "workflow" / "schemas" / name).read_text() == schema_texts()[name], "run `make schemas`"


@pytest.mark.parametrize(
    ("kind", "folder"),
    [
        ("use_case", "use_cases"),
        ("mapping", "mappings"),
        ("protocol", "protocols"),
        ("pilot", "pilots"),
        ("config", "."),
    ],
)
def test_the_configuration_satisfies_the_schemas(kind, folder):
    schema = json.loads((ROOT / "workflow" / "schemas" / f"{kind}.schema.json").read_text())
    files = sorted((CONFIG / folder).glob("*.yaml"))
    assert files
    for path in files:
        jsonschema.validate(json.loads(json.dumps(yaml.safe_load(path.read_text()))), schema)


def test_version_is_the_same_everywhere():
    assert f'version = "{hemapilots.__version__}"' in (ROOT / "pyproject.toml").read_text()
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == hemapilots.__version__


def test_python_is_one_that_the_setup_accepts():
    assert f"({sys.version_info[0]}, {sys.version_info[1]})" in (ENVS / "setup.sh").read_text()


def test_every_key_of_the_configuration_is_explained():
    """config/README.md names every field of every model of the YAML files, as `field`."""
    text = (CONFIG / "README.md").read_text()
    keys = set()
    for content in schema_texts().values():
        schema = json.loads(content)
        for part in [schema, *schema.get("$defs", {}).values()]:
            keys |= part.get("properties", {}).keys()
    assert sorted(key for key in keys if f"`{key}`" not in text) == []
