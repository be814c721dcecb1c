"""Which of many measurements is the value: windows, ties, days, duplicates, and what is said of the others."""

import numpy as np
import pandas as pd
import pytest

from dirty import FACTORS, days, resolved
from dirty import run as run_dirty
from hemapilots.delivered import Delivered
from hemapilots.harmonize.engine import harmonize
from hemapilots.harmonize.observations import choose, disagree, distance

VARIABLES = {
    "index": {"type": "date"},
    "seen": {"type": "date", "known_at": "outcome"},
    "hb": {"type": "number", "unit": "g/dL", "hard": [2, 20]},
    "stage": {"type": "category", "levels": ["a", "b"]},
    "event": {"type": "date", "known_at": "outcome"},
}
FOLLOW_UP = {"index": "index", "last_contact": "seen", "outcomes": {}}
WINDOW = {"window": [-60, 30], "follow_up": FOLLOW_UP}


def pick(target, values, day=None, index=None, window=None, n=None):
    target, values = np.array(target), np.array(values)
    n = n or target.max() + 1
    index = np.full(n, np.nan) if index is None else np.array(index, dtype=float)
    day = None if day is None else np.array(day, dtype=float)
    return choose(target, values, distance(day, index[np.maximum(target, 0)], window), n)


@pytest.mark.parametrize(
    ("offsets", "window", "expected"),
    [
        ([-5, 4, 10], [-30, 30], 1),  # the nearest
        ([4, -4], [-30, 30], 1),  # of two equally far the one before
        ([-40, 31, 20], [-30, 30], 2),
        ([-40, 31], [None, 30], 0),
        ([3, -100, -2], None, 2),  # without a window the latest before
        ([3, -100, 0], None, 2),
        ([9, 3], None, 1),  # and the earliest after where none is before
        ([np.nan, 29], [-30, 30], 1),  # a date outweighs none
        ([np.nan, 31], [-30, 30], 0),
    ],
)
def test_the_wanted_measurement_is_chosen(offsets, window, expected):
    values = 10.0 + np.arange(len(offsets))
    choice = pick([0] * len(offsets), values, 1000 + np.array(offsets), [1000], window)
    assert choice.chosen.tolist() == [expected]
    assert not choice.duplicate.any() and not choice.outside.any()


def test_no_measurement_in_the_window():
    choice = pick([0, 0, 1], [9.0, 8, 7], [0, 200, 90], [100, 100], [-30, 30])
    assert choice.outside.tolist() == [True, False]
    assert choice.chosen.tolist() == [0, 2]


def test_measurements_of_one_day_must_agree_within_two_per_cent():
    day = [5] * 6
    choice = pick([0, 0, 1, 1, 2, 2], [10.0, 10.2, 10, 10.3, 0, 0], day, [5, 5, 5], [-1, 1])
    assert choice.duplicate.tolist() == [False, True, False]
    assert choice.chosen.tolist() == [0, 2, 4]
    texts = np.array(["a", "a", "a", "b", None, "b"], dtype=object)
    choice = pick([0, 0, 1, 1, 2, 2], texts)
    assert choice.duplicate.tolist() == [False, True, False] and choice.chosen.tolist() == [0, 2, 5]


def test_one_without_a_usable_value_keeps_its_first_cell():
    choice = pick([2, 0, 0, -1], [np.nan, np.nan, np.nan, 5.0], n=4)
    assert choice.chosen.tolist() == [1, -1, 0, -1]
    assert not choice.duplicate.any() and not choice.outside.any()


def test_against_a_loop():
    rng = np.random.default_rng(4)
    n, m = 60, 900
    target, day = rng.integers(-1, n, m), rng.integers(-90, 90, m).astype(float)
    day[rng.random(m) < 0.1] = np.nan
    values = rng.choice([9.0, 9.1, 12, np.nan], m)
    index = np.where(rng.random(n) < 0.1, np.nan, 0.0)
    for window in ([-30, 10], None):
        choice = pick(target, values, day, index, window, n)
        for record in range(n):
            chosen, duplicate, outside = slow(np.flatnonzero(target == record), values, day, index[record], window)
            found = choice.chosen[record], choice.duplicate[record], choice.outside[record]
            assert found == (chosen, duplicate, outside)


def slow(places, values, day, index, window):
    usable = [place for place in places if not np.isnan(values[place])]
    dated = [place for place in usable if not np.isnan(day[place]) and not np.isnan(index)]
    undated = [place for place in usable if place not in dated]
    if window:
        dated = [place for place in dated if window[0] <= day[place] - index <= window[1]]
        wanted = sorted(dated, key=lambda place: (abs(day[place] - index), day[place] > index, place))
    else:
        before = sorted((place for place in dated if day[place] <= index), key=lambda place: (-day[place], place))
        wanted = before or sorted(dated, key=lambda place: (day[place], place))
    tied = [place for place in wanted if day[place] == day[wanted[0]]] or undated
    if not tied:
        first = usable[0] if usable else places[0] if len(places) else -1
        return first, False, bool(usable)
    numbers = values[tied]
    apart = max(numbers) - min(numbers) > 0.02 * max(abs(numbers))
    return min(tied), bool(apart), False


def test_disagreement_is_exact_where_asked():
    assert disagree(np.array([100.0, 100.0]), np.array([101.9, 103.0]), exact=False).tolist() == [False, True]
    assert disagree(np.array([1.0]), np.array([1.01]), exact=True).tolist() == [True]


def observed(rows, records=None, use_case=None, mapping=None):
    """Harmonizes observations: rows of (patient, variable, value, date)."""
    records = records or {"index": ["2020-03-01"] * 3}
    n = len(next(iter(records.values())))
    files = {"labs": {name: [] for name in ("patient_id", "hb", "stage", "event", "drawn")}}
    mapping = {"files": {"labs": {"repeated": True, "date": "drawn"}}} | (mapping or {})
    mapping, use_case = resolved(records, VARIABLES, mapping, use_case or WINDOW, files)
    table = pd.DataFrame({"row": np.arange(n), "patient_id": [f"p{place}" for place in range(n)], **records})
    table = table.assign(os_years="1", os_status="1")
    frame = pd.DataFrame(rows, columns=["patient_id", "variable", "value", "date"])
    frame = frame.assign(row=np.arange(len(rows)), unit=None)
    tables = [
        part.assign(**{name: pd.Categorical(part[name]) for name in part if name != "row"}) for part in (table, frame)
    ]
    return harmonize(Delivered(*tables), use_case, mapping, FACTORS)


def test_observations_become_columns():
    rows = [
        ("p1", "hb", "9.5", "2020-03-11"),
        ("p1", "hb", "8.5", "2020-02-15"),
        ("p0", "hb", "7", "2020-06-01"),
        ("p1", "stage", "a", "2020-01-10"),
        ("p9", "hb", "7", "2020-03-01"),
        ("p2", "stage", "b", "2020-03-01"),
    ]
    table, issues, _ = observed(rows)
    assert table["hb"].fillna(-1).tolist() == [-1, 9.5, -1]
    assert table["stage"].tolist() == [None, "a", "b"]
    found = issues[(issues["variable"] == "hb") & (issues["status"] == "null")]
    assert found["reason"].tolist() == ["missing", "outside_window"] and found["row"].tolist() == [pd.NA, 0]
    assert found["raw_hash"].notna().tolist() == [False, True]


def test_what_could_not_be_used_beside_the_chosen_is_counted_once():
    rows = [
        ("p0", "hb", "xx", "2020-03-01"),
        ("p0", "hb", "9", "2020-03-02"),
        ("p1", "hb", "yy", "2020-03-01"),
        ("p2", "hb", "99", "2020-03-01"),
        ("p2", "hb", "9", "2020-03-03"),
    ]
    table, issues, _ = observed(rows)
    assert table["hb"].fillna(-1).tolist() == [9, -1, 9]
    hb = issues[issues["variable"] == "hb"]
    listed = hb[hb["row"].notna()]
    assert listed[["row", "status", "reason"]].values.tolist() == [[1, "null", "parse_error"]]
    unused = hb[hb["status"] == "rejected"]
    assert unused[["reason", "count"]].values.tolist() == [["parse_error", 1], ["range_hard", 1]]


def test_a_window_needs_a_date_that_was_understood():
    rows = [("p0", "hb", "9", "2020-13-41"), ("p1", "hb", "8", "2020-03-01"), ("p2", "hb", "7", None)]
    table, issues, _ = observed(rows)
    assert table["hb"].fillna(-1).tolist() == [-1, 8, 7]
    assert issues.loc[(issues["variable"] == "hb") & (issues["row"] == 0), "reason"].tolist() == ["date_invalid"]


def test_the_columns_window_stands_before_the_mappings_and_that_before_the_use_cases():
    rows = [("p0", "hb", "9", "2020-03-20"), ("p1", "hb", "8", "2020-05-20"), ("p2", "hb", "7", "2020-02-29")]
    assert observed(rows)[0]["hb"].notna().tolist() == [True, False, True]
    assert observed(rows, mapping={"window": [-10, 100]})[0]["hb"].notna().tolist() == [True, True, True]
    mapping = {"window": [-10, 100], "variables": {"hb": {"column": "hb", "window": [-10, 0]}}}
    assert observed(rows, mapping=mapping)[0]["hb"].notna().tolist() == [False, False, True]


def test_of_many_dates_of_an_event_the_first_is_taken_and_of_contacts_the_last():
    rows = [
        ("p0", "event", "2021-05-01", None),
        ("p0", "event", "2021-02-01", None),
        ("p0", "seen", "2022-02-01", None),
        ("p0", "seen", "2023-03-01", None),
    ]
    outcome = {"first": {"time": "t", "status": "s", "events": ["event"]}}
    variables = VARIABLES | {
        "t": {"type": "number", "unit": "a", "known_at": "outcome"},
        "s": {"type": "flag", "known_at": "outcome"},
    }
    files = {"labs": {name: [] for name in ("patient_id", "event", "seen")}}
    case = {"follow_up": {**FOLLOW_UP, "outcomes": outcome}}
    mapping, use_case = resolved({"index": []}, variables, {"files": {"labs": {"repeated": True}}}, case, files)
    records = pd.DataFrame(
        {"row": [0], "patient_id": ["p0"], "index": ["2020-03-01"], "os_years": ["1"], "os_status": ["1"]}
    )
    frame = pd.DataFrame(rows, columns=["patient_id", "variable", "value", "date"]).assign(row=range(4), unit=None)
    tables = [
        part.assign(**{name: pd.Categorical(part[name]) for name in part if name != "row"}) for part in (records, frame)
    ]
    table, _, _ = harmonize(Delivered(*tables), use_case, mapping, FACTORS)
    assert table["t"][0] == (days("2021-02-01") - days("2020-03-01")) / 365.25 and table["s"][0] == 1


def test_a_million_measurements_are_chosen_quickly():
    import time

    rng = np.random.default_rng(1)
    m, n = 1_000_000, 50_000
    target, values = rng.integers(0, n, m), rng.normal(10, 1, m)
    day, index = rng.integers(0, 4000, m).astype(float), rng.integers(0, 4000, n).astype(float)
    start = time.perf_counter()
    choose(target, values, distance(day, index[target], [-60, 30]), n)
    assert time.perf_counter() - start < 3


def test_dates_of_two_rows_must_be_equal():
    values = np.array([18000.0, 18001.0])
    assert choose(np.array([0, 0]), values, np.zeros(2), 1, exact=True).duplicate.tolist() == [True]
    assert choose(np.array([0, 0]), values, np.zeros(2), 1).duplicate.tolist() == [False]


WINDOW_ONLY = {"window": [-60, 30], "follow_up": {"index": "index", "last_contact": "index", "outcomes": {}}}
LABS = {"files": {"labs": {"repeated": True, "date": "drawn"}, "main": {"date_format": ["YYYY-MM-DD"]}}}


@pytest.mark.parametrize(
    ("pick", "expected"),
    [
        (None, ["2019-03-01", "2020-02-01", "2019-01-01"]),
        ("first", ["2019-03-01", "2020-02-01", "2019-01-01"]),
        ("last", ["2020-06-01", "2020-02-01", "2019-01-01"]),
        ("first_after_index", ["2020-01-01", "2020-02-01", None]),
        ("last_before_index", ["2020-01-01", None, "2019-01-01"]),
    ],
)
def test_which_of_several_dates_counts(tmp_path, pick, expected):
    spec = {**VARIABLES["event"], **({"pick": pick} if pick else {})}
    variables = {"index": VARIABLES["index"], "event": spec, "day": {"type": "number", "unit": "d"}}
    labs = {
        "patient_id": ["p0", "p0", "p0", "p1", "p2"],
        "event": ["2020-06-01", "2019-03-01", "2020-01-01", "2020-02-01", "2019-01-01"],
    }
    mapping = {"files": {"labs": {"repeated": True}}, "derived": {"day": "event + 0"}}
    use_case = {"follow_up": {"index": "index", "last_contact": "index", "outcomes": {}}}
    out = run_dirty(tmp_path, {"index": ["2020-01-01"] * 3}, variables, mapping, use_case, {"labs": labs})
    assert out.values("day") == [None if day is None else days(day) for day in expected]


def test_samples_after_treatment_are_no_candidates(tmp_path):
    labs = {
        "patient_id": ["p0", "p0", "p1", "p2", "p2", "p3"],
        "hb": ["9", "7", "8", "10", "11", "12"],
        "drawn": ["2019-12-01", "2020-01-02", "2020-01-20", "2020-01-10", "2020-01-11", ""],
    }
    columns = {"index": ["2020-01-01"] * 4, "treated": ["2020-01-01", "2020-01-10", "2020-01-10", "2020-02-01"]}
    variables = {"index": VARIABLES["index"], "treated": VARIABLES["event"], "hb": VARIABLES["hb"]}
    use_case = {"before": "treated", **WINDOW_ONLY}
    out = run_dirty(tmp_path, columns, variables, LABS, use_case, {"labs": labs})
    assert out.values("hb") == [9, None, 10, 12]
    assert out.said("hb", 1) == [("null", "outside_window")] and out.said("hb", 3) == [("flagged", "missing")]
    assert out.said("hb", 2) == []


def test_a_treatment_before_the_index_date_is_out_of_order_and_takes_no_sample(tmp_path):
    labs = {"patient_id": ["p0", "p1"], "hb": ["9", "8"], "drawn": ["2019-12-20", "2020-01-05"]}
    columns = {"index": ["2020-01-01"] * 2, "treated": ["1920-01-10", "2020-01-01"]}
    variables = {"index": VARIABLES["index"], "treated": VARIABLES["event"], "hb": VARIABLES["hb"]}
    use_case = {"before": "treated", **WINDOW_ONLY}
    out = run_dirty(tmp_path, columns, variables, LABS, use_case, {"labs": labs})
    # Treatment on the index date is no error, and the sample of the second patient came after it.
    assert out.values("hb") == [9, None] and out.said("hb", 1) == [("null", "outside_window")]


def test_samples_too_soon_after_an_event_are_no_candidates(tmp_path):
    labs = {
        "patient_id": ["p0", "p0", "p1", "p2", "p3"],
        "hb": ["5", "8", "5", "9", "10"],
        "drawn": ["2020-01-02", "2019-11-20", "2020-01-02", "2019-12-30", "2020-01-02"],
    }
    crises = {"patient_id": ["p0", "p0", "p1", "p2", "p3"]}
    crises["crisis"] = ["2019-06-01", "2019-12-25", "2019-12-25", "2020-01-05", "2019-12-05"]
    rule = {"date": "crisis", "days": 28, "reason": "not_steady_state"}
    variables = {
        "hb": {**VARIABLES["hb"], "clear_of": [rule]},
        "index": VARIABLES["index"],
        "crisis": {"type": "date", "pick": "last_before_index"},
    }
    mapping = {"files": {**LABS["files"], "crises": {"repeated": True}}}
    columns = {"index": ["2020-01-01"] * 4}
    out = run_dirty(tmp_path, columns, variables, mapping, WINDOW_ONLY, {"labs": labs, "crises": crises})
    # The first has an earlier sample that is clear; a crisis after the sample and one four weeks before do not matter.
    assert out.values("hb") == [8, None, 9, 10]
    assert out.said("hb", 1) == [("null", "not_steady_state")]
