"""Kaplan-Meier from suppressed counts: the rule cannot be undone, and unsuppressed cells give the curve itself."""

import numpy as np
import pandas as pd
import pytest
from lifelines import KaplanMeierFitter

from hemapilots.evaluation.curves import kaplan_meier_from_counts, merge_cells, pooled_curves, site_curves

SPEC = {"endpoints": ["os"], "grid": [round(0.25 * k, 2) for k in range(1, 21)], "minimum_cell": 5, "entry": []}


def outcomes(n, seed=0):
    rng = np.random.default_rng(seed)
    death, censoring = rng.exponential(3, n), rng.uniform(0.5, 8, n)
    return pd.DataFrame(
        {"os_entry": 0.0, "os_time": np.minimum(death, censoring), "os_event": (death <= censoring).astype(float)}
    )


@pytest.mark.parametrize("n", [15, 60, 300, 2000])
def test_no_small_cell_leaves(n):
    for seed in range(20):
        curve = site_curves("a", outcomes(n, seed), SPEC)
        for name in ("events", "censored"):
            assert not curve[name].between(1, 4).any()
        assert (curve["at_risk"] >= 10).all()
        # What follows from the released rows: those at risk after each cell.
        left = curve["at_risk"] - curve["events"] - curve["censored"]
        assert not left.between(1, 4).any()


def test_pooled_counts_stand_on_every_cell_of_the_grid():
    table = outcomes(300)
    curve = pooled_curves(table, SPEC)
    assert curve["end"].tolist() == SPEC["grid"][: len(curve)] and curve["events"].between(1, 4).any()
    dead = np.histogram(table.loc[table["os_event"] == 1, "os_time"], np.r_[0, curve["end"]])[0]
    assert curve["events"].tolist() == dead.tolist()


def test_rows_add_up_to_what_the_site_has():
    table = outcomes(300)
    curve = site_curves("a", table, SPEC)
    assert curve["at_risk"].iloc[0] == 300
    last = curve["end"].iloc[-1]
    assert curve["events"].sum() == ((table["os_time"] <= last) & (table["os_event"] == 1)).sum()
    np.testing.assert_array_equal(
        curve["at_risk"].iloc[1:], (curve["at_risk"] - curve["events"] - curve["censored"]).iloc[:-1]
    )


def test_curve_is_near_kaplan_meier_with_greenwood_interval():
    table = outcomes(3000)
    curve = kaplan_meier_from_counts(site_curves("a", table, SPEC))
    fitter = KaplanMeierFitter().fit(table["os_time"], table["os_event"])
    # Kaplan-Meier of the times moved to the ends of their cells, in full; that of the times themselves lies near.
    inside = table[table["os_time"] <= curve["time"].iloc[-1]]
    moved = curve["time"].to_numpy()[np.searchsorted(curve["time"], inside["os_time"])]
    rest = np.full(len(table) - len(inside), 99.0)
    coarse = KaplanMeierFitter().fit(np.r_[moved, rest], np.r_[inside["os_event"], np.zeros(len(rest))])
    expected = coarse.survival_function_at_times(curve["time"]).to_numpy()
    np.testing.assert_allclose(curve["survival"], expected, rtol=1e-12)
    exact = fitter.survival_function_at_times(curve["time"]).to_numpy()
    assert np.abs(curve["survival"] - exact).max() < 0.01
    bounds = fitter.confidence_interval_survival_function_
    at = bounds.iloc[np.searchsorted(bounds.index, curve["time"].iloc[-1], side="right") - 1]
    assert curve["lower"].iloc[-1] == pytest.approx(at.iloc[0], abs=0.01)


def test_merging_by_hand():
    counts = np.array([[0, 2, 0, 0], [0, 4, 0, 6], [0, 5, 0, 0]])
    found = merge_cells(np.array([0.0, 1, 2, 3]), 100, counts, 5)
    assert found.to_numpy().tolist() == [[0, 2, 100, 0, 6, 0, 6], [2, 3, 88, 0, 5, 0, 0]]
