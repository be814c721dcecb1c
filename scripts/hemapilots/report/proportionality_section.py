"""Whether hazards are proportional: the tests that the primary linear model's card holds."""

from hemapilots.report.released import Released
from hemapilots.report.words import Labels, number, p_value

__all__ = ["proportionality_tables"]

SHOWN = 5
TRANSFORMS = {"time": "time", "log": "log time"}


def proportionality_tables(released: Released, labels: Labels) -> list[dict]:
    """Per endpoint the test of all columns for each transform of time, and the columns with the smallest p."""
    primary, tables = released.primary, []
    for endpoint in released.endpoints:
        card = released.card(endpoint, primary["model"], primary["regime"])
        tests = (card or {}).get("proportional_hazards")
        if tests:
            rows = [_row(tests[name], word, labels) for name, word in TRANSFORMS.items()]
            tables.append({"endpoint": labels.endpoint(endpoint), "rows": rows})
    return tables


def _row(test: dict, word: str, labels: Labels) -> dict:
    smallest = sorted(test["columns"].items(), key=_second)[:SHOWN]
    named = "; ".join(f"{labels.column(column)} ({p_value(p).removeprefix('= ')})" for column, p in smallest)
    return {
        "transform": word,
        "statistic": number(test["statistic"], 1),
        "degrees": test["degrees"],
        "p": p_value(test["p"]).removeprefix("= "),
        "columns": named,
    }


def _second(pair: tuple[str, float]) -> float:
    return pair[1]
