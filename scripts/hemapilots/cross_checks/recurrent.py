"""Recurrent events of a use case, and the columns of a mapping that hold their episodes."""

from hemapilots.config.shapes import nearest
from hemapilots.config.use_case import UseCase
from hemapilots.cross_checks.predictors import known_at
from hemapilots.cross_checks.source import Source, check_known

__all__ = ["check_episodes", "check_recurrent"]

# Formats of tables with columns, in which the mapping says which tables hold many rows of a patient.
_TABLES = ("csv", "excel", "parquet", "cbioportal")


def check_recurrent(source: Source) -> None:
    """Observation ends with an endpoint that counts from the index date, and what is compared is known at it."""
    use_case: UseCase = source.value
    known = {**use_case.variables, **use_case.derived}
    for name, recurrent in use_case.recurrent.items():
        where = ("recurrent", name)
        if name in known:
            raise source.fault(where, "this name is already a variable's; rename it")
        if use_case.follow_up is None:
            raise source.fault(where, "episodes are counted from the index date; name it under `follow_up`")
        if recurrent.terminal not in use_case.endpoints:
            hint = nearest(recurrent.terminal, use_case.endpoints)
            raise source.fault((*where, "terminal"), f"no such endpoint; {hint}")
        terminal = use_case.endpoints[recurrent.terminal]
        if terminal.landmark or terminal.competing:
            raise source.fault((*where, "terminal"), "it must count from the index date and have no competing event")
        for variable in recurrent.compare:
            _check_compared(source, (*where, "compare"), variable, known)


def _check_compared(source: Source, where: tuple, name: str, known: dict) -> None:
    check_known(source, where, name, known)
    if known[name].type not in ("category", "flag"):
        problem = f"'{name}' is a {known[name].type}, but levels are compared: of a category or flag"
        raise source.fault(where, f"{problem}; derive one from it")
    when, _ = known_at(source.value, name)
    if when != "index":
        raise source.fault(where, f"'{name}' is known at the {when}, but episodes count from the index date; remove it")


def check_episodes(mapping: Source, use_case: UseCase) -> None:
    """A mapping's `episodes` are recurrent events of the use case, in a table that may hold many rows of a patient, dated."""
    for name, column in mapping.value.episodes.items():
        where = ("episodes", name)
        check_known(mapping, where, name, use_case.recurrent)
        if column.file is not None and column.file not in mapping.value.files:
            raise mapping.fault((*where, "file"), f"no such file; {nearest(column.file, mapping.value.files)}")
        if mapping.value.reader not in (*_TABLES, "redcap"):
            continue
        file = mapping.value.files[column.file or next(iter(mapping.value.files))]
        if mapping.value.reader in _TABLES and not file.repeated:
            raise mapping.fault(where, "a patient may have many episodes; say `repeated: true` of their file")
        if column.values and not (column.date or file.date):
            raise mapping.fault(
                where, "with `values` the column holds the kind; name the column of the day under `date`"
            )
