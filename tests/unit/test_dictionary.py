"""The data dictionary: every column of the harmonized table, valid for machines and offline for people."""

import csv
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from frictionless import Package, Resource, Schema, validate

from hemapilots.cli import main
from hemapilots.dictionary import data_package, entries, table_schema, write_dictionary
from hemapilots.dictionary.entries import jrc_elements
from hemapilots.errors import HemaPilotsError

ROOT = Path(__file__).resolve().parents[2]
VARIABLES = {
    "age": {"label": "Age", "type": "number", "unit": "a", "hard": [18, 110], "soft": [40, 90], "known_at": "index"},
    "sex": {"label": "Sex", "type": "category", "levels": ["F", "M"], "known_at": "index", "codes": {"jrc": "2.2"}},
    "hb": {
        "label": "Haemoglobin <b>",
        "definition": "before transfusion",
        "type": "number",
        "unit": "g/dL",
        "known_at": "index",
        "codes": {"loinc": "718-7", "snomed": 38082009, "omop": 4244232},
    },
    "tp53": {"label": "TP53", "type": "flag", "known_at": "index", "gene": "TP53", "codes": {"hgnc": 11998}},
    "died_on": {"label": "Date of death", "type": "date", "known_at": "outcome", "codes": {"jrc": 3.2}},
    "score": {"label": "Score", "type": "number", "unit": "1", "known_at": "index", "role": "score"},
    "os_years": {"label": "Time", "type": "number", "unit": "a", "known_at": "outcome"},
}
USE_CASE = {
    "name": "small",
    "title": "Small",
    "index_date": "diagnosis",
    "codes": {"orpha": "52688"},
    "sources": ["A paper"],
    "variables": VARIABLES,
    "derived": {
        "old": {"label": "Old", "type": "flag", "expression": "age > 80"},
        "late": {"label": "Late", "type": "number", "unit": "a", "expression": "os_years + age"},
    },
    "endpoints": {"os": {"label": "Overall survival", "time": "os_years", "event": "tp53"}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("dictionary")
    write_dictionary(USE_CASE, made)
    return made


def test_the_package_is_valid(folder):
    assert validate(str(folder / "datapackage.json")).valid
    package = Package(str(folder / "datapackage.json"))
    assert [resource.name for resource in package.resources] == ["dictionary", "harmonized"]


def test_the_schema_has_the_columns_of_the_harmonized_table(folder):
    fields = json.loads((folder / "harmonized.schema.json").read_text())["fields"]
    names = [field["name"] for field in fields]
    assert names == [
        "row",
        "age",
        "sex",
        "hb",
        "tp53",
        "score",
        "os_years",
        "old",
        "late",
        "os_entry",
        "os_time",
        "os_event",
    ]
    assert (folder / "harmonized.csv").read_text() == ",".join(names) + "\n"
    by_name = {field["name"]: field for field in fields}
    assert by_name["age"]["constraints"] == {"minimum": 18, "maximum": 110} and by_name["age"]["unit"] == "a"
    assert by_name["sex"]["constraints"] == {"enum": ["F", "M"]} and by_name["sex"]["type"] == "string"
    assert by_name["hb"]["codes"][0] == {"system": "LOINC", "uri": "http://loinc.org", "code": "718-7"}
    assert by_name["os_event"]["constraints"] == {"enum": [0, 1, 2]}


def test_a_table_is_judged_by_the_schema(folder, tmp_path):
    schema = Schema.from_descriptor(json.loads((folder / "harmonized.schema.json").read_text()))
    row = dict.fromkeys(schema.field_names, "")
    good = row | {
        "row": 0,
        "age": 70.5,
        "sex": "M",
        "tp53": "1.0",
        "os_entry": "0.0",
        "os_time": "1.5",
        "os_event": "0.0",
    }
    bad = row | {"row": 1, "age": 17, "sex": "X", "tp53": "2.0", "os_event": "3.0"}
    pd.DataFrame([good]).to_csv(tmp_path / "good.csv", index=False)
    pd.DataFrame([bad]).to_csv(tmp_path / "bad.csv", index=False)
    reports = [
        validate(Resource(path=f"{name}.csv", schema=schema, basepath=str(tmp_path))) for name in ("good", "bad")
    ]
    assert reports[0].valid
    wrong = {error[0] for error in reports[1].flatten(["fieldName"])}
    assert wrong == {"age", "sex", "tp53", "os_event"}


def test_entries_say_when_a_variable_is_known_and_what_binds_it():
    found = {entry["name"]: entry for entry in entries(USE_CASE)}
    assert (found["old"]["known_at"], found["late"]["known_at"]) == ("index", "outcome")
    assert (found["sex"]["jrc"], found["sex"]["jrc_name"]) == ("2.2", "Sex")
    assert found["died_on"]["kind"] == "read" and found["died_on"]["jrc_name"] == "Date of death"
    assert (found["hb"]["loinc"], found["hb"]["snomed"], found["hb"]["omop"]) == ("718-7", "38082009", "4244232")
    assert found["tp53"]["computed_from"] == "variants of TP53: flag" and found["tp53"]["hgnc"] == "11998"


def test_an_unknown_common_element_is_refused():
    wrong = USE_CASE | {"variables": {"sex": VARIABLES["sex"] | {"codes": {"jrc": "2.9"}}}, "derived": {}}
    with pytest.raises(HemaPilotsError, match=r"variables\.sex\.codes\.jrc: there is no such common data element"):
        entries(wrong)


def test_there_are_sixteen_common_elements():
    elements = jrc_elements()
    assert len(elements) == 16 and list(elements)[:3] == ["1.1", "2.1", "2.2"]
    assert all(element["name"] and element["definition"] and element["values"] for element in elements.values())


def test_the_page_is_offline_and_escaped(folder):
    page = (folder / "dictionary.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://|<(script|link|img|iframe)\b|@import|url\(", page)
    assert "Haemoglobin &lt;b&gt;" in page and "LOINC 718-7" in page and "JRC 2.2" in page and "ORPHA 52688" in page


def test_the_table_for_people_holds_every_column(folder):
    with (folder / "dictionary.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 13 and rows[2]["levels"] == "F; M" and rows[5]["kind"] == "read"


def test_the_same_use_case_gives_the_same_bytes(folder, tmp_path):
    write_dictionary(USE_CASE, tmp_path)
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()


@pytest.mark.parametrize("path", sorted((ROOT / "config" / "use_cases").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_use_case_has_a_valid_dictionary(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert main(["dictionary", path.stem, "--out", str(tmp_path / "out")]) == 0, capsys.readouterr().err
    assert validate(str(tmp_path / "out" / "datapackage.json")).valid
    assert "datapackage.json" in capsys.readouterr().out


def test_schema_and_package_agree():
    found = entries(USE_CASE)
    assert data_package(USE_CASE, found)["resources"][1]["schema"] == table_schema(found)
