"""A mapping against its use case: every variable exists, has a unit that can be converted and codes that mean something."""

from hemapilots.config.mapping import INFER, Mapping
from hemapilots.config.shapes import nearest
from hemapilots.config.use_case import UseCase
from hemapilots.cross_checks.recurrent import check_episodes
from hemapilots.cross_checks.source import Source, check_expression, check_known
from hemapilots.cross_checks.use_case import check_reason, companions
from hemapilots.delivered import SECTIONS
from hemapilots.errors import HemaPilotsError
from hemapilots.expressions import parse
from hemapilots.harmonize.reading.units import factor

__all__ = ["check_mapping", "missing_outcomes"]


def check_mapping(mapping: Source, use_case: Source, factors: dict, draft: bool = False, endpoints=None) -> None:
    """A mapping maps variables of the use case to values that they have, with units, and all that the endpoints need.

    draft: entries that are still `proposed` are accepted. endpoints: of a pilot, which needs each of them; None: any may be left out by
    `without`.
    """
    if mapping.value.use_case != use_case.value.name:
        raise mapping.fault(
            ("use_case",), f"this mapping is for another use case; the pilot's is '{use_case.value.name}'"
        )
    for name, column in mapping.value.variables.items():
        check_known(mapping, ("variables", name), name, use_case.value.variables)
        if column.status == "proposed" and not draft:
            raise mapping.fault(
                ("variables", name, "status"), "still `proposed`; look at the guess, then write `status: approved`"
            )
        _check_source(mapping, ("variables", name), column)
        _check_unit(mapping, name, column, use_case.value, factors)
        _check_values(mapping, name, column, use_case.value)
    _check_auxiliary(mapping, use_case.value)
    check_episodes(mapping, use_case.value)
    _check_expressions(mapping, use_case.value)
    _check_tables(mapping)
    _check_reasons(mapping)
    _check_outcomes(mapping, use_case.value, endpoints)


def _check_source(mapping: Source, location: tuple, column) -> None:
    if column.file is not None and column.file not in mapping.value.files:
        raise mapping.fault((*location, "file"), f"no such file; {nearest(column.file, mapping.value.files)}")
    if column.uln is not None and column.uln_column is not None:
        raise mapping.fault((*location, "uln"), "give either `uln` or `uln_column`")


def _check_unit(mapping: Source, name: str, column, use_case: UseCase, factors: dict) -> None:
    variable = use_case.variables[name]
    if variable.type != "number":
        return
    if not column.unit and not column.unit_column:
        problem = f"state the column's `unit` (the use case stores {variable.unit}), or `unit: {INFER}`"
        raise mapping.fault(("variables", name), problem)
    # Divided by the laboratory's limit, which is in the same unit, a value has none.
    is_ratio = variable.unit == "1" and (column.uln is not None or column.uln_column)
    if column.unit and column.unit != INFER and not is_ratio:
        try:
            factor(name, column.unit, variable.unit, factors, mapping.path.stem)
        except HemaPilotsError as error:
            raise mapping.fault(("variables", name, "unit"), str(error).split(": ", 1)[1]) from None


def _check_values(mapping: Source, name: str, column, use_case: UseCase) -> None:
    variable = use_case.variables[name]
    targets = {"category": set(variable.levels), "flag": {0, 1}}.get(variable.type)
    for raw, target in (column.values or {}).items():
        if targets is not None and target is not None and target not in targets:
            raise mapping.fault(
                ("variables", name, "values", raw), f"'{target}' is not among {sorted(map(str, targets))}"
            )
    if variable.type == "category" and not column.values and not (mapping.value.language and variable.vocabulary):
        known = "" if not variable.vocabulary else ", or name the `language` of the source"
        problem = f"say which raw value is which of {list(variable.levels)} under `values`{known}"
        raise mapping.fault(("variables", name), problem)


def _check_auxiliary(mapping: Source, use_case: UseCase) -> None:
    for name, column in mapping.value.auxiliary.items():
        if name in use_case.variables or "__" in name:
            raise mapping.fault(
                ("auxiliary", name), "this name is a variable's of the use case; map it there or rename it"
            )
        _check_source(mapping, ("auxiliary", name), column)
        if column.type == "category" and not column.values:
            raise mapping.fault(("auxiliary", name), "say what the raw values mean under `values`, or use `type: text`")


def _check_expressions(mapping: Source, use_case: UseCase) -> None:
    value: Mapping = mapping.value
    known = dict.fromkeys([*use_case.variables, *value.auxiliary, *companions(use_case.variables)])
    for name, text in value.derived.items():
        check_known(mapping, ("derived", name), name, use_case.variables)
        check_expression(mapping, ("derived", name), text, known)
    for at, rule in enumerate(value.inclusion):
        check_expression(mapping, ("inclusion", at, "expression"), rule.expression, known)
        check_reason(mapping, ("inclusion", at, "reason"), rule.reason)


def _check_tables(mapping: Source) -> None:
    for part in ("variants", "panel"):
        entry = getattr(mapping.value, part)
        if entry is not None and entry.file is not None and entry.file not in mapping.value.files:
            raise mapping.fault((part, "file"), f"no such file; {nearest(entry.file, mapping.value.files)}")


def _check_reasons(mapping: Source) -> None:
    for code, reason in mapping.value.missing.items():
        check_reason(mapping, ("missing", code), reason)
    for part in SECTIONS:
        for name, column in getattr(mapping.value, part).items():
            for code, reason in column.missing.items():
                check_reason(mapping, (part, name, "missing", code), reason)


def _check_outcomes(mapping: Source, use_case: UseCase, endpoints) -> None:
    """The variables that an endpoint is made of come from a column, an expression, or the dates of follow-up."""
    for at, name in enumerate(mapping.value.without):
        check_known(mapping, ("without", at), name, use_case.endpoints)
        if endpoints is not None and name in endpoints:
            problem = f"a pilot needs the endpoint '{name}' of every site; deliver it, or leave it out of the pilot's `endpoints`"
            raise mapping.fault(("without", at), problem)
    if {*mapping.value.without} == {*use_case.endpoints}:
        raise mapping.fault(("without",), "no endpoint is left; name those only that the source cannot tell")
    for name, problem in missing_outcomes(mapping.value, use_case).items():
        if endpoints is None or name in endpoints:
            raise mapping.fault(("variables",), problem)


def missing_outcomes(mapping: Mapping, use_case: UseCase) -> dict[str, str]:
    """Endpoint -> what it needs and nothing gives, with the remedy."""
    reachable = {*mapping.variables, *mapping.derived, *_from_dates(mapping, use_case)}
    found = {}
    for name, endpoint in use_case.endpoints.items():
        texts = filter(None, (endpoint.time, endpoint.event, endpoint.entry))
        needed = [variable for text in texts for variable in _raw_variables(use_case, parse(text).names)]
        missing = next((variable for variable in needed if variable not in reachable), None)
        if missing is not None and name not in mapping.without:
            found[name] = (
                f"'{missing}' is missing, which the endpoint '{name}' needs; map it{_or_dates(missing, mapping, use_case)}, "
                f"or write `without: [{name}]` where the source cannot tell it"
            )
    return found


def _or_dates(variable: str, mapping: Mapping, use_case: UseCase) -> str:
    """The dates that would give a variable, as far as they are not mapped."""
    follow_up = use_case.follow_up
    outcomes = follow_up.outcomes.values() if follow_up else ()
    outcome = next((outcome for outcome in outcomes if variable in (outcome.time, outcome.status)), None)
    if outcome is None:
        return ""
    dates = (follow_up.index, follow_up.last_contact, *outcome.events, *outcome.competing)
    missing = [f"'{date}'" for date in dict.fromkeys(dates) if date not in {*mapping.variables, *mapping.derived}]
    return f", or the dates that give it ({' and '.join(missing)} to be mapped)" if missing else ""


def _from_dates(mapping: Mapping, use_case: UseCase) -> list[str]:
    follow_up = use_case.follow_up
    dated = {*mapping.variables, *mapping.derived}
    if follow_up is None or not {follow_up.index, follow_up.last_contact} <= dated:
        return []
    outcomes = [entry for entry in follow_up.outcomes.values() if {*entry.events, *entry.competing} <= dated]
    return [name for entry in outcomes for name in (entry.time, entry.status)]


def _raw_variables(use_case: UseCase, names) -> list[str]:
    out = []
    for name in sorted(names):
        derived = use_case.derived.get(name)
        out += _raw_variables(use_case, parse(derived.expression).names) if derived else [name]
    return out
