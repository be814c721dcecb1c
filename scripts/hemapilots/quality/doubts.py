"""What is to be doubted of a whole column: said in `issues`, shown to the site, and told by its kind in the quality record."""

import pandas as pd

from hemapilots.harmonize.findings import CONSTANT_DOUBTED, CONSTANT_NULLED

__all__ = ["DOUBTS", "doubts", "warnings"]

# Kinds of doubt, as a quality record names them, with their words for readers.
DOUBTS = {"unit": "its header states another unit than the mapping", "constant": "one value for everybody"}
_UNDELIVERED = "not in the mapping"


def doubts(issues: pd.DataFrame) -> dict[str, list[str]]:
    """Variable -> DOUBTS of its column, in their order."""
    whole = _whole(issues)
    kinds = {
        "unit": (whole["status"] == "flagged") & (whole["reason"] == "unit_conflict"),
        "constant": whole["detail"].isin([CONSTANT_DOUBTED, CONSTANT_NULLED]),
    }
    found: dict[str, list[str]] = {}
    for kind, rows in kinds.items():
        for name in whole.loc[rows, "variable"].unique():
            found.setdefault(name, []).append(kind)
    return found


def warnings(issues: pd.DataFrame, mapping: dict) -> list[str]:
    """Sentences on columns that are doubted, or of which nothing could be used; of units and rules, never of a value."""
    whole = _whole(issues)
    whole = whole[whole["reason"].notna() & whole["variable"].isin([*mapping["variables"]])]
    said = []
    for name, status, detail in zip(whole["variable"], whole["status"], whole["detail"], strict=True):
        place = f"variables.{name}"
        end = "; no value of it is used" if status == "null" else ""
        said.append(f"{detail}{end}" if detail.startswith(place) else f"{place}: {detail}{end}")
    return said


def _whole(issues: pd.DataFrame) -> pd.DataFrame:
    """What holds for a whole column, other than that there is none; a row without words counts the missing cells of one."""
    whole = issues["row"].isna() & issues["status"].isin(["flagged", "null"]) & issues["variable"].notna()
    return issues[whole & ~issues["detail"].isin(["", _UNDELIVERED])]
