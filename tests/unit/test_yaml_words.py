"""Faults of YAML values in words for those who write the file."""

import json
from pathlib import Path

import pytest
import yaml

from hemapilots.config.mapping import Mapping
from hemapilots.config.pilot import Pilot
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


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("patient_id: x\n\tuse_case: mds\n", "line 2: use_case: a tab indents the line; use spaces"),
        ("lock: 2020-13-01\n", "line 1: lock: '2020-13-01' is no day of the calendar; write year-month-day"),
        ("files:\n  a: {path: a, rows: [1, 2020-02-30]}\n", "line 2: files.a.rows.1: '2020-02-30' is no day"),
        ("patient_id: a: b\n", "line 1: patient_id: a colon stands within a text"),
        ("files: [a, b\nuse: c\n", "line 2: use: a bracket is not closed before this place; close it"),
        ("patient_id: 'a\n", "a quote is not closed before the end of the file; close it"),
        ("files:\n  - a\n b: 3\n", "line 3: b: the line is indented otherwise than what it belongs to"),
        ("a: 1\na: 2\n", "line 2: a: the key 'a' stands twice; leave one"),
        ("a: !!python/name:os.system x\n", "line 1: a: could not determine a constructor"),
    ],
)
def test_what_is_no_yaml_is_told_with_line_field_and_remedy(tmp_path, text, sentence):
    path = tmp_path / "m.yaml"
    path.write_text(text)
    with pytest.raises(HemaPilotsError) as caught:
        read_yaml(path)
    assert sentence in str(caught.value) and str(caught.value).startswith(f"{path}, line")


@pytest.mark.parametrize("title", ["", None, "  "])
def test_an_empty_text_is_said_to_be_empty(tmp_path, title):
    path = tmp_path / "p.yaml"
    path.write_text(yaml.safe_dump({"title": title, "use_case": "mds", "protocol": "standard", "cohort": {}}))
    with pytest.raises(HemaPilotsError) as caught:
        validate(Pilot, *read_yaml(path), path)
    (line,) = [line for line in str(caught.value).splitlines() if "title" in line]
    assert "title: it is empty; write" in line or "title: it must be a text that is not blank" in line
    assert ", line " in line


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
