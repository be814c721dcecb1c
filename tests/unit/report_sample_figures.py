"""An invented pilot's figures: metrics, differences and the verdict."""

import pandas as pd

from report_sample_study import NAN, SITES

EVERYBODY = {"scenario": "base", "endpoint": "os", "evaluated_on": "all"}
PRIMARY = {"model": "cox-all", "regime": "federated/newton"}


def metrics() -> pd.DataFrame:
    """Every metric for all patients and each site."""
    methods = [
        ("cox-all", regime) for regime in ("federated/newton", "pooled", "local/own", "local/north", "local/south")
    ]
    methods += [("cox-safe", "federated/newton"), ("score", "score/index")]
    kinds = [("uno_c", 2.0), ("harrell_c", NAN), ("auc", 2.0), ("brier", 2.0), ("ibs", NAN)]
    rows = []
    for at, (model, regime) in enumerate(methods):
        for where in ("all", *SITES):
            for metric, horizon in kinds:
                value = 0.7 - 0.01 * at
                names = {
                    "scenario": "base",
                    "endpoint": "os",
                    "model": model,
                    "regime": regime,
                    "evaluated_on": where,
                    "subgroup": "all",
                }
                figures = {"estimate": value, "lower": value - 0.05, "upper": value + 0.05, "n": 60.0, "events": 30.0}
                rows.append(names | {"metric": metric, "horizon": horizon, "threshold": NAN} | figures)
    return pd.DataFrame([*rows, *benefits(), *parts(), *alone()])


def alone() -> list[dict]:
    """C of the primary model without pooling and as random effects, its stability, net benefit at an edge of risk."""
    head = EVERYBODY | PRIMARY | {"subgroup": "all", "horizon": 2.0, "n": 120.0, "events": 60.0}
    figures = {"estimate": 0.69, "lower": 0.64, "upper": 0.74}
    rows = [head | figures | {"metric": f"uno_c_{form}", "threshold": NAN} for form in ("within_site", "histogram")]
    benefit = {"metric": "net_benefit_histogram", "decision": "act", "threshold": 0.3, "estimate": 0.2475}
    ahead = head | figures | {"metric": "uno_c_prediction", "threshold": NAN, "lower": 0.55, "upper": 0.81}
    average = [head | figures | {"metric": f"uno_c_{form}", "threshold": NAN} for form in ("random_effects", "tau")]
    moved = [head | figures | {"metric": "mape", "threshold": NAN, "estimate": 0.0321, "lower": 0.03, "upper": 0.035}]
    moved += [moved[0] | {"metric": "flip_share", "decision": "act", "threshold": 0.2, "estimate": 0.114}]
    return [*rows, head | figures | benefit, *average, ahead, *moved]


def benefits() -> list[dict]:
    """Net benefit of the primary model, of the score with a probability, and of treating everybody and nobody, at two thresholds."""
    head = EVERYBODY | {"subgroup": "all", "horizon": 2.0, "decision": "act"}
    values = {
        ("cox-all", "federated/newton"): (0.3, 0.25),
        ("score", "score/index"): (0.28, 0.26),
        ("treat", "treat/all"): (0.2, 0.1),
        ("treat", "treat/none"): (0.0, 0.0),
    }
    rows = []
    for (model, regime), pair in values.items():
        for threshold, value in zip((0.2, 0.3), pair, strict=True):
            figures = {"estimate": value, "lower": value - 0.05, "upper": value + 0.05, "n": 120.0, "events": 60.0}
            names = head | {"model": model, "regime": regime, "threshold": threshold}
            rows += [names | {"metric": "net_benefit"} | figures]
            rows += [names | {"metric": "standardised_net_benefit"} | figures | {"estimate": value / 0.5}]
    return rows


def parts() -> list[dict]:
    """Women do worse and are flagged twice; of men there are too few."""
    head = EVERYBODY | PRIMARY
    size = {"n": 90.0, "events": 45.0}
    return [
        head
        | {"subgroup": "sex=F", "metric": "uno_c", "horizon": 2.0, "estimate": 0.6, "lower": 0.5, "upper": 0.7}
        | size,
        head
        | {"subgroup": "sex=F", "metric": "uno_c_gap", "horizon": 2.0, "estimate": -0.1, "lower": -0.2, "upper": -0.01}
        | size,
        head
        | {"subgroup": "sex=F", "metric": "oe", "horizon": 2.0, "estimate": 1.5, "lower": 1.2, "upper": 1.8}
        | size,
        head
        | {"subgroup": "sex=F", "metric": "brier", "horizon": 2.0, "estimate": 0.2, "lower": 0.1, "upper": 0.3}
        | size,
        head | {"subgroup": "sex=M", "metric": "uno_c", "horizon": 2.0, "estimate": NAN, "n": 30.0, "events": 15.0},
    ]


def comparisons() -> pd.DataFrame:
    """The primary model against every reference, on all patients, by both estimands."""
    references = [
        ("cox-all", "pooled", -0.001),
        ("cox-all", "local/own", 0.02),
        ("score", "score/index", -0.03),
        ("cox-safe", "federated/newton", 0.015),
    ]
    rows = []
    for model, regime, difference in references:
        for estimand in ("within-site", "pooled"):
            names = {
                "scenario": "base",
                "endpoint": "os",
                "metric": "uno_c",
                "horizon": 2.0,
                "model": "cox-all",
                "regime": "federated/newton",
            }
            names |= {"reference_model": model, "reference_regime": regime, "evaluated_on": "all", "estimand": estimand}
            shift = 0.001 if estimand == "within-site" else 0.0
            rows.append(
                names
                | {
                    "difference": difference + shift,
                    "lower": difference - 0.005,
                    "upper": difference + 0.005,
                    "p": "0.04",
                    "n": 120.0,
                    "events": 60.0,
                }
            )
    return pd.DataFrame([*rows, *benefit_differences()])


def benefit_differences() -> list[dict]:
    """Better than everybody at both thresholds together, than the score at neither."""
    head = {
        "scenario": "base",
        "endpoint": "os",
        "metric": "net_benefit",
        "horizon": 2.0,
        "decision": "act",
        "model": "cox-all",
    }
    head |= {
        "regime": "federated/newton",
        "evaluated_on": "all",
        "estimand": "pooled",
        "p": "0.04",
        "n": 120.0,
        "events": 60.0,
    }
    rows = []
    for reference, pair in {("treat", "treat/all"): (0.1, 0.15), ("score", "score/index"): (0.02, -0.01)}.items():
        for threshold, value in zip((0.2, 0.3), pair, strict=True):
            limits = {"difference": value, "lower": value - 0.03, "upper": value + 0.03}
            limits |= {"band_lower": value - 0.05, "band_upper": value + 0.05, "threshold": threshold}
            rows.append(head | {"reference_model": reference[0], "reference_regime": reference[1]} | limits)
    return rows


def verdict(outcome: str = "met") -> dict:
    """One criterion."""
    primary = {"endpoint": "os", "model": "cox-all", "regime": "federated/newton", "metric": "uno_c", "horizon": 2.0}
    criterion = {
        "name": "non-inferior to pooling",
        "test": "non_inferior",
        "against": {"model": "cox-all", "regime": "pooled"},
    }
    criterion |= {
        "estimate": -0.001,
        "lower": -0.006,
        "upper": 0.004,
        "p": "0.04",
        "n": 120,
        "events": 60,
        "margin": 0.01,
        "outcome": outcome,
        "sequence": "confirmatory",
    }
    estimate = {"estimate": 0.7, "lower": 0.65, "upper": 0.75}
    return {
        "scenario": "base",
        "primary": primary,
        "level": 0.95,
        "primary_estimate": estimate,
        "criteria": [criterion],
        "outcome": outcome,
    }
