"""What leaves a site: a reader who knows the rule and every total must not be able to name a small count."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest

from hemapilots.harmonize.issues import Issues
from hemapilots.harmonize.suppression import hide, hide_and_tell, private_generator
from hemapilots.quality import quality, table_one

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


NULLED = dict.fromkeys(("parse_error", "range_hard", "unit_unknown", "date_order", "contradiction"), 0)
FLAGGED = dict.fromkeys(("range_soft", "date_order", "contradiction", "other"), 0)


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
    assert entry["nulled"] == NULLED | {"range_hard": 5}
    assert entry["flagged"] == FLAGGED | {"range_soft": 20} and entry["few"] == []
    assert entry["percent_missing"] == 11.1 and entry["suppressed"] is False


def test_a_small_count_hides_its_complement():
    entry = quality(*site(100, 20, 3, 0), USE_CASE)["variables"]["x"]
    assert entry["n"] is None and entry["absent"] is None and entry["percent_missing"] is None
    assert entry["missing"] is None and entry["suppressed"] is True
    entry = quality(*site(100, 3, 10, 2), USE_CASE)["variables"]["x"]
    assert (entry["n"], entry["absent"], entry["percent_missing"]) == (103, 12, 10.4)
    assert entry["plain"] is None and entry["flagged"] == FLAGGED | {"range_soft": None}
    assert entry["missing"] is None and entry["nulled"]["range_hard"] is None


@pytest.mark.parametrize(("n", "zero"), [(4, None), (6, None), (11, 1), (12, 3), (13, 2)])
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
            monkeypatch.setattr("hemapilots.quality.baseline.private_generator", lambda _, draws=draws: draws)
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


@pytest.mark.parametrize(("cells", "totals"), [(2, range(40)), (3, range(32))])
def test_what_is_called_small_stays_any_small_count(cells, totals):
    names = "abcd"[:cells]
    for total in totals:
        published = set()
        for truth, order in itertools.product(partitions(total, cells), itertools.permutations(range(cells))):
            shown, few = hide_and_tell(dict(zip(names, truth, strict=True)), MINIMUM, Draw(order))
            assert all(0 < truth[names.index(name)] < MINIMUM for name in few)
            published.add((truth, (tuple(shown.values()), tuple(few))))
        assert_unsolvable(published)
        for _, (_, few) in published:
            # Whoever is told that a count is small can still think it any of 1 to 4.
            alike = [truth for truth, said in published if said[1] == few and few]
            for name in few:
                assert {truth[names.index(name)] for truth in alike} == set(range(1, MINIMUM))


def flow_of(losses, events_lost, patients=40, events=20, censored=0):
    """A flow with one step of inclusion and two losses of the outcome; losses and events_lost by line."""
    n = patients + sum(losses)
    e = events + sum(events_lost) + censored
    steps = [_step(n), _step(n) | {"records_out": n - losses[0], "lost": losses[0], "reason": "ineligible"}]
    named = [
        ("patients", None),
        ("in", "ineligible"),
        ("endpoint", "missing"),
        ("endpoint", "date_order"),
        ("endpoint", "after_lock"),
    ]
    lines = []
    for (name, reason), lost, gone in zip(named, (0, *losses, 0), (0, *events_lost, censored), strict=True):
        line = {"step": name, "label": str(reason), "reason": reason}
        line |= {"patients_in": n, "patients_out": n - lost, "patients_lost": lost}
        lines.append(line | {"events_in": e, "events_out": e - gone, "events_lost": gone})
        n, e = n - lost, e - gone
    counts = {"label": "OS", "patients": patients, "events": events, "competing": 0, "censored": patients - events}
    counts |= {"unknown": losses[1] + losses[2], "zero_time": 0, "lines": lines}
    rows = patients + losses[1] + losses[2]
    table = pd.DataFrame({"row": np.arange(rows), "x": 1.0, "c": "u"})
    changes = [{"label": line["label"], "reason": line["reason"], "count": -line["events_lost"]} for line in lines[1:]]
    deaths = {"label": "OS", "delivered": lines[0]["events_in"], "counted": events, "lines": changes}
    flow = {"steps": steps, "endpoints": {"os": counts}, "reconciliation": {"os": deaths}}
    return quality(table, Issues().table(), flow, USE_CASE)


def test_a_flow_of_large_losses_is_shown_with_its_events_and_adds_up():
    record = flow_of((30, 20, 10), (10, 8, 6), censored=5)
    lines = record["endpoints"]["os"]["lines"]
    for before, after in itertools.pairwise(lines):
        assert before["patients_out"] == after["patients_in"] and before["events_out"] == after["events_in"]
        assert after["events_in"] - after["events_lost"] == after["events_out"]
    deaths = record["reconciliation"]["os"]
    assert deaths["delivered"] + sum(line["count"] for line in deaths["lines"]) == deaths["counted"] == 20


@pytest.mark.parametrize("total", [3, 6, 9, 13, 16])
def test_small_losses_of_patients_and_events_cannot_be_subtracted(total):
    published = []
    for first, (second, third) in itertools.product((0, 2, 6), partitions(total, 2)):
        losses = (first, second, third)
        for gone in {(0, 0, 0), (0, second, 0), (0, 0, min(third, 2)), (first, second, third)}:
            record = flow_of(losses, gone)
            truth = (*losses, *gone)
            shown = [record["flow"], record["endpoints"], record["reconciliation"], record["records"]]
            published.append((truth, json.dumps(shown)))
    alike = {}
    for truth, shown in published:
        alike.setdefault(shown, []).append(truth)
    for shown, truths in alike.items():
        for place in (1, 2):
            # What the outcome took out is a partition of the records without one, whose number is known.
            small = [truth[place] for truth in truths if 0 < truth[place] < MINIMUM]
            assert not small or len({truth[place] for truth in truths}) > 1, (shown, truths)
        for line in json.loads(shown)[1]["os"]["lines"]:
            for key in ("patients_lost", "events_lost"):
                assert line[key] is None or not 0 < line[key] < MINIMUM
