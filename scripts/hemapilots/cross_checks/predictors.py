"""What may predict: predictor sets, and comparators, in which alone a score may stand."""

import math

from hemapilots.config.shapes import nearest
from hemapilots.config.use_case import UseCase
from hemapilots.cross_checks.source import Source, check_known
from hemapilots.expressions import parse

__all__ = ["check_kept", "endpoints_of", "known_at", "resolve_comparators", "resolve_predictor_sets"]

KNOWN = ("index", "landmark", "outcome")
NEVER = math.inf


def known_at(use_case: UseCase, name: str) -> tuple[str, bool]:
    """When a variable is known, and whether it is a score; a derived one is known with its last ingredient, or at its landmark."""
    if name in use_case.variables:
        variable = use_case.variables[name]
        return variable.known_at, variable.role == "score"
    derived = use_case.derived[name]
    parts = [known_at(use_case, part) for part in sorted(parse(derived.expression).names)]
    when = "landmark" if derived.landmark else max((when for when, _ in parts), key=KNOWN.index, default="index")
    return when, any(score for _, score in parts)


def known_by(use_case: UseCase, name: str) -> float:
    """Years after the index date by which a variable is known: 0 at the index date, infinite where no landmark is stated."""
    if name in use_case.variables:
        variable = use_case.variables[name]
        return 0.0 if variable.known_at == "index" else variable.landmark or NEVER
    derived = use_case.derived[name]
    return derived.landmark or max((known_by(use_case, part) for part in parse(derived.expression).names), default=0.0)


def resolve_predictor_sets(source: Source, computed: dict) -> dict[str, dict]:
    """Per predictor set its `variables`, flattened, and `known_by`, the years after the index date by which all are known.

    No score stands in a set, and what is known later than at the index date only where an endpoint's landmark is as late.
    computed: the columns of scores.
    """
    use_case: UseCase = source.value
    latest = max(endpoint.landmark or 0.0 for endpoint in use_case.endpoints.values())
    out = {}
    for name in use_case.predictor_sets:
        where, variables = ("predictor_sets", name), _flatten(source, name, ())
        if not variables:
            raise source.fault(where, "it names no variable; name one at least, or remove the set")
        for variable in variables:
            score = variable in computed or variable in use_case.scores
            if score or _is_score(source, where, variable, latest):
                problem = f"'{variable}' is a score: a comparator, never a predictor; remove it"
                raise source.fault(where, problem)
        out[name] = {"variables": variables, "known_by": max(known_by(use_case, one) for one in variables)}
    return out


def endpoints_of(endpoints: dict, known_by_: float) -> list[str]:
    """The endpoints that variables known by then may predict: those whose time counts from no earlier. endpoints: resolved."""
    return [name for name, spec in endpoints.items() if (spec["landmark"] or 0.0) >= known_by_]


def resolve_comparators(source: Source, resolved: dict) -> dict[str, dict]:
    """Comparators with the columns that they name: `score`, or `predictors` of a model. resolved: with scores and computed columns.

    required: columns without which the model is no comparator. endpoints: those that the score predicts; all for a model with
    further predictors.
    """
    use_case: UseCase = source.value
    if sum(comparator.bar for comparator in use_case.comparators.values()) > 1:
        raise source.fault(("comparators",), "only one comparator may be the `bar`")
    out = {}
    for name, comparator in use_case.comparators.items():
        where = ("comparators", name)
        columns = [_column(source, where, one, resolved) for one in comparator.predictors or ()]
        if comparator.terms is not None:
            columns = _terms(source, where, comparator.terms, resolved)
        score = _column(source, where, comparator.score, resolved) if comparator.score else None
        _check_number(source, where, score)
        endpoints = _predicted(source, where, comparator.score or comparator.terms, resolved)
        out[name] = comparator.model_dump(exclude={"terms"}) | {"score": score, "predictors": columns or None}
        required = [] if comparator.terms else [one for one in columns if _is_one_column(source, one)]
        out[name] |= {"endpoints": endpoints, "required": required}
    return out


def check_kept(source: Source, location: tuple, name: str) -> None:
    """Dates and karyotypes do not outlive harmonization."""
    variable = source.value.variables.get(name)
    if variable is not None and variable.type in ("date", "karyotype"):
        raise source.fault(location, f"'{name}' is a {variable.type}, which is not kept; derive a variable from it")


def _is_score(source: Source, location: tuple, name: str, latest: float = 0.0) -> bool:
    """Whether a variable that would predict is a score; raises where it is unknown, not kept, or not known so many years after the
    index date."""
    check_known(source, location, name, {**source.value.variables, **source.value.derived})
    check_kept(source, location, name)
    score = known_at(source.value, name)[1]
    if known_by(source.value, name) > latest:
        problem = f"'{name}' is known only at {_when(source.value, name)}, so it cannot predict from the index date"
        if latest:
            problem += f" or from the landmark at {latest:g} years"
        raise source.fault(location, f"{problem}; remove it")
    return score


def _when(use_case: UseCase, name: str) -> str:
    """When what is known too late is known, in words, and of a derived variable the ingredient that makes it late."""
    years = known_by(use_case, name)
    when = known_at(use_case, name)[0]
    if when == "landmark":
        when = f"the landmark at {years:g} years" if years < NEVER else "a landmark of which no time is stated"
    parts = parse(use_case.derived[name].expression).names if name in use_case.derived else ()
    late = [part for part in sorted(parts) if known_by(use_case, part) >= years]
    return f"{when} (by '{late[0]}')" if late and not use_case.derived[name].landmark else when


def _is_one_column(source: Source, name: str) -> bool:
    """Whether a predictor is a column of the design by itself, and no category's levels."""
    spec = source.value.variables.get(name) or source.value.derived.get(name)
    return spec is None or spec.type != "category"


def _column(source: Source, location: tuple, name: str, resolved: dict) -> str:
    """The column of a computed score, or a variable's own name."""
    if name in resolved["scores"]:
        return resolved["scores"][name]["column"]
    if name not in source.value.variables and name not in source.value.derived:
        known = [*resolved["scores"], *source.value.variables, *source.value.derived]
        raise source.fault(location, f"unknown score or variable '{name}'; {nearest(name, known)}")
    _is_score(source, location, name)
    return name


def _terms(source: Source, location: tuple, name: str, resolved: dict) -> list[str]:
    """The columns of the terms of a score."""
    if name not in resolved["scores"]:
        raise source.fault((*location, "terms"), f"no such score here; {nearest(name, resolved['scores'])}")
    found = [
        column for column, spec in resolved["computed"].items() if spec["score"] == name and spec["role"] == "variable"
    ]
    if not found:
        raise source.fault((*location, "terms"), f"'{name}' has no terms or points; name its inputs as `predictors`")
    return found


def _check_number(source: Source, location: tuple, score: str | None) -> None:
    variable = source.value.variables.get(score)
    if variable is not None and variable.type not in ("number", "flag"):
        raise source.fault((*location, "score"), f"'{score}' is a {variable.type}, but a score that ranks is a number")


def _predicted(source: Source, location: tuple, score: str | None, resolved: dict) -> list[str]:
    """The endpoints that a score predicts, counted from the index date or from a landmark; all where there is no table."""
    endpoints = source.value.endpoints
    if score not in resolved["scores"]:
        return list(endpoints)
    predicts = resolved["scores"][score]["table"]["predicts"]
    events = [endpoints[name].event for name in predicts if name in endpoints]
    found = [name for name, endpoint in endpoints.items() if endpoint.event in events]
    if not found:
        problem = (
            f"the score predicts {', '.join(predicts)}, and none of these is an endpoint here; remove the comparator"
        )
        raise source.fault(location, problem)
    return found


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
