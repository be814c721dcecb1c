"""What leaves a site: a reader who knows the rule and every total must not be able to name a small count."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest

from hemapilots.harmonize.issues import Issues
from hemapilots.harmonize.quality import quality, table_one
from hemapilots.harmonize.suppression import hide, private_generator

MINIMUM = 5


def partitions(total, cells):
    if cells == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in partitions(total - first, cells - 1):
            yield (first, *rest)


def assert_unsolvable(published):
    """published: (truth, what is shown). Among truths that look alike every small count must be ambiguous."""
    alike = {}
    for truth, shown in published:
        alike.setdefault(shown, []).append(truth)
    for shown, truths in alike.items():
        for place, values in enumerate(zip(*truths, strict=True)):
            small = [value for value in values if 0 < value < MINIMUM]
            assert not small or len(set(values)) > 1, (shown, truths[0], place)


class Draw:
    """A generator that draws a given order."""

    def __init__(self, order):
        self.order = order

    def permutation(self, n):
        assert n == len(self.order)
        return self.order


@pytest.mark.parametrize(("cells", "totals"), [(2, range(40)), (3, range(30)), (4, (9, 10, 13, 16, 19))])
def test_hidden_cells_cannot_be_solved_for_by_one_who_knows_the_rule(cells, totals):
    names = "abcd"[:cells]
    for total in totals:
        published = set()
        for truth, order in itertools.product(partitions(total, cells), itertools.permutations(range(cells))):
            shown = hide(dict(zip(names, truth, strict=True)), MINIMUM, Draw(order))
            assert not any(value is not None and 0 < value < MINIMUM for value in shown.values())
            assert all(value in (None, true) for value, true in zip(shown.values(), truth, strict=True))
            published.add((truth, tuple(shown.values())))
        assert_unsolvable(published)


def test_small_large_and_zero_cells():
    generator = np.random.default_rng([1])
    assert set(hide({str(place): 1 for place in range(12)}, MINIMUM, generator).values()) == {None}
    assert hide({"a": 3, "b": 0, "c": 900}, MINIMUM, generator) == {"a": None, "b": 0, "c": None}
    assert hide({"a": 0, "b": 40, "c": 5}, MINIMUM, generator) == {"a": 0, "b": 40, "c": 5}
    assert hide({"a": 4, "b": 3, "c": 50}, MINIMUM, generator) == {"a": None, "b": None, "c": 50}


def test_the_complement_is_drawn_and_repeatable():
    cells = {"a": 3, "b": 10, "c": 20, "d": 30}
    shown = {tuple(hide(cells, MINIMUM, np.random.default_rng([seed])).values()) for seed in range(30)}
    assert len(shown) == 3
    table = pd.DataFrame({"row": np.arange(3), "s": ["a", None, "b"]})
    draws = [private_generator(frame).integers(1 << 30) for frame in (table, table.copy(), table[::-1])]
    assert draws[0] == draws[1] != draws[2]


VARIABLES = {
    "x": {"label": "X", "type": "number", "unit": "g/dL"},
    "c": {"type": "category", "levels": ["u", "v"]},
}
USE_CASE = {"variables": VARIABLES, "endpoints": {}, "table_one": ["x", "c"]}


def site(plain, flagged, missing, nulled, levels=None):
    """A site with given counts of the number x, and of the category c by level (the rest missing)."""
    n = plain + flagged + missing + nulled
    rows = np.arange(n)
    values = np.repeat([1.0, 2.0, np.nan, np.nan], [plain, flagged, missing, nulled])
    issues = Issues()
    issues.cells(rows[plain : plain + flagged], "x", "flagged", "range_soft", "")
    issues.column("x", "null", "missing", "", missing)
    issues.cells(rows[n - nulled :], "x", "null", "range_hard", "", ["0"] * nulled)
    issues.cells(np.array([9_999]), "x", "null", "range_hard", "a record that was not included", ["0"])
    u, v = levels or (n, 0)
    category = np.array(["u"] * u + ["v"] * v + [None] * (n - u - v), dtype=object)
    table = pd.DataFrame({"row": rows, "x": values, "c": category})
    steps = [{"step": "delivered", "records_in": n, "records_out": n, "lost": 0, "unknown": 0, "reason": None}]
    return table, issues.table(), {"steps": steps, "endpoints": {}}


def test_counts_of_a_large_site_are_shown():
    table, issues, flow = site(100, 20, 10, 5)
    entry = quality(table, issues, flow, USE_CASE)["variables"]["x"]
    assert (entry["n"], entry["absent"], entry["missing"], entry["plain"]) == (120, 15, 10, 100)
    assert entry["nulled"] == {"parse_error": 0, "range_hard": 5}
    assert entry["flagged"] == {"range_soft": 20}
    assert entry["percent_missing"] == 11.1 and entry["suppressed"] is False


def test_a_small_count_hides_its_complement():
    entry = quality(*site(100, 20, 3, 0), USE_CASE)["variables"]["x"]
    assert entry["n"] is None and entry["absent"] is None and entry["percent_missing"] is None
    assert entry["missing"] is None and entry["suppressed"] is True
    entry = quality(*site(100, 3, 10, 2), USE_CASE)["variables"]["x"]
    assert (entry["n"], entry["absent"], entry["percent_missing"]) == (103, 12, 10.4)
    assert entry["plain"] is None and entry["flagged"] == {"range_soft": None}
    assert entry["missing"] is None and entry["nulled"]["range_hard"] is None


@pytest.mark.parametrize(("n", "zero"), [(4, None), (6, None), (11, 1), (12, 3)])
def test_a_variable_cannot_be_solved_for(n, zero):
    published = []
    for truth in partitions(n, 4):
        if zero is not None and truth[zero]:
            continue
        record = quality(*site(*truth), USE_CASE)
        published.append((truth, json.dumps([record["records"], record["variables"]["x"]])))
    assert_unsolvable(published)


@pytest.mark.parametrize("n", [4, 9, 13])
def test_table_one_and_quality_together_cannot_be_solved(n, monkeypatch):
    published = []
    for truth in partitions(n, 3):
        table, issues, flow = site(n, 0, 0, 0, truth[:2])
        record = quality(table, issues, flow, USE_CASE)
        for seed in range(4):
            draws = np.random.default_rng([seed])
            monkeypatch.setattr("hemapilots.harmonize.quality.private_generator", lambda _, draws=draws: draws)
            shown = [record["records"], record["variables"]["c"], table_one(table, USE_CASE)["c"]]
            published.append((truth, json.dumps(shown)))
        monkeypatch.undo()
    assert_unsolvable(published)


def shown_flow(levels, unknown=0):
    steps = [
        {
            "step": "s",
            "records_in": levels[0],
            "records_out": levels[0],
            "lost": 0,
            "unknown": 0,
            "reason": None,
        }
    ]
    for before, after in itertools.pairwise(levels):
        step = {"step": "s", "records_in": before, "records_out": after, "lost": before - after}
        steps.append({**step, "unknown": unknown, "reason": "ineligible"})
    table = pd.DataFrame({"row": np.arange(levels[-1]), "x": 1.0, "c": "u"})
    return quality(table, Issues().table(), {"steps": steps, "endpoints": {}}, USE_CASE)


def test_small_losses_cannot_be_subtracted():
    published = []
    for first, second, last in itertools.product(range(8), range(8), (20, 21)):
        record = shown_flow((first + second + last, second + last, last))
        assert record["records"] == last
        published.append(((first, second), json.dumps([record["flow"], last])))
    assert_unsolvable(published)


def test_flow_of_large_losses_is_shown_and_adds_up():
    steps = shown_flow((60, 50, 30), unknown=7)["flow"]
    assert [step["lost"] for step in steps] == [0, 10, 20] and steps[2]["records_out"] == 30
    assert [step["unknown"] for step in steps] == [0, 7, 7]
    assert not any(step["suppressed"] for step in steps)


def endpoint(events, competing, censored, unknown, zero_time=0):
    counts = {"label": "OS", "patients": events + competing + censored, "events": events}
    counts |= {"competing": competing, "censored": censored, "unknown": unknown, "zero_time": zero_time}
    table = pd.DataFrame({"row": np.arange(events + competing + censored + unknown), "x": 1.0, "c": "u"})
    record = quality(table, Issues().table(), {"steps": [_step(len(table))], "endpoints": {"os": counts}}, USE_CASE)
    return record["endpoints"]["os"]


def _step(n):
    return {"step": "s", "records_in": n, "records_out": n, "lost": 0, "unknown": 0, "reason": None}


@pytest.mark.parametrize("n", [8, 12])
def test_endpoint_counts_cannot_be_solved_for(n):
    assert_unsolvable((truth, json.dumps(endpoint(*truth, 0))) for truth in partitions(n, 3))


def test_endpoint_counts_are_shown_where_large():
    shown = endpoint(50, 10, 100, 20, zero_time=3)
    assert (shown["patients"], shown["events"], shown["unknown"]) == (160, 50, 20)
    assert shown["zero_time"] is None and shown["suppressed"] is True


def test_table_one_moments_and_quantiles_need_patients():
    for n, moments, quantiles in ((3, False, False), (5, True, False), (19, True, False), (20, True, True)):
        table = pd.DataFrame({"row": np.arange(n), "x": np.arange(n, dtype=float), "c": "u"})
        row = table_one(table, USE_CASE)["x"]
        assert (row["mean"] is not None, row["median"] is not None) == (moments, quantiles)
    assert row["mean"] == 9.5 and row["median"] == 9.5 and row["lower_quartile"] == 4.75
    assert row["sd"] == pytest.approx(np.std(np.arange(20), ddof=1), rel=1e-3)
    assert row["n"] == 20 and row["unit"] == "g/dL"


def test_table_one_counts_flags_and_hides_the_rarer():
    use_case = {"variables": {"f": {"type": "flag"}}, "table_one": ["f"]}
    table = pd.DataFrame({"row": np.arange(50), "f": [1.0] * 20 + [0.0] * 20 + [np.nan] * 10})
    assert table_one(table, use_case)["f"]["levels"] == {"1": 20, "0": 20}
    table["f"] = [1.0] * 3 + [0.0] * 37 + [np.nan] * 10
    assert table_one(table, use_case)["f"]["levels"] == {"1": None, "0": None}
    table["f"] = [1.0] * 17 + [0.0] * 30 + [np.nan] * 3
    shown = table_one(table, use_case)["f"]
    assert sorted(shown["levels"].values(), key=str) in ([17, None], [30, None]) and shown["n"] is None
