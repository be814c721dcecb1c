"""A site's own last step from a federated model: between the federated model and the site's own fit, and never seen from outside."""

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter
from scipy.optimize import minimize

from federation_sample import NETWORK, grid_for, plan_for, sites
from hemapilots.federation.cards import describe
from hemapilots.federation.server import train
from hemapilots.models import partial_likelihood as pl
from hemapilots.models.data import TrainingData
from hemapilots.models.files import write_model
from hemapilots.models.personal import personalised
from hemapilots.predict import finetuned, predict_site

NEWTON = {"name": "newton", "baseline": "site", "tolerance": 1e-10}
AVERAGED = {"name": "fedavg", "rounds": 3, "local_steps": 1, "learning_rate": 0.1}
FOLDS = 3


def federated(kind, settings, strategy, parts, **options):
    plan = plan_for(kind, settings, folds=FOLDS, **options)
    return describe(train(grid_for(kind, parts), plan, strategy), "os", "m", f"federated/{strategy['name']}")


@pytest.fixture(scope="module")
def cox():
    parts = sites([300, 200], folds=FOLDS, step=1e-6)
    return (*federated("cox", {}, NEWTON, parts, penalties=(1.0, 10.0)), parts[1])


def chosen(arrays, at):
    return arrays["coefficients"][at][arrays["chosen"][at]]


def training_frame(arrays, data, fold):
    """The site's training rows as the federation standardised them, for another library."""
    rows = data.members((0, fold, -1))
    z = (data.x[rows] - arrays["location"][0, fold]) / arrays["scale"][0, fold]
    return pd.DataFrame(z, columns=["a", "b", "c"]).assign(time=data.time[rows], event=data.event[rows])


def test_an_endless_penalty_gives_the_federated_model_and_none_the_sites_own_fit(cox):
    arrays, card, data = cox
    still = personalised(arrays, card, data, {"penalties": [1e12]})
    np.testing.assert_allclose(still["coefficients"], arrays["coefficients"], atol=1e-9)
    free = personalised(arrays, card, data, {"penalties": [0.0]})
    for fold in range(FOLDS):
        frame = training_frame(arrays, data, fold)
        alone = CoxPHFitter().fit(frame, "time", "event", fit_options={"precision": 1e-12})
        np.testing.assert_allclose(chosen(free, (0, fold)), alone.params_, atol=1e-7)
        assert np.abs(chosen(free, (0, fold)) - chosen(arrays, (0, fold))).max() > 0.02


def test_a_penalty_between_maximises_the_written_objective(cox):
    arrays, card, data = cox
    found = chosen(personalised(arrays, card, data, {"penalties": [30.0]}), (0, 1))
    frame, centre = training_frame(arrays, data, 1).sort_values("time"), chosen(arrays, (0, 1))
    z, dead = frame[["a", "b", "c"]].to_numpy(), frame["event"].to_numpy() == 1

    def loss(beta):
        eta = z @ beta
        at_risk = np.array([np.exp(eta[k:]).sum() for k in range(len(eta))])
        return -(eta - np.log(at_risk))[dead].sum() + 15.0 * ((beta - centre) ** 2).sum()

    np.testing.assert_allclose(found, minimize(loss, centre, method="BFGS", options={"gtol": 1e-8}).x, atol=1e-5)


def few_events(data):
    """The site with two events in each fold, those of the highest first column."""
    x, event = data.x, np.zeros(data.time.size)
    for fold in range(FOLDS):
        inside = np.flatnonzero(data.folds[0] == fold)
        event[inside[np.argsort(-x[inside, 0])[:2]]] = 1
    time = data.entry.max() + 1.0 + np.argsort(np.argsort(-x[:, 0]))
    return TrainingData(x, data.entry, time, event, *_rest(data))


def test_coefficients_that_run_away_are_not_taken(cox):
    """The patients are ordered by the first column alone, so without a penalty its coefficient has no bound."""
    arrays, card, data = cox
    parted = few_events(data)
    free = personalised(arrays, card, parted, {"penalties": [0.0]})
    np.testing.assert_array_equal(free["coefficients"], arrays["coefficients"])
    held, both = (personalised(arrays, card, parted, {"penalties": one}) for one in ([3.0], [0.0, 3.0]))
    assert np.abs(held["coefficients"] - arrays["coefficients"]).max() > 0.02
    for fold in range(FOLDS):
        np.testing.assert_allclose(chosen(both, (0, fold)), chosen(held, (0, fold)), atol=1e-9)


def test_columns_that_say_the_same_need_a_penalty(cox):
    """Without one there are many solutions, and which comes out is rounding."""
    arrays, card, data = cox
    twice = data.x.copy()
    twice[:, 2] = twice[:, 0]
    alike = TrainingData(twice, data.entry, data.time, data.event, *_rest(data))
    free = personalised(arrays, card, alike, {"penalties": [0.0]})
    np.testing.assert_array_equal(free["coefficients"], arrays["coefficients"])
    held, both = (personalised(arrays, card, alike, {"penalties": one}) for one in ([3.0], [0.0, 3.0]))
    assert np.abs(held["coefficients"] - arrays["coefficients"]).max() > 0.02
    np.testing.assert_allclose(both["coefficients"], held["coefficients"], atol=1e-9)


def test_what_is_not_the_sites_stays_as_it_was(cox):
    arrays, card, data = cox
    kept = {name: value.copy() for name, value in arrays.items()}
    out = personalised(arrays, card, data, {"penalties": [1.0]})
    assert all(np.array_equal(arrays[name], value, equal_nan=True) for name, value in kept.items())
    assert all(np.array_equal(out[name], kept[name], equal_nan=True) for name in kept if name != "coefficients")


def test_the_tested_fold_teaches_nothing(cox):
    """Neither the fit nor the choice of its penalty sees the outcomes of the patients who are judged."""
    arrays, card, data = cox
    tested = data.folds[0] == 1
    time, event = np.where(tested, data.time * 5, data.time), np.where(tested, 1 - data.event, data.event)
    spoiled = TrainingData(data.x.copy(), data.entry, time, event, data.folds, data.flags)
    options = {"penalties": [0.1, 1.0, 10.0, 100.0]}
    before, after = (personalised(arrays, card, one, options)["coefficients"] for one in (data, spoiled))
    np.testing.assert_allclose(before[0, 1], after[0, 1], rtol=1e-10)
    assert np.abs(before[0, 0] - after[0, 0]).max() > 1e-3


def like_or_unlike(sign):
    """Coefficients of a federation of a large site, and a second site whose effects are the same or the other way round."""
    rng, out = np.random.default_rng(4), []
    for n, turned in ((2000, 1), (150, sign)):
        x = rng.normal(size=(n, 3))
        death, censoring = rng.exponential(2 * np.exp(-turned * x @ [0.5, -0.4, 0.3])), rng.exponential(4, n)
        fold = rng.permutation(np.arange(n) % FOLDS)[None]
        event = (death <= censoring).astype(float)
        out.append(
            TrainingData(x, np.zeros(n), np.minimum(death, censoring), event, fold, np.array([False, True, False]))
        )
    return out


@pytest.mark.parametrize(("sign", "near"), [(1, True), (-1, False)])
def test_a_site_stays_near_where_it_is_like_the_others_and_leaves_where_it_is_not(sign, near):
    """The penalty is chosen inside the site's training folds: a large one at a site like the rest, a small one where effects differ."""
    large, small = like_or_unlike(sign)
    arrays, card = federated("cox", {}, NEWTON, [large], penalties=(1.0, 2.0))
    found = personalised(arrays, card, small, {"penalties": [0.1, 1.0, 10.0, 100.0, 1000.0, 1e5]})
    free = personalised(arrays, card, small, {"penalties": [0.1]})
    for fold in range(FOLDS):
        moved, whole = (np.linalg.norm(chosen(one, (0, fold)) - chosen(arrays, (0, fold))) for one in (found, free))
        assert moved < 0.5 * whole if near else moved > 0.9 * whole > 0.8


def test_no_step_of_a_network_is_the_federated_network_bit_for_bit():
    parts = sites([120, 90], folds=FOLDS)
    for kind, more in (
        ("deepsurv", {}),
        ("discrete_hazard", {"cuts": [0.5, 1.0, 2.0, 3.0]}),
        ("savae", {"latent": 2, "reconstruction": 0.1, "divergence": 0.1}),
    ):
        arrays, card = federated(kind, NETWORK | more, AVERAGED, parts)
        none = personalised(arrays, card, parts[1], {"local_steps": 0})
        np.testing.assert_array_equal(none["parameters"], arrays["parameters"])
        some = personalised(arrays, card, parts[1], {"local_steps": 2})
        assert (some["parameters"] != arrays["parameters"]).any()


def test_one_plain_step_of_a_linear_network_is_the_gradient_of_the_cox_likelihood():
    parts = sites([120, 90], folds=FOLDS)
    arrays, card = federated("deepsurv", NETWORK | {"hidden": []}, AVERAGED, parts)
    data, start = parts[1], arrays["parameters"][0, 2, 0]
    found = personalised(arrays, card, data, {"local_steps": 1})["parameters"][0, 2, 0]
    rows = data.members((0, 2, -1))
    z = (data.x[rows] - arrays["location"][0, 2]) / arrays["scale"][0, 2]
    slope = pl.statistics(z, start[None], data.risk_sets(rows), "efron", information=False).gradient[0] / rows.size
    np.testing.assert_allclose(found, start + 0.1 * (slope - 0.02 * start), atol=1e-12)


def test_a_site_without_events_keeps_the_federated_model():
    parts = sites([150, 60], folds=FOLDS)
    arrays, card = federated("deepsurv", NETWORK, AVERAGED, parts)
    quiet = TrainingData(*(getattr(parts[1], name) for name in ("x", "entry", "time")), np.zeros(60), *_rest(parts[1]))
    out = personalised(arrays, card, quiet, {"local_steps": 5})
    np.testing.assert_array_equal(out["parameters"], arrays["parameters"])


def _rest(data):
    return data.folds, data.flags


def tables_of(data):
    rows = np.arange(data.time.size)
    outcome = {"os_entry": data.entry, "os_time": data.time, "os_event": data.event}
    return {
        "harmonized": pd.DataFrame({"row": rows} | outcome),
        "folds": pd.DataFrame(data.folds.T, index=pd.Index(rows, name="row")),
        "design": pd.DataFrame(data.x, columns=["a", "b", "c"]).assign(row=rows),
    }


SPEC = {
    "grid": [0.5, 1.0],
    "horizons": {"os": [1.0]},
    "entry": [],
    "competing": [],
    "recalibrated": {},
    "comparators": {},
    "sharing": "private",
}


def test_predictions_of_the_own_step_are_filed_and_the_model_is_not(cox, tmp_path):
    arrays, card, data = cox
    write_model(tmp_path / "models", "os", "m", "federated/newton", arrays, card)
    write_model(tmp_path / "models", "os", "m", "federated/fedavg", arrays, card)
    step = {"of": "newton", "local_steps": 5, "penalties": [1e12]}
    predict_site("x", tables_of(data), [tmp_path / "models"], SPEC | {"finetuned": {"m": step}}, tmp_path / "out")
    written = sorted(path.name for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert written == ["fedavg.parquet", "finetune.parquet", "newton.parquet"]
    frames = {
        name: pd.read_parquet(tmp_path / "out/os/m/federated" / f"{name}.parquet") for name in ("newton", "finetune")
    }
    survival = ["survival_0.5", "survival_1"]
    pd.testing.assert_frame_equal(frames["finetune"][survival], frames["newton"][survival], atol=1e-9)
    # Models differ between sites, so patients of several are ranked by their probabilities.
    np.testing.assert_allclose(frames["finetune"]["risk"], 1 - frames["finetune"]["survival_1"])


def test_a_site_where_nobodys_outcome_is_known_has_predictions_of_nobody(cox, tmp_path):
    arrays, card, data = cox
    write_model(tmp_path / "models", "os", "m", "federated/newton", arrays, card)
    tables, step = tables_of(data), {"of": "newton", "local_steps": 5, "penalties": [1e12]}
    tables["harmonized"] = tables["harmonized"].assign(os_time=np.nan, os_event=np.nan, index=1.0)
    comparator = {"score": "index", "endpoints": ["os"]}
    spec = SPEC | {"finetuned": {"m": step}, "comparators": {"i": comparator}}
    for changes in ({}, {"finetuned": {}, "recalibrated": {"m federated/newton": {"federated/newton+a": "slope"}}}):
        predict_site("x", tables, [tmp_path / "models"], spec | changes, tmp_path / "out")
    frames = {path.stem: pd.read_parquet(path) for path in (tmp_path / "out").rglob("*.parquet")}
    assert sorted(frames) == ["finetune", "i", "newton", "newton+a"]
    for frame in frames.values():
        assert list(frame) == ["replicate", "fold", "row", "risk", "survival_0.5", "survival_1"] and frame.empty


def test_the_hazard_of_a_competing_event_takes_the_step_as_well():
    (data,) = sites([200], folds=FOLDS, step=1e-6)
    arrays, card = federated("cox", {}, NEWTON, [data], penalties=(1.0, 10.0))
    both = arrays | {f"competing_{name}": value for name, value in arrays.items()}
    tables = tables_of(data)
    other = np.where(data.event == 1, 1.0, 2.0)
    tables["harmonized"]["os_event"] = other
    found = finetuned(tables, "os", both, card | {"competing": card}, {"penalties": [0.0], "of": "newton"})
    turned = TrainingData(data.x, data.entry, data.time, (other == 2).astype(float), data.folds, data.flags)
    for prefix, rows in (("", data), ("competing_", turned)):
        alone = personalised(arrays, card, rows, {"penalties": [0.0]})["coefficients"]
        np.testing.assert_allclose(found[f"{prefix}coefficients"], alone)
    assert np.abs(found["competing_coefficients"] - found["coefficients"]).max() > 0.1
