"""Numbers and names as readers see them."""

import pytest

import report_sample
from hemapilots.report import words

LABELS = words.Labels(report_sample.study())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.12345, "0.123"),
        (-0.5, "−0.500"),
        (-0.0001, "0.000"),
        (float("nan"), "not estimable"),
        (None, "not estimable"),
    ],
)
def test_a_number_has_a_true_minus_and_no_negative_zero(value, text):
    assert words.number(value) == text


def test_a_difference_carries_its_sign():
    assert words.signed_interval(0.03, -0.01, 0.07) == "+0.030 (−0.010 to +0.070)"
    assert words.signed(0.0) == "0.000"
    assert words.signed_interval(float("nan"), 0, 1) == "not estimable"


@pytest.mark.parametrize(
    ("step", "text"), [(0.25, "quarter-year"), (0.5, "half-year"), (1.0, "year"), (0.1, "0.1-year step")]
)
def test_a_cell_of_the_grid_has_a_name(step, text):
    assert words.cell_of_time(step) == text


def test_a_suppressed_count_says_so():
    assert words.count(None) == "not shown"
    assert words.count(float("nan")) == "not shown"
    assert words.count(12345) == "12\u202f345"


def test_design_columns_get_the_labels_of_their_variables():
    assert LABELS.column("age") == "Age"
    assert LABELS.column("sex_M") == "Sex: M"
    assert LABELS.column("plt_missing") == "Platelets: missing"
    assert LABELS.column("no_such_thing") == "no_such_thing"
    assert LABELS.unit("plt_capped") == "per 10⁹/L"
    assert LABELS.unit("kras") == "present v. absent"
    assert (LABELS.unit("sex_M"), LABELS.unit("plt_missing")) == ("v. F", "present v. absent")


def test_a_logarithm_to_the_base_of_two_is_told_per_doubling():
    study = report_sample.study()
    study["harmonize"]["derived"] = {
        "plt_log": {"label": "L", "type": "number", "unit": "1", "expression": "ln(plt) / ln(2)"}
    }
    assert words.Labels(study).unit("plt_log") == "per doubling"


def test_regimes_are_named_for_readers():
    assert LABELS.regime("pooled") == "Pooled, simulation only"
    assert LABELS.regime("local/own") == "Each site’s own model"
    assert LABELS.regime("local/north") == "Model of north"
    assert LABELS.regime("score/index") == "Index"
