"""Extracts: what each mapping delivers, read back by hand with plain pandas."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.reading.units import load_factors
from hemapilots.synthesis.cohort import draw_site
from hemapilots.synthesis.extract import DECOYS, write_extract
from hemapilots.synthesis.recipe import load_recipe

ROOT = Path(__file__).parents[2]
USE_CASE = yaml.safe_load((ROOT / "config/use_cases/mds.yaml").read_text(encoding="utf-8"))
FACTORS = load_factors(ROOT / "resources/units/factors.csv")


def mapping_of(name: str) -> dict:
    raw = yaml.safe_load((ROOT / f"config/mappings/{name}.yaml").read_text(encoding="utf-8"))
    return {key: value for key, value in raw.items() if not key.startswith("_")} | {"name": name}


@pytest.fixture(scope="module")
def table():
    return draw_site(load_recipe(ROOT / "resources/recipes/mds.yaml"), 1, 500, 20)


def deliver(table, name, folder, **reading):
    (path,) = write_extract(table, mapping_of(name), USE_CASE, FACTORS, folder)
    assert path == folder / "patients.csv"
    return pd.read_csv(path, keep_default_na=False, **reading)


def same(delivered, clean, rel=1e-9):
    known = clean.notna().to_numpy()
    assert np.array_equal(delivered.notna().to_numpy(), known)
    assert delivered[known].to_numpy(dtype=float) == pytest.approx(clean[known].to_numpy(dtype=float), rel=rel)


def test_english_extract(table, tmp_path):
    read = deliver(table, "mds-clinic-en", tmp_path, na_values=["NA"])
    assert list(read["patient_id"]) == list(table["patient_id"])
    same(read["Haemoglobin"], table["hb"])
    same(read["Platelets"], table["plt"])
    same(read["Years to last contact"], table["os_years"])
    same(read["TET2"], table["tet2"])
    same(read["Complex karyotype"], table["complex"])
    assert read["Sex"].equals(table["sex"])
    back = {"Very Good": "very_good", "Good": "good", "Intermediate": "intermediate", "Poor": "poor"}
    back |= {"Very Poor": "very_poor"}
    assert list(read["Cytogenetic risk"].map(back).fillna("-")) == list(table["cyto_ipssr"].fillna("-"))


def test_german_extract(table, tmp_path):
    read = deliver(table, "mds-clinic-de", tmp_path, sep=";", decimal=",", encoding="latin-1", na_values=["k.A."])
    same(read["Hämoglobin"] / 10, table["hb"])
    same(read["Thrombozyten"] / 1000, table["plt"])
    same(read["Leukozyten"] / 1000, table["wbc"])
    same(read["Überleben (Jahre)"], table["os_years"])
    assert list(read["Geschlecht"].map({"männlich": "M", "weiblich": "F"})) == list(table["sex"])
    same(read["Verstorben"].map({"ja": 1.0, "nein": 0.0}), table["os_status"])
    text = (tmp_path / "patients.csv").read_bytes().decode("latin-1")
    assert "k.A." in text and ";NA;" not in text and ";nan;" not in text


def test_italian_extract(table, tmp_path):
    read = deliver(table, "mds-clinic-it", tmp_path, sep=";", decimal=",", encoding="utf-8", na_values=["ND"])
    same(read["Emoglobina"] * 1.61145, table["hb"])
    same(read["Piastrine"], table["plt"])
    assert list(read["Sesso"].map({"maschio": "M", "femmina": "F"})) == list(table["sex"])
    same(read["Leucemia o decesso"].map({"sì": 1.0, "no": 0.0}), table["lfs_status"])
    same(read["IPSS-M"], table["ipssm_score"])


@pytest.mark.parametrize("language", ["en", "de", "it"])
def test_mapping_names_every_drawn_variable_once_and_no_identifying_column(table, tmp_path, language):
    mapping = mapping_of(f"mds-clinic-{language}")
    columns = [spec["column"] for spec in mapping["variables"].values()]
    assert set(mapping["variables"]) == set(table) - {"patient_id"} <= set(USE_CASE["variables"])
    assert len(set(columns)) == len(columns)
    assert not set(DECOYS) & {*columns, mapping["patient_id"]}
    (path,) = write_extract(table, mapping, USE_CASE, FACTORS, tmp_path)
    file = mapping["files"]["patients"]
    header = path.read_text(encoding=file["encoding"]).splitlines()[0].split(file["delimiter"])
    assert set(header) == {*columns, mapping["patient_id"], *DECOYS}
    again = tmp_path / "again"
    write_extract(table, mapping, USE_CASE, FACTORS, again)
    assert path.read_bytes() == (again / "patients.csv").read_bytes()


def test_several_files_and_a_callable_for_units(table, tmp_path):
    mapping = {
        "patient_id": "id",
        "missing": ["?"],
        "files": {"a": {"path": "a.csv"}, "b": {"path": "b.tsv", "delimiter": "\t"}},
        "variables": {"hb": {"column": "h", "unit": "g/L"}, "tet2": {"file": "b", "column": "T"}},
    }
    paths = write_extract(table, mapping, USE_CASE, lambda variable, source, canonical: 0.1, tmp_path)
    assert [path.name for path in paths] == ["a.csv", "b.tsv"]
    same(pd.read_csv(paths[0], na_values="?")["h"] / 10, table["hb"])
    second = pd.read_csv(paths[1], sep="\t")
    assert list(second) == ["id", "T"]
    same(second["T"], table["tet2"])


def test_dates_thousands_words_and_karyotypes(tmp_path):
    clean = pd.DataFrame(
        {
            "patient_id": ["a", "b"],
            "diagnosis_date": [18262.0, np.nan],
            "plt": [128.0, 0.98],
            "sex": ["M", None],
            "karyotype": ["46,XY,del(5)(q13q33)[12]/46,XY[8]", None],
        }
    )
    mapping = {
        "patient_id": "id",
        "language": "de",
        "missing": {"k.A.": "missing"},
        "files": {
            "a": {"path": "a.csv", "delimiter": ";", "decimal": ",", "thousands": ".", "date_format": ["DD.MM.YYYY"]}
        },
        "variables": {
            "diagnosis_date": {"column": "Datum"},
            "plt": {"column": "Thrombozyten", "unit": "/uL"},
            "sex": {"column": "Geschlecht"},
            "karyotype": {"column": "Karyotyp"},
        },
    }
    (path,) = write_extract(clean, mapping, USE_CASE, FACTORS, tmp_path)
    read = pd.read_csv(path, sep=";", dtype=str, keep_default_na=False)
    assert list(read["Datum"]) == ["01.01.2020", "k.A."] and list(read["Thrombozyten"]) == ["128.000", "980"]
    assert list(read["Karyotyp"]) == ["46,XY,del(5)(q13q33)[12]/46,XY[8]", "k.A."]
    assert read["Geschlecht"][0] in ("m", "männlich", "Mann", "male", "Männlich") and read["Geschlecht"][1] == "k.A."


def test_extracts_of_other_readers_are_refused(table, tmp_path):
    with pytest.raises(HemaPilotsError, match="written as csv only"):
        write_extract(table, mapping_of("mds-clinic-en") | {"reader": "fhir"}, USE_CASE, FACTORS, tmp_path)


def test_what_cannot_be_inverted_is_named(table, tmp_path):
    mapping = mapping_of("mds-clinic-en")
    hb = {"variables": {"hb": {"column": "h", "unit": "furlong"}}}
    with pytest.raises(HemaPilotsError, match='hb: the unit "furlong" cannot be converted to g/dL'):
        write_extract(table, mapping | hb, USE_CASE, FACTORS, tmp_path)
    sex = {"variables": {"sex": {"column": "s", "values": {"male": "M"}}}}
    with pytest.raises(HemaPilotsError, match="sex: values lacks a code"):
        write_extract(table, mapping | sex, USE_CASE, FACTORS, tmp_path)
    other = {"variables": {"eyes": {"column": "e"}}}
    with pytest.raises(HemaPilotsError, match="eyes: the recipe draws no such variable"):
        write_extract(table, mapping | other, USE_CASE, FACTORS, tmp_path)
