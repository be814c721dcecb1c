"""TRIPOD+AI and PROBAST+AI: every item filled by the run, or marked as the author's to write."""

from collections.abc import Mapping

import pandas as pd

__all__ = ["CHECKLIST_COLUMNS", "checklist", "grouped"]

CHECKLIST_COLUMNS = ["item", "part", "asks", "filled_by", "text", "author_to_write", "section"]


def checklist(items: list[dict], facts: Mapping[str, str]) -> pd.DataFrame:
    """A row per item: what the run says, with the section of the report, and what the author has to write.

    items: item, part, asks, `says` (a sentence with names of facts in braces) with `where`, `author`. Where what the run says turns out
    empty, the item is the author's.
    """
    rows = []
    for one in items:
        text = " ".join(one.get("says", "").format_map(facts).split())
        author = one.get("author", "")
        by = "run and author" if text and author else "run" if text else "author"
        missing = author or ("" if text else one["asks"])
        row = {
            "filled_by": by,
            "text": text,
            "author_to_write": missing,
            "section": one.get("where", "") if text else "",
        }
        rows.append({name: one[name] for name in ("item", "part", "asks")} | row)
    return pd.DataFrame(rows, columns=CHECKLIST_COLUMNS)


def grouped(table: pd.DataFrame) -> dict:
    """For a page: rows, and how many the run fills alone, with the author, and not at all."""
    counts = table["filled_by"].value_counts()
    return {
        "rows": table.to_dict("records"),
        "run": int(counts.get("run", 0)),
        "both": int(counts.get("run and author", 0)),
        "author": int(counts.get("author", 0)),
    }
