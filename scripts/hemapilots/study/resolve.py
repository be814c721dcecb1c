"""Studies from the files of a configuration folder."""

from pathlib import Path

from hemapilots.config.mapping import Mapping
from hemapilots.config.pilot import Pilot, Settings
from hemapilots.config.protocol import Protocol
from hemapilots.config.scenario import Scenario
from hemapilots.config.use_case import UseCase
from hemapilots.cross_checks import (
    Source,
    check_cohort,
    check_in_time,
    check_mapping,
    check_poison,
    check_scenario,
    choose_endpoints,
    load_public,
    refusals,
    resolve_models,
    resolve_strategies,
    resolve_use_case,
    restricted,
    scenario_of,
    undated,
    with_bar,
)
from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.reading.units import load_factors
from hemapilots.ingest.public import check_mirror
from hemapilots.ingest.readers import check_extract
from hemapilots.study.checklists import load_checklists
from hemapilots.study.evaluation import SCENARIO, evaluation_spec, personal_steps, recalibrations
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

__all__ = ["asked_for", "load_studies", "load_study"]


def load_studies(config: dict, folder: Path, resources: Path) -> dict[str, dict]:
    """The studies of the pilots that were asked for and of those that they are variants of, their extracts checked."""
    settings = _settings(config, folder)
    names = asked_for(config, folder)
    names += sorted({name.partition("+")[0] for name in names} - set(names))
    studies = {name: load_study(name, folder, resources) for name in names}
    for name in settings.compare:
        if name in studies and studies[name]["sharing"] == "private":
            raise HemaPilotsError(
                f"{folder / 'config.yaml'}: compare: {name} is private, and a comparison needs all sites' rows in one place; take it out"
            )
    public = sorted({study["public"] for study in studies.values() if study["public"]})
    if settings.cohort_mirror and public:
        check_mirror(settings.cohort_mirror, [load_public(resources)[name] for name in public])
    for study in studies.values():
        if not study["public"] and not study["generate"]:
            for site, extract in study["extracts"].items():
                check_extract(extract, study["mappings"][site])
    return studies


def asked_for(config: dict, folder: Path) -> list[str]:
    """The names of the pilots and variants that were asked for: `run` in Snakemake's config, else the embedded ones."""
    return str(config["run"]).split(",") if config.get("run") else list(_settings(config, folder).pilots)


def _settings(config: dict, folder: Path) -> Settings:
    given = {key: value for key, value in config.items() if key != "run"}
    return validate(Settings, given, None, folder / "config.yaml")


def load_study(name: str, config: Path, resources: Path) -> dict:
    """Everything that the stages of a pilot, or of a variant <pilot>+<scenario>, need; raises HemaPilotsError naming file, line and
    field."""
    base, _, variant = name.partition("+")
    pilot = Source(config / "pilots" / f"{base}.yaml", Pilot)
    scenario = scenario_of(pilot, variant) if variant else None
    if scenario:
        changed = {key: value for key in ("protocol", "endpoints") if (value := getattr(scenario, key))}
        pilot.value = pilot.value.model_copy(update=changed)
    cohort = pilot.value.cohort
    studied = _as_studied(cohort, scenario)
    use_case = Source(config / "use_cases" / f"{pilot.value.use_case}.yaml", UseCase)
    protocol = Source(config / "protocols" / f"{pilot.value.protocol}.yaml", Protocol)
    names, sites = mapping_names(cohort), sorted(studied.sites or studied.split.sites)
    mappings = {stem: Source(config / "mappings" / f"{stem}.yaml", Mapping) for stem in sorted(set(names.values()))}
    resolved = _checked(pilot, use_case, mappings, sites, resources)
    study = _cohort_of(base, pilot.value, sites, resources)
    check_in_time(protocol, use_case, mappings)
    study["dates"] = {"variable": resolved["index_year"], "undated": undated(use_case, mappings)}
    study["mappings"] = mappings_of(cohort, mappings)
    study["split"] = split_spec(studied, resolved["primary_endpoint"])
    if scenario:
        check_scenario(pilot, scenario, variant, use_case, sites)
        study |= _variant(name, pilot.value, scenario, study)
    study |= _stages(protocol, resolved, use_case, studied, sites, scenario)
    if scenario:
        check_poison(pilot, scenario, variant, study["train"]["models"])
        # Episodes stay with the pilot: a variant begins with its harmonized records.
        if study["evaluate"]["recurrent"]:
            study["varies"]["recurrent"] = list(study["evaluate"]["recurrent"])
        study["evaluate"] |= {"scenario": variant, "recurrent": {}}
    named = {"pilot": name, "title": study["title"]}
    study["export"] = export_spec(named, resolved, study["evaluate"], study["prepare"]["columns"])
    citation = load_public(resources)[cohort.public]["citation"] if cohort.public else None
    study["report"] = report_spec(study, citation, load_checklists(resources))
    study["protocol"] = frozen_protocol(study, protocol, [pilot, use_case, protocol, *mappings.values()])
    study["protocol"]["inputs"] |= study["tables"] | score_tables(use_case.value, resources)
    study["protocol"]["inputs"] |= public_hashes(cohort.public, resources)
    return study


def _as_studied(cohort, scenario: Scenario | None):
    """The cohort with the sites that it has in the scenario."""
    if scenario is None or scenario.split is None:
        return cohort
    return cohort.model_copy(update={"split": scenario.split, "sites": {}})


def _variant(name: str, pilot: Pilot, scenario: Scenario, study: dict) -> dict:
    """What a variant says of itself, and how its rows come from its pilot's."""
    base, _, variant = name.partition("+")
    absent = {site: list(variables) for site, variables in scenario.absent.items()}
    told = scenario.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return {
        "pilot": name,
        "title": f"{pilot.title}: {scenario.title}",
        "scenario": variant,
        "base": base,
        "base_split": pilot.cohort.split is not None,
        "vary": {"split": study["split"] if scenario.split else None, "absent": absent},
        "varies": told | {"name": variant, "base": base},
    }


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
        "tables": reference_tables(resources),
        "extracts": extracts(name, cohort, mapping_names(cohort)),
        "generate": generation(cohort, resources),
        "calibrate": recipe_of(cohort, resources),
        "in_sample": cohort.in_sample,
        "note": pilot.note,
        "base": None,
        "varies": None,
    }


def _stages(
    protocol: Source, resolved: dict, use_case: Source, cohort, sites: list[str], scenario: Scenario | None
) -> dict:
    """What each stage from harmonization on receives."""
    gate, sharing = cohort.effective_gate, cohort.sharing
    leave_out = scenario.leave_out if scenario else None
    training = len(sites) - bool(leave_out)
    models = resolve_models(protocol, resolved, use_case, cohort, training)
    strategies = resolve_strategies(protocol, models, cohort, training)
    evaluate = evaluation_spec(protocol, resolved, cohort, sites, models)
    again = recalibrations(protocol, models, sharing), personal_steps(protocol, models, strategies)
    predict = predict_spec(resolved, evaluate["grid"], sharing, *again)
    prepare = prepare_spec(resolved, models, protocol.value, gate)
    return {
        "harmonize": resolved,
        "prepare": prepare,
        "agree": agree_spec(resolved, models, gate, leave_out),
        "train": train_spec(resolved, models, strategies, protocol.value, evaluate["grid"], gate)
        | _trained_by(scenario),
        "predict": predict,
        "explain": explain_spec(protocol.value, evaluate, predict, prepare["columns"], gate),
        "evaluate": evaluate,
        "refused": refusals(protocol, cohort, training),
    }


def _trained_by(scenario: Scenario | None) -> dict:
    """What a scenario changes of training: faults of sites, and a site that takes no part."""
    if scenario is None:
        return {}
    faults = {site: fault.model_dump() for site, fault in scenario.faults.items()}
    return ({"faults": faults} if faults else {}) | ({"leave_out": scenario.leave_out} if scenario.leave_out else {})
