"""Which keys a recipe may have, and which of its names must be drawn somewhere: the check before anything is drawn."""

from hemapilots.errors import HemaPilotsError
from hemapilots.synthesis.distributions import NUMBERS
from hemapilots.synthesis.hazards import LAWS

__all__ = ["check_recipe"]

_TOP = {
    "name",
    "title",
    "use_case",
    "sources",
    "sites",
    "mixture",
    "latents",
    "variables",
    "outcomes",
    "missing",
    "truth",
    "targets",
}
_COMMON = {"kind", "hidden"}
_KINDS = {
    "number": {"distribution", "loading", "zero_percent", "clip", "round", "step"},
    "flag": {"percent", "slope"},
    "category": {"percent"},
    "expression": {"expression", "round"},
    "text": {"expression"},
    "date": {"year"},
}
_SITES = {"plain", "profiles"}
_MIXTURE = {"variable", "percent"}
_OUTCOMES = {
    "index",
    "processes",
    "endpoints",
    "death",
    "censoring",
    "dates",
    "happened",
    "last_contact",
    "vital_status",
    "recurrent",
}
_HAZARD = {"law", "coefficients", "factor", "change"}
_PROCESS = _HAZARD | {"loading", "until", "after"}
_RECURRENT = _HAZARD | {"merge_days"}
_ENDPOINT = {"time", "event", "events", "competing", "censored_at", "among", "limit"}
_CENSORING = {"quantiles", "lock", "loss_per_year"}
_TARGET = {
    "group",
    "source",
    "kind",
    "measure",
    "values",
    "where",
    "at",
    "rounded",
    "endpoint",
    "recurrent",
    "age",
    "profile",
}
_TARGET_KINDS = ("check", "rate", "published")
_MEASURES = {
    *("share", "mean", "sd", "median", "quantile", "spearman"),
    *("survival", "incidence", "median_time", "survival_to_age", "rate"),
}
_MISSING = {"variables", "percent", "where", "with"}


def check_recipe(recipe: dict, where: str) -> None:
    """Raises HemaPilotsError, with `where` and the field, at the first key, kind or name that is unknown."""
    _known(recipe, _TOP, where, "top level")
    for key in ("name", "variables", "outcomes"):
        if key not in recipe:
            raise HemaPilotsError(f'{where}: the key "{key}" is missing; add it')
    _check_sites(recipe.get("sites") or {}, where)
    latents = recipe.get("latents", [])
    for name, spec in recipe["variables"].items():
        _check_variable(name, spec, latents, where)
    _known(recipe.get("mixture", {}), _MIXTURE, where, "mixture")
    for rule in recipe.get("missing", []):
        _known(rule, _MISSING, where, "missing")
    _check_outcomes(recipe["outcomes"], latents, where)
    for target in recipe.get("targets", []):
        _check_target(target, recipe, where)


def _check_sites(sites: dict, where: str) -> None:
    _known(sites, _SITES, where, "sites")
    for name, constants in sites.get("profiles", {}).items():
        _known(constants, set(sites["plain"]), where, f"sites.profiles.{name}")


def _check_variable(name: str, spec: dict, latents: list[str], where: str) -> None:
    kind = spec.get("kind")
    if kind not in _KINDS:
        raise HemaPilotsError(f"{where}, {name}: kind is {kind!r}; use one of {', '.join(_KINDS)}")
    allowed = _COMMON | _KINDS[kind]
    if kind == "number":
        law = spec.get("distribution")
        if law not in NUMBERS:
            raise HemaPilotsError(f"{where}, {name}: distribution is {law!r}; use one of {', '.join(NUMBERS)}")
        allowed = allowed | set(NUMBERS[law][1])
    _known(spec, allowed, where, name)
    _listed([*spec.get("loading", {}), *spec.get("slope", {})], latents, where, name, "the latents")


def _check_outcomes(outcomes: dict, latents: list[str], where: str) -> None:
    _known(outcomes, _OUTCOMES, where, "outcomes")
    processes = outcomes["processes"]
    for group, allowed in (("processes", _PROCESS), ("recurrent", _RECURRENT)):
        for name, spec in outcomes.get(group, {}).items():
            field = f"outcomes.{group}.{name}"
            if "process" in spec:
                _known(spec, {"process", "merge_days"}, where, field)
                _listed([spec["process"]], processes, where, field, "the processes")
                continue
            if spec.get("law") not in LAWS:
                raise HemaPilotsError(f"{where}, {field}: law is {spec.get('law')!r}; use one of {', '.join(LAWS)}")
            _known(spec, allowed | set(LAWS[spec["law"]].keys), where, field)
            _listed(spec.get("loading", {}), latents, where, field, "the latents")
            named = [*spec.get("until", []), *([spec["after"]] if "after" in spec else [])]
            _listed(named, processes, where, field, "the processes")
    for name, spec in outcomes["endpoints"].items():
        field = f"outcomes.endpoints.{name}"
        _known(spec, _ENDPOINT, where, field)
        named = [*spec["events"], *spec.get("competing", []), *spec.get("censored_at", [])]
        _listed(named, processes, where, field, "the processes")
    _known(outcomes["censoring"], _CENSORING, where, "outcomes.censoring")
    for group in ("dates", "happened"):
        for name, events in outcomes.get(group, {}).items():
            _listed(events, processes, where, f"outcomes.{group}.{name}", "the processes")
    _listed(outcomes.get("death", []), processes, where, "outcomes.death", "the processes")


def _check_target(target: dict, recipe: dict, where: str) -> None:
    field = f"targets, {target.get('group')}"
    _known(target, _TARGET, where, field)
    _listed([target["kind"]], _TARGET_KINDS, where, field, "the kinds of targets")
    _listed([target["measure"]], _MEASURES, where, field, "the measures")
    for key, group in (("endpoint", "endpoints"), ("recurrent", "recurrent")):
        if key in target:
            _listed([target[key]], recipe["outcomes"].get(group, {}), where, field, f"the outcomes' {group}")


def _known(given: dict, allowed: set, where: str, field: str) -> None:
    for key in given:
        if key not in allowed:
            known = ", ".join(sorted(allowed))
            raise HemaPilotsError(f'{where}, {field}: the key "{key}" is unknown; use one of {known}')


def _listed(names, known, where: str, field: str, group: str) -> None:
    for name in names:
        if name not in known:
            raise HemaPilotsError(f'{where}, {field}: "{name}" is not among {group}; list it there')
