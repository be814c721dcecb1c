"""Scores computed by harmonization: columns, terms, why one is missing, and what a site says of them."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hemapilots.config.use_case import UseCase
from hemapilots.cross_checks import Source, resolve_use_case
from hemapilots.harmonize.engine import harmonize
from hemapilots.harmonize.reading.units import load_factors
from hemapilots.harmonize.scores import score_columns
from hemapilots.harmonize.suppression import Draw
from hemapilots.ingest.readers import ingest
from hemapilots.quality.scores import scores_record
from hemapilots.study import load_study

ROOT = Path(__file__).resolve().parents[2]


def resolved(name: str) -> dict:
    return resolve_use_case(Source(ROOT / "config" / "use_cases" / f"{name}.yaml", UseCase))


@pytest.fixture(scope="module")
def myeloma() -> dict:
    return resolved("mm")


@pytest.fixture(scope="module")
def patients(myeloma) -> pd.DataFrame:
    """Four patients: ISS I as delivered, III delivered as II, II without albumin, unknown."""
    columns = {name: np.full(4, np.nan) for name in [*myeloma["variables"], *myeloma["derived"]]}
    columns |= {"b2m": [2.0, 7.0, 4.0, np.nan], "albumin": [4.0, 3.0, np.nan, 4.0]}
    columns |= {"iss": np.array(["I", "II", None, "III"], dtype=object)}
    table = pd.DataFrame(columns)
    return table.assign(**score_columns(table, myeloma))


def test_a_score_becomes_its_columns(patients):
    assert patients["iss_score"].tolist()[:3] == [1, 3, 2] and np.isnan(patients["iss_score"][3])
    assert patients["iss_category"].tolist() == ["I", "III", "II", None]
    assert patients["iss_reason"].tolist() == [None, None, None, "b2m"]
    # Points that the rest cannot change: R2-ISS is a range, and R-ISS II follows from ISS II.
    assert patients["r_iss_score"][2] == 2
    assert patients["r2_iss_reason"].str.startswith("range above limit: ").all()


def test_a_site_says_how_many_scores_there_are_and_whether_delivered_ones_agree(patients, myeloma):
    found = scores_record(patients, myeloma, 1, Draw(b""))
    assert found["iss"]["counts"] == {
        "computed": 3,
        "category_only": 0,
        "range_too_wide": 0,
        "not_applicable": 0,
        "inputs_unknown": 1,
    }
    assert found["iss"]["agreement"] == {
        "agree": 1,
        "differ": 1,
        "only_computed": 1,
        "only_delivered": 1,
        "neither": 0,
    }
    assert found["mass"]["counts"]["range_too_wide"] == 4 and found["mass"]["agreement"] is None
    many = pd.concat([patients] * 10, ignore_index=True)
    hidden = scores_record(many.iloc[:38], myeloma, 5, Draw(b""))["iss"]
    assert hidden["suppressed"] is False and hidden["counts"]["computed"] == 29
    few = scores_record(many.iloc[[*range(0, 36, 4), 3]], myeloma, 5, Draw(b""))["iss"]
    assert few["suppressed"] and few["counts"]["inputs_unknown"] is None and few["counts"]["computed"] is None


def test_scores_that_do_not_apply_are_told_from_those_of_unknown_inputs():
    sickle = resolved("scd")
    columns = {name: np.full(3, np.nan) for name in [*sickle["variables"], *sickle["derived"]]}
    columns |= {
        "age": [8.0, 30.0, 40.0],
        "trv_high": [0, 1, 1.0],
        "retic_pct": 9.0,
        "hbf": 5.0,
        "ntprobnp": [50, 99, np.nan],
    }
    table = pd.DataFrame(columns)
    found = scores_record(table.assign(**score_columns(table, sickle)), sickle, 1, Draw(b""))["pooled-hazard"]
    assert found["counts"] == {
        "computed": 1,
        "category_only": 0,
        "range_too_wide": 0,
        "not_applicable": 1,
        "inputs_unknown": 1,
    }


def test_terms_are_columns_where_a_comparator_weighs_them_anew():
    syndromes = resolved("mds")
    terms = syndromes["comparators"]["ipss-m-refitted"]["predictors"]
    assert len(terms) == 22 and syndromes["comparators"]["ipss-m-refitted"]["required"] == []
    columns = {name: np.zeros(2) for name in [*syndromes["variables"], *syndromes["derived"]]}
    columns |= {"hb": [3.0, 10.0], "plt": [400.0, np.nan], "cyto_ipssr": np.array(["good", "poor"], dtype=object)}
    found = score_columns(pd.DataFrame(columns), syndromes)
    assert set(terms) <= set(found)
    assert found["ipss_m_haemoglobin"].tolist() == [4, 10] and found["ipss_m_platelets"][0] == 2.5
    assert np.isnan(found["ipss_m_platelets"][1]) and found["ipss_m_cytogenetics"].tolist() == [1, 3]


@pytest.fixture(scope="module")
def study() -> tuple[pd.DataFrame, dict]:
    """The real study behind the molecular score, harmonized as its pilot does."""
    folder = Path(os.environ.get("COHORT_MIRROR", ROOT / "results" / "cohorts")) / "ipssm"
    if not (folder / "df_clinical.tsv").is_file():
        pytest.skip("the IPSS-M study is not here; name a folder that holds ipssm/ in COHORT_MIRROR")
    pilot = load_study("mds-ipssm", ROOT / "config", ROOT / "resources")
    mapping, factors = pilot["mappings"]["source"], load_factors(ROOT / "resources" / "units" / "factors.csv")
    return harmonize(ingest(folder, mapping), pilot["harmonize"], mapping, factors)[0], pilot["harmonize"]


def test_the_pilot_on_the_real_study_computes_the_published_scores(study):
    found = scores_record(*study, 1, Draw(b""))
    # Two of the 2,957 are under 18 and left out, both with every score; three have a haemoglobin below the clip at 4.
    assert (found["ipss-m"]["agreement"]["agree"], found["ipss-m"]["agreement"]["differ"]) == (2696, 3)
    assert (found["ipss-r"]["agreement"]["agree"], found["ipss-r"]["agreement"]["differ"]) == (2647, 0)
    assert (found["ipss-ra"]["agreement"]["agree"], found["ipss-ra"]["agreement"]["differ"]) == (2646, 0)
    harmonized = study[0]
    differ = (harmonized["ipss_m_score"] - harmonized["ipssm_score"]).abs() > 0.006
    assert differ.sum() == 3 and (harmonized["hb"][differ] == 4).all()
