"""Figures from released histograms against those of the rows: exact for what decomposes, close for C, and no small count."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hemapilots.evaluation import concordance, evaluate_pooled
from hemapilots.evaluation.censoring import weigh
from hemapilots.evaluation.combine import within_site
from hemapilots.evaluation.discrimination import Fold
from hemapilots.evaluation.federated import federated_rows
from hemapilots.evaluation.frames import COUNT_COLUMNS, frame
from hemapilots.evaluation.grouped import Grouped
from hemapilots.evaluation.histograms import KINDS, Plane, added, edges_of, plane_of, site_histograms
from hemapilots.evaluation.scope import Scopes

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "nightly"))

import splits

GRID = [0.25 * k for k in range(1, 21)]
EDGES = [*(k / 100 for k in range(1, 10)), *(k / 50 for k in range(5, 50))]
KEY = {"model": "cox", "regime": "federated/newton"}
NOTHING = within_site(frame([], COUNT_COLUMNS), "metric", {"bootstrap": {"level": 0.95}, "scenario": "base"})


def spec(**changes):
    decision = {"name": "treat", "endpoint": "os", "horizon": 2.0, "thresholds": [0.2, 0.4], "act": "above"}
    return {
        "scenario": "base",
        "endpoints": ["os"],
        "horizons": {"os": [2.0, 4.0]},
        "decisions": [decision, decision | {"name": "less", "act": "below"}],
        "subgroups": [],
        "categories": {},
        "competing": {},
        "tau": 5.0,
        "grid": GRID,
        "risk_edges": EDGES,
        "bootstrap": {"samples": 60, "seed": 3, "level": 0.95},
        "minimum_cell": 0,
        "comparisons": [],
        "criteria": [],
        "primary": {"endpoint": "os", "metric": "uno_c"} | KEY,
    } | changes


def sites(sizes=(600, 300, 100), competing=False, coarse=True, seed=1):
    """Invented sites with right-censored times, on the ends of the grid's cells if `coarse`, and the true risks."""
    rng, found, first = np.random.default_rng(seed), {}, 0
    for name, n in zip("abc", sizes, strict=False):
        rows, first = np.arange(first, first + n), first + n
        linear = rng.normal(size=n)
        event = rng.exponential(6 * np.exp(-linear))
        other = rng.exponential(9, n) if competing else np.full(n, np.inf)
        limit = rng.uniform(0.5, 9, n)
        code = np.where(np.minimum(event, other) > limit, 0, np.where(event <= other, 1, 2))
        time = np.minimum(np.minimum(event, other), limit)
        time = np.ceil(time / 0.25) * 0.25 if coarse else time
        outcomes = pd.DataFrame({"row": rows, "os_entry": 0.0, "os_time": time, "os_event": code.astype(float)})
        folds = pd.DataFrame({"replicate": 0, "fold": 0, "row": rows})
        table = folds.assign(risk=linear)
        for t in GRID:
            table[f"survival_{t:g}"] = np.exp(-np.exp(linear) * t / 6)
        found[name] = outcomes, folds, {("os", *KEY.values()): table}
    return found


def released(data, plan):
    return pd.concat([site_histograms(name, Scopes({name: data[name]}, plan)) for name in data], ignore_index=True)


def figures(table, suffix=""):
    table = table[(table["model"] == "cox") & (table["metric"].str.endswith(suffix))]
    names = zip(
        table["metric"].str.removesuffix(suffix),
        table["horizon"],
        table["decision"].fillna(""),
        table["threshold"].fillna(-1),
        strict=True,
    )
    return dict(zip(names, table["estimate"], strict=True))


@pytest.mark.parametrize("competing", [False, True])
def test_what_decomposes_equals_the_pooled_figures(competing):
    plan = spec(competing={"os": ["other"]} if competing else {})
    data = sites(competing=competing)
    pooled = figures(evaluate_pooled(Scopes(data, plan))[0])
    found = figures(federated_rows(released(data, plan), NOTHING, plan), "_histogram")
    compared = [name for name in found if name[0] != "uno_c"]
    assert len(compared) == 2 * 3 + 2 * 11
    for name in compared:
        assert found[name] == pytest.approx(pooled[name], abs=1e-10), name
    # Odd points of risk are no edges, and so no thresholds that a histogram could tell.
    assert ("net_benefit", 2.0, "treat", 0.21) not in found and ("net_benefit", 2.0, "treat", 0.22) in found


@pytest.mark.parametrize("competing", [False, True])
def test_c_is_the_mean_over_times_drawn_within_their_cells(competing):
    """Rows with binned risks, each time drawn anew between the edges of its cell, give the same C on average."""
    plan, rng, values = spec(competing={"os": ["other"]} if competing else {}), np.random.default_rng(7), []
    data = sites(sizes=(300, 100), competing=competing)
    outcomes = pd.concat([one[0] for one in data.values()], ignore_index=True)
    table = pd.concat([next(iter(one[2].values())) for one in data.values()], ignore_index=True)
    binned = np.digitize(1 - table["survival_2"], EDGES).astype(float)
    for _ in range(40):
        time = outcomes["os_time"].to_numpy() - 0.25 * rng.uniform(size=400)
        judged = Fold(weigh(time, outcomes["os_event"].to_numpy(int), np.ones((1, 400))), np.arange(400), 5.0)
        values.append(np.divide(*judged.concordance(binned)["uno_c"])[0])
    found = figures(federated_rows(released(data, plan), NOTHING, plan), "_histogram")
    assert found["uno_c", 5.0, "", -1.0] == pytest.approx(np.mean(values), abs=1e-3)


def test_site_order_does_not_matter_and_sums_are_those_of_one_site():
    plan, data = spec(), sites()
    table = released(data, plan)
    turned = released({name: data[name] for name in reversed(data)}, plan)
    pd.testing.assert_frame_equal(federated_rows(table, NOTHING, plan), federated_rows(turned, NOTHING, plan))


def test_no_rectangle_is_small_and_every_patient_is_in_one():
    plan, data = spec(minimum_cell=5), sites(coarse=False, competing=True)
    table = released(data, plan)
    assert table["n"].min() >= 5
    for (site, horizon), part in table.groupby(["site", "horizon"]):
        outcomes = data[site][0]
        for code, kind in enumerate(KINDS):
            assert part.loc[part["kind"] == kind, "n"].sum() == (outcomes["os_event"] == code).sum(), (site, horizon)
    risks, times = edges_of(plan)
    assert set(table["risk_from"]) <= set(risks) and set(table["time_to"]) <= set(times)


def test_rectangles_do_not_overlap():
    plan, data = spec(minimum_cell=5), sites(sizes=(400,), coarse=False)
    part = released(data, plan).query("kind == 'event' and horizon == 2")
    risks, times = edges_of(plan)
    covered = np.zeros((len(risks) - 1, len(times) - 1))
    for row in part.itertuples():
        at = np.searchsorted(risks, (row.risk_from, row.risk_to)), np.searchsorted(times, (row.time_from, row.time_to))
        covered[slice(*at[0]), slice(*at[1])] += 1
    assert covered.max() == 1


def test_rectangles_have_no_horizon_inside_where_both_sides_hold_enough():
    plan, data = spec(minimum_cell=5), sites(sizes=(110, 110, 110), coarse=False)
    table, cut = released(data, plan), 0
    for (site, kind), part in table.groupby(["site", "kind"]):
        outcomes = data[site][0]
        outcomes = outcomes[outcomes["os_event"] == KINDS.index(kind)]
        limits = [0.0, 2.0, 4.0, np.inf]
        if np.histogram(outcomes["os_time"], limits)[0].min() >= 5:
            cut += 1
            for horizon in (2.0, 4.0):
                assert not ((part["time_from"] < horizon) & (part["time_to"] > horizon)).any()
    assert cut >= 4


def test_small_cells_leave_observed_over_expected_and_ipa_unbiased():
    """Three sites of 110 patients each, six times: the mean difference from counts on every cell is below 0.01."""
    apart = []
    for seed in range(6):
        data, found = sites(sizes=(110, 110, 110), coarse=False, seed=seed), []
        for minimum in (5, 0):
            plan = spec(minimum_cell=minimum, bootstrap={"samples": 2, "seed": 3, "level": 0.95})
            found.append(figures(federated_rows(released(data, plan), NOTHING, plan), "_histogram"))
        names = [(metric, horizon, "", -1.0) for metric in ("oe", "ipa") for horizon in (2.0, 4.0)]
        apart.append([found[0][name] - found[1][name] for name in names])
    assert np.abs(np.mean(apart, axis=0)).max() < 0.01


def test_a_kind_that_is_rare_keeps_the_whole_table_at_the_site():
    plan, data = spec(minimum_cell=5), sites(sizes=(100,))
    outcomes, folds, predictions = data["a"]
    few = outcomes["os_event"].where(outcomes["os_event"] == 1, 1.0).mask(outcomes.index < 3, 0.0)
    assert released({"a": (outcomes.assign(os_event=few), folds, predictions)}, plan).empty


def test_exact_times_and_suppression_stay_close():
    """On exact times, and with no count below five, C and O/E of three random parts stay near those of the rows."""
    data = sites(sizes=(1200, 600, 200), coarse=False, seed=4)
    pooled = figures(evaluate_pooled(Scopes(data, spec()))[0])
    for minimum, apart in ((0, 0.003), (5, 0.008)):
        plan = spec(minimum_cell=minimum)
        found = figures(federated_rows(released(data, plan), NOTHING, plan), "_histogram")
        assert found["uno_c", 5.0, "", -1.0] == pytest.approx(pooled["uno_c", 5.0, "", -1.0], abs=apart)
        assert found["oe", 2.0, "", -1.0] == pytest.approx(pooled["oe", 2.0, "", -1.0], abs=0.02)


def test_interval_is_that_of_a_bootstrap_of_patients():
    """The half-width of C from resampled cells against the influence function on the rows."""
    plan, data = spec(bootstrap={"samples": 400, "seed": 3, "level": 0.95}), sites(coarse=False)
    table = federated_rows(released(data, plan), NOTHING, plan)
    row = table[table["metric"] == "uno_c_histogram"].iloc[0]
    time, event, risk = (
        np.concatenate([part[0][name] for part in data.values()])
        if name != "risk"
        else np.concatenate([next(iter(part[2].values()))["risk"] for part in data.values()])
        for name in ("os_time", "os_event", "risk")
    )
    _, lower, upper = concordance(time, event == 1, risk, ipcw=True, tau=5.0)
    assert (row["upper"] - row["lower"]) / (upper - lower) == pytest.approx(1, abs=0.12)
    assert row["n"] == 1000


def test_plane_sums_are_those_of_the_patients():
    plan = spec()
    rng = np.random.default_rng(2)
    risk, time, event = rng.uniform(size=500), rng.exponential(3, 500), rng.integers(0, 3, 500)
    plane = plane_of(risk, time, event, plan)
    assert plane.count.sum() == 500
    assert (plane.count * plane.mean).sum() == pytest.approx(risk.sum(), abs=1e-10)
    assert (plane.count * plane.square).sum() == pytest.approx((risk**2).sum(), abs=1e-10)
    assert added([], plan).count.sum() == 0


def test_fractions_of_patients_leave_no_censoring_curve_below_nought():
    """Sums of fractions in other orders differ in their last digits: the curve after the last cell ends at nought, C stays a number."""
    rng = np.random.default_rng(0)
    count = rng.integers(0, 9, (50, 3, 3, 6)) / rng.integers(3, 30, (50, 3, 3, 6))
    plane = Plane(count[0], np.full(count[0].shape, 0.3), np.full(count[0].shape, 0.1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = Grouped(count, plane, 6).uno_c()
    assert ((found >= 0) & (found <= 1)).all()


def test_random_splits_of_one_cohort():
    """Ten of the nightly test's forty splits, and the patients it invents: within its limits, which the command judges."""
    table = splits.measured(*splits.invented(), splits=10)
    assert len(table) == 10 and splits.kept(table)
    assert not splits.kept(table + 0.0125)
    told = table["uno_c histogram, cells of 5 or more"]
    assert told.abs().max() < 0.015 and told.std() > 0


def test_models_that_differ_from_site_to_site_are_ranked_within_sites():
    """Of `local/own` C over pairs of one site is told, by comparable pairs, and nothing else."""
    plan, data = spec(), sites()
    counts = [
        {"site": site, "kind": "metric", "endpoint": "os", "model": "cox", "subgroup": "all", "se": 0.02, "n": 100.0}
        | {"regime": regime, "metric": metric, "estimate": estimate, "weight": weight, "events": 50.0}
        for site, estimate, weight in (("a", 0.6, 300.0), ("b", 0.7, 100.0))
        for regime in ("local/own", "local/a")
        for metric in ("uno_c", "harrell_c", "oe")
    ]
    within = within_site(frame(counts, COUNT_COLUMNS), "metric", plan)
    table = federated_rows(released(data, plan), within, plan)
    found = table[table["metric"].str.endswith("_within_site")].set_index(["regime", "metric"])["estimate"]
    assert sorted(found.index) == [("local/own", "harrell_c_within_site"), ("local/own", "uno_c_within_site")]
    assert found.to_numpy() == pytest.approx(0.625)
