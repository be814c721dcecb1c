"""Baselines and survival of a Cox model against its definition and lifelines; predictions inside a site."""

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter, KaplanMeierFitter

from hemapilots.models import cox
from hemapilots.models.data import Preprocessing
from hemapilots.predict import apply_model, predict_site, score


def data(n=300, seed=1, tied=False):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    time = rng.exponential(3 * np.exp(-0.5 * x[:, 0]))
    time = np.ceil(time * 10) / 10 if tied else time
    return x, np.zeros(n), time, (rng.random(n) < 0.7).astype(float)


def plain(p):
    return Preprocessing(np.zeros((1, p)), np.zeros((1, p)), np.ones((1, p)), np.zeros(1), np.zeros(1))


def baseline(x, entry, time, event, beta, grid, ties):
    order = np.argsort(time, kind="stable")
    return cox.baseline_on(grid, (x @ beta)[order], entry[order], time[order], event[order], ties)


GRID = np.array([0.5, 1.0, 2.0, 4.0])
PREDICT = {
    "grid": GRID.tolist(),
    "horizons": {"os": [1.0]},
    "entry": [],
    "competing": [],
    "recalibrated": {},
    "finetuned": {},
}
CARD = {"columns": ["a", "b"], "ties": "efron", "kind": "cox", "state": ["coefficients"], "settings": {}}


def test_breslow_baseline_equals_its_definition():
    x, entry, time, event = data(tied=True)
    beta = np.array([0.4, -0.2])
    hazard = np.exp(x @ beta)
    died = np.unique(time[event == 1])
    steps = [((time == t) & (event == 1)).sum() / hazard[time >= t].sum() for t in died]
    expected = [sum(step for t, step in zip(died, steps, strict=True) if t <= at) for at in GRID]
    np.testing.assert_allclose(baseline(x, entry, time, event, beta, GRID, "breslow"), expected, rtol=1e-12)


def test_survival_equals_lifelines_without_ties():
    x, entry, time, event = data()
    frame = pd.DataFrame(x, columns=["a", "b"]).assign(time=time, event=event)
    fitter = CoxPHFitter().fit(frame, "time", "event", fit_options={"precision": 1e-12})
    # lifelines interpolates between event times, so the two are compared at event times.
    at = np.sort(time[event == 1])[[5, 50, 120]]
    ours = baseline(x, entry, time, event, fitter.params_.to_numpy(), at, "efron")
    found = cox.survival(x[:5] @ fitter.params_.to_numpy(), ours)
    expected = fitter.predict_survival_function(frame.iloc[:5], times=at).to_numpy().T
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_efron_and_breslow_agree_without_ties_and_differ_with():
    beta = np.array([0.4, -0.1])
    for tied in (False, True):
        args = data(tied=tied)
        same = np.allclose(baseline(*args, beta, GRID, "efron"), baseline(*args, beta, GRID, "breslow"), rtol=1e-12)
        assert same is not tied


def test_baseline_is_missing_beyond_follow_up():
    x, entry, time, event = data()
    found = baseline(x, entry, time, event, np.zeros(2), np.array([1.0, time.max() + 1]), "efron")
    assert np.isfinite(found[0]) and np.isnan(found[1])


def test_survival_after_late_entry_is_conditional():
    risk, hazard = np.array([0.0, 0.7]), np.array([[0.5, 0.9], [0.6, 1.0]])
    at_entry = np.array([0.2, 0.3])
    expected = np.exp(-hazard * np.exp(risk)[:, None]) / np.exp(-at_entry * np.exp(risk))[:, None]
    np.testing.assert_allclose(cox.survival(risk, hazard, at_entry), expected)


def site_tables(n=120, folds=3, replicates=2):
    rng = np.random.default_rng(2)
    x, _, time, event = data(n)
    rows = np.arange(n) + 10
    fold = rng.integers(0, folds, (n, replicates))
    harmonized = pd.DataFrame(
        {"row": rows, "os_entry": 0.0, "os_time": time, "os_event": event, "points": rng.normal(size=n)}
    )
    harmonized.loc[0, ["os_time", "os_event"]] = np.nan
    harmonized.loc[1, "points"] = np.nan
    return {
        "harmonized": harmonized,
        "folds": pd.DataFrame(fold, index=pd.Index(rows, name="row")),
        "design": pd.DataFrame({"row": rows, "a": x[:, 0], "b": x[:, 1]}),
    }


def model_arrays(replicates=2, folds=3, p=2):
    rng = np.random.default_rng(4)
    shape = (replicates, folds)
    return {
        "coefficients": rng.normal(size=(*shape, 1, p)),
        "chosen": np.zeros(shape, int),
        "fill": np.zeros((*shape, p)),
        "location": np.zeros((*shape, p)),
        "scale": np.ones((*shape, p)),
        "grid": GRID,
    }


def with_crossed(arrays):
    """The arrays with fits that left out a second fold, all alike."""
    folds = arrays["location"].shape[1]
    parts = {name: arrays[name] for name in ("location", "scale", "fill")}
    parts["coefficients"] = arrays["coefficients"][:, :, 0]
    return arrays | {f"crossed_{name}": np.repeat(value[:, :, None], folds, axis=2) for name, value in parts.items()}


def test_each_patient_is_predicted_once_a_replicate_by_the_model_of_its_own_fold():
    tables, arrays = site_tables(), model_arrays()
    frame = apply_model(tables, "os", arrays, CARD, PREDICT)
    assert len(frame) == 2 * 119 and not frame.duplicated(["replicate", "row"]).any()
    assert 10 not in set(frame["row"])
    one = frame.iloc[50]
    design = tables["design"].set_index("row").loc[one["row"], ["a", "b"]]
    fold = tables["folds"].loc[one["row"], int(one["replicate"])]
    assert fold == one["fold"]
    assert one["risk"] == pytest.approx(design @ arrays["coefficients"][int(one["replicate"]), int(fold), 0])


def test_own_baseline_does_not_see_the_tested_fold():
    tables, arrays = site_tables(), model_arrays()
    before = apply_model(tables, "os", arrays, CARD, PREDICT)
    tested = tables["folds"][0] == 1
    spoiled = tables | {"harmonized": tables["harmonized"].copy()}
    spoiled["harmonized"].loc[tested.to_numpy(), "os_time"] *= 3
    after = apply_model(spoiled, "os", arrays, CARD, PREDICT)
    same = (before["replicate"] == 0) & (before["fold"] == 1)
    pd.testing.assert_frame_equal(before[same], after[same])
    assert not before[~same].equals(after[~same])


def test_delivered_score_ranks_and_says_nothing_of_survival():
    tables = site_tables()
    frame = score(tables, "os", "points", [1.0, 2.0])
    assert len(frame) == 2 * 118
    assert frame[["survival_1", "survival_2"]].isna().all().all()


def test_own_model_is_filed_as_local_own(tmp_path):
    from hemapilots.models.files import write_model

    arrays = model_arrays() | {"baseline": np.full((2, 3, 4), 0.5)}
    for site in ("x", "y"):
        write_model(tmp_path / "models", "os", "m", f"local/{site}", arrays, CARD)
    spec = PREDICT | {
        "comparators": {"points": {"score": "points", "endpoints": ["os"]}},
        "endpoints": ["os"],
        "sharing": "public",
    }
    predict_site("x", site_tables(), [tmp_path / "models"], spec, tmp_path / "out")
    written = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.parquet"))
    assert written == [
        "os/m/local/own.parquet",
        "os/m/local/x.parquet",
        "os/m/local/y.parquet",
        "os/score/score/points.parquet",
    ]
    own, x = (pd.read_parquet(tmp_path / "out/os/m/local" / f"{name}.parquet") for name in ("own", "x"))
    pd.testing.assert_frame_equal(own.drop(columns="risk"), x.drop(columns="risk"))
    np.testing.assert_allclose(own["risk"], 1 - own["survival_1"])
    for _, fold in own.assign(predictor=x["risk"]).groupby(["replicate", "fold"]):
        assert (fold["risk"].rank() == fold["predictor"].rank()).all()
    predict_site("x", site_tables(), [tmp_path / "models"], spec | {"sharing": "private"}, tmp_path / "private")
    assert (
        not (tmp_path / "private/os/m/local/x.parquet").exists()
        and (tmp_path / "private/os/m/local/own.parquet").exists()
    )


def late_tables(competing=False):
    """Patients who enter late; a third of the events are competing ones."""
    tables = site_tables(n=240)
    rng = np.random.default_rng(5)
    harmonized = tables["harmonized"].copy()
    harmonized["os_entry"] = np.r_[0.0, rng.uniform(0.1, 6, 239)]
    harmonized["os_time"] += harmonized["os_entry"]
    if competing:
        harmonized["os_event"] = np.where(rng.random(240) < 0.3, 2 * harmonized["os_event"], harmonized["os_event"])
    return tables | {"harmonized": harmonized}


def test_late_entry_predicts_from_entry_on_with_a_baseline_of_the_other_folds():
    tables, arrays, spec = late_tables(), model_arrays(), PREDICT | {"entry": ["os"]}
    frame = apply_model(tables, "os", arrays, CARD, spec)
    one = frame[frame["survival_1"].between(0.05, 0.95)].iloc[30]
    replicate, fold = int(one["replicate"]), int(one["fold"])
    known = tables["harmonized"].dropna(subset=["os_event"]).set_index("row")
    others = known[tables["folds"].loc[known.index, replicate] != fold].sort_values("os_time", kind="stable")
    beta = arrays["coefficients"][replicate, fold, 0]
    design = tables["design"].set_index("row")[["a", "b"]]
    entry, outcome = known.loc[one["row"], "os_entry"], others[["os_entry", "os_time", "os_event"]].to_numpy().T
    risk = (design.loc[others.index] @ beta).to_numpy()
    hazard = cox.baseline_on(np.array([entry, entry + 1]), risk, *outcome, "efron")
    expected = np.exp(-(hazard[1] - hazard[0]) * np.exp(design.loc[one["row"]] @ beta))
    assert one["survival_1"] == pytest.approx(expected, rel=1e-12) and one["risk"] == pytest.approx(1 - expected)


def test_nobody_is_predicted_beyond_the_ages_that_were_seen():
    tables, arrays = late_tables(), model_arrays()
    last = tables["harmonized"]["os_time"].idxmax()
    tables["harmonized"].loc[last, "os_time"] += 50
    tables["harmonized"].loc[last, "os_entry"] += 50
    frame = apply_model(tables, "os", arrays, CARD, PREDICT | {"entry": ["os"]})
    row = tables["harmonized"].loc[last, "row"]
    assert frame.loc[frame["row"] == row, ["risk", "survival_0.5"]].isna().all().all()
    assert frame["risk"].notna().mean() > 0.9


@pytest.mark.parametrize("late", [False, True])
def test_a_released_baseline_gives_what_the_sites_own_gives(late):
    """Where it is written at fine steps, save for what lies between them."""
    tables, arrays = late_tables(competing=True), model_arrays(folds=1, replicates=1)
    arrays |= {f"competing_{name}": value for name, value in model_arrays(folds=1, replicates=1).items()}
    tables["folds"] = pd.DataFrame({0: 1 * (np.arange(240) < 100)}, index=tables["folds"].index)
    if not late:
        tables["harmonized"]["os_entry"] = 0.0
    spec = PREDICT | {"entry": ["os"] * late, "competing": ["os"]}
    card = CARD | {"competing": CARD}
    own = apply_model(tables, "os", arrays, card, spec)
    known = tables["harmonized"]["os_event"].notna() & (np.arange(240) < 100)
    learned = tables["harmonized"][known].sort_values("os_time", kind="stable")
    grid = np.arange(0, 12, 0.001) if late else GRID
    for cause, prefix in ((1, ""), (2, "competing_")):
        beta = arrays[f"{prefix}coefficients"][0, 0, 0]
        risk = tables["design"].loc[learned.index, ["a", "b"]].to_numpy() @ beta
        entry, time, event = learned[["os_entry", "os_time", "os_event"]].to_numpy().T
        baseline = cox.baseline_on(grid, risk, entry, time, event == cause, "efron")
        arrays |= {f"{prefix}baseline": baseline[None, None], f"{prefix}grid": grid}
    released = apply_model(tables, "os", arrays, card, spec)
    both = own["survival_1"].notna() & released["survival_1"].notna()
    assert both.sum() > 100
    np.testing.assert_allclose(
        own.loc[both, "survival_1"], released.loc[both, "survival_1"], atol=2e-3 if late else 1e-12
    )


def test_competing_events_without_a_model_get_one_hazard_for_all():
    tables, arrays = late_tables(competing=True), model_arrays()
    tables["harmonized"]["os_entry"] = 0.0
    alone = apply_model(tables, "os", arrays, CARD, PREDICT | {"competing": ["os"]})
    nothing = {f"competing_{name}": value for name, value in model_arrays().items()}
    nothing["competing_coefficients"] = np.zeros((2, 3, 1, 2))
    same = apply_model(tables, "os", arrays | nothing, CARD | {"competing": CARD}, PREDICT | {"competing": ["os"]})
    pd.testing.assert_frame_equal(alone, same)
    ignored = apply_model(tables, "os", arrays, CARD, PREDICT)
    # Who may leave by another door has the event less often.
    assert (alone["survival_4"] > ignored["survival_4"]).all()


def test_slope_equals_lifelines_and_is_one_where_nobody_has_the_event():
    x, entry, time, event = data(tied=True)
    risk = x @ np.array([0.3, 0.1])
    frame = pd.DataFrame({"risk": risk, "time": time, "event": event})
    fitter = CoxPHFitter().fit(frame, "time", "event", fit_options={"precision": 1e-12})
    assert cox.slope(risk, entry, time, event, 1, "efron") == pytest.approx(fitter.params_["risk"], abs=1e-6)
    assert cox.slope(risk, entry, time, np.zeros_like(event), 1, "efron") == 1.0
    assert cox.slope(np.zeros_like(risk), entry, time, event, 1, "efron") == 1.0


def test_a_site_fits_a_model_to_itself_on_the_rows_it_may_learn_from():
    """A released model with half the slope and a wrong baseline: the baseline alone, and both, set right."""
    tables, arrays = site_tables(n=4000), model_arrays()
    arrays["coefficients"][:] = np.array([0.25, 0.0])
    arrays = with_crossed(arrays) | {"baseline": np.broadcast_to(GRID * 2.0, (2, 3, 4)).copy()}
    harmonized = tables["harmonized"].dropna(subset=["os_time"]).set_index("row")
    frames = {
        part: apply_model(tables, "os", arrays, CARD, PREDICT, recalibrated=part)
        for part in (None, "baseline", "slope")
    }
    risks = {
        part: frame.set_index("row").loc[harmonized.index, "risk"]
        for part, frame in frames.items()
        if frame is not None
    }
    assert np.allclose(risks[None], risks["baseline"])
    # The hazard of `data` rises by 0.5 per unit of the first column.
    assert (risks["slope"] / risks[None]).median() == pytest.approx(2.0, abs=0.2)
    observed = 1 - KaplanMeierFitter().fit(harmonized["os_time"], harmonized["os_event"]).predict(2.0)
    told = {part: 1 - frame["survival_2"].mean() for part, frame in frames.items()}
    assert told[None] > observed + 0.1
    assert told["baseline"] == pytest.approx(observed, abs=0.02) and told["slope"] == pytest.approx(observed, abs=0.02)


def test_recalibrated_regimes_are_filed_beside_the_model(tmp_path):
    from hemapilots.models.files import write_model

    arrays = with_crossed(model_arrays()) | {"baseline": np.full((2, 3, 4), 0.5)}
    write_model(tmp_path / "models", "os", "m", "pooled", arrays, CARD)
    parts = {"m pooled": {"pooled+recalibrated": "baseline", "pooled+recalibrated-slope": "slope"}}
    spec = PREDICT | {"comparators": {}, "endpoints": ["os"], "sharing": "public", "recalibrated": parts}
    predict_site("x", site_tables(), [tmp_path / "models"], spec, tmp_path / "out")
    written = sorted(path.stem for path in (tmp_path / "out/os/m").glob("*.parquet"))
    assert written == ["pooled", "pooled+recalibrated", "pooled+recalibrated-slope"]
