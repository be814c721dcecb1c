"""Curves over all sites from the counts that sites released."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import report_sample
from hemapilots.evaluation.censoring import aalen_johansen
from hemapilots.evaluation.curves import incidence_from_counts, site_curves
from hemapilots.report import pages
from hemapilots.report.released import read_released
from hemapilots.report.survival_curves import curve_figures, median_time, together

# What the report and `together` say of curves over sites: distance from the patients' own, by patients where cells below 5 are merged.
SPREAD = {"unmerged": 0.01, 600: 0.08, 2000: 0.035}
EDGES = np.array([0.0, 0.5, 1.0, 1.5, 2.0])


def released(curves, pooled=None):
    """What the figures read of a report's inputs."""
    return SimpleNamespace(curves=curves, pooled_curves=pooled, study=report_sample.study())


def test_without_merged_cells_it_is_the_exact_sum():
    north = report_sample.curves().query("site == 'north'")
    both = pd.concat([north, north.assign(site="south")])
    found = together(both, EDGES)
    for column in ("at_risk", "events", "censored"):
        np.testing.assert_allclose(found[column], 2 * north[column].to_numpy()[: len(found)])


def competing_cohort(n, seed, means):
    """Two exponential events and uniform censoring in five unequal sites."""
    rng = np.random.default_rng(seed)
    times = np.column_stack([*(rng.exponential(mean, n) for mean in means), rng.uniform(0.5, 8, n)])
    event = np.array([1.0, 2.0, 0.0])[times.argmin(axis=1)]
    site = rng.choice(list("abcde"), n, p=[0.35, 0.25, 0.2, 0.12, 0.08])
    return pd.DataFrame({"os_entry": 0.0, "os_time": times.min(axis=1), "os_event": event, "site": site})


def over_sites(cohort, minimum, grid):
    """Incidence from what the sites release."""
    spec = {"endpoints": ["os"], "grid": grid, "minimum_cell": minimum, "entry": []}
    own = [site_curves(site, table, spec) for site, table in cohort.groupby("site")]
    return incidence_from_counts(together(pd.concat([curve for curve in own if len(curve)]), np.r_[0.0, grid]))


@pytest.mark.parametrize("n", [600, 2000])
@pytest.mark.parametrize("minimum", [1, 5])
@pytest.mark.parametrize("means", [(6, 9), (1.5, 3), (1, 1e9)])
def test_incidence_over_sites_is_aalen_johansens_within_its_stated_error(n, minimum, means):
    grid = np.arange(1, 21) / 4
    for seed in range(40):
        cohort = competing_cohort(n, seed, means)
        found = over_sites(cohort, minimum, grid)
        time, event = cohort["os_time"].to_numpy(), cohort["os_event"].to_numpy()
        edges, everybody = found["time"].to_numpy(), np.ones((1, n))
        exact = 1 - aalen_johansen(time, event, everybody).at(edges)[0]
        assert np.abs(found["incidence"] - exact).max() < SPREAD["unmerged" if minimum == 1 else n]
        if minimum == 1:
            # Exactly Aalen-Johansen's of the times moved to the ends of their cells.
            moved = np.r_[grid, 99.0][np.searchsorted(grid, time)]
            coarse = 1 - aalen_johansen(moved, event, everybody).at(edges)[0]
            np.testing.assert_allclose(found["incidence"], coarse, atol=1e-10)


def test_merged_cells_are_spread_and_nobody_is_lost():
    curves = report_sample.curves()
    found = together(curves, EDGES)
    assert found["events"].sum() == pytest.approx(curves["events"].sum())
    assert found["events"].iloc[1] == pytest.approx(8 + 21 / 3)
    assert found["at_risk"].iloc[0] == 120
    # South's one merged cell ends at 2: nobody is at risk there who did not leave before.
    assert found["at_risk"].iloc[-1] - found[["events", "censored"]].iloc[-1].sum() == pytest.approx(15 + 24)


def test_it_ends_where_the_first_site_ends():
    curves = report_sample.curves()
    short = curves[(curves["site"] == "south") | (curves["end"] <= 1.0)]
    assert together(short, EDGES)["end"].iloc[-1] == 1.0


def test_the_median_is_where_the_curve_crosses_one_half():
    curve = pd.DataFrame(
        {"time": [0.0, 1.0, 2.0], "survival": [1.0, 0.6, 0.4], "lower": [1.0, 0.5, 0.3], "upper": [1.0, 0.7, 0.55]}
    )
    assert median_time(curve) == (pytest.approx(1.5), pytest.approx(1.0), None)


def test_figures_carry_the_table_they_were_drawn_from():
    drawn = curve_figures(released(report_sample.curves()), "os", "Overall survival")
    assert [one.name for one in drawn] == ["kaplan_meier_os", "kaplan_meier_os_by_site"]
    north = drawn[1].table.query("curve == 'north'")
    # By hand: 10 events among 60.
    assert north["survival"].iloc[1] == pytest.approx(1 - 10 / 60)
    assert north["at_risk"].iloc[1] == 45
    assert "Number at risk" in drawn[0].svg


def test_a_site_without_cells_is_left_out():
    assert curve_figures(released(report_sample.curves().iloc[:0]), "os", "Overall survival") == []


def test_pooled_counts_are_drawn_where_they_exist():
    pooled = pd.DataFrame(
        {"endpoint": "os", "start": [0.0], "end": [2.0], "at_risk": [100], "events": [40], "censored": [20]}
    ).assign(entered=0, competing=0, years=np.nan)
    drawn = curve_figures(released(report_sample.curves(), pooled), "os", "Overall survival")
    assert drawn[0].table["survival"].iloc[-1] == pytest.approx(1 - 40 / 100)


def test_a_site_too_small_for_any_cell_spoils_nobody_elses_curve(tmp_path):
    inputs = report_sample.write(tmp_path)
    path = inputs["curves"][0]
    path.write_text(path.read_text().splitlines()[0] + "\n")
    read = read_released(inputs, report_sample.study())
    assert read.curves["at_risk"].dtype.kind in "if"
    drawn = curve_figures(read, "os", "Overall survival")
    assert path.parent.name not in set(drawn[-1].table["curve"])


def test_an_incidence_inside_a_merged_cell_is_marked():
    curve = pd.DataFrame(
        {"time": [0.0, 2.0, 6.0], "incidence": [0, 0.1, 0.3], "lower": [0, 0.05, 0.2], "upper": [0, 0.2, 0.4]}
    )
    assert pages._incidence(curve, 2) == "0.100 (0.050 to 0.200)"
    assert pages._incidence(curve, 4) == "≈ 0.200 (0.125 to 0.300)"
    assert pages._incidence(curve, 7) == "not shown"
