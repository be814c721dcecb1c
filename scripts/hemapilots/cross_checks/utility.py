"""Decisions and subgroups of a use case: what predicted risks are for, and among whom they are judged."""

from hemapilots.config.shapes import nearest
from hemapilots.config.use_case import UseCase
from hemapilots.cross_checks.predictors import known_at
from hemapilots.cross_checks.source import Source, check_known

__all__ = ["check_abstention", "check_decisions", "check_example", "check_subgroups", "horizons_of"]


def horizons_of(use_case: UseCase, endpoint: str) -> list[float]:
    """The horizons of an endpoint: its own, or the use case's; years, ascending."""
    return sorted(use_case.endpoints[endpoint].horizons or use_case.horizons)


def check_decisions(source: Source) -> None:
    """A decision rests on an endpoint and on one of its horizons; names are unique."""
    use_case: UseCase = source.value
    names = [decision.name for decision in use_case.decisions]
    for at, decision in enumerate(use_case.decisions):
        where = ("decisions", at)
        if decision.name in names[:at]:
            raise source.fault((*where, "name"), "an earlier decision has this name; rename it")
        if decision.endpoint not in use_case.endpoints:
            raise source.fault(
                (*where, "endpoint"), f"no such endpoint; {nearest(decision.endpoint, use_case.endpoints)}"
            )
        horizons = horizons_of(use_case, decision.endpoint)
        if decision.horizon not in horizons:
            known = ", ".join(f"{horizon:g}" for horizon in horizons)
            raise source.fault((*where, "horizon"), f"not a horizon of endpoint {decision.endpoint}; it has {known}")
        for name, levels in decision.among.items():
            _check_among(source, (*where, "among", name), name, levels)


def _check_among(source: Source, where: tuple, name: str, levels: tuple) -> None:
    """For whom a decision is, is told by levels of a category or flag that is known at the index date."""
    known = {**source.value.variables, **source.value.derived}
    check_known(source, where, name, known)
    possible = {"flag": (0, 1), "category": known[name].levels}.get(known[name].type)
    if possible is None:
        raise source.fault(where, f"'{name}' is a {known[name].type}; derive a category or flag from it")
    odd = [level for level in levels if level not in possible]
    if odd:
        raise source.fault(where, f"'{odd[0]}' is not among {', '.join(map(str, possible))}")
    _check_early(source, where, name)


def _check_early(source: Source, where: tuple, name: str) -> None:
    """A variable is known at the index date."""
    if known_at(source.value, name)[0] != "index":
        raise source.fault(where, f"'{name}' is not known at the index date, when the risk is predicted; remove it")


def check_abstention(source: Source) -> None:
    """What must be known is a variable, or derived from some, and known when the risk is predicted."""
    for name in source.value.abstention.required:
        where = ("abstention", "required")
        check_known(source, where, name, {**source.value.variables, **source.value.derived})
        _check_early(source, where, name)


def check_example(source: Source) -> None:
    """The invented patient has values that a delivered one could have; null where one is missing."""
    for name, value in source.value.example.items():
        where = ("example", name)
        check_known(source, where, name, source.value.variables)
        variable = source.value.variables[name]
        if value is None:
            continue
        if variable.type == "category" and value not in variable.levels:
            raise source.fault(where, f"it is one of {', '.join(variable.levels)}")
        if variable.type == "flag" and value not in (0, 1):
            raise source.fault(where, "a flag is 0 or 1")
        low, high = variable.hard or (float("-inf"), float("inf"))
        if variable.type == "number" and (isinstance(value, str) or not low <= value <= high):
            raise source.fault(where, f"it must be a number from {low:g} to {high:g}")
        if variable.type not in ("category", "flag", "number"):
            raise source.fault(where, f"a {variable.type} is not kept; name what is made of it")


def check_subgroups(source: Source) -> None:
    """A subgroup is told by a category or flag known at the index date; numbers are cut into bands by a derived category."""
    use_case: UseCase = source.value
    known = {**use_case.variables, **use_case.derived}
    for name in use_case.subgroups:
        check_known(source, ("subgroups",), name, known)
        if known[name].type not in ("category", "flag"):
            problem = f"'{name}' is a {known[name].type}, but subgroups need a category or flag"
            raise source.fault(("subgroups",), f"{problem}; derive a category from it")
        _check_early(source, ("subgroups",), name)
