"""Cohorts delivered in five formats, languages and unit systems harmonize to exactly the clean table, cell by cell.

Dates, flags, categories and numbers that are not converted come back as they were; converted numbers to 1e-9 of their size.
Cells that are made dirty beyond repair are nulled, or their record rejected, with the expected reason.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from extracts import clean, cohorts
from extracts.compare import differences
from extracts.faults import Fault, plant, unsaid
from hemapilots.config.habits import Habits
from hemapilots.config.mapping import Mapping
from hemapilots.config.use_case import UseCase
from hemapilots.cross_checks import Source, check_mapping, resolve_use_case
from hemapilots.harmonize.engine import harmonize
from hemapilots.harmonize.reading.units import load_factors
from hemapilots.ingest.readers import check_extract, ingest
from hemapilots.paths import RESOURCES
from hemapilots.synthesis.extracts.write import make_tables, write_tables

ROOT = Path(__file__).parents[2]
FACTORS = load_factors(RESOURCES / "units" / "factors.csv")
PATIENTS = {"german-csv": 70, "italian-excel": 55, "english-fhir": 60, "dutch-omop": 50, "french-redcap": 45}
HABITS = {
    "mds-german-csv": Habits(
        units={"wbc": ("Tsd/µl", "/ul", "10^9/L", "G/l")},
        blanks=("", " ", "\u00a0"),
        marks=("", " (H)", "*"),
        absent=("keine Angabe", "-", "nicht bestimmt"),
        aliases={"SRSF2": "SFRS2"},
    ),
    "mds-italian-excel": Habits(units={"plt": ("10^9/L", "/mm3")}, blanks=("", "  ")),
    "mds-english-fhir": Habits(
        units={"hb": ("g/dL", "g/L", "mmol/L"), "wbc": ("10*9/L", "/uL"), "tp53_maxvaf": ("%", "1")}
    ),
    "mds-dutch-omop": Habits(units={"hb": ("g/dL", "g/L", "mmol/L"), "wbc": ("10*9/L", "/uL", "10^9/l")}),
    "mds-french-redcap": Habits(units={"wbc": ("G/L", "/mm3")}, decoys={"nom": "surname", "nip": "record_number"}),
    "mm-spanish-csv": Habits(units={"hb": ("g/dl", "g/L", "mmol/l")}, marks=("", " *"), absent=("n.d.",)),
    "mm-dutch-excel": Habits(units={"b2m": ("mg/L", "nmol/L", "mg/dl")}),
    "mm-italian-omop": Habits(units={"hb": ("g/dL", "g/L"), "b2m": ("mg/L", "nmol/L"), "calcium": ("mg/dL", "mmol/L")}),
    "scd-french-csv": Habits(blanks=("", "\u00a0"), marks=("", " (H)"), absent=("?", "inconnu")),
    "scd-english-redcap": Habits(units={"hb": ("g/dL", "g/L")}, decoys={"surname": "surname", "nhs": "record_number"}),
    "scd-german-fhir": Habits(
        units={
            "hb": ("g/dL", "mmol/L"),
            "creatinine": ("mg/dL", "umol/L"),
            "bilirubin_total": ("umol/L", "mg/dL"),
            "tcd_tamm": ("m/s", "cm/s"),
        }
    ),
}
OUTCOMES = ("os_years", "os_status", "lfs_years", "lfs_status", "aml_years", "aml_status")
SURVIVAL = ("os_years", "os_status", "pfs_years", "pfs_status")
KARYOTYPE = ("karyotype", "n_abn", "complex", "cyto_ipssr", "del5q", "del7_7q", "plus8", "dely", "del7", "del20q", "del7q",
    "del12p", "del13", "del11q", "plus21", "del17p", "del17_17p", "del18", "del3p", "plus1p", "plus13", "plus19")  # fmt: skip
RECORD = ("record",)
FAULTS = {
    "mds-german-csv": (
        Fault("hb", "9,8,7", "null", "parse_error"),
        Fault("hb", "geronnen", "null", "not_done", whole=True),
        Fault("plt", "-5.000", "null", "range_hard"),
        Fault("wbc", "Stück", "null", "unit_unknown", part="unit_column"),
        Fault("ferritin", "siehe Befund", "null", "parse_error"),
        Fault("anc", "31.02.2018", "null", "parse_error"),
        Fault("bm_blast", "10+", "null", "parse_error"),
        Fault("sex", "unklarx", "null", "code_unknown"),
        Fault("mds_type", "?x", "null", "code_unknown"),
        Fault("rbc_tx_dependent", "manchmal", "null", "code_unknown"),
        Fault("last_contact_date", "31.02.2018", "null", "date_invalid", OUTCOMES, without=("death_date", "aml_date")),
        Fault("birth_date", "00.00.0000", "null", "date_invalid", ("age",)),
        Fault("karyotype", "keine Metaphasen", "null", "cyto_failed", KARYOTYPE, said="cyto_ipssr"),
        Fault("karyotype", "45,X,-Y[12]/46,XY[8]", "rejected", "contradiction", RECORD),
        Fault("bm_blast", "24", "rejected", "ineligible", RECORD, said="marrow_blasts_under_20"),
    ),
    "mds-italian-excel": (
        Fault("hb", "coagulato", "null", "not_done", whole=True),
        Fault("plt", "pezzi", "null", "unit_unknown", part="unit_column"),
        # The table of variants knows what the cell does not say.
        Fault("asxl1", "2-Mar", "flagged", "excel_artifact", ()),
        Fault("sf3b1", "VUS", "flagged", "code_unknown", ()),
        Fault("karyotype", "boh", "null", "free_text_unmapped", KARYOTYPE),
        Fault("ring_sideroblasts", "140", "null", "range_hard"),
    ),
    "mds-english-fhir": (
        Fault("hb", "clotted", "null", "not_done", whole=True),
        Fault("ferritin", "250000", "null", "range_hard"),
        Fault("bm_blast", "24", "rejected", "ineligible", RECORD, said="marrow_blasts_under_20"),
        Fault("karyotype", "no mitoses", "null", "cyto_failed", KARYOTYPE, said="cyto_ipssr"),
        Fault("sex", "other", "null", "code_unknown"),
    ),
    "mds-dutch-omop": (
        Fault("hb", "-3", "null", "range_hard"),
        Fault("wbc", "-99", "null", "sentinel"),
        Fault("karyotype", "mislukt", "null", "cyto_failed", KARYOTYPE, said="cyto_ipssr"),
        Fault("bm_blast", "30", "rejected", "ineligible", RECORD, said="marrow_blasts_under_20"),
    ),
    "mds-french-redcap": (
        Fault("sex", "3", "null", "code_unknown"),
        Fault("hb", "98", "null", "range_hard"),
        Fault("plt", "hémolysé", "null", "not_done", whole=True),
        Fault("death_date", "2001-02-30", "null", "date_invalid", OUTCOMES, without=("aml_date",)),
        Fault("karyotype", "échec", "null", "cyto_failed", KARYOTYPE, said="cyto_ipssr"),
    ),
    "mm-spanish-csv": (
        Fault("sex", "X", "null", "code_unknown"),
        Fault("b2m", "alta", "null", "parse_error"),
        Fault("hb", "mg", "null", "unit_unknown", part="unit_column"),
        Fault("iss", "IIIA", "null", "code_unknown"),
        Fault(
            "fish_selected",
            "no",
            "null",
            "fish_not_selected",
            ("del17p", "t414", "gain1q"),
            "t414",
            becomes=(("fish_selected", 0.0),),
        ),
        Fault("progression_date", "31/02/2015", "null", "date_invalid", ("pfs_years", "pfs_status")),
        Fault("consent", "no", "rejected", "consent_withdrawn", RECORD, said=None),
    ),
    "mm-dutch-excel": (
        Fault("hb", "gestold", "null", "not_done", whole=True),
        Fault("b2m", "stuks", "null", "unit_unknown", part="unit_column"),
        Fault("ldh_stated", "misschien", "null", "code_unknown"),
        Fault("r_iss", "4", "null", "code_unknown"),
    ),
    "mm-italian-omop": (
        Fault("albumin", "-1", "null", "range_hard"),
        Fault("ig_type", "IgX", "null", "code_unknown"),
    ),
    "scd-french-csv": (
        Fault("genotype", "drépanocytose", "null", "code_unknown"),
        Fault("hbc", "44", "rejected", "contradiction", RECORD, said="genotype_with_hbc"),
        Fault("hbs", "118", "null", "range_hard"),
        Fault("hb", "5,1,2", "null", "parse_error"),
        Fault("tcd_tamm", "non mesurable", "null", "parse_error"),
    ),
    "scd-english-redcap": (
        Fault("genotype", "9", "null", "code_unknown"),
        Fault("hydroxyurea_dose", "500", "null", "range_hard"),
        Fault("transfusion", "2", "null", "transfused", ("hbf",), "hbf", becomes=(("transfusion", "chronic"),)),
    ),
    "scd-german-fhir": (
        Fault("wbc", "geronnen", "null", "not_done", whole=True),
        Fault("genotype", "falciforme", "null", "code_unknown"),
    ),
}


class Site:
    """One source of a use case: its configuration, its clean patients, and the extract that it delivers."""

    def __init__(self, name: str, folder: Path, patients: int = 40, seed: int = 1):
        self.name, self.folder = name, folder
        self.use_case_source = Source(ROOT / "config" / "use_cases" / f"{name.partition('-')[0]}.yaml", UseCase)
        self.mapping_source = Source(Path(__file__).parent / "five_sites" / f"{name}.yaml", Mapping)
        self.use_case = resolve_use_case(self.use_case_source)
        self.mapping = self.mapping_source.value.model_dump(mode="json") | {"name": name}
        self.clean = cohorts.draw(self.use_case, self.mapping, patients, seed)
        self.tables, _ = make_tables(self.clean, self.mapping, self.use_case, FACTORS, HABITS[name], seed)

    def harmonized(self):
        """Writes the extract, then ingests and harmonizes it."""
        write_tables(self.tables, self.folder)
        check_extract(self.folder, self.mapping)
        delivered = ingest(self.folder, self.mapping)
        return harmonize(delivered, self.use_case, self.mapping, FACTORS)

    def expected(self, table: pd.DataFrame) -> pd.DataFrame:
        wanted = clean.expected(table, self.use_case, cohorts.delivered(self.use_case, self.mapping))
        untold = [f"{name}_{part}" for name in self.mapping["without"] for part in ("entry", "time", "event")]
        return wanted.assign(**dict.fromkeys(untold, np.nan))


@pytest.mark.parametrize("name", HABITS)
def test_mappings_pass_the_checks_of_a_run(name, tmp_path):
    site = Site(name, tmp_path, 5)
    check_mapping(site.mapping_source, site.use_case_source, FACTORS)


@pytest.mark.parametrize("name", [name for name in HABITS if not name.startswith("mds")])
def test_each_source_harmonizes_to_its_clean_table(name, tmp_path):
    site = Site(name, tmp_path)
    harmonized, _, flow = site.harmonized()
    assert differences(harmonized, site.expected(site.clean)) == []
    assert flow["steps"][-1]["records_out"] == len(site.clean)


def test_five_sites_harmonize_to_exactly_the_clean_cohort(tmp_path):
    found, wanted = [], []
    for seed, (form, patients) in enumerate(PATIENTS.items()):
        site = Site(f"mds-{form}", tmp_path / form, patients, seed)
        harmonized, issues, _ = site.harmonized()
        assert harmonized["row"].tolist() == list(range(patients))
        assert not (issues["status"] == "rejected").any() or set(
            issues.loc[issues["status"] == "rejected", "row"].isna()
        ) == {True}
        found.append(harmonized.drop(columns="row"))
        wanted.append(site.expected(site.clean))
    found, wanted = pd.concat(found, ignore_index=True), pd.concat(wanted, ignore_index=True)
    assert len(found) == sum(PATIENTS.values())
    assert list(found) == list(wanted)
    assert differences(found, wanted) == []
    # Every site had dates, karyotypes and genes, and the cohort knows something of each.
    assert wanted[["os_time", "lfs_time", "n_abn", "asxl1", "tp53", "hb", "ldh_uln", "age"]].notna().any().all()


@pytest.mark.parametrize("name", HABITS)
def test_what_is_dirty_beyond_repair_is_taken_away_with_its_reason(name, tmp_path):
    site = Site(name, tmp_path, 60, 8)
    table, placed = plant(site.tables, site.clean, FAULTS[name])
    harmonized, issues, flow = site.harmonized()
    consent = [fault for _, fault in placed if fault.reason == "consent_withdrawn"]
    # Of those who withdrew nothing is left but the count.
    assert sum(step["lost"] for step in flow["steps"] if step["reason"] == "consent_withdrawn") == len(consent)
    assert unsaid(issues, [(patient, fault) for patient, fault in placed if fault not in consent]) == []
    kept = table["kept"].to_numpy()
    wanted = site.expected(table)[kept].reset_index(drop=True)
    assert harmonized["row"].tolist() == np.flatnonzero(kept).tolist()
    assert differences(harmonized, wanted) == []
