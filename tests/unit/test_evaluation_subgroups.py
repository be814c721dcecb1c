"""Parts of the patients: figures against the part alone, minimum sizes, hidden counts, and the rule that flags."""

import numpy as np
import pandas as pd
import pytest
from lifelines import KaplanMeierFitter
from sksurv.metrics import concordance_index_censored

from hemapilots.evaluation import evaluate_pooled, evaluate_site
from hemapilots.evaluation.reclassification import reclassification_table
from hemapilots.evaluation.scope import Scopes
from hemapilots.evaluation.subgroups import flags
from test_evaluation_tables import FEDERATED, OWN, invented, pick, plan

DECISION = {"name": "act", "endpoint": "os", "horizon": 2.0, "thresholds": [0.2, 0.24], "act": "above"}
SPEC = plan(subgroups=["sex", "rare"], decisions=[DECISION])


@pytest.fixture(scope="module")
def sites():
    found = {}
    for name, (outcomes, folds, tables) in invented().items():
        rng = np.random.default_rng(len(outcomes))
        sex = rng.choice(["F", "M"], len(outcomes), p=[0.4, 0.6])
        rare = np.where(np.arange(len(outcomes)) < 4, 1.0, 0.0)
        found[name] = (outcomes.assign(sex=sex, rare=rare), folds, tables)
    return found


@pytest.fixture(scope="module")
def metrics(sites):
    return evaluate_pooled(Scopes(sites, SPEC))[0]


def test_concordance_is_that_of_the_part_alone(sites, metrics):
    table = pd.concat([f.merge(o, on="row").merge(p[("os", *FEDERATED)]) for o, f, p in sites.values()])
    table = table[table["sex"] == "F"]
    means = []
    for _, replicate in table.groupby("replicate"):
        parts = [
            concordance_index_censored(fold["os_event"] == 1, fold["os_time"], fold["risk"])
            for _, fold in replicate.groupby("fold")
        ]
        means.append(np.average([part[0] for part in parts], weights=[sum(part[1:4]) for part in parts]))
    row = pick(metrics, subgroup="sex=F", metric="harrell_c", regime="federated/newton").iloc[0]
    assert row["estimate"] == pytest.approx(np.mean(means), abs=1e-12)
    assert row["n"] == (pd.concat([o for o, _, _ in sites.values()])["sex"] == "F").sum()


def test_the_gap_is_the_difference_to_the_others(metrics):
    own, other = (
        pick(metrics, subgroup=f"sex={sex}", metric="uno_c", regime="federated/newton").iloc[0]["estimate"]
        for sex in "FM"
    )
    gap = pick(metrics, subgroup="sex=F", metric="uno_c_gap", regime="federated/newton").iloc[0]
    assert gap["estimate"] == pytest.approx(own - other, abs=1e-12) and gap["lower"] < gap["estimate"] < gap["upper"]


def test_small_parts_have_no_figure_and_one_row(metrics):
    small = pick(metrics, subgroup="rare=1")
    assert len(small) == 1 and small["estimate"].isna().all() and small["n"].iloc[0] == 8
    assert pick(metrics, subgroup="rare=0", metric="oe")["estimate"].notna().all()
    assert not (metrics["subgroup"].ne("all") & metrics["metric"].str.contains("net_benefit")).any()


def test_a_site_tells_no_counts_of_a_variable_with_a_small_cell(sites):
    metrics, counts = evaluate_site("a", Scopes({"a": sites["a"]}, SPEC))
    for table in (metrics, counts[counts["kind"] == "metric"]):
        rare = table[table["subgroup"].str.startswith("rare").fillna(False)]
        sex = table[table["subgroup"].str.startswith("sex").fillna(False)]
        assert len(rare) and rare[["n", "events"]].isna().all().all() and sex["n"].notna().all()
        assert table is metrics or rare["weight"].isna().all()
        # What is no count may be told of the part that is large enough.
        assert rare["estimate"].notna().any() and rare.loc[rare["subgroup"] == "rare=1", "estimate"].isna().all()


def test_flags_by_the_rule():
    base = {"endpoint": "os", "model": "m", "regime": "r", "horizon": 2.0, "n": 100.0, "events": 30.0}
    rows = [
        base | {"evaluated_on": "all", "subgroup": "all", "metric": "oe", "estimate": 2.0},
        base | {"evaluated_on": "all", "subgroup": "sex=F", "metric": "oe", "estimate": 1.3},
        base | {"evaluated_on": "a", "subgroup": "all", "metric": "oe", "estimate": 0.7},
        base | {"evaluated_on": "b", "subgroup": "all", "metric": "oe", "estimate": 1.2},
        base | {"evaluated_on": "all", "subgroup": "sex=M", "metric": "oe", "estimate": np.nan},
        base | {"evaluated_on": "all", "subgroup": "sex=F", "metric": "uno_c_gap", "estimate": -0.06, "upper": -0.01},
        base | {"evaluated_on": "all", "subgroup": "sex=M", "metric": "uno_c_gap", "estimate": -0.06, "upper": 0.01},
        base | {"evaluated_on": "all", "subgroup": "sex=X", "metric": "uno_c_gap", "estimate": -0.04, "upper": -0.01},
        base | {"model": "other", "evaluated_on": "all", "subgroup": "sex=F", "metric": "oe", "estimate": 3.0},
    ]
    found = flags(pd.DataFrame(rows).assign(lower=np.nan), ("m", "r"))
    assert list(zip(found["evaluated_on"], found["subgroup"], found["metric"], strict=True)) == [
        ("all", "sex=F", "oe"),
        ("a", "all", "oe"),
        ("all", "sex=F", "uno_c_gap"),
    ]


def test_net_benefit_is_compared_with_treating_everybody_and_the_band_holds_together(sites, metrics):
    comparisons = evaluate_pooled(Scopes(sites, SPEC))[1]
    benefit = pick(comparisons, metric="net_benefit")
    everybody = pick(benefit, reference_regime="treat/all")
    assert everybody["threshold"].tolist() == pytest.approx([0.2, 0.21, 0.22, 0.23, 0.24])
    assert (everybody["band_lower"] < everybody["lower"]).all() and (everybody["band_upper"] > everybody["upper"]).all()
    model, treat = (
        pick(metrics, regime=regime, metric="net_benefit", subgroup="all").set_index("threshold")["estimate"]
        for regime in ("federated/newton", "treat/all")
    )
    np.testing.assert_allclose(everybody.set_index("threshold")["difference"], model - treat)
    assert set(pick(metrics, metric="net_benefit")["decision"]) == {"act"}
    own = pick(benefit, reference_regime=OWN[1])
    assert len(own) == 5 and own["difference"].notna().all()


def test_reclassification_by_hand(sites):
    wide = DECISION | {"thresholds": [0.3, 0.6]}
    spec = SPEC | {"categories": {"s": "sex", "r": "rare"}, "decisions": [wide]}
    found = reclassification_table("all", Scopes(sites, spec))
    # The rare level has four patients a site, too few by where they are put.
    assert set(found["score"]) == {"s", "r"} and set(found.loc[found["score"] == "r", "category"]) == {"0"}
    table = pd.concat(
        [
            f.merge(o, on="row").merge(p[("os", *FEDERATED)], on=["row", "replicate", "fold"])
            for o, f, p in sites.values()
        ]
    )
    women = table[(table["replicate"] == 0) & (table["sex"] == "F")]
    risk = 1 - women["survival_2"]
    cell = women[risk < 0.3]
    row = found[(found["score"] == "s") & (found["category"] == "F") & (found["place"] == "below")].iloc[0]
    assert row["n"] == len(cell)
    assert row["observed"] == pytest.approx(1 - KaplanMeierFitter().fit(cell["os_time"], cell["os_event"]).predict(2.0))
    assert found[(found["score"] == "s")]["n"].sum() == 300


def test_a_decision_for_some_patients_is_judged_on_them_alone(sites):
    """Estimates are those of the women's tables alone; nobody else counts, and treating everybody treats them only."""
    women = {name: (o[o["sex"] == "F"], f, p) for name, (o, f, p) in sites.items()}
    spec = plan(subgroups=[], decisions=[DECISION | {"among": {"sex": ("F",)}}])
    found, _ = evaluate_pooled(Scopes(sites, spec))
    alone, _ = evaluate_pooled(Scopes(women, plan(subgroups=[], decisions=[DECISION])))
    for regime in ("federated/newton", "treat/all"):
        rows, wanted = (pick(table, regime=regime, metric="net_benefit") for table in (found, alone))
        assert rows["n"].tolist() == wanted["n"].tolist() and rows["estimate"].notna().all()
        np.testing.assert_allclose(rows["estimate"], wanted["estimate"], atol=1e-12)
    # What is no decision is still of all patients.
    assert pick(found, metric="uno_c", regime="federated/newton")["n"].iloc[0] == 300
    assert set(found["subgroup"]) == {"all"}


def test_reclassification_of_a_decision_for_some_counts_them_alone(sites):
    wide = DECISION | {"thresholds": [0.3, 0.6], "among": {"sex": ["F"]}}
    found = reclassification_table("all", Scopes(sites, SPEC | {"categories": {"r": "rare"}, "decisions": [wide]}))
    counts = pd.concat([o for o, _, _ in sites.values()]).query("sex == 'F' and rare == 0")
    assert found.loc[found["category"] == "0", "n"].sum() == len(counts)
