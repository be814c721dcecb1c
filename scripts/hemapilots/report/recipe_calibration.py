"""What the law of invented patients gives, beside what it should give."""

import pandas as pd

from hemapilots.report.words import number

__all__ = ["rows_and_counts"]

_KINDS = {"check": "the recipe's own figure", "rate": "published rate", "published": "published, shown only"}


def rows_and_counts(table: pd.DataFrame | None) -> dict | None:
    """By source all rows, and those not met (`missed`); how many that must be met, and of the others, are; None where nothing is shown."""
    if table is None or table.empty:
        return None
    must = table["kind"] != "published"
    rows = [
        {
            "target": row["target"],
            "source": f"{row['source']} ({_KINDS[row['kind']]})",
            "expected": _figure(row["expected"]),
            "found": _figure(row["found"]),
            "tolerance": _figure(row["tolerance"]),
            "met": row["met"],
        }
        for row in table.to_dict("records")
    ]
    counts = {"must": int(must.sum()), "must_met": int((must & table["met"]).sum())}
    counts |= {"groups": _by_source(rows), "missed": _by_source([row for row in rows if not row["met"]])}
    return counts | {"shown": int((~must).sum()), "shown_met": int((~must & table["met"]).sum())}


def _by_source(rows: list[dict]) -> list[dict]:
    """The rows of each source, in the order in which sources appear."""
    sources = dict.fromkeys(row["source"] for row in rows)
    return [{"source": source, "rows": [row for row in rows if row["source"] == source]} for source in sources]


def _figure(value: float) -> str:
    """Three digits of a probability, one of a percentage."""
    return number(value, 3 if abs(value) < 2 else 1)
