"""Log-rank tests: stratified and plain against R's survdiff and lifelines, from counts against the same on coarsened times."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lifelines.statistics import multivariate_logrank_test
from scipy.stats import chi2

from hemapilots.evaluation.curves import edges_of, site_curves
from hemapilots.evaluation.log_rank import SITES, across_sites, log_rank, log_rank_table, log_rank_tests, sites_table

DATA = Path(__file__).parent / "data"
SPEC = {
    "endpoints": ["os"],
    "grid": [round(0.25 * k, 2) for k in range(1, 21)],
    "scale_grid": [float(k) for k in range(121)],
    "minimum_cell": 5,
    "entry": [],
    "subgroups": ["level"],
}


def outcomes(n, rate, seed, entry=0.0):
    rng = np.random.default_rng(seed)
    death, censoring = rng.exponential(1 / rate, n), rng.uniform(0.5, 8, n)
    time = np.ceil(np.minimum(death, censoring) * 12) / 12
    table = {"os_entry": entry, "os_time": entry + time, "os_event": (death <= censoring).astype(float)}
    return pd.DataFrame(table | {"level": rng.choice(["a", "b", "c"], n)})


def sites(sizes=(300, 200, 150), rates=(0.3, 0.35, 0.5)):
    return {f"s{k}": outcomes(n, rate, k) for k, (n, rate) in enumerate(zip(sizes, rates, strict=True))}


def test_stratified_sums_equal_survdiff():
    """R: survdiff(Surv(time, event) ~ group + strata(site)); competing.csv with event 1 against the rest."""
    expected = json.loads((DATA / "log_rank.json").read_text())
    d = pd.read_csv(DATA / "log_rank.csv")
    parts = [d[d["site"] == site] for site in sorted(d["site"].unique())]
    found = [
        log_rank(
            np.zeros(len(p)),
            *(p[n].to_numpy() for n in ("time",)),
            p["event"].to_numpy() == 1,
            p["group"].to_numpy(),
            3,
        )
        for p in parts
    ]
    difference, covariance = sum(one.difference for one in found), sum(one.covariance for one in found)
    np.testing.assert_allclose(difference, expected["stratified"]["difference"], atol=1e-10)
    np.testing.assert_allclose(covariance, expected["stratified"]["variance"], atol=1e-10)


def test_table_of_sums_adds_up_to_survdiff():
    expected = json.loads((DATA / "log_rank.json").read_text())
    d = pd.read_csv(DATA / "log_rank.csv")
    d = d.assign(os_entry=0.0, os_time=d["time"], os_event=d["event"], level=d["group"].map({0: "a", 1: "b", 2: "c"}))
    tables = [log_rank_table(site, part, SPEC) for site, part in d.groupby("site")]
    test = log_rank_tests(pd.concat(tables))["os", "level"]
    assert test.statistic == pytest.approx(expected["stratified"]["chisq"], abs=1e-10)
    assert test.degrees == 2
    assert test.p == pytest.approx(chi2.sf(expected["stratified"]["chisq"], 2), rel=1e-10)
    whole = log_rank_tests(sites_table(dict(list(d.groupby("site"))), SPEC))["os", SITES]
    assert whole.statistic == pytest.approx(expected["sites"]["chisq"], abs=1e-10)


def test_late_entry_equals_the_score_test_of_a_cox_model():
    """R: coxph(Surv(entry, time, event) ~ factor(group) + strata(site), ties = "breslow")$score, without ties."""
    expected = json.loads((DATA / "log_rank.json").read_text())["late"]
    d = pd.read_csv(DATA / "log_rank.csv")
    parts = [d[d["site"] == site] for site in sorted(d["site"].unique())]
    found = [
        log_rank(p["entry"].to_numpy(), p["untied"].to_numpy(), p["event"].to_numpy() == 1, p["group"].to_numpy(), 3)
        for p in parts
    ]
    total = type(found[0])(sum(one.difference for one in found), sum(one.covariance for one in found))
    assert total.statistic == pytest.approx(expected, rel=1e-8)


def test_curves_without_merging_give_the_test_on_coarsened_times():
    """lifelines on times moved to the ends of the cells; cells of plenty of patients are never merged."""
    parts, spec = sites((4000, 3000, 3000)), SPEC | {"minimum_cell": 1}
    curves = pd.concat([site_curves(site, table, spec) for site, table in parts.items()])
    table, test = across_sites(curves, edges_of("os", spec))
    everyone = pd.concat([part.assign(site=site) for site, part in parts.items()])
    grid, end = np.array(SPEC["grid"]), curves.groupby("site")["end"].max()
    assert end.nunique() == 1
    late = everyone["os_time"] > end.iloc[0]
    at = grid[np.searchsorted(grid, everyone["os_time"].clip(upper=end.iloc[0]) - 1e-12)]
    expected = multivariate_logrank_test(
        np.where(late, 99, at), everyone["site"], np.where(late, 0, everyone["os_event"])
    )
    assert test.statistic == pytest.approx(expected.test_statistic, rel=1e-10)
    assert table["observed"].sum() == pytest.approx(table["expected"].sum())


def until(table, end):
    """Follow-up that stops where a curve ends."""
    late = table["os_time"] > end
    return table.assign(os_time=table["os_time"].clip(upper=end), os_event=table["os_event"].where(~late, 0.0))


def test_merged_cells_stay_near_the_test_on_original_times():
    """The stated error of counts on a grid: quarter-years, merged to five events and five censorings at each of three sites."""
    ratios = []
    for seed in range(20):
        parts = {
            f"s{k}": outcomes(n, rate, 100 * seed + k)
            for k, (n, rate) in enumerate(zip((250, 150, 60), (0.3, 0.35, 0.55), strict=True))
        }
        curves = pd.concat([site_curves(site, table, SPEC) for site, table in parts.items()])
        found = across_sites(curves, edges_of("os", SPEC))[1]
        ended = {site: until(part, curves[curves["site"] == site]["end"].max()) for site, part in parts.items()}
        exact = log_rank_tests(sites_table(ended, SPEC))["os", SITES]
        assert found.degrees == exact.degrees == 2
        ratios.append(found.difference - exact.difference)
    # In events, where standard deviations are about six.
    assert np.abs(np.mean(ratios, axis=0)).max() < 1.0
    assert np.std(ratios, axis=0).max() < 1.5


def test_sites_alike_are_rejected_at_the_nominal_rate():
    p = []
    for seed in range(300):
        parts = {f"s{k}": outcomes(n, 0.35, 1000 + 10 * seed + k) for k, n in enumerate((150, 100, 60))}
        curves = pd.concat([site_curves(site, table, SPEC) for site, table in parts.items()])
        p.append(across_sites(curves, edges_of("os", SPEC))[1].p)
    assert 0.02 <= np.mean(np.array(p) < 0.05) <= 0.09


def test_late_entry_from_person_years_finds_the_same_difference():
    spec = SPEC | {"entry": ["os"]}
    parts = {
        f"s{k}": outcomes(2000, rate, k, entry=np.random.default_rng(k).uniform(10, 30, 2000))
        for k, rate in enumerate((0.2, 0.3))
    }
    curves = pd.concat([site_curves(site, table, spec) for site, table in parts.items()])
    found = across_sites(curves, edges_of("os", spec))[1]
    exact = log_rank_tests(sites_table(parts, spec))["os", SITES]
    assert found.difference[0] == pytest.approx(exact.difference[0], rel=0.05)
    assert found.degrees == 1


def test_small_parts_do_not_leave():
    table = outcomes(200, 0.4, 3).assign(level="a")
    table.loc[:3, "level"] = "b"
    assert log_rank_table("s", table, SPEC).empty
    table.loc[:60, "level"] = "b"
    table.loc[199, "level"] = "c"
    assert set(log_rank_table("s", table, SPEC)["level"]) == {"a", "b"}
