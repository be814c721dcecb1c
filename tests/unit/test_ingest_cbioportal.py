"""cBioPortal studies: header rows, patients and samples, statuses, variants from a MAF, panels, descriptions."""

from copy import deepcopy
from functools import partial

import pandas as pd
import pytest

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.readers import check_extract, ingest
from reader_sample import cells, said
from reader_sample import refused as refused_without

PATIENTS = """#Patient Identifier\tSex\tOverall Survival Status\tOverall Survival (Months)\tName
#Patient identifier\tSex\tStatus\tMonths since diagnosis\tName "of the patient"
#STRING\tSTRING\tSTRING\tNUMBER\tSTRING
#1\t1\t1\t1\t1
PATIENT_ID\tSEX\tOS_STATUS\tOS_MONTHS\tNAME
P1\tMale\t1:DECEASED\t12.5\tAnn "A" B
P2\tFemale\t0:LIVING\t40\tBob"
P3\tFemale\t\t\tCid
"""
SAMPLES = """#Patient\tSample\tBlasts\tAge at sample
#Patient\tSample\tMarrow blasts\tDays
#STRING\tSTRING\tNUMBER\tNUMBER
#1\t1\t1\t1
PATIENT_ID\tSAMPLE_ID\tBLASTS\tDAYS
P1\tS1\t5\t300
P2\tS2a\t8\t20
P2\tS2b\t30\t10
P3\tS3\t\t
P9\tS9\t1\t1
"""
MAF = """#version 2.4
Hugo_Symbol\tTumor_Sample_Barcode\tVariant_Classification\tHGVSc\tHGVSp_Short\tt_alt_count\tt_ref_count\tMutation_Status
TP53\tS1\tMissense_Mutation\tc.524G>A\tp.R175H\t30\t70\tSOMATIC
TP53\tS1\tSilent\tc.1A>G\tp.X1=\t1\t1\tSOMATIC
TERT\tS2a\t5'Flank\tc.-124C>T\t\t5\t\tSOMATIC
KRAS\tS2b\tMissense_Mutation\tc.35G>A\tp.G12D\t0\t0\tSOMATIC
NRAS\tS2b\tMissense_Mutation\tc.35G>A\tp.G12D\t1\t3\tWildtype
NRAS\tS7\tMissense_Mutation\tc.35G>A\tp.G12D\t1\t3\tSOMATIC
"""
PANEL = "SAMPLE_ID\tmutations\tgistic\nS1\tBIG\tBIG\nS2a\tSMALL\tSMALL\nS2b\tBIG\tSMALL\nS3\tNA\tNA\n"
MAPPING = {
    "name": "study",
    "reader": "cbioportal",
    "patient_id": "PATIENT_ID",
    "missing": {"": "missing", "NA": "missing"},
    "files": {
        "patients": {"path": "data_clinical_patient.txt"},
        "samples": {"path": "data_clinical_sample.txt"},
        "mutations": {"path": "data_mutations.txt"},
        "panels": {"path": "data_gene_panel_matrix.txt"},
    },
    "variables": {
        "sex": {"column": "SEX"},
        "os_status": {"column": "OS_STATUS"},
        "os_years": {"column": "OS_MONTHS"},
        "bm_blast": {"column": "BLASTS", "file": "samples"},
    },
    "panel": {"file": "panels", "column": "mutations", "genes": {"BIG": ["TP53", "KRAS"], "SMALL": ["TP53"]}},
    "variants": {"file": "mutations", "gene": "Hugo_Symbol"},
}


@pytest.fixture
def study(tmp_path):
    for name, text in {
        "data_clinical_patient.txt": PATIENTS,
        "data_clinical_sample.txt": SAMPLES,
        "data_mutations.txt": MAF,
        "data_gene_panel_matrix.txt": PANEL,
    }.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def changed(**more):
    return deepcopy(MAPPING) | more


def filed(alias, **more):
    return changed(files=MAPPING["files"] | {alias: MAPPING["files"][alias] | more})


def only(*names, **more):
    variables = {name: MAPPING["variables"][name] for name in names}
    return changed(variables=variables, panel=None, variants=None) | more


refused = partial(refused_without, secrets=("Ann", "Bob", "P2", "S2a"))


def test_patients_and_samples_are_joined(study):
    check_extract(study, MAPPING)
    delivered = ingest(study, MAPPING)
    records = delivered.records
    assert records.columns.tolist() == ["row", "patient_id", "sex", "os_status", "os_years", "bm_blast", "panel__name"]
    # Two samples of P2 differ: harmonization sees two rows.
    assert records["row"].tolist() == [0, 1, 2, 3]
    assert records["patient_id"].tolist() == ["P1", "P2", "P2", "P3"]
    assert cells(records, "sex") == ["Male", "Female", "Female", "Female"]
    assert cells(records, "os_years") == ["12.5", "40", "40", ""]
    assert cells(records, "bm_blast") == ["5", "8", "30", ""]
    assert ("rejected", "ineligible", 1) in said(delivered, None)
    assert isinstance(records["bm_blast"].dtype, pd.CategoricalDtype)
    assert not any("Ann" in map(str, records[name]) for name in records)
    # Nothing is left of a patient whom the first file does not know.
    assert records["bm_blast"].cat.categories.tolist() == ["5", "8", "30", ""]


def test_statuses_are_read_as_the_mapping_knows_them(study):
    def read(values=None):
        status = {"column": "OS_STATUS"} | ({"values": values} if values else {})
        delivered = ingest(study, only("sex", variables={"os_status": status}))
        return cells(delivered.records, "os_status"), said(delivered, "os_status")

    assert read() == (["1", "0", ""], [("mapped", None, 2)])
    assert read({"deceased": 1, "living": 0}) == (["DECEASED", "LIVING", ""], [("mapped", None, 2)])
    assert read({"1:DECEASED": 1, "0:LIVING": 0}) == (["1:DECEASED", "0:LIVING", ""], [])
    assert read({"1": 1, "0": 0})[0] == ["1", "0", ""]
    # A text that is no status is not touched, and then none is.
    (study / "data_clinical_patient.txt").write_text(PATIENTS.replace("0:LIVING", "ALIVE"))
    assert read()[0] == ["1:DECEASED", "ALIVE", ""]


def test_with_a_date_the_earliest_sample_stands_for_the_patient(study):
    delivered = ingest(study, filed("samples", date="DAYS"))
    assert delivered.records["patient_id"].tolist() == ["P1", "P2", "P3"]
    assert cells(delivered.records, "bm_blast") == ["5", "30", ""]
    assert cells(delivered.records, "panel__name") == ["BIG", "BIG", None]
    assert cells(delivered.variants, "gene") == ["TP53", "KRAS"]
    assert ("rejected", "duplicate", 1) in said(delivered, None)
    (study / "data_clinical_sample.txt").write_text(
        SAMPLES.replace("300", "2020-03-01")
        .replace("\t20\n", "\t2019-01-01\n")
        .replace("\t10\n", "\tNA\n")
        .replace("\t1\n", "\t\n")
    )
    assert cells(ingest(study, filed("samples", date="DAYS")).records, "bm_blast") == ["5", "8", ""]


@pytest.mark.parametrize("date", ["01.02.2020", "2020-02-30", "spring"])
def test_dates_of_samples_that_cannot_be_ordered(study, date):
    (study / "data_clinical_sample.txt").write_text(SAMPLES.replace("300", date))
    refused(study, filed("samples", date="DAYS"), 'column "DAYS"', "YYYY-MM-DD", check=False)


def test_repeated_samples_are_observed(study):
    mapping = filed("samples", repeated=True, date="DAYS")
    delivered = ingest(study, mapping)
    assert delivered.records["patient_id"].tolist() == ["P1", "P2", "P3"]
    observations = delivered.observations
    assert cells(observations, "patient_id") == ["P1", "P2", "P2"]
    assert cells(observations, "value") == ["5", "8", "30"]
    assert cells(observations, "date") == ["300", "20", "10"]
    assert cells(delivered.variants, "gene") == ["TP53", "TERT", "KRAS"]


def test_variants_of_a_maf(study):
    delivered = ingest(study, MAPPING)
    variants = delivered.variants
    assert cells(variants, "patient_id") == ["P1", "P2", "P2"]
    # Promoter variants of TERT count, silent ones and wild types do not.
    assert cells(variants, "gene") == ["TP53", "TERT", "KRAS"]
    assert cells(variants, "protein") == ["p.R175H", "", "p.G12D"]
    assert cells(variants, "coding") == ["c.524G>A", "c.-124C>T", "c.35G>A"]
    assert cells(variants, "vaf") == ["0.3", None, None]
    assert cells(variants, "classification") == [None] * 3
    assert variants["row"].tolist() == [0, 2, 3]
    assert sorted(said(delivered, "variants")) == [
        ("flagged", "duplicate", 1),
        ("rejected", "ineligible", 1),
        ("rejected", "ineligible", 1),
        ("rejected", "ineligible", 1),
    ]


def test_declared_classes_are_left_to_harmonization(study):
    variants = MAPPING["variants"] | {
        "classification": "Variant_Classification", "oncogenic": ["Missense_Mutation"], "vaf_unit": "%",
    }  # fmt: skip
    delivered = ingest(study, changed(variants=variants))
    classes = ["Missense_Mutation", "Silent", "5'Flank", "Missense_Mutation"]
    assert cells(delivered.variants, "classification") == classes
    assert cells(delivered.variants, "vaf") == ["30", "50", None, None]


@pytest.mark.parametrize(
    ("listed", "genes"), [("", ["TP53", "TP53", "TERT", "KRAS"]), ("Missense_Mutation", ["TP53", "TERT"])]
)
def test_a_study_may_name_other_classes(study, listed, genes):
    (study / "meta_mutations.txt").write_text(
        "cancer_study_identifier: x\ngenetic_alteration_type: MUTATION_EXTENDED\ndatatype: MAF\n"
        f"data_filename: data_mutations.txt\nvariant_classification_filter: {listed}\n"
    )
    assert cells(ingest(study, MAPPING).variants, "gene") == genes


def test_a_long_barcode_names_its_sample(study):
    (study / "data_clinical_sample.txt").write_text(SAMPLES.replace("S1", "TCGA-AB-0001-03"))
    (study / "data_mutations.txt").write_text(MAF.replace("S1", "TCGA-AB-0001-03A-01W-0728-08"))
    (study / "data_gene_panel_matrix.txt").write_text(PANEL.replace("S1", "TCGA-AB-0001-03"))
    assert cells(ingest(study, MAPPING).variants, "patient_id") == ["P1", "P2", "P2"]


def test_panels_must_agree(study):
    delivered = ingest(study, MAPPING)
    assert cells(delivered.records, "panel__name") == ["BIG", None, None, None]
    assert ("null", "contradiction", 1) in said(delivered, None)
    (study / "data_gene_panel_matrix.txt").write_text(PANEL.replace("S2a\tSMALL", "S2a\tNA"))
    assert cells(ingest(study, MAPPING).records, "panel__name") == ["BIG", "BIG", "BIG", None]


def test_a_list_of_cases_serves_as_panel(study):
    (study / "case_lists").mkdir()
    (study / "case_lists" / "cases_sequenced.txt").write_text(
        "cancer_study_identifier: x\nstable_id: x_sequenced\ncase_list_name: all\ncase_list_ids: S1\tS2a\tS2b\n"
    )
    files = MAPPING["files"] | {"sequenced": {"path": "case_lists/cases_sequenced.txt"}}
    panel = {"file": "sequenced", "column": "case_list_ids", "genes": {"sequenced": ["TP53"]}}
    mapping = changed(files=files, panel=panel)
    check_extract(study, mapping)
    assert cells(ingest(study, mapping).records, "panel__name") == ["sequenced", "sequenced", "sequenced", None]
    (study / "case_lists" / "cases_sequenced.txt").write_text("no list\n")
    refused(study, mapping, "not a list of cases", check=False)


def test_without_a_panel_it_is_said_what_negative_means(study):
    delivered = ingest(study, changed(panel=None))
    assert ("flagged", "not_assayed", 1) in said(delivered, "variants")


def test_a_study_without_a_patient_file(study):
    files = {"samples": MAPPING["files"]["samples"]}
    mapping = only(files=files, variables={"bm_blast": {"column": "BLASTS"}})
    records = ingest(study, mapping).records
    assert records["patient_id"].tolist() == ["P1", "P2", "P2", "P3", "P9"]
    files = {"samples": MAPPING["files"]["samples"] | {"date": "DAYS"}}
    records = ingest(study, mapping | {"files": files}).records
    assert records["patient_id"].tolist() == ["P1", "P2", "P3", "P9"]
    assert cells(records, "bm_blast") == ["5", "30", "", "1"]


def test_a_timeline_is_observed(study):
    (study / "data_timeline_lab.txt").write_text("PATIENT_ID\tSTART_DATE\tVALUE\nP1\t-3\t9.8\nP1\t30\t8\nP2\t0\t\n")
    files = MAPPING["files"] | {"lab": {"path": "data_timeline_lab.txt", "repeated": True, "date": "START_DATE"}}
    mapping = only(files=files, variables={"sex": {"column": "SEX"}, "hb": {"column": "VALUE", "file": "lab"}})
    observations = ingest(study, mapping).observations
    assert cells(observations, "value") == ["9.8", "8"] and cells(observations, "date") == ["-3", "30"]


def test_quotation_marks_are_signs(study):
    mapping = only(variables={"name": {"column": "NAME"}})
    assert cells(ingest(study, mapping).records, "name") == ['Ann "A" B', 'Bob"', "Cid"]
    # A file that a spreadsheet saved has whole fields in quotation marks.
    (study / "data_clinical_patient.txt").write_text(PATIENTS.replace('Ann "A" B', '"Ann, B"').replace('"#', "#"))
    assert cells(ingest(study, mapping).records, "name")[0] == "Ann, B"


DESCRIPTION = "cancer_study_identifier: {}\ngenetic_alteration_type: {}\ndatatype: {}\ndata_filename: {}\n"


def test_descriptions_are_checked(study):
    def describe(name, *parts):
        (study / name).write_text(DESCRIPTION.format(*parts))

    (study / "meta_study.txt").write_text("type_of_cancer: x\ncancer_study_identifier: a\n")
    describe("meta_clinical_patient.txt", "a", "CLINICAL", "PATIENT_ATTRIBUTES", "data_clinical_patient.txt")
    describe("meta_gene_panel_matrix.txt", "a", "GENE_PANEL_MATRIX", "GENE_PANEL_MATRIX", "data_gene_panel_matrix.txt")
    describe("meta_other.txt", "b", "CLINICAL", "PATIENT_ATTRIBUTES", "data_of_nobody.txt")
    check_extract(study, MAPPING)
    describe("meta_clinical_sample.txt", "a", "CLINICAL", "PATIENT_ATTRIBUTES", "data_clinical_sample.txt")
    refused(study, MAPPING, "meta_clinical_sample.txt", "SAMPLE_ATTRIBUTES")
    describe("meta_clinical_sample.txt", "b", "CLINICAL", "SAMPLE_ATTRIBUTES", "data_clinical_sample.txt")
    refused(study, MAPPING, "cancer_study_identifier", "one study")


def test_tables_by_sample_need_the_sample_file(study):
    files = {alias: file for alias, file in MAPPING["files"].items() if alias != "samples"}
    variables = {"sex": {"column": "SEX"}}
    refused(study, changed(files=files, variables=variables), "files.mutations", "add the clinical sample file")


def test_sample_ids_must_be_there_once(study):
    (study / "data_clinical_sample.txt").write_text(SAMPLES.replace("S2b", "S2a"))
    refused(study, MAPPING, 'column "SAMPLE_ID"', "2 rows share", check=False)
    (study / "data_clinical_sample.txt").write_text(SAMPLES.replace("S2b", " "))
    refused(study, MAPPING, "1 row has no sample id", check=False)


def test_samples_that_do_not_meet(study):
    (study / "data_mutations.txt").write_text(MAF.replace("\tS", "\tX"))
    refused(study, MAPPING, "data_mutations.txt", "no sample of data_clinical_sample.txt", check=False)


def test_a_variable_cannot_come_from_a_maf(study):
    variables = MAPPING["variables"] | {"protein": {"column": "HGVSp_Short", "file": "mutations"}}
    refused(study, changed(variables=variables), "protein", "one row per variant")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("data_clinical_patient.txt", b"", ["empty"]),
        ("data_clinical_patient.txt", b"#a\n#b\n#c\n#d\n", ["below its rows of #"]),
        ("data_clinical_patient.txt", PATIENTS.encode()[:-6], ["3 fields where the header has 5"]),
        ("data_clinical_patient.txt", PATIENTS.replace("PATIENT_ID", "PATIENT").encode(), ['column "PATIENT_ID"', "nearest"]),
        ("data_clinical_patient.txt", PATIENTS.replace("Female", "\ufffd").encode(), ["replacement characters"]),
        ("data_clinical_patient.txt", PATIENTS.encode("utf-16")[:-1], ["data_clinical_patient.txt"]),
        ("data_clinical_sample.txt", SAMPLES.replace("BLASTS", "BLAST").encode(), ['column "BLASTS"', '"BLAST"']),
        ("data_clinical_sample.txt", b"PATIENT_ID\tSAMPLE_ID" + b"\t" * 60_000 + b"\n", ["60,002 columns"]),
        ("data_mutations.txt", MAF.replace("Tumor_Sample", "Sample").encode(), ['column "Tumor_Sample_Barcode"']),
        ("data_mutations.txt", b"\x00\x01\x02" * 500, ["data_mutations.txt"]),
        ("data_gene_panel_matrix.txt", PANEL.replace("mutations", "snv").encode(), ['column "mutations"']),
    ],
)  # fmt: skip
def test_hostile_files_give_one_sentence(study, name, content, words):
    (study / name).write_bytes(content)
    refused(study, MAPPING, *words, check=False)


@pytest.mark.parametrize("head", [1 << 22, 800])
def test_a_study_in_utf_16(tmp_path, monkeypatch, head):
    monkeypatch.setattr("hemapilots.ingest.text.HEAD", head)
    (tmp_path / "data_clinical_patient.txt").write_bytes((PATIENTS + "P4\tMale\t\t\t\n" * 99).encode("utf-16"))
    mapping = deepcopy(MAPPING) | {"variables": {"sex": {"column": "SEX"}}, "panel": None, "variants": None}
    mapping["files"] = {"patients": MAPPING["files"]["patients"]}
    check_extract(tmp_path, mapping)
    assert ingest(tmp_path, mapping).records["sex"].tolist()[:3] == ["Male", "Female", "Female"]


def test_a_study_larger_than_memory_is_refused_unread(tmp_path, monkeypatch):
    (tmp_path / "data_clinical_patient.txt").write_text(PATIENTS)
    monkeypatch.setattr("hemapilots.ingest.text.MAXIMUM_BYTES", 20)
    mapping = deepcopy(MAPPING) | {"files": {"patients": MAPPING["files"]["patients"]}}
    with pytest.raises(HemaPilotsError, match="MiB of text"):
        ingest(tmp_path, mapping)
