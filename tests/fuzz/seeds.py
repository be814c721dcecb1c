"""A small sound extract for each reader, with its mapping: what the fuzzer damages."""

import json
from pathlib import Path

import pandas as pd

VARIABLES = {
    "hb": {"column": "Hb", "unit": "g/dL"},
    "sex": {"column": "Sex", "values": {"f": "F", "m": "M"}},
}
PATIENTS = pd.DataFrame(
    {
        "id": [f"P{number:02d}" for number in range(30)],
        "Hb": [f"{8 + number / 10:.1f}" for number in range(30)],
        "Sex": ["f", "m"] * 15,
        "Secret name": [f"Alder{number:02d}" for number in range(30)],
    }
)


def mapping(reader: str, file: str, variables: dict | None = None, **more) -> dict:
    """A mapping of one file for a reader."""
    common = {"name": "fuzz", "use_case": "fuzz", "reader": reader, "patient_id": "id", "missing": {"": "missing"}}
    return common | {"files": {"data": {"path": file}}, "variables": variables or VARIABLES} | more


def csv(folder: Path) -> dict:
    PATIENTS.to_csv(folder / "data.csv", index=False)
    return mapping("csv", "data.csv")


def excel(folder: Path) -> dict:
    PATIENTS.to_excel(folder / "data.xlsx", index=False)
    return mapping("excel", "data.xlsx")


def parquet(folder: Path) -> dict:
    PATIENTS.to_parquet(folder / "data.parquet")
    return mapping("parquet", "data.parquet")


def redcap(folder: Path) -> dict:
    labs = PATIENTS[["id", "Hb"]].assign(
        redcap_repeat_instrument="labs", redcap_repeat_instance="1", Sex="", day="2020-01-02"
    )
    base = PATIENTS[["id", "Sex"]].assign(redcap_repeat_instrument="", redcap_repeat_instance="", Hb="", day="")
    pd.concat([base, labs]).sort_values("id", kind="stable").to_csv(folder / "data.csv", index=False)
    variables = {"hb": VARIABLES["hb"] | {"date": "day"}, "sex": VARIABLES["sex"]}
    return mapping("redcap", "data.csv", variables)


def fhir(folder: Path) -> dict:
    lines = []
    for number, row in PATIENTS.iterrows():
        lines.append({"resourceType": "Patient", "id": row["id"], "gender": "female" if row["Sex"] == "f" else "male"})
        lines.append(
            {
                "resourceType": "Observation",
                "id": f"o{number}",
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
                "subject": {"reference": f"Patient/{row['id']}"},
                "effectiveDateTime": "2020-01-02",
                "valueQuantity": {"value": float(row["Hb"]), "unit": "g/dL", "code": "g/dL"},
            }
        )
    (folder / "data.ndjson").write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    variables = {
        "hb": {"column": "Observation[718-7]", "unit": "g/dL"},
        "sex": {"column": "Patient.gender", "values": {"female": "F", "male": "M"}},
    }
    return mapping("fhir", "data.ndjson", variables, patient_id="Patient.id")


def omop(folder: Path) -> dict:
    number = range(1, 31)
    gender = [8532 if sex == "f" else 8507 for sex in PATIENTS["Sex"]]
    (folder / "cdm").mkdir(exist_ok=True)
    person = {
        "person_id": number,
        "gender_concept_id": gender,
        "year_of_birth": 1950,
        "month_of_birth": 1,
        "day_of_birth": 1,
    }
    pd.DataFrame(person | {"birth_datetime": ""}).to_csv(folder / "cdm" / "person.csv", index=False)
    measurement = {"measurement_id": number, "person_id": number, "measurement_concept_id": 3000963}
    measurement |= {"measurement_date": "2020-01-02", "operator_concept_id": "", "value_as_number": PATIENTS["Hb"]}
    measurement |= {
        "value_as_concept_id": "",
        "unit_concept_id": 8713,
        "unit_source_value": "g/dL",
        "value_source_value": "",
    }
    pd.DataFrame(measurement).to_csv(folder / "cdm" / "measurement.csv", index=False)
    variables = {
        "hb": {"column": "measurement[3000963]", "unit": "g/dL"},
        "sex": {"column": "person.gender_concept_id", "values": {"8532": "F", "8507": "M"}},
    }
    return mapping("omop", "cdm", variables, patient_id="person.person_id")


def cbioportal(folder: Path) -> dict:
    def table(name: str, columns: dict) -> None:
        frame = pd.DataFrame(columns)
        kinds = ["STRING"] * len(columns)
        head = ["\t".join(columns), "\t".join(columns), "\t".join(kinds), "\t".join("1" * len(columns))]
        text = "".join(f"#{line}\n" for line in head) + frame.to_csv(sep="\t", index=False)
        (folder / name).write_text(text)

    table("data_clinical_patient.txt", {"PATIENT_ID": PATIENTS["id"], "SEX": PATIENTS["Sex"]})
    table(
        "data_clinical_sample.txt",
        {"PATIENT_ID": PATIENTS["id"], "SAMPLE_ID": PATIENTS["id"] + "-1", "HB": PATIENTS["Hb"]},
    )
    variables = {
        "hb": {"column": "HB", "unit": "g/dL", "file": "sample"},
        "sex": {"column": "SEX", "values": {"f": "F", "m": "M"}},
    }
    files = {"data": {"path": "data_clinical_patient.txt"}, "sample": {"path": "data_clinical_sample.txt"}}
    return mapping("cbioportal", "", variables, patient_id="PATIENT_ID", files=files)


SEEDS = {seed.__name__: seed for seed in (csv, excel, parquet, redcap, fhir, omop, cbioportal)}
