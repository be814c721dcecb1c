"""Every cut-point of every score: below it, on it, above it. The values are from the papers' tables, not from the YAML."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hemapilots.cross_checks import load_scores
from hemapilots.scores import evaluate

SCORES = load_scores(Path(__file__).resolve().parents[2] / "resources" / "scores")

MDS = dict(cyto_ipssr="very_good", bm_blast=0, hb=12, plt=200, anc=2, age=70)
MM = dict(b2m=2, albumin=4, age=60, ecog=0, creatinine=1, del17p_percent=0)
MM |= dict.fromkeys(("ldh_high", "del17p", "tp53", "t414", "t1416", "t1420", "extra_1q", "del1p32"), 0)
SCD = dict(
    age=30, genotype_known="SS", trv=2, trv_jet="jet", trv_high=0, ntprobnp=50, retic_pct=0, hbf=0, wbc=8, gfr=100
)
SCD |= dict(acs_ever=0, seizure_ever=0, chronic_transfusion=0, tcd_tamm=100)
CHILD = SCD | dict(age=8)
VL, LOW, INT, HIGH, VH = "Very Low", "Low", "Intermediate", "High", "Very High"
NO, YES = (0, "Standard risk"), (1, "High risk")
RELAPSE = dict(t414=1, albumin=3)

# score, the patient, the variable that moves, and per value the score and category.
CUTS = [
    ("ipss-r", MDS, "bm_blast", {0: (0, VL), 1.99: (0, VL), 2: (0, VL), 2.01: (1, VL), 4.99: (1, VL), 5: (2, LOW)}),
    ("ipss-r", MDS, "bm_blast", {5.01: (2, LOW), 9.99: (2, LOW), 10: (2, LOW), 10.01: (3, LOW), 30: (3, LOW)}),
    ("ipss-r", MDS, "hb", {10.01: (0, VL), 10: (0, VL), 9.99: (1, VL), 8.01: (1, VL), 8: (1, VL), 7.99: (1.5, VL)}),
    ("ipss-r", MDS, "plt", {101: (0, VL), 100: (0, VL), 99.9: (0.5, VL), 51: (0.5, VL), 50: (0.5, VL), 49.9: (1, VL)}),
    ("ipss-r", MDS, "anc", {0.81: (0, VL), 0.8: (0, VL), 0.79: (0.5, VL), 0: (0.5, VL)}),
    (
        "ipss-r",
        MDS,
        "cyto_ipssr",
        {"very_good": (0, VL), "good": (1, VL), "intermediate": (2, LOW), "poor": (3, LOW), "very_poor": (4, INT)},
    ),
    # 1.5, 2, 3, 3.5, 4.5, 5, 6, 6.5: both sides of the limits of the categories.
    ("ipss-r", MDS | dict(hb=7), "plt", {200: (1.5, VL), 60: (2, LOW)}),
    ("ipss-r", MDS | dict(hb=7, bm_blast=3), "plt", {60: (3, LOW), 40: (3.5, INT)}),
    ("ipss-r", MDS | dict(hb=7, bm_blast=6), "plt", {40: (4.5, INT)}),
    ("ipss-r", MDS | dict(hb=7, bm_blast=6, anc=0.5), "plt", {40: (5, HIGH)}),
    ("ipss-r", MDS | dict(hb=7, cyto_ipssr="poor", plt=40), "anc", {2: (5.5, HIGH), 0.5: (6, HIGH)}),
    ("ipss-r", MDS | dict(hb=9, cyto_ipssr="very_poor", plt=60, anc=0.5), "bm_blast", {0: (6, HIGH)}),
    ("ipss-r", MDS | dict(hb=7, cyto_ipssr="very_poor", plt=60), "anc", {2: (6, HIGH), 0.5: (6.5, VH)}),
    # With age: at 0, 2, 4 and 5 points the score rises by 0.05, 0.04, 0.03 and 0.025 per year from 70.
    (
        "ipss-ra",
        MDS,
        "age",
        {20: (-2.5, VL), 70: (0, VL), 99.998: (1.4999, VL), 100: (1.5, VL), 100.002: (1.5001, LOW)},
    ),
    ("ipss-ra", MDS | dict(bm_blast=6), "age", {94.9975: (2.9999, LOW), 95: (3, LOW), 95.0025: (3.0001, INT)}),
    ("ipss-ra", MDS | dict(bm_blast=6, cyto_ipssr="intermediate"), "age", {86.67: (4.5001, HIGH), 86.6667: (4.5, INT)}),
    ("ipss-ra", MDS | dict(bm_blast=11, cyto_ipssr="intermediate"), "age", {110: (6, HIGH), 110.004: (6.0001, VH)}),
    (
        "iss",
        MM,
        "b2m",
        {3.49: (1, "I"), 3.5: (2, "II"), 3.51: (2, "II"), 5.49: (2, "II"), 5.5: (3, "III"), 5.51: (3, "III")},
    ),
    ("iss", MM, "albumin", {3.49: (2, "II"), 3.5: (1, "I"), 3.51: (1, "I")}),
    ("r-iss", MM, "b2m", {3.49: (1, "I"), 3.5: (2, "II"), 5.49: (2, "II"), 5.5: (2, "II")}),
    ("r-iss", MM | dict(t1416=1), "b2m", {3.49: (2, "II"), 3.5: (2, "II"), 5.49: (2, "II"), 5.5: (3, "III")}),
    ("r-iss", MM, "albumin", {3.49: (2, "II"), 3.5: (1, "I"), 3.51: (1, "I")}),
    *[("r-iss", MM, name, {0: (1, "I"), 1: (2, "II")}) for name in ("ldh_high", "del17p", "t414", "t1416")],
    *[
        ("r-iss", MM | dict(b2m=6), name, {0: (2, "II"), 1: (3, "III")})
        for name in ("ldh_high", "del17p", "t414", "t1416")
    ],
    ("r2-iss", MM, "b2m", {3.49: (0, "I"), 3.5: (1, "II"), 3.51: (1, "II"), 5.49: (1, "II"), 5.5: (1.5, "III")}),
    ("r2-iss", MM, "albumin", {3.49: (1, "II"), 3.5: (0, "I"), 3.51: (0, "I")}),
    *[("r2-iss", MM, name, {0: (0, "I"), 1: (1, "II")}) for name in ("ldh_high", "del17p", "t414")],
    ("r2-iss", MM, "extra_1q", {0: (0, "I"), 1: (0.5, "II")}),
    ("r2-iss", MM | RELAPSE, "extra_1q", {0: (2, "III"), 1: (2.5, "III")}),
    ("r2-iss", MM | RELAPSE | dict(b2m=6), "extra_1q", {0: (2.5, "III"), 1: (3, "IV")}),
    ("r2-iss", MM | RELAPSE | dict(b2m=6, del17p=1, ldh_high=1), "extra_1q", {1: (5, "IV")}),
    *[
        ("mass", MM, name, {0: (0, "I"), 1: (1, "II")})
        for name in ("ldh_high", "del17p", "t414", "t1416", "t1420", "extra_1q")
    ],
    ("mass", MM, "b2m", {3.5: (0, "I"), 5.49: (0, "I"), 5.5: (1, "II"), 5.51: (1, "II")}),
    ("mass", MM | dict(t414=1, t1420=1), "extra_1q", {0: (1, "II"), 1: (2, "III")}),
    ("rw-iss", MM, "age", {69: (0, "I"), 70: (0, "I"), 70.01: (2, "I")}),
    ("rw-iss", MM, "ecog", {0: (0, "I"), 1: (1, "I"), 2: (2, "I"), 4: (2, "I")}),
    ("rw-iss", MM, "b2m", {3.49: (0, "I"), 3.5: (0.5, "I"), 5.49: (0.5, "I"), 5.5: (1, "I")}),
    ("rw-iss", MM, "albumin", {3.49: (0.5, "I"), 3.5: (0, "I")}),
    ("rw-iss", MM | dict(age=80), "del17p", {0: (2, "I"), 1: (2.5, "II")}),
    ("rw-iss", MM | dict(age=80, t1416=1), "ldh_high", {0: (3, "II"), 1: (3.5, "III")}),
    ("rw-iss", MM | dict(age=80, ecog=2), "ldh_high", {0: (4, "III"), 1: (4.5, "III")}),
    ("rw-iss", MM | dict(age=80, ecog=2, t1416=1), "del17p", {0: (5, "IV"), 1: (5.5, "IV")}),
    ("rw-iss", MM | dict(age=80, ecog=4, t1416=1, b2m=9, ldh_high=1), "del17p", {1: (7, "IV")}),
    ("ims-2025", MM | dict(del17p=1), "del17p_percent", {19.9: NO, 20: NO, 20.01: YES}),
    ("ims-2025", MM, "tp53", {0: NO, 1: YES}),
    *[("ims-2025", MM | dict(extra_1q=1), name, {0: NO, 1: YES}) for name in ("t414", "t1416", "t1420", "del1p32")],
    *[("ims-2025", MM | dict(del1p32=1), name, {0: NO, 1: YES}) for name in ("t414", "t1416", "t1420", "extra_1q")],
    *[("ims-2025", MM, name, {0: NO, 1: NO}) for name in ("t414", "t1416", "t1420", "extra_1q", "ldh_high")],
    ("ims-2025", MM | dict(creatinine=1.19), "b2m", {5.49: NO, 5.5: YES, 5.51: YES}),
    ("ims-2025", MM | dict(b2m=6), "creatinine", {1.19: YES, 1.2: NO, 1.21: NO}),
    ("trv-ntprobnp", SCD, "ntprobnp", {159.9: (0, "0"), 160: (1.526, "1"), 160.1: (1.526, "1")}),
    ("trv-ntprobnp", SCD, "trv", {2.5: (0, "0"), 2.99: (0, "0"), 3: (2.407, "2"), 3.01: (2.407, "2")}),
    ("trv-ntprobnp", SCD | dict(ntprobnp=160), "trv", {2.99: (1.526, "1"), 3: (2.701, "3"), 3.01: (2.701, "3")}),
    ("platt-count", SCD, "gfr", {59.9: (1, None), 60: (0, None), 60.1: (0, None)}),
    ("platt-count", SCD, "wbc", {14.99: (0, None), 15: (0, None), 15.01: (1, None)}),
    *[("platt-count", SCD, name, {0: (0, None), 1: (1, None)}) for name in ("acs_ever", "seizure_ever")],
    ("platt-count", SCD, "age", {17.99: None, 18: (0, None), 18.01: (0, None)}),
    ("traffic-light", SCD, "wbc", {13.49: (0, "Low"), 13.5: (0, "Low"), 13.51: (1, "Intermediate")}),
    ("traffic-light", SCD, "trv", {2.99: (0, "Low"), 3: (1, "Intermediate"), 3.01: (1, "Intermediate")}),
    ("traffic-light", SCD | dict(chronic_transfusion=1), "age", {34.9: (0, "Low"), 35: (0, "Low"), 35.1: (2, "High")}),
    ("traffic-light", SCD, "age", {17.99: None, 18: (0, "Low"), 35: (0, "Low"), 60: (0, "Low")}),
    ("traffic-light", SCD | dict(age=60, wbc=20), "chronic_transfusion", {0: (1, "Intermediate"), 1: (2, "High")}),
    ("tcd-class", CHILD, "tcd_tamm", {169.9: (0, "Normal"), 170: (1, "Conditional"), 170.1: (1, "Conditional")}),
    ("tcd-class", CHILD, "tcd_tamm", {199.9: (1, "Conditional"), 200: (2, "Abnormal"), 200.1: (2, "Abnormal")}),
    ("tcd-class", CHILD, "age", {1.99: None, 2: (0, "Normal"), 16.99: (0, "Normal"), 17: None}),
    ("pooled-hazard", SCD | dict(ntprobnp=1), "age", {17.99: None, 18: (0.44442, None), 40: (0.9876, None)}),
]

# At 70 years age neither adds nor takes away.
CUTS += [("ipss-ra", *rest) for name, *rest in CUTS if name == "ipss-r"]


@pytest.mark.parametrize(
    ("name", "patient", "variable", "expected"), CUTS, ids=[f"{n}-{v}-{i}" for i, (n, _, v, _) in enumerate(CUTS)]
)
def test_both_sides_of_a_cut_and_the_cut(name, patient, variable, expected):
    found = evaluate(SCORES[name], pd.DataFrame([patient | {variable: value} for value in expected]))
    wanted = [pair or (np.nan, None) for pair in expected.values()]
    np.testing.assert_allclose(found["score"], [score for score, _ in wanted], atol=1e-12)
    assert found["category"].tolist() == [category for _, category in wanted]
    assert found["missing"].isna().tolist() == [pair is not None for pair in expected.values()]


def test_every_score_has_its_cuts_here():
    assert {name for name, *_ in CUTS} == set(SCORES) - {"ipss-m"}


@pytest.mark.parametrize(
    ("variable", "step", "expected"),
    [
        ("age", 10, 0.2469),
        ("trv_high", 1, 1.1086),
        ("retic_pct", 1, 0.0488),
        ("hbf", 1, -0.0305),
    ],
)
def test_the_pooled_hazard_ratios(variable, step, expected):
    pair = pd.DataFrame([SCD, SCD | {variable: SCD[variable] + step}])
    assert np.diff(evaluate(SCORES["pooled-hazard"], pair)["score"])[0] == pytest.approx(expected)
    ratios = {"age": 1.28, "trv_high": 3.03, "retic_pct": 1.05, "hbf": 0.97}
    assert np.exp(expected) == pytest.approx(ratios[variable], abs=5e-4)


def test_the_pooled_hazard_of_ntprobnp_is_that_of_its_natural_logarithm():
    pair = pd.DataFrame([SCD, SCD | dict(ntprobnp=50 * np.e)])
    assert np.exp(np.diff(evaluate(SCORES["pooled-hazard"], pair)["score"])[0]) == pytest.approx(1.68, abs=5e-4)


def test_the_levels_of_jet_and_peptide_are_the_published_hazard_ratios():
    four = [SCD | dict(trv=trv, ntprobnp=peptide) for trv in (2, 3) for peptide in (100, 200)]
    found = evaluate(SCORES["trv-ntprobnp"], pd.DataFrame(four))["score"]
    np.testing.assert_allclose(np.exp(found), [1, 4.6, 11.1, 14.9], rtol=1e-3)


def test_low_fetal_haemoglobin_is_below_the_tenth_percentile_of_those_scored():
    cohort = pd.DataFrame([SCD | dict(hbf=hbf) for hbf in range(1, 12)])  # the tenth percentile is 2
    children = pd.DataFrame([CHILD | dict(hbf=0)] * 50)
    found = evaluate(SCORES["platt-count"], pd.concat([cohort, children], ignore_index=True))
    assert found["score"][:11].tolist() == [1] + [0] * 10


# The molecular score: where a value stops to matter, and its categories.
FLAGS = """flt3 mll_ptd sf3b1 npm1 runx1 nras etv6 idh2 cbl ezh2 u2af1 srsf2 dnmt3a asxl1 kras bcor bcorl1 cebpa etnk1 gata2
gnb1 idh1 nf1 phf6 ppm1d prpf8 ptpn11 setbp1 stag2 wt1 del5q del7_7q del17_17p complex tp53_loh tp53_nmut tp53_maxvaf""".split()
MOLECULAR = MDS | dict.fromkeys(FLAGS, 0) | dict(cyto_ipssr="good", hb=10, plt=100, bm_blast=5)


@pytest.mark.parametrize(
    ("variable", "values", "hazard"),
    [
        ("hb", (3, 4, 5), (0, -0.171)),
        ("hb", (19, 20, 21), (-0.171, 0)),
        ("plt", (249, 250, 251), (-0.00222, 0)),
        ("bm_blast", (19, 20, 21), (0.0704, 0)),
        ("tp53_nmut", (0, 1, 2), (0, 1.18)),
        ("tp53_maxvaf", (0.5, 0.55, 0.56), (0, 1.18)),
    ],
)
def test_where_a_value_of_the_molecular_score_stops_to_matter(variable, values, hazard):
    patient = MOLECULAR | (dict(tp53_nmut=1) if variable == "tp53_maxvaf" else {})
    exact = SCORES["ipss-m"].model_copy(update={"decimals": None})
    found = evaluate(exact, pd.DataFrame([patient | {variable: value} for value in values]))
    np.testing.assert_allclose(np.diff(found["score"]) * np.log(2), hazard, atol=1e-12)


@pytest.mark.parametrize(
    ("limit", "below", "above"),
    [
        (-1.5, VL, LOW),
        (-0.5, LOW, "Moderate Low"),
        (0, "Moderate Low", "Moderate High"),
        (0.5, "Moderate High", HIGH),
        (1.5, HIGH, VH),
    ],
)
def test_the_limits_of_the_molecular_categories(limit, below, above):
    exact = SCORES["ipss-m"].model_copy(update={"decimals": None})
    others = {0: {}, -0.5: dict(cyto_ipssr="very_good", bm_blast=0), -1.5: dict(cyto_ipssr="very_good", bm_blast=0)}
    patient = MOLECULAR | others.get(limit, dict(tp53_nmut=2))
    start = evaluate(exact, pd.DataFrame([patient]))["score"][0]
    # Haemoglobin moves the score by 0.171 / ln 2 per g/dL. The score is cut after rounding to two decimals.
    targets = limit + np.array([-0.01, -0.004, 0, 0.004, 0.006, 0.01])
    hb = patient["hb"] - (targets - start) * np.log(2) / 0.171
    assert ((hb > 4) & (hb < 20)).all()
    found = evaluate(SCORES["ipss-m"], pd.DataFrame([patient | dict(hb=value) for value in hb]))
    assert found["category"].tolist() == [below] * 4 + [above] * 2


# Coefficient, mean, best, worst of each variable of the molecular score, and what it is in the patient above.
STAND_INS = {
    "hb": (-0.171, 9.87, 20, 4, 10),
    "plt": (-0.222, 1.41, 2.5, 0, 1),
    "bm_blast": (0.352, 0.922, 0, 4, 1),
    "cyto_ipssr": (0.287, 1.39, 0, 4, 1),
    "tp53_nmut": (1.18, 0.071, 0, 1, 0),
    "flt3": (0.798, 0.0108, 0, 1, 0),
    "mll_ptd": (0.798, 0.0247, 0, 1, 0),
    "npm1": (0.43, 0.0112, 0, 1, 0),
    "runx1": (0.423, 0.126, 0, 1, 0),
    "nras": (0.417, 0.0362, 0, 1, 0),
    "etv6": (0.391, 0.0216, 0, 1, 0),
    "idh2": (0.379, 0.0429, 0, 1, 0),
    "cbl": (0.295, 0.0473, 0, 1, 0),
    "ezh2": (0.27, 0.0588, 0, 1, 0),
    "u2af1": (0.247, 0.0866, 0, 1, 0),
    "srsf2": (0.239, 0.158, 0, 1, 0),
    "dnmt3a": (0.221, 0.161, 0, 1, 0),
    "asxl1": (0.213, 0.252, 0, 1, 0),
    "kras": (0.202, 0.0271, 0, 1, 0),
}


def molecular(*changes: dict) -> pd.DataFrame:
    """The exact score, times ln 2, of the patient above with each of these changes."""
    exact = SCORES["ipss-m"].model_copy(update={"decimals": None})
    found = evaluate(exact, pd.DataFrame([MOLECULAR | change for change in changes]))
    return found[["mean", "best", "worst"]] * np.log(2)


@pytest.mark.parametrize("name", STAND_INS)
def test_what_stands_in_for_an_unknown_value_of_the_molecular_score(name):
    coefficient, *stand_ins, value = STAND_INS[name]
    found = molecular({}, {name: np.nan}).diff().iloc[1]
    np.testing.assert_allclose(found, coefficient * (np.array(stand_ins) - value), atol=1e-12)


@pytest.mark.parametrize(
    ("known", "unknown", "change"),
    [
        # Mutated beside a lost 5q alone; alone, where none of six genes is.
        (dict(sf3b1=1, del7_7q=0, del5q=1), "complex", (0.504 * 0.0166 - 0.0794 * 0.186 - 0.504, -0.0794 - 0.504, 0)),
        (dict(sf3b1=1), "runx1", (0.423 * 0.126 + 0.0794 * (1 - 0.186), 0, 0.423 + 0.0794)),
        (dict(), "sf3b1", (-0.0794 * 0.186, -0.0794, 0)),
        (dict(), "phf6", (0.231 * 0.388 / 15, 0, 0.231)),
        (dict(wt1=1), "phf6", (0.231 * 0.388 / 30, 0, 0.231)),
        (dict(wt1=1, nf1=1), "phf6", (0, 0, 0)),
        (dict(tp53_nmut=1), "tp53_loh", (1.18 * 0.071, 0, 1.18)),
    ],
)
def test_what_stands_in_for_combinations_of_the_molecular_score(known, unknown, change):
    found = molecular(known, known | {unknown: np.nan}).diff().iloc[1]
    np.testing.assert_allclose(found, change, atol=1e-12)


@pytest.mark.parametrize(
    ("before", "after", "hazard"),
    [
        ({}, dict(sf3b1=1), -0.0794),
        (dict(del5q=1), dict(sf3b1=1), 0.504),
        (dict(del5q=1, del7_7q=1), dict(sf3b1=1), -0.0794),
        (dict(del5q=1, complex=1), dict(sf3b1=1), -0.0794),
        *[
            (dict(sf3b1=1), {gene: 1}, weight + 0.0794)
            for gene, weight in dict(
                srsf2=0.239, stag2=0.231, bcor=0.231, bcorl1=0.231, runx1=0.423, nras=0.417
            ).items()
        ],
        (dict(wt1=1, nf1=1), dict(phf6=1), 0),
        (dict(tp53_nmut=1), dict(tp53_loh=1), 1.18),
        (dict(tp53_nmut=1), dict(del17_17p=1), 1.18),
    ],
)
def test_combinations_of_the_molecular_score(before, after, hazard):
    assert np.diff(molecular(before, before | after)["mean"])[0] == pytest.approx(hazard)


def test_the_molecular_score_is_given_up_to_a_range_of_one():
    unknown = [dict(runx1=np.nan, ezh2=np.nan), dict(npm1=np.nan, ezh2=np.nan)]  # 0.693 and 0.700 over ln 2
    found = evaluate(SCORES["ipss-m"], pd.DataFrame([MOLECULAR | change for change in unknown]))
    np.testing.assert_allclose(found["worst"] - found["best"], [1, 1.01])
    assert found["score"].notna().tolist() == [True, False]
    assert found["missing"].tolist() == [None, "range above limit: npm1, ezh2"]
