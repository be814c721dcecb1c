"""Pilots resolved: defaults, predictor sets, horizons, landmarks, scores and bars."""

import shutil
from pathlib import Path

import pytest

from hemapilots.config.use_case import UseCase
from hemapilots.cross_checks import Source, resolve_use_case
from hemapilots.errors import HemaPilotsError
from hemapilots.study import load_study
from study_sample import PROTOCOL, ROOT, SPLIT, USE_CASE, edit, load


def test_defaults_are_filled_in_and_hash_follows_the_content(config):
    from hemapilots.protocol import digest

    frozen = load(config)["protocol"]
    assert frozen["protocol"]["ties"] == "efron"
    assert set(frozen["inputs"]) >= {"use_cases/mds.yaml", "protocols/standard.yaml", "pilots/mds-synthetic.yaml"}
    before = digest(frozen)
    edit(config / PROTOCOL, "margin: 0.01", "margin: 0.02")
    assert digest(load(config)["protocol"]) != before


def test_predictor_sets_nest_and_design_columns_follow_the_types(config):
    study = load(config)
    sets = {name: one["variables"] for name, one in study["harmonize"]["predictor_sets"].items()}
    assert set(sets["clinical"]) < set(sets["cytogenetic"]) < set(sets["molecular"])
    columns = {column["column"]: column["type"] for column in study["prepare"]["columns"]}
    assert columns["sex_M"] == "level" and "sex_F" not in columns
    assert columns["cyto_ipssr"] == "ordered" and columns["hb_missing"] == "missing" and columns["tet2"] == "flag"


def test_an_endpoint_has_its_own_horizons_or_those_of_the_use_case(config):
    edit(config / USE_CASE, "event: lfs_status, not_after: os", "event: lfs_status, not_after: os, horizons: [4, 1]")
    edit(config / USE_CASE, "endpoint: lfs\n    horizon: 2", "endpoint: lfs\n    horizon: 4")
    edit(config / USE_CASE, "endpoint: lfs\n    horizon: 2", "endpoint: lfs\n    horizon: 1")
    assert load(config)["evaluate"]["horizons"] == {"os": [2, 5], "lfs": [1, 4], "aml": [2, 5]}
    edit(config / USE_CASE, "horizons: [4, 1]", "horizons: [9, 1, 4]")
    with pytest.raises(HemaPilotsError, match="horizon 9 lies beyond tau"):
        load(config)


def test_an_edited_score_table_reruns_harmonization_and_stands_in_the_protocol(config, tmp_path):
    resources = Path(shutil.copytree(ROOT / "resources", tmp_path / "resources"))
    before = load_study("mds-synthetic", config, resources)
    edit(resources / "scores" / "iss.yaml", "b2m >= 5.5", "b2m >= 5.4")
    assert load_study("mds-synthetic", config, resources) == before
    edit(resources / "scores" / "ipss-r.yaml", "hb >= 10,", "hb >= 11,")
    after = load_study("mds-synthetic", config, resources)
    assert after["harmonize"]["scores"]["ipss-r"] != before["harmonize"]["scores"]["ipss-r"]
    differing = {
        name for name, found in after["protocol"]["inputs"].items() if before["protocol"]["inputs"][name] != found
    }
    assert differing == {"resources/scores/ipss-r.yaml"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ddx41", ["predictor_sets.molecular", "'ddx41' is a score"]),
        ("npm1", ["scores.ipss-m", "reads 'npm1'", "no score"]),
    ],
)
def test_a_score_is_neither_predictor_nor_part_of_another(config, name, words):
    edit(config / USE_CASE, f"  {name}: {{<<: *gene,", f"  {name}: {{<<: *gene, role: score,")
    with pytest.raises(HemaPilotsError) as caught:
        load(config)
    assert all(word in str(caught.value) for word in words)


LANDMARK = "[clinical], variables: [transplant_by_6m]}"


def choose(config, endpoints, predictors="clinical_transplant", pilot=SPLIT):
    """The pilot on these endpoints, its primary model on that predictor set."""
    edit(
        config / pilot,
        "protocol: standard",
        f"protocol: standard\nendpoints: [{endpoints}]\nprimary_endpoint: {endpoints.split(', ')[0]}",
    )
    edit(
        config / PROTOCOL,
        "cox-molecular: {kind: cox, predictors: molecular,",
        f"cox-molecular: {{kind: cox, predictors: {predictors},",
    )


def test_a_set_that_is_known_at_a_landmark_is_trained_there_and_baseline_sets_everywhere(config):
    choose(config, "os_from_6m, os")
    study = load(config, "mds-ipssm")
    assert list(study["harmonize"]["endpoints"]) == ["os", "os_from_6m"]
    models = study["train"]["models"]
    assert models["cox-molecular"]["endpoints"] == ["os_from_6m"]
    assert models["cox-clinical"]["endpoints"] == ["os", "os_from_6m"]
    assert (
        models["ipss-m-age-sex"]["endpoints"]
        == study["predict"]["comparators"]["ipss-r"]["endpoints"]
        == ["os", "os_from_6m"]
    )
    compared = {row["endpoint"] for row in study["evaluate"]["comparisons"] if row["model"] == "cox-molecular"}
    assert compared == {"os_from_6m"}


def test_a_primary_model_known_later_than_the_primary_endpoint_is_refused(config):
    choose(config, "os, os_from_6m")
    with pytest.raises(
        HemaPilotsError, match=r"models.cox-molecular.predictors: its variables are known 0.5 years after"
    ):
        load(config, "mds-ipssm")


def test_a_set_without_an_endpoint_at_its_landmark_is_refused(config):
    edit(
        config / PROTOCOL,
        "cox-clinical: {kind: cox, predictors: clinical,",
        "cox-clinical: {kind: cox, predictors: clinical_transplant,",
    )
    with pytest.raises(
        HemaPilotsError, match=r"models.cox-clinical.predictors: .*later than the origin of every endpoint"
    ):
        load(config, "mds-ipssm")


@pytest.mark.parametrize(
    ("endpoints", "words"),
    [("lfs", ["primary endpoint 'os' is not studied"]), ("os, lsf", ["endpoints.1", "did you mean 'lfs'?"])],
)
def test_a_pilot_names_endpoints_of_its_use_case(config, endpoints, words):
    edit(config / SPLIT, "protocol: standard", f"protocol: standard\nendpoints: [{endpoints}]")
    with pytest.raises(HemaPilotsError) as caught:
        load(config, "mds-ipssm")
    assert all(word in str(caught.value) for word in words)


def test_a_pilot_keeps_what_rests_on_its_endpoints_only(config):
    edit(config / SPLIT, "protocol: standard", "protocol: standard\nendpoints: [lfs]\nprimary_endpoint: lfs")
    study = load(config, "mds-ipssm")
    assert {decision["endpoint"] for decision in study["harmonize"]["decisions"]} == {"lfs"}
    assert study["harmonize"]["endpoints"]["lfs"]["not_after"] is None
    assert study["evaluate"]["primary"]["endpoint"] == "lfs"


def later_columns():
    """(use case, variable) for each that a real cohort delivers and that is known later than at the index date."""
    studies = [
        load_study(name, ROOT / "config", ROOT / "resources")
        for name in ("mds-ipssm", "mm-uams", "aml-leuksurv", "mgus-mgus2")
    ]
    return [
        (study["harmonize"]["name"], variable)
        for study in studies
        for variable in study["mappings"]["source"]["variables"]
        if study["harmonize"]["variables"][variable]["known_at"] != "index"
    ]


@pytest.mark.parametrize(("use_case", "variable"), later_columns())
def test_a_column_from_after_the_index_date_is_no_baseline_predictor(config, use_case, variable):
    path = config / "use_cases" / f"{use_case}.yaml"
    edit(path, "  clinical: [age,", f"  clinical: [{variable}, age,")
    with pytest.raises(HemaPilotsError) as caught:
        resolve_use_case(Source(path, UseCase))
    assert f"predictor_sets.clinical: '{variable}' is known only at " in str(caught.value)


def test_of_a_derived_predictor_the_ingredient_that_makes_it_late_is_named(config):
    path = config / "use_cases" / "mds.yaml"
    edit(path, "expression: ln(anc + 0.1)", "expression: ln(anc + os_years)")
    with pytest.raises(HemaPilotsError, match=r"'anc_log' is known only at outcome \(by 'os_years'\)"):
        resolve_use_case(Source(path, UseCase))


def test_every_later_column_of_the_real_study_is_among_those_that_are_refused():
    columns = load_study("mds-ipssm", ROOT / "config", ROOT / "resources")["mappings"]["source"]["variables"]
    refused = {columns[variable]["column"] for use_case, variable in later_columns() if use_case == "mds"}
    later = "hma lenalidomid chemotherapy transplant time_to_treatment_days time_to_transplant_days"
    assert {*later.split(), "OS_YEARS", "OS_STATUS", "LFS_YEARS", "LFS_STATUS"} <= refused


def test_a_pilot_may_name_another_bar(config):
    edit(config / SPLIT, "protocol: standard", "protocol: standard\nbar: ipss-ra")
    study = load(config, "mds-ipssm")
    assert [name for name, one in study["harmonize"]["comparators"].items() if one["bar"]] == ["ipss-ra"]
    against = {criterion["against_name"]: criterion["against"] for criterion in study["evaluate"]["criteria"]}
    assert against["bar"] == ["score", "score/ipss-ra"]
    edit(config / SPLIT, "bar: ipss-ra", "bar: ipss-rb")
    with pytest.raises(HemaPilotsError, match="bar: no such comparator; did you mean 'ipss-r"):
        load(config, "mds-ipssm")
