"""The verdict's rules on tables written by hand."""

import json

import numpy as np
import pytest

from hemapilots.errors import HemaPilotsError
from hemapilots.evaluation.frames import COMPARISON_COLUMNS, METRIC_COLUMNS, frame
from hemapilots.evaluation.verdict import verdict

NON_INFERIOR = {"name": "a", "test": "non_inferior", "against": ["m", "pooled"], "margin": 0.01}
SUPERIOR = {"name": "b", "test": "superior", "against": ["m", "local/own"]}
HARMLESS = {
    "name": "c",
    "test": "no_site_harmed",
    "against": ["m", "local/own"],
    "margin": 0.05,
    "minimum_events": 20,
}


def spec(*criteria, metric="uno_c"):
    return {
        "scenario": "base",
        "tau": 5.0,
        "bootstrap": {"samples": 500, "seed": 1, "level": 0.95},
        "criteria": list(criteria),
        "primary": {"endpoint": "e", "model": "m", "regime": "federated/newton", "metric": metric},
    }


def difference(against, lower, upper=0.5, on="all", estimand="pooled", events=50.0, metric="uno_c", **other):
    return {
        "scenario": "base",
        "endpoint": "e",
        "metric": metric,
        "horizon": np.nan if metric == "harrell_c" else 5.0,
        "model": "m",
        "regime": "federated/newton",
        "reference_model": "m",
        "reference_regime": against,
        "evaluated_on": on,
        "estimand": estimand,
        "difference": (lower + upper) / 2,
        "lower": lower,
        "upper": upper,
        "p": "0.5",
        "n": 100.0,
        "events": events,
    } | other


def judge(rows, *criteria, metric="uno_c", sites=(), split=False):
    metrics = frame([{"evaluated_on": name} for name in ("all", *sites)], METRIC_COLUMNS)
    found = verdict(frame(rows, COMPARISON_COLUMNS), metrics, spec(*criteria, metric=metric) | {"split": split})
    json.dumps(found, allow_nan=False)
    return found


def outcomes(found):
    return [one["outcome"] for one in found["criteria"]]


@pytest.mark.parametrize(
    ("criterion", "against", "lower", "outcome"),
    [
        (NON_INFERIOR, "pooled", -0.0099, "met"),
        (NON_INFERIOR, "pooled", -0.01, "not met"),
        (SUPERIOR, "local/own", 1e-6, "met"),
        (SUPERIOR, "local/own", 0.0, "not met"),
        (SUPERIOR, "pooled", 0.1, "not assessable"),
        (SUPERIOR, "local/own", np.nan, "not assessable"),
    ],
)
def test_one_criterion(criterion, against, lower, outcome):
    found = judge([difference(against, lower)], criterion)
    assert outcomes(found) == [outcome]
    assert found["outcome"] == outcome


def test_identical_predictions_are_not_inferior_and_not_superior():
    rows = [difference(against, 0.0, 0.0, p="identical") for against in ("pooled", "local/own")]
    assert outcomes(judge(rows, NON_INFERIOR, SUPERIOR)) == ["met", "not met"]


def test_sequence_is_confirmatory_up_to_the_first_failure():
    rows = [difference("pooled", 0.0), difference("local/own", -0.01)]
    found = judge(rows, NON_INFERIOR, SUPERIOR, NON_INFERIOR, NON_INFERIOR)
    assert [one["sequence"] for one in found["criteria"]] == ["confirmatory"] * 2 + ["exploratory"] * 2
    assert outcomes(found) == ["met", "not met", "met", "met"]
    assert found["outcome"] == "not met"


def test_what_cannot_be_assessed_also_ends_the_sequence_and_is_never_met():
    found = judge([difference("local/own", 0.1)], NON_INFERIOR, SUPERIOR)
    assert [one["sequence"] for one in found["criteria"]] == ["confirmatory", "exploratory"]
    assert found["outcome"] == "not assessable"


def test_pooled_rows_are_preferred_but_against_own_models_pairs_within_sites_count():
    other = SUPERIOR | {"against": ["m", "pooled"]}
    both = [difference("pooled", -0.1, estimand="within-site"), difference("pooled", 0.1)]
    assert outcomes(judge(both, other)) == ["met"]
    assert outcomes(judge(both[:1], other)) == ["not met"]
    for regime in ("local/own", "federated/finetune"):
        own = [difference(regime, -0.1, estimand="within-site"), difference(regime, 0.1)]
        assert outcomes(judge(own, SUPERIOR | {"against": ["m", regime]})) == ["not met"]


def test_superiority_to_local_models_is_not_assessable_on_random_splits():
    rows = [difference("local/own", 0.1, estimand="within-site"), difference("score/s", 0.1)]
    criteria = (SUPERIOR, SUPERIOR | {"against": ["m", "score/s"]}, SUPERIOR | {"test": "non_inferior", "margin": 0.1})
    found = judge(rows, *criteria, split=True)
    assert outcomes(found) == ["not assessable", "met", "met"]
    assert found["criteria"][0]["lower"] == 0.1 and "random parts" in found["criteria"][0]["reason"]


def test_a_site_with_events_but_without_comparison_keeps_the_criterion_open():
    metrics = frame([{"evaluated_on": "b", "endpoint": "e", "events": 60.0}], METRIC_COLUMNS)
    found = verdict(frame([site("a", 0.1)], COMPARISON_COLUMNS), metrics, spec(HARMLESS))
    assert outcomes(found) == ["not assessable"]


def test_other_metrics_horizons_endpoints_and_models_are_ignored():
    rows = [
        difference("local/own", 0.1, metric="harrell_c"),
        difference("local/own", 0.1, horizon=2.0),
        difference("local/own", 0.1, endpoint="f"),
        difference("local/own", 0.1, model="other"),
    ]
    assert outcomes(judge(rows, SUPERIOR)) == ["not assessable"]
    assert outcomes(judge(rows, SUPERIOR, metric="harrell_c")) == ["met"]


def test_errors_are_turned_so_that_positive_favours_the_model():
    row = difference("local/own", -0.03, -0.01, metric="ibs")
    found = judge([row], SUPERIOR, metric="ibs")["criteria"][0]
    assert (found["lower"], found["upper"], found["outcome"]) == (0.01, 0.03, "met")


def site(name, lower, events=50.0):
    return difference("local/own", lower, on=name, estimand="within-site", events=events)


def test_no_site_harmed():
    assert outcomes(judge([site("a", -0.04), site("b", -0.049)], HARMLESS)) == ["met"]
    assert outcomes(judge([site("a", -0.04), site("b", -0.05)], HARMLESS)) == ["not met"]


def test_small_sites_are_listed_but_do_not_decide():
    found = judge([site("a", -0.04), site("b", -0.3, 19.0), site("d", -0.3, np.nan)], HARMLESS, sites=("c",))
    criterion = found["criteria"][0]
    assert criterion["outcome"] == "met"
    assert {one["site"]: one["outcome"] for one in criterion["sites"]} == {
        "a": "met",
        "b": "not assessable",
        "c": "not assessable",
        "d": "not assessable",
    }


def test_no_site_harmed_without_assessable_sites():
    assert outcomes(judge([site("b", 0.1, 19.0)], HARMLESS)) == ["not assessable"]
    assert outcomes(judge([], HARMLESS, sites=("a",))) == ["not assessable"]


def test_a_large_site_without_an_interval_keeps_the_criterion_open():
    assert outcomes(judge([site("a", 0.1), site("b", np.nan)], HARMLESS)) == ["not assessable"]
    assert outcomes(judge([site("a", -0.2), site("b", np.nan)], HARMLESS)) == ["not met"]


def test_unusable_criteria_say_so():
    with pytest.raises(HemaPilotsError, match="better"):
        judge([], {"name": "x", "test": "better", "against": ["m", "pooled"]})
    with pytest.raises(HemaPilotsError, match="margin"):
        judge([], {"name": "x", "test": "non_inferior", "against": ["m", "pooled"]})


def test_without_a_bar_nothing_is_beaten():
    criterion = judge([difference("pooled", 0.1)], {"name": "bar", "test": "superior", "against": None})["criteria"][0]
    assert criterion["outcome"] == "not assessable"
    assert criterion["reason"] == "the use case marks no comparator as the bar"
