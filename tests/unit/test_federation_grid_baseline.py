"""newton with `baseline: grid` equals the pooled fit on coarsened times, by statsmodels, also with late entry."""

import numpy as np
import pytest
from statsmodels.duration.hazard_regression import PHReg

from federation_sample import grid_for, plan_for, pooled, sites
from hemapilots.federation.server import train

NEWTON = {"name": "newton", "baseline": "grid", "rounds": 60, "tolerance": 1e-11}
EDGES = np.arange(0, 9) * 0.75


def fitted(parts, ties):
    return train(grid_for("cox", [part.coarsened(EDGES) for part in parts]), plan_for("cox", {}, ties=ties), NEWTON)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("late_entry", [False, True])
def test_equals_the_pooled_fit_on_coarsened_times(ties, late_entry):
    parts = sites([70, 60, 50], late_entry=late_entry)
    found, whole = fitted(parts, ties), pooled(parts)
    # Coarsened by hand: up to the end of the cell, and nobody beyond the last one.
    up = np.ceil(np.round(whole.time / 0.75, 9)) * 0.75
    came = np.ceil(np.round(whole.entry / 0.75, 9)) * 0.75
    event = np.where(up <= EDGES[-1], whole.event, 0)
    time, stays = np.minimum(up, EDGES[-1]), came < np.minimum(up, EDGES[-1])
    # statsmodels counts who comes at t as at risk at t.
    came = np.where(came > 0, came + 1e-9, 0.0)
    z = (whole.x - whole.x.mean(axis=0)) / whole.x.std(axis=0)
    model = PHReg(time[stays], z[stays], status=event[stays], entry=came[stays] if late_entry else None, ties=ties)
    expected = model.fit(tol=1e-12)
    np.testing.assert_allclose(found.coefficients[0, 0], expected.params, atol=1e-8)
    # statsmodels takes the errors of Efron's method from the same Hessian.
    np.testing.assert_allclose(found.standard_errors, expected.bse, rtol=1e-6)


def test_a_fine_grid_hardly_moves_the_shared_fit():
    parts = sites([120, 100, 80], step=0.01)
    shared = train(grid_for("cox", parts), plan_for("cox", {}), NEWTON | {"baseline": "shared"}).coefficients[0, 0]
    shift = [
        np.abs(
            train(
                grid_for("cox", [part.coarsened(np.arange(0, 400) * step) for part in parts]),
                plan_for("cox", {}),
                NEWTON,
            ).coefficients[0, 0]
            - shared
        ).max()
        for step in (0.5, 0.05)
    ]
    assert shift[1] < shift[0] < 0.1
    assert shift[1] < 0.01


def test_who_comes_and_goes_within_a_cell_counts_nowhere():
    (data,) = sites([50], late_entry=True)
    coarse = data.coarsened(EDGES)
    gone = coarse.entry >= coarse.time
    assert gone.any()
    assert coarse.event[gone].sum() == 0
    assert coarse.risk_sets(np.arange(50)).over_risk_sets(gone[:, None].astype(float)).max() == 0
