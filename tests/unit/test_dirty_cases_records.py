"""The dirty-data cases about records, dates and endpoints, each by its number: what comes of them and what is said."""

import pytest

from dirty import DATED, run

DATE = {"type": "date", "known_at": "outcome"}
TIME = {"type": "number", "unit": "a", "known_at": "outcome", "hard": [0, 60]}
FLAG = {"type": "flag", "known_at": "outcome"}
FOLLOWED = {
    "birth": {"type": "date"},
    "diagnosis": {"type": "date"},
    "contact": DATE,
    "death": DATE,
    "progression": DATE,
    "vital": {"type": "category", "levels": ["alive", "dead", "lost"], "known_at": "outcome"},
    "pfs_years": TIME,
    "pfs_status": FLAG,
}
USE_CASE = {
    "follow_up": {
        "index": "diagnosis",
        **DATED,
        "outcomes": {
            "os": {"time": "os_years", "status": "os_status", "events": ["death"]},
            "pfs": {"time": "pfs_years", "status": "pfs_status", "events": ["progression", "death"]},
        },
    },
    "endpoints": {
        "os": {"label": "Overall", "time": "os_years", "event": "os_status"},
        "pfs": {"label": "Progression-free", "time": "pfs_years", "event": "pfs_status", "not_after": "os"},
    },
    "primary_endpoint": "os",
}
PLAIN = {
    "birth": "1950-05-01",
    "diagnosis": "2020-01-01",
    "contact": "2022-01-01",
    "death": "",
    "progression": "",
    "vital": "alive",
}
FORM = {
    "files": {"main": {"date_format": ["YYYY-MM-DD"]}},
    "variables": {"vital": {"column": "vital", "values": {"alive": "alive", "dead": "dead", "lost": "lost"}}},
}
G_DL = {"type": "number", "unit": "g/dL", "hard": [2, 20]}
PERCENT = {"type": "number", "unit": "%", "hard": [0, 100]}


def followed(tmp_path, *patients, **mapping):
    """Patients as what differs from PLAIN, which is the last row."""
    columns = {name: [{**PLAIN, **patient}[name] for patient in (*patients, {})] for name in PLAIN}
    outcome = {"os_years": TIME, "os_status": FLAG}
    return run(tmp_path, columns, {**FOLLOWED, **outcome}, {**FORM, **mapping}, USE_CASE)


def test_case_20_dates_out_of_order(tmp_path):
    out = followed(
        tmp_path,
        {"contact": "2019-05-01"},
        {"death": "1949-01-01", "contact": "", "vital": "dead"},
        {"contact": "2019-05-01", "birth": "2021-01-01"},
    )
    assert out.value("os_years", 0) is None and out.said("os_years", 0) == [("null", "date_order")]
    assert out.value("pfs_years", 0) is None and out.said("pfs_years", 0) == [("null", "date_order")]
    # Death before birth is before the diagnosis too: one wrong date. No single one explains the third patient.
    assert out.value("os_years", 1) is None and ("null", "date_order") in out.said("os_years", 1)
    assert out.rows == [0, 1, 3] and out.said("follow_up", 2) == [("rejected", "date_order")]


def test_case_21_death_date_but_alive(tmp_path):
    alive = {"death": "2021-06-01", "vital": "alive", "contact": "2021-05-01"}
    out = followed(tmp_path, alive, {**alive, "contact": "2021-12-01"})
    assert out.value("os_status", 0) == 1 and out.value("vital", 0) == "dead"
    assert out.said("vital", 0) == [("flagged", "contradiction")]
    assert out.value("os_status", 1) is None and out.said("os_years", 1) == [("null", "contradiction")]


def test_case_22_lost_without_last_contact(tmp_path):
    out = followed(tmp_path, {"vital": "lost", "contact": ""}, lock="2023-01-01")
    assert out.value("os_years", 0) is None and out.value("os_time", 0) is None
    assert out.count("os_years", "null", "missing") == 1


def test_case_23_event_after_the_lock(tmp_path):
    out = followed(tmp_path, {"death": "2023-06-01", "vital": "dead"}, lock="2022-12-31")
    assert out.value("os_status", 0) == 0 and out.value("os_years", 0) == 1095 / 365.25
    assert ("flagged", "after_lock") in out.said("os_status", 0)


def test_case_24_event_on_the_first_day(tmp_path):
    columns = {"os_years": ["0", "2"], "os_status": ["1", "0"]}
    out = run(tmp_path, columns, {})
    assert out.value("os_time", 0) == 0.5 / 365.25 and out.said("os_time", 0) == [("flagged", "zero_time")]
    assert out.flow["endpoints"]["os"]["zero_time"] == 1


def test_case_25_progression_after_death(tmp_path):
    columns = {"os_years": ["2", "2"], "os_status": ["1", "1"], "pfs_years": ["3", "1"], "pfs_status": ["0", "1"]}
    use_case = {"endpoints": USE_CASE["endpoints"]}
    out = run(
        tmp_path, columns, {"os_years": TIME, "os_status": FLAG, "pfs_years": TIME, "pfs_status": FLAG}, {}, use_case
    )
    assert out.values("pfs_time") == [None, 1] and out.values("os_time") == [2, 2]
    assert out.said("pfs_time", 0) == [("null", "contradiction")]
    assert out.flow["endpoints"]["pfs"]["patients"] == 1


def test_case_44_delivered_stage_contradicts_its_definition(tmp_path):
    variables = {
        "stage": {"type": "category", "levels": ["1", "2", "3"]},
        "b2m": {"type": "number", "unit": "mg/L", "hard": [0, 100]},
    }
    use_case = {
        "derived": {
            "stage_computed": {
                "label": "Stage from its definition",
                "type": "category",
                "levels": ["1", "2", "3"],
                "expression": 'case(b2m > 5.5, "3", b2m > 3.5, "2", "1")',
            }
        },
        "checks": [
            {
                "name": "stage_differs",
                "label": "Stage is not that of its definition",
                "expression": 'stage != case(b2m > 5.5, "3", b2m > 3.5, "2", "1")',
                "action": "flag",
                "variables": ["stage"],
                "reason": "contradiction",
            }
        ],
    }
    mapping = {"variables": {"stage": {"column": "stage", "values": {"I": "1", "II": "2", "III": "3"}}}}
    out = run(tmp_path, {"stage": ["II", "III", "I"], "b2m": ["6.1", "6.2", ""]}, variables, mapping, use_case)
    assert out.values("stage_computed") == ["3", "3", None] and out.values("stage") == ["2", "3", "1"]
    assert out.said("stage", 0) == [("flagged", "contradiction")] and out.said("stage", 1) == []


def test_case_46_two_rows_of_one_patient(tmp_path):
    columns = {
        "patient_id": ["a", "a", "b", "b", "c", "c", "d"],
        "hb": ["10", "10.1", "10", "12", "9", "", "8"],
        "sex": ["F", "F", "M", "M", "F", "M", "F"],
    }
    variables = {"hb": G_DL, "sex": {"type": "category", "levels": ["F", "M"]}}
    mapping = {"variables": {"sex": {"column": "sex", "values": {"F": "F", "M": "M"}}}}
    out = run(tmp_path, columns, variables, mapping)
    assert out.rows == [0, 2, 6]
    assert out.values("hb") == [10, None, 8]
    assert out.said("hb", 2) == [("null", "duplicate")]
    assert out.said("identity", 4) == [("rejected", "duplicate")]
    steps = {step["step"]: step["lost"] for step in out.flow["steps"]}
    assert steps == {"delivered": 0, "patients": 3, "identity": 1}


def test_case_47_no_number_of_a_patient_leaves(tmp_path):
    """Patients of two sites cannot be matched: the tables hold no pseudonym, and row numbers are those of the extract."""
    columns = {"patient_id": ["pseudonym-1", "pseudonym-2"], "hb": ["10", "11"]}
    out = run(tmp_path, columns, {"hb": G_DL})
    assert out.rows == [0, 1]
    for table in (out.harmonized, out.issues):
        assert (
            "patient_id" not in table
            and not table.astype(str).apply(lambda column: column.str.contains("pseudonym")).any().any()
        )


def test_case_48_repeated_measurements(tmp_path):
    labs = {
        "patient_id": ["p0", "p0", "p0", "p1", "p1", "p2", "p3", "p3"],
        "hb": ["9", "10", "11", "7", "8", "6", "12", "12.1"],
        "drawn": [
            "2020-01-20",
            "2019-12-25",
            "2020-01-08",
            "2019-12-31",
            "2020-01-02",
            "2021-01-01",
            "2020-01-01",
            "2020-01-01",
        ],
    }
    mapping = {"files": {**FORM["files"], "labs": {"repeated": True, "date": "drawn", "date_format": ["YYYY-MM-DD"]}}}
    use_case = {"window": [-60, 30], "follow_up": {**USE_CASE["follow_up"], "outcomes": {}}}
    variables = {"hb": G_DL, **{name: FOLLOWED[name] for name in ("birth", "diagnosis", "contact", "death", "vital")}}
    columns = {"diagnosis": ["2020-01-01"] * 4}
    out = run(tmp_path, columns, variables, mapping, use_case, {"labs": labs})
    # The nearest; of two equally far the one before; none in the window; two of one day that agree.
    assert out.values("hb") == [10, 7, None, 12]
    assert out.said("hb", 2) == [("null", "outside_window")]


def test_case_52_fraction_after_a_transfusion(tmp_path):
    variables = {"hbf": PERCENT, "transfusion": {"type": "date"}}
    use_case = {
        "checks": [
            {
                "name": "transfused",
                "label": "Measured within 90 days of a transfusion",
                "expression": "hbf_date - transfusion >= 0 and hbf_date - transfusion < 90",
                "action": "null",
                "variables": ["hbf"],
                "reason": "transfused",
            }
        ]
    }
    columns = {
        "hbf": ["8.2", "9", "7"],
        "drawn": ["2020-02-05", "2020-06-05", "2020-02-05"],
        "transfusion": ["2020-01-01", "2020-01-01", ""],
    }
    mapping = {**FORM, "variables": {"hbf": {"column": "hbf", "date": "drawn"}}}
    out = run(tmp_path, columns, variables, mapping, use_case)
    assert out.values("hbf") == [None, 9, 7] and out.said("hbf", 0) == [("null", "transfused")]


def test_case_53_haemoglobin_during_a_crisis(tmp_path):
    variables = {"hb": G_DL, "crisis": {"type": "date"}}
    use_case = {
        "checks": [
            {
                "name": "steady",
                "label": "Within 28 days of a crisis",
                "expression": "max(hb_date - crisis, crisis - hb_date) <= 28",
                "action": "null",
                "variables": ["hb"],
                "reason": "not_steady_state",
            }
        ]
    }
    columns = {"hb": ["5.1", "8"], "drawn": ["2020-01-20", "2020-03-20"], "crisis": ["2020-01-10", "2020-01-10"]}
    mapping = {**FORM, "variables": {"hb": {"column": "hb", "date": "drawn"}}}
    out = run(tmp_path, columns, variables, mapping, use_case)
    assert out.values("hb") == [None, 8] and out.said("hb", 0) == [("null", "not_steady_state")]


def test_case_54_fractions_that_exceed_the_whole(tmp_path):
    names = ["hbs", "hba", "hbf"]
    use_case = {
        "checks": [
            {
                "name": "fractions",
                "label": "Fractions above 110 %",
                "expression": "hbs + hba + hbf > 110",
                "action": "null",
                "variables": names,
                "reason": "contradiction",
            }
        ]
    }
    columns = {"hbs": ["80", "80", "90"], "hba": ["20", "5", ""], "hbf": ["18", "10", "30"]}
    out = run(tmp_path, columns, dict.fromkeys(names, PERCENT), {}, use_case)
    assert [out.value(name, 0) for name in names] == [None] * 3 and out.values("hbf")[1:] == [10, 30]
    assert all(out.said(name, 0) == [("null", "contradiction")] for name in names)


def test_case_56_genotype_without_zero_or_plus(tmp_path):
    variables = {"genotype": {"type": "category", "levels": ["SS", "S0", "S+"]}}
    mapping = {
        "variables": {"genotype": {"column": "genotype", "values": {"SS": "SS", "S-Beta": None}}},
        "auxiliary": {
            "raw_genotype": {"column": "genotype", "type": "text"},
            "hba": {"column": "hba", "type": "number", "unit": "%"},
            "transfused": {"column": "transfused", "type": "flag"},
        },
        "derived": {
            "genotype": 'case(raw_genotype == "S-Beta" and not transfused, case(hba > 0, "S+", "S0"), genotype)'
        },
    }
    columns = {
        "genotype": ["S-Beta", "S-Beta", "S-Beta", "SS"],
        "hba": ["22", "0", "22", "0"],
        "transfused": ["0", "0", "1", "0"],
    }
    out = run(tmp_path, columns, variables, mapping)
    assert out.values("genotype") == ["S+", "S0", None, "SS"]
    assert out.count("genotype", "null", "missing") + out.count("genotype", "null", "code_unknown") == 1


def test_case_57_genotype_contradicted_by_a_fraction(tmp_path):
    variables = {"genotype": {"type": "category", "levels": ["SS", "SC"]}, "hbc": PERCENT}
    use_case = {
        "checks": [
            {
                "name": "no_hbc",
                "label": "HbC in a homozygous patient",
                "expression": 'genotype == "SS" and hbc > 20',
                "action": "reject",
                "reason": "contradiction",
            }
        ]
    }
    mapping = {"variables": {"genotype": {"column": "genotype", "values": {"SS": "SS", "SC": "SC"}}}}
    columns = {"genotype": ["SS", "SC", "SS"], "hbc": ["44", "44", "0"]}
    out = run(tmp_path, columns, variables, mapping, use_case)
    assert out.rows == [1, 2] and out.said("no_hbc", 0) == [("rejected", "contradiction")]
    assert out.flow["steps"][-1]["lost"] == 1


def test_case_60_velocity_of_an_adult(tmp_path):
    variables = {"tcd": {"type": "number", "unit": "cm/s"}, "age": {"type": "number", "unit": "a"}}
    use_case = {
        "checks": [
            {
                "name": "tcd_child",
                "label": "Measured above 16 years of age",
                "expression": "age > 16",
                "action": "null",
                "variables": ["tcd"],
                "reason": "ineligible",
            }
        ]
    }
    out = run(tmp_path, {"tcd": ["150", "180"], "age": ["34", "8"]}, variables, {}, use_case)
    assert out.values("tcd") == [None, 180] and out.said("tcd", 0) == [("null", "ineligible")]


def test_case_67_age_differs_from_the_date_of_birth(tmp_path):
    columns = {name: [PLAIN[name]] * 3 for name in PLAIN} | {"age": ["75", "69", ""]}
    mapping = {**FORM, "derived": {"age": "(diagnosis - birth) / 365.25"}}
    variables = {**FOLLOWED, "os_years": TIME, "os_status": FLAG, "age": {"type": "number", "unit": "a"}}
    out = run(tmp_path, columns, variables, mapping, USE_CASE)
    assert [round(age, 2) for age in out.values("age")] == [69.67, 69, 69.67]
    assert out.said("age", 0) == [("flagged", "contradiction")] and out.said("age", 1) == [] == out.said("age", 2)


def test_case_68_dose_per_day_or_per_weight(tmp_path):
    variables = {"dose": {"type": "number", "unit": "mg/kg/d", "hard": [0, 60]}}
    mapping = {
        "variables": {"dose": {"column": "dose", "unit": None, "unit_column": "unit"}},
        "auxiliary": {
            "daily": {"column": "dose", "type": "number", "unit": "mg/d", "unit_column": None},
            "weight": {"column": "weight", "type": "number", "unit": "kg"},
            "stated": {"column": "unit", "type": "text"},
        },
        "derived": {"dose": 'case(stated == "mg/d", daily / weight, dose)'},
    }
    columns = {"dose": ["500", "500", "20"], "unit": ["mg/d", "mg/d", "mg/kg/d"], "weight": ["25", "", ""]}
    out = run(tmp_path, columns, variables, mapping)
    assert out.values("dose") == [20, None, 20]
    assert out.said("dose", 1) == [("null", "unit_unknown")] and out.said("dose", 2) == []
    assert out.said("dose", 0) == [("flagged", "unit_unknown")]


def test_case_70_leukaemia_at_entry(tmp_path):
    rule = {"name": "blasts", "label": "Blasts under 20 %", "expression": "blast < 20", "reason": "ineligible"}
    out = run(tmp_path, {"blast": ["24", "5", ""]}, {"blast": PERCENT}, {}, {"inclusion": [rule]})
    assert out.rows == [1, 2] and out.said("blasts", 0) == [("rejected", "ineligible")]
    step = out.flow["steps"][-1]
    assert (step["lost"], step["unknown"], step["reason"]) == (1, 1, "ineligible")


def test_case_71_transplant_before_diagnosis(tmp_path):
    variables = {"diagnosis": {"type": "date"}, "transplant": DATE, "transplant_years": TIME}
    mapping = {**FORM, "derived": {"transplant_years": "(transplant - diagnosis) / 365.25"}}
    mapping["variables"] = {}
    use_case = {
        "checks": [
            {
                "name": "transplant_order",
                "label": "Transplant before diagnosis",
                "expression": "transplant < diagnosis",
                "action": "null",
                "variables": ["transplant", "transplant_years"],
                "reason": "date_order",
            }
        ]
    }
    columns = {"diagnosis": ["2020-01-01"] * 2, "transplant": ["2011-01-24", "2020-07-01"]}
    out = run(tmp_path, columns, variables, mapping, use_case)
    assert out.values("transplant_years") == [None, pytest.approx(182 / 365.25)]
    assert out.said("transplant_years", 0) == [("null", "date_order")] == out.said("transplant", 0)


def test_case_73_consent_withdrawn(tmp_path):
    mapping = {
        "auxiliary": {"consent": {"column": "consent", "type": "flag", "values": {"yes": 1, "withdrawn": 0}}},
        "inclusion": [{"name": "consent", "label": "Consent", "expression": "consent", "reason": "consent_withdrawn"}],
    }
    columns = {"hb": ["10", "odd", "11"], "consent": ["yes", "withdrawn", "yes"]}
    out = run(tmp_path, columns, {"hb": G_DL}, mapping)
    assert out.rows == [0, 2]
    assert 1 not in out.issues["row"].dropna().tolist()
    assert out.issues["status"].isin(["rejected"]).sum() == 0 and out.count("hb", "null", "parse_error") == 0
    assert out.flow["steps"][1] == {
        "step": "consent",
        "label": "Consent",
        "records_in": 3,
        "records_out": 2,
        "lost": 1,
        "unknown": 0,
        "reason": "consent_withdrawn",
    }
    lines = out.flow["endpoints"]["os"]["lines"]
    assert lines[0]["patients_in"] == 2 and lines[0]["events_in"] == 2
