"""FHIR R4 and R5: values, dates, references and statuses; what is not FHIR gives one clear sentence."""

import base64
import copy
import gzip
import json

import pytest

from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.fhir.values import check_digit_holds
from hemapilots.ingest.readers import check_extract, ingest

LOINC = "http://loinc.org"
MAPPING = {
    "name": "clinic",
    "reader": "fhir",
    "patient_id": "Patient.id",
    "missing": {"": "missing"},
    "files": {"all": {"path": "all.ndjson"}},
    "variables": {
        "sex": {"column": "Patient.gender"},
        "hb": {"column": "Observation[718-7, 59260-0]", "unit": "g/dL"},
    },
}


def mapping(variables=None, **more):
    return copy.deepcopy(MAPPING) | ({"variables": variables} if variables else {}) | more


def patient(key="1", **more):
    return {"resourceType": "Patient", "id": key, "gender": "female"} | more


def concept(*codes, system=LOINC, **more):
    return {"coding": [{"system": system, "code": code} for code in codes]} | more


def observation(code="718-7", who="Patient/1", **more):
    base = {"resourceType": "Observation", "status": "final", "code": concept(code), "subject": {"reference": who}}
    return base | {"effectiveDateTime": "2020-02-03"} | more


def quantity(value, unit="g/dL", **more):
    return {"valueQuantity": {"value": value, "unit": unit} | more}


def write(folder, *resources, name="all.ndjson"):
    text = "\n".join(json.dumps(resource) for resource in resources) + "\n"
    (folder / name).write_text(text)
    return folder


def observed(delivered):
    """(patient, variable, value, unit, date) of every observation."""
    table = delivered.observations.astype(object)
    table = table.where(table.notna(), None)
    return [tuple(row) for row in table[["patient_id", "variable", "value", "unit", "date"]].to_numpy().tolist()]


def values(tmp_path, *resources, variables=None, **more):
    """The values of the observations of one patient."""
    write(tmp_path, patient(), *resources)
    return [row[2] for row in observed(ingest(tmp_path, mapping(variables, **more)))]


def said(delivered):
    return {(remark.variable, remark.status, remark.reason, remark.count) for remark in delivered.remarks}


def test_patients_are_records_and_measurements_are_observations(tmp_path):
    coded = observation("59260-0", **quantity(6.1, code="mmol/L", system="http://unitsofmeasure.org"))
    write(
        tmp_path,
        observation(**quantity(9.8)),
        patient(),
        patient("2", gender="male", name=[{"family": "Alder"}]),
        coded,
    )
    delivered = ingest(tmp_path, MAPPING)
    assert delivered.records.columns.tolist() == ["row", "patient_id", "sex"]
    assert delivered.records["patient_id"].tolist() == ["1", "2"]
    assert delivered.records["sex"].tolist() == ["female", "male"]
    assert observed(delivered) == [
        ("1", "hb", "9.8", "g/dL", "2020-02-03"),
        ("1", "hb", "6.1", "mmol/L", "2020-02-03"),
    ]
    assert delivered.observations["row"].tolist() == [0, 3]
    assert "Alder" not in delivered.records.to_string() + delivered.observations.to_string()
    check_extract(tmp_path, MAPPING)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (quantity(9.8, comparator="<"), "<9.8"),
        (quantity(0.1, comparator=">="), ">=0.1"),
        (quantity(10.0), "10"),
        (quantity(3), "3"),
        (quantity("9,8"), "9,8"),
        ({"valueString": "46,XX[20]"}, "46,XX[20]"),
        ({"valueInteger": 4}, "4"),
        ({"valueBoolean": False}, "false"),
        ({"valueDateTime": "2021-03-04T10:00:00+01:00"}, "2021-03-04"),
        ({"valueCodeableConcept": concept("LA6576-8", text="Positive")}, "Positive"),
        ({"dataAbsentReason": concept("not-performed")}, "not done"),
        ({"valueQuantity": {"unit": "g/dL"}, "dataAbsentReason": concept("masked")}, "unknown"),
    ],
)
def test_values_of_every_type(tmp_path, value, expected):
    assert values(tmp_path, observation(**value)) == [expected]


@pytest.mark.parametrize(("key", "expected"), [("LA6576-8", "LA6576-8"), ("positive", "Positive"), ("x", "LA6576-8")])
def test_a_coded_value_is_given_as_the_mapping_names_it(tmp_path, key, expected):
    variables = {"jak2": {"column": "Observation[718-7]", "values": {key: 1}}}
    coded = observation(valueCodeableConcept=concept("LA6576-8", text="Positive"))
    assert values(tmp_path, coded, variables=variables) == [expected]


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({"effectiveDateTime": "2020-02"}, "2020-02"),
        ({"effectiveDateTime": "2020-02-03T23:59:59.123Z"}, "2020-02-03"),
        ({"effectiveDateTime": None, "effectiveInstant": "2020-02-03T10:00:00Z"}, "2020-02-03"),
        ({"effectiveDateTime": None, "effectivePeriod": {"start": "2020-01-01", "end": "2020-01-05"}}, "2020-01-01"),
        ({"effectiveDateTime": None, "effectiveTiming": {"event": ["2020-01-07"]}}, "2020-01-07"),
        ({"effectiveDateTime": None}, None),
        ({"effectiveDateTime": "yesterday at noon"}, "yesterday at noon"),
    ],
)
def test_when_an_observation_holds(tmp_path, when, expected):
    write(tmp_path, patient(), observation(**quantity(9.8), **when))
    assert observed(ingest(tmp_path, MAPPING))[0][4] == expected


def test_components_are_read_under_their_own_code(tmp_path):
    parts = [{"code": concept("718-7")} | quantity(9.8), {"code": concept("777-3")} | quantity(200)]
    panel = observation("58410-2", component=parts)
    assert values(tmp_path, panel) == ["9.8"]


def test_a_unit_of_another_code_system_is_given_by_its_words(tmp_path):
    snomed = quantity(9.8, code="258795003", system="http://snomed.info/sct")
    write(tmp_path, patient(), observation(**snomed))
    assert observed(ingest(tmp_path, MAPPING))[0][3] == "g/dL"


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_what_does_not_hold_is_left_out_and_counted(tmp_path, status):
    write(tmp_path, patient(), observation(status=status, **quantity(1)), observation(**quantity(2)), observation())
    delivered = ingest(tmp_path, MAPPING)
    assert [row[2] for row in observed(delivered)] == ["2"]
    reason = "not_done" if status == "cancelled" else "ineligible"
    assert said(delivered) == {("hb", "rejected", reason, 1), ("hb", "null", "missing", 1)}


EVENTS = {
    "onset": {"column": "Condition.onset[C92.0]"},
    "transplant": {"column": "Procedure.performed[23719005]"},
    "drug": {"column": "MedicationStatement.start[L01BC07]"},
    "drug_end": {"column": "MedicationStatement.end[L01BC07]"},
}


def test_events_of_r4_and_r5(tmp_path):
    subject = {"subject": {"reference": "Patient/1"}}
    diagnosis = {"resourceType": "Condition", "code": concept("C92.0"), "onsetDateTime": "2020-01-01"} | subject
    refuted = diagnosis | {"verificationStatus": concept("refuted")}
    procedure = {"resourceType": "Procedure", "status": "completed", "code": concept("23719005")} | subject
    statement = {"resourceType": "MedicationStatement", "status": "active"} | subject
    period = {"effectivePeriod": {"start": "2020-03-01", "end": "2020-05-01"}}
    inside = {"contained": [{"resourceType": "Medication", "id": "m", "code": concept("L01BC07")}]}
    write(
        tmp_path,
        patient(),
        diagnosis,
        refuted,
        procedure | {"performedDateTime": "2020-06-01"},
        procedure | {"occurrencePeriod": {"start": "2020-07-01"}},
        procedure | {"status": "not-done", "performedDateTime": "2020-08-01"},
        statement | {"medicationCodeableConcept": concept("L01BC07")} | period,
        statement | {"medication": {"concept": concept("L01BC07")}, "effectiveDateTime": "2020-03-02"},
        statement | {"medicationReference": {"reference": "#m"}} | inside | {"effectiveDateTime": "2020-03-03"},
        statement | {"medication": {"reference": {"reference": "Medication/7"}}, "effectiveDateTime": "2020-03-04"},
        statement | {"medicationReference": {"reference": "Medication/7"}, "status": "entered-in-error"},
        statement | {"medicationReference": {"reference": "Medication/8"}, "effectiveDateTime": "2020-03-05"},
        statement | {"medicationReference": {"reference": "Medication/9"}, "effectiveDateTime": "2020-03-06"},
        {"resourceType": "Medication", "id": "7", "code": concept("L01BC07")},
        {"resourceType": "Medication", "id": "8", "code": concept("L04AX04")},
    )
    delivered = ingest(tmp_path, mapping(EVENTS))
    dates = {name: [row[2] for row in observed(delivered) if row[1] == name] for name in EVENTS}
    assert dates == {
        "onset": ["2020-01-01"],
        "transplant": ["2020-06-01", "2020-07-01"],
        "drug": ["2020-03-01", "2020-03-02", "2020-03-03", "2020-03-04"],
        "drug_end": ["2020-05-01"],
    }
    assert ("drug_end", "null", "missing", 3) in said(delivered)
    assert ("transplant", "rejected", "not_done", 1) in said(delivered)
    assert ("drug", "rejected", "ineligible", 1) in said(delivered)
    assert (None, "rejected", "code_unknown", 1) in said(delivered)


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Patient/1"},
        {"reference": "Patient/1/_history/2"},
        {"reference": "https://host.example/fhir/Patient/1"},
        {"reference": "urn:uuid:aaaa"},
        {"reference": "urn:uuid:1"},
        {"reference": "Patient?identifier=urn:mrn%7C77"},
        {"identifier": {"system": "urn:mrn", "value": "77"}},
        {"reference": "#p"},
    ],
)
def test_references_to_a_patient(tmp_path, subject):
    known = patient(identifier=[{"system": "urn:mrn", "value": "77"}])
    inside = {"resourceType": "Patient", "id": "p", "identifier": known["identifier"]}
    entries = [
        {"fullUrl": "urn:uuid:aaaa", "resource": known},
        {"resource": patient("2")},
        {"resource": observation(**quantity(9.8), contained=[inside]) | {"subject": subject}},
    ]
    (tmp_path / "all.json").write_text(json.dumps({"resourceType": "Bundle", "entry": entries}, indent=1))
    delivered = ingest(tmp_path, mapping(files={"all": {"path": "all.json"}}))
    assert [row[0] for row in observed(delivered)] == ["1"]


def test_identifiers_as_patient_id(tmp_path):
    old = {"system": "urn:mrn", "value": "76", "use": "old"}
    write(tmp_path, patient(identifier=[old, {"system": "urn:mrn", "value": "77"}]), observation(**quantity(9.8)))
    identified = mapping(patient_id="Patient.identifier[urn:mrn]")
    delivered = ingest(tmp_path, identified)
    assert delivered.records["patient_id"].tolist() == ["77"] and observed(delivered)[0][0] == "77"
    write(tmp_path, patient(), observation(**quantity(9.8)))
    with pytest.raises(HemaPilotsError, match=r"1 Patient has no Patient.identifier\[urn:mrn\]; complete them"):
        ingest(tmp_path, identified)


def test_values_of_other_patients_are_counted(tmp_path):
    lost = [observation(who="Patient/9", **quantity(1)), observation(who="Patient/9", **quantity(2))]
    nobody = {key: value for key, value in observation(**quantity(3)).items() if key != "subject"}
    write(tmp_path, patient(), *lost, nobody, observation(**quantity(4)))
    delivered = ingest(tmp_path, MAPPING)
    assert [row[2] for row in observed(delivered)] == ["4"]
    assert said(delivered) == {(None, "rejected", "ineligible", 1)}
    write(tmp_path, patient(), *lost)
    with pytest.raises(HemaPilotsError, match="no resource refers to one of its Patients"):
        ingest(tmp_path, MAPPING)


def test_two_servers_in_one_export_are_refused(tmp_path):
    write(tmp_path, patient(), *(observation(who=f"http://{host}/Patient/1", **quantity(1)) for host in "ab"))
    with pytest.raises(HemaPilotsError, match="refer to Patients on 2 servers"):
        ingest(tmp_path, MAPPING)


def test_death_is_a_date_or_a_truth_value(tmp_path):
    dead = [{"deceasedDateTime": "2021-05-06T07:08:09Z"}, {"deceasedBoolean": True}, {"deceasedBoolean": False}, {}]
    write(tmp_path, *(patient(str(place), **state) for place, state in enumerate(dead)))
    variables = {
        "death": {"column": "Patient.deceased"},
        "status": {"column": "Patient.deceased", "values": {"true": "dead", "false": "alive"}},
    }
    delivered = ingest(tmp_path, mapping(variables))
    columns = delivered.records.astype(object)
    columns = columns.where(columns.notna(), None)
    assert columns["death"].tolist() == ["2021-05-06", None, None, None]
    assert columns["status"].tolist() == ["true", "true", "false", None]
    assert said(delivered) == {(None, "null", "missing", 1)}


def test_folders_files_and_packed_files(tmp_path):
    folder = tmp_path / "export" / "part"
    folder.mkdir(parents=True)
    write(folder, patient(), name="Patient.ndjson")
    (folder / "Condition.ndjson").write_text("")
    (folder / "notes.txt").write_text("not JSON")
    line = json.dumps(observation(**quantity(9.8))).encode()
    (folder / "Observation.ndjson.gz").write_bytes(gzip.compress(line))
    (folder / "More.json").write_text("\ufeff" + json.dumps([observation(**quantity(7))], indent=2))
    whole = mapping(files={"all": {"path": "export"}})
    assert [row[2] for row in observed(ingest(tmp_path, whole))] == ["7", "9.8"]
    check_extract(tmp_path, whole)
    files = {"people": {"path": "export/part/Patient.ndjson"}, "lab": {"path": "export/part/More.json"}}
    files["packed"] = {"path": "export/part/Observation.ndjson.gz"}
    variables = {"hb": MAPPING["variables"]["hb"] | {"file": "packed"}}
    assert [row[2] for row in observed(ingest(tmp_path, mapping(variables, files=files)))] == ["9.8"]


@pytest.mark.parametrize(
    ("code", "holds"), [("718-7", True), ("4576-5", True), ("4576-3", False), ("4576-9", False), ("x", False)]
)
def test_loinc_check_digit(code, holds):
    assert check_digit_holds(code) is holds


def test_wrong_loinc_codes(tmp_path):
    write(tmp_path, patient(), observation("4576-3", **quantity(1)), observation(**quantity(2)))
    delivered = ingest(tmp_path, MAPPING)
    assert said(delivered) == {(None, "rejected", "code_unknown", 1)}
    assert "4576-3" in delivered.remarks[0].detail
    for code in ("4576-9", f"{LOINC}|4576-9"):
        with pytest.raises(
            HemaPilotsError, match=r"variables\.hb\.column: 4576-9 is no LOINC code, its check digit is wrong"
        ):
            check_extract(tmp_path, mapping({"hb": {"column": f"Observation[{code}]"}}))
    local = mapping({"hb": {"column": "Observation[urn:lab|4576-9]"}})
    write(tmp_path, patient(), observation(code="x", **quantity(3)) | {"code": concept("4576-9", system="urn:lab")})
    assert [row[2] for row in observed(ingest(tmp_path, local))] == ["3"]


def test_aliases_are_other_codes_for_the_same(tmp_path):
    variables = {"hb": {"column": "Observation[718-7]", "aliases": ["Observation[urn:lab|HB]"]}}
    here = observation(**quantity(3)) | {"code": concept("HB", system="urn:lab")}
    assert values(tmp_path, here, variables=variables) == ["3"]
    with pytest.raises(HemaPilotsError, match="both carry values of hb"):
        values(tmp_path, here, observation(**quantity(4)), variables=variables)


def test_a_code_that_nobody_has_is_said(tmp_path):
    variables = {"hb": {"column": "Observation[718-7]"}, "plt": {"column": "Observation[777-3]"}}
    write(tmp_path, patient(), observation(**quantity(4)))
    assert said(ingest(tmp_path, mapping(variables))) == {("plt", "null", "missing", 1)}


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("Hb", '"Hb" is not known here'),
        ("Observation", "needs a code in brackets"),
        ("Patient.gender[x]", "takes no code; write Patient.gender"),
        ("Observaton[718-7]", r"the nearest is Observation\[...\]"),
        ("Observation[718-7,]", "has an empty code"),
        ("Observation[718-7", "is not a selector"),
    ],
)
def test_selectors_that_are_wrong(tmp_path, column, message):
    write(tmp_path, patient(), observation())
    with pytest.raises(HemaPilotsError, match=rf"mapping clinic, variables\.hb\.column: .*{message}"):
        check_extract(tmp_path, mapping({"hb": {"column": column}}))


@pytest.mark.parametrize("key", ["unit_column", "uln_column", "date"])
def test_keys_that_go_with_columns_only(tmp_path, key):
    write(tmp_path, patient(), observation())
    with pytest.raises(HemaPilotsError, match=rf"variables\.hb\.{key}: units and dates stand beside"):
        check_extract(tmp_path, mapping({"hb": {"column": "Observation[718-7]", key: "x"}}))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"resourceType": "Observation"', "line 2: not readable JSON"),
        ("[" * 5000 + "]" * 5000, "line 2: not readable JSON"),
        ('{"a":' * 5000 + "1" + "}" * 5000, "line 2: not readable JSON"),
        ('"text"', "line 2: there is no FHIR resource"),
        ('{"resourceType": 7}', "line 2: there is no FHIR resource"),
        ('{"resourceType": "Bundle", "entry": {"a": 1}}', "line 2: a Bundle whose `entry` is no list"),
        (json.dumps(observation(valueQuantity=5)), r"line 2: Observation\.valueQuantity is not built as FHIR says"),
        (json.dumps(observation(**quantity({"a": 1}))), r"line 2: Observation\.value is not built"),
        (json.dumps(observation() | {"code": "718-7"}), r"line 2: Observation\.code is not built"),
        (
            json.dumps(observation() | {"subject": {"reference": 1}}),
            r"line 2: Observation\.subject is not built|reference is",
        ),
        (json.dumps(patient(7)), r"line 2: Patient\.id is not built"),
    ],
)
def test_what_is_not_fhir_gives_one_sentence(tmp_path, line, message):
    (tmp_path / "all.ndjson").write_text(json.dumps(patient()) + "\n" + line + "\n")
    with pytest.raises(HemaPilotsError, match=message) as raised:
        ingest(tmp_path, MAPPING)
    assert "all.ndjson" in str(raised.value) and "\n" not in str(raised.value)


def test_files_that_are_damaged(tmp_path):
    packed = gzip.compress(b"\n".join([json.dumps(observation(**quantity(1))).encode()] * 2000))
    for content in (packed[: len(packed) // 2], base64.b64decode("AAECAwQFBgcICQ=="), b"\xff\xfe" * 50, b"hello"):
        (tmp_path / "all.ndjson").write_bytes(content)
        with pytest.raises(HemaPilotsError, match="damaged|not readable JSON"):
            ingest(tmp_path, MAPPING)


def test_a_file_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    from hemapilots.ingest.fhir import files

    (tmp_path / "all.ndjson").write_bytes(gzip.compress((b" " * (1 << 20) + b"\n") * 70))
    with pytest.raises(HemaPilotsError, match="unpacks to far more than its own size"):
        ingest(tmp_path, MAPPING)
    (tmp_path / "all.ndjson").write_bytes(json.dumps(patient()).encode() + b"\n" * (1 << 20))
    with pytest.raises(HemaPilotsError, match="blank lines"):
        ingest(tmp_path, MAPPING)
    monkeypatch.setattr(files, "MAXIMUM_DOCUMENT", 1000)
    write(tmp_path, patient("1" * 2000))
    with pytest.raises(HemaPilotsError, match="line 1: longer than"):
        ingest(tmp_path, MAPPING)
    (tmp_path / "all.ndjson").write_text("{\n" + " " * 2000)
    with pytest.raises(HemaPilotsError, match="one document of more than"):
        ingest(tmp_path, MAPPING)


def test_kinds_that_are_absent(tmp_path):
    write(tmp_path, patient())
    for look in (check_extract, ingest):
        with pytest.raises(
            HemaPilotsError, match=r"no Observation resource, but mapping clinic wants it \(variables\.hb\)"
        ):
            look(tmp_path, MAPPING)
    write(tmp_path, observation(**quantity(1)))
    with pytest.raises(HemaPilotsError, match="no Patient resource"):
        ingest(tmp_path, MAPPING)
    (tmp_path / "none").mkdir()
    with pytest.raises(HemaPilotsError, match=r"no file ends with \.ndjson"):
        check_extract(tmp_path, mapping(files={"all": {"path": "none"}}))


def test_the_same_files_give_the_same_tables(tmp_path):
    write(tmp_path, patient(), *(observation(**quantity(value / 7)) for value in range(50)))
    first, second = ingest(tmp_path, MAPPING), ingest(tmp_path, MAPPING)
    assert first.observations.equals(second.observations) and first.records.equals(second.records)


def paths_of(value, path=()):
    """Where every part of a JSON value stands."""
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from paths_of(part, (*path, key))


RICH = [
    patient(identifier=[{"system": "urn:mrn", "value": "77"}], deceasedBoolean=True, deceasedDateTime="2020-01-01"),
    observation(component=[{"code": concept("718-7")} | quantity(1)], effectivePeriod={"start": "2020"}, **quantity(2)),
    observation(
        valueCodeableConcept=concept("a", text="b"), effectiveTiming={"event": ["2020"]}, effectiveDateTime=None
    ),
    observation(dataAbsentReason=concept("unknown"), contained=[patient("p")]) | {"subject": {"reference": "#p"}},
    {"resourceType": "Condition", "code": concept("C92.0"), "verificationStatus": concept("confirmed")},
    {
        "resourceType": "MedicationStatement",
        "medication": {"reference": {"reference": "#m"}},
        "contained": [{"resourceType": "Medication", "id": "m", "code": concept("L01BC07")}],
        "effectivePeriod": {"start": "2020", "end": "2021"},
        "subject": {"identifier": {"system": "urn:mrn", "value": "77"}},
    },
    {"resourceType": "MedicationStatement", "medicationReference": {"reference": "Medication/1"}},
    {"resourceType": "Medication", "id": "1", "code": concept("L01BC07")},
]


@pytest.mark.parametrize(
    "other", [None, 1, 1.5, True, "x", "", [], {}, [1], [None], [{}], {"coding": 1}, [[["x"]]]], ids=repr
)
def test_any_part_of_any_other_type_is_read_or_refused(tmp_path, other):
    variables = MAPPING["variables"] | {name: EVENTS[name] for name in ("onset", "drug")}
    variables["death"] = {"column": "Patient.deceased", "values": {"true": 1}}
    for place, resource in enumerate(RICH):
        for path in paths_of(resource):
            changed = {"resource": copy.deepcopy(resource)}
            parent, keys = changed, ("resource", *path)
            for key in keys[:-1]:
                parent = parent[key]
            parent[keys[-1]] = other
            write(tmp_path, *RICH[:place], changed["resource"], *RICH[place:])
            try:
                ingest(tmp_path, mapping(variables))
            except HemaPilotsError as error:
                assert "\n" not in str(error) and str(tmp_path) in str(error)
