"""What leaves a site: a reader who knows the rule and every total must not be able to name a small count."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest

from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.issues import Issues
from hemapilots.harmonize.suppression import Draw, hide, hide_and_tell
from hemapilots.quality import quality, released_record, site_secret, table_one

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


def drawn(order):
    """A draw that puts cells in a given order."""
    return lambda names: [names[place] for place in order]


@pytest.mark.parametrize(("cells", "totals"), [(2, range(40)), (3, range(30)), (4, (9, 10, 13, 16, 19))])
def test_hidden_cells_cannot_be_solved_for_by_one_who_knows_the_rule(cells, totals):
    names = "abcd"[:cells]
    for total in totals:
        published = set()
        for truth, order in itertools.product(partitions(total, cells), itertools.permutations(range(cells))):
            shown = hide(dict(zip(names, truth, strict=True)), MINIMUM, drawn(order))
            assert not any(value is not None and 0 < value < MINIMUM for value in shown.values())
            assert all(value in (None, true) for value, true in zip(shown.values(), truth, strict=True))
            published.add((truth, tuple(shown.values())))
        assert_unsolvable(published)


def test_small_large_and_zero_cells():
    draw = Draw(b"secret")
    assert set(hide({str(place): 1 for place in range(12)}, MINIMUM, draw).values()) == {None}
    assert hide({"a": 3, "b": 0, "c": 900}, MINIMUM, draw) == {"a": None, "b": 0, "c": None}
    assert hide({"a": 0, "b": 40, "c": 5}, MINIMUM, draw) == {"a": 0, "b": 40, "c": 5}
    assert hide({"a": 4, "b": 3, "c": 50}, MINIMUM, draw) == {"a": None, "b": None, "c": 50}


def test_the_complement_depends_on_secret_and_table_and_not_on_counts():
    cells = {"a": 3, "b": 10, "c": 20, "d": 30}
    shown = {tuple(hide(cells, MINIMUM, Draw(bytes([seed]))).values()) for seed in range(30)}
    assert len(shown) == 3
    shown = {tuple(hide(cells, MINIMUM, Draw(b"s").of(str(table))).values()) for table in range(30)}
    assert len(shown) == 3
    for secret in (b"s", b"t", b"u"):
        hidden = [
            {
                name
                for name, count in hide({"a": 3, "b": b, "c": c, "d": 60 - b - c}, MINIMUM, Draw(secret)).items()
                if count is None
            }
            for b, c in itertools.product(range(10, 20), range(10, 20))
        ]
        assert all(found == hidden[0] for found in hidden)


def two_releases(total):
    """(two releases, the truths behind them) where a correction moves one patient from a cell to another, by order of the draw."""
    for order in itertools.permutations(range(3)):
        alike = {}
        for truth in partitions(total, 3):
            for taken, given in itertools.permutations(range(3), 2):
                after = list(truth)
                after[taken], after[given] = after[taken] - 1, after[given] + 1
                if after[taken] >= 0:
                    shown = [hide(dict(zip("abc", one, strict=True)), MINIMUM, drawn(order)) for one in (truth, after)]
                    key = json.dumps(shown)
                    alike.setdefault(key, []).append((truth, tuple(after)))
        yield from alike.values()


def same_zeros(before, after):
    return [count == 0 for count in before] == [count == 0 for count in after]


def smalls(truth):
    return [place for place, count in enumerate(truth) if 0 < count < MINIMUM]


@pytest.mark.parametrize("total", [13, 16, 21])
def test_two_releases_with_one_corrected_cell_reveal_no_more_than_one(total):
    """Whoever sees both, knows that one patient moved and even knows the order of the draw still cannot name a small count, unless
    the correction crosses the rule: a count becomes small, large or none, or all the small ones were as large as they can be."""
    for pairs in two_releases(total):
        for before, after in pairs:
            crossed = smalls(before) != smalls(after) or not same_zeros(before, after)
            full = any(
                {one[place] for place in smalls(one)} in ({1}, {MINIMUM - 1}) and len(smalls(one)) > 1
                for one in (before, after)
            )
            for place in () if crossed or full else smalls(before):
                assert len({one[place] for one, _ in pairs}) > 1, (before, after)


def test_the_secret_of_a_site(tmp_path):
    derived = site_secret(tmp_path, "pilot/a", "report")
    assert derived == site_secret(tmp_path, "pilot/a", "report") != site_secret(tmp_path, "pilot/b", "report")
    assert not (tmp_path / "secret").exists()
    made = site_secret(tmp_path, "pilot/a", "enforce")
    assert made != derived and len(made) == 64 and (tmp_path / "secret").stat().st_mode & 0o077 == 0
    assert {site_secret(tmp_path, "pilot/a", gate) for gate in ("enforce", "report")} == {made}
    (tmp_path / "secret").write_text("short\n")
    with pytest.raises(HemaPilotsError, match="shorter than 16 characters; remove it"):
        site_secret(tmp_path, "pilot/a", "enforce")


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
def test_table_one_and_quality_together_cannot_be_solved(n):
    published = []
    for truth in partitions(n, 3):
        table, issues, flow = site(n, 0, 0, 0, truth[:2])
        record = quality(table, issues, flow, USE_CASE)
        for seed in range(4):
            row = table_one(table, USE_CASE, draw=Draw(bytes([seed])))["c"]
            published.append((truth, json.dumps([record["records"], record["variables"]["c"], row])))
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


def test_the_few_without_an_outcome_cannot_be_subtracted(n=11):
    """The records are known: patients, or the sum of their parts, would give the unknown away."""
    assert_unsolvable((truth, json.dumps(endpoint(*truth))) for truth in partitions(n, 4))
    shown = endpoint(50, 10, 100, 3)
    assert shown["patients"] is None and shown["unknown"] is None and shown["few"] == ["unknown"]
    assert sum(shown[name] is None for name in ("events", "competing", "censored")) == 1


def test_rounded_counts_keep_the_patients_since_their_difference_is_no_count():
    n = {"patients": 160, "events": 50, "competing": 10, "censored": 100, "unknown": 3, "zero_time": 0}
    table = pd.DataFrame({"row": np.arange(163), "x": 1.0, "c": "u"})
    flow = {"steps": [_step(163)], "endpoints": {"os": {"label": "OS", **n}}}
    shown = quality(table, Issues().table(), flow, USE_CASE, rounded=True)["endpoints"]["os"]
    assert (shown["patients"], shown["events"], shown["unknown"]) == (160, 50, None)


def numbers(values):
    return table_one(pd.DataFrame({"row": np.arange(len(values)), "x": values, "c": "u"}), USE_CASE)["x"]


def test_table_one_moments_and_quartiles_need_patients():
    for n, moments, quartiles in (
        (5, False, False),
        (19, False, False),
        (20, True, False),
        (39, True, False),
        (40, True, True),
    ):
        row = numbers(np.arange(n, dtype=float))
        assert (row["mean"] is not None, row["median"] is not None) == (moments, quartiles)
    assert row["mean"] == 19.5 and row["median"] == 19.5 and row["lower_quartile"] == 9.75
    assert row["sd"] == pytest.approx(np.std(np.arange(40), ddof=1), rel=1e-3)
    assert row["n"] == 40 and row["unit"] == "g/dL"


@pytest.mark.parametrize(("other", "told"), [(1, False), (4, False), (5, True)])
def test_the_mean_of_patients_who_are_alike_but_for_a_few_is_not_told(other, told):
    row = numbers(np.array([2.0] * (100 - other) + [7.5] * other))
    assert all((row[name] is not None) == told for name in ("mean", "sd", "median", "lower_quartile"))


def test_moments_have_three_digits_where_counts_are_rounded():
    table = pd.DataFrame({"row": np.arange(50), "x": np.linspace(1, 2, 50) ** 3, "c": "u"})
    flow = {"steps": [_step(50)], "endpoints": {}}
    rules = {"checks": {}, "share": {"category": "", "subcategory": None, "context": ""}, "not_assessed": [], "own": {}}
    for rounding, digits in ((1, 4), (5, 3)):
        row = released_record(table, Issues().table(), flow, USE_CASE, rules, rounding, b"")["table_one"]["x"]
        assert row["mean"] == float(f"{table['x'].mean():.{digits}g}")


GENES = {name: {"label": name, "type": "flag", "gene": name} for name in ("a", "b", "z")}


def panel(missing, off, n=100, outside=0):
    """A site whose genes share a panel that `off` patients do not have; missing: gene -> cells missing besides.

    outside: variants of gene z that were reported outside the panel and kept."""
    table, issues = pd.DataFrame({"row": np.arange(n)}), Issues()
    for name in GENES:
        values = np.zeros(n)
        kept = outside if name == "z" else 0
        values[kept:off] = np.nan
        values[off : off + missing.get(name, 0)] = np.nan
        table[name] = values
        issues.cells(np.arange(kept, off), name, "null", "not_assayed", "")
    use_case = {"variables": GENES, "endpoints": {}, "table_one": ["a", "b"]}
    record = quality(table, issues.table(), {"steps": [_step(n)], "endpoints": {}}, use_case)
    return record["variables"], table_one(table, use_case, aside=None)


def test_not_assayed_is_told_for_every_gene_of_a_panel_and_protects_the_others():
    shown, _ = panel({"a": 2, "b": 20}, 30)
    assert [shown[name]["nulled"]["not_assayed"] for name in GENES] == [30, 30, 30]
    # Of the 70 assayed: two missing cannot be had from another gene's count.
    assert shown["a"]["n"] is None and shown["a"]["absent"] is None and shown["a"]["missing"] is None
    assert (shown["b"]["n"], shown["b"]["absent"], shown["b"]["missing"]) == (50, 50, 20)
    assert (shown["z"]["n"], shown["z"]["missing"]) == (70, 0) and shown["a"]["few"] == ["absent"]


@pytest.mark.parametrize(("n", "offs"), [(60, range(1, 6)), (60, (30,)), (20, range(15, 21))])
def test_genes_of_one_panel_together_cannot_be_solved(n, offs):
    alike, most = {}, 6
    for off in offs:
        for missing in itertools.product(range(min(most, n - off) + 1), repeat=2):
            shown, _ = panel(dict(zip("ab", missing, strict=True)), off, n)
            alike.setdefault(json.dumps(shown), []).append((off, n - off, *missing))
    for truths in alike.values():
        # Those with more missing look like others beyond `most`.
        inside = [truth for truth in truths if max(truth[2:]) <= most - 4]
        for place in range(4 if inside else 0):
            values = {truth[place] for truth in truths}
            assert len(values) > 1 or not any(0 < truth[place] < MINIMUM for truth in inside), truths


def test_a_variant_outside_the_panel_cannot_be_subtracted():
    shown, _ = panel({}, 30, outside=1)
    assert shown["a"]["nulled"]["not_assayed"] == 30
    assert {shown["z"][name] for name in ("n", "absent", "missing", "plain")} == {None}
    assert set(shown["z"]["nulled"].values()) == {None} == set(shown["z"]["flagged"].values())


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
            shown, few = hide_and_tell(dict(zip(names, truth, strict=True)), MINIMUM, drawn(order))
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
    record = flow_of((30, 20, 12), (10, 8, 6), censored=5)
    lines = record["endpoints"]["os"]["lines"]
    for before, after in itertools.pairwise(lines):
        assert before["patients_out"] == after["patients_in"] and before["events_out"] == after["events_in"]
        assert after["events_in"] - after["events_lost"] == after["events_out"]
    deaths = record["reconciliation"]["os"]
    assert deaths["delivered"] + sum(line["count"] for line in deaths["lines"]) == deaths["counted"] == 20


@pytest.mark.parametrize(
    ("lost", "events", "shown"),
    [(3, 0, None), (3, 3, None), (6, 0, None), (20, 3, None), (20, 17, None), (20, 0, 0), (20, 20, 20), (20, 10, 10)],
)
def test_events_among_the_lost_are_shown_only_where_neither_they_nor_the_others_are_few(lost, events, shown):
    line = flow_of((lost, 20, 10), (events, 10, 0))["endpoints"]["os"]["lines"][1]
    assert line["events_lost"] == shown
    assert (line["events_in"] is None) == (shown is None)


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
