"""What may predict: predictor sets, and comparators, in which alone a score may stand."""

from hemapilots.config import UseCase
from hemapilots.config.shapes import nearest
from hemapilots.cross_checks.source import Source, check_known
from hemapilots.expressions import parse

__all__ = ["check_kept", "known_at", "resolve_comparators", "resolve_predictor_sets"]

KNOWN = ("index", "landmark", "outcome")


def known_at(use_case: UseCase, name: str) -> tuple[str, bool]:
    """When a variable is known, and whether it is a score; a derived one is known with its last ingredient."""
    if name in use_case.variables:
        variable = use_case.variables[name]
        return variable.known_at, variable.role == "score"
    parts = [known_at(use_case, part) for part in sorted(parse(use_case.derived[name].expression).names)]
    return max((when for when, _ in parts), key=KNOWN.index, default="index"), any(score for _, score in parts)


def resolve_predictor_sets(source: Source, computed: dict) -> dict[str, list[str]]:
    """Predictor sets flattened; no score stands in one. computed: the columns of scores."""
    use_case: UseCase = source.value
    out = {name: _flatten(source, name, ()) for name in use_case.predictor_sets}
    for name, variables in out.items():
        for variable in variables:
            score = variable in computed or variable in use_case.scores
            if score or _is_score(source, ("predictor_sets", name), variable):
                problem = f"'{variable}' is a score: a comparator, never a predictor; remove it"
                raise source.fault(("predictor_sets", name), problem)
    return out


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


def _is_score(source: Source, location: tuple, name: str) -> bool:
    """Whether a variable that would predict is a score; raises where it is unknown, not kept, or not known at the index date."""
    check_known(source, location, name, {**source.value.variables, **source.value.derived})
    check_kept(source, location, name)
    when, score = known_at(source.value, name)
    if when != "index":
        raise source.fault(
            location, f"'{name}' is known only at {when}, so it cannot predict from the index date; remove it"
        )
    return score


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
    endpoints = list(source.value.endpoints)
    if score not in resolved["scores"]:
        return endpoints
    predicts = resolved["scores"][score]["table"]["predicts"]
    found = [name for name in endpoints if name in predicts]
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
