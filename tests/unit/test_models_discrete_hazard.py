"""Discrete hazards: the likelihood by hand, federated averaging equal to pooled descent, survival that falls."""

import numpy as np
import pytest
import torch

from federation_sample import GRID, NETWORK, grid_for, plan_for, pooled, sites
from hemapilots.federation.server import train
from hemapilots.models import discrete_hazard

SETTINGS = NETWORK | {"cuts": GRID.tolist()}
OPTIONS = {"name": "fedavg", "rounds": 25, "local_steps": 1, "learning_rate": 0.1}


def test_averages_of_single_steps_are_pooled_descent():
    """Equal to one client with all rows, for the final model and every fold, missing values and unequal sites included."""
    parts = sites([90, 40, 7], folds=3, missing=0.1)
    settings = SETTINGS | {"rounds": 25}
    plan = plan_for("discrete_hazard", settings, folds=3)
    federated = train(grid_for("discrete_hazard", parts), plan, OPTIONS)
    together = train(grid_for("discrete_hazard", [pooled(parts)]), plan, OPTIONS)
    np.testing.assert_allclose(federated.state["parameters"], together.state["parameters"], rtol=0, atol=1e-10)
    start = discrete_hazard.initial(plan, federated.preprocessing)["parameters"]
    assert np.abs(federated.state["parameters"][:, 0] - start).max() > 0.1


def test_pooled_descent_is_a_plain_torch_loop():
    """One client against an ordinary torch model whose loss is written patient by patient."""
    (data,) = sites([60], step=0.01)
    plan = plan_for("discrete_hazard", SETTINGS)
    fitted = train(grid_for("discrete_hazard", [data]), plan, OPTIONS | {"rounds": 3})
    start = discrete_hazard.initial(plan, fitted.preprocessing)["parameters"][0]
    z = torch.tensor((data.x - data.x.mean(axis=0)) / data.x.std(axis=0))
    w1, b1, w2, b2 = (torch.tensor(part, requires_grad=True) for part in np.split(start, [12, 16, 36]))
    for _ in range(3):
        logits = torch.relu(z @ w1.view(3, 4) + b1) @ w2.view(4, 5) + b2
        hazard = torch.sigmoid(logits)
        loss = 0.01 * ((w1**2).sum() + (w2**2).sum())
        for i in range(60):
            for k, cut in enumerate(GRID):
                if data.time[i] >= cut and not (data.event[i] == 1 and data.time[i] == cut):
                    loss = loss - torch.log(1 - hazard[i, k]) / 60
                elif data.event[i] == 1 and (GRID[k - 1] if k else 0) < data.time[i] <= cut:
                    loss = loss - torch.log(hazard[i, k]) / 60
        gradients = torch.autograd.grad(loss, (w1, b1, w2, b2))
        w1, b1, w2, b2 = (
            (part - 0.1 * gradient).detach().requires_grad_()
            for part, gradient in zip((w1, b1, w2, b2), gradients, strict=True)
        )
    expected = torch.cat([w1, b1, w2, b2]).detach().numpy()
    np.testing.assert_allclose(fitted.state["parameters"][0, 0], expected, rtol=0, atol=1e-10)


def test_survival_is_a_product_over_intervals():
    plan = plan_for("discrete_hazard", SETTINGS)
    (data,) = sites([30])
    state = {"parameters": discrete_hazard.layers(3, SETTINGS).initial(1)}
    x = (data.x - data.x.mean(axis=0)) / data.x.std(axis=0)
    hazard = 1 / (1 + np.exp(-discrete_hazard.layers(3, SETTINGS).outputs(state["parameters"], x)))
    found = discrete_hazard.survival(state, x, plan.grid, SETTINGS)
    np.testing.assert_allclose(found, np.cumprod(1 - hazard, axis=1), rtol=1e-12)
    between = discrete_hazard.survival(state, x, np.array([0.25, 2.5, 3.5]), SETTINGS)
    np.testing.assert_allclose(between[:, 0], np.sqrt(1 - hazard[:, 0]), rtol=1e-12)
    np.testing.assert_allclose(between[:, 1], np.sqrt(found[:, 3] * found[:, 4]), rtol=1e-12)
    assert np.isnan(between[:, 2]).all()


def test_without_columns_that_matter_the_hazard_is_the_life_tables():
    """Fitted without hidden layers on constant columns, hazards are deaths over those at risk in each interval."""
    (data,) = sites([400], step=0.5)
    data.x[:] = 1.0
    settings = SETTINGS | {"hidden": [], "weight_decay": 0.0, "optimizer": "adam", "local_steps": 200}
    settings |= {"learning_rate": 0.05, "rounds": 5}
    fitted = train(grid_for("discrete_hazard", [data]), plan_for("discrete_hazard", settings), OPTIONS | settings)
    state = {"parameters": fitted.state["parameters"][0, 0]}
    found = discrete_hazard.survival(state, np.zeros((1, 3)), GRID, settings)[0]
    hazard, before = [], 0.0
    for cut in GRID:
        died = ((data.time > before) & (data.time <= cut) & (data.event == 1)).sum()
        hazard.append(
            died / ((data.time >= cut).sum() + ((data.time < cut) & (data.time > before) & (data.event == 1)).sum())
        )
        before = cut
    np.testing.assert_allclose(found, np.cumprod(1 - np.array(hazard)), atol=1e-3)


def test_cuts_must_rise():
    from pydantic import ValidationError

    from hemapilots.config.models import DiscreteHazard

    with pytest.raises(ValidationError, match="must rise"):
        DiscreteHazard(kind="discrete_hazard", predictors="p", cuts=(1.0, 1.0))
