"""Rounded counts: no small difference survives between any two released numbers."""

import numpy as np
import pandas as pd
import pytest

from hemapilots.evaluation.log_rank import LOG_RANK_COLUMNS, from_counts, log_rank_tests
from hemapilots.rounding import round_columns, round_count, round_curves, round_histograms, round_record, round_sums


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


def test_totals_of_histograms_survive_rounding():
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"n": rng.integers(5, 10, 400).astype(float), "kind": np.repeat(["event", "censored"], 200)})
    table = table.assign(site="a", endpoint="os", model="cox", regime=None, horizon=np.tile([2.0, 4.0], 200))
    found = round_histograms(table, 5)
    assert (found["n"] % 5 == 0).all() and (found["n"] >= 5).all() and (found["n"] - table["n"]).abs().max() <= 5
    names = ["horizon", "kind"]
    assert (found.groupby(names)["n"].sum() - table.groupby(names)["n"].sum()).abs().max() <= 2.5
    assert round_histograms(table, 1) is table and round_histograms(table[:0], 5).empty


def test_sums_of_log_rank_tests_are_coarse_and_still_singular():
    rng = np.random.default_rng(2)
    at_risk = np.cumsum(rng.integers(1, 9, (20, 3)), axis=0)[::-1].astype(float)
    sums, names = from_counts(rng.integers(0, 2, (20, 3)).astype(float), at_risk), "xyz"
    table = pd.DataFrame(
        [
            ("s", "os", "v", a, b, sums.difference[i] if i == j else np.nan, sums.covariance[i, j])
            for i, a in enumerate(names)
            for j, b in enumerate(names)
        ],
        columns=LOG_RANK_COLUMNS,
    )
    found = round_sums(table, 5)
    test = log_rank_tests(found)["os", "v"]
    assert test.degrees == 2 and test.statistic == pytest.approx(sums.statistic, rel=2e-3)
    assert test.difference.sum() == pytest.approx(0, abs=1e-9)
    apart = found[found["level"] != found["other"]]["covariance"]
    assert all(float(f"{value:.4g}") == pytest.approx(value, abs=1e-11) for value in apart)
    values = pd.concat([found["difference"].dropna(), found["covariance"]])
    exact = pd.concat([table["difference"].dropna(), table["covariance"]])
    assert not np.isclose(values, exact, rtol=1e-9, atol=0).any()
    assert values.to_numpy() == pytest.approx(exact.to_numpy(), abs=1e-3)
    assert round_sums(table, 1) is table
