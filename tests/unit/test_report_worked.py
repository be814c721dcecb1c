"""The invented patient on the page: figures of the sample, worked out by hand."""

import pytest

import report_sample
from hemapilots.report.released import read_released
from hemapilots.report.words import Labels
from hemapilots.report.worked_section import risk_rows, worked_patient


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    folder = tmp_path_factory.mktemp("worked") / "toy"
    folder.mkdir()
    return read_released(report_sample.write(folder), report_sample.study())


@pytest.fixture(scope="module")
def labels():
    return Labels(report_sample.study())


def test_drivers_add_up(released, labels):
    one = worked_patient(released, labels)
    assert [row["value"] for row in one["given"]] == ["74 years", "yes", "M", "missing"]
    # exp(0.5), exp(0.6): factors of the hazard.
    assert one["drivers"][0] == {"label": "Age", "value": "+0.500", "factor": "× 1.65"}
    assert one["drivers"][-2]["value"] == "0.000"
    assert one["drivers"][-1] == {"label": "Together", "value": "+0.600", "factor": "× 1.82"}
    assert one["without"] == "The same patient without Age: required input missing: Age."
    assert one["rules"][0] == "one of these is missing: Age" and "30 %" in one["rules"][1]


def test_the_width_of_intervals_is_no_rule_of_a_model_without_any(released, labels):
    without = [one | {"intervals": False} for one in released.worked]
    of = type(released)(**{**vars(released), "worked": without})
    kept, left = (worked_patient(one, labels)["rules"] for one in (released, of))
    assert [rule for rule in kept if rule not in left] == [
        "the 95 % interval of a risk is wider than 40 percentage points",
        "the 95 % interval reaches more than 10 percentage points to both sides of a threshold of “Act” (20 to 30 % by 2 years), "
        "for patients with Sex F",
    ]


def test_risks_in_words_of_the_sites_that_tell_them(released, labels):
    (table,) = risk_rows(released, labels)
    assert table["heads"] == ["By 2 years"]
    assert table["rows"] == [{"site": "north", "cells": ["38 of 100 (31 to 46); best 35, worst 42"]}]
    assert table["notes"] == []


def test_what_keeps_a_risk_from_being_given_is_marked(released, labels):
    wide = released.worked_risks.assign(lower=0.1, upper=0.6, best=float("nan"), reasons="too wide; undecided")
    (table,) = risk_rows(type(released)(**{**vars(released), "worked_risks": wide}), labels)
    assert table["rows"][0]["cells"] == ["38 of 100†‡ (10 to 60)"]
    assert table["notes"] == ["† too wide", "‡ undecided"]


def test_an_endpoint_without_the_model_has_no_patient(released, labels):
    assert worked_patient(type(released)(**{**vars(released), "worked": []}), labels) is None
