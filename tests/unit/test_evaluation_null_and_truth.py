"""What evaluation says of a model that knows nothing, and of the law that the patients were drawn from."""

from pathlib import Path

import numpy as np
import pytest

from federation_sample import grid_for, plan_for, pooled, sites
from hemapilots.evaluation.calibration import Status
from hemapilots.evaluation.censoring import weigh
from hemapilots.evaluation.comparison import interval
from hemapilots.evaluation.discrimination import Fold
from hemapilots.evaluation.resampling import bootstrap_weights
from hemapilots.federation.server import train
from hemapilots.models.data import TrainingData
from hemapilots.synthesis.cohort import draw_complete
from hemapilots.synthesis.recipe import load_recipe
from hemapilots.synthesis.true_risk import true_survival

RECIPES = Path(__file__).parents[2] / "resources" / "recipes"
NEWTON = {"name": "newton", "baseline": "site", "rounds": 40, "tolerance": 1e-9}
FOLDS, SHUFFLES = 5, 40


def shuffled(part, seed):
    """A site's patients, each with the outcome of another."""
    order = np.random.default_rng([seed, part.time.size]).permutation(part.time.size)
    outcome = part.entry[order], part.time[order], part.event[order]
    return TrainingData(part.x.copy(), *outcome, part.folds.copy(), part.flags)


def out_of_fold(parts, seed):
    """Uno's C with its interval of a federated Cox model, its penalty chosen inside the training folds."""
    plan = plan_for("cox", {}, folds=FOLDS, penalties=(1.0, 30.0, 300.0))
    fitted = train(grid_for("cox", parts), plan, NEWTON)
    everybody = pooled(parts)
    fold = everybody.folds[0]
    weights = bootstrap_weights(fold, 200, seed)
    outcomes, ratios = weigh(everybody.time, everybody.event, weights), []
    for s, (_, left_out, second) in enumerate(plan.sets):
        if left_out >= 0 > second:
            members = np.flatnonzero(fold == left_out)
            x = fitted.preprocessing.apply(everybody.x[members], s)
            risk = x @ fitted.coefficients[s, fitted.chosen[s]]
            ratios.append(Fold(outcomes, members, 3.0).concordance(risk)["uno_c"])
    return interval(sum(num for num, _ in ratios) / sum(den for _, den in ratios), 0.95)


def test_a_model_fitted_on_shuffled_outcomes_ranks_by_chance():
    parts = sites((120, 90, 60), seed=4, folds=FOLDS)
    found = [out_of_fold([shuffled(part, seed) for part in parts], seed) for seed in range(SHUFFLES)]
    # 38 of 40 expected; fewer than 34 would happen once in a hundred times.
    assert sum(one.lower <= 0.5 <= one.upper for one in found) >= 34
    assert np.mean([one.estimate for one in found]) == pytest.approx(0.5, abs=0.02)
    assert out_of_fold(parts, 0).lower > 0.55


@pytest.mark.parametrize("name", ["mds", "mm"])
def test_the_risk_that_patients_were_drawn_by_is_calibrated(name):
    """O/E and slope 1 and ICI near 0 at each endpoint, competing ones by Aalen-Johansen, under the recipe's own censoring."""
    recipe = load_recipe(RECIPES / f"{name}.yaml")
    table = draw_complete(recipe, 0, 15_000, 3)
    risks = true_survival(recipe, table, [2.0])
    assert len(risks) >= 2
    for endpoint, survival in risks.items():
        names = recipe["outcomes"]["endpoints"][endpoint]
        time, event = table[names["time"]].to_numpy(float), table[names["event"]].to_numpy(int)
        found = Status(weigh(time, event, np.ones((1, len(time)))), 2.0).measures(1 - survival[:, 0])
        assert found["oe"][0] == pytest.approx(1, abs=0.04), endpoint
        assert found["calibration_slope"][0] == pytest.approx(1, abs=0.06), endpoint
        assert found["ici"][0] < 0.012, endpoint
