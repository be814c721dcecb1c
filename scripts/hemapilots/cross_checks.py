"""Checks that need more than one file: every name that one YAML uses stands in another, and what is impossible is refused.

Each complaint names file, line and field.
"""

import hashlib
import re
from pathlib import Path

from hemapilots.config import PublicCohort, UseCase, nearest
from hemapilots.errors import HemaPilotsError
from hemapilots.expressions import parse
from hemapilots.harmonize.units import factor
from hemapilots.yaml_source import line_of, read_yaml, validate

KNOWN = ("index", "landmark", "outcome")


# Which model and strategy go together, and under which sharing; what is not here is refused with the reason beside it.
COMBINATIONS = {
    ("cox", "newton", "site"): ("private", "public", "synthetic"),
    ("cox", "newton", "shared"): ("public", "synthetic"),
    ("cox", "fedavg", None): ("private", "public", "synthetic"),
}
REASONS = {("cox", "newton", "shared"): "risk-set sums at every death time reveal patients; use `baseline: site`"}


# Words that mean something else where these names stand: in regimes, in `evaluated_on`, and as folders under results/.
RESERVED_SITES = ("own", "all", "source", "pooled")
RESERVED_PILOTS = ("run", "cohorts", "benchmarks", "all")
RESERVED_VARIABLES = ("row", "patient_id")


class Source:
    """One validated YAML file, with the means to name a line in it."""

    def __init__(self, path: Path, model):
        if not path.is_file():
            others = [other.stem for other in sorted(path.parent.glob("*.yaml"))]
            hint = nearest(path.stem, others) if others else f"there is no file in {path.parent}"
            raise HemaPilotsError(f"{path}: no such file; {hint}")
        self.path, (data, self.node) = path, read_yaml(path)
        self.value = validate(model, data, self.node, path)
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()

    def fault(self, location: tuple, message: str) -> HemaPilotsError:
        """An error at a field of this file."""
        line = line_of(self.node, location)
        where = f"{self.path}, line {line}" if line else str(self.path)
        return HemaPilotsError(f"{where}: {'.'.join(str(part) for part in location)}: {message}")


def load_public(resources: Path) -> dict[str, dict]:
    """The public cohorts by name."""
    path = resources / "cohorts.yaml"
    data, node = read_yaml(path)
    return {name: validate(PublicCohort, entry, None, path).model_dump(mode="json") for name, entry in data.items()}


def resolve_use_case(source: Source) -> dict:
    """The use case as a dictionary, predictor sets flattened, every expression and reference checked."""
    use_case: UseCase = source.value
    known = dict.fromkeys(use_case.variables)
    for name, derived in use_case.derived.items():
        if name in known:
            raise source.fault(("derived", name), "this name is already a variable's; rename it")
        _check_expression(source, ("derived", name, "expression"), derived.expression, known)
        known[name] = None
    for at, rule in enumerate(use_case.inclusion):
        _check_expression(source, ("inclusion", at, "expression"), rule.expression, known)
    for name, endpoint in use_case.endpoints.items():
        for part in ("time", "event", "entry"):
            if getattr(endpoint, part) is not None:
                _check_expression(source, ("endpoints", name, part), getattr(endpoint, part), known)
    for name, endpoint in use_case.endpoints.items():
        if endpoint.entry is not None:
            problem = (
                "late entry is fitted exactly but not evaluated yet; leave it out and measure time from the index date"
            )
            raise source.fault(("endpoints", name, "entry"), problem)
    taken = [f"{name}_{part}" for name in use_case.endpoints for part in ("entry", "time", "event")]
    for name in known:
        if name in (*RESERVED_VARIABLES, *taken):
            raise source.fault(("variables", name), "this name is taken by a column of the harmonized table; rename it")
    if use_case.primary_endpoint not in use_case.endpoints:
        raise source.fault(
            ("primary_endpoint",), f"no such endpoint; {nearest(use_case.primary_endpoint, use_case.endpoints)}"
        )
    out = use_case.model_dump(mode="json")
    out["horizons"] = sorted(use_case.horizons)
    out["predictor_sets"] = {name: _flatten(source, name, ()) for name in use_case.predictor_sets}
    for name, variables in out["predictor_sets"].items():
        _check_predictors(source, ("predictor_sets", name), variables, known, scores=False)
    for name, comparator in use_case.comparators.items():
        wanted = [comparator.score] if comparator.score else comparator.predictors
        _check_predictors(source, ("comparators", name), wanted, known, scores=True)
    for variable in use_case.table_one:
        _check_known(source, ("table_one",), variable, known)
    if sum(comparator.bar for comparator in use_case.comparators.values()) > 1:
        raise source.fault(("comparators",), "only one comparator may be the `bar`")
    return out


def _flatten(source: Source, name: str, above: tuple[str, ...]) -> list[str]:
    sets = source.value.predictor_sets
    if name not in sets:
        raise source.fault(
            ("predictor_sets", above[-1], "include"), f"no predictor set '{name}'; {nearest(name, sets)}"
        )
    if name in above:
        raise source.fault(("predictor_sets", name, "include"), "a set cannot include itself; break the circle")
    inherited = [variable for part in sets[name].include for variable in _flatten(source, part, (*above, name))]
    return list(dict.fromkeys([*inherited, *sets[name].variables]))


def _check_expression(source: Source, location: tuple, text: str, known: dict) -> None:
    try:
        names = parse(text).names
    except HemaPilotsError as error:
        raise source.fault(location, str(error)) from None
    for name in sorted(names):
        _check_known(source, location, name, known)


def _check_known(source: Source, location: tuple, name: str, known) -> None:
    if name not in known:
        raise source.fault(location, f"unknown variable '{name}'; {nearest(name, known)}")


def _check_predictors(source: Source, location: tuple, variables, known, scores: bool) -> None:
    """Predictors are known at the index date, and a score is one only in a declared comparator."""
    for name in variables:
        _check_known(source, location, name, known)
        when, is_score = known_at(source.value, name)
        if when != "index":
            raise source.fault(
                location, f"'{name}' is known only at {when}, so it cannot predict from the index date; remove it"
            )
        if is_score and not scores:
            raise source.fault(location, f"'{name}' is a score: a comparator, never a predictor; remove it")


def known_at(use_case: UseCase, name: str) -> tuple[str, bool]:
    """When a variable is known, and whether it is a score; a derived one is known with its last ingredient."""
    if name in use_case.variables:
        variable = use_case.variables[name]
        return variable.known_at, variable.role == "score"
    parts = [known_at(use_case, part) for part in sorted(parse(use_case.derived[name].expression).names)]
    return max((when for when, _ in parts), key=KNOWN.index, default="index"), any(score for _, score in parts)


def check_mapping(mapping: Source, use_case: Source, factors: dict) -> None:
    """A mapping maps variables of the use case to values that they have, with units, and all that the endpoints need."""
    if mapping.value.use_case != use_case.value.name:
        raise mapping.fault(
            ("use_case",), f"this mapping is for another use case; the pilot's is '{use_case.value.name}'"
        )
    for name, column in mapping.value.variables.items():
        _check_known(mapping, ("variables", name), name, use_case.value.variables)
        if column.file is not None and column.file not in mapping.value.files:
            raise mapping.fault(
                ("variables", name, "file"), f"no such file; {nearest(column.file, mapping.value.files)}"
            )
        variable = use_case.value.variables[name]
        if variable.type == "number" and column.unit:
            try:
                factor(name, column.unit, variable.unit, factors, mapping.path.stem)
            except HemaPilotsError as error:
                raise mapping.fault(("variables", name, "unit"), str(error).split(": ", 1)[1]) from None
        if variable.type == "number" and not column.unit:
            raise mapping.fault(("variables", name), f"state the column's `unit` (the use case stores {variable.unit})")
        targets = set(variable.levels) if variable.type == "category" else {0, 1}
        for raw, target in (column.values or {}).items():
            if variable.type != "number" and target not in targets:
                raise mapping.fault(
                    ("variables", name, "values", raw), f"'{target}' is not among {sorted(map(str, targets))}"
                )
        if variable.type == "category" and not column.values:
            raise mapping.fault(
                ("variables", name), f"say which raw value is which of {list(variable.levels)} under `values`"
            )
    for name, endpoint in use_case.value.endpoints.items():
        for text in filter(None, (endpoint.time, endpoint.event, endpoint.entry)):
            for variable in _raw_variables(use_case.value, parse(text).names):
                if variable not in mapping.value.variables:
                    raise mapping.fault(
                        ("variables",), f"'{variable}' is missing, which the endpoint '{name}' needs; map it"
                    )


def _raw_variables(use_case: UseCase, names) -> list[str]:
    out = []
    for name in sorted(names):
        derived = use_case.derived.get(name)
        out += _raw_variables(use_case, parse(derived.expression).names) if derived else [name]
    return out


def check_cohort(pilot: Source, use_case: Source, resources: Path, sites: list[str]) -> None:
    """A cohort's public source or recipe exists, its shares add up, every site has an extract, in-sample remarks name comparators."""
    cohort = pilot.value.cohort
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,62}", pilot.path.stem):
        raise pilot.fault((), "a pilot's file name has lower-case letters, digits and hyphens only; rename the file")
    if pilot.path.stem in RESERVED_PILOTS:
        raise pilot.fault(
            (), f"a pilot cannot be named '{pilot.path.stem}': results/ has a folder of that name; rename the file"
        )
    for site in sites:
        if site in RESERVED_SITES:
            raise pilot.fault(
                ("cohort",), f"a site cannot be named '{site}', which has a meaning of its own in results; rename it"
            )
    if cohort.public and cohort.public not in (known := load_public(resources)):
        raise pilot.fault(("cohort", "public"), f"no such public cohort; {nearest(cohort.public, known)}")
    if cohort.synthetic:
        recipe = resources / "recipes" / f"{cohort.synthetic.recipe}.yaml"
        if not recipe.is_file():
            raise pilot.fault(
                ("cohort", "synthetic", "recipe"),
                f"no such recipe; {nearest(recipe.stem, [p.stem for p in recipe.parent.glob('*.yaml')])}",
            )
        shares = [site.share for site in cohort.sites.values()]
        if None in shares or abs(sum(shares) - 1) > 1e-9:
            raise pilot.fault(
                ("cohort", "sites"), "each site of a synthetic cohort needs a `share`, and shares add up to 1"
            )
    elif cohort.sites:
        extracts = [site.extract for site in cohort.sites.values()]
        for name, site in cohort.sites.items():
            if site.share is not None:
                raise pilot.fault(
                    ("cohort", "sites", name, "share"), "only sites of a synthetic cohort have a `share`; remove it"
                )
            if site.extract and extracts.count(site.extract) > 1:
                problem = "two sites name the same folder, so its patients would count twice; give each its own"
                raise pilot.fault(("cohort", "sites", name, "extract"), problem)
            if not site.extract and not cohort.public:
                raise pilot.fault(("cohort", "sites", name), "name the folder of the site's `extract`")
    for name in cohort.in_sample:
        if name not in use_case.value.comparators:
            raise pilot.fault(
                ("cohort", "in_sample", name), f"no such comparator; {nearest(name, use_case.value.comparators)}"
            )
    if len(sites) < 2:
        raise pilot.fault(("cohort", "sites"), "a federation needs at least two sites")


def resolve_models(protocol: Source, use_case: dict, use_case_source: Source) -> dict[str, dict]:
    """The protocol's models and the fitted comparators, with their predictors; regime_model is what predictions are filed under."""
    models = {}
    for name, model in protocol.value.models.items():
        if model.predictors not in use_case["predictor_sets"]:
            raise protocol.fault(
                ("models", name, "predictors"),
                f"no such set in {use_case_source.path}; {nearest(model.predictors, use_case['predictor_sets'])}",
            )
        predictors = use_case["predictor_sets"][model.predictors]
        models[name] = {
            "kind": model.kind,
            "predictors": predictors,
            "supported_only": model.supported_only,
            "comparator": False,
            "scores": [],
        }
    for name, comparator in use_case["comparators"].items():
        if name in models or name == "score":
            raise use_case_source.fault(
                ("comparators", name), "a model of the protocol has this name; rename the comparator"
            )
        if comparator["predictors"]:
            models[name] = {
                "kind": "cox",
                "predictors": comparator["predictors"],
                "supported_only": False,
                "comparator": True,
                "scores": [part for part in comparator["predictors"] if known_at(use_case_source.value, part)[1]],
            }
    primary = protocol.value.primary
    if primary.model not in protocol.value.models:
        raise protocol.fault(("primary", "model"), f"no such model; {nearest(primary.model, protocol.value.models)}")
    return models


def resolve_strategies(protocol: Source, sharing: str) -> dict[str, dict]:
    """The strategies by name with their options, each allowed with every model under this sharing."""
    out = {}
    for name, options in protocol.value.strategies.model_dump(exclude_none=True).items():
        for model in protocol.value.models.values():
            key = (model.kind, name, options.get("baseline"))
            if sharing not in COMBINATIONS.get(key, ()):
                reason = REASONS.get(key, "they do not go together")
                raise protocol.fault(("strategies", name), f"not allowed with a {sharing} cohort: {reason}")
        rounds = options.pop("max_rounds", None) or options.pop("rounds")
        out[name] = {"name": name, "rounds": rounds, **options}
    if "newton" not in out:
        raise protocol.fault(("strategies",), "`newton` is needed: fitted comparators are trained by it; add it")
    return out
