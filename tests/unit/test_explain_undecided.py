"""Risks that do not decide: best and worst of missing inputs against enumeration, thresholds, and parts in whom the model is flagged."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

import explain_sample
from explain_sample import ENCODING, ratio
from hemapilots.explain.best_worst import POINTS, best_and_worst
from hemapilots.explain.decisions import crossed, straddled
from hemapilots.explain.flagged import flagged_parts, flags_of
from hemapilots.explain.foretell import Own, Portable
from hemapilots.explain.new_patients import predict_patients
from hemapilots.explain.new_rows import checked, design_of

INPUTS = explain_sample.INPUTS | {
    "age": explain_sample.INPUTS["age"] | {"soft": [20, 90]},
    "protein": {"label": "Protein", "type": "number", "unit": "g/dL", "hard": [4, 12], "levels": []},
    "ratio": ratio("albumin / protein", "albumin", "protein"),
    "band": {
        "label": "Age band",
        "type": "category",
        "unit": None,
        "hard": None,
        "levels": ["young", "old"],
        "expression": 'case(age < 60, "young", "old")',
        "reads": ["age"],
    },
}
LOCATION, SCALE = np.array([60.0, 0.1, 0.3, 0.3, 0.55]), np.array([12.0, 0.3, 0.46, 0.46, 0.1])
DECISION = {"name": "treat", "label": "Treat", "horizon": 2.0, "thresholds": [0.4, 0.5], "among": {}, "margin": 0.1}


def model(**card):
    """A Cox model with a baseline of its own, and a narrow covariance."""
    coefficients = np.array([0.6, 0.2, 0.3, 0.8, -0.5])
    arrays = {
        "coefficients": coefficients[np.newaxis],
        "chosen": np.array(0),
        "fill": np.array([60.0, 0, 0, 0, 0.55]),
        "location": LOCATION,
        "scale": SCALE,
        "baseline": np.array([0.1, 0.25, 0.5]),
    }
    arrays = {name: value[np.newaxis, np.newaxis] for name, value in arrays.items()}
    arrays |= {"grid": np.array([0.0, 1.0, 3.0]), "covariance": 1e-4 * np.eye(5)[np.newaxis, np.newaxis]}
    rules = {"required": [], "missing": 1.0, "deviations": 5.0, "width": 1.0, "margin": 0.1, "flagged": True}
    whole = {
        "kind": "cox",
        "state": ["coefficients"],
        "settings": {},
        "ties": "efron",
        "endpoint": "os",
        "horizons": [1.0, 2.0],
        "entry": None,
        "competing_event": None,
        "encoding": ENCODING,
        "variables": ["age", "stage", "ratio"],
        "inputs": INPUTS,
        "abstention": rules,
        "decisions": [],
        "flagged": [],
    }
    return Portable(arrays, whole | card)


def patient(**values):
    return pd.DataFrame([{"age": 65.0, "stage": "I", "albumin": 4.0, "protein": 7.0} | values])


def bounds(one, table):
    inputs, _ = checked(table, one.card["inputs"], "new")
    return best_and_worst(one, inputs, one.risk(design_of(inputs, ENCODING), np.zeros(len(inputs))))


def enumerated(one, table, missing):
    """Lowest and highest risk over every combination of values, and as it is where something is missing."""
    known = table.iloc[0].to_dict()
    tried = [known, *(known | dict(zip(missing, values, strict=True)) for values in product(*missing.values()))]
    inputs, _ = checked(pd.DataFrame(tried), one.card["inputs"], "new")
    x = design_of(inputs, ENCODING)
    x[:, 4] = np.clip(x[:, 4], 0.05, 1.05)
    risks = one.risk(x, np.zeros(len(x)))
    return risks.min(axis=0), risks.max(axis=0)


CASES = [
    {"stage": ["I", "II", "III"]},
    {"age": np.linspace(20, 90, POINTS)},
    {"albumin": np.linspace(1, 7, POINTS)},
    {"albumin": np.linspace(1, 7, POINTS), "protein": np.linspace(4, 12, POINTS)},
    {"age": np.linspace(20, 90, POINTS), "stage": ["I", "II", "III"], "protein": np.linspace(4, 12, POINTS)},
]


@pytest.mark.parametrize("missing", CASES)
def test_best_and_worst_equal_enumeration_over_all_values(missing):
    one, table = model(), patient(**dict.fromkeys(missing))
    low, high = enumerated(one, table, missing)
    best, worst = bounds(one, table)
    np.testing.assert_allclose(best[0], low, rtol=1e-12)
    np.testing.assert_allclose(worst[0], high, rtol=1e-12)
    assert (best < worst).all()


def test_who_lacks_nothing_has_no_range_and_patients_do_not_matter_to_each_other(monkeypatch):
    table = pd.DataFrame([{"age": 65.0, "stage": "I", "albumin": 4.0, "protein": 7.0}] * 4)
    table.loc[[2, 3], "age"], table.loc[[1, 3], "stage"] = np.nan, None
    whole = bounds(model(), table)
    assert np.isnan(whole[0][0]).all() and np.isfinite(whole[0][1:]).all()
    monkeypatch.setattr("hemapilots.explain.best_worst.BATCH", 1)
    np.testing.assert_array_equal(bounds(model(), table), whole)


def test_interactions_are_found_where_inputs_act_together_only():
    """Risk is highest where both differ from their middle values in the same direction."""

    class Together(Portable):
        def risk(self, x, entry):
            z = self.standardised(x)
            return np.repeat(1 / (1 + np.exp(-z[:, [0]] * z[:, [4]] - 0.2 * z[:, [0]])), 2, axis=1)

    one = model()
    one = Together({name: value for name, value in one.arrays.items() if name != "coefficients"}, one.card)
    missing = {"age": np.linspace(20, 90, POINTS), "albumin": np.linspace(1, 7, POINTS)}
    table = patient(age=None, albumin=None)
    low, high = enumerated(one, table, missing)
    best, worst = bounds(one, table)
    np.testing.assert_allclose((best[0], worst[0]), (low, high), rtol=1e-12)


@pytest.mark.parametrize(
    ("best", "worst", "open_"),
    [
        (0.2, 0.3, False),
        (0.2, 0.39, False),
        (0.2, 0.4, True),
        (0.45, 0.7, True),
        (0.5, 0.9, False),
        (0.42, 0.51, False),
    ],
)
def test_missing_inputs_leave_open_what_a_threshold_lies_between(best, worst, open_):
    assert bool(crossed(DECISION, np.array(best), np.array(worst))) is open_
    beyond = [q for q in np.linspace(0.4, 0.5, 1001) if best < q <= worst]
    assert open_ is (bool(beyond) and worst - best > 0.1)


@pytest.mark.parametrize(
    ("lower", "upper", "open_"),
    [
        (0.3, 0.5, False),
        (0.29, 0.51, True),
        (0.35, 0.45, False),
        (0.1, 0.45, False),
        (0.1, 0.51, True),
        (0.45, 0.9, False),
    ],
)
def test_an_interval_leaves_open_what_it_straddles_by_the_margin(lower, upper, open_):
    assert bool(straddled(DECISION, np.array(lower), np.array(upper))) is open_
    assert open_ is any(lower < q - 0.1 and upper > q + 0.1 for q in np.linspace(0.4, 0.5, 100001))


def answers(one, table):
    return predict_patients([one], table, "new").set_index("horizon")


def test_a_risk_is_kept_where_missing_inputs_decide_at_its_horizon_only():
    found = answers(model(decisions=[DECISION]), patient(stage=None))
    assert found["answer"].tolist() == ["given", "abstained"]
    assert found.loc[2.0, "reasons"] == "best and worst of the missing inputs decide differently about “Treat”"
    assert found.loc[2.0, "best"] < 0.4 < found.loc[2.0, "worst"] and np.isnan(found.loc[2.0, "risk"])
    assert found.loc[1.0, "best"] <= found.loc[1.0, "risk"] < found.loc[1.0, "worst"]
    whole = answers(model(decisions=[DECISION]), patient())
    assert (whole["answer"] == "given").all() and whole["best"].isna().all()


@pytest.mark.parametrize(("levels", "answer"), [(["young"], "given"), (["old"], "abstained")])
def test_a_decision_for_other_patients_keeps_nothing(levels, answer):
    decision = DECISION | {"among": {"band": levels}}
    assert answers(model(decisions=[decision]), patient(stage=None)).loc[2.0, "answer"] == answer
    unknown = answers(model(decisions=[decision | {"margin": 0.05}]), patient(age=None))
    assert unknown.loc[2.0, "answer"] == "abstained"


def test_an_interval_around_a_threshold_keeps_the_risk():
    one = model(decisions=[DECISION | {"thresholds": [0.2, 0.5], "margin": 0.01}])
    one.arrays["covariance"] *= 400
    found = answers(one, patient())
    assert found["answer"].tolist() == ["given", "abstained"]
    assert found.loc[2.0, "reasons"] == "interval lies on both sides of a threshold of “Treat”"


def metrics(rows):
    names = [
        "endpoint",
        "model",
        "regime",
        "evaluated_on",
        "subgroup",
        "metric",
        "horizon",
        "estimate",
        "lower",
        "upper",
    ]
    table = pd.DataFrame([("os", "m", "federated/newton", *row) for row in rows], columns=names)
    return table.assign(n=100.0, events=40.0)


FLAG_SPEC = {
    "model": "m",
    "regime": "federated/newton",
    "subgroups": ["stage"],
    "inputs": INPUTS,
    "horizons": {"os": [1.0, 2.0]},
}
RULE = [
    ("all", "stage=I", "uno_c", 3.0, 0.7, 0.6, 0.8),
    ("all", "stage=I", "oe", 1.0, 1.5, 1.2, 1.9),
    ("all", "stage=I", "oe", 2.0, 1.1, 0.9, 1.3),
    ("all", "stage=II", "uno_c", 3.0, 0.6, 0.5, 0.7),
    ("all", "stage=II", "uno_c_gap", 3.0, -0.1, -0.2, -0.01),
    ("all", "stage=III", "uno_c", 3.0, np.nan, np.nan, np.nan),
]


def test_flagged_and_unassessed_parts_come_from_the_released_metrics():
    parts = flagged_parts(metrics(RULE), FLAG_SPEC)["os"]
    assert [(one["level"], one["horizon"]) for one in parts] == [("I", 1.0), ("II", None), ("III", None)]
    assert parts[0]["reason"] == "observed over expected 1.50 by 1 year"
    assert parts[1]["reason"] == "discrimination 0.10 below that of the others"
    assert parts[2]["reason"].startswith("not assessed: fewer than 50 patients")
    other = metrics(RULE).assign(model="another")
    assert {one["reason"][:12] for one in flagged_parts(other, FLAG_SPEC)["os"]} == {"not assessed"}


def test_where_only_sites_tell_a_flag_at_any_of_them_counts():
    rows = [("x", *row[1:]) for row in RULE] + [("y", "stage=III", "uno_c", 3.0, 0.7, 0.6, 0.8)]
    parts = flagged_parts(metrics(rows), FLAG_SPEC)["os"]
    assert [(one["level"], one["horizon"]) for one in parts] == [("I", 1.0), ("II", None)]


def test_patients_of_a_flagged_part_get_no_risk_at_its_horizons():
    parts = flagged_parts(metrics(RULE), FLAG_SPEC)["os"]
    found = answers(model(flagged=parts), patient())
    assert found["answer"].tolist() == ["abstained", "given"]
    assert found.loc[1.0, "reasons"] == "among patients with Stage “I”: observed over expected 1.50 by 1 year"
    assert answers(model(flagged=parts), patient(stage="II"))["answer"].tolist() == ["abstained"] * 2
    off = model(flagged=parts)
    off.card["abstention"]["flagged"] = False
    assert (answers(off, patient())["answer"] == "given").all()


def test_a_flag_is_of_those_who_have_it():
    card = {
        "abstention": {"flagged": True},
        "inputs": {"tp53": {"label": "TP53", "type": "flag", "levels": []}},
        "flagged": [{"variable": "tp53", "level": "1", "horizon": None, "reason": "too few"}],
    }
    found = flags_of(card, pd.DataFrame({"tp53": [0.0, 1.0, np.nan]}))
    assert [len(one) for one in found] == [0, 1, 0]


def test_the_baseline_of_a_small_site_still_counts():
    one = model(decisions=[DECISION])
    small = Portable({k: v for k, v in one.arrays.items() if k != "baseline"}, one.card, None)
    found = answers(small, patient(stage=None))
    assert found["best"].isna().all() and found["reasons"].str.contains("no baseline").all()
    few = Portable(
        one.arrays, one.card, Own(np.zeros((10, 5)), np.column_stack([np.zeros(10), np.arange(1, 11), np.ones(10)]))
    )
    assert answers(few, patient(stage=None))["best"].isna().all()
