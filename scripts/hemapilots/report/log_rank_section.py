"""Log-rank tests: whether the sites' patients fare alike, and whether subgroups do within sites."""

import math

from hemapilots.evaluation.curves import edges_of
from hemapilots.evaluation.log_rank import SITES, LogRank, across_sites, log_rank_tests
from hemapilots.report.released import Released
from hemapilots.report.words import Labels, number, p_value

__all__ = ["group_tests", "site_tests"]


def site_tests(released: Released, labels: Labels) -> list[dict]:
    """Per endpoint the sites against each other, from their released curves and, where rows may be pooled, on original times."""
    exact, tables = log_rank_tests(released.log_rank), []
    for endpoint in released.endpoints:
        curves = released.curves[released.curves["endpoint"] == endpoint]
        if curves["site"].nunique() < 2:
            continue
        table, test = across_sites(curves, edges_of(endpoint, released.study["evaluate"]))
        rows = [
            {"site": row.site, "observed": number(row.observed, 1), "expected": number(row.expected, 1)}
            for row in table.itertuples()
        ]
        original = exact.get((endpoint, SITES))
        found = {"endpoint": labels.endpoint(endpoint), "rows": rows, "test": _told(test)}
        tables.append(found | {"exact": _told(original) if original else None})
    return tables


def group_tests(released: Released, labels: Labels) -> list[dict]:
    """Per endpoint and subgroup variable the test stratified by site."""
    order = {endpoint: at for at, endpoint in enumerate(released.endpoints)}
    found = {key: test for key, test in log_rank_tests(released.log_rank).items() if key[1] != SITES and test.degrees}
    return [
        {"endpoint": labels.endpoint(endpoint), "variable": labels.variable(variable)} | _told(test)
        for (endpoint, variable), test in sorted(found.items(), key=_by(order))
    ]


def _by(order: dict[str, int]):
    def key(item: tuple[tuple[str, str], LogRank]) -> tuple[int, str]:
        (endpoint, variable), _ = item
        return order[endpoint], variable

    return key


def _told(test: LogRank) -> dict[str, str]:
    if math.isnan(test.statistic):
        return {"statistic": "not estimable", "degrees": "", "p": ""}
    return {"statistic": number(test.statistic, 2), "degrees": str(test.degrees), "p": p_value(test.p)}
