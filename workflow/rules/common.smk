"""What the rules share: the pilots resolved and checked, wildcard constraints, input functions. No rules."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))

from hemapilots.errors import HemaPilotsError
from hemapilots.study import asked_for, load_public, load_studies
from staleness import library

RESOURCES = Path(workflow.basedir) / "resources"
try:
    STUDIES = load_studies(config, Path("config"), RESOURCES)
    PUBLIC = load_public(RESOURCES)
    PILOTS = sorted(asked_for(config, Path("config")))
except HemaPilotsError as error:
    sys.exit(f"hemapilots: {error}")


def pattern_of(names):
    """A wildcard pattern for these names; one that matches nothing where there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"


# Variants <pilot>+<scenario> begin with their pilot's harmonized records.
ITSELF = sorted(name for name in STUDIES if not STUDIES[name]["base"])
VARIANT = pattern_of(sorted(set(STUDIES) - set(ITSELF)))
SPLIT = pattern_of([name for name in ITSELF if STUDIES[name]["split"]])
DELIVERED = pattern_of([name for name in ITSELF if not STUDIES[name]["split"]])
SYNTHETIC = pattern_of([name for name in ITSELF if STUDIES[name]["sharing"] == "synthetic"])
POOLING = pattern_of([name for name in sorted(STUDIES) if STUDIES[name]["sharing"] != "private"])
PRIVATE = pattern_of([name for name in sorted(STUDIES) if STUDIES[name]["sharing"] == "private"])


wildcard_constraints:
    pilot=pattern_of(sorted(STUDIES)),
    site=r"[a-z][a-z0-9-]*",
    model=r"[a-z][a-z0-9-]*",
    cohort=r"[a-z][a-z0-9-]*",


def of_study(path):
    """A parameter function: a part of the pilot's resolved study, as `train` or `mappings/{site}`; Snakemake's `lookup` walks over all of it."""

    def part(wildcards):
        found = STUDIES[wildcards.pilot]
        for key in path.format(**wildcards).split("/"):
            found = found[key]
        return found

    return part


def of_sites(pattern):
    """An input function: the pattern once per site of the pilot."""

    def inputs(wildcards):
        return [pattern.format(pilot=wildcards.pilot, site=site) for site in STUDIES[wildcards.pilot]["sites"]]

    return inputs


def of_models(pattern):
    """An input function: the pattern once per model of the pilot."""

    def inputs(wildcards):
        study = STUDIES[wildcards.pilot]
        names = [
            name
            for name, model in study["train"]["models"].items()
            if "pooled" not in pattern or not model["comparator"]
        ]
        return [pattern.format(pilot=wildcards.pilot, model=name) for name in names]

    return inputs


def extract_of(wildcards):
    """The files of an extract: fetched, generated, or where the pilot says."""
    study = STUDIES[wildcards.pilot]
    source = wildcards.get("site", "source")
    folder = study["extracts"][source]
    if study["sharing"] == "synthetic":
        return [folder]
    paths = [Path(folder) / file["path"] for file in study["mappings"][source]["files"].values()]
    return sorted({str(part) for path in paths for part in ([path] if not path.is_dir() else files_below(path))})


def files_below(folder):
    """The files of a part of an extract that is a folder of its own."""
    return [path for path in folder.rglob("*") if path.is_file()]


def released_models(wildcards):
    """The folders of models that are not a single site's: federated ones, and pooled ones where rows may be pooled."""
    federated = of_models("results/{pilot}/models/federated-{model}")(wildcards)
    if STUDIES[wildcards.pilot]["sharing"] == "private":
        return federated
    return federated + of_models("results/{pilot}/models/pooled-{model}")(wildcards)


def models_for_prediction(wildcards):
    """The folders of models that may come to a site: the released ones, its own local ones, and other sites' where rows may be pooled."""
    if STUDIES[wildcards.pilot]["sharing"] == "private":
        return [*released_models(wildcards), f"results/{wildcards.pilot}/sites/{wildcards.site}/models"]
    return released_models(wildcards) + of_sites("results/{pilot}/models/local-{site}")(wildcards)


def primary_model(wildcards):
    """The folder of the protocol's primary model."""
    return f"results/{wildcards.pilot}/models/federated-{STUDIES[wildcards.pilot]['evaluate']['primary']['model']}"


def refits(wildcards):
    """The primary metric of refitted models, where refitting does not multiply what leaves a site."""
    if STUDIES[wildcards.pilot]["sharing"] == "private":
        return []
    return f"results/{wildcards.pilot}/pooled_metrics/refits.csv"


def pooled_metrics(wildcards):
    """The tables that need all rows in one place, where that is allowed."""
    if STUDIES[wildcards.pilot]["sharing"] == "private":
        return []
    return [f"results/{wildcards.pilot}/pooled_metrics/{name}.csv" for name in ("metrics", "comparisons")]


def where_faulty(pattern):
    """An input function: a file of a variant in which a site does something wrong."""

    def inputs(wildcards):
        faulty = (STUDIES[wildcards.pilot]["report"]["varies"] or {}).get("faults")
        return [pattern.format(pilot=wildcards.pilot)] if faulty else []

    return inputs


def of_recurrent(pattern):
    """An input function: tables of recurrent events, of all sites or pooled, where the use case has such events."""

    def inputs(wildcards):
        study = STUDIES[wildcards.pilot]
        pooled = "{site}" not in pattern
        if not study["evaluate"]["recurrent"] or (pooled and study["sharing"] == "private"):
            return []
        return [pattern.format(pilot=wildcards.pilot)] if pooled else of_sites(pattern)(wildcards)

    return inputs


def ledger_parts(wildcards):
    """Everything that a site released, job by job."""
    study, base = STUDIES[wildcards.pilot], f"results/{wildcards.pilot}/exchange/parts"
    stages = ["quality", "prepare", "evaluate", "explain"] + (["local"] if study["sharing"] != "private" else [])
    stages += ["recurrent"] if study["evaluate"]["recurrent"] else []
    parts = [f"{base}/{stage}/{wildcards.site}.parquet" for stage in stages]
    return parts + [f"{base}/federated-{name}" for name in study["train"]["models"]]


def itself(name):
    """The pilot whose cohort it is: of a variant that which it varies."""
    return STUDIES[name]["base"] or name


def known_truth(wildcards):
    """What the patients were drawn from, where they are invented."""
    invented = STUDIES[wildcards.pilot]["sharing"] == "synthetic"
    return [f"results/{itself(wildcards.pilot)}/truth.json"] if invented else []


def recipe_calibration(wildcards):
    """What the law of invented patients gives beside what it should give."""
    return [path.replace("truth.json", "calibration.csv") for path in known_truth(wildcards)]


def source_quality(wildcards):
    """What is said of a public source before its records are dealt to sites."""
    name = itself(wildcards.pilot)
    return [f"results/{name}/quality_of_source.json"] if STUDIES[name]["split"] else []


def of_varied(file):
    """An input function: a file of the source or of each site of the pilot that a variant deals anew, else of the same site."""

    def inputs(wildcards):
        study = STUDIES[wildcards.pilot]
        base = f"results/{study['base']}"
        if not study["vary"]["split"]:
            return [f"{base}/sites/{wildcards.site}/{file}"]
        if study["base_split"]:
            return [f"{base}/source/{file}"]
        return [f"{base}/sites/{site}/{file}" for site in STUDIES[study["base"]]["sites"]]

    return inputs


def pooled(table):
    """An input function: a table of all patients together, where rows may be pooled."""

    def inputs(wildcards):
        private = STUDIES[wildcards.pilot]["sharing"] == "private"
        return [] if private else [f"results/{wildcards.pilot}/pooled_metrics/{table}.csv"]

    return inputs
