"""Censoring judged otherwise: against lifelines, sums over single pairs, relabelled patients, and a known truth."""

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter

from hemapilots.evaluation.censoring import weigh
from hemapilots.evaluation.censoring_model import by_covariates, by_stratum
from hemapilots.evaluation.discrimination import Fold
from hemapilots.evaluation.resampling import bootstrap_weights
from hemapilots.evaluation.scope import Scopes
from hemapilots.evaluation.sensitivity import FEWEST_SAMPLES, sensitivity_table
from hemapilots.evaluation.weighted_pairs import concordances

GRID = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
PRIMARY = ("m", "federated/newton")
X = [{"column": "x", "variable": "x", "type": "number"}]
TREATMENT = {"label": "Transplant", "time": "treated_time", "done": "treated"}


def spec(**changes):
    found = {
        "primary_endpoint": "os",
        "horizons": {"os": [2.0]},
        "grid": GRID,
        "tau": 3.0,
        "competing": {},
        "decisions": [],
        "subgroups": [],
        "categories": {},
        "minimum_cell": 5,
        "bootstrap": {"samples": 60, "seed": 3, "level": 0.95},
        "criteria": [{"test": "superior", "against": ["score", "score/s"]}],
        "primary": {"endpoint": "os", "model": "m", "regime": "federated/newton", "metric": "uno_c"},
        "sensitivity": {"covariates": X, "treatments": {"graft": TREATMENT}, "origin": 0.0},
    }
    return found | changes


def draw(n, seed, ties=False, competing=False):
    """Survival falls with x + z, and the censored are those with high z."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, n))
    death, leave = rng.exponential(3 * np.exp(-x - z)), rng.exponential(4 * np.exp(-1.2 * z))
    time, event = np.minimum(death, leave), (death <= leave).astype(int)
    if competing:
        event[(event == 1) & (rng.random(n) < 0.3)] = 2
    return (np.ceil(time * 6) / 6 if ties else time), event, np.column_stack([z, x]), death


def site(n, seed, first=0):
    time, event, covariates, _ = draw(n, seed)
    rng, row = np.random.default_rng(seed + 100), np.arange(first, first + n)
    at = np.where(rng.random(n) < 0.3, rng.uniform(0, 2, n), np.nan)
    outcomes = {"row": row, "os_entry": 0.0, "os_time": time, "os_event": event.astype(float), "x": covariates[:, 0]}
    outcomes |= {"treated_time": at, "treated": np.where(np.arange(n) % 20 == 0, 1.0, np.isfinite(at))}
    folds = pd.DataFrame({"replicate": 0, "fold": np.arange(n) % 3, "row": row})
    risk = covariates.sum(axis=1)
    curves = {f"survival_{t:g}": np.exp(-np.exp(risk) * t / 3) for t in GRID}
    model = folds.assign(risk=risk, **curves)
    score = folds.assign(risk=np.round(risk), **dict.fromkeys(curves, np.nan))
    return pd.DataFrame(outcomes), folds, {("os", *PRIMARY): model, ("os", "score", "score/s"): score}


@pytest.fixture(scope="module")
def sites():
    return {"a": site(150, 1), "b": site(100, 2, 150)}


@pytest.fixture(scope="module")
def table(sites):
    return sensitivity_table("all", Scopes(sites, spec()))


def row_of(table, analysis, kind="metric", metric="uno_c"):
    rows = table[(table["analysis"] == analysis) & (table["kind"] == kind) & (table["metric"] == metric)]
    assert len(rows) == 1
    return rows.iloc[0]


@pytest.mark.parametrize("strata", [1, 3])
def test_censoring_by_covariates_is_that_of_lifelines(strata):
    time, event, x, _ = draw(400, 5)
    stratum = np.arange(400) % strata
    model = by_covariates(time, event, np.ones((1, 400)), stratum, x)
    table = pd.DataFrame(x, columns=["z", "x"]).assign(t=time, c=event == 0, s=stratum)
    fitter = CoxPHFitter().fit(table, "t", "c", strata=["s"], fit_options={"precision": 1e-12})
    for code in range(strata):
        # Between its times lifelines draws straight lines.
        inside = stratum == code
        at = np.sort(time[inside & (event == 0)])[20]
        reference = fitter.predict_survival_function(table[inside], times=[at]).to_numpy()[0]
        assert 1 / model.at(at)[0, inside] == pytest.approx(np.maximum(reference, 1e-3), rel=1e-6)


def test_who_has_the_event_is_not_at_risk_of_censoring_at_that_time():
    time, event, x, _ = draw(300, 6, ties=True)
    model = by_covariates(time, event, np.ones((1, 300)), np.zeros(300, int), x)
    earlier = by_covariates(np.where(event != 0, time - 0.01, time), event, np.ones((1, 300)), np.zeros(300, int), x)
    assert model.at(1.0)[0] == pytest.approx(earlier.at(1.0)[0], rel=1e-9)


def test_resampled_models_are_near_fits_of_the_resamples():
    time, event, x, _ = draw(2000, 7)
    stratum = np.arange(2000) % 2
    weights = bootstrap_weights(stratum, 5, 1)
    batch = by_covariates(time, event, weights, stratum, x)
    for number in range(1, 6):
        rows = np.repeat(np.arange(2000), weights[number].astype(int))
        alone = by_covariates(time[rows], event[rows], np.ones((1, 2000)), stratum[rows], x[rows])
        hazards = np.log(alone.at(1.0)[0])
        stepped, unmoved = (np.abs(np.log(np.log(batch.at(1.0)[b, rows]) / hazards)).max() for b in (number, 0))
        assert stepped < 0.06 and stepped < unmoved / 2


def test_a_column_that_separates_the_censored_gives_no_model():
    time, event, x, _ = draw(100, 8)
    assert by_covariates(time, event, np.ones((1, 100)), np.zeros(100, int), np.column_stack([x[:, 0]] * 2)) is None


def test_columns_that_do_not_vary_give_no_model():
    time, event, _, _ = draw(60, 8)
    assert by_covariates(time, event, np.ones((1, 60)), np.zeros(60, int), np.zeros((60, 1))) is None


@pytest.mark.parametrize("competing", [False, True])
@pytest.mark.parametrize("by", ["stratum", "covariates"])
def test_weighted_concordance_is_the_sum_over_single_pairs(by, competing):
    time, event, x, _ = draw(70, 9, ties=True, competing=competing)
    stratum, weights = np.arange(70) % 2, bootstrap_weights(np.zeros(70, int), 4, 2)
    arguments = time, event, weights, stratum
    model = by_stratum(*arguments) if by == "stratum" else by_covariates(*arguments, x)
    risk = np.round(x.sum(axis=1), 1)
    members = np.arange(5, 65)
    fold = Fold(weigh(time, event, weights), members, 3.0)
    num, den = concordances(fold, model, {PRIMARY: risk[members]})[PRIMARY]
    for batch in range(5):

        def g(t, j, batch=batch):
            return max(model.curves[stratum[j]].before(np.array([t]))[batch, 0], 1e-3) ** model.relative[batch, j]

        expected = np.zeros(2)
        for i in members[(event[members] == 1) & (time[members] < 3)]:
            for j in members:
                later = time[j] > time[i] or (time[j] == time[i] and event[j] != 1)
                passed = event[j] == 2 and time[j] < time[i]
                if later or passed:
                    mass = weights[batch, i] * weights[batch, j] / g(time[i], i) / g(time[i] if later else time[j], j)
                    expected += mass * np.array([(risk[j] < risk[i]) + 0.5 * (risk[j] == risk[i]), 1.0])
        assert num[batch] == pytest.approx(expected[0], rel=1e-5 if batch else 1e-10)
        assert den[batch] == pytest.approx(expected[1], rel=1e-5 if batch else 1e-10)


def test_one_stratum_gives_the_concordance_of_one_curve():
    time, event, x, _ = draw(200, 10, ties=True, competing=True)
    weights = bootstrap_weights(np.zeros(200, int), 20, 3)
    fold = Fold(weigh(time, event, weights), np.arange(200), 3.0)
    model = by_stratum(time, event, weights, np.zeros(200, int))
    num, den = concordances(fold, model, {PRIMARY: x.sum(axis=1)})[PRIMARY]
    one = fold.concordance(x.sum(axis=1))["uno_c"]
    assert num / den == pytest.approx(one[0] / one[1], rel=1e-5)


def test_covariates_undo_the_bias_of_dependent_censoring():
    time, event, x, death = draw(3000, 11)
    risk = x @ [-1.0, 1.0]
    cases = np.flatnonzero(death < 2.0)
    later = death > death[cases, None]
    truth = ((risk < risk[cases, None]) & later).sum() / later.sum()
    weights, alone = np.ones((1, 3000)), np.zeros(3000, int)
    fold = Fold(weigh(time, event, weights), np.arange(3000), 2.0)
    num, den = concordances(fold, by_covariates(time, event, weights, alone, x[:, :1]), {PRIMARY: risk})[PRIMARY]
    one = fold.concordance(risk)["uno_c"]
    plain, corrected = one[0][0] / one[1][0], num[0] / den[0]
    assert abs(plain - truth) > 0.02
    assert abs(corrected - truth) < 0.01


def test_the_primary_row_and_its_change_add_up(table):
    first = row_of(table, "primary")
    for analysis in ("site", "covariates", "competing graft", "censored graft"):
        moved = row_of(table, analysis, "change")
        assert row_of(table, analysis)["estimate"] - first["estimate"] == pytest.approx(moved["estimate"], abs=1e-12)
        assert moved["lower"] <= moved["estimate"] <= moved["upper"]
        assert np.isfinite(row_of(table, analysis, "difference")["estimate"])
    assert (table["n"] == first["n"]).all()


def test_treatment_as_a_competing_event_equals_patients_so_recorded(sites, table):
    altered = {}
    for name, (outcomes, folds, predictions) in sites.items():
        hit = outcomes["treated_time"] < outcomes["os_time"]
        outcomes = outcomes.assign(os_event=outcomes["os_event"].mask(hit, 2.0), treated_time=np.nan)
        outcomes["os_time"] = outcomes["os_time"].mask(hit, sites[name][0]["treated_time"])
        altered[name] = outcomes, folds, predictions
    again = sensitivity_table("all", Scopes(altered, spec()))
    for metric in ("uno_c", "brier", "oe"):
        one, other = row_of(table, "competing graft", metric=metric), row_of(again, "primary", metric=metric)
        assert one[["estimate", "lower", "upper"]].tolist() == other[["estimate", "lower", "upper"]].tolist()
    assert row_of(table, "competing graft", metric="oe")["estimate"] < row_of(table, "primary", metric="oe")["estimate"]


def test_who_is_censored_at_the_treatment_is_one_whom_it_took(sites):
    censored = {}
    for name, (outcomes, *rest) in sites.items():
        at = outcomes["os_time"].where((outcomes["os_event"] == 0) & (outcomes.index % 3 == 0)) + 1e-12
        censored[name] = (outcomes.assign(treated_time=at), *rest)
    taken = sum(data[0]["treated_time"].notna().sum() for data in censored.values())
    table = sensitivity_table("all", Scopes(censored, spec()))
    assert row_of(table, "competing graft")["changed"] == taken > 10
    assert row_of(table, "censored graft")["changed"] == 0
    assert np.isfinite(row_of(table, "competing graft")["estimate"])


def test_patients_treated_at_an_unknown_time_are_counted(sites, table):
    everybody = pd.concat([data[0] for data in sites.values()])
    expected = ((everybody["treated"] == 1) & everybody["treated_time"].isna()).sum()
    assert expected > 0
    assert row_of(table, "censored graft")["undated"] == expected
    assert row_of(table, "censored graft")["changed"] == (everybody["treated_time"] < everybody["os_time"]).sum()


def test_a_site_does_not_tell_what_few_treatments_moved(sites):
    outcomes, *rest = sites["a"]
    hit = np.flatnonzero(outcomes["treated_time"] < outcomes["os_time"])
    few = outcomes.assign(treated_time=outcomes["treated_time"].mask(~outcomes.index.isin(hit[:4])), treated=np.nan)
    table = sensitivity_table("a", Scopes({"a": (few, *rest)}, spec()))
    rows = table[table["analysis"].str.endswith("graft")]
    assert rows[["estimate", "lower", "upper", "changed"]].isna().all(axis=None)
    assert np.isfinite(row_of(table, "covariates")["estimate"])


def test_where_nobody_was_treated_there_is_no_figure(sites):
    none = {name: (data[0].assign(treated_time=np.nan, treated=0.0), *data[1:]) for name, data in sites.items()}
    table = sensitivity_table("all", Scopes(none, spec()))
    rows = table[table["analysis"].str.endswith("graft")]
    assert (rows["changed"] == 0).all() and rows["estimate"].isna().all()


def test_too_few_censorings_for_a_covariate_leave_it_out(sites):
    outcomes, folds, predictions = sites["a"]
    outcomes = outcomes.assign(os_event=1.0)
    outcomes.loc[:8, "os_event"] = 0.0
    table = sensitivity_table("a", Scopes({"a": (outcomes, folds, predictions)}, spec()))
    assert np.isnan(row_of(table, "covariates")["estimate"])
    assert np.isfinite(row_of(table, "primary")["estimate"])


def test_a_covariate_that_does_not_vary_takes_no_place_of_another(sites):
    outcomes, folds, predictions = sites["a"]
    outcomes = outcomes.assign(same=4.0)
    outcomes.loc[np.flatnonzero(outcomes["os_event"] == 0)[15:], "os_event"] = 1.0
    wanted = spec()["sensitivity"]
    constant = [{"column": "same", "variable": "same", "type": "number"}]
    first, alone, none = (
        row_of(
            sensitivity_table(
                "a", Scopes({"a": (outcomes, folds, predictions)}, spec(sensitivity=wanted | {"covariates": columns}))
            ),
            "covariates",
        )["estimate"]
        for columns in (constant + X, X, constant)
    )
    assert first == alone and np.isfinite(alone) and np.isnan(none)


def test_those_who_are_not_judged_are_counted_nowhere(sites, monkeypatch):
    outcomes, folds, predictions = sites["a"]
    judged = folds.query("fold == 0").reset_index(drop=True)
    kept = {key: one[one["row"].isin(judged["row"])] for key, one in predictions.items()}
    few = outcomes[outcomes["row"].isin(judged["row"])].reset_index(drop=True)
    pairs = (few["os_event"] == 1).sum() * len(few)
    monkeypatch.setattr("hemapilots.evaluation.sensitivity.AFFORDABLE", (FEWEST_SAMPLES + 5) * pairs)
    whole, part = (sensitivity_table("all", Scopes({"a": (one, judged, kept)}, spec())) for one in (outcomes, few))
    assert row_of(part, "competing graft")["undated"] > 0
    pd.testing.assert_frame_equal(whole, part)
