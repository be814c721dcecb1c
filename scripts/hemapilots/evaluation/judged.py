"""Figures of every regime at one endpoint: on the patients whom all reach, and for a score that reaches few on those whom it does."""

from typing import Any

from hemapilots.evaluation.draws import draw
from hemapilots.evaluation.paired import difference_rows, metric_rows
from hemapilots.evaluation.scope import Scope, Scopes

__all__ = ["judge"]

Rows = list[dict[str, Any]]


def judge(scopes: Scopes, endpoint: str) -> tuple[Scope, Rows, Rows]:
    """(the common patients, rows of metrics, rows of paired differences).

    A score that more than a tenth of the patients are without (it is not made for them, or its inputs were not measured) would take
    them from every other figure. It is judged, and the primary regime compared with it, on its own patients.
    """
    scope, primary = scopes.of(endpoint), (scopes.spec["primary"]["model"], scopes.spec["primary"]["regime"])
    metrics, differences = _rows(scope)
    for key in scope.sample.partial:
        theirs, compared = _rows(scopes.only(endpoint, (primary, key)))
        metrics += [row for row in theirs if (row["model"], row["regime"]) == key]
        places = {_name(row): row for row in compared if (row["reference_model"], row["reference_regime"]) == key}
        differences = [places.get(_name(row), row) for row in differences]
    return scope, metrics, differences


def _rows(scope: Scope) -> tuple[Rows, Rows]:
    draws = draw(scope)
    return list(metric_rows(scope, draws)), list(difference_rows(scope, draws))


def _name(row: dict[str, Any]) -> tuple[str, ...]:
    """What a paired difference is of: everything but its figures."""
    names = ("model", "regime", "reference_model", "reference_regime", "metric", "horizon", "threshold", "decision")
    return tuple(str(row.get(name)) for name in names)
