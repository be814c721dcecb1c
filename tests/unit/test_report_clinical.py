"""Calibration, decisions and parts of the patients on the page: figures of the sample, worked out by hand."""

import numpy as np
import pytest

import report_sample
from hemapilots.report.calibration_section import calibration_figures, ratio_tables
from hemapilots.report.reclassification_section import reclassification_tables
from hemapilots.report.released import read_released
from hemapilots.report.subgroup_section import any_assessed, flag_rows, subgroup_tables
from hemapilots.report.utility_section import decision_figures, decision_tables
from hemapilots.report.words import NOT_SHOWN, Labels


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clinical") / "toy"
    folder.mkdir()
    return read_released(report_sample.write(folder), report_sample.study())


@pytest.fixture(scope="module")
def labels():
    return Labels(report_sample.study())


def test_decision_by_hand(released, labels):
    (table,) = decision_tables(released, labels)
    assert table["range"] == "20 to 30 %" and table["heads"] == ["v. Index", "v. everybody"]
    first, last = table["rows"][0], table["rows"][-1]
    assert (first["threshold"], first["odds"], first["benefit"], first["standardised"]) == (
        "20 %",
        "1 : 4.0",
        "0.300 (0.250 to 0.350)",
        "60 (25 to 35)",
    )
    # 0.1 more net benefit at odds of one to four spare 40 of 100 unnecessary actions.
    assert first["avoided"].startswith("40.0") and last["odds"] == "1 : 2.3"
    assert last["differences"] == ["−0.010 (−0.040 to +0.020)", "+0.150 (+0.120 to +0.180)"]


def test_the_band_decides_over_the_whole_range(released, labels):
    score, everybody = decision_tables(released, labels)[0]["whole"]
    assert (
        score
        == "Against Index: better at no threshold; nowhere more than 0.060 worse (band that holds at all thresholds together)."
    )
    assert "better at 2 of 2 thresholds (20 to 30 %); nowhere worse" in everybody


def test_decision_figure_carries_every_line(released, labels):
    (drawn,) = decision_figures(released, labels)
    assert drawn.name == "decision_act" and len(drawn.table) == 8
    for text in ("Federated (newton)", "Index", "Everybody", "Nobody"):
        assert text in drawn.svg


def test_a_decision_without_figures_says_so(released, labels):
    bare = report_sample.study()
    bare["evaluate"]["decisions"] = [report_sample.DECISION | {"name": "late"}]
    again = read_released_with(released, bare)
    assert decision_tables(again, labels)[0]["rows"] == [] and decision_figures(again, labels) == []


def read_released_with(released, study):
    return type(released)(**{**released.__dict__, "study": study})


def test_parts_and_flags_by_hand(released, labels):
    (table,) = subgroup_tables(released, labels)
    women, men = table["rows"]
    assert women["level"] == "F" and women["cells"][:2] == ["0.600 (0.500 to 0.700)", "−0.100 (−0.200 to −0.010)"]
    assert men["small"] and men["n"] == "30"
    found = flag_rows(released, labels)
    assert [(row["part"], row["value"]) for row in found] == [
        ("Sex: F", "1.50 (1.20 to 1.80)"),
        ("Sex: F", "−0.100 (−0.200 to −0.010)"),
    ]


def test_parts_that_no_site_told_are_not_empty(released, labels):
    untold = released.metrics["subgroup"] != "all"
    metrics = released.metrics[~untold | (released.metrics["metric"] == "uno_c")].copy()
    metrics.loc[untold, ["n", "events"]] = 0
    metrics.loc[untold, "estimate"] = np.nan
    silent = type(released)(**{**vars(released), "metrics": metrics})
    tables = subgroup_tables(silent, labels)
    assert {(row["n"], row["events"]) for row in tables[0]["rows"]} == {(NOT_SHOWN, NOT_SHOWN)}
    assert not any_assessed(tables) and any_assessed(subgroup_tables(released, labels))


def test_calibration_by_site(released, labels):
    (drawn,) = calibration_figures(released, labels, "os")
    assert drawn.name == "calibration_os_2_by_site" and set(drawn.table["evaluated_on"]) == set(report_sample.SITES)
    assert ratio_tables(released, labels)[0]["heads"] == ["At 2 years"]


def test_categories_of_a_score_are_summed_over_sites(released):
    (table,) = reclassification_tables(released, Labels(released.study))["act"]
    assert table["heads"] == ["Risk below 20 %", "20 % to 30 %", "30 % or more"]
    assert [(row["category"], row["cells"]) for row in table["rows"]] == [
        ("low", ["60 (10 %)", "40", "20 (40 %)"]),
        ("high", ["0", "0", "50 (60 %)"]),
    ]


def test_categories_that_are_digits_are_texts(tmp_path):
    inputs, study = report_sample.write(tmp_path), report_sample.study()
    study["harmonize"]["computed"]["index_category"]["levels"] = ["0", "1"]
    for site in report_sample.SITES:
        table = report_sample.reclassification(site)
        table["category"] = table["category"].map({"low": 0, "high": 1})
        table.to_csv(tmp_path / "site_metrics" / site / "reclassification.csv", index=False)
    (table,) = reclassification_tables(read_released(inputs, study), Labels(study))["act"]
    assert [row["category"] for row in table["rows"]] == ["0", "1"]
