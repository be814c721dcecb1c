"""Pilots resolved: every mistake in a YAML gives one sentence with file, line, field and remedy."""

import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from hemapilots.config.use_case import UseCase
from hemapilots.cross_checks import Source, resolve_use_case
from hemapilots.errors import HemaPilotsError
from hemapilots.study import load_studies, load_study
from hemapilots.yaml_source import line_of, read_yaml

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def config(tmp_path):
    return Path(shutil.copytree(ROOT / "config", tmp_path / "config"))


def load(config, name="mds-synthetic"):
    return load_study(name, config, ROOT / "resources")


def edit(path: Path, old: str, new: str) -> int:
    """Replace the first occurrence; returns its line."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


PILOT, SPLIT = "pilots/mds-synthetic.yaml", "pilots/mds-ipssm.yaml"
POOLED = "  - {name: non-inferior to pooling, test: non_inferior, against: pooled, margin: 0.01}\n"
USE_CASE, PROTOCOL, MAPPING = "use_cases/mds.yaml", "protocols/standard.yaml", "mappings/mds-clinic-en.yaml"

MISTAKES = [
    (PILOT, "protocol: standard", "protocoll: standard", ["unknown key 'protocoll'", "did you mean 'protocol'?"]),
    (PILOT, "protocol: standard", "protocol: standrad", ["standrad.yaml: no such file", "did you mean 'standard'?"]),
    (PILOT, "use_case: mds", "use_case: mdds", ["mdds.yaml: no such file", "did you mean 'mds'?"]),
    (PILOT, "mapping: mds-clinic-de", "mapping: mds-clinic-du", ["no such file", "did you mean"]),
    (PILOT, "share: 0.35", "share: 0.3", ["cohort.sites", "add up to 1"]),
    (
        PILOT,
        "profile: university",
        "profile: univercity",
        ["cohort.sites.site-a.profile", "did you mean 'university'?"],
    ),
    (PILOT, "sharing: synthetic", "sharing: privat", ["cohort.sharing", "'private'"]),
    (PILOT, "recipe: mds", "recipe: mdx", ["cohort.synthetic.recipe", "no such recipe"]),
    (PROTOCOL, "folds: 5", "folds: five", ["resampling.folds", "whole number"]),
    (PROTOCOL, "replicates: 2", "replicate: 2", ["unknown key 'replicate'", "did you mean 'replicates'?"]),
    (
        PROTOCOL,
        "predictors: molecular",
        "predictors: moleculr",
        ["models.cox-molecular.predictors", "did you mean 'molecular'?"],
    ),
    (PROTOCOL, "baseline: site", "baseline: sites", ["strategies.newton.baseline", "'site', 'grid' or 'shared'"]),
    (PROTOCOL, "tau: 5", "tau: 5.1", ["times", "multiple of step"]),
    (
        PROTOCOL,
        "name: federation helps, test: superior, against: local/own",
        "name: federation helps, test: superior, against: locl/own",
        ["criteria.3.against", "did you mean 'local/own'?"],
    ),
    (PROTOCOL, "model: cox-molecular", "model: cox-molecule", ["primary.model", "did you mean 'cox-molecular'?"]),
    (
        USE_CASE,
        "expression: bm_blast < 20",
        "expression: bm_blasts < 20",
        ["inclusion.2.expression", "bm_blasts", "did you mean 'bm_blast'?"],
    ),
    (USE_CASE, "expression: bm_blast < 20", "expression: bm_blast <", ["inclusion.2.expression"]),
    (USE_CASE, "primary_endpoint: os", "primary_endpoint: oss", ["primary_endpoint", "did you mean 'os'?"]),
    (
        USE_CASE,
        "clinical: [age, sex,",
        "clinical: [age, sexx,",
        ["predictor_sets.clinical", "unknown variable 'sexx'", "did you mean 'sex'?"],
    ),
    (USE_CASE, "clinical: [age, sex,", "clinical: [age, os_status,", ["os_status", "known only at outcome"]),
    (USE_CASE, "clinical: [age, sex,", "clinical: [age, ipssm_score,", ["ipssm_score", "is a score"]),
    (USE_CASE, "clinical: [age, sex,", "clinical: [age, ipss-m,", ["'ipss-m' is a score", "never a predictor"]),
    (USE_CASE, "clinical: [age, sex,", "clinical: [age, ipss_m_score,", ["'ipss_m_score' is a score"]),
    (USE_CASE, "clinical: [age, sex,", "clinical: [age, ipss_m_platelets,", ["'ipss_m_platelets' is a score"]),
    (
        USE_CASE,
        "{label: IPSS-RA, score: ipss-ra}",
        "{label: IPSS-RA, score: ipss-rb}",
        ["comparators.ipss-ra", "did you mean 'ipss-r"],
    ),
    (USE_CASE, "score: ipss-ra}", "score: ipss-ra, terms: ipss-m}", ["give one of `score`, `predictors` and `terms`"]),
    (USE_CASE, "terms: ipss-m}", "terms: hb}", ["comparators.ipss-m-refitted.terms", "no such score"]),
    (USE_CASE, "{label: IPSS-R, score: ipss-r}", "{label: IPSS-R, score: cyto_ipssr}", ["is a category", "a number"]),
    (USE_CASE, "ipss-ra: {delivered: ipssra_score", "iss: {delivered: ipssra_score", ["scores.iss", "use case mm"]),
    (
        USE_CASE,
        "ipss-ra: {delivered: ipssra_score",
        "ipss-rx: {delivered: ipssra_score",
        ["scores.ipss-rx", "did you mean 'ipss-r"],
    ),
    (USE_CASE, "delivered: ipssra_score", "delivered: hb", ["scores.ipss-ra.delivered", "'hb' is no score"]),
    (USE_CASE, "  plus8: {<<: *lesion", "  ipss_r_score: {<<: *lesion", ["ipss_r_score", "column of a score"]),
    (
        USE_CASE,
        "endpoint: lfs\n    horizon: 2",
        "endpoint: lsf\n    horizon: 2",
        ["decisions.0.endpoint", "did you mean 'lfs'?"],
    ),
    (
        USE_CASE,
        "endpoint: lfs\n    horizon: 2",
        "endpoint: lfs\n    horizon: 3",
        ["decisions.0.horizon", "it has 2, 5"],
    ),
    (USE_CASE, "thresholds: [0.3, 0.6]", "thresholds: [30, 60]", ["decisions.0.thresholds", "between 0 and 1"]),
    (USE_CASE, "name: monitor", "name: intensify", ["decisions.1.name", "rename it"]),
    (USE_CASE, "subgroups: [sex,", "subgroups: [sexx,", ["subgroups", "did you mean 'sex'?"]),
    (USE_CASE, "subgroups: [sex,", "subgroups: [age,", ["subgroups", "'age' is a number", "derive a category"]),
    (USE_CASE, "include: [cytogenetic]", "include: [molecular]", ["circle"]),
    (USE_CASE, "soft: [40, 90], hard: [0, 110]", "soft: [40, 90], hard: [110, 0]", ["variables.age", "low below high"]),
    (MAPPING, "  hb:", "  hbb:", ["variables.hbb", "did you mean 'hb'?"]),
    (MAPPING, "use_case: mds", "use_case: mm", ["use_case", "for another use case"]),
    (MAPPING, "reader: csv", "reader: cvs", ["reader", "'csv'"]),
]


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"), MISTAKES, ids=[f"{m[0].split('/')[0]}:{m[2]}" for m in MISTAKES]
)
def test_mistake_gives_one_sentence_with_file_and_remedy(config, file, old, new, expected):
    line = edit(config / file, old, new)
    with pytest.raises(HemaPilotsError) as caught:
        load(config)
    message = str(caught.value)
    assert "\n" not in message
    for part in expected:
        assert part in message
    if "no such file" not in message:
        assert f"{config / file}, line " in message
        named = int(message.split(", line ")[1].split(":")[0])
        assert abs(named - line) <= 3


SECTIONS = [
    (MAPPING, "auxiliary: {hb: {column: x, type: text}}", ["auxiliary.hb", "name is a variable's"]),
    (MAPPING, "auxiliary: {ward: {column: x, type: category}}", ["auxiliary.ward", "`values`"]),
    (MAPPING, "derived: {hbb: hb * 2}", ["derived.hbb", "did you mean 'hb'?"]),
    (MAPPING, "derived: {hb: hbb * 2}", ["derived.hb", "unknown variable 'hbb'"]),
    (MAPPING, "inclusion: [{name: a, label: a, expression: hb > 1, reason: because}]", ["inclusion.0.reason", "not a"]),
    (MAPPING, "variants: {file: maf, gene: Gene}", ["variants.file", "no such file"]),
    (MAPPING, "panel: {genes: {a: [TP53]}}", ["panel", "`column`"]),
    (MAPPING, "database: OMOP", ["give `files`, or `database`"]),
    (MAPPING, "lock: yesterday", ["lock", "date"]),
    (MAPPING, "language: xx", ["language", "'en'"]),
    (
        USE_CASE,
        "derived: {birth_day: {label: a, type: number, expression: birth_date + 0}}",
        ["derived.birth_day.expression", "gives a date", "never kept"],
    ),
    (
        USE_CASE,
        "derived: {text: {label: a, type: category, levels: [a], expression: karyotype}}",
        ["derived.text.expression", "gives a karyotype"],
    ),
    (
        USE_CASE,
        'derived: {old: {label: a, type: category, levels: [a], expression: \'case(age > 60, "b", "a")\'}}',
        ["derived.old.levels", "'b' can come out"],
    ),
    (
        USE_CASE,
        "checks: [{name: a, label: a, expression: hbb > 1, action: reject, reason: contradiction}]",
        ["checks.0.expression", "unknown variable 'hbb'"],
    ),
    (
        USE_CASE,
        "checks: [{name: a, label: a, expression: hb > 1, action: flag, reason: contradiction}]",
        ["checks.0", "name the `variables`"],
    ),
    (
        USE_CASE,
        "checks: [{name: a, label: a, expression: hb > 1, action: 'null', variables: [hb], reason: odd}]",
        ["checks.0.reason", "'odd' is not a reason"],
    ),
]


@pytest.mark.parametrize(("file", "section", "expected"), SECTIONS, ids=[section for _, section, _ in SECTIONS])
def test_mistake_in_a_section_gives_one_sentence(config, file, section, expected):
    key = section.split(":")[0]
    lines = (config / file).read_text().splitlines()
    starts = [at for at, line in enumerate(lines) if line[:1].isalpha()] + [len(lines)]
    for at, end in pairwise(starts):
        if lines[at].startswith(f"{key}:"):
            lines[at:end] = []
            break
    (config / file).write_text("\n".join([*lines, section]) + "\n")
    with pytest.raises(HemaPilotsError) as caught:
        load(config)
    assert "\n" not in str(caught.value) and str(config / file) in str(caught.value)
    assert all(part in str(caught.value) for part in expected), str(caught.value)


def test_a_proposed_entry_is_refused_until_a_person_approves_it(config):
    edit(config / MAPPING, "age: {", "age: {status: proposed, ")
    with pytest.raises(HemaPilotsError, match="variables.age.status: still `proposed`"):
        load(config)


def test_endpoint_without_its_column_in_the_mapping(config):
    lines = (config / MAPPING).read_text().splitlines()
    # Without the day of death neither the time nor the status follows from dates.
    (config / MAPPING).write_text("\n".join(line for line in lines if not line.strip().startswith("death_date:")))
    with pytest.raises(HemaPilotsError, match="'os_(years|status)' is missing, which the endpoint 'os' needs"):
        load(config)


def test_private_cohort_enforces_the_gate_and_refuses_a_shared_baseline(config, tmp_path):
    edit(config / PROTOCOL, POOLED, "")
    pilot = config / "pilots/own.yaml"
    body = """title: Own
use_case: mds
protocol: standard
cohort:
  sharing: private
  allow: [local_models]
  GATE
  sites:
    a: {mapping: mds-clinic-en, extract: /data/a}
    b: {mapping: mds-clinic-en, extract: /data/b}
"""
    pilot.write_text(body.replace("  GATE\n", ""))
    study = load(config, "own")
    assert study["gate"] == "enforce"
    assert not [
        c for c in study["evaluate"]["comparisons"] if c["reference_regime"] in ("pooled", "local/a", "local/b")
    ]
    pilot.write_text(body.replace("  GATE\n", "").replace("  allow: [local_models]\n", ""))
    with pytest.raises(HemaPilotsError, match=r"forest-molecular: .* says so by `allow: \[local_models\]`"):
        load(config, "own")
    pilot.write_text(body.replace("GATE", "gate: report"))
    with pytest.raises(HemaPilotsError, match="a private cohort's gate is `enforce`"):
        load(config, "own")
    pilot.write_text(body.replace("  GATE\n", ""))
    edit(config / PROTOCOL, "baseline: site", "baseline: shared")
    edit(config / PROTOCOL, "  fine-gray-molecular: {kind: fine_gray, predictors: molecular}\n", "")
    with pytest.raises(HemaPilotsError, match="not allowed for cox with a private cohort: risk-set sums"):
        load(config, "own")
    assert load(config, "mds-synthetic")["train"]["strategies"]["newton"]["baseline"] == "shared"


def test_hostile_yaml_is_refused(config):
    path = config / PILOT
    for text, expected in [
        ("a: [1, 2", "a bracket is not closed"),
        ("!!python/object/apply:os.system ['true']", "correct the YAML"),
        ("title: a\ntitle: b\n", "the key 'title' stands twice"),
        ("", "empty or not a mapping"),
        ("- 1\n- 2\n", "empty or not a mapping"),
        ("note: 2020-13-45", "line 1: note: '2020-13-45' is no day of the calendar"),
        ("note: !!bool x", "is not a value of its type"),
        ("[" * 900_000, "nested too deeply"),
        (
            "x: &a [1,2,3,4,5,6,7,8,9]\n"
            + "".join(f"y{i}: &b{i} [{', '.join(['*a' if i == 0 else f'*b{i - 1}'] * 9)}]\n" for i in range(9)),
            "aliases are expanded",
        ),
        ("title: '" + "x" * (1 << 20) + "'", "larger than 1 MiB"),
    ]:
        path.write_text(text)
        with pytest.raises(HemaPilotsError, match=expected):
            load(config)
    path.write_bytes(b"title: \xff\xfe")
    with pytest.raises(HemaPilotsError, match="not UTF-8"):
        load(config)


def test_unknown_pilot_names_the_nearest(config):
    with pytest.raises(HemaPilotsError, match="mds-syntetic.yaml: no such file; did you mean 'mds-synthetic'"):
        load_studies({"pilots": ["mds-synthetic"], "run": "mds-syntetic"}, config, ROOT / "resources")


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
    pilot.write_text(
        f"""title: Own
use_case: mds
protocol: standard
cohort:
  sharing: private
  allow: [local_models]
  sites:
    a: {{mapping: mds-clinic-en, extract: {tmp_path / "a"}}}
    b: {{mapping: mds-clinic-en, extract: {tmp_path / "b"}}}
"""
    )
    with pytest.raises(HemaPilotsError, match="patients.csv"):
        load_studies({"pilots": ["own"]}, config, ROOT / "resources")
    for site in "ab":
        (tmp_path / site).mkdir()
        (tmp_path / site / "patients.csv").write_text("")
    with pytest.raises(HemaPilotsError, match="empty"):
        load_studies({"pilots": ["own"]}, config, ROOT / "resources")


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


MORE_MISTAKES = [
    (
        MAPPING,
        "Platelets, unit: 10*9/L",
        'Platelets, unit: "mm[Hg]"',
        ["variables.plt.unit", '"mm[Hg]" cannot be converted to 10*9/L', "use one of"],
    ),
    (PILOT, "    site-a:", "    own:", ["a site cannot be named 'own'"]),
    (
        USE_CASE,
        "  os: {label: Overall survival,",
        "  os: {label: Overall survival, entry: age,",
        ["endpoints.os", "late `entry` needs a `scale`"],
    ),
    (
        USE_CASE,
        "  hb: {label:",
        "  row: {label: Row, type: flag, known_at: index}\n  hb: {label:",
        ["variables.row", "taken by a column"],
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "expected"), MORE_MISTAKES, ids=[m[2][:25] for m in MORE_MISTAKES])
def test_names_and_units_that_cannot_work_are_refused_before_the_run(config, file, old, new, expected):
    edit(config / file, old, new)
    with pytest.raises(HemaPilotsError) as caught:
        load(config)
    for part in (str(config / file), *expected):
        assert part in str(caught.value)


def test_pilot_names_and_shared_extracts(config, tmp_path):
    (config / "pilots/My Pilot.yaml").write_text((config / PILOT).read_text())
    with pytest.raises(HemaPilotsError, match="lower-case letters, digits and hyphens"):
        load(config, "My Pilot")
    body = """title: Own
use_case: mds
protocol: private
cohort:
  sharing: private
  sites:
    a: {mapping: mds-clinic-en, extract: /data/a}
    b: {mapping: mds-clinic-en, extract: /data/a}
"""
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


def test_unquoted_yes_and_off_are_understood_or_explained(config):
    text = (config / MAPPING).read_text()
    (config / MAPPING).write_text(text.replace("values: {", "values: {yes: M, ", 1))
    with pytest.raises(HemaPilotsError, match="values: YAML reads unquoted .* write them in quotes"):
        load(config)
    (config / MAPPING).write_text(text)
    edit(config / PILOT, "  sharing: synthetic\n", "  sharing: synthetic\n  gate: off\n")
    assert load(config)["gate"] == "off"


def test_a_site_whose_mapping_reads_a_database_needs_no_extract(config):
    edit(config / PROTOCOL, POOLED, "")
    mapping = (config / "mappings/mds-hospital-omop.yaml").read_text()
    coded = mapping.replace("files:\n  cdm: {path: cdm}\n", "database: OMOP_ADDRESS\n")
    assert coded != mapping
    (config / "mappings/omop.yaml").write_text(coded)
    body = """title: Own
use_case: mds
protocol: standard
cohort:
  sharing: private
  allow: [local_models]
  sites:
    a: {mapping: omop}
    b: {mapping: omop}
"""
    (config / "pilots/own.yaml").write_text(body)
    assert load(config, "own")["extracts"] == {"a": ".", "b": "."}
    (config / "pilots/own.yaml").write_text(body.replace("a: {mapping: omop}", "a: {mapping: mds-clinic-en}"))
    with pytest.raises(HemaPilotsError, match="name the folder of the site's `extract`"):
        load(config, "own")


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


def test_a_key_that_overrides_a_merged_one_is_found_at_its_own_line(tmp_path):
    path = tmp_path / "merged.yaml"
    path.write_text("_a: &a {x: 1}\ninner: &b {<<: *a, x: 2}\nouter:\n  <<: *b\n  x: 3\n", encoding="utf-8")
    data, node = read_yaml(path)
    assert data == {"inner": {"x": 2}, "outer": {"x": 3}}
    assert line_of(node, ("outer", "x")) == 5
