"""A site that lacks whole columns takes part in every model: it gets everybody's median or mode, and nothing else changes."""

import numpy as np
import pytest

from federation_sample import GRID, NETWORK, grid_for, plan_for, sites
from hemapilots.federation.server import train

CUTS = {"cuts": GRID.tolist()}
CODE = {"latent": 2, "reconstruction": 0.1, "divergence": 0.1}
TREES = {"thresholds": [-1.0, 0.0, 1.0], "leaf_patients": 15}
BOOSTED = TREES | {"trees": 2, "depth": 2, "learning_rate": 0.3, "l2": 1.0}
STEPS = {"rounds": 3, "local_steps": 1, "learning_rate": 0.1}
EXACT = {"rounds": 40, "tolerance": 1e-10}
# Kind of model, its settings, the strategy with its options.
MODELS = {
    "newton": ("cox", {}, {"name": "newton", "baseline": "site"} | EXACT),
    "shared": ("cox", {}, {"name": "newton", "baseline": "shared"} | EXACT),
    "meta": ("cox", {}, {"name": "meta"}),
    "oneshot": ("cox", {}, {"name": "oneshot", "baseline": "site"}),
    "cox-fedavg": ("cox", {}, {"name": "fedavg"} | STEPS),
    "fine-gray": ("fine_gray", {}, {"name": "newton", "baseline": "site"} | EXACT),
    "deepsurv": ("deepsurv", NETWORK, {"name": "fedavg"} | STEPS),
    "hazard": ("discrete_hazard", NETWORK | CUTS, {"name": "scaffold"} | STEPS),
    "savae": ("savae", NETWORK | CODE, {"name": "fedavg"} | STEPS),
    "forest": ("forest", TREES | CUTS | {"trees": 3, "seed": 1}, {"name": "forest_sampling"}),
    "boosting": ("boosting", BOOSTED, {"name": "histogram_boosting", "rounds": 4}),
}


@pytest.mark.parametrize("name", MODELS)
def test_missing_columns_equal_columns_of_the_agreed_value(name):
    kind, settings, options = MODELS[name]
    parts = sites([90, 80, 70])
    for column in (0, 1):
        parts[1].x[:, column] = np.nan
    fitted = train(grid_for(kind, parts), plan_for(kind, settings), options)
    known = [np.concatenate([parts[0].x[:, column], parts[2].x[:, column]]) for column in (0, 1)]
    median, mode = np.sort(known[0])[79], float(known[1].mean() > 0.5)
    assert 0 <= fitted.preprocessing.fill[0, 0] - median <= known[0].std() * 2**-15 * (1 + 1e-6)
    assert fitted.preprocessing.fill[0, 1] == mode
    for value in fitted.state.values():
        assert np.isfinite(value).all()
    filled = sites([90, 80, 70])
    for column in (0, 1):
        filled[1].x[:, column] = fitted.preprocessing.fill[0, column]
    plan = plan_for(kind, settings)
    again = train(grid_for(kind, filled), plan, options)
    for key, value in again.state.items():
        np.testing.assert_allclose(fitted.state[key][0], value[0], atol=2e-3)
