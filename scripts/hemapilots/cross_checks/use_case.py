"""A use case by itself: every expression and reference of its parts is checked, predictor sets are flattened, scores resolved."""

from pathlib import Path

from hemapilots.config.shapes import nearest
from hemapilots.config.use_case import UseCase
from hemapilots.cross_checks.cohort import SITE
from hemapilots.cross_checks.index_year import check_index_year
from hemapilots.cross_checks.kinds import kind_of
from hemapilots.cross_checks.predictors import check_kept, resolve_comparators, resolve_predictor_sets
from hemapilots.cross_checks.recurrent import check_recurrent
from hemapilots.cross_checks.scores import resolve_scores
from hemapilots.cross_checks.sensitivity import check_sensitivity
from hemapilots.cross_checks.source import Source, check_expression, check_known
from hemapilots.cross_checks.utility import (
    check_abstention,
    check_decisions,
    check_example,
    check_subgroups,
    horizons_of,
)
from hemapilots.errors import HemaPilotsError
from hemapilots.harmonize.findings import REASONS
from hemapilots.paths import RESOURCES

__all__ = ["check_reason", "companions", "resolve_use_case"]

RESERVED_VARIABLES = ("row", "patient_id", SITE)
# What a status of follow-up may say.
VITAL_STATUS = {"alive", "dead", "lost"}
# What an expression makes of a variable of these types; the others are numbers.
_KINDS = {"date": "date", "karyotype": "karyotype", "category": "text"}


def resolve_use_case(source: Source, resources: Path = RESOURCES) -> dict:
    """The use case as a dictionary: predictor sets flattened, scores with their tables, every expression and reference checked.

    Beside what the file says: `computed`, the columns of the scores, and comparators with the columns that they name.
    """
    use_case: UseCase = source.value
    _check_variables(source)
    _check_checks(source)
    known = _check_all_derived(source)
    for at, rule in enumerate(use_case.inclusion):
        check_expression(source, ("inclusion", at, "expression"), rule.expression, known)
        check_reason(source, ("inclusion", at, "reason"), rule.reason)
    _check_endpoints(source, known)
    _check_follow_up(source)
    check_index_year(source)
    out = use_case.model_dump(mode="json") | resolve_scores(source, resources / "scores")
    out["horizons"] = sorted(use_case.horizons)
    for name, endpoint in out["endpoints"].items():
        endpoint["horizons"] = horizons_of(use_case, name)
    out["predictor_sets"] = resolve_predictor_sets(source, out["computed"])
    out["comparators"] = resolve_comparators(source, out)
    for variable in use_case.table_one:
        check_known(source, ("table_one",), variable, {**known, **out["computed"]})
        check_kept(source, ("table_one",), variable)
    check_decisions(source)
    check_subgroups(source)
    check_abstention(source)
    check_example(source)
    check_sensitivity(source)
    check_recurrent(source)
    return out


def _check_all_derived(source: Source) -> dict:
    """The names of variables and derived variables; each of these reads what stands before it."""
    known = dict.fromkeys(source.value.variables)
    for name, derived in source.value.derived.items():
        if name in known:
            raise source.fault(("derived", name), "this name is already a variable's; rename it")
        check_expression(source, ("derived", name, "expression"), derived.expression, known)
        _check_derived(source, name)
        known[name] = None
    return known


def _check_derived(source: Source, name: str) -> None:
    """What is derived is kept: a number, or a text among the levels; never a day or a karyotype."""
    use_case: UseCase = source.value
    kinds = {other: _KINDS.get(variable.type, "number") for other, variable in use_case.variables.items()}
    kinds |= {other: _KINDS.get(entry.type, "number") for other, entry in use_case.derived.items()}
    derived, where = use_case.derived[name], ("derived", name, "expression")
    try:
        kind, texts = kind_of(derived.expression, kinds)
    except HemaPilotsError as error:
        raise source.fault(where, str(error)) from None
    wanted = "text" if derived.type == "category" else "number"
    if kind != wanted:
        problem = f"it gives a {kind}, but `type: {derived.type}` needs a {wanted}"
        raise source.fault(where, f"{problem}; days and karyotypes are never kept")
    outside = sorted(texts - set(derived.levels)) if wanted == "text" else []
    if outside:
        raise source.fault(
            ("derived", name, "levels"), f"'{outside[0]}' can come out but is not among the levels; add it"
        )


def check_reason(source: Source, location: tuple, reason: str) -> None:
    """A reason is one of the closed list that reports are made from."""
    if reason not in REASONS:
        raise source.fault(location, f"'{reason}' is not a reason; {nearest(reason, REASONS)}")


def companions(variables) -> list[str]:
    """The dates of samples, which checks and a mapping's expressions may read."""
    return [f"{name}_date" for name, variable in variables.items() if variable.type != "date"]


def _check_variables(source: Source) -> None:
    use_case: UseCase = source.value
    taken = [f"{name}_{part}" for name in use_case.endpoints for part in ("entry", "time", "event")]
    reserved = {*RESERVED_VARIABLES, *taken}
    for name in (*use_case.variables, *use_case.derived):
        kind = "variables" if name in use_case.variables else "derived"
        if name in reserved or "__" in name:
            raise source.fault((kind, name), "this name is taken by a column of the harmonized table; rename it")
    for name in companions(use_case.variables):
        if name in use_case.variables and use_case.variables[name].type != "date":
            raise source.fault(("variables", name), "names in _date are for dates; rename it")
    if use_case.before is not None:
        _check_type(source, ("before",), use_case.before, "date")
    karyotypes = [name for name, variable in use_case.variables.items() if variable.type == "karyotype"]
    if len(karyotypes) > 1:
        raise source.fault(("variables", karyotypes[1]), "only one variable may be of type karyotype; remove it")
    for name, variable in use_case.variables.items():
        for at, rule in enumerate(variable.clear_of):
            _check_type(source, ("variables", name, "clear_of", at, "date"), rule.date, "date")
            check_reason(source, ("variables", name, "clear_of", at, "reason"), rule.reason)
        if variable.karyotype and not karyotypes:
            raise source.fault(("variables", name, "karyotype"), "no variable is of type karyotype; add it")
        if variable.gene and variable.type not in ("flag", "number"):
            raise source.fault(("variables", name, "gene"), "what a gene gives is a flag or a number; mend `type`")


def _check_checks(source: Source) -> None:
    use_case: UseCase = source.value
    names = {**dict.fromkeys(use_case.variables), **dict.fromkeys(companions(use_case.variables))}
    for at, check in enumerate(use_case.checks):
        check_expression(source, ("checks", at, "expression"), check.expression, names)
        check_reason(source, ("checks", at, "reason"), check.reason)
        for variable in check.variables:
            check_known(source, ("checks", at, "variables"), variable, use_case.variables)


def _check_endpoints(source: Source, known) -> None:
    use_case: UseCase = source.value
    for name, endpoint in use_case.endpoints.items():
        for part in ("time", "event", "entry"):
            if getattr(endpoint, part) is not None:
                check_expression(source, ("endpoints", name, part), getattr(endpoint, part), known)
        if endpoint.not_after is not None:
            others = [other for other in use_case.endpoints if other != name]
            if endpoint.not_after not in others:
                raise source.fault(
                    ("endpoints", name, "not_after"),
                    f"no such other endpoint; {nearest(endpoint.not_after, others) if others else 'remove it'}",
                )
    if use_case.primary_endpoint not in use_case.endpoints:
        raise source.fault(
            ("primary_endpoint",), f"no such endpoint; {nearest(use_case.primary_endpoint, use_case.endpoints)}"
        )


def _check_follow_up(source: Source) -> None:
    follow_up = source.value.follow_up
    if follow_up is None:
        return
    for part in ("index", "last_contact", "birth", "death"):
        if getattr(follow_up, part) is not None:
            _check_type(source, ("follow_up", part), getattr(follow_up, part), "date")
    if follow_up.age is not None:
        _check_type(source, ("follow_up", "age"), follow_up.age, "number")
    if follow_up.status is not None:
        _check_type(source, ("follow_up", "status"), follow_up.status, "category")
        levels = set(source.value.variables[follow_up.status].levels)
        if levels != VITAL_STATUS:
            raise source.fault(("follow_up", "status"), "its levels must be alive, dead and lost; mend the variable")
    for name, outcome in follow_up.outcomes.items():
        where = ("follow_up", "outcomes", name)
        for date in (*outcome.events, *outcome.competing, *outcome.censored_at):
            _check_type(source, (*where, "events"), date, "date")
        _check_type(source, (*where, "time"), outcome.time, "number")
        if source.value.variables[outcome.time].unit != "a":
            raise source.fault((*where, "time"), "times are kept in years; give the variable `unit: a`")
        check_known(source, (*where, "status"), outcome.status, source.value.variables)
        if outcome.competing and source.value.variables[outcome.status].type != "number":
            raise source.fault((*where, "status"), "with competing events the status is a number: 0, 1 or 2")
        if outcome.known is not None:
            _check_type(source, (*where, "known"), outcome.known, "flag")


def _check_type(source: Source, location: tuple, name: str, kind: str) -> None:
    check_known(source, location, name, source.value.variables)
    found = source.value.variables[name].type
    if found != kind:
        raise source.fault(location, f"'{name}' is a {found}, but a {kind} is needed here")
