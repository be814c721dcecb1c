"""The calendar year of the index date: which variable it is, and which sources deliver it."""

from collections.abc import Iterator, Mapping

from hemapilots.config.use_case import UseCase
from hemapilots.cross_checks.predictors import check_kept, known_at
from hemapilots.cross_checks.source import Source, check_known
from hemapilots.expressions import parse

__all__ = ["check_in_time", "check_index_year", "undated"]


def check_index_year(source: Source) -> None:
    """It is a number that is known at the index date and kept; nothing that would leave a site names it or what it is made from."""
    use_case: UseCase = source.value
    name, where, known = use_case.index_year, ("index_year",), {**use_case.variables, **use_case.derived}
    if name is None:
        return
    check_known(source, where, name, known)
    check_kept(source, where, name)
    if known[name].type != "number" or known_at(use_case, name)[0] != "index":
        raise source.fault(where, f"'{name}' is no number that is known at the index date; derive one by year(date)")
    for place, named in _leaving(use_case):
        told = sorted({name, *_read(use_case, name)} & set(named))
        if told:
            raise source.fault(
                place, f"'{told[0]}' tells the calendar year of the index date, which leaves no site; remove it"
            )


def _leaving(use_case: UseCase) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Where variables are named of which values, coefficients or groups leave a site, and which."""
    yield ("table_one",), use_case.table_one
    yield ("subgroups",), use_case.subgroups
    yield ("sensitivity", "covariates"), use_case.sensitivity.covariates or ()
    for name, one in use_case.predictor_sets.items():
        yield ("predictor_sets", name), one.variables
    for name, comparator in use_case.comparators.items():
        yield ("comparators", name), tuple(comparator.predictors or ())


def undated(use_case: Source, mappings: Mapping[str, Source]) -> list[str]:
    """The mappings, by stem, whose sources deliver nothing that tells the index year."""
    read = _read(use_case.value, use_case.value.index_year) if use_case.value.index_year else set()
    given = {stem: {*one.value.variables, *one.value.derived} for stem, one in mappings.items()}
    return [stem for stem, names in given.items() if not read & names]


def check_in_time(protocol: Source, use_case: Source, mappings: Mapping[str, Source]) -> None:
    """A split in time needs the year of every site's patients."""
    if protocol.value.resampling.judge_from is None:
        return
    where = ("resampling", "judge_from")
    if use_case.value.index_year is None:
        raise protocol.fault(
            where, f"{use_case.path} names no `index_year`, so patients cannot be split in time; add it, or remove this"
        )
    without = undated(use_case, mappings)
    if without:
        raise protocol.fault(
            where, f"mapping {without[0]} delivers no index date, so patients cannot be split in time; remove this"
        )


def _read(use_case: UseCase, name: str) -> set[str]:
    """The variables from which one is made, itself where it is delivered."""
    if name not in use_case.derived:
        return {name}
    return set().union(*(_read(use_case, part) for part in parse(use_case.derived[name].expression).names))
