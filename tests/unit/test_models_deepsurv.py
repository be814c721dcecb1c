"""DeepSurv: its likelihood is that of the Cox model, its training that of a plain torch loop, one site or many."""

import numpy as np
import pytest
import torch

from federation_sample import GRID, NETWORK, grid_for, plan_for, sites
from hemapilots.federation.server import train
from hemapilots.models import deepsurv, deepsurv_loss
from hemapilots.models import partial_likelihood as pl
from hemapilots.models.batch import batch_of
from hemapilots.models.data import Preprocessing, TrainingData
from hemapilots.models.layers import Layers
from hemapilots.models.training_sets import training_sets

FEDAVG, FEDPROX = {"name": "fedavg"}, {"name": "fedprox", "mu": 3.0}


def options(strategy, **changed):
    return strategy | {key: (NETWORK | changed)[key] for key in ("rounds", "local_steps", "learning_rate")}


def prepared(data, sets, ties):
    plain = Preprocessing(
        np.zeros((len(sets), 3)), np.zeros((len(sets), 3)), np.ones((len(sets), 3)), *np.zeros((2, len(sets)))
    )
    state = {"preprocessing": plain, "sets": sets}
    batch = batch_of(data, state, np.arange(len(sets)), np.arange(len(sets)))
    return batch.x, deepsurv_loss.NETWORK.prepare(data, batch, {"ties": ties}), batch.size


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("late_entry", [False, True])
def test_likelihood_and_gradient_are_those_of_the_cox_model(late_entry, ties):
    """A network without hidden layers is linear: value and gradient equal the exact ones, set by set, padded or not."""
    (data,) = sites([120], late_entry=late_entry, folds=3)
    sets = training_sets(1, 3, tune=True)
    x, ready, _ = prepared(data, sets, ties)
    beta = np.array([0.02, 0.5, -0.3])
    parameters, shape = np.tile(beta, (len(sets), 1)), Layers((3, 1), False)
    values = shape.forward(parameters, x)
    found = deepsurv_loss.loglik(values[-1], ready)
    gradient = shape.backward(parameters, values, deepsurv_loss.residuals(values[-1], ready))
    for s, training_set in enumerate(sets):
        rows = data.members(training_set)
        exact = pl.statistics(data.x[rows], beta[None], data.risk_sets(rows), ties, information=False)
        assert found[s] == pytest.approx(exact.loglik[0], rel=1e-12)
        np.testing.assert_allclose(gradient[s], exact.gradient[0], rtol=1e-9, atol=1e-9)


def test_tied_deaths_bear_a_hazard_that_dwarfs_theirs():
    """Who enters later with an enormous hazard swallows the sum in rounding: the tied dead are still at risk, all of them."""
    time, entry = np.array([1.0, 1.0, 1.0, 3.0]), np.array([0.5, 0.5, 0.5, 2.0])
    death, folds = np.array([1.0, 1.0, 1.0, 0.0]), np.array([[0, 0, 0, 0]])
    data = TrainingData(np.zeros((4, 3)), entry, time, death, folds, np.zeros(3, bool))
    _, ready, _ = prepared(data, np.full((1, 3), -1), "efron")
    found = deepsurv_loss.loglik(np.array([0.0, 0.0, 0.0, 40.0])[None, :, None], ready)
    assert found[0] == pytest.approx(-np.log(3 * 2 * 1), abs=1e-9)


def standardised(x):
    return (x - x.mean(axis=0)) / x.std(axis=0)


def plain_loop(z, time, event, start, steps, mu=0.0, decay=0.02, rate=0.1):
    """An ordinary torch model on the rows of one site, with Breslow's likelihood written as a double loop."""
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1, bias=False)).double()
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor(start[:12]).view(3, 4).T)
        model[0].bias.copy_(torch.tensor(start[12:16]))
        model[2].weight.copy_(torch.tensor(start[16:]).view(1, 4))
    weights = [model[0].weight, model[2].weight]
    before = [parameter.detach().clone() for parameter in model.parameters()]
    rule = torch.optim.SGD(model.parameters(), lr=rate)
    for _ in range(steps):
        eta = model(torch.tensor(z))[:, 0]
        terms = [eta[i] - torch.logsumexp(eta[time >= time[i]], 0) for i in np.flatnonzero(event == 1)]
        loss = -torch.stack(terms).sum() / len(z) + decay / 2 * sum((weight**2).sum() for weight in weights)
        loss = loss + mu / 2 * sum(
            ((now - old) ** 2).sum() for now, old in zip(model.parameters(), before, strict=True)
        )
        rule.zero_grad()
        loss.backward()
        rule.step()
    parts = [model[0].weight.T.reshape(-1), model[0].bias, model[2].weight.reshape(-1)]
    return torch.cat(parts).detach().numpy()


def test_one_site_is_a_plain_torch_loop():
    (data,) = sites([90], step=0.01)
    plan = plan_for("deepsurv", NETWORK | {"local_steps": 2}, ties="breslow")
    start = deepsurv.initial(plan, None)["parameters"][0]
    fitted = train(grid_for("deepsurv", [data]), plan, options(FEDAVG))
    expected = plain_loop(standardised(data.x), data.time, data.event, start, 6)
    np.testing.assert_allclose(fitted.state["parameters"][0, 0], expected, rtol=0, atol=1e-10)


def test_average_is_weighted_by_each_folds_training_patients():
    """One round over two sites equals the hand-weighted mean of what each reaches, for the final model and for a fold."""
    parts = sites([90, 40], step=0.01, folds=3)
    plan = plan_for("deepsurv", NETWORK, folds=3, ties="breslow")
    once = options(FEDAVG, rounds=1)
    fitted = train(grid_for("deepsurv", parts), plan, once)
    start = deepsurv.initial(plan, None)["parameters"][0]
    for s, left_out in ((0, None), (2, 1)):
        rows = [part.folds[0] != left_out for part in parts]
        x = [part.x[row] for part, row in zip(parts, rows, strict=True)]
        mean, sd = np.concatenate(x).mean(axis=0), np.concatenate(x).std(axis=0)
        reached = [
            plain_loop((own - mean) / sd, part.time[row], part.event[row], start, 1)
            for own, part, row in zip(x, parts, rows, strict=True)
        ]
        expected = np.average(reached, axis=0, weights=[len(own) for own in x])
        np.testing.assert_allclose(fitted.state["parameters"][s, 0], expected, rtol=0, atol=1e-10)


def test_fedprox_pulls_to_where_the_round_began():
    (data,) = sites([90], step=0.01)
    plan = plan_for("deepsurv", NETWORK | {"local_steps": 4}, ties="breslow")
    start = deepsurv.initial(plan, None)["parameters"][0]
    fitted = train(grid_for("deepsurv", [data]), plan, options(FEDPROX, rounds=1, local_steps=4))
    expected = plain_loop(standardised(data.x), data.time, data.event, start, 4, mu=3.0)
    np.testing.assert_allclose(fitted.state["parameters"][0, 0], expected, rtol=0, atol=1e-10)
    free = plain_loop(standardised(data.x), data.time, data.event, start, 4)
    assert np.linalg.norm(expected - start) < np.linalg.norm(free - start)


def test_early_stopping_keeps_the_best_round_and_does_not_see_the_left_out_fold():
    settings = NETWORK | {"hidden": [16], "optimizer": "adam", "learning_rate": 0.05, "local_steps": 5, "patience": 3}
    settings |= {"rounds": 40}
    plan = plan_for("deepsurv", settings, folds=3)
    parts = sites([120, 60], folds=3)
    fitted = train(grid_for("deepsurv", parts), plan, options(FEDAVG, **settings))
    judged = plan.sets[:, 2] == -1
    assert fitted.rounds < 40 and (fitted.rounds_kept[judged] <= fitted.rounds - 3).all()
    again = train(grid_for("deepsurv", parts), plan, options(FEDAVG, **settings))
    np.testing.assert_array_equal(fitted.state["parameters"], again.state["parameters"])
    for part in parts:
        out = part.folds[0] == 0
        part.event[out] = 1 - part.event[out]
    spoiled = train(grid_for("deepsurv", parts), plan, options(FEDAVG, **settings))
    assert spoiled.rounds_kept[1] == fitted.rounds_kept[1]
    np.testing.assert_array_equal(spoiled.state["parameters"][1], fitted.state["parameters"][1])
    assert np.abs(spoiled.state["parameters"][0] - fitted.state["parameters"][0]).max() > 1e-3


def test_baseline_of_a_network_is_breslows():
    (data,) = sites([90], step=0.01)
    plan = plan_for("deepsurv", NETWORK, ties="breslow")
    fitted = train(grid_for("deepsurv", [data]), plan, options(FEDAVG), release_baseline=True)
    z = fitted.preprocessing.apply(data.x, 0)
    hazard = np.exp(deepsurv.risk({"parameters": fitted.state["parameters"][0, 0]}, z, NETWORK))
    died = data.time[data.event == 1]
    expected = [sum(1 / hazard[data.time >= t].sum() for t in died if t <= at) for at in GRID]
    np.testing.assert_allclose(fitted.baseline[0], expected, rtol=1e-10)
