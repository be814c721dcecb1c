"""Every mistake in a YAML gives one sentence with file, line, field and remedy."""

from itertools import pairwise

import pytest

from hemapilots.errors import HemaPilotsError
from hemapilots.study import load_studies
from hemapilots.yaml_source import line_of, read_yaml
from study_sample import MAPPING, PILOT, PROTOCOL, ROOT, USE_CASE, edit, load

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
    (PROTOCOL, "tau: 5", "tau: 5000", ["times.tau", "100"]),
    (PROTOCOL, "step: 0.25", "step: 0.001", ["times", "more than 2000 times", "larger `step`"]),
    (PROTOCOL, "folds: 5, seed: ", "folds: 5, seed: -", ["resampling.seed", "greater than or equal to 0"]),
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
    (
        USE_CASE,
        "predictor_sets:\n",
        "predictor_sets:\n  nothing: []\n",
        ["predictor_sets.nothing", "names no variable", "remove the set"],
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
    (
        USE_CASE,
        "subgroups: [sex,",
        "subgroups: [os_status,",
        ["subgroups", "'os_status' is not known at the index date"],
    ),
    (
        USE_CASE,
        "required: [hb,",
        "required: [os_years,",
        ["abstention.required", "'os_years' is not known at the index"],
    ),
    (USE_CASE, "clinical: [age, sex,", "clinical: [age, transplant,", ["at a landmark of which no time is stated"]),
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


def test_unquoted_yes_and_off_are_understood_or_explained(config):
    text = (config / MAPPING).read_text()
    (config / MAPPING).write_text(text.replace("values: {", "values: {yes: M, ", 1))
    with pytest.raises(HemaPilotsError, match="values: YAML reads unquoted .* write them in quotes"):
        load(config)
    (config / MAPPING).write_text(text)
    edit(config / PILOT, "  sharing: synthetic\n", "  sharing: synthetic\n  gate: off\n")
    assert load(config)["gate"] == "off"


def test_a_key_that_overrides_a_merged_one_is_found_at_its_own_line(tmp_path):
    path = tmp_path / "merged.yaml"
    path.write_text("_a: &a {x: 1}\ninner: &b {<<: *a, x: 2}\nouter:\n  <<: *b\n  x: 3\n", encoding="utf-8")
    data, node = read_yaml(path)
    assert data == {"inner": {"x": 2}, "outer": {"x": 3}}
    assert line_of(node, ("outer", "x")) == 5
