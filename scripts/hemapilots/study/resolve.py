"""Studies from the files of a configuration folder."""

from pathlib import Path

from hemapilots.config import Mapping, Pilot, Protocol, Settings, UseCase
from hemapilots.cross_checks import (
    Source,
    check_cohort,
    check_mapping,
    choose_endpoints,
    load_public,
    resolve_models,
    resolve_strategies,
    resolve_use_case,
    restricted,
    with_bar,
)
from hemapilots.harmonize.reading.units import load_factors
from hemapilots.ingest.public import check_mirror
from hemapilots.ingest.readers import check_extract
from hemapilots.study.checklists import load_checklists
from hemapilots.study.evaluation import SCENARIO, evaluation_spec, recalibrations
from hemapilots.study.hashes import frozen_protocol, public_hashes, reference_tables, score_tables
from hemapilots.study.sources import extracts, generation, mapping_names, mappings_of, recipe_of, split_spec
from hemapilots.study.stages import (
    agree_spec,
    explain_spec,
    export_spec,
    predict_spec,
    prepare_spec,
    report_spec,
    train_spec,
)
from hemapilots.yaml_source import validate

__all__ = ["load_studies", "load_study"]


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
    names, sites = mapping_names(cohort), sorted(cohort.sites or cohort.split.sites)
    mappings = {stem: Source(config / "mappings" / f"{stem}.yaml", Mapping) for stem in sorted(set(names.values()))}
    resolved = _checked(pilot, use_case, mappings, sites, resources)
    study = _cohort_of(name, pilot.value, sites, resources)
    study["mappings"] = mappings_of(cohort, mappings)
    study |= _stages(protocol, resolved, use_case, cohort, sites)
    named = {"pilot": name, "title": pilot.value.title}
    study["export"] = export_spec(named, resolved, study["evaluate"], study["prepare"]["columns"])
    citation = load_public(resources)[cohort.public]["citation"] if cohort.public else None
    study["report"] = report_spec(study, citation, load_checklists(resources))
    study["protocol"] = frozen_protocol(study, protocol, [pilot, use_case, protocol, *mappings.values()])
    study["protocol"]["inputs"] |= study["tables"] | score_tables(use_case.value, resources)
    study["protocol"]["inputs"] |= public_hashes(cohort.public, resources)
    return study


def _checked(pilot: Source, use_case: Source, mappings: dict[str, Source], sites: list[str], resources: Path) -> dict:
    """The use case resolved, with the pilot's endpoints; mappings and cohort checked against it."""
    resolved = resolve_use_case(use_case, resources)
    endpoints, primary = choose_endpoints(pilot, resolved)
    factors = load_factors(resources / "units" / "factors.csv")
    for mapping in mappings.values():
        check_mapping(mapping, use_case, factors, endpoints=endpoints)
    check_cohort(pilot, use_case, resources, sites, mappings)
    return restricted(with_bar(pilot, resolved), endpoints, primary)


def _cohort_of(name: str, pilot: Pilot, sites: list[str], resources: Path) -> dict:
    """What a study says of its patients and where they come from."""
    cohort = pilot.cohort
    return {
        "pilot": name,
        "title": pilot.title,
        "scenario": SCENARIO,
        "sharing": cohort.sharing,
        "gate": cohort.effective_gate,
        "allow": list(cohort.allow),
        "sites": sites,
        "public": cohort.public,
        "split": split_spec(cohort),
        "tables": reference_tables(resources),
        "extracts": extracts(name, cohort, mapping_names(cohort)),
        "generate": generation(cohort, resources),
        "calibrate": recipe_of(cohort, resources),
        "in_sample": cohort.in_sample,
        "note": pilot.note,
    }


def _stages(protocol: Source, resolved: dict, use_case: Source, cohort, sites: list[str]) -> dict:
    """What each stage from harmonization on receives."""
    gate, sharing = cohort.effective_gate, cohort.sharing
    models = resolve_models(protocol, resolved, use_case, cohort, len(sites))
    strategies = resolve_strategies(protocol, models, cohort, len(sites))
    evaluate = evaluation_spec(protocol, resolved, cohort, sites, models)
    predict = predict_spec(resolved, evaluate["grid"], sharing, recalibrations(protocol, models, sharing))
    prepare = prepare_spec(resolved, models, protocol.value, gate)
    return {
        "harmonize": resolved,
        "prepare": prepare,
        "agree": agree_spec(resolved, models, gate),
        "train": train_spec(resolved, models, strategies, protocol.value, evaluate["grid"], gate),
        "predict": predict,
        "explain": explain_spec(protocol.value, evaluate, predict, prepare["columns"], gate),
        "evaluate": evaluate,
    }
