"""Small extracts for the tests of scans: the same invented patients in several formats."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

N = 120
USE_CASE = """
name: small
title: Small
index_date: diagnosis
variables:
  age: {label: Age, type: number, unit: a, hard: [18, 110], soft: [40, 90], known_at: index}
  sex: {label: Sex, type: category, levels: [F, M], known_at: index, vocabulary: sex, codes: {jrc: "2.2"}}
  hb: {label: Haemoglobin, type: number, unit: g/dL, hard: [2, 20], soft: [5, 16], known_at: index, codes: {loinc: 718-7}}
  plt: {label: Platelets, type: number, unit: 10*9/L, hard: [0, 2000], soft: [5, 800], known_at: index, codes: {loinc: 777-3}}
  srsf2: {label: SRSF2, type: flag, known_at: index, gene: SRSF2}
  diagnosis_date: {label: Date of diagnosis, type: date, known_at: index}
  death_date: {label: Date of death, type: date, known_at: outcome}
  os_years: {label: Time to death, type: number, unit: a, hard: [0, 60], known_at: outcome}
  os_status: {label: Died, type: flag, known_at: outcome}
endpoints: {os: {label: OS, time: os_years, event: os_status}}
primary_endpoint: os
horizons: [1]
predictor_sets: {clinical: [age, sex]}
"""


def table() -> pd.DataFrame:
    """A German sheet: identifying columns, haemoglobin in g/L, decimal commas, a rare code."""
    rng = np.random.default_rng(3)
    hb = rng.normal(98, 12, N).round(1)
    return pd.DataFrame(
        {
            "Patientennummer": [f"P-{k:04d}" for k in range(N)],
            "Nachname": [f"Beispiel{k}" for k in range(N)],
            "Geburtsdatum": [f"{1 + k % 28:02d}.{1 + k % 12:02d}.{1930 + k % 40}" for k in range(N)],
            "Alter": rng.integers(45, 90, N).astype(str),
            "Geschlecht": ["männlich", "weiblich"] * (N // 2 - 1) + ["männlich", "divers"],
            "Hämoglobin": [str(value).replace(".", ",") for value in hb[:-9]] + ["k.A."] * 9,
            "Thrombozyten (Tsd/µl)": rng.integers(20, 400, N).astype(str),
            "Erstdiagnose": [f"{1 + k % 28:02d}.{1 + k % 12:02d}.201{k % 9}" for k in range(N)],
            "SFRS2": ["wt"] * 100 + ["mut"] * 20,
            "Verstorben": ["ja"] * 40 + ["nein"] * 80,
            "Bemerkung": [f"Patient {k} kam zu Fuß" for k in range(N)],
            "Kontakt": [f"verzogen nach Ort {k}" for k in range(N)],
        }
    )


def write_csv(folder: Path) -> Path:
    """Semicolons, Latin-1."""
    path = folder / "patients.csv"
    table().to_csv(path, sep=";", index=False, encoding="latin-1")
    return path


def write_fhir(folder: Path) -> None:
    """Patients, and haemoglobin and platelets with units."""
    patients, observations = [], []
    for k in range(N):
        name = [{"family": f"Secret{k}"}]
        patients.append({"resourceType": "Patient", "id": f"p{k}", "gender": ["female", "male"][k % 2], "name": name})
        patients[-1]["birthDate"] = f"{1930 + k % 40}-01-0{1 + k % 9}"
        for code, display, value, unit in (
            ("718-7", "Haemoglobin mass", 80 + k % 40, "g/L"),
            ("777-3", "Count", 100 + k, "10*3/uL"),
        ):
            observation = {"resourceType": "Observation", "code": {"coding": [{"code": code, "display": display}]}}
            observation["subject"] = {"reference": f"Patient/p{k}"}
            observations.append(observation | {"valueQuantity": {"value": value, "unit": unit}})
    for name, resources in (("Observation", observations), ("Patient", patients)):
        (folder / f"{name}.ndjson").write_text("\n".join(json.dumps(one) for one in resources))


def write_omop(folder: Path) -> None:
    """Person, measurement and death tables."""
    person = {"person_id": range(N), "gender_concept_id": [8507, 8532] * (N // 2), "year_of_birth": 1950}
    pd.DataFrame(person).to_csv(folder / "person.csv", index=False)
    measurement = {
        "person_id": range(N),
        "measurement_concept_id": 3000963,
        "value_as_number": np.arange(N) % 40 / 10 + 8,
    }
    measurement |= {
        "unit_source_value": "g/dL",
        "measurement_source_value": "Hemoglobin",
        "measurement_date": "2019-01-01",
    }
    pd.DataFrame(measurement).to_parquet(folder / "measurement.parquet")
    pd.DataFrame({"person_id": range(30), "death_date": "2020-02-03"}).to_csv(folder / "death.csv", index=False)


def write_redcap(folder: Path) -> None:
    """A repeating instrument and a checkbox."""
    rows = []
    for k in range(N):
        own = {"record_id": f"r{k}", "redcap_repeat_instrument": "", "redcap_repeat_instance": ""}
        rows.append(own | {"sex": "mf"[k % 2], "hb": "", "findings___1": str(k % 2)})
        repeated = {"redcap_repeat_instrument": "labs", "redcap_repeat_instance": "1"}
        rows.append(own | repeated | {"sex": "", "hb": f"{9 + k % 5}.1", "findings___1": ""})
    pd.DataFrame(rows).to_csv(folder / "export.csv", index=False)


def write_cbioportal(folder: Path) -> None:
    """Four header lines, a status with its meaning in front, a mutation table."""
    head = "#Patient\tAge at dx\tSurvival\tStatus\n" + "#a\tb\tc\td\n" * 2 + "#1\t1\t1\t1\n"
    rows = [f"P{k}\t{40 + k % 45}\t{k}.5\t{['0:LIVING', '1:DECEASED'][k % 2]}\n" for k in range(N)]
    text = head + "PATIENT_ID\tAGE\tOS_MONTHS\tOS_STATUS\n" + "".join(rows)
    (folder / "data_clinical_patient.txt").write_text(text)
    rows = [f"TP53\tP{k}\tp.R175H\n" for k in range(30)]
    (folder / "data_mutations.txt").write_text("Hugo_Symbol\tTumor_Sample_Barcode\tHGVSp_Short\n" + "".join(rows))
