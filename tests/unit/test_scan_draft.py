"""A scan of an extract, from files to a draft that loads; each reader."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml

import scan_sample
from hemapilots.config.mapping import Mapping
from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.reading.header_units import header_unit
from hemapilots.hospital import load_mapping
from hemapilots.ingest.fhir import codes as fhir_codes
from hemapilots.ingest.fhir import resources
from hemapilots.ingest.omop import forms as omop_forms
from hemapilots.ingest.readers import check_extract, ingest
from hemapilots.ingest.selectors import patient_selector
from hemapilots.paths import RESOURCES
from hemapilots.scan import PATIENT_OF, coded, scan
from hemapilots.scan.coded import read_fhir
from hemapilots.scan.words import LANGUAGES, load_words, word
from hemapilots.texts import fold

CONFIG = Path(__file__).resolve().parents[2] / "config"


def drafted(extract, small_config, reader=None, language=None):
    """(scan, the draft as config.Mapping loads it)."""
    found = scan(extract, "small", small_config, reader, language)
    return found, Mapping.model_validate(yaml.safe_load(found.draft))


def test_a_german_csv(extract, small_config):
    scan_sample.write_csv(extract)
    found, mapping = drafted(extract, small_config)
    assert (mapping.reader, mapping.language, mapping.patient_id) == ("csv", "de", "Patientennummer")
    assert "k.A." in mapping.missing
    form = mapping.files["patients"]
    assert (form.path, form.delimiter, form.decimal) == ("patients.csv", ";", ",")
    entries = mapping.variables
    assert (entries["hb"].column, entries["hb"].unit) == ("Hämoglobin", "g/L")
    assert (entries["plt"].column, entries["plt"].unit) == ("Thrombozyten (Tsd/µl)", "10*3/uL")
    assert entries["sex"].values == {"männlich": "M", "weiblich": "F"}
    assert entries["os_status"].values == {"ja": 1, "nein": 0}
    assert entries["srsf2"].column == "SFRS2" and entries["srsf2"].values is None
    assert entries["diagnosis_date"].date_format == ("DD.MM.YYYY",)
    assert {entry.status for entry in entries.values()} == {"proposed"}
    assert "a symbol of gene SRSF2" in found.draft and "Variables without a column: death_date, os_years" in found.draft


@pytest.mark.parametrize(
    "header", ["OS Monate", "OS_Monate", "OS (Monate)", "Gesamtüberleben (Monate)", "OS mois", "OS [meses]"]
)
def test_survival_in_months_is_found_by_its_abbreviation(extract, small_config, header):
    """And the column that names patients is none of those that are never read."""
    rows = "".join(f"p{k};{50 + k};{k * 1.5};x{k}\n" for k in range(40))
    (extract / "a.csv").write_text(f"Patienten-ID;Alter;{header};Zimmer\n{rows}")
    found, mapping = drafted(extract, small_config)
    assert (mapping.variables["os_years"].column, mapping.variables["os_years"].unit) == (header, "mo")
    assert mapping.patient_id == "Patienten-ID" and "they are never read: Zimmer\n" in found.draft


def test_nothing_of_a_patient_is_in_profile_or_draft(extract, small_config):
    scan_sample.write_csv(extract)
    found, _ = drafted(extract, small_config)
    table = scan_sample.table()
    for text in (found.profile, found.draft):
        for column in ("Patientennummer", "Nachname", "Geburtsdatum", "Bemerkung", "Kontakt", "Erstdiagnose"):
            assert not any(cell in text for cell in table[column])
        assert "divers" not in text


def test_guesses_stand_best_first_with_their_reason(extract, small_config):
    scan_sample.write_csv(extract)
    scores = [
        float(line.split()[1].rstrip(":"))
        for line in scan(extract, "small", small_config).draft.splitlines()
        if line.startswith("  # 0.") or line.startswith("  # 1.")
    ]
    assert scores == sorted(scores, reverse=True) and len(scores) > 5


def test_a_proposed_entry_is_refused_until_a_person_approved_it(extract, small_config, tmp_path):
    table = scan_sample.table()
    table["Überleben (Jahre)"] = "1,5"
    table.to_csv(extract / "patients.csv", sep=";", index=False)
    path = tmp_path / "draft.yaml"
    path.write_text(scan(extract, "small", small_config).draft)
    with pytest.raises(HemaPilotsError, match="still `proposed`"):
        load_mapping(str(path), small_config)
    assert load_mapping(str(path), small_config, draft=True)[0]["variables"]["os_years"]["unit"] == "a"
    path.write_text(path.read_text().replace("proposed}", "approved}"))
    mapping, _ = load_mapping(str(path), small_config)
    assert mapping["variables"]["hb"]["status"] == "approved"


def test_values_without_a_meaning_are_listed_with_counts(extract, small_config):
    table = scan_sample.table()
    table["Geschlecht"] = ["männlich"] * 60 + ["X1"] * 60
    table.to_csv(extract / "patients.csv", sep=";", index=False)
    found, mapping = drafted(extract, small_config)
    assert mapping.variables["sex"].values == {"männlich": "M"}
    assert "not mapped: X1: 60" in found.draft and "1 of them with values left to map" in found.summary


@pytest.mark.parametrize(
    "header", ["Hémoglobine (g/dl)", "Hb_gdl", "HGB", "Hämoglobin", "Emoglobina", "hemoglobina", "Αιμοσφαιρίνη"]
)
def test_case_63_header_languages(extract, small_config, header):
    pd.DataFrame({"id": [f"p{k}" for k in range(60)], header: [f"{8 + k % 5}.{k % 10}" for k in range(60)]}).to_csv(
        extract / "a.csv", index=False
    )
    _, mapping = drafted(extract, small_config)
    assert (mapping.variables["hb"].column, mapping.variables["hb"].unit) == (header, "g/dL")


def test_case_63_two_columns_for_one_variable_are_both_named(extract, small_config):
    cells = [f"{8 + k % 5}.{k % 10}" for k in range(60)]
    table = pd.DataFrame({"id": [f"p{k}" for k in range(60)], "HGB": cells, "Emoglobina": cells})
    table.to_csv(extract / "a.csv", index=False)
    found, mapping = drafted(extract, small_config)
    assert mapping.variables["hb"].column == "HGB" and 'or "Emoglobina" (0.97' in found.draft


@pytest.mark.parametrize(
    ("text", "value"),
    [("Sβ+", "S_beta_plus"), ("S/beta⁺", "S_beta_plus"), ("Sβ°", "S_beta0"), ("Hb Sβ0", "S_beta0"), ("Sβ", "S_beta")],
)
def test_signs_tell_genotypes_apart(text, value):
    assert load_words().value("scd_genotype", "de", text).split("|")[0] == value


def test_no_two_words_of_a_vocabulary_fall_together():
    """Read as `scan` reads them, texts of one language that mean different things stay different."""
    rows = pd.read_csv(RESOURCES / "codes/vocabularies.csv", dtype=str, keep_default_na=False)
    rows = rows.assign(word=[word(text) for text in rows["text"]])
    assert (rows.groupby(["vocabulary", "language", "word"])["value"].nunique() == 1).all()


def test_the_dictionary_speaks_eight_languages():
    words = load_words()
    named = {}
    for variable, language, header in words.headers:
        assert language in LANGUAGES and header.strip() == header and fold(header)
        named.setdefault(variable, set()).add(language)
    assert all(languages == set(LANGUAGES) for languages in named.values())
    # One header means one variable, whatever its language.
    assert all(len({variable for variable, _ in pairs}) == 1 for pairs in words.by_header.values())


@pytest.mark.parametrize(
    ("header", "unit"),
    [("Hb (g/dl)", "g/dl"), ("PLT [10*9/L]", "10*9/L"), ("Überleben (Monate)", "mo"), ("os_months", "mo"), ("hb_gdl", "g/dl"),
        ("Anni liberi", "a")],
)  # fmt: skip
def test_units_in_headers(header, unit):
    assert unit in header_unit(header)


def test_fhir(extract, small_config):
    scan_sample.write_fhir(extract)
    found, mapping = drafted(extract, small_config)
    assert (mapping.reader, mapping.patient_id) == ("fhir", "Patient.id")
    check_extract(extract, mapping.model_dump(mode="json") | {"name": "draft"})
    assert next(iter(mapping.files.values())).path == "Patient.ndjson"
    assert mapping.variables["hb"].column == "Observation[718-7]" and mapping.variables["hb"].unit == "g/L"
    assert mapping.variables["plt"].unit == "10*3/uL" and "code 718-7 (loinc)" in found.draft
    assert mapping.variables["sex"].values == {"female": "F", "male": "M"}
    assert "Secret" not in found.draft + found.profile


def test_fhir_dates_stand_under_the_field_that_the_reader_reads(extract, small_config):
    """A condition with its onset, one that was only recorded, one without a date; periods; what is built otherwise."""
    scan_sample.write_fhir(extract)
    code = {"code": {"coding": [{"code": "D46.9", "display": "Date of diagnosis"}]}}
    dates = [{"recordedDate": f"2019-0{1 + k % 9}-01"} for k in range(30)]
    dates += [{"onsetDateTime": "2018-01-01T10:00:00Z", "recordedDate": "2019-01-01"}] * 5
    dates += [{"onsetPeriod": {"start": "2018-02-01"}}, {"onsetPeriod": "2018"}, {}]
    lines = [{"resourceType": "Condition", **code, **date} for date in dates]
    lines += [{"resourceType": "Procedure", **code, "performedPeriod": {"start": "2018-03-01"}}] * 5
    lines = [line | {"subject": {"reference": f"Patient/p{k}"}} for k, line in enumerate(lines)]
    (extract / "Condition.ndjson").write_text("\n".join(json.dumps(one) for one in lines))
    tables = read_fhir(extract, [extract / "Condition.ndjson"])
    found = {column.selector: list(column.texts) for column in tables[0].columns}
    assert found == {
        "Condition.recorded[D46.9]": [date["recordedDate"] for date in dates[:30]],
        "Condition.onset[D46.9]": ["2018-01-01"] * 5 + ["2018-02-01", "", ""],
        "Procedure.performed[D46.9]": ["2018-03-01"] * 5,
    }
    _, mapping = drafted(extract, small_config)
    assert mapping.variables["diagnosis_date"].column == "Condition.recorded[D46.9]"
    check_extract(extract, mapping.model_dump(mode="json") | {"name": "draft"})


def test_coded_sources_name_what_their_readers_know():
    for kind, fields in coded.EVENTS.items():
        for field, elements in fields.items():
            assert fhir_codes.FORMS[kind, field] and resources._DATES[kind, field] == elements
    for table, (selector, concept, date) in coded.OMOP_EVENTS.items():
        field = selector.removeprefix(f"{table}.")
        assert omop_forms.FORMS[table, field]
        assert omop_forms.EVENTS[table][0] == concept and omop_forms.EVENTS[table][1][field] == date
    forms = {"fhir": fhir_codes.PATIENT_FORMS, "omop": omop_forms.PATIENT_FORMS}
    assert set(PATIENT_OF) == set(forms)
    for reader, selector in PATIENT_OF.items():
        assert patient_selector({"patient_id": selector}, forms[reader]).text == selector


def test_omop_patients_are_those_of_person_whatever_the_other_columns(extract, small_config):
    """A table with more columns, and a source value that looks like a better name."""
    scan_sample.write_omop(extract)
    person = pd.read_csv(extract / "person.csv").assign(person_source_value=lambda t: "x" + t["person_id"].astype(str))
    person.to_csv(extract / "person.csv", index=False)
    _, mapping = drafted(extract, small_config)
    declared = mapping.model_dump(mode="json") | {"name": "draft"}
    assert mapping.patient_id == "person.person_id"
    delivered = ingest(extract, declared)
    assert delivered.records["patient_id"].tolist() == [str(k) for k in range(len(person))]
    assert len(delivered.observations) >= len(person)


def test_omop(extract, small_config):
    scan_sample.write_omop(extract)
    _, mapping = drafted(extract, small_config)
    check_extract(extract, mapping.model_dump(mode="json") | {"name": "draft"})
    assert mapping.patient_id == "person.person_id"
    assert mapping.reader == "omop" and mapping.variables["hb"].column == "measurement[3000963]"
    assert mapping.variables["sex"].values == {"8507": "M", "8532": "F"}
    assert mapping.variables["death_date"].column == "death.death_date"


def test_redcap(extract, small_config):
    scan_sample.write_redcap(extract)
    _, mapping = drafted(extract, small_config)
    check_extract(extract, mapping.model_dump(mode="json") | {"name": "draft"})
    assert (mapping.reader, mapping.patient_id) == ("redcap", "record_id")
    assert mapping.variables["hb"].unit == "g/dL" and not mapping.files["export"].repeated


def test_redcap_with_its_data_dictionary(extract, small_config):
    scan_sample.write_redcap(extract)
    export = pd.read_csv(extract / "export.csv", dtype=str, keep_default_na=False)
    export["f1"], export["f2"] = export["sex"].map({"m": "1", "f": "2", "": ""}), export["hb"]
    export["f3"] = [f"Alder {k}" for k in range(len(export))]
    export.drop(columns=["sex", "hb"]).to_csv(extract / "export.csv", index=False)
    head = "Variable / Field Name,Form Name,Field Type,Field Label,"
    head += '"Choices, Calculations, OR Slider Labels",Identifier?\n'
    rows = [
        "record_id,base,text,Record,,",
        'f1,base,radio,Sexe,"1, Homme | 2, Femme",',
        "f2,labs,text,Hémoglobine (g/L),,",
    ]
    rows += ['findings,base,checkbox,Mutations,"1, SRSF2 | 2, TET2",', "f3,base,text,Parti,,y"]
    (extract / "aa.csv").write_text(head + "\n".join(rows) + "\n")
    found, mapping = drafted(extract, small_config, language="fr")
    check_extract(extract, mapping.model_dump(mode="json") | {"name": "draft"})
    assert list(mapping.files) == ["export", "dictionary"] and mapping.patient_id == "record_id"
    entries = mapping.variables
    assert entries["sex"].column == "f1" and entries["sex"].values == {"1": "M", "2": "F"}
    assert (entries["hb"].column, entries["hb"].unit, entries["srsf2"].column) == ("f2", "g/L", "findings___1")
    assert "labels and choices of 5 fields" in found.profile and "Alder" not in found.profile + found.draft


def test_a_dictionary_alone_is_no_extract(extract, small_config):
    (extract / "a.csv").write_text("field_name,field_type,field_label,select_choices_or_calculations\nhb,text,Hb,\n")
    with pytest.raises(HemaPilotsError, match="no file of it holds a table"):
        scan(extract, "small", small_config, "redcap")


def disease(small_config):
    """The use case with codes of its disease, dates that give its outcome, and an age."""
    path = small_config / "use_cases" / "small.yaml"
    text = path.read_text().replace(
        "index_date: diagnosis\n", 'index_date: diagnosis\ncodes: {orpha: "1", icd10: D46}\n'
    )
    text = text.replace(
        "  os_years:",
        "  birth_date: {label: Date of birth, type: date, known_at: index}\n"
        "  last_contact_date: {label: Last contact, type: date, known_at: outcome}\n  os_years:",
        1,
    )
    outcomes = "{os: {time: os_years, status: os_status, events: [death_date]}}"
    follow_up = (
        "{index: diagnosis_date, birth: birth_date, age: age, last_contact: last_contact_date, death: death_date, "
    )
    path.write_text(text + f"follow_up: {follow_up}outcomes: {outcomes}}}\n")


def test_a_draft_names_the_diagnosis_and_what_is_still_needed(extract, small_config):
    disease(small_config)
    scan_sample.write_fhir(extract)
    conditions = [
        {"resourceType": "Condition", "code": {"coding": [{"code": code}]}, "onsetDateTime": f"201{k % 9}-03-04"}
        | {"subject": {"reference": f"Patient/p{k}"}}
        for k in range(30)
        for code in ("I10", "D46.9")
    ]
    (extract / "Condition.ndjson").write_text("\n".join(json.dumps(one) for one in conditions))
    found, mapping = drafted(extract, small_config)
    check_extract(extract, mapping.model_dump(mode="json") | {"name": "draft"})
    assert mapping.variables["diagnosis_date"].column == "Condition.onset[D46.9]"
    assert "derived: {age: (diagnosis_date - birth_date) / 365.25}" in found.draft
    needed = [line for line in found.draft.splitlines() if line.startswith("# Still needed")]
    assert len(needed) == 1 and "'last_contact_date' and 'death_date' to be mapped" in needed[0]
    # What the comments say can be done as they say it.
    text = found.draft.replace("# Two of the dates give age; to use them: derived:", "derived:").replace(
        "proposed", "approved"
    )
    (small_config / "mappings").mkdir()
    (small_config / "mappings" / "mine.yaml").write_text(text)
    with pytest.raises(HemaPilotsError, match="'os_years' is missing"):
        load_mapping("mine", small_config)
    given = yaml.safe_load(text)
    given["variables"]["last_contact_date"] = {"column": "Condition.onset[I10]"}
    given["variables"]["death_date"] = {"column": "Patient.deceasedDateTime"}
    (small_config / "mappings" / "mine.yaml").write_text(yaml.safe_dump(given))
    assert load_mapping("mine", small_config)[0]["derived"] == {"age": "(diagnosis_date - birth_date) / 365.25"}


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_omop_in_a_database(extract, small_config, tmp_path, kind):
    folder = tmp_path / "tables"
    folder.mkdir()
    scan_sample.write_omop(folder)
    path = extract / f"cdm.{kind}"
    with closing((duckdb if kind == "duckdb" else sqlite3).connect(path)) as connection:
        for file in folder.iterdir():
            frame = pd.read_csv(file) if file.suffix == ".csv" else pd.read_parquet(file)
            if kind == "duckdb":
                connection.execute(f"CREATE TABLE {file.stem} AS SELECT * FROM frame")
            else:
                frame.to_sql(file.stem.upper(), connection, index=False)
    found, mapping = drafted(extract, small_config)
    check_extract(extract, mapping.model_dump(mode="json") | {"name": "draft"})
    assert [file.path for file in mapping.files.values()] == [path.name]
    assert mapping.variables["hb"].column == "measurement[3000963]" and mapping.variables["hb"].unit == "g/dL"
    assert {"hb", "sex", "death_date"} <= mapping.variables.keys() and not any(
        e.file for e in mapping.variables.values()
    )
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(HemaPilotsError, match=path.name):
        scan(extract, "small", small_config)
    path.write_bytes(b"\x00junk" * 100)
    with pytest.raises(HemaPilotsError, match="neither a database"):
        scan(extract, "small", small_config)


def test_omop_concepts_are_told_by_the_vocabulary_of_the_extract(extract, small_config):
    scan_sample.write_omop(extract)
    frame = pd.read_parquet(extract / "measurement.parquet").assign(measurement_source_value="LAB7")
    frame.to_parquet(extract / "measurement.parquet")
    assert "hb" not in drafted(extract, small_config)[1].variables
    rows = ["concept_id\tconcept_name\tdomain_id\tvocabulary_id\tconcept_code"]
    rows += [f'{k}\tConcept "{k}"\tMeasurement\tLOINC\t{k}-0' for k in range(200)]
    rows.append("3000963\tHemoglobin [Mass/volume] in Blood\tMeasurement\tLOINC\t718-7")
    (extract / "CONCEPT.csv").write_text("\n".join(rows) + "\n")
    found, mapping = drafted(extract, small_config)
    assert mapping.variables["hb"].column == "measurement[3000963]" and "code 718-7 (loinc)" in found.draft
    (extract / "CONCEPT.csv").write_text("no table")
    assert "hb" not in drafted(extract, small_config)[1].variables


def test_cbioportal(extract, small_config):
    scan_sample.write_cbioportal(extract)
    found, mapping = drafted(extract, small_config)
    check_extract(extract, mapping.model_dump(mode="json") | {"name": "draft"})
    assert (mapping.reader, mapping.patient_id) == ("cbioportal", "PATIENT_ID")
    assert mapping.variables["os_status"].values == {"0:LIVING": 0, "1:DECEASED": 1}
    assert mapping.variables["os_years"].unit == "mo"
    assert "variants: {file: data_mutations, gene: Hugo_Symbol, protein: HGVSp_Short}" in found.draft


@pytest.mark.parametrize("form", ["xlsx", "ods", "parquet"])
def test_workbooks_and_parquet(extract, small_config, form):
    table = scan_sample.table()
    table["Alter"] = table["Alter"].astype(int)
    table.to_parquet(extract / "a.parquet") if form == "parquet" else table.to_excel(extract / f"a.{form}", index=False)
    _, mapping = drafted(extract, small_config)
    assert mapping.reader == ("parquet" if form == "parquet" else "excel")
    assert mapping.variables["hb"].unit == "g/L" and mapping.variables["age"].column == "Alter"


def test_a_single_file_and_a_stated_language(extract, small_config):
    path = scan_sample.write_csv(extract)
    _, mapping = drafted(path, small_config, reader="csv", language="de")
    assert mapping.files["patients"].path == "patients.csv"


def test_what_cannot_be_scanned_is_said_in_a_sentence(extract, small_config):
    for arguments, words in (
        ((extract / "no", "small"), "there is no such file"),
        ((extract, "small"), "no file with a known ending"),
        ((extract, "small", "cvs"), "did you mean 'csv'"),
        ((extract, "smal"), "did you mean 'small'"),
    ):
        with pytest.raises(HemaPilotsError, match=words):
            scan(*arguments[:2], small_config, *arguments[2:])
    (extract / "a.csv").write_text("x,y\n1,2\n3,4\n")
    with pytest.raises(HemaPilotsError, match="no column resembles a variable"):
        scan(extract, "small", small_config)
    (extract / "a.csv").write_text("")
    with pytest.raises(HemaPilotsError, match="the file is empty"):
        scan(extract, "small", small_config)
    (extract / "a.csv").write_text("patient_id,hb\n")
    with pytest.raises(HemaPilotsError, match="there is a header but no data row"):
        scan(extract, "small", small_config)
    with pytest.raises(HemaPilotsError, match="not a known language"):
        scan(extract, "small", small_config, "csv", "xx")


def test_a_ragged_file_is_refused_without_its_cells(extract, small_config):
    (extract / "a.csv").write_text("id,hb\n" + "p1,9.8\n" * 5 + "Secret,1,2,3,4\n" * 2)
    with pytest.raises(HemaPilotsError) as error:
        scan(extract, "small", small_config, "csv")
    assert "Secret" not in str(error.value)


def test_hostile_headers_still_give_a_draft_that_loads(extract, small_config):
    table = pd.DataFrame({"id": [f"p{k}" for k in range(40)], "hb": "9.8"})
    for name in ("a: {b", "#x", "'\"", "yes", "&anchor", "- item", "%tag", "\u2028", "x" * 3000):
        table[name] = "v"
    for name in ("Hb: #{}\"'", "Hb (\x80\x9f\ufeff\x85\U0001f600)"):
        table.rename(columns={"hb": name}).to_csv(extract / "a.csv", index=False)
        _, mapping = drafted(extract, small_config)
        assert mapping.variables["hb"].column == name


def test_the_same_extract_gives_the_same_draft(extract, small_config):
    scan_sample.write_csv(extract)
    first, again = (scan(extract, "small", small_config) for _ in range(2))
    assert (first.draft, first.profile) == (again.draft, again.profile)
