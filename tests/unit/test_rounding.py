"""Rounded counts: no small difference survives between any two released numbers."""

import numpy as np
import pandas as pd
import pytest

from hemapilots.rounding import round_columns, round_count, round_curves, round_record


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (2, 0), (3, 5), (57, 55), (58, 60), (562, 560), (563, 565)])
def test_nearest_multiple(value, expected):
    assert round_count(value, 5) == expected
    assert round_count(value, 1) == value


def test_records_are_rounded_throughout_and_shares_follow():
    record = {
        "n": 57,
        "absent": 3,
        "percent_missing": 5.0,
        "suppressed": True,
        "mean": 1.25,
        "parts": [{"events": 23}],
        "none": None,
    }
    found = round_record(record, 5)
    assert found["n"] == 55 and found["absent"] == 5 and found["parts"] == [{"events": 25}]
    assert found["percent_missing"] == pytest.approx(8.3) and found["mean"] == 1.25
    assert found["suppressed"] is True and found["none"] is None
    assert round_record(record, 1) == record


def test_no_difference_between_released_counts_is_small():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"metric": "auc", "n": rng.integers(20, 90, 50), "events": rng.integers(5, 20, 50), "weight": 7.0}
    )
    found = round_columns(table.astype({"n": float, "events": float}), 5)
    values = np.concatenate([found["n"], found["events"], found["weight"]])
    differences = np.abs(values[:, None] - values[None])
    assert not ((differences > 0) & (differences < 5)).any()


@pytest.mark.parametrize("metric", ["auc", "brier", "ibs", "oe", "ici", "net_benefit", "d_calibration"])
def test_weights_that_are_counts_are_rounded_as_counts(metric):
    table = pd.DataFrame({"metric": metric, "n": [203.0, 203.0], "weight": [203.0, 201.0]})
    found = round_columns(table, 5)
    assert found["weight"].tolist() == [205.0, 200.0]
    assert round_columns(table, 1)["weight"].tolist() == [203.0, 201.0]


def test_numbers_of_pairs_are_told_to_two_digits():
    table = pd.DataFrame({"metric": ["harrell_c", "uno_c", "uno_c"], "weight": [12345.0, 98.7, np.nan]})
    assert round_columns(table, 5)["weight"].tolist()[:2] == [12000.0, 99.0]


def test_curves_keep_their_cells_and_round_their_start():
    curve = pd.DataFrame({"site": "a", "endpoint": "os", "at_risk": [57, 45], "events": [7, 5], "censored": [5, 0]})
    curve = curve.assign(start=[0.0, 0.5], end=[0.5, 1.5], years=[27.0, 43.0])
    found = round_curves(curve, 5)
    assert found["at_risk"].tolist() == [55, 43] and found["events"].tolist() == [7, 5]
    # The years under observation move with the number at risk.
    assert found["years"].tolist() == [26.0, 41.0]
