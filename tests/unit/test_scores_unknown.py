"""Scores of patients of whom something is unknown: what is given anyway, its bounds, and the reasons."""

from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemapilots.config.use_case import UseCase
from hemapilots.cross_checks import load_scores
from hemapilots.cross_checks.source import Source
from hemapilots.scores import evaluate

ROOT = Path(__file__).resolve().parents[2]
SCORES = load_scores(ROOT / "resources" / "scores")
LINEAR = [name for name, score in SCORES.items() if score.linear]
NAN = np.nan


def one(name: str, **patient) -> pd.Series:
    return evaluate(SCORES[name], pd.DataFrame([patient])).iloc[0]


# Values on and beside the cut-points, and what does not vary. The genotype, sex and jet of everybody are known.
FLAG = (0, 1)
ADULT = {"genotype_known": "SS", "trv_jet": "jet", "age": 30}
GRIDS = {
    "iss": (dict(b2m=(2, 3.5, 5.5), albumin=(3, 3.5)), {}),
    "r2-iss": (
        dict(b2m=(2, 3.5, 5.5), albumin=(3, 3.5), ldh_high=FLAG, del17p=FLAG, t414=FLAG, extra_1q=FLAG),
        {},
    ),
    "mass": (
        dict(b2m=(4, 5.5), ldh_high=FLAG, del17p=FLAG, t414=FLAG, t1416=FLAG, t1420=FLAG, extra_1q=FLAG),
        {},
    ),
    "rw-iss": (
        dict(age=(70, 80), ecog=(0, 1, 2), b2m=(2, 3.5, 5.5), albumin=(3, 3.5), ldh_high=FLAG, del17p=FLAG, t1416=FLAG),
        {},
    ),
    "ims-2025": (
        dict(
            del17p_percent=(20, 50),
            tp53=FLAG,
            t414=FLAG,
            t1416=FLAG,
            extra_1q=FLAG,
            del1p32=FLAG,
            b2m=(4, 5.5),
            creatinine=(1, 1.2),
        ),
        dict(del17p=1, t1420=0),
    ),
    "trv-ntprobnp": (dict(trv=(2, 3), ntprobnp=(50, 160)), ADULT),
    "traffic-light": (dict(chronic_transfusion=FLAG, wbc=(13.5, 20), trv=(2, 3)), ADULT | dict(age=60)),
    "platt-count": (dict(acs_ever=FLAG, gfr=(50, 60), seizure_ever=FLAG, wbc=(10, 20)), ADULT | dict(hbf=5)),
    "tcd-class": (dict(tcd_tamm=(150, 170, 200)), dict(age=8, genotype_known="SS")),
}


def grid(name: str) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Every patient with each value known or not; which are known entirely; which of those each may turn out to be."""
    values, fixed = GRIDS[name]
    patients = pd.DataFrame(product(*((*options, NAN) for options in values.values())), columns=list(values))
    whole = patients.notna().all(axis=1).to_numpy()
    possible = np.ones((len(patients), whole.sum()), dtype=bool)
    for column in values:
        partial = patients[column].to_numpy()[:, None]
        possible &= np.isnan(partial) | (partial == patients[column].to_numpy()[whole][None, :])
    return patients.assign(**{key: value for key, value in fixed.items() if key not in values}), whole, possible


@pytest.mark.parametrize("name", GRIDS)
def test_a_score_is_given_where_and_only_where_nothing_unknown_could_change_it(name):
    patients, whole, possible = grid(name)
    found = evaluate(SCORES[name], patients)
    complete = found["score"].to_numpy()[whole]
    low = np.where(possible, complete, np.inf).min(axis=1)
    high = np.where(possible, complete, -np.inf).max(axis=1)
    assert found["score"].notna().tolist() == (low == high).tolist()
    assert found["missing"].isna().tolist() == (low == high).tolist()
    np.testing.assert_array_equal(found["score"][low == high], low[low == high])
    if "best" in found:
        np.testing.assert_array_equal(found[["best", "worst"]], np.column_stack([low, high]))
    if SCORES[name].categories:
        label = dict(zip(complete, found["category"].to_numpy()[whole], strict=True))
        shared = [label[a] if label[a] == label[b] else None for a, b in zip(low, high, strict=True)]
        expected = shared if "best" in found else np.where(low == high, shared, None).tolist()
        assert found["category"].tolist() == expected


@pytest.mark.parametrize(
    ("b2m", "albumin", "stage", "reason"),
    [
        (6, NAN, "III", None),
        (4, NAN, "II", None),
        (3, NAN, None, "albumin"),
        (NAN, 4, None, "b2m"),
        (NAN, NAN, None, "b2m, albumin"),
    ],
)
def test_the_first_stage_without_one_of_its_values(b2m, albumin, stage, reason):
    found = one("iss", b2m=b2m, albumin=albumin)
    assert (found["category"], found["missing"]) == (stage, reason)


NONE = dict.fromkeys(("ldh_high", "del17p", "t414", "t1416"), 0)
OPEN = dict.fromkeys(("ldh_high", "del17p", "t414", "t1416"), NAN)


@pytest.mark.parametrize(
    ("patient", "stage", "reason"),
    [
        *[(dict(b2m=6, albumin=NAN, **(OPEN | {name: 1})), "III", None) for name in NONE],
        *[(dict(b2m=6, albumin=3, **(NONE | {name: NAN})), None, name) for name in NONE],
        (dict(b2m=6, albumin=3, **NONE), "II", None),
        (dict(b2m=4, albumin=NAN, **OPEN), "II", None),
        (dict(b2m=2, albumin=3, **OPEN), "II", None),
        *[(dict(b2m=2, albumin=4, **(OPEN | {name: 1})), "II", None) for name in NONE],
        *[(dict(b2m=2, albumin=4, **(NONE | {name: NAN})), None, name) for name in NONE],
        (dict(b2m=2, albumin=4, **NONE), "I", None),
        # Without the first stage there is no revised one.
        (dict(b2m=NAN, albumin=4, **NONE), None, "b2m"),
        (dict(b2m=2, albumin=NAN, **(NONE | dict(t414=1))), None, "albumin"),
    ],
)
def test_the_revised_stage_where_something_is_unknown(patient, stage, reason):
    found = one("r-iss", **patient)
    assert (found["category"], found["missing"]) == (stage, reason)


SECOND = dict(b2m=6, albumin=3, ldh_high=0, del17p=0, t414=0, extra_1q=0)


@pytest.mark.parametrize(
    ("unknown", "best", "worst", "group"),
    [
        (dict(del17p=NAN), 1.5, 2.5, "III"),
        (dict(extra_1q=NAN), 1.5, 2, "III"),
        (dict(del17p=NAN, extra_1q=NAN), 1.5, 3, None),
        (dict(del17p=NAN, t414=1, ldh_high=1), 3.5, 4.5, "IV"),
        (dict(b2m=NAN), 1, 1.5, None),
        (dict(b2m=NAN, del17p=1), 2, 2.5, "III"),
        (dict(b2m=NAN, albumin=3.49), 1, 1.5, None),
        (dict(b2m=NAN, albumin=3.5), 0, 1.5, None),
        (dict(b2m=2, albumin=NAN), 0, 1, None),
    ],
)
def test_the_second_revision_gives_an_interval_and_a_group_that_holds_it(unknown, best, worst, group):
    found = one("r2-iss", **(SECOND | unknown))
    assert np.isnan(found["score"]) and (found["best"], found["worst"], found["category"]) == (best, worst, group)
    names = ", ".join(name for name in SECOND if name in unknown and np.isnan(unknown[name]))
    assert found["missing"] == f"range above limit: {names}"


def test_the_population_stage_without_microglobulin_has_the_bounds_that_albumin_leaves():
    rest = dict(age=60, ecog=0, ldh_high=0, del17p=0, t1416=0)
    for albumin, bounds in ((3.49, (0.5, 1)), (3.5, (0, 1)), (NAN, (0, 1))):
        found = one("rw-iss", b2m=NAN, albumin=albumin, **rest)
        assert (found["best"], found["worst"], found["category"]) == (*bounds, "I")


def test_a_count_without_fetal_haemoglobin_is_one_of_two():
    found = one("platt-count", age=30, genotype_known="SS", acs_ever=1, gfr=90, seizure_ever=0, wbc=8, hbf=NAN)
    assert (found["best"], found["worst"], found["missing"]) == (1, 2, "range above limit: hbf")


NOT_HIGH = dict(
    del17p=0, del17p_percent=NAN, tp53=0, t414=0, t1416=0, t1420=0, extra_1q=0, del1p32=0, b2m=3, creatinine=1
)


@pytest.mark.parametrize(
    ("patient", "flag", "reason"),
    [
        ({}, 0, None),
        # Probe negative: no cells need be counted; positive: the share decides, and TP53 mutated does without it.
        (dict(del17p=1), NAN, "del17p_percent"),
        (dict(del17p=1, tp53=1), 1, None),
        (dict(del17p=NAN, del17p_percent=30), 1, None),
        (dict(del17p=NAN, del17p_percent=10), 0, None),
        (dict(del17p=NAN), NAN, "del17p, del17p_percent"),
        (dict(tp53=NAN), NAN, "tp53"),
        (dict(tp53=NAN, t1420=1, extra_1q=1, t414=NAN), 1, None),
        (dict(t414=NAN), 0, None),
        (dict(t414=NAN, extra_1q=1), NAN, "t414"),
        (dict(t414=1, extra_1q=1, del1p32=NAN), 1, None),
        (dict(del1p32=1, extra_1q=NAN), NAN, "extra_1q"),
        (dict(b2m=NAN), NAN, "b2m"),
        (dict(b2m=NAN, creatinine=2), 0, None),
        (dict(creatinine=NAN), 0, None),
        (dict(b2m=9, creatinine=NAN), NAN, "creatinine"),
    ],
)
def test_the_consensus_flag_is_decided_by_what_is_known(patient, flag, reason):
    found = one("ims-2025", **(NOT_HIGH | patient))
    np.testing.assert_equal(found["score"], flag)
    assert found["missing"] == reason


@pytest.mark.parametrize(
    ("patient", "level", "reason"),
    [
        (dict(trv=NAN, trv_jet="no_jet", ntprobnp=100), "0", None),
        (dict(trv=NAN, trv_jet="no_jet", ntprobnp=200), "1", None),
        (dict(trv=NAN, trv_jet="jet", ntprobnp=200), None, "trv"),
        (dict(trv=NAN, trv_jet=None, ntprobnp=200), None, "trv, trv_jet"),
        (dict(trv=3.1, trv_jet=None, ntprobnp=200), "3", None),
        (dict(trv=3.1, trv_jet="no_jet", ntprobnp=100), "2", None),
        (dict(trv=2.0, trv_jet="jet", ntprobnp=NAN), None, "ntprobnp"),
    ],
)
def test_no_measurable_jet_is_a_slow_one_and_not_an_unknown_one(patient, level, reason):
    found = one("trv-ntprobnp", **patient)
    assert (found["category"], found["missing"]) == (level, reason)


def test_no_measurable_jet_in_the_traffic_light():
    adult = dict(age=30, genotype_known="SS", chronic_transfusion=0, wbc=8, trv=NAN)
    assert one("traffic-light", **adult, trv_jet="no_jet")["category"] == "Low"
    assert one("traffic-light", **adult, trv_jet=None)["missing"] == "trv, trv_jet"
    assert one("traffic-light", **(adult | dict(wbc=14)), trv_jet=None)["category"] == "Intermediate"


@pytest.mark.parametrize(
    ("name", "patient", "reason"),
    [
        ("tcd-class", dict(age=30, genotype_known="SC", tcd_tamm=150), "for 2 to 16 years of age only"),
        ("tcd-class", dict(age=8, genotype_known="SC", tcd_tamm=150), "for SS and S-beta-zero only"),
        ("tcd-class", dict(age=8, genotype_known=None, tcd_tamm=150), "genotype_known"),
        ("tcd-class", dict(age=NAN, genotype_known="SS", tcd_tamm=150), "age"),
        ("tcd-class", dict(age=NAN, genotype_known="SC", tcd_tamm=150), "for SS and S-beta-zero only"),
        ("tcd-class", dict(age=8, genotype_known="S_beta0", tcd_tamm=NAN), "tcd_tamm"),
        ("platt-count", dict(age=30, genotype_known="SC", wbc=20), "for genotype SS only"),
        ("pooled-hazard", dict(age=12, hbf=5), "for adults only"),
        ("traffic-light", dict(age=12, genotype_known="SS", wbc=20), "for adults only"),
    ],
)
def test_whom_a_score_does_not_apply_to_is_told_why(name, patient, reason):
    found = one(name, **patient)
    assert found["missing"] == reason and found.drop("missing").isna().all()


def test_everything_unknown_names_every_input():
    for name, score in SCORES.items():
        found = one(name, patient_id="1")
        assert np.isnan(found["score"]) and found["category"] is None, name
        asked = found["missing"].removeprefix("range above limit: ").split(", ")
        assert set(asked) <= set(score.inputs) and (score.applies or set(asked) == set(score.inputs)), name


@cache
def domains(name: str) -> dict[str, st.SearchStrategy]:
    """What each input may be by the use case."""
    case = Source(ROOT / "config" / "use_cases" / f"{SCORES[name].use_case}.yaml", UseCase).value
    variables = {**case.variables, **case.derived}
    found = {}
    for key in SCORES[name].inputs:
        variable = variables[key]
        low, high = getattr(variable, "hard", None) or (0, 300)
        levels = (0.0, 1.0) if variable.type == "flag" else variable.levels
        found[key] = st.floats(low, high) if variable.type == "number" else st.sampled_from(levels)
    return found


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_score_whose_inputs_are_known_is_known(data):
    name = data.draw(st.sampled_from(sorted(SCORES)))
    found = one(name, **data.draw(st.fixed_dictionaries(domains(name))))
    if found["missing"] in {rule.reason for rule in SCORES[name].applies}:
        assert found.drop("missing").isna().all()
    else:
        assert found["missing"] is None and np.isfinite(found["score"])
        assert (found["category"] is None) == (not SCORES[name].categories)


# Whom a score applies to is known; and the molecular score trusts a delivered loss of heterozygosity of TP53 where the
# allele fraction or the 17p that would overrule it is unknown, and a delivered allelic state, whatever the number of mutations:
# published rules that end the bounds.
KEPT = ("age", "genotype_known", "tp53_maxvaf", "del17_17p", "tp53multi")


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_what_a_patient_turns_out_to_be_lies_between_best_and_worst(data):
    name = data.draw(st.sampled_from(LINEAR))
    patient = data.draw(st.fixed_dictionaries(domains(name)))
    forgotten = data.draw(st.sets(st.sampled_from([key for key in patient if key not in KEPT])))
    truth = one(name, **patient)
    found = one(name, **(patient | dict.fromkeys(forgotten)))
    if truth["missing"] is not None:
        return
    assert truth["best"] == truth["score"] == truth["worst"]
    assert found["best"] <= truth["score"] <= found["worst"]
    if not np.isnan(found["score"]):
        assert found["best"] <= found["score"] <= found["worst"] and found["missing"] is None
    else:
        assert set(found["missing"].removeprefix("range above limit: ").split(", ")) <= forgotten
