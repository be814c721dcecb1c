"""Extracts of every format: what stands in the files, read by hand with other libraries; the same seed gives the same bytes."""

import datetime
import json
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
import yaml

from hemapilots.config.habits import Habits
from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.reading.units import load_factors
from hemapilots.harmonize.reading.words import vocabulary
from hemapilots.synthesis.extracts.write import write_extract

ROOT = Path(__file__).parents[2]
USE_CASE = yaml.safe_load((ROOT / "config/use_cases/mds.yaml").read_text(encoding="utf-8"))
FACTORS = load_factors(ROOT / "resources/units/factors.csv")
PATIENTS = 400
# Columns of a text or spreadsheet file in German forms.
COLUMNS = {
    "diagnosis_date": {"column": "Datum"},
    "plt": {"column": "Thrombozyten", "unit": "/uL"},
    "hb": {"column": "Hb", "unit_column": "Hb Einheit"},
    "sex": {"column": "Geschlecht"},
    "asxl1": {"column": "ASXL1"},
    "karyotype": {"column": "Karyotyp"},
}
GERMAN = {"delimiter": ";", "decimal": ",", "thousands": ".", "date_format": ["DD.MM.YYYY"], "encoding": "latin-1"}
FOUND = {"values": {"LA9633-4": 1, "LA9634-2": 0}}
SELECTED = {
    "fhir": {
        "diagnosis_date": {"column": "Condition.onset[D46.9]"},
        "sex": {"column": "Patient.gender", "values": {"female": "F", "male": "M"}},
        "hb": {"column": "Observation[718-7, 59260-0]", "unit": "g/dL"},
        "asxl1": {"column": "Observation[asxl1]", **FOUND},
    },
    "omop": {
        "diagnosis_date": {"column": "condition_occurrence.start[138994]"},
        "sex": {"column": "person.gender_concept_id", "values": {"8532": "F", "8507": "M"}},
        "hb": {"column": "measurement[3000963]", "unit": "g/dL"},
        "asxl1": {"column": "observation[36000001]", "values": {"4181412": 1, "4132135": 0}},
    },
}


@pytest.fixture(scope="module")
def table():
    rng, n = np.random.default_rng(4), PATIENTS
    hidden = rng.random((3, n)) < 0.1
    return pd.DataFrame(
        {
            "patient_id": [f"B-{number:05d}" for number in range(n)],
            "diagnosis_date": rng.integers(14000, 17000, n).astype(float),
            "plt": np.where(hidden[0], np.nan, np.round(rng.lognormal(4.5, 0.8, n))),
            "hb": np.where(hidden[1], np.nan, np.round(rng.normal(9.5, 2, n), 1)),
            "sex": np.array(["F", "M"], dtype=object)[rng.integers(0, 2, n)],
            "asxl1": np.where(hidden[2], np.nan, (rng.random(n) < 0.2).astype(float)),
            "karyotype": np.array(["46,XX[20]", "47,XY,+8[15]/46,XY[5]"], dtype=object)[rng.integers(0, 2, n)],
        }
    )


def mapping_of(reader: str, **changes) -> dict:
    """A mapping of each format for the patients above."""
    mapping = {"name": "test", "reader": reader, "language": "de", "missing": {"k.A.": "missing"}}
    if reader in SELECTED:
        key = "Patient.id" if reader == "fhir" else "person.person_source_value"
        files, variables = {"all": {"path": "folder"}}, SELECTED[reader]
    else:
        key, variables = "Nummer", COLUMNS
        path = {"csv": "a.csv", "excel": "a.xlsx", "redcap": "a.csv"}[reader]
        files = {"a": {"path": path} | (GERMAN if reader == "csv" else {})}
    return mapping | {"patient_id": key, "files": files, "variables": variables} | changes


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def same(delivered, clean, rel=1e-9):
    known = clean.notna().to_numpy()
    assert np.array_equal(pd.notna(delivered), known)
    assert delivered[known].to_numpy(dtype=float) == pytest.approx(clean[known].to_numpy(dtype=float), rel=rel)


def read_german(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "a.csv", sep=";", encoding="latin-1", dtype=str, keep_default_na=False)


def test_text_has_the_marks_dates_units_and_words_of_its_country(table, tmp_path):
    habits = Habits(units={"hb": ("g/dL", "g/L")})
    write_extract(table, mapping_of("csv"), USE_CASE, FACTORS, tmp_path, habits)
    read = read_german(tmp_path).replace("k.A.", None)
    assert list(read["Nummer"]) == list(table["patient_id"])
    days = pd.to_datetime(read["Datum"], format="%d.%m.%Y") - pd.Timestamp("1970-01-01")
    assert list(days.dt.days) == list(table["diagnosis_date"])
    assert read["Thrombozyten"].dropna().str.fullmatch(r"\d{1,3}(\.\d{3})*").all()
    same(read["Thrombozyten"].str.replace(".", "").astype(float) / 1000, table["plt"])
    scale = read["Hb Einheit"].map({"g/dL": 1, "g/L": 10})
    assert scale.value_counts().min() > PATIENTS / 3
    same(read["Hb"].str.replace(",", ".").astype(float) / scale, table["hb"])
    words = {text: value.split("|")[0] for text, value in vocabulary("sex", "de")}
    assert list(read["Geschlecht"].map(words)) == list(table["sex"]) and read["Geschlecht"].nunique() > 6
    assert list(read["Karyotyp"]) == list(table["karyotype"])


def test_a_workbook_has_typed_cells(table, tmp_path):
    write_extract(table, mapping_of("excel"), USE_CASE, FACTORS, tmp_path, Habits())
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx")["a"]
    header, *rows = list(sheet.iter_rows(values_only=True))
    read = pd.DataFrame(rows, columns=header)
    assert all(isinstance(row[header.index("Datum")], datetime.datetime) for row in rows) and len(read) == PATIENTS
    assert list((read["Datum"] - pd.Timestamp("1970-01-01")).dt.days) == list(table["diagnosis_date"])
    numbers = [cell for cell in read["Thrombozyten"] if not isinstance(cell, str)]
    assert {type(cell) for cell in numbers} == {int} and len(numbers) == table["plt"].notna().sum()
    assert sum(numbers) == 1000 * table["plt"].sum()
    assert list(read["Karyotyp"]) == list(table["karyotype"])


def test_a_registry_export_has_its_repeated_instances_below_the_record(table, tmp_path):
    mapping = mapping_of("redcap", variables=COLUMNS | {"hb": {"column": "hb", "unit": "g/dL", "date": "drawn"}})
    write_extract(table, mapping, USE_CASE, FACTORS, tmp_path)
    read = pd.read_csv(tmp_path / "a.csv", dtype=str, keep_default_na=False)
    records = read[read["redcap_repeat_instrument"] == ""]
    assert list(records["Nummer"]) == list(table["patient_id"]) and not (records["hb"] != "").any()
    instances = read[read["redcap_repeat_instrument"] != ""]
    numbers = instances.groupby("Nummer")["redcap_repeat_instance"].apply(list)
    assert all(found == [str(place + 1) for place in range(len(found))] for found in numbers)
    assert (instances["drawn"] != "").all() and (numbers.map(len) > 1).any()
    assert read["Nummer"].is_monotonic_increasing


def test_resources_are_json_and_dated_around_the_index(table, tmp_path):
    write_extract(table, mapping_of("fhir"), USE_CASE, FACTORS, tmp_path, Habits(units={"hb": ("g/dL", "g/L")}))
    lines = (tmp_path / "folder" / "Observation.ndjson").read_text().splitlines()
    resources = [json.loads(line) for line in lines]
    assert {resource["code"]["coding"][1]["system"] for resource in resources} == {
        "http://loinc.org",
        "http://hospital.example/codes",
    }
    values = [resource for resource in resources if "valueQuantity" in resource]
    assert {resource["valueQuantity"]["unit"] for resource in values} == {"g/dL", "g/L"}
    index = dict(zip(table["patient_id"], table["diagnosis_date"], strict=True))
    truth = dict(zip(table["patient_id"], table["hb"], strict=True))
    nearest: dict = {}
    for resource in values:
        patient = resource["subject"]["reference"].removeprefix("Patient/")
        day = (datetime.date.fromisoformat(resource["effectiveDateTime"][:10]) - datetime.date(1970, 1, 1)).days
        scale = 1 if resource["valueQuantity"]["unit"] == "g/dL" else 10
        found = (abs(day - index[patient]), resource["valueQuantity"]["value"] / scale)
        nearest[patient] = min(nearest.get(patient, found), found)
    assert len(values) > 1.5 * len(nearest)
    assert all(
        nearest[patient][1] == pytest.approx(value, rel=1e-9) for patient, value in truth.items() if value == value
    )


def test_tables_of_omop_hold_the_values_under_their_concepts(table, tmp_path):
    write_extract(table, mapping_of("omop"), USE_CASE, FACTORS, tmp_path, Habits(revisits=0))
    read = {path.stem: pd.read_csv(path) for path in (tmp_path / "folder").iterdir()}
    persons = read["person"].set_index("person_source_value")
    assert list(persons["gender_concept_id"].map({8532: "F", 8507: "M"})) == list(table["sex"])
    assert sorted(persons["person_id"]) == list(range(1, PATIENTS + 1))
    measured = read["measurement"].set_index("person_id")["value_as_number"]
    same(measured.reindex(persons["person_id"]), table["hb"])
    assert set(read["measurement"]["unit_concept_id"]) == {0, 8713}
    asxl1 = read["observation"].set_index("person_id")["value_as_concept_id"].map({4181412: 1, 4132135: 0})
    same(asxl1.reindex(persons["person_id"]), table["asxl1"])


@pytest.mark.parametrize("reader", ["csv", "excel", "redcap", "fhir", "omop"])
def test_the_same_seed_gives_the_same_bytes_and_another_does_not(reader, table, tmp_path):
    habits = Habits(blanks=("", " "), units={"hb": ("g/dL", "g/L")}, corrupt=0.01)
    for name, seed in (("one", (3, 1)), ("two", (3, 1)), ("other", (3, 2))):
        write_extract(table, mapping_of(reader), USE_CASE, FACTORS, tmp_path / name, habits, seed)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert contents(tmp_path / "one") != contents(tmp_path / "other")


def test_corrupt_cells_are_as_many_as_stated_and_told_of(table, tmp_path):
    corrupt = write_extract(table, mapping_of("csv"), USE_CASE, FACTORS, tmp_path, Habits(corrupt=0.05))
    known = sum(table[name].notna().sum() for name in ("plt", "hb", "sex", "asxl1"))
    assert 0.03 < len(corrupt) / known < 0.07 and set(corrupt["variable"]) == {"plt", "hb", "sex", "asxl1"}
    read = read_german(tmp_path).set_index("Nummer")
    for patient, variable, text, _ in corrupt.itertuples(index=False):
        assert read.loc[patient, COLUMNS[variable]["column"]] == text
    assert not (read == "see note").to_numpy().sum() > len(corrupt)


def test_values_beyond_the_limits_are_written_as_such(table, tmp_path):
    habits = Habits(limits={"plt": (50, 200)}, marks=("", " (H)"))
    write_extract(table, mapping_of("csv"), USE_CASE, FACTORS, tmp_path, habits)
    read = read_german(tmp_path)["Thrombozyten"].str.removesuffix(" (H)")
    assert (read == "<50.000").sum() == (table["plt"] < 50).sum() > 0
    assert (read == ">200.000").sum() == (table["plt"] > 200).sum() > 0


def test_decoys_stand_in_every_file_and_are_no_mapped_column(table, tmp_path):
    habits = Habits(decoys={"Nachname": "surname", "geboren": "birth_date", "MRN": "record_number"})
    write_extract(table, mapping_of("csv"), USE_CASE, FACTORS, tmp_path, habits)
    read = read_german(tmp_path)
    assert read["MRN"].is_unique and read["Nachname"].nunique() > 50
    assert pd.to_datetime(read["geboren"]).dt.year.between(1924, 1985).all()
    with pytest.raises(HemaPilotsError, match='the decoy "Hb" is a column that is mapped'):
        write_extract(table, mapping_of("csv"), USE_CASE, FACTORS, tmp_path, Habits(decoys={"Hb": "surname"}))


def test_variants_are_rows_of_the_laboratory_s_names(table, tmp_path):
    variants = {"file": "v", "gene": "Gen", "protein": "Protein", "vaf": "VAF", "vaf_unit": "%"}
    columns = {name: spec for name, spec in COLUMNS.items() if name != "asxl1"}
    files = {"a": {"path": "a.csv", **GERMAN}, "v": {"path": "v.csv", "patient_id": "Nr", "decimal": ","}}
    mapping = mapping_of("csv", variables=columns, variants=variants, files=files)
    write_extract(table, mapping, USE_CASE, FACTORS, tmp_path, Habits(aliases={"ASXL1": "asxl-1"}))
    read = pd.read_csv(tmp_path / "v.csv", dtype=str)
    carriers = table.loc[table["asxl1"] == 1, "patient_id"]
    assert sorted(read.loc[read["Gen"] == "asxl-1", "Nr"]) == sorted(carriers)
    assert set(read.loc[read["Gen"] == "asxl-1", "VAF"]) == {"30"}
    assert set(read["Gen"]) - {"asxl-1"} == {"CALR", "ETV6-RUNX1", "TERT"}


def test_what_nobody_drew_is_delivered_as_unknown(table, tmp_path):
    columns = COLUMNS | {"anc": {"column": "Neutrophile", "unit": "/uL"}, "mds_type": {"column": "Typ"}}
    write_extract(table, mapping_of("csv", variables=columns), USE_CASE, FACTORS, tmp_path)
    read = read_german(tmp_path)
    assert set(read["Neutrophile"]) == set(read["Typ"]) == {"k.A."}


def test_what_cannot_be_written_is_named(table, tmp_path):
    def refused(match: str, **changes):
        with pytest.raises(HemaPilotsError, match=match):
            write_extract(table, mapping_of("csv") | changes, USE_CASE, FACTORS, tmp_path)

    refused('no extract is written for the reader "cbioportal"', reader="cbioportal")
    refused('hb: the unit "furlong" cannot be converted', variables={"hb": {"column": "h", "unit": "furlong"}})
    refused("sex: values lacks a code for 'F'", variables={"sex": {"column": "s", "values": {"male": "M"}}})
    refused("eyes: the use case has no such variable", variables={"eyes": {"column": "e"}})
    repeated = {"a": {"path": "a.csv", "repeated": True, "date": "d"}}
    undated = table.drop(columns="diagnosis_date")
    mapping = mapping_of("csv", variables={"hb": {"column": "h", "unit": "g/dL"}}, files=repeated)
    with pytest.raises(HemaPilotsError, match="the patients have no index date"):
        write_extract(undated, mapping, USE_CASE, FACTORS, tmp_path)
