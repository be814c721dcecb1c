"""Whose rows a scan counts: patients, in files beside that of the patients too; and which code of several names a column."""

import json

import numpy as np
import pandas as pd
import pytest

import scan_sample
from hemapilots.scan import scan
from hemapilots.scan.coded import read_fhir, read_omop

N = 60


def write_tables(extract, key, beside):
    """Patients with haemoglobin, and a second file with ten rows of each of six patients; `rare` is of one of them only."""
    keys = [f"K{k:03d}" for k in range(N)]
    rng = np.random.default_rng(2)
    hb = rng.normal(10, 1, N).round(1).astype(str)
    pd.DataFrame({key: keys, "sex": ["m", "f"] * (N // 2), "hb": hb}).to_csv(extract / "patients.csv", index=False)
    who = np.repeat(keys[:6], 10)
    rows = {"sample_id": [f"S{k:04d}" for k in range(60)], beside: who, "material": "blood"}
    rows["finding"] = np.where(who == keys[0], "rare", "usual")
    pd.DataFrame(rows).to_csv(extract / "samples.csv", index=False)


@pytest.mark.parametrize(
    ("key", "beside"), [("patient_id", "case_ref"), ("patient_id", "patient_id"), ("kennung", "fall")]
)
def test_patients_are_counted_in_files_beside(extract, small_config, key, beside):
    """By rows `rare` would stand ten times; one patient has it."""
    write_tables(extract, key, beside)
    found = scan(extract, "small", small_config)
    assert "several rows a patient" in found.profile
    assert "rare" not in found.profile + found.draft


def test_a_file_that_names_no_patients_shows_nothing(extract, small_config):
    write_tables(extract, "patient_id", "case_ref")
    table = pd.read_csv(extract / "samples.csv").drop(columns="case_ref")
    table["hb2"] = np.arange(60) / 10 + 7
    table.to_csv(extract / "samples.csv", index=False)
    found = scan(extract, "small", small_config)
    assert "no column names its patients, so nothing is counted" in found.profile
    after = found.profile[found.profile.index("samples.csv") :]
    assert "usual" not in after and "blood" not in after and "median" not in after


def test_numbers_that_happen_to_be_names_are_no_names(extract, small_config):
    """Patients are 1 to 60, and so are grades from 1 to 5."""
    keys = np.arange(1, N + 1)
    pd.DataFrame({"patient_id": keys, "sex": ["m", "f"] * (N // 2), "hb": keys / 10 + 5}).to_csv(
        extract / "patients.csv", index=False
    )
    rows = {"sample_id": [f"S{k:04d}" for k in range(180)], "grade": np.arange(180) % 5 + 1, "who": np.repeat(keys, 3)}
    pd.DataFrame(rows).to_csv(extract / "samples.csv", index=False)
    after = scan(extract, "small", small_config).profile.split("samples.csv")[1]
    # Of the three grades that each patient has each stands on 36 of the 60.
    assert "1 36" in after or "values not shown" in after
    assert "several rows a patient" in after.splitlines()[0]


def observation(k, codings, value):
    return {
        "resourceType": "Observation",
        "code": {"coding": codings},
        "subject": {"reference": f"Patient/p{k}"},
    } | value


def test_codes_that_hospitals_share_name_a_column(extract):
    """LOINC before SNOMED CT before a code of the house, whatever stands first."""
    house, snomed, loinc = (
        {"system": "http://house.example/lab", "code": "HB01"},
        {"system": "http://snomed.info/sct", "code": "104142005"},
        {"system": "http://loinc.org", "code": "718-7"},
    )
    rows = [observation(k, [house, snomed, loinc], {"valueQuantity": {"value": 9 + k % 4}}) for k in range(9)]
    rows += [observation(k, [house, snomed], {"valueQuantity": {"value": 9}}) for k in range(9)]
    told = {"coding": [{"system": "urn:x", "code": "Y"}, {"system": "http://snomed.info/sct", "code": "373066001"}]}
    rows += [observation(k, [{"code": "own"}], {"valueCodeableConcept": told}) for k in range(9)]
    (extract / "Observation.ndjson").write_text("\n".join(json.dumps(one) for one in rows))
    columns = read_fhir(extract, [extract / "Observation.ndjson"])[0].columns
    assert [column.selector for column in columns] == [
        "Observation[718-7]",
        "Observation[104142005]",
        "Observation[own]",
    ]
    assert set(columns[2].texts) == {"373066001"}


def test_omop_rows_without_a_concept_units_by_concept_and_ids_with_decimals(extract):
    scan_sample.write_omop(extract)
    table = pd.read_parquet(extract / "measurement.parquet")
    known = table.drop(columns="unit_source_value").assign(unit_concept_id=8713, measurement_concept_id=3000963.0)
    unmapped = known.head(20).assign(measurement_concept_id=0.0, measurement_source_value="House code")
    pd.concat([known, unmapped]).to_csv(extract / "measurement.csv", index=False)
    (extract / "measurement.parquet").unlink()
    found = {one.alias: one for one in read_omop(extract, sorted(extract.iterdir()))}["measurement"]
    (column,) = found.columns
    assert column.selector == "measurement[3000963]" and set(column.units) == {"g/dL"}
    assert found.remarks[0].startswith("rows of 20 patients have no standard concept")


def test_coded_values_of_omop_mean_what_the_vocabulary_says(extract):
    scan_sample.write_omop(extract)
    rows = {"person_id": range(40), "observation_concept_id": 4, "value_as_concept_id": [4188539, 4188540] * 20}
    pd.DataFrame(rows).to_csv(extract / "observation.csv", index=False)
    concept = {
        "concept_id": [4188539, 4188540, 4],
        "concept_code": ["a", "b", "c"],
        "concept_name": ["Yes", "No", "Told"],
    }
    pd.DataFrame(concept).to_csv(extract / "concept.csv", index=False)
    found = {one.alias: one for one in read_omop(extract, sorted(extract.iterdir()))}["observation"]
    (column,) = found.columns
    assert column.meanings == {"4188539": "Yes", "4188540": "No"}
