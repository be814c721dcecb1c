"""Criteria on calibration, net benefit and fairness, on tables written by hand."""

import json

import numpy as np
import pytest

from hemapilots.evaluation.frames import COMPARISON_COLUMNS, METRIC_COLUMNS, frame
from hemapilots.evaluation.verdict import verdict
from hemapilots.report.clinical_words import clinical_criterion
from hemapilots.report.words import Labels
from report_sample import study

PRIMARY = {"endpoint": "os", "model": "m", "regime": "r"}
DECISION = {"name": "act", "label": "Act", "endpoint": "os", "horizon": 2.0, "thresholds": [0.2, 0.22], "act": "above"}


def metric(name, estimate, where="all", subgroup="all", horizon=2.0, **other):
    row = PRIMARY | {
        "metric": name,
        "estimate": estimate,
        "evaluated_on": where,
        "subgroup": subgroup,
        "horizon": horizon,
    }
    return row | other


def benefit(threshold, lowest, regime="score/s", estimand="pooled", n=100.0):
    row = PRIMARY | {
        "metric": "net_benefit",
        "decision": "act",
        "threshold": threshold,
        "horizon": 2.0,
        "band_lower": lowest,
        "n": n,
    }
    reference = regime.split("/")[0]
    return row | {"reference_model": reference, "reference_regime": regime, "evaluated_on": "all", "estimand": estimand}


def largest(probability=0.2):
    """Net benefit and its standardised form at two thresholds: the margin is a share of the event's probability."""
    rows = []
    for threshold, value in ((0.2, 0.1), (0.22, 0.05)):
        place = {"decision": "act", "threshold": threshold}
        rows += [
            metric("net_benefit", value, **place),
            metric("standardised_net_benefit", value / probability, **place),
        ]
    return rows


def judge(criterion, metrics=(), comparisons=()):
    spec = {
        "scenario": "base",
        "tau": 5.0,
        "bootstrap": {"level": 0.95},
        "criteria": [{"name": "x", "against": None, "margin": 0.05} | criterion],
        "primary": PRIMARY | {"metric": "uno_c"},
        "endpoints": ["os"],
        "horizons": {"os": [2.0]},
        "decisions": [DECISION],
    }
    found = verdict(frame(list(comparisons), COMPARISON_COLUMNS), frame(list(metrics), METRIC_COLUMNS), spec)
    json.dumps(found, allow_nan=False)
    return found["criteria"][0]


@pytest.mark.parametrize(
    ("ici", "ratios", "outcome"),
    [
        (0.05, (1.0, 1.2, 0.8, 1.25, 3.0), "met"),
        (0.051, (1.0,), "not met"),
        (0.01, (1.0, 1.3), "not met"),
        (0.01, (), "not assessable"),
        (np.nan, (1.0,), "not assessable"),
        # One site of five tells that four could be in range; with two out of range, the rest cannot help.
        (0.01, (1.0, np.nan, np.nan, np.nan, np.nan), "not assessable"),
        (0.01, (1.3, 0.7, np.nan, np.nan, np.nan), "not met"),
        (0.01, (1.0, 1.0, 1.0, 1.0, np.nan), "met"),
    ],
)
def test_calibrated(ici, ratios, outcome):
    rows = [metric("ici", ici), metric("oe", 9.0), metric("oe", 9.0, "a", "sex=F")]
    rows += [metric("oe", ratio, f"site-{k}") for k, ratio in enumerate(ratios)]
    found = judge({"test": "calibrated"}, rows)
    assert found["outcome"] == outcome
    words = clinical_criterion(found, Labels(study()), study())
    assert words["found"].startswith("At 2 years ICI")


@pytest.mark.parametrize(
    ("limits", "outcome"),
    [
        ((0.005, -0.01, 0.0), "met"),
        ((0.005, -0.011, 0.0), "not met"),
        ((0.0, -0.01, 0.0), "not met"),
        ((0.01, np.nan, 0.01), "not assessable"),
    ],
)
def test_useful_over_the_whole_range(limits, outcome):
    rows = [benefit(threshold, lowest) for threshold, lowest in zip((0.2, 0.21, 0.22), limits, strict=True)]
    others = [benefit(threshold, -1.0, "treat/all") for threshold in (0.2, 0.21, 0.22)]
    within = [benefit(threshold, -1.0, estimand="within-site") for threshold in (0.2, 0.21, 0.22)]
    found = judge({"test": "useful", "against": ["score", "score/s"]}, largest(), [*within, *rows, *others])
    assert found["outcome"] == outcome
    text = clinical_criterion(found, Labels(study()), study())["found"]
    assert text.startswith("Act: ")


def test_useful_without_pooling_rests_on_what_sites_tell():
    rows = [benefit(threshold, 0.01, estimand="within-site") for threshold in (0.2, 0.21, 0.22)]
    against = {"test": "useful", "against": ["score", "score/s"]}
    assert judge(against, largest(), rows)["outcome"] == "met"
    assert judge(against, comparisons=rows)["outcome"] == "not assessable"
    fewer = benefit(0.21, 0.01, estimand="within-site", n=80.0)
    assert judge(against, largest(), [rows[0], fewer, rows[2]])["outcome"] == "not assessable"
    assert judge({"test": "useful"})["outcome"] == "not assessable"


LARGE, SMALL = {"n": 80.0, "events": 20.0}, {"n": 40.0, "events": 20.0}


def test_fair():
    fine = [metric("oe", 1.1, subgroup="sex=F", **LARGE), metric("oe", 1.0, "a", **LARGE)]
    assert judge({"test": "fair"}, fine)["outcome"] == "met"
    assert judge({"test": "fair"}, [metric("oe", 1.0, "a", **SMALL)])["outcome"] == "not assessable"
    flagged = judge({"test": "fair"}, [*fine, metric("oe", 0.5, "b", **LARGE)])
    assert flagged["outcome"] == "not met" and flagged["parts"][0]["evaluated_on"] == "b"
    elsewhere = metric("oe", 0.5, "b") | {"endpoint": "other"}
    assert judge({"test": "fair"}, [*fine, elsewhere])["outcome"] == "met"


def test_fair_rests_on_the_rules_figures_alone():
    """A C says nothing by itself; a small part is counted and not judged."""
    fine, unknown = metric("oe", 1.1, subgroup="sex=F", **LARGE), metric("oe", np.nan, subgroup="sex=M", **LARGE)
    ranked = metric("harrell_c", 0.7, subgroup="sex=M", **LARGE)
    found = judge({"test": "fair"}, [fine, unknown, ranked])
    assert found["outcome"] == "not assessable" and (found["parts_assessed"], found["parts_large"]) == (1, 2)
    small = metric("uno_c", np.nan, subgroup="sex=M", **SMALL)
    found = judge({"test": "fair"}, [fine, small])
    assert found["outcome"] == "met" and (found["parts_large"], found["parts_all"]) == (1, 2)
    assert clinical_criterion(found, Labels(study()), study())["found"].endswith("could be judged, 1 too small")
