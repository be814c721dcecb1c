"""The MDS recipe: scores against expected ones, marginals against published ones, truth recovered."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lifelines import KaplanMeierFitter

from hemapilots.expressions import parse
from hemapilots.synthesis.cohort import draw_complete, draw_site
from hemapilots.synthesis.recipe import load_recipe

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "data" / "mds_golden.csv"
# Per cent, of the 2,957 patients of the IPSS-M study.
GENES = (
    "tet2 30.8, asxl1 25.2, sf3b1 23.9, dnmt3a 16.1, srsf2 15.8, runx1 12.6, tp53mono 3.9, tp53multi 7.1,"
    " stag2 8.9, u2af1 8.7, ezh2 5.9, zrsr2 5.6, bcor 5.2, cbl 4.7, idh2 4.3, nras 3.6, cux1 3.6, nf1 "
    "3.3, setbp1 3.3, phf6 3.3, ddx41 3.0, kras 2.7, idh1 2.6, jak2 2.5, mll_ptd 2.5, etnk1 2.3, etv6 "
    "2.2, mpl 2.2, cebpa 2.0, sh2b3 1.9, ptpn11 1.8, ppm1d 1.8, bcorl1 1.5, wt1 1.5, gnb1 1.3, gata2 1.2,"
    " npm1 1.1, flt3 1.08, prpf8 1.05, sf3b1_alpha 18.6, sf3b1_5q 1.66, complex 8.8, del5q 14.6, plus8 "
    "7.2, dely 5.2, del7 5.0, del20q 5.0, del7q 3.3, del12p 2.7, del13 2.2, del11q 2.1, plus21 2.0, "
    "del17p 1.8, del18 1.4, del3p 1.2, plus13 1.0, plus19 0.8"
)


@pytest.fixture(scope="module")
def recipe():
    return load_recipe(ROOT / "resources/recipes/mds.yaml")


@pytest.fixture(scope="module")
def cohort(recipe):
    return draw_complete(recipe, 0, 20_000, 11)


def golden() -> pd.DataFrame:
    """The invented patients under the recipe's names; TP53 multi-hit by its published rule."""
    raw = pd.read_csv(GOLDEN, keep_default_na=False, na_values=["NA", ""])
    table = raw.rename(columns=str.lower).rename(columns={"del7_7q": "del7"})
    table["del7q"] = 0.0
    table["cyto_ipssr"] = raw["CYTO_IPSSR"].str.lower().str.replace(" ", "_")
    mutations = raw["TP53mut"].astype(str).str[0].astype(float)
    lost = (raw["TP53maxvaf"] > 0.55) | (raw["del17_17p"] == 1) | (raw["TP53loh"] == 1)
    known = lost | raw["TP53loh"].notna() | (mutations != 1)
    table["tp53multi"] = ((mutations >= 2) | ((mutations == 1) & lost)).astype(float).where(known)
    return table


def scored(recipe, table: pd.DataFrame) -> dict:
    values = {name: table[name] for name in table}
    for name in "plt100 blast5 cyto sf3b1_5q sf3b1_alpha nres2 ipssr_score ipssm_score".split():
        values[name] = parse(recipe["variables"][name]["expression"]).evaluate(values)
    return values


def test_scores_equal_the_expected_ones_of_invented_patients(recipe):
    table = golden()
    values = scored(recipe, table)
    complete = ~np.isnan(values["ipssm_score"])
    assert complete.sum() == 14
    assert values["ipssm_score"][complete] == pytest.approx(table["ipssm_raw_mean"][complete], abs=1e-6)
    complete = ~np.isnan(values["ipssr_score"])
    assert complete.sum() >= 17
    assert values["ipssr_score"][complete] == pytest.approx(table["ipssr"][complete], abs=1e-12)
    assert table["ipssr"][~complete].isna().all()


def shares(score, edges) -> np.ndarray:
    return 100 * pd.cut(score, [-99, *edges, 99]).value_counts(sort=False, normalize=True).to_numpy()


def test_score_distribution_is_that_of_the_recipe_s_check(cohort):
    assert shares(cohort["ipssm_score"], [-1.5, -0.5, 0, 0.5, 1.5]) == pytest.approx(
        [12.9, 31.3, 14.5, 11.2, 13.7, 16.5], abs=1.5
    )
    assert shares(cohort["ipssr_score"], [1.5, 3, 4.5, 6]) == pytest.approx([15.4, 36.8, 25.2, 13.8, 8.7], abs=1.5)
    assert cohort["ipssm_score"].mean() == pytest.approx(0.013, abs=0.06)
    assert cohort["ipssm_score"].std() == pytest.approx(1.51, abs=0.04)
    quantiles = np.quantile(cohort["ipssm_score"], [0.05, 0.25, 0.5, 0.75, 0.95])
    assert quantiles == pytest.approx([-1.91, -1.08, -0.31, 0.81, 3.03], abs=0.12)


def test_genes_and_lesions_have_their_frequencies(cohort):
    for pair in GENES.split(", "):
        name, percent = pair.split()
        assert 100 * cohort[name].mean() == pytest.approx(float(percent), abs=1.5), name
    groups = 100 * cohort["nres2"].value_counts(normalize=True)
    assert [groups[k] for k in (0, 1, 2)] == pytest.approx([69.4, 22.4, 8.2], abs=3)


def test_clinical_values_have_their_distribution(cohort):
    expected = {
        "age": [46, 63, 72, 78, 86],
        "hb": [6.8, 8.5, 9.7, 11.2, 13.4],
        "plt": [20, 69, 130, 236, 441],
        "anc": [0.36, 1.0, 1.93, 3.3, 6.06],
        "wbc": [1.5, 2.7, 4.0, 6.0, 9.7],
    }
    for name, quantiles in expected.items():
        drawn = np.quantile(cohort[name], [0.05, 0.25, 0.5, 0.75, 0.95])
        assert drawn == pytest.approx(quantiles, rel=0.22), name
    assert 100 * (cohort["sex"] == "M").mean() == pytest.approx(60.1, abs=1.5)
    order = cohort[["anc", "wbc", "plt", "bm_blast", "mono"]].corr("spearman")
    assert order.loc["wbc", "anc"] == pytest.approx(0.88, abs=0.03)
    assert order.loc["plt", "anc"] == pytest.approx(0.33, abs=0.08)
    assert order.loc["plt", "bm_blast"] == pytest.approx(-0.29, abs=0.1)
    assert order.loc["wbc", "mono"] == pytest.approx(0.60, abs=0.05)


def test_karyotype_is_coherent(cohort):
    assert set(cohort["tp53_nmut"]) == {0.0, 1.0, 2.0}
    loh = (cohort["tp53_maxvaf"] > 0.55) | (cohort["del17_17p"] == 1) | (cohort["tp53_loh"] == 1)
    multi = (cohort["tp53_nmut"] >= 2) | ((cohort["tp53_nmut"] == 1) & loh)
    assert multi.equals(cohort["tp53multi"] == 1)
    poorest = cohort["cyto_ipssr"] == "very_poor"
    assert (cohort["complex"][poorest] == 1).all()
    assert cohort["cyto_ipssr"][cohort["complex"] == 1].isin(["poor", "very_poor"]).all()
    assert (cohort["dely"][cohort["sex"] == "F"] == 0).all()
    assert (cohort["zrsr2"][cohort["sex"] == "F"] == 0).all()
    assert ((cohort["del7"] == 0) | (cohort["del7q"] == 0)).all()
    changes = cohort.filter(regex="^(del|plus)").drop(columns=["del7", "del7q", "del17p"]).sum(axis=1)
    assert changes[cohort["complex"] == 1].max() > 3  # which a poor karyotype may not have
    assert changes[cohort["cyto_ipssr"] == "poor"].max() <= 3
    simple = cohort["complex"] == 0
    lesions = [name for name in cohort if name.startswith(("del", "plus")) and name not in ("del7_7q", "del17_17p")]
    assert cohort.loc[simple, lesions].sum(axis=1).max() <= 2
    very_good = cohort["cyto_ipssr"] == "very_good"
    assert ((cohort["dely"] + cohort["del11q"])[very_good] == 1).all()


def test_survival_and_censoring_are_near_the_cohort_s(cohort):
    curve = KaplanMeierFitter().fit(cohort["os_years"], cohort["os_status"])
    assert list(curve.predict([1, 2, 5])) == pytest.approx([0.809, 0.641, 0.391], abs=0.04)
    curve = KaplanMeierFitter().fit(cohort["lfs_years"], cohort["lfs_status"])
    assert list(curve.predict([1, 2, 5])) == pytest.approx([0.755, 0.597, 0.368], abs=0.05)
    living = cohort["os_years"][cohort["os_status"] == 0]
    quantiles = np.quantile(living, [0.1, 0.25, 0.5, 0.75, 0.9])
    assert quantiles == pytest.approx([0.12, 0.68, 2.34, 4.23, 6.30], rel=0.1)
    assert living.max() <= 22
    assert cohort["os_status"].mean() == pytest.approx(1354 / 2811, abs=0.03)


def test_missing_values_have_their_shares(recipe):
    table = draw_site(recipe, 0, 20_000, 11)
    unknown = 100 * table.isna().mean()
    expected = {
        "hb": 3.6,
        "plt": 4.0,
        "anc": 6.1,
        "wbc": 8.8,
        "mono": 18.5,
        "pb_blast": 18.9,
        "bm_blast": 3.5,
    }
    expected |= {"cyto_ipssr": 4.6, "complex": 4.6, "os_years": 4.9, "os_status": 4.9, "lfs_status": 11.5}
    for name, percent in expected.items():
        assert unknown[name] == pytest.approx(percent, abs=0.8), name
    parts = table[["hb", "plt", "bm_blast", "cyto_ipssr"]].isna().any(axis=1)
    assert table["ipssm_score"].isna().equals(parts)
    assert not table["tet2"].isna().any() and table["aml"].isna().equals(table["lfs_status"].isna())
