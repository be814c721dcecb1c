"""The numbered dirty-data cases of whole files: encodings, dialects, headers."""

from pathlib import Path

import pytest

from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.engine import harmonize
from hemapilots.harmonize.reading.units import load_factors
from hemapilots.ingest.readers import ingest
from hemapilots.paths import RESOURCES

USE_CASE = {
    "variables": {
        "hb": {"label": "Hb", "type": "number", "unit": "g/dL", "hard": [2, 20], "known_at": "index"},
        "high": {"label": "LDH high", "type": "flag", "known_at": "index"},
        "os_years": {"label": "Time", "type": "number", "unit": "a", "known_at": "outcome"},
        "os_status": {"label": "Died", "type": "flag", "known_at": "outcome"},
    },
    "endpoints": {"os": {"label": "OS", "time": "os_years", "event": "os_status"}},
}
MAPPING = {
    "name": "clinic",
    "reader": "csv",
    "patient_id": "id",
    "missing": {"": "missing"},
    "files": {"main": {"path": "main.csv"}},
    "variables": {
        "hb": {"column": "Hb", "unit": "g/dL", "aliases": []},
        "high": {"column": "LDH", "values": {"élevée": 1, "normale": 0, "männlich": 0}},
        "os_years": {"column": "t", "unit": "a"},
        "os_status": {"column": "d"},
    },
}
ROWS = "id;Hb;LDH;t;d\np1;9,8;élevée;1;0\np2;10,1;normale;2;1\n"


def harmonized(folder: Path, mapping: dict = MAPPING):
    factors = load_factors(RESOURCES / "units" / "factors.csv")
    return harmonize(ingest(folder, mapping), USE_CASE, mapping, factors)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "latin-1", "utf-16", "mac-roman"])
def test_case_61_encodings_are_found_by_trial(tmp_path, encoding):
    (tmp_path / "main.csv").write_bytes(ROWS.encode(encoding))
    table, issues, _ = harmonized(tmp_path)
    assert table["high"].tolist() == [1, 0] and table["hb"].tolist() == [9.8, 10.1]


def test_case_61_text_that_was_encoded_twice_is_mended_and_lost_letters_reject_the_file(tmp_path):
    (tmp_path / "main.csv").write_bytes(ROWS.encode().decode("cp1252").encode())
    table, issues, _ = harmonized(tmp_path)
    assert table["high"].tolist() == [1, 0]
    assert ("inferred", "encoding") in set(zip(issues["status"], issues["reason"], strict=True))
    (tmp_path / "main.csv").write_bytes(ROWS.replace("élevée", "m\ufffdnnlich").encode())
    with pytest.raises(HemaPilotsError, match=r"replacement characters in 1 lines; encoding"):
        harmonized(tmp_path)


def test_case_62_byte_order_mark_semicolons_quoted_line_breaks_and_mixed_line_ends(tmp_path):
    text = '\ufeffid;Hb;LDH;t;d;note\r\np1;9,8;élevée;1;0;"two\nlines; really"\np2;"10,1";normale;2;1;\r\n'
    (tmp_path / "main.csv").write_bytes(text.encode())
    table, issues, _ = harmonized(tmp_path)
    assert table["hb"].tolist() == [9.8, 10.1] and table["high"].tolist() == [1, 0]
    assert issues["detail"].str.contains('separated by ";"', regex=False).any()
    declared = MAPPING | {"files": {"main": {"path": "main.csv", "delimiter": ","}}}
    with pytest.raises(HemaPilotsError, match=r"main.csv.*delimiter"):
        harmonized(tmp_path, declared)


HEADERS = ["Hémoglobine (g/dl)", "Hb_gdl", "HGB", "Hämoglobin", "Emoglobina", "hemoglobina", "Αιμοσφαιρίνη"]


@pytest.mark.parametrize("header", HEADERS)
def test_case_63_headers_in_many_languages(tmp_path, header):
    (tmp_path / "main.csv").write_text(ROWS.replace("Hb", header), encoding="utf-8")
    aliases = MAPPING["variables"]["hb"] | {"aliases": HEADERS}
    table, _, _ = harmonized(tmp_path, MAPPING | {"variables": MAPPING["variables"] | {"hb": aliases}})
    assert table["hb"].tolist() == [9.8, 10.1]


def test_case_63_two_columns_to_one_variable_are_refused_unless_one_is_declared(tmp_path):
    (tmp_path / "main.csv").write_text("id;HGB;Hb;LDH;t;d\np1;1;9,8;normale;1;0\n", encoding="utf-8")
    aliases = MAPPING["variables"]["hb"] | {"aliases": HEADERS}
    with pytest.raises(HemaPilotsError, match="would be hb too"):
        harmonized(tmp_path, MAPPING | {"variables": MAPPING["variables"] | {"hb": aliases}})
    assert harmonized(tmp_path)[0]["hb"].tolist() == [9.8]
