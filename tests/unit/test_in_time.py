"""A split in time: who learns, who is judged, what a site tells of it, and where it is refused."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from hemapilots.config.use_case import UseCase
from hemapilots.cross_checks import Source, resolve_use_case
from hemapilots.errors import HemaPilotsError
from hemapilots.federation.training import training_data
from hemapilots.models.training_sets import training_sets
from hemapilots.paths import RESOURCES
from hemapilots.periods import sizes
from hemapilots.prepare import assign_folds
from hemapilots.site_tables import read_evaluation
from hemapilots.study import load_study

CONFIG = RESOURCES.parent / "config"
RESAMPLING = {"replicates": 1, "folds": 6, "seed": 3, "judge_from": 2010, "index_year": "index_year"}


def harmonized(n=300, unknown=12):
    rng = np.random.default_rng(4)
    year = rng.integers(2003, 2016, n).astype(float)
    year[:unknown] = np.nan
    table = {"row": np.arange(n) + 50, "index_year": year, "os_entry": 0.0, "os_time": rng.exponential(2, n)}
    return pd.DataFrame(table | {"os_event": (rng.random(n) < 0.5).astype(float), "age": rng.normal(70, 8, n)})


@pytest.fixture(scope="module")
def table():
    return harmonized()


@pytest.fixture(scope="module")
def folds(table):
    return assign_folds(table, "os", RESAMPLING, "a")


def test_the_later_patients_are_judged_and_no_others(table, folds):
    year = table["index_year"].to_numpy()
    assert (folds["judged"].to_numpy() == (year >= 2010)).all()
    assert (folds["fold"].to_numpy() > 0).tolist() == (year < 2010).tolist()
    assert set(folds["fold"]) == set(range(6))


def test_folds_of_the_earlier_are_balanced_by_event(table, folds):
    merged = folds.merge(table, on="row").query("fold > 0")
    for _, stratum in merged.groupby("os_event"):
        counts = stratum["fold"].value_counts()
        assert len(counts) == 5 and counts.max() - counts.min() <= 1


def test_no_training_set_of_the_judged_holds_a_later_patient_or_one_of_unknown_year(table, folds):
    wide = folds.pivot(index="row", columns="replicate", values="fold")
    site = {"harmonized": table, "folds": wide, "design": table[["row", "index_year"]]}
    data = training_data(site, "os", [{"column": "index_year", "flag": False}])
    sets = training_sets(1, 6, tune=True)
    seen = [data.x[data.members(one), 0] for one in sets if one[0] == 0 and one[1] == 0]
    assert len(seen) == 6
    assert all(years.max() < 2010 and not np.isnan(years).any() for years in seen)


def test_only_the_later_reach_evaluation(table, folds, tmp_path):
    table.to_parquet(tmp_path / "harmonized.parquet")
    folds.to_parquet(tmp_path / "folds.parquet")
    outcomes, judged, _ = read_evaluation(tmp_path)
    assert len(outcomes) == len(table)
    assert set(judged["row"]) == set(table.loc[table["index_year"] >= 2010, "row"]) and list(judged) == [
        "replicate",
        "fold",
        "row",
    ]


def test_sizes_of_both_sides(table, folds):
    told = sizes(folds, table["os_event"].to_numpy() == 1, "report")
    years, event = table["index_year"], table["os_event"] == 1
    assert told["earlier"] == {"patients": (years < 2010).sum(), "events": (event & (years < 2010)).sum()}
    assert told["later"] == {"patients": (years >= 2010).sum(), "events": (event & (years >= 2010)).sum()}
    assert told["unknown"]["patients"] == 12


def test_small_sides_are_hidden_and_guarded_ones_rounded(table, folds):
    event = table["os_event"].to_numpy() == 1
    assert all(count % 5 == 0 for part in sizes(folds, event, "enforce").values() for count in part.values())
    assert sizes(folds, event, "report")["earlier"]["events"] == (event & (folds["fold"] > 0)).sum()
    few = event & ~(folds["fold"].to_numpy() > 0)
    few[np.flatnonzero(folds["fold"] > 0)[:3]] = True
    assert all(part["events"] is None for part in sizes(folds, few, "enforce").values())


def test_a_site_without_any_year_is_refused(table):
    with pytest.raises(HemaPilotsError, match="site a: no patient's index year is known"):
        assign_folds(table.assign(index_year=np.nan), "os", RESAMPLING, "a")


def test_the_study_of_a_split_in_time_has_one_part_more_than_folds():
    study = load_study("mgus-mgus2+later", CONFIG, RESOURCES)
    assert study["prepare"]["resampling"]["folds"] == study["train"]["folds"] == 6
    assert study["prepare"]["resampling"]["judge_from"] == 1985
    assert study["dates"] == {"variable": "index_year", "undated": []}


def changed(tmp_path: Path, edit) -> Path:
    folder = tmp_path / "config"
    shutil.copytree(CONFIG, folder)
    edit(folder)
    return folder


def edited(path: Path, **changes) -> None:
    record = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(record | changes))


def test_a_cohort_without_dates_is_refused_in_one_sentence(tmp_path):
    def edit(folder):
        record = yaml.safe_load((folder / "mappings" / "mgus2.yaml").read_text())
        del record["variables"]["diagnosis_year"]
        (folder / "mappings" / "mgus2.yaml").write_text(yaml.safe_dump(record))

    folder = changed(tmp_path, edit)
    assert load_study("mgus-mgus2", folder, RESOURCES)["dates"]["undated"] == ["mgus2"]
    with pytest.raises(
        HemaPilotsError, match="judge_from: mapping mgus2 delivers no index date, so patients cannot be split"
    ):
        load_study("mgus-mgus2+later", folder, RESOURCES)


def test_a_use_case_without_index_year_is_refused(tmp_path):
    folder = changed(tmp_path, lambda folder: edited(folder / "use_cases" / "mgus.yaml", index_year=None))
    with pytest.raises(HemaPilotsError, match="mgus.yaml names no `index_year`"):
        load_study("mgus-mgus2+later", folder, RESOURCES)


def test_a_split_in_time_is_made_once(tmp_path):
    path = "protocols/progression-later.yaml"
    resampling = {"replicates": 2, "folds": 5, "seed": 1, "judge_from": 1985}
    folder = changed(tmp_path, lambda folder: edited(folder / path, resampling=resampling))
    with pytest.raises(HemaPilotsError, match="give `replicates: 1`"):
        load_study("mgus-mgus2+later", folder, RESOURCES)


def test_the_index_year_is_a_number_known_at_the_index_date(tmp_path):
    folder = changed(tmp_path, lambda folder: edited(folder / "use_cases" / "mgus.yaml", index_year="sex"))
    with pytest.raises(HemaPilotsError, match="'sex' is no number"):
        load_study("mgus-mgus2", folder, RESOURCES)


@pytest.mark.parametrize("name", ["index_year", "diagnosis_year"])
@pytest.mark.parametrize(
    ("place", "inside"),
    [
        ("table_one", lambda name: ["age", name]),
        ("subgroups", lambda name: [name]),
        ("sensitivity", lambda name: {"covariates": [name]}),
        ("predictor_sets", lambda name: {"era": [name]}),
        ("comparators", lambda name: {"era": {"label": "Era", "predictors": ["age", name]}}),
    ],
)
def test_the_index_year_is_refused_where_it_would_leave_a_site(tmp_path, name, place, inside):
    path = CONFIG / "use_cases" / "mgus.yaml"
    edited(shutil.copy(path, tmp_path / "mgus.yaml") and tmp_path / "mgus.yaml", **{place: inside(name)})
    with pytest.raises(HemaPilotsError, match=f"{place}.*'{name}' tells the calendar year .* which leaves no site"):
        resolve_use_case(Source(tmp_path / "mgus.yaml", UseCase))
