"""Folds, design, support and the agreement on columns."""

import numpy as np
import pandas as pd
import pytest

from hemapilots.encoding import encode
from hemapilots.leakage import leakage
from hemapilots.prepare import agree, assign_folds, support

RESAMPLING = {"replicates": 2, "folds": 5, "seed": 3}
COLUMNS = [
    {"column": "age", "variable": "age", "type": "number"},
    {"column": "age_missing", "variable": "age", "type": "missing"},
    {"column": "sex_M", "variable": "sex", "type": "level", "level": "M"},
    {"column": "sex_missing", "variable": "sex", "type": "missing"},
    {"column": "grade", "variable": "grade", "type": "ordered", "levels": ["low", "mid", "high"]},
    {"column": "grade_missing", "variable": "grade", "type": "missing"},
    {"column": "gene", "variable": "gene", "type": "flag"},
    {"column": "gene_missing", "variable": "gene", "type": "missing"},
]


def harmonized(n=100, carriers=30, seed=0):
    rng = np.random.default_rng(seed)
    age = rng.normal(70, 8, n)
    age[:10] = np.nan
    sex = np.where(rng.random(n) < 0.5, "M", "F").astype(object)
    sex[3] = None
    gene = np.zeros(n)
    gene[rng.choice(n, carriers, replace=False)] = 1
    event = (rng.random(n) < 0.5).astype(float)
    event[:2] = np.nan
    time = np.where(np.isnan(event), np.nan, rng.exponential(2, n))
    grade = np.array(["low", "mid", "high"], dtype=object)[rng.integers(0, 3, n)]
    table = {
        "row": np.arange(n) + 7,
        "age": age,
        "sex": sex,
        "grade": grade,
        "gene": gene,
        "os_entry": 0.0,
        "os_time": time,
        "os_event": event,
    }
    return pd.DataFrame(table)


def test_folds_are_balanced_overall_and_within_each_stratum():
    table = harmonized(103)
    folds = assign_folds(table, "os", RESAMPLING, "a")
    for _, replicate in folds.groupby("replicate"):
        merged = replicate.merge(table[["row", "os_event"]], on="row")
        sizes = merged["fold"].value_counts()
        assert sizes.max() - sizes.min() <= 1 and set(sizes.index) == set(range(5))
        for _, stratum in merged.groupby(merged["os_event"].fillna(-1)):
            counts = stratum["fold"].value_counts().reindex(range(5), fill_value=0)
            assert counts.max() - counts.min() <= 1
    first, second = (group.set_index("row")["fold"] for _, group in folds.groupby("replicate"))
    assert (first != second).any()


def test_folds_depend_on_seed_and_site_only():
    table = harmonized()
    again = assign_folds(table, "os", RESAMPLING, "a")
    pd.testing.assert_frame_equal(again, assign_folds(table, "os", RESAMPLING, "a"))
    assert (again["fold"] != assign_folds(table, "os", RESAMPLING, "b")["fold"]).any()
    assert (again["fold"] != assign_folds(table, "os", RESAMPLING | {"seed": 4}, "a")["fold"]).any()


def test_design_encodes_types_and_keeps_missing():
    design = encode(harmonized(), COLUMNS)
    assert design["age"].isna().sum() == 10 and design["age_missing"].sum() == 10
    assert np.isnan(design.loc[3, "sex_M"]) and design.loc[3, "sex_missing"] == 1
    assert set(design["grade"].dropna()) == {0.0, 1.0, 2.0}
    assert list(design.columns) == ["row", *(column["column"] for column in COLUMNS)]


def make_support(carriers, n=100, seed=0):
    table = harmonized(n, carriers, seed)
    folds = assign_folds(table, "os", RESAMPLING, "a")
    spec = {"endpoints": ["os"], "resampling": RESAMPLING, "columns": COLUMNS}
    return support(table, encode(table, COLUMNS), folds, spec), table, folds


@pytest.mark.parametrize(("carriers", "enough"), [(30, True), (25, True), (4, False), (0, False), (97, False)])
def test_support_is_that_of_the_smallest_training_set(carriers, enough):
    found, table, folds = make_support(carriers)
    wide = folds.pivot(index="row", columns="replicate", values="fold").reindex(table["row"])
    known = table["os_event"].notna().to_numpy()
    least = min(
        min((gene := table["gene"].to_numpy()[keep]).sum(), (1 - gene).sum())
        for replicate in range(2)
        for j in range(5)
        for k in range(5)
        for keep in [known & (wide[replicate] != j).to_numpy() & (wide[replicate] != k).to_numpy()]
    )
    assert found["os"]["columns"]["gene"] == (least >= 5)
    assert found["os"]["columns"]["gene"] == enough


def test_support_tells_no_count():
    found, *_ = make_support(30)
    text = str(found["os"])
    assert not any(character.isdigit() for character in text)


def with_leak(table, column):
    """The support of a site whose age is replaced by something known later, and its agreement with a sound site."""
    table = table.assign(age=column)
    folds = assign_folds(table, "os", RESAMPLING, "a")
    spec = {"endpoints": ["os"], "resampling": RESAMPLING, "columns": COLUMNS}
    return agreement(
        "report", False, {"a": support(table, encode(table, COLUMNS), folds, spec), "b": make_support(30)[0]}
    )


@pytest.mark.parametrize("kind", ["time", "status", "recorded after the event", "noisy time"])
def test_a_leaked_outcome_is_caught_and_named(kind):
    table = harmonized(seed=5)
    time, event, rng = table["os_time"], table["os_event"], np.random.default_rng(5)
    leaked = {
        "time": -time.round(1),
        "status": event.fillna(0),
        "recorded after the event": pd.Series(rng.normal(size=len(time))).where(event == 1),
        "noisy time": np.log(time) + rng.normal(0, 0.3, len(time)),
    }
    found = with_leak(table, leaked[kind])
    column = "age_missing" if kind == "recorded after the event" else "age"
    assert found["leakage"] == [{"endpoint": "os", "column": column, "sites": ["a"]}]
    assert found["leakage_assessed"]["os"]["b"]["age"]
    # Of a value known after the event alone nothing can be compared; that it is missing gives it away.
    assert found["leakage_assessed"]["os"]["a"]["age"] == (kind != "recorded after the event")


def test_sound_predictors_and_small_sites_raise_no_alarm():
    for seed in range(20):
        found = agreement("report", False, {"a": make_support(30, seed=seed)[0], "b": make_support(10, 24, seed)[0]})
        assert found["leakage"] == []
        assessed = found["leakage_assessed"]["os"]
        assert all(assessed["a"].values()) and not any(assessed["b"].values())
    # A strong, sound predictor: a hazard ratio of seven per standard deviation.
    rng = np.random.default_rng(1)
    x = rng.normal(size=2000)
    time, limit = rng.exponential(np.exp(-2 * x)), rng.exponential(1, 2000)
    assert leakage(x[:, None], ["x"], np.minimum(time, limit), time <= limit) == {"assessed": ["x"], "columns": []}


def test_a_column_known_for_few_is_not_assessed():
    rng = np.random.default_rng(2)
    x, time, event = rng.normal(size=(200, 3)), rng.exponential(size=200), np.arange(200) < 100
    x[19:100, 1] = np.nan
    x[119:, 2] = np.nan
    assert leakage(x, ["known", "few events", "few others"], time, event) == {"assessed": ["known"], "columns": []}


def agreement(gate, supported_only, supports):
    models = {
        "m": {
            "predictors": ["age", "sex", "gene"],
            "supported_only": supported_only,
            "required": [],
            "endpoints": ["os"],
        }
    }
    return agree(supports, COLUMNS, {"models": models, "gate": gate, "endpoints": ["os"]})


def test_agreement_drops_for_all_sites_what_fails_at_one_where_enforced():
    strong, weak = make_support(30)[0], make_support(4)[0]
    enforced = agreement("enforce", False, {"a": strong, "b": weak})
    kept = {column["column"] for column in enforced["columns"]["os"]["m"]}
    assert "gene" not in kept and {"age", "sex_M"} <= kept
    reason = next(row for row in enforced["left_out"] if row["column"] == "gene")
    assert reason["sites"] == ["b"]
    reported = {
        column["column"] for column in agreement("report", False, {"a": strong, "b": weak})["columns"]["os"]["m"]
    }
    assert "gene" in reported
    twin = {column["column"] for column in agreement("report", True, {"a": strong, "b": weak})["columns"]["os"]["m"]}
    assert "gene" not in twin


def test_constant_columns_and_idle_indicators_are_left_out():
    out = agreement("report", False, {"a": make_support(0)[0], "b": make_support(0, seed=1)[0]})
    kept = {column["column"] for column in out["columns"]["os"]["m"]}
    assert "gene" not in kept and "gene_missing" not in kept and "age_missing" in kept
    assert any(row["column"] == "gene" and row["reason"] == "constant" for row in out["left_out"])


def test_small_site_is_evaluated_but_not_trained_where_enforced():
    large, small = make_support(30)[0], make_support(5, n=15)[0]
    out = agreement("enforce", False, {"a": large, "b": small})
    assert out["sites"]["os"] == ["a"] and out["evaluated_only"]["os"] == ["b"]
    assert agreement("report", False, {"a": large, "b": small})["sites"]["os"] == ["a", "b"]


def test_a_comparator_without_its_score_is_not_fitted():
    supports = {"a": make_support(0)[0], "b": make_support(0, seed=1)[0]}
    models = {
        "bar": {
            "predictors": ["age", "sex", "gene"],
            "supported_only": False,
            "required": ["gene"],
            "endpoints": ["os"],
        }
    }
    out = agree(supports, COLUMNS, {"models": models, "gate": "report", "endpoints": ["os"]})
    assert out["columns"]["os"]["bar"] == []
