"""Cohorts of a study: private ones, their extracts, sites that a source names, splits, presets of size."""

import re

import pytest

from hemapilots.errors import HemaPilotsError
from hemapilots.study import load_studies
from study_sample import PILOT, POOLED, PROTOCOL, ROOT, SPLIT, edit, load

PRIVATE = """title: Own
use_case: mds
protocol: standard
cohort:
  sharing: private
  allow: [local_models]
  sites:
    a: {mapping: mds-clinic-en, extract: /data/a}
    b: {mapping: mds-clinic-en, extract: /data/b}
"""


def test_private_cohort_enforces_the_gate_and_refuses_a_shared_baseline(config, tmp_path):
    edit(config / PROTOCOL, POOLED, "")
    pilot = config / "pilots/own.yaml"
    pilot.write_text(PRIVATE)
    study = load(config, "own")
    assert study["gate"] == "enforce"
    assert not [
        c for c in study["evaluate"]["comparisons"] if c["reference_regime"] in ("pooled", "local/a", "local/b")
    ]
    pilot.write_text(PRIVATE.replace("  allow: [local_models]\n", ""))
    with pytest.raises(HemaPilotsError, match=r"forest-molecular: .* says so by `allow: \[local_models\]`"):
        load(config, "own")
    pilot.write_text(PRIVATE.replace("  sites:", "  gate: report\n  sites:"))
    with pytest.raises(HemaPilotsError, match="a private cohort's gate is `enforce`"):
        load(config, "own")
    pilot.write_text(PRIVATE)
    edit(config / PROTOCOL, "baseline: site", "baseline: shared")
    edit(config / PROTOCOL, "  fine-gray-molecular: {kind: fine_gray, predictors: molecular}\n", "")
    with pytest.raises(HemaPilotsError, match="not allowed for cox with a private cohort: risk-set sums"):
        load(config, "own")
    assert load(config, "mds-synthetic")["train"]["strategies"]["newton"]["baseline"] == "shared"


def test_missing_mirror_and_wrong_hash(config, tmp_path):
    settings = {"pilots": [], "run": "mds-ipssm", "cohort_mirror": str(tmp_path / "nowhere")}
    with pytest.raises(HemaPilotsError, match="nowhere: no such folder"):
        load_studies(settings, config, ROOT / "resources")
    folder = tmp_path / "mirror" / "ipssm"
    folder.mkdir(parents=True)
    settings["cohort_mirror"] = str(tmp_path / "mirror")
    with pytest.raises(HemaPilotsError, match="df_clinical.tsv: no such file in the mirror"):
        load_studies(settings, config, ROOT / "resources")
    (folder / "df_clinical.tsv").write_text("ID\n1\n")
    with pytest.raises(HemaPilotsError, match="SHA-256 .* is not the expected"):
        load_studies(settings, config, ROOT / "resources")
    (folder / "df_clinical.tsv").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(HemaPilotsError, match="Git-LFS pointer"):
        load_studies(settings, config, ROOT / "resources")


def test_a_private_pilot_has_nothing_pooled_to_be_compared_with(config):
    (config / "pilots/own.yaml").write_text(PRIVATE)
    with pytest.raises(
        HemaPilotsError, match=r"standard.yaml, line \d+: criteria.0.against: a private cohort has no pooled model"
    ):
        load(config, "own")
    edit(config / PROTOCOL, POOLED, "")
    assert load(config, "own")["evaluate"]["criteria"][0]["against_name"] == "bar"


def test_a_private_pilot_is_not_set_side_by_side(config):
    edit(config / PROTOCOL, POOLED, "")
    (config / "pilots/own.yaml").write_text(PRIVATE)
    settings = {"pilots": ["own"], "compare": ["mds-synthetic", "own"], "run": "mds-synthetic,own"}
    with pytest.raises(HemaPilotsError, match=r"config.yaml: compare: own is private, .*; take it out$"):
        load_studies(settings, config, ROOT / "resources")


def test_missing_or_empty_private_extract_is_found_before_the_run(config, tmp_path):
    edit(config / PROTOCOL, POOLED, "")
    pilot = config / "pilots/own.yaml"
    pilot.write_text(PRIVATE.replace("/data", str(tmp_path)))
    with pytest.raises(HemaPilotsError, match="patients.csv"):
        load_studies({"pilots": ["own"]}, config, ROOT / "resources")
    for site in "ab":
        (tmp_path / site).mkdir()
        (tmp_path / site / "patients.csv").write_text("")
    with pytest.raises(HemaPilotsError, match="empty"):
        load_studies({"pilots": ["own"]}, config, ROOT / "resources")


def test_pilot_names_and_shared_extracts(config, tmp_path):
    (config / "pilots/My Pilot.yaml").write_text((config / PILOT).read_text())
    with pytest.raises(HemaPilotsError, match="lower-case letters, digits and hyphens"):
        load(config, "My Pilot")
    body = PRIVATE.replace("standard", "private").replace("/data/b", "/data/a").replace("  allow: [local_models]\n", "")
    (config / "pilots/own.yaml").write_text(body)
    with pytest.raises(HemaPilotsError, match="two sites name the same folder"):
        load(config, "own")
    (config / "pilots/own.yaml").write_text(
        body.replace("extract: /data/a}\n    b", "extract: /data/a, share: 0.5}\n    b")
    )
    with pytest.raises(HemaPilotsError, match="only sites of a synthetic cohort have a `share`"):
        load(config, "own")
    (config / "pilots/own.yaml").write_text(
        body.replace("extract: /data/a}\n    b", "extract: /data/a, profile: plain}\n    b")
    )
    with pytest.raises(HemaPilotsError, match="only sites of a synthetic cohort have a `profile`"):
        load(config, "own")


@pytest.mark.parametrize("name", ["mds", "mm", "scd"])
def test_the_large_preset_differs_in_size_only(config, name):
    large, small = load(config, f"{name}-large"), load(config, f"{name}-synthetic")
    assert sum(spec["patients"] for spec in large["generate"].values()) == 100_000 and len(large["sites"]) == 20
    assert large["train"] == small["train"] and large["harmonize"] == small["harmonize"]
    kinds = [{(spec["profile"]) for spec in study["generate"].values()} for study in (large, small)]
    assert kinds[0] == kinds[1]


def test_sites_that_name_no_profile_get_them_in_turn(config):
    path = config / PILOT
    path.write_text("\n".join(line for line in path.read_text().splitlines() if "profile:" not in line) + "\n")
    edit(path, "      share: 0.25\n", "      share: 0.25\n      profile: plain\n")
    profiles = [spec["profile"] for spec in load(config)["generate"].values()]
    assert profiles == ["university", "plain", "referral", "community", "network"]
    edit(path, "recipe: mds,", "recipe: mds-direct,")
    assert set(load(config)["calibrate"]["sha256"]) == {"mds-direct.yaml", "mds.yaml"}


def test_a_site_whose_mapping_reads_a_database_needs_no_extract(config):
    edit(config / PROTOCOL, POOLED, "")
    mapping = (config / "mappings/mds-hospital-omop.yaml").read_text()
    coded = mapping.replace("files:\n  cdm: {path: cdm}\n", "database: OMOP_ADDRESS\n")
    assert coded != mapping
    (config / "mappings/omop.yaml").write_text(coded)
    body = re.sub("{.*}", "{mapping: omop}", PRIVATE)
    (config / "pilots/own.yaml").write_text(body)
    assert load(config, "own")["extracts"] == {"a": ".", "b": "."}
    (config / "pilots/own.yaml").write_text(body.replace("a: {mapping: omop}", "a: {mapping: mds-clinic-en}"))
    with pytest.raises(HemaPilotsError, match="name the folder of the site's `extract`"):
        load(config, "own")


def test_sites_that_the_source_names_are_natural_ones(config):
    edit(config / SPLIT, "{site-a: 0.6, site-b: 0.3, site-c: 0.1}, seed: 7", "{north: [1, two], south: 3}, by: WARD")
    study = load(config, "mds-ipssm")
    assert study["split"] == {"by": "WARD", "sites": {"north": ["1", "two"], "south": ["3"]}}
    assert study["evaluate"]["split"] is False and study["sites"] == ["north", "south"]
    mapping = study["mappings"]["source"]
    assert mapping["site"] == "site" and mapping["auxiliary"]["site"]["column"] == "WARD"
    edit(config / "mappings" / "ipssm.yaml", "{column: AGE, unit: a}", "{column: WARD, unit: a}")
    with pytest.raises(HemaPilotsError, match=r'variables.age: column "WARD" names the site of each row'):
        load(config, "mds-ipssm")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("seed: 7", "sead: 7", ["cohort.split", "unknown key 'sead'"]),
        (", seed: 7", "", ["cohort.split", "give the `seed` of a random split, or `by`"]),
        ("site-c: 0.1}", "site-c: low}", ["cohort.split", "values of a column go with `by`"]),
        ("split: {sites:", "split: {by: WARD, sites:", ["cohort.split", "remove `seed` or `by`"]),
        (
            "{site-a: 0.6, site-b: 0.3, site-c: 0.1}, seed: 7",
            "{site-a: 1, site-b: [2, 1]}, by: W",
            ["'1' stands at two"],
        ),
    ],
)
def test_a_split_is_by_shares_or_by_a_column(config, old, new, words):
    edit(config / SPLIT, old, new)
    with pytest.raises(HemaPilotsError) as caught:
        load(config, "mds-ipssm")
    assert all(word in str(caught.value) for word in words)
