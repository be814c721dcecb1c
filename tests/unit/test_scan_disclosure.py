"""What a scan must never show: the text of one patient, whatever the form of the extract."""

import json
import time

import numpy as np
import pandas as pd
import pytest

import scan_sample
from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.headers import looks_like_data
from hemapilots.scan import scan
from hemapilots.scan.coded import read_fhir, read_omop
from hemapilots.scan.identity import names_a_patient, names_a_person
from hemapilots.scan.profile import profile_column
from hemapilots.scan.show import show
from hemapilots.scan.tables import Column, Table
from hemapilots.scan.words import load_words

WORDS = load_words()


def everything(extract, small_config, *more) -> str:
    found = scan(extract, "small", small_config, *more)
    return found.profile + found.draft


def write_resources(folder, resources, name="Observation.ndjson"):
    (folder / name).write_text("\n".join(json.dumps(one) for one in resources))


def observation(k, code, said, **more):
    concept = {"coding": [{"code": code, "system": "http://loinc.org"}], "text": said}
    return {"resourceType": "Observation", "code": concept, "subject": {"reference": f"Patient/p{k}"}, **more}


def test_what_one_patient_calls_a_code_is_not_its_name(extract, small_config):
    scan_sample.write_fhir(extract)
    more = [observation(0, "777-3", "Platelets of Jane Alder")] + [
        observation(k, "2345-7", "Glucose") for k in range(9)
    ]
    more += [observation(7, "99999-9", f"Alder {k}") for k in range(30)] + [observation(8, "1-8", "Alder")]
    write_resources(extract, more, "More.ndjson")
    text = everything(extract, small_config)
    assert "Alder" not in text and "99999-9" not in text and "777-3" in text
    assert "3 other codes of fewer than 5 patients" in text
    columns = read_fhir(extract, [extract / "More.ndjson"])[0].columns
    assert [(column.selector, column.names) for column in columns] == [("Observation[2345-7]", ("Glucose",))]


def test_source_values_of_omop_are_named_only_where_patients_share_them(extract):
    scan_sample.write_omop(extract)
    table = pd.read_parquet(extract / "measurement.parquet")
    table["measurement_source_value"] = ["Alder, Hb"] + ["Hemoglobin"] * (len(table) - 1)
    rare = table.head(4).assign(measurement_concept_id=4, measurement_source_value="Jane")
    pd.concat([table, rare]).to_parquet(extract / "measurement.parquet")
    found = {one.alias: one for one in read_omop(extract, sorted(extract.iterdir()))}["measurement"]
    assert [column.names for column in found.columns] == [("Hemoglobin",)]
    assert found.remarks == ["1 other codes of fewer than 5 patients"]


@pytest.mark.parametrize(
    "odd",
    [
        {"code": ["x"]}, {"code": {"coding": 5}}, {"code": {"coding": [5]}}, {"code": {"coding": [{"code": ["x"]}]}},
        {"code": {"concept": [1]}}, {"subject": 5}, {"valueQuantity": []}, {"valueCodeableConcept": {"coding": 1}},
        {"valueRange": {"low": {"value": 1}}}, {"code": None}, {"medication": 1},
    ],
)  # fmt: skip
def test_resources_that_are_built_otherwise_are_passed_over(extract, small_config, odd):
    scan_sample.write_fhir(extract)
    write_resources(extract, [observation(1, "718-7", "Hb") | odd] * 6, "More.ndjson")
    assert "Observation[718-7]" in everything(extract, small_config)


def test_rows_of_one_patient_are_one_patient(extract, small_config):
    patients = pd.DataFrame({"id": [f"p{k}" for k in range(60)], "Hb": np.arange(60) % 7 + 8.5})
    patients.to_csv(extract / "patients.csv", index=False)
    rows = [{"id": "p1", "Verstorben": "Alder", "PLT": "123.4"}] * 30
    rows += [{"id": f"p{k}", "Verstorben": "ja", "PLT": ""} for k in range(9)]
    pd.DataFrame(rows).to_csv(extract / "visits.csv", index=False)
    text = everything(extract, small_config)
    assert "Alder" not in text and "120" not in text and "123" not in text


def test_a_patient_has_one_cell_in_the_quantiles():
    cells = ["900"] * 300 + [str(10 + k % 3) for k in range(40)]
    patients = np.array([0] * 300 + list(range(1, 41)))
    found = profile_column(Column("value", pd.Categorical(cells), patients=patients), WORDS)
    assert found.n == 41 and max(found.quantiles.values()) == 12
    few = profile_column(Column("value", pd.Categorical(cells), patients=patients % 15), WORDS)
    assert few.quantiles == {} and few.n == 15


def test_a_unit_of_one_patient_is_not_stated():
    patients = np.repeat(np.arange(10), 10)
    units = pd.Categorical(["Alder"] * 60 + ["g/L"] * 40)
    cells = pd.Categorical([f"{k % 9}.5" for k in range(100)])
    assert profile_column(Column("hb", cells, units, patients=patients), WORDS).beside == "Alder"
    assert profile_column(Column("hb", cells, units, patients=np.minimum(patients, 6)), WORDS).beside == "Alder"
    lone = np.where(np.arange(100) < 60, 0, patients)
    assert profile_column(Column("hb", cells, units, patients=lone), WORDS).beside is None


@pytest.mark.parametrize(
    "header",
    [
        "Patient_Name", "Name des Patienten", "Nachname_Pat", "Cognome paziente", "PatNr", "patnr", "NHS_No", "SSN", "ZIP",
        "e-mail", "YOB", "Surgeon", "PatientName", "eMail", "First Name (legal)", "Geburtsjahr", "Hausarzt Praxis", "Phone 2",
        "nom du patient", "Apellidos del paciente", "Όνομα ασθενούς", "Adresse 1", "case_no", "Kommentar Arzt", "Mother's name",
        "zipcode", "MRN_local", "Patientennr", "dob_1", "data di nascita (paziente)",
    ],
)  # fmt: skip
def test_headers_that_name_a_person_in_any_order(header):
    column = Column(header, pd.Categorical(["Muster"] * 30 + ["Beispiel"] * 30))
    found = profile_column(column, WORDS)
    line = show([Table("t", "t.csv", [column])], {"t": [found]}, None, "csv", {("t", header)}).splitlines()[-1]
    assert found.kind == "identifier" and "Muster" not in line


@pytest.mark.parametrize(
    "header",
    ["Hb (g/dl)", "HbA1c", "Nombre de leucocytes", "Karyotype", "Cell count", "Number of cytopenias", "WHO 2016", "os_status",
        "ECOG", "Diagnose", "SF3B1", "Blasts_BM", "patients_transfused"],
)  # fmt: skip
def test_headers_of_clinical_columns_are_not_taken_for_names(header):
    assert not WORDS.identifies(Column(header, pd.Categorical(["a"])))


def test_patient_numbers_and_persons():
    assert names_a_patient("PatNr") and names_a_patient("No. of patient") and not names_a_patient("Number of cells")
    assert all(names_a_person(text) for text in ("Alder, Jane", "a@b.org", "Dr. Alder", "12345678", "Frau Alder"))
    assert not any(names_a_person(text) for text in ("MDS-EB1", "F", "yes", "46,XX,del(5q)", "9,8", "t(8;21)"))


def test_values_of_columns_that_are_no_variable_need_a_reason():
    def line(cells, matched=frozenset()):
        column = Column("Sonstiges", pd.Categorical(cells))
        return show([Table("t", "t", [column])], {"t": [profile_column(column, WORDS)]}, None, "csv", matched)

    some = [f"Haus {k % 9}" for k in range(90)]
    assert "Haus 1 10" in line(some)
    rare = [*some, "x", "y"]
    assert "Haus" not in line(rare) and "Haus" in line(rare, {("t", "Sonstiges")})
    assert "Alder" not in line(["Alder, Jane"] * 50 + ["Birch, Joe"] * 50, {("t", "Sonstiges")})
    assert "ja" in line(["ja"] * 40 + ["nein"] * 40)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_file_without_a_header_is_refused_without_its_cells(extract, small_config, form):
    table = scan_sample.table()
    if form == "csv":
        table.to_csv(extract / "a.csv", sep=";", index=False, header=False)
    else:
        table.to_excel(extract / "a.xlsx", index=False, header=False)
    with pytest.raises(HemaPilotsError, match="first row looks like data") as error:
        scan(extract, "small", small_config)
    assert "Beispiel" not in str(error.value) and "P-0" not in str(error.value)


@pytest.mark.parametrize(
    ("header", "data"),
    [
        (["P01", "Alder", "8.0", "f"], True), (["1", "2020-01-01", "12,5"], True), (["P-0001", "12 Mar 2019", "m"], True),
        (["id", "Hb", "Sex"], False), (["V1", "V2", "V3", "V10"], False), (["id", "TP53", "SF3B1", "5q"], False),
        (["id", "day 30", "day 100"], False), ([], False), ([""], False), (["patient", "2019", "hb", "ldh"], False),
    ],
)  # fmt: skip
def test_first_rows(header, data):
    assert looks_like_data(header) == data


def test_a_header_that_swallowed_the_first_row_is_refused(extract, small_config):
    rows = "".join(f"{k % 9 + 5}.5,f,Secret{k},p{k}\n" for k in range(1, 30))
    (extract / "a.csv").write_text(f"hb,sex,note,id#5.0,f,Secret0,p0\n{rows}")
    with pytest.raises(HemaPilotsError, match="do not have the width of the header") as error:
        everything(extract, small_config)
    assert "Secret" not in str(error.value)


def test_the_only_row_of_a_file_is_not_shown_as_its_header(extract, small_config):
    scan_sample.write_csv(extract)
    (extract / "b.csv").write_text("P27;Alder27;Beta\n")
    assert "Alder27" not in everything(extract, small_config)


def test_a_study_file_that_begins_with_a_patient_is_refused(extract, small_config):
    (extract / "data_clinical_patient.txt").write_text("P09\t\n#PATIENT_ID\tSEX\nPATIENT_ID\tSEX\nP01\tf\nP02\tm\n")
    with pytest.raises(HemaPilotsError, match="no column PATIENT_ID in its header") as error:
        everything(extract, small_config)
    assert "P09" not in str(error.value)


def test_a_name_that_stands_twice_is_shown_twice(extract, small_config):
    rows = "".join(f"p{k},{k % 9 + 5}.5,f{k % 2}\n" for k in range(30))
    (extract / "a.csv").write_text(f"id,hb,hb\n{rows}")
    assert "hb (again)" in everything(extract, small_config)


def test_a_link_out_of_the_folder_and_what_holds_no_data(extract, small_config, tmp_path):
    scan_sample.write_csv(tmp_path)
    (extract / "a.csv").symlink_to(tmp_path / "patients.csv")
    with pytest.raises(HemaPilotsError, match="a link that leaves the extract folder"):
        scan(extract, "small", small_config)
    (extract / "a.csv").unlink()
    (extract / "a.csv").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(HemaPilotsError, match="Git-LFS pointer"):
        scan(extract, "small", small_config)


@pytest.mark.parametrize(("form", "width"), [("csv", 60_000), ("parquet", 6_000)])
def test_a_wide_header_is_refused_at_once(extract, small_config, form, width):
    wide = pd.DataFrame([["1"] * width] * 2, columns=[f"c{k}" for k in range(width)])
    wide.to_csv(extract / "a.csv", index=False) if form == "csv" else wide.to_parquet(extract / "a.parquet")
    begun = time.monotonic()
    with pytest.raises(HemaPilotsError, match=f"{width:,} columns, more than 5,000"):
        scan(extract, "small", small_config)
    assert time.monotonic() - begun < 10
