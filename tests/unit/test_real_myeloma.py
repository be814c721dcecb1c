"""The UAMS cohort: stages and their concordance as published, and dates that never pass."""

import gzip
import shutil

import numpy as np
import openpyxl
import pandas as pd
import pytest
from sksurv.metrics import concordance_index_censored

from hemapilots.cross_checks import load_public
from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.engine import harmonize
from hemapilots.harmonize.reading.units import load_factors
from hemapilots.harmonize.split import split
from hemapilots.ingest import public
from hemapilots.ingest.readers import ingest
from hemapilots.study import load_study
from hemapilots.tables import write_parquet
from real_cohorts import ROOT, harmonized

FILE = "GSE24080_clinical_nodates.csv"
ORIGINAL = load_public(ROOT / "resources")["uams"]["files"][FILE]["original"]
# The columns of the published sheet that say who a patient is and when things happened.
IDENTIFYING = ["PATID", "DOB", "Date of entry", "Date of relapse", "LAST CONTACT", "Date of death"]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return harmonized("mm-uams", tmp_path_factory.mktemp("uams"))


def test_stages_and_events_are_those_that_are_known(cohort):
    table, _, flow, _ = cohort
    assert table["iss_category"].value_counts().to_dict() == {"I": 296, "II": 148, "III": 120}
    assert table["iss_reason"].value_counts().to_dict() == {"b2m": 1}
    assert (flow["endpoints"]["os"]["events"], flow["endpoints"]["pfs"]["events"]) == (175, 254)


@pytest.mark.parametrize(("endpoint", "expected", "within"), [("os", 0.6155, 0.003), ("pfs", 0.609, 0.001)])
def test_the_stage_ranks_as_it_is_known_to(cohort, endpoint, expected, within):
    table = cohort[0].dropna(subset=["iss_score"])
    event, time = table[f"{endpoint}_event"] == 1, table[f"{endpoint}_time"]
    assert concordance_index_censored(event, time, table["iss_score"])[0] == pytest.approx(expected, abs=within)


def test_the_trials_are_the_sites(cohort):
    table, issues, _, study = cohort
    sites = split(table, issues, study["split"])
    assert {name: len(records) for name, (records, _) in sites.items()} == {"tt2": 351, "tt3": 214}
    assert sites["tt2"][0]["os_event"].sum() == 132 and sites["tt3"][0]["os_event"].sum() == 43
    assert sites["tt3"][0]["os_time"].max() < 5


def test_scores_are_known_only_as_far_as_they_can_be(cohort):
    table = cohort[0]
    assert table[["r2_iss_score", "mass_score", "rw_iss_score"]].isna().all().all()
    # One criterion of the consensus needs no genetics: who meets it is at high risk, of the others nothing is known.
    high = (table["b2m"] >= 5.5) & (table["creatinine"] < 1.2)
    assert table["ims_2025_score"].dropna().eq(1).all() and table["ims_2025_score"].notna().equals(high)


def sheet(patients: int = 40) -> pd.DataFrame:
    """Invented patients in the shape of the published sheet, dates and patient numbers among the columns."""
    rng = np.random.default_rng(3)
    days = np.datetime64("1931-05-17") + rng.integers(0, 15000, (len(IDENTIFYING), patients))
    table = {name: pd.DatetimeIndex(days[k]).strftime("%m/%d/%Y") for k, name in enumerate(IDENTIFYING)}
    table["PATID"] = [f"UARK-{place:05d}" for place in range(patients)]
    numbers = {
        "AGE": 57.5,
        "B2M": 3.1,
        "CRP": 4.4,
        "CREAT": 1,
        "LDH": 156,
        "ALB": 4.1,
        "HGB": 11.2,
        "ASPC": 40,
        "BMPC": 45,
    }
    table |= {name: np.round(middle * rng.uniform(0.8, 1.25, patients), 1) for name, middle in numbers.items()}
    table |= {
        "CELfilename": [f"chip{place}.CEL" for place in range(patients)],
        "PROT": ["TT2", "TT3"] * (patients // 2),
    }
    table |= {"SEX": ["male", "female"] * (patients // 2), "ISOTYPE": "IgG", "Cyto Abn": rng.integers(0, 2, patients)}
    for name in ("EFS", "OS"):
        table[f"{name} TIME JUN2008"] = np.round(rng.uniform(1, 90, patients), 2)
    table["EFS CENSOR (1=event) JUN2008"] = table["OS CENSOR (1=death) JUN2008"] = rng.integers(0, 2, patients)
    return pd.DataFrame(table)


def identifying_values(table: pd.DataFrame) -> set[str]:
    return {str(value) for name in IDENTIFYING for value in table[name]}


def test_dates_and_patient_numbers_never_pass_ingestion(tmp_path):
    table = sheet()
    table.to_csv(tmp_path / FILE, index=False)
    study = load_study("mm-uams", ROOT / "config", ROOT / "resources")
    mapping = study["mappings"]["source"]
    delivered = ingest(tmp_path, mapping)
    factors = load_factors(ROOT / "resources" / "units" / "factors.csv")
    made, issues, _ = harmonize(delivered, study["harmonize"], mapping, factors)
    assert len(made) == 40 and made["os_event"].notna().all()
    for name, frame in {"records": delivered.records, "harmonized": made, "issues": issues}.items():
        assert not set(IDENTIFYING) & set(frame.columns)
        write_parquet(tmp_path / f"{name}.parquet", frame)
        frame.astype(str).to_csv(tmp_path / f"{name}.csv", index=False)
        written = (tmp_path / f"{name}.parquet").read_bytes() + (tmp_path / f"{name}.csv").read_bytes()
        assert not [value for value in identifying_values(table) if value.encode() in written]


@pytest.fixture
def published(tmp_path, monkeypatch):
    """The sheet as a packed spreadsheet at its address, which a download answers with."""
    table = sheet()
    book = openpyxl.Workbook()
    for row in [list(table.columns), *table.astype(object).to_numpy().tolist()]:
        book.active.append(row)
    book.save(tmp_path / "sheet.xlsx")
    packed = tmp_path / "sheet.xlsx.gz"
    packed.write_bytes(gzip.compress((tmp_path / "sheet.xlsx").read_bytes()))
    monkeypatch.setattr(public, "_download", lambda url, to: shutil.copyfile(packed, to))
    found = public.hashlib.sha256((tmp_path / "sheet.xlsx").read_bytes()).hexdigest()
    entry = {
        "original": ORIGINAL | {"url": "https://example.org/sheet.xlsx.gz", "sha256": [found]},
        "sha256": ["0" * 64],
    }
    return table, {"files": {FILE: entry}, "folder": "uams"}


def test_of_the_published_sheet_only_columns_without_dates_are_kept(tmp_path, published):
    table, cohort = published
    public.fetch(FILE, cohort, None, tmp_path / "kept" / FILE)
    kept = pd.read_csv(tmp_path / "kept" / FILE)
    assert list(kept.columns) == ORIGINAL["columns"]
    np.testing.assert_allclose(kept["B2M"], table["B2M"])
    text = (tmp_path / "kept" / FILE).read_text()
    assert not [value for value in identifying_values(table) if value in text]
    assert [path.name for path in (tmp_path / "kept").iterdir()] == [FILE]


def test_another_sheet_is_refused_and_nothing_is_kept(tmp_path, published):
    cohort = published[1]
    cohort["files"][FILE]["original"]["sha256"] = ["1" * 64]
    with pytest.raises(HemaPilotsError, match="SHA-256 .* is not the expected"):
        public.fetch(FILE, cohort, None, tmp_path / "kept" / FILE)
    assert not list((tmp_path / "kept").iterdir())


def test_the_pilot_reads_the_consistent_pair_of_outcomes_and_no_date():
    mapping = load_study("mm-uams", ROOT / "config", ROOT / "resources")["mappings"]["source"]
    read = {entry["column"] for part in ("variables", "auxiliary") for entry in mapping[part].values()}
    assert read | {"CELfilename"} == set(ORIGINAL["columns"])
    assert not read & {"OS (months)", "EFS(months)", "OS-censor", "EFS-censor", "OS_MO JUN2008", "EFS_MO JUN2008"}
