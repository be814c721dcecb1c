"""REDCap exports: raw and label, checkboxes, repeating instruments, events, missing-data codes, the data dictionary."""

import csv
from copy import deepcopy

import pandas as pd
import pytest

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.readers import check_extract, ingest
from reader_sample import cells, refused, said

MAPPING = {
    "name": "registry",
    "reader": "redcap",
    "patient_id": "record_id",
    "missing": {"": "missing", "NASK": "not_done"},
    "files": {"main": {"path": "export.csv"}},
    "variables": {"sex": {"column": "sex"}, "hb": {"column": "hb", "date": "hb_date"}},
}
DICTIONARY = [
    ["Variable / Field Name", "Form Name", "Field Type", "Field Label", "Choices, Calculations, OR Slider Labels"],
    ["record_id", "demographics", "text", "Record ID", ""],
    ["sex", "demographics", "radio", "<b>Sex at birth</b>", "1, Female | 2, Male"],
    ["consent", "demographics", "yesno", "Consent given?", ""],
    ["hist", "demographics", "checkbox", "History", "1, Renal | 2, Cardiac, any | -9, Refused"],
    ["hb", "laboratory", "text", "Haemoglobin", ""],
    ["hb_date", "laboratory", "text", "Date of sample", ""],
    ["risk", "laboratory", "calc", "Risk", "[hb] * 2, rounded"],
]


def write(folder, rows, name="export.csv", encoding="utf-8"):
    with open(folder / name, "w", newline="", encoding=encoding) as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def changed(variables=None, **more):
    mapping = deepcopy(MAPPING) | more
    return mapping | ({"variables": variables} if variables else {})


def with_dictionary(folder, mapping, rows=DICTIONARY):
    write(folder, rows, "dictionary.csv")
    return mapping | {"files": {"dictionary": {"path": "dictionary.csv"}} | mapping["files"]}


def observed(delivered, variable):
    table = delivered.observations
    columns = [cells(table[table["variable"] == variable], name) for name in ("patient_id", "value", "unit", "date")]
    return list(zip(*columns, strict=True))


def test_a_project_without_events_is_one_row_per_record(tmp_path):
    write(
        tmp_path,
        [
            ["record_id", "name", "sex", "hb", "hb_date"],
            ["1", "Ann", "1", "9.8", "2020-01-02"],
            [" 2 ", "Bob", "NASK", "", ""],
        ],
    )
    delivered = ingest(tmp_path, MAPPING)
    records = delivered.records
    assert records.columns.tolist() == ["row", "patient_id", "sex", "hb", "hb__date"]
    assert records["row"].tolist() == [0, 1] and records["row"].dtype == "int64"
    assert records["patient_id"].tolist() == ["1", "2"]
    # A missing-data code stays as it is; a blank cell is a cell.
    assert cells(records, "sex") == ["1", "NASK"]
    assert cells(records, "hb") == ["9.8", ""]
    assert isinstance(records["hb"].dtype, pd.CategoricalDtype)
    assert delivered.observations.empty and delivered.variants.empty
    check_extract(tmp_path, MAPPING)


def test_events_of_a_record_are_joined(tmp_path):
    write(
        tmp_path,
        [
            ["record_id", "redcap_event_name", "sex", "hb", "hb_date"],
            ["1", "baseline_arm_1", "1", "", ""],
            ["1", "month_6_arm_1", "", "10.1", "2020-06-01"],
            ["2", "baseline_arm_1", "2", "8.0", "2019-01-01"],
            ["2", "month_6_arm_1", "2 ", "", ""],
        ],
    )
    records = ingest(tmp_path, MAPPING).records
    assert records["patient_id"].tolist() == ["1", "2"]
    assert cells(records, "sex") == ["1", "2"]
    assert cells(records, "hb") == ["10.1", "8.0"] and cells(records, "hb__date") == ["2020-06-01", "2019-01-01"]


def test_a_dated_field_of_several_events_is_observed(tmp_path):
    write(
        tmp_path,
        [
            ["record_id", "redcap_event_name", "sex", "hb", "hb_date"],
            ["1", "a", "1", "9.8", "2020-01-02"],
            ["1", "b", "", "10.1", "2020-06-01"],
            ["2", "a", "2", "8.0", "2019-01-01"],
        ],
    )
    delivered = ingest(tmp_path, MAPPING)
    assert "hb" not in delivered.records
    assert observed(delivered, "hb") == [
        ("1", "9.8", None, "2020-01-02"),
        ("1", "10.1", None, "2020-06-01"),
        ("2", "8.0", None, "2019-01-01"),
    ]
    assert delivered.observations["row"].tolist() == [0, 1, 2]


def test_an_undated_contradiction_becomes_a_second_row_of_the_record(tmp_path):
    write(
        tmp_path,
        [
            ["record_id", "redcap_event_name", "sex", "ecog"],
            ["1", "a", "1", "0"],
            ["2", "a", "2", "1"],
            ["1", "b", "2", "0"],
            ["1", "c", "", "0"],
        ],
    )
    records = ingest(tmp_path, changed({"sex": {"column": "sex"}, "ecog": {"column": "ecog"}})).records
    assert records["row"].tolist() == [0, 1, 2]
    assert records["patient_id"].tolist() == ["1", "1", "2"]
    assert cells(records, "sex") == ["1", "2", "2"]
    assert cells(records, "ecog") == ["0", "0", "1"]


def test_the_same_figure_in_another_unit_is_another_cell(tmp_path):
    write(tmp_path, [["record_id", "redcap_event_name", "hb", "u"], ["1", "a", "9", "g/dL"], ["1", "b", "9", "mmol/L"]])
    records = ingest(tmp_path, changed({"hb": {"column": "hb", "unit_column": "u"}})).records
    assert cells(records, "hb") == ["9", "9"] and cells(records, "hb__unit") == ["g/dL", "mmol/L"]


def test_a_row_delivered_twice_is_left_to_harmonization(tmp_path):
    write(
        tmp_path, [["record_id", "sex", "hb", "hb_date"], ["1", "1", "9", ""], ["2", "2", "8", ""], ["1", "1", "7", ""]]
    )
    delivered = ingest(tmp_path, MAPPING)
    assert delivered.records["patient_id"].tolist() == ["1", "2", "1"]
    assert cells(delivered.records, "hb") == ["9", "8", "7"]


def test_repeating_instruments_and_events_are_observed(tmp_path):
    variables = {
        "sex": {"column": "sex"},
        "hb": {"column": "hb", "date": "hb_date", "unit_column": "hb_unit"},
        "relapse": {"column": "relapse"},
    }
    write(
        tmp_path,
        [
            [
                "record_id",
                "redcap_repeat_instrument",
                "redcap_repeat_instance",
                "sex",
                "hb",
                "hb_unit",
                "hb_date",
                "relapse",
            ],
            ["1", "", "", "1", "", "", "", ""],
            ["1", "labs", "1", "", "98", "g/L", "2020-01-02", ""],
            ["1", "labs", "2", "", "10.1", "g/dL", "2020-06-01", ""],
            ["1", "labs", "3", "", "", "", "2020-07-01", ""],
            ["2", "labs", "1", "", "80", "g/L", "2019-01-01", ""],
            ["3", "", "", "2", "", "", "", ""],
            ["3", "", "1", "", "", "", "", "2021-05-05"],
        ],
    )
    delivered = ingest(tmp_path, changed(variables))
    assert delivered.records["patient_id"].tolist() == ["1", "2", "3"]
    # Record 2 has no other row than a repeated one.
    assert cells(delivered.records, "sex") == ["1", None, "2"]
    assert observed(delivered, "hb") == [
        ("1", "98", "g/L", "2020-01-02"),
        ("1", "10.1", "g/dL", "2020-06-01"),
        ("2", "80", "g/L", "2019-01-01"),
    ]
    assert observed(delivered, "relapse") == [("3", "2021-05-05", None, None)]


def test_boxes_are_one_and_zero(tmp_path):
    header = ["record_id", "hist___1", "hist___2"]
    variables = {
        "renal": {"column": "hist___1"},
        "other": {"column": "hist___2", "values": {"Checked": 1, "Unchecked": 0}},
    }
    write(tmp_path, [header, ["1", "Checked", "Unchecked"], ["2", "Unchecked", "Checked"], ["3", "1", "0"]])
    records = ingest(tmp_path, changed(variables)).records
    assert cells(records, "renal") == ["1", "0", "1"]
    # Words that the mapping explains stay.
    assert cells(records, "other") == ["Unchecked", "Checked", "0"]


def test_boxes_of_forms_that_nobody_filled_do_not_count(tmp_path):
    write(
        tmp_path,
        [
            ["record_id", "redcap_event_name", "hist___1", "hist___2"],
            ["1", "a", "0", "1"],
            ["1", "b", "0", "0"],
            ["2", "a", "1", "0"],
            ["2", "b", "0", "0"],
            ["3", "a", "0", "0"],
            ["3", "b", "0", "0"],
            ["4", "a", "1", "0"],
            ["4", "b", "0", "1"],
        ],
    )
    delivered = ingest(tmp_path, changed({"renal": {"column": "hist___1"}}))
    records = delivered.records
    # Of record 4 both forms were filled and differ: that is for harmonization.
    assert list(zip(records["patient_id"], cells(records, "renal"), strict=True)) == [
        ("1", "0"), ("2", "1"), ("3", "0"), ("4", "1"), ("4", "0"),
    ]  # fmt: skip
    assert said(delivered, "renal") == [("rejected", "missing", 2)]


def test_boxes_of_a_row_delivered_twice_count(tmp_path):
    write(tmp_path, [["record_id", "hist___1"], ["1", "1"], ["1", "0"]])
    assert cells(ingest(tmp_path, changed({"renal": {"column": "hist___1"}})).records, "renal") == ["1", "0"]


def test_a_missing_code_of_a_checkbox_is_a_box_of_its_own(tmp_path):
    header = ["record_id", "hist___1", "hist____9", "hist___nask"]
    write(tmp_path, [header, ["1", "1", "0", "0"], ["2", "", "0", "1"], ["3", "", "1", "0"], ["4", "0", "0", "0"]])
    variables = {"renal": {"column": "hist___1", "missing": {"-9": "missing"}}}
    assert cells(ingest(tmp_path, changed(variables)).records, "renal") == ["1", "NASK", "-9", "0"]


LABELS = [
    ["Record ID", "Event Name", "Repeat Instrument", "Repeat Instance", "Sex at birth", "History (choice=Renal)",
     "Haemoglobin", "Date of sample"],
    ["1", "Baseline", "", "", "Female", "Checked", "", ""],
    ["1", "Baseline", "Laboratory", "1", "", "", "9.8", "2020-01-02"],
    ["2", "Baseline", "", "", "Male", "Unchecked", "", ""],
]  # fmt: skip
BY_LABEL = {
    "sex": {"column": "Sex at birth", "values": {"Female": "f", "Male": "m"}},
    "renal": {"column": "History (choice=Renal)"},
    "hb": {"column": "Haemoglobin", "date": "Date of sample"},
}
BY_FIELD = {
    "sex": {"column": "sex", "values": {"1": "f", "2": "m"}},
    "renal": {"column": "hist___1"},
    "hb": {"column": "hb", "date": "hb_date"},
}


def test_label_exports(tmp_path):
    write(tmp_path, LABELS)
    delivered = ingest(tmp_path, changed(BY_LABEL, patient_id="Record ID"))
    assert delivered.records["patient_id"].tolist() == ["1", "2"]
    assert cells(delivered.records, "sex") == ["Female", "Male"]
    assert cells(delivered.records, "renal") == ["1", "0"]
    assert observed(delivered, "hb") == [("1", "9.8", None, "2020-01-02")]


def test_the_dictionary_finds_fields_under_their_labels_and_reads_labels_as_codes(tmp_path):
    write(tmp_path, LABELS)
    mapping = with_dictionary(tmp_path, changed(BY_FIELD))
    check_extract(tmp_path, mapping)
    delivered = ingest(tmp_path, mapping)
    assert cells(delivered.records, "sex") == ["1", "2"]
    assert cells(delivered.records, "renal") == ["1", "0"]
    assert said(delivered, "sex") == [("mapped", None, 2)]
    assert observed(delivered, "hb") == [("1", "9.8", None, "2020-01-02")]


def test_the_dictionary_reads_codes_as_the_labels_that_the_mapping_explains(tmp_path):
    write(
        tmp_path,
        [
            ["record_id", "sex", "hb", "hb_date"],
            ["1", "1", "", ""],
            ["2", " 2", "", ""],
            ["3", "7", "", ""],
            ["4", "NASK", "", ""],
        ],
    )
    variables = {"sex": {"column": "sex", "values": {"female": "f", "Male": "m"}}}
    delivered = ingest(tmp_path, with_dictionary(tmp_path, changed(variables)))
    # What the dictionary does not know stays, and so does a missing-data code.
    assert cells(delivered.records, "sex") == ["Female", "Male", "7", "NASK"]
    mixed = {"sex": {"column": "sex", "values": {"1": "f", "Male": "m"}}}
    assert cells(ingest(tmp_path, with_dictionary(tmp_path, changed(mixed))).records, "sex") == ["1", " 2", "7", "NASK"]


@pytest.mark.parametrize("choices", ["1, 2 | 2, 1", "1, Same | 2, Same", ""])
def test_choices_that_could_be_either_are_left_alone(tmp_path, choices):
    write(tmp_path, [["record_id", "sex"], ["1", "1"], ["2", "2"]])
    rows = deepcopy(DICTIONARY)
    rows[2][4] = choices
    variables = {"sex": {"column": "sex", "values": {"Same": "f", "2": "m"}}}
    mapping = with_dictionary(tmp_path, changed(variables), rows)
    assert cells(ingest(tmp_path, mapping).records, "sex") == ["1", "2"]


def test_yes_and_no_without_values_are_one_and_zero(tmp_path):
    write(tmp_path, [["Record ID", "Consent given?"], ["1", "Yes"], ["2", "No"], ["3", ""]])
    delivered = ingest(tmp_path, with_dictionary(tmp_path, changed({"consent": {"column": "consent"}})))
    assert cells(delivered.records, "consent") == ["1", "0", ""]


def test_the_dictionary_of_the_programming_interface_serves_as_well(tmp_path):
    write(tmp_path, [["Record ID", "Consent given?"], ["1", "Yes"]])
    rows = deepcopy(DICTIONARY)
    rows[0] = ["field_name", "form_name", "field_type", "field_label", "select_choices_or_calculations"]
    delivered = ingest(tmp_path, with_dictionary(tmp_path, changed({"consent": {"column": "consent"}}), rows))
    assert cells(delivered.records, "consent") == ["1"]


def test_further_files_panel_and_variants(tmp_path):
    write(tmp_path, [["record_id", "sex"], ["1", "1"], ["2", "2"]])
    write(
        tmp_path,
        [
            ["record_id", "redcap_repeat_instrument", "redcap_repeat_instance", "panel", "gene", "hgvs_p"],
            ["1", "", "", "P50", "", ""],
            ["1", "ngs", "1", "", "TP53", "p.R175H"],
            ["1", "ngs", "2", "", "KRAS", ""],
            ["9", "ngs", "1", "", "NRAS", ""],
        ],
        "genes.csv",
    )
    mapping = changed(
        {"sex": {"column": "sex"}},
        files={"main": {"path": "export.csv"}, "genes": {"path": "genes.csv"}},
        panel={"file": "genes", "column": "panel", "genes": {"P50": ["TP53"]}},
        variants={"file": "genes", "gene": "gene", "protein": "hgvs_p"},
    )
    delivered = ingest(tmp_path, mapping)
    assert cells(delivered.records, "panel__name") == ["P50", None]
    variants = delivered.variants
    assert variants.columns.tolist() == ["row", "patient_id", "gene", "protein", "coding", "vaf", "classification"]
    assert cells(variants, "patient_id") == ["1", "1"] and cells(variants, "gene") == ["TP53", "KRAS"]
    assert cells(variants, "protein") == ["p.R175H", ""] and cells(variants, "vaf") == [None, None]
    assert [(one.reason, one.detail, one.count) for one in delivered.remarks] == [("ineligible", "only in genes", 1)]


def test_panels_that_differ_between_events_do_not_count(tmp_path):
    write(
        tmp_path,
        [
            ["record_id", "redcap_event_name", "sex", "panel"],
            ["1", "a", "1", "A"],
            ["1", "b", "1", "B"],
            ["2", "a", "1", "A"],
        ],
    )
    mapping = changed({"sex": {"column": "sex"}}, panel={"column": "panel", "genes": {"A": ["TP53"], "B": []}})
    delivered = ingest(tmp_path, mapping)
    assert cells(delivered.records, "panel__name") == [None, "A"]
    assert [(one.status, one.reason, one.count) for one in delivered.remarks] == [("null", "contradiction", 1)]


def test_delimiter_and_encoding_are_found(tmp_path):
    text = "record_id;sex;hb;hb_date\n1;männlich;9,8;\n2;weiblich;8,1;\n"
    (tmp_path / "export.csv").write_bytes(text.encode("cp1252"))
    records = ingest(tmp_path, MAPPING).records
    assert cells(records, "sex") == ["männlich", "weiblich"] and cells(records, "hb") == ["9,8", "8,1"]


def test_another_field_with_a_similar_name_is_not_taken(tmp_path):
    write(tmp_path, [["record_id", "lab_1"], ["1", "7"]])
    refused(tmp_path, changed({"hb": {"column": "lab1"}}), 'column "lab1"', '"lab_1"')


def test_what_the_dictionary_does_not_know_or_the_export_lacks(tmp_path):
    write(tmp_path, [["record_id", "sexe", "demographics_complete"], ["1", "1", "2"]])
    refused(tmp_path, with_dictionary(tmp_path, changed({"sex": {"column": "sexe"}})), '"sexe"', 'nearest is "sex"')
    refused(tmp_path, with_dictionary(tmp_path, changed({"sex": {"column": "sex"}})), "not in the export", "export it")
    refused(tmp_path, with_dictionary(tmp_path, changed({"old": {"column": "hist___4"}})), '"hist___4"', "no such box")
    added = with_dictionary(tmp_path, changed({"done": {"column": "demographics_complete"}}))
    assert cells(ingest(tmp_path, added).records, "done") == ["2"]


def test_a_dictionary_that_is_none(tmp_path):
    write(tmp_path, [["record_id", "sex"], ["1", "1"]])
    mapping = with_dictionary(tmp_path, changed({"sex": {"column": "sex"}}), [["field_name", "note"], ["sex", ""]])
    refused(tmp_path, mapping, "dictionary.csv", "not a REDCap data dictionary", "files.dictionary")
    refused(tmp_path, changed(files={"dictionary": {"path": "dictionary.csv"}}), "only a dictionary")


def test_the_long_layout_is_refused(tmp_path):
    write(tmp_path, [["record", "field_name", "value"], ["1", "sex", "1"]])
    refused(tmp_path, MAPPING, "flat layout")


def test_rows_without_a_record(tmp_path):
    write(
        tmp_path, [["record_id", "sex", "hb", "hb_date"], ["1", "1", "", ""], ["", "2", "", ""], ["NASK", "2", "", ""]]
    )
    refused(tmp_path, MAPPING, 'column "record_id"', "2 rows have no patient id", check=False)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["empty"]),
        (b"record_id,sex\n", ["hb"]),
        (b"record_id,sex,hb,hb_date\n", ["no data row"]),
        (b"record_id,sex,hb,hb_date\n1,1,9", ["3 fields where the header has 4"]),
        (b'record_id,sex,hb,hb_date\n1,"1,9,\n', ["do not pair up"]),
        (b"record_id,sex,hb,hb_date\n1,\xef\xbf\xbd,9,\n", ["replacement characters"]),
        (b"record_id" + b"," * 60_000 + b"\n", ["60,001 columns"]),
        (b"PK\x03\x04\x00\x00\x00", ["export.csv"]),
    ],
)
def test_hostile_files_give_one_sentence(tmp_path, content, words):
    (tmp_path / "export.csv").write_bytes(content)
    refused(tmp_path, MAPPING, *words, check=False)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8", "cp1252"])
def test_the_quick_look_at_a_large_export_of_any_encoding(tmp_path, monkeypatch, encoding):
    write(
        tmp_path,
        [["record_id", "sex", "hb", "hb_date"], *[[k, "ü", "9.8", "2020-01-01"] for k in range(99)]],
        encoding=encoding,
    )
    declared = {"encoding": encoding} if encoding == "utf-16-le" else {}
    for head in (201, 202, 203):
        monkeypatch.setattr("hemapilots.ingest.text.HEAD", head)
        check_extract(tmp_path, changed(files={"main": {"path": "export.csv"} | declared}))


def test_a_file_without_a_header_names_no_patient(tmp_path):
    write(tmp_path, [["P01", "sexy", "hb 9.8", "2020-01-01", "7"]] * 3)
    with pytest.raises(HemaPilotsError, match="seems to have no header row") as error:
        check_extract(tmp_path, MAPPING)
    assert "sexy" not in str(error.value)
