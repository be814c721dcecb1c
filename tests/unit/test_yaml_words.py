"""Faults of YAML values in words for those who write the file."""

import json
from pathlib import Path

import pytest
import yaml

from hemapilots.config.mapping import Mapping
from hemapilots.errors import HemaPilotsError
from hemapilots.yaml_source import read_yaml, validate
from hemapilots.yaml_words import PATTERNS

MAPPING = {
    "use_case": "small",
    "patient_id": "id",
    "files": {"a": {"path": "a.csv"}},
    "variables": {"hb": {"column": "Hb"}},
}


def fault(tmp_path, change):
    path = tmp_path / "m.yaml"
    path.write_text(yaml.safe_dump(MAPPING | change))
    with pytest.raises(HemaPilotsError) as caught:
        validate(Mapping, *read_yaml(path), path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sentinels": -99}, "sentinels: it must be a list; write it as in [a, b]"),
        ({"sentinels": ["x"]}, "sentinels.0: it must be a number"),
        ({"window": [1]}, "window.1: an entry is missing: it is number 2 of the list"),
        ({"files": ["a.csv"]}, "files: keys with their values belong here, one per line beneath it"),
        (
            {"variables": {"hb": {"column": 5}}},
            "variables.hb.column: it must be a text; put quotes around what looks like a number",
        ),
        ({"variables": {"Hb": {"column": "Hb"}}}, "it must be a name of lower-case letters, digits and underscores"),
        (
            {"variables": {"hb": {"column": "Hb", "date_format": ["D.M.Y"]}}},
            "it must be a form of dates made of DD, MM and YYYY",
        ),
        ({"database": "postgres://x"}, "database: it must be the name of an environment variable"),
    ],
)
def test_faults_are_told_without_types_and_patterns(tmp_path, change, sentence):
    text = fault(tmp_path, change)
    assert sentence in text
    assert not any(word in text.lower() for word in ("tuple", "dictionary", "pattern", "^", "instance", "input should"))


def test_every_pattern_of_the_configuration_has_words():
    found = set()

    def walk(node):
        if isinstance(node, dict):
            found.update([node["pattern"]] if isinstance(node.get("pattern"), str) else [])
            for key, value in node.items():
                found.update(value if key == "patternProperties" else [])
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    for path in Path(__file__).parents[2].glob("workflow/schemas/*.json"):
        walk(json.loads(path.read_text()))
    # Keys that start with an underscore are nobody's.
    assert len(found) > 1 and found - {"^_"} <= set(PATTERNS)
