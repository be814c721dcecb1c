"""Scenarios: sizes and skews are what is declared, the same seed gives the same rows, and what makes no sense is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.stats import ks_2samp, kstest

from hemapilots.config.scenario import Fault, Scenario, Split
from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.issues import COLUMNS
from hemapilots.harmonize.scenario import gathered, varied, without
from hemapilots.harmonize.skew import classes_of, skewed
from hemapilots.report.unlike_sites import scenario_facts
from hemapilots.report.words import Labels
from hemapilots.study import asked_for, load_studies, load_study

ROOT = Path(__file__).parents[2]
FIVE = {f"site-{k}": 0.2 for k in "abcde"}


def records(n=1000, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "row": np.arange(n),
            "age": rng.normal(70, 9, n),
            "sex": np.where(rng.random(n) < 0.5, "F", "M"),
            "os_time": rng.exponential(3, n),
            "os_event": (rng.random(n) < 0.6).astype(float),
        }
    )


def rule(of, concentration=0.5, sites=FIVE, seed=7, **more):
    skew = {"of": of, "concentration": concentration, "variable": None, "classes": 5, "minimum": 20, "endpoint": "os"}
    return {"sites": sites, "seed": seed, "skew": skew | more}


def dealt(table, rule_):
    places = skewed(table, rule_)
    together = np.concatenate(list(places.values()))
    assert sorted(together) == list(range(len(table)))
    return places


@pytest.mark.parametrize("of", ["quantity", "time", "censoring", "covariate"])
def test_a_skew_is_that_which_is_declared(of):
    """How unlike sites are in what is skewed, and in nothing else; even sites where the concentration is large."""
    table, more = records(3000), {"variable": "age"} if of == "covariate" else {}
    skewed_, even = (dealt(table, rule(of, c, **more)) for c in (0.5, 1000))
    died = table["os_event"] == 1

    def spread(places):
        parts = [table.iloc[rows] for rows in places.values()]
        late = table.loc[died, "os_time"].median()
        return {
            "quantity": np.ptp([len(part) for part in parts]) / len(table),
            "time": np.ptp([(part.loc[part["os_event"] == 1, "os_time"] > late).mean() for part in parts]),
            "censoring": np.ptp([part["os_event"].mean() for part in parts]),
            "covariate": np.ptp([part["age"].mean() for part in parts]) / table["age"].std(),
        }

    assert spread(skewed_)[of] > 0.25 > 0.1 > spread(even)[of]
    if of == "covariate":
        assert spread(skewed_)["censoring"] < 0.12


def test_sizes_follow_the_dirichlet_distribution():
    """With equal shares and concentration 1 a site's share of five is Beta(1, 4)."""
    table = pd.DataFrame({"row": np.arange(5000)})
    found = [len(dealt(table, rule("quantity", 1.0, seed=seed, minimum=1))["site-a"]) / 5000 for seed in range(300)]
    assert kstest(found, "beta", args=(1, 4)).pvalue > 0.01


def test_shares_are_the_mean_of_a_skewed_split():
    sites = {"site-a": 0.6, "site-b": 0.3, "site-c": 0.1}
    table = pd.DataFrame({"row": np.arange(1000)})
    sizes = [
        [len(rows) for rows in dealt(table, rule("quantity", 3.0, sites, seed, minimum=1)).values()]
        for seed in range(400)
    ]
    np.testing.assert_allclose(np.mean(sizes, axis=0) / 1000, [0.6, 0.3, 0.1], atol=0.03)


def test_the_same_seed_deals_the_same_rows_and_another_seed_others():
    table = records()
    first, again, other = (dealt(table, rule("time", seed=seed)) for seed in (7, 7, 8))
    assert all((first[site] == again[site]).all() for site in FIVE)
    assert any(len(first[site]) != len(other[site]) or (first[site] != other[site]).any() for site in FIVE)


def test_a_site_is_never_smaller_than_the_minimum_and_what_cannot_be_is_refused():
    table = records(400)
    for seed in range(20):
        assert min(len(rows) for rows in dealt(table, rule("quantity", 0.3, seed=seed, minimum=30)).values()) >= 30
    with pytest.raises(HemaPilotsError, match="raise `concentration`"):
        skewed(table, rule("quantity", minimum=81))


def test_who_is_of_no_class_is_dealt_by_the_shares():
    table = records(1000).assign(age=np.nan)
    places = dealt(table, rule("covariate", variable="age"))
    assert {len(rows) for rows in places.values()} == {200}
    classes = classes_of(records(), rule("time")["skew"])
    assert ((classes == -1) == (records()["os_event"] == 0)).all() and classes.max() == 4


def issues_of(rows):
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def test_rows_of_all_sites_become_one_table_and_issues_follow_them():
    one, two = records(5), records(4, seed=1)
    two["row"] = [3, 5, 8, 9]
    two.loc[:1, "age"] = np.nan
    cell = {"row": 9, "variable": "sex", "status": "flag", "reason": "range_soft", "detail": "x", "count": 1}
    column = {"row": None, "variable": "age", "status": "null", "reason": "missing", "detail": "not given", "count": 2}
    dropped = {"row": 7, "variable": "age", "status": "rejected", "reason": "ineligible", "detail": "", "count": 1}
    table, issues = gathered({"site-b": (two, issues_of([cell, column, dropped])), "site-a": (one, issues_of([]))})
    assert (
        table["row"].tolist() == list(range(9))
        and table["age"].isna().tolist() == [False] * 5 + [True] * 2 + [False] * 2
    )
    told = {(row.row, row.variable, row.reason) for row in issues.itertuples()}
    assert told == {(8, "sex", "range_soft"), (5, "age", "missing"), (6, "age", "missing")}


USE_CASE = {
    "derived": {
        "old": {"type": "flag", "expression": "age > 70"},
        "very": {"type": "flag", "expression": "old and sex == 'M'"},
        "male": {"type": "flag", "expression": "sex == 'M'"},
        "since": {"type": "number", "expression": "treated_date - age"},
    },
    "scores": {},
}


def test_what_rests_on_an_absent_variable_is_computed_anew():
    table = records(6).assign(old=1.0, very=1.0, male=1.0, since=4.0)
    table["male"] = (table["sex"] == "M").astype(float)
    out = without(table, ("age",), USE_CASE)
    assert out[["age", "old", "since"]].isna().all(axis=None)
    # Nobody knows of a man whether he is old; of a woman it does not matter.
    assert out["very"].isna().tolist() == (table["sex"] == "M").tolist()
    pd.testing.assert_series_equal(out["male"], table["male"])


def test_a_site_without_a_variable_says_so_and_the_others_keep_it():
    scenario = {"split": None, "absent": {"site-a": ["age"]}}
    tables = {"site-a": (records(6), issues_of([]))}
    table, issues = varied(tables, "site-a", scenario, {"derived": {}, "scores": {}})
    assert table["age"].isna().all() and issues[["variable", "reason", "count"]].to_numpy().tolist() == [
        ["age", "not_assayed", 6]
    ]
    same, none = varied({"site-b": tables["site-a"]}, "site-b", scenario, {"derived": {}, "scores": {}})
    pd.testing.assert_frame_equal(same, records(6))
    assert none.empty


@pytest.fixture
def config(tmp_path):
    """A copy of the configuration, and a way to write a pilot with scenarios into it."""
    import shutil

    shutil.copytree(ROOT / "config", tmp_path / "config")

    def write(scenarios, base="mds-ipssm", **cohort):
        pilot = yaml.safe_load((ROOT / "config" / "pilots" / f"{base}.yaml").read_text())
        pilot["cohort"] |= cohort
        path = tmp_path / "config" / "pilots" / "changed.yaml"
        path.write_text(yaml.safe_dump(pilot | {"scenarios": scenarios}))
        return tmp_path / "config"

    return write


def load(folder, name):
    return load_study(f"changed+{name}", folder, ROOT / "resources")


REFUSED = {
    "no such site": {"faults": {"site-x": {"kind": "drop"}}},
    "no such scenario": None,
    "known": {"absent": {"site-a": ["os_years"]}},
    "no defence": {"faults": {"site-a": {"kind": "poison", "factor": 100}}},
    "federation": {"leave_out": "site-b", "split": {"sites": {"site-a": 0.5, "site-b": 0.5}, "seed": 1}},
    "unknown variable": {"split": {"sites": FIVE, "seed": 1, "skew": {"of": "covariate", "variable": "agee"}}},
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_sense_is_refused_with_the_reason(config, case):
    said = {"no such scenario": "no scenario 'wanted'", "known": "is an outcome", "federation": "no federation"}
    scenarios = (
        {"wanted": {"title": "x"} | REFUSED[case]}
        if REFUSED[case]
        else {"other": {"title": "x", "leave_out": "site-a"}}
    )
    with pytest.raises(HemaPilotsError, match=said.get(case, case)):
        load(config(scenarios), "wanted")


@pytest.mark.parametrize(("strategy", "said"), [("fedtrimmedavg", "removes nobody"), ("krum", "no guarantee")])
def test_three_sites_are_too_few_for_a_robust_strategy(config, strategy, said):
    """mds-ipssm has three sites, where trimming removes nobody and Krum has no guarantee."""
    folder = config(
        {"wanted": {"title": "x", "protocol": "three", "faults": {"site-a": {"kind": "poison", "factor": 100}}}}
    )
    protocol = yaml.safe_load((folder / "protocols" / "robust.yaml").read_text())
    kept = {"newton": {}, strategy: protocol["strategies"][strategy]}
    models = {"cox-clinical": {"kind": "cox", "predictors": "clinical", "strategies": [strategy]}}
    primary = {"model": "cox-clinical", "regime": f"federated/{strategy}"}
    (folder / "protocols" / "three.yaml").write_text(
        yaml.safe_dump(protocol | {"strategies": kept, "models": models, "primary": primary})
    )
    with pytest.raises(HemaPilotsError, match=said):
        load(folder, "wanted")


def test_a_private_cohort_has_no_scenarios(config):
    folder = config({"x": {"title": "x", "leave_out": "site-a"}}, sharing="private", public=None, split=None)
    with pytest.raises(HemaPilotsError, match="private"):
        load(folder, "x")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: Fault(kind="poison"), "factor"),
        (lambda: Fault(kind="drop", share=0.5), "for good"),
        (lambda: Scenario(title="x"), "changes something"),
        (lambda: Split(by="c", sites={"a": 1, "b": 2}, skew={"of": "time"}), "not dealt at random"),
    ],
)
def test_half_declared_scenarios_are_refused(made, said):
    with pytest.raises(ValueError, match=said):
        made()


def test_every_scenario_of_the_pilots_loads_and_its_pilot_comes_with_it():
    for pilot in ("mds-synthetic", "mds-ipssm"):
        declared = yaml.safe_load((ROOT / "config" / "pilots" / f"{pilot}.yaml").read_text())["scenarios"]
        names = [f"{pilot}+{name}" for name in declared]
        settings = yaml.safe_load((ROOT / "config" / "config.yaml").read_text()) | {"run": ",".join(names)}
        studies = load_studies(settings, ROOT / "config", ROOT / "resources")
        assert sorted(studies) == sorted([pilot, *names]) and asked_for(settings, ROOT / "config") == names
        for name in names:
            assert studies[name]["evaluate"]["scenario"] == name.partition("+")[2] and studies[name]["base"] == pilot
        assert studies[f"{pilot}+without-site-a"]["agree"]["leave_out"] == "site-a"


def test_recurrent_events_stay_with_the_pilot_and_the_report_says_so(config):
    study = load(config({"x": {"title": "x", "leave_out": "site-a"}}, base="scd-synthetic"), "x")
    assert study["evaluate"]["recurrent"] == {} and study["harmonize"]["recurrent"]
    label = next(iter(study["harmonize"]["recurrent"].values()))["label"]
    facts = scenario_facts(study["varies"], Labels(study))
    assert f"Recurrent events ({label}) are described in the report of the pilot alone." in facts


def test_the_small_sites_age_differs_where_it_is_shifted():
    table = records(2000)
    places = dealt(table, rule("covariate", variable="age"))
    a, b = (table["age"].iloc[places[site]] for site in ("site-a", "site-b"))
    assert ks_2samp(a, b).pvalue < 1e-6
