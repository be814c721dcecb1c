"""Random effects over sites: against R's metafor, and rows on the scales that are stated."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from hemapilots.evaluation.across_sites import across_sites
from hemapilots.evaluation.frames import COUNT_COLUMNS, METRIC_COLUMNS, frame
from hemapilots.random_effects import random_effects

R = json.loads((Path(__file__).parent / "data" / "random_effects.json").read_text())["sets"]
SPEC = {"scenario": "base"}


def counts(metric, values, errors, horizon=2.0, regime="federated/newton", subgroup="all"):
    head = {"kind": "metric", "endpoint": "os", "model": "cox", "regime": regime, "subgroup": subgroup}
    rows = [
        head
        | {"site": f"s{k}", "metric": metric, "horizon": horizon, "estimate": y, "se": e, "n": 100.0, "events": 40.0}
        for k, (y, e) in enumerate(zip(values, errors, strict=True))
    ]
    return frame(rows, COUNT_COLUMNS)


@pytest.mark.parametrize("name", R)
def test_equals_metafor(name):
    known = R[name]
    found = random_effects(np.array(known["y"]), np.array(known["v"]))
    for figure in ("estimate", "lower", "upper"):
        assert found[figure] == pytest.approx(known[figure], abs=1e-8)
    assert found["tau2"] == pytest.approx(known["tau2"], abs=1e-7)
    if len(known["y"]) >= 5:
        # R takes k - 1 degrees of freedom, we k - 2 (Higgins, Thompson and Spiegelhalter 2009).
        k = len(known["y"])
        half = (known["predicted_upper"] - known["estimate"]) * t.ppf(0.975, k - 2) / t.ppf(0.975, k - 1)
        assert found["predicted_upper"] == pytest.approx(known["estimate"] + half, abs=1e-7)


def test_scales_are_logit_log_and_plain():
    y, v = np.array(R["apart"]["y"]), np.array(R["apart"]["v"])
    whole = random_effects(y, v)
    forms = {
        "uno_c": (1 / (1 + np.exp(-y)), lambda c: c * (1 - c), lambda x: 1 / (1 + np.exp(-x))),
        "oe": (np.exp(y), lambda ratio: ratio, np.exp),
        "calibration_slope": (y, np.ones_like, float),
    }
    for metric, (values, derivative, back) in forms.items():
        table = across_sites(counts(metric, values, np.sqrt(v) * derivative(values)), SPEC).set_index("metric")
        average, ahead = table.loc[f"{metric}_random_effects"], table.loc[f"{metric}_prediction"]
        for figure in ("estimate", "lower", "upper"):
            assert average[figure] == pytest.approx(back(whole[figure]), abs=1e-8)
        assert ahead["lower"] == pytest.approx(back(whole["predicted_lower"]), abs=1e-8)
        assert table.loc[f"{metric}_tau", "estimate"] ** 2 == pytest.approx(whole["tau2"], abs=1e-8)
        assert (average["n"], average["events"], average["evaluated_on"]) == (600.0, 240.0, "all")


def test_what_there_is_no_average_of():
    two = counts("uno_c", [0.7, 0.8], [0.02, 0.03])
    single = counts("uno_c", [0.7, 0.8, 0.75], [0.02] * 3, regime="local/s0")
    part = counts("uno_c", [0.7, 0.8, 0.75], [0.02] * 3, subgroup="sex=F")
    unknown = counts("oe", [1.0, np.nan, 0.9], [0.1, np.nan, 0.1])
    table = across_sites(pd.concat([two, single, part, unknown]), SPEC)
    assert list(table) == METRIC_COLUMNS and table.empty


def test_four_sites_have_an_average_and_no_prediction():
    table = across_sites(counts("uno_c", [0.70, 0.72, 0.69, 0.71], [0.02] * 4), SPEC)
    assert set(table["metric"]) == {"uno_c_random_effects", "uno_c_tau"}
    # Alike sites: the inverse-variance mean, no spread.
    assert table.set_index("metric").loc["uno_c_tau", "estimate"] == 0
