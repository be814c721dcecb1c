"""A pilot resolved: its files read, checked against each other, every default filled in, and cut into what each stage needs.

Stages receive plain dictionaries; a stage's dictionary changes only when something that the stage uses has changed.
"""

import hashlib
from pathlib import Path

from hemapilots.config import Mapping, Pilot, Protocol, Settings, UseCase, nearest
from hemapilots.cross_checks import (
    Source,
    check_cohort,
    check_mapping,
    load_public,
    resolve_models,
    resolve_strategies,
    resolve_use_case,
)
from hemapilots.federation.release import MINIMUM_SUPPORT
from hemapilots.harmonize.reading.units import load_factors
from hemapilots.ingest.public import check_mirror
from hemapilots.ingest.readers import check_extract
from hemapilots.yaml_source import validate

SOURCE = "source"
SCENARIO = "base"


def load_studies(config: dict, folder: Path, resources: Path) -> dict[str, dict]:
    """The studies of the pilots that were asked for (`run` in Snakemake's config, else the embedded ones), their extracts checked."""
    settings = validate(
        Settings, {key: value for key, value in config.items() if key != "run"}, None, folder / "config.yaml"
    )
    names = str(config["run"]).split(",") if config.get("run") else list(settings.pilots)
    studies = {name: load_study(name, folder, resources) for name in names}
    public = sorted({study["public"] for study in studies.values() if study["public"]})
    if settings.cohort_mirror and public:
        check_mirror(settings.cohort_mirror, [load_public(resources)[name] for name in public])
    for study in studies.values():
        if not study["public"] and not study["generate"]:
            for site, extract in study["extracts"].items():
                check_extract(extract, study["mappings"][site])
    return studies


def load_study(name: str, config: Path, resources: Path) -> dict:
    """Everything that a pilot's stages need; raises HemaPilotsError naming file, line and field."""
    pilot = Source(config / "pilots" / f"{name}.yaml", Pilot)
    cohort = pilot.value.cohort
    use_case = Source(config / "use_cases" / f"{pilot.value.use_case}.yaml", UseCase)
    protocol = Source(config / "protocols" / f"{pilot.value.protocol}.yaml", Protocol)
    names = {site: entry.mapping for site, entry in cohort.sites.items()} or {SOURCE: cohort.mapping}
    mappings = {stem: Source(config / "mappings" / f"{stem}.yaml", Mapping) for stem in sorted(set(names.values()))}
    resolved = resolve_use_case(use_case)
    factors = load_factors(resources / "units" / "factors.csv")
    for mapping in mappings.values():
        check_mapping(mapping, use_case, factors)
    sites = sorted(cohort.sites or cohort.split.sites)
    check_cohort(pilot, use_case, resources, sites, mappings)
    models = resolve_models(protocol, resolved, use_case)
    strategies = resolve_strategies(protocol, cohort.sharing)
    evaluate = _evaluation(
        protocol, resolved, cohort.sharing, sites, list(strategies), bool(cohort.split), cohort.effective_gate
    )
    resampling = protocol.value.resampling.model_dump()
    study = {
        "pilot": name,
        "title": pilot.value.title,
        "scenario": SCENARIO,
        "sharing": cohort.sharing,
        "gate": cohort.effective_gate,
        "sites": sites,
        "public": cohort.public,
        "split": cohort.split.model_dump() if cohort.split else None,
        "mappings": {
            site: mappings[stem].value.model_dump(mode="json") | {"name": stem} for site, stem in names.items()
        },
        "tables": _reference_tables(resources),
        "extracts": _extracts(name, cohort, names),
        "generate": _generation(cohort, names, resources),
        "harmonize": resolved,
        "prepare": {
            "endpoints": list(resolved["endpoints"]),
            "primary_endpoint": resolved["primary_endpoint"],
            "resampling": resampling,
            "columns": design_columns(resolved, models),
            "gate": cohort.effective_gate,
        },
        "agree": {
            "models": models,
            "gate": cohort.effective_gate,
            "endpoints": list(resolved["endpoints"]),
        },
        "train": {
            "models": models,
            "strategies": strategies,
            "endpoints": list(resolved["endpoints"]),
            "replicates": resampling["replicates"],
            "folds": resampling["folds"],
            "penalties": sorted(protocol.value.penalties),
            "ties": protocol.value.ties,
            "grid": evaluate["grid"],
            "gate": cohort.effective_gate,
        },
        "predict": {
            "horizons": resolved["horizons"],
            "sharing": cohort.sharing,
            "models": models,
            "comparators": resolved["comparators"],
            "endpoints": list(resolved["endpoints"]),
            "grid": evaluate["grid"],
        },
        "evaluate": evaluate,
        "in_sample": cohort.in_sample,
        "note": pilot.value.note,
    }
    shown = (
        "pilot",
        "title",
        "note",
        "sharing",
        "gate",
        "sites",
        "split",
        "public",
        "harmonize",
        "evaluate",
        "in_sample",
    )
    citation = load_public(resources)[cohort.public]["citation"] if cohort.public else None
    study["report"] = {name: study[name] for name in shown} | {"citation": citation}
    study["protocol"] = _frozen_protocol(study, protocol, [pilot, use_case, protocol, *mappings.values()])
    study["protocol"]["inputs"] |= study["tables"] | _public_hashes(cohort.public, resources)
    return study


def design_columns(use_case: dict, models: dict) -> list[dict]:
    """The candidate columns of a design: {column, variable, type, level}; a 0/1 column per further level of a category, levels in
    order as 0, 1, 2 where `ordered`, and a 0/1 column `<variable>_missing` for each variable."""
    wanted = {variable for model in models.values() for variable in model["predictors"]}
    columns = []
    for name, variable in (use_case["variables"] | use_case["derived"]).items():
        if name not in wanted:
            continue
        if variable["type"] != "category":
            columns.append({"column": name, "variable": name, "type": variable["type"]})
        elif variable["ordered"]:
            columns.append({"column": name, "variable": name, "type": "ordered", "levels": variable["levels"]})
        else:
            columns += [
                {"column": f"{name}_{level}", "variable": name, "type": "level", "level": level}
                for level in variable["levels"][1:]
            ]
        columns.append({"column": f"{name}_missing", "variable": name, "type": "missing"})
    return columns


def _extracts(name: str, cohort, names: dict) -> dict[str, str]:
    """The folder in which each source's files lie."""
    if cohort.synthetic:
        return {site: f"results/{name}/sites/{site}/extract" for site in names}
    if cohort.public:
        return dict.fromkeys(names, f"results/cohorts/{cohort.public}")
    return {site: entry.extract or "." for site, entry in cohort.sites.items()}


def _generation(cohort, names: dict, resources: Path) -> dict:
    """What the generator of each synthetic site needs; patients by largest remainder."""
    if not cohort.synthetic:
        return {}
    total, sites = cohort.synthetic.patients, sorted(names)
    exact = [total * cohort.sites[site].share for site in sites]
    counts = [int(value) for value in exact]
    for at in sorted(range(len(sites)), key=lambda k: counts[k] - exact[k])[: total - sum(counts)]:
        counts[at] += 1
    recipe = resources / "recipes" / f"{cohort.synthetic.recipe}.yaml"
    return {
        site: {
            "recipe": cohort.synthetic.recipe,
            "seed": cohort.synthetic.seed,
            "index": at,
            "patients": counts[at],
            "sha256": _sha256(recipe),
        }
        for at, site in enumerate(sites)
    }


def _evaluation(
    protocol: Source, use_case: dict, sharing: str, sites: list[str], strategies: list[str], split: bool, gate: str
) -> dict:
    """What is computed from predictions: horizons, grid, comparisons in full, criteria with what they are against."""
    times, primary = protocol.value.times, protocol.value.primary
    federated = [f"federated/{name}" for name in strategies]
    pooling = sharing != "private"
    regimes = [*federated, "local/own"] + (["pooled", *(f"local/{site}" for site in sites)] if pooling else [])
    if primary.regime not in federated:
        raise protocol.fault(
            ("primary", "regime"), f"it is one of the protocol's strategies; {nearest(primary.regime, federated)}"
        )
    scores = {name: ("score", f"score/{name}") for name in use_case["comparators"]}
    bar = next((name for name, comparator in use_case["comparators"].items() if comparator["bar"]), None)
    references = [(primary.model, regime) for regime in regimes if regime != primary.regime] + list(scores.values())
    references += [(name, primary.regime) for name in protocol.value.models if name != primary.model]
    criteria = []
    for at, criterion in enumerate(protocol.value.criteria):
        if criterion.against == "bar":
            against = scores.get(bar)
        else:
            against = scores.get(criterion.against) or (primary.model, criterion.against)
            if criterion.against not in scores and criterion.against not in [*federated, "local/own", "pooled"]:
                raise protocol.fault(
                    ("criteria", at, "against"),
                    f"no such regime or score; {nearest(criterion.against, [*scores, *federated, 'local/own', 'pooled', 'bar'])}",
                )
        criteria.append(
            criterion.model_dump() | {"against": list(against) if against else None, "against_name": criterion.against}
        )
    count = round(times.tau / times.step)
    if abs(count * times.step - times.tau) > 1e-9 or count < 2:
        raise protocol.fault(("times",), "tau must be a multiple of step, at least twice as large")
    if max(use_case["horizons"]) > times.tau:
        raise protocol.fault(
            ("times", "tau"), f"the use case's horizon {max(use_case['horizons']):g} lies beyond tau; raise tau"
        )
    return {
        "scenario": SCENARIO,
        "sharing": sharing,
        "split": split,
        "endpoints": list(use_case["endpoints"]),
        "primary_endpoint": use_case["primary_endpoint"],
        "horizons": use_case["horizons"],
        "tau": times.tau,
        "grid": [round((k + 1) * times.step, 10) for k in range(count)],
        "bootstrap": protocol.value.bootstrap.model_dump(),
        "minimum_cell": MINIMUM_SUPPORT,
        # Under an enforced gate counts leave rounded, so that small ones cannot be had by subtraction.
        "rounding": MINIMUM_SUPPORT if gate == "enforce" else 1,
        "comparisons": [
            {
                "endpoint": endpoint,
                "model": primary.model,
                "regime": primary.regime,
                "reference_model": model,
                "reference_regime": regime,
            }
            for endpoint in use_case["endpoints"]
            for model, regime in references
        ],
        "criteria": criteria,
        "primary": {
            "endpoint": use_case["primary_endpoint"],
            "model": primary.model,
            "regime": primary.regime,
            "metric": primary.metric,
            "refits": protocol.value.bootstrap.refits,
            "seed": protocol.value.bootstrap.seed,
        },
    }


def _frozen_protocol(study: dict, protocol: Source, sources: list[Source]) -> dict:
    """The protocol with every default filled in and the hash of every input; `sha256` is the hash of all the rest."""
    return {
        "pilot": study["pilot"],
        "protocol": protocol.value.model_dump(mode="json"),
        "use_case": study["harmonize"]["name"],
        "sharing": study["sharing"],
        "gate": study["gate"],
        "sites": study["sites"],
        "split": study["split"],
        "generate": study["generate"],
        "public": study["public"],
        "inputs": {f"{source.path.parent.name}/{source.path.name}": source.sha256 for source in sources},
    }


def _public_hashes(name: str | None, resources: Path) -> dict[str, str]:
    """The accepted hashes of a public cohort's files."""
    files = load_public(resources)[name]["files"] if name else {}
    return {f"cohorts/{name}/{file}": " or ".join(entry["sha256"]) for file, entry in files.items()}


def _reference_tables(resources: Path) -> dict[str, str]:
    """The hash of every table of units, codes and thresholds: what harmonization knows besides its code."""
    paths = [
        path
        for part in ("units", "codes", "quality")
        for path in sorted((resources / part).glob("*"))
        if path.is_file()
    ]
    return {str(path.relative_to(resources.parent)): _sha256(path) for path in paths}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
