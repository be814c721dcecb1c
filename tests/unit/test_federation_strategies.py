"""Strategies against arithmetic by hand: Flower's own in lock-step over fits with weights of their own, and SCAFFOLD."""

from types import SimpleNamespace

import numpy as np
import pytest
from flwr.app import ConfigRecord, Message, MessageType
from scipy.stats import trim_mean

from federation_sample import NETWORK, grid_for, plan_for, sites
from hemapilots.errors import HemaPilotsError
from hemapilots.federation import client
from hemapilots.federation.agreement import agree_preprocessing
from hemapilots.federation.messages import instruct, pack, unpack
from hemapilots.federation.server import run_rounds, train
from hemapilots.federation.strategies import make_strategy
from hemapilots.federation.strategies.lock_step import EVERY_SITE, FLOWER, LockStep
from hemapilots.models import cox
from hemapilots.models import partial_likelihood as pl
from hemapilots.models.control import correction, renewed
from hemapilots.models.network import Steps, descend

SITES, FITS, SIZE = 5, 4, 3
RNG = np.random.default_rng(8)
START = RNG.normal(size=(FITS, SIZE))
ANSWERS = RNG.normal(size=(2, SITES, FITS, SIZE))
EXAMPLES = RNG.integers(10, 90, (SITES, FITS // 2)).repeat(2, axis=1)


def two_rounds(options, examples=EXAMPLES):
    """Both rounds of answers, whatever was sent, through our strategy: the states after each."""
    return rounds_of(LockStep(options), START, ANSWERS, examples)


def rounds_of(strategy, start, rounds, examples):
    """The states after each round's answers (K, F, ...) of sites with so many patients (K, F); who has none is not heard."""
    grid = grid_for("cox", sites([8] * SITES))
    arrays, states = instruct({"b": start}, {})["arrays"], []
    for number, answers in enumerate(rounds, start=1):
        list(strategy.configure_train(number, arrays, ConfigRecord({}), grid))
        replies = [
            Message(pack({"b": answer, "examples": patients}), node, MessageType.TRAIN)
            for node, (answer, patients) in enumerate(zip(answers, examples, strict=True), start=1)
            if patients.any()
        ]
        arrays, _ = strategy.aggregate_train(number, replies)
        states.append(unpack(arrays)["b"])
    return states


def averages():
    return [np.einsum("kf,kfm->fm", EXAMPLES / EXAMPLES.sum(axis=0), answers) for answers in ANSWERS]


def adaptive(second, beta_1=0.9, corrected=lambda number: 1.0):
    """Reddi et al. (2021), algorithm 2, for a rule of the second moment; corrected: Flower's factor of Adam's rate in a round."""
    state, mean, square, states = START, 0.0, 0.0, []
    for number, average in enumerate(averages(), start=1):
        delta = average - state
        mean, square = beta_1 * mean + (1 - beta_1) * delta, second(square, delta**2)
        state = state + 0.05 * corrected(number) * mean / (np.sqrt(square) + 0.001)
        states.append(state)
    return states


ADAPTIVE = {"server_rate": 0.05, "tau": 0.001, "beta_1": 0.9, "beta_2": 0.99}
EXPECTED = {
    "fedavg": averages,
    "fedadam": lambda: adaptive(
        lambda v, d: 0.99 * v + 0.01 * d,
        corrected=lambda number: np.sqrt(1 - 0.99 ** (number + 1)) / (1 - 0.9 ** (number + 1)),
    ),
    "fedyogi": lambda: adaptive(lambda v, d: v - 0.01 * d * np.sign(v - d)),
    "fedadagrad": lambda: adaptive(lambda v, d: v + d, beta_1=0.0),
    "fedmedian": lambda: [np.median(answers, axis=0) for answers in ANSWERS],
    "fedtrimmedavg": lambda: [trim_mean(answers, 0.2, axis=0) for answers in ANSWERS],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_flowers_strategies_act_on_each_fit_with_its_own_weights(name):
    for found, expected in zip(two_rounds({"name": name, "trimmed": 0.2} | ADAPTIVE), EXPECTED[name](), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


ARGUMENTS = ADAPTIVE | {"mu": 0.1, "momentum": 0.5, "trimmed": 0.2, "malicious": 0}


@pytest.mark.parametrize("name", FLOWER)
def test_all_fits_at_once_give_the_bits_of_flowers_strategy_on_each_alone(name):
    examples = EXAMPLES.copy()
    examples[1, 0], examples[3, 1] = 0, 0
    found = two_rounds({"name": name} | ARGUMENTS, examples)
    made, arguments = FLOWER[name]
    for fit in range(FITS):
        alone = made(**EVERY_SITE, **{theirs: ARGUMENTS[ours] for ours, theirs in arguments.items()})
        expected = rounds_of(alone, START[[fit]], ANSWERS[:, :, [fit]], examples[:, [fit]])
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_array_equal(ours[[fit]], theirs)


def test_a_fit_in_which_no_site_has_patients_stays_as_it_was():
    for name in ("fedavg", "fedadam", "fedmedian", "krum"):
        found = two_rounds({"name": name} | ARGUMENTS, EXAMPLES * (np.arange(FITS) != 2))
        np.testing.assert_array_equal([state[2] for state in found], [START[2]] * 2)


def test_momentum_is_that_of_heavy_balls():
    first, second = two_rounds({"name": "fedavgm", "server_rate": 0.7, "momentum": 0.5})
    (one, two), start = averages(), START
    velocity = start - one
    np.testing.assert_allclose(first, start - 0.7 * velocity, atol=1e-12)
    velocity = 0.5 * velocity + (first - two)
    np.testing.assert_allclose(second, first - 0.7 * velocity, atol=1e-12)


def test_krum_takes_for_each_fit_the_site_nearest_to_its_neighbours():
    found = two_rounds({"name": "krum", "malicious": 1})
    for answers, state in zip(ANSWERS, found, strict=True):
        for f in range(FITS):
            apart = ((answers[:, None, f] - answers[None, :, f]) ** 2).sum(axis=-1)
            scores = np.sort(apart, axis=1)[:, 1:3].sum(axis=1)
            np.testing.assert_array_equal(state[f], answers[np.argmin(scores), f])


@pytest.mark.parametrize(("name", "options"), [("krum", {"malicious": 1}), ("fedtrimmedavg", {"trimmed": 0.2})])
def test_robust_strategies_are_refused_where_too_few_sites_train(name, options):
    grid = grid_for("cox", sites([8] * 3))
    with pytest.raises(HemaPilotsError, match=f"strategies.{name}: "):
        make_strategy(grid, plan_for("cox", {}), {"name": name} | options, None)


def options(name, **more):
    return {"name": name, "rounds": 4, "local_steps": 1, "learning_rate": 0.1} | more


@pytest.mark.parametrize("kind", ["cox", "deepsurv", "discrete_hazard"])
def test_scaffold_is_fedavg_for_single_steps_and_for_identical_sites(kind):
    settings = NETWORK | {"cuts": [0.5, 1.0, 2.0], "rounds": 4} if kind != "cox" else {}
    plan = plan_for(kind, settings, penalties=(5.0,) if kind == "cox" else (0.0,))
    for parts, steps in ((sites([90, 40]), 1), ([*sites([60]), *sites([60])], 3)):
        if kind != "cox":
            plan.settings["local_steps"] = steps
        found = [
            train(grid_for(kind, parts), plan, options(name, local_steps=steps)).state
            for name in ("fedavg", "scaffold")
        ]
        assert list(found[0]) == list(found[1])
        for name, value in found[0].items():
            np.testing.assert_allclose(found[1][name], value, rtol=0, atol=1e-10)


def quadratic(curvature, optimum):
    """A site's model whose loss is curvature / 2 (x - optimum)^2, per coordinate."""

    def update(state, data, config):
        def slope(now):
            return np.array(curvature) * (now - np.array(optimum))

        after = descend(state["parameters"], slope, np.zeros(2), Steps(4, 0.1, 0.0, "sgd"), correction(state))
        found = {"parameters": after, "examples": np.array([float(data.time.size)] * len(after))}
        return found | renewed(state, state["parameters"], after, config)

    return SimpleNamespace(update=update)


def test_scaffold_reaches_the_pooled_optimum_of_unlike_sites_and_fedavg_does_not(monkeypatch):
    """Losses 1/2 a (x - m)^2 weighted by patients: the optimum is sum(n a m) / sum(n a); four local steps a round."""
    curvatures, optima, sizes = [[1.0, 4.0], [3.0, 0.5]], [[1.0, -2.0], [-1.0, 3.0]], [60, 20]
    weights = np.array(sizes)[:, None] * curvatures
    best = (weights * optima).sum(axis=0) / weights.sum(axis=0)
    plan, reached = plan_for("deepsurv", NETWORK | {"local_steps": 4}), {}
    for name in ("fedavg", "scaffold"):
        models = iter([quadratic(a, m) for a, m in zip(curvatures, optima, strict=True)])
        with monkeypatch.context() as patch:
            patch.setattr(client, "model_of", lambda kind, models=models: next(models))
            grid = grid_for("deepsurv", sites(sizes))
        agree_preprocessing(grid, plan)
        steps = options(name, rounds=200, local_steps=4)
        start = {"parameters": np.zeros((plan.fit_set.size, 2))}
        state, _ = run_rounds(grid, plan, steps, make_strategy(grid, plan, steps, None), start, None)
        reached[name] = state["parameters"][0]
    np.testing.assert_allclose(reached["scaffold"], best, atol=1e-6)
    assert np.abs(reached["fedavg"] - best).min() > 0.02


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("late_entry", [False, True])
def test_steps_of_cox_models_follow_the_gradient_of_each_training_set(ties, late_entry):
    """One step of one site on all training sets and penalties at once, against the statistics of each set by itself."""
    plan = plan_for("cox", {}, folds=3, replicates=2, ties=ties, penalties=(1.0, 30.0))
    (part,) = sites([70], late_entry=late_entry, folds=3, replicates=2, step=0.5, missing=0.1)
    agreed = agree_preprocessing(grid_for("cox", [part]), plan)
    state = {"sets": plan.sets, "fit_set": plan.fit_set, "penalties": plan.fit_penalty, "preprocessing": agreed}
    state["coefficients"] = np.random.default_rng(2).normal(0, 0.5, (plan.fit_set.size, 3))
    config = {"task": "descent", "ties": ties, "local_steps": 1, "learning_rate": 0.3}
    found = cox.update(state, part, config)
    for fit, (s, penalty) in enumerate(zip(plan.fit_set, plan.fit_penalty, strict=True)):
        subset, start = part.subset(plan.sets, s, agreed), state["coefficients"][[fit]]
        slope = pl.statistics(subset.x, start, subset.risk_sets, ties).gradient / subset.rows.size
        expected = (start + 0.3 * slope) / (1 + 0.3 * penalty / subset.rows.size)
        np.testing.assert_allclose(found["coefficients"][[fit]], expected, rtol=0, atol=1e-13)
        assert found["examples"][fit] == subset.rows.size
