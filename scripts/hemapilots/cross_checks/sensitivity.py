"""Sensitivity analyses of a use case: what they name is there, and of the right kind."""

from hemapilots.config.use_case import UseCase
from hemapilots.cross_checks.predictors import check_kept, known_at
from hemapilots.cross_checks.source import Source, check_known

__all__ = ["check_sensitivity"]


def check_sensitivity(source: Source) -> None:
    """Covariates are known at the index date and kept; a treatment's time is a number of years, `done` a flag."""
    use_case: UseCase = source.value
    known = {**use_case.variables, **use_case.derived}
    for name in use_case.sensitivity.covariates or ():
        where = ("sensitivity", "covariates")
        check_known(source, where, name, known)
        check_kept(source, where, name)
        if known_at(use_case, name)[0] != "index":
            raise source.fault(where, f"'{name}' is not known at the index date; remove it")
    for name, treatment in use_case.sensitivity.treatments.items():
        where = ("sensitivity", "treatments", name)
        check_known(source, (*where, "time"), treatment.time, known)
        if known[treatment.time].type != "number" or known[treatment.time].unit != "a":
            raise source.fault((*where, "time"), "a time is a number of years; give the variable `unit: a`")
        if treatment.done is not None:
            check_known(source, (*where, "done"), treatment.done, known)
            if known[treatment.done].type != "flag":
                raise source.fault(
                    (*where, "done"), f"'{treatment.done}' is a {known[treatment.done].type}; name a flag"
                )
