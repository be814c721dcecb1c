"""The touched cells of one variable, counted once each under the class of their reason."""

import numpy as np
import pandas as pd

__all__ = ["FLAGGED", "NULLED", "classes_of", "count_cells", "listed_cells"]

# A closed list per type: a class that appears only where it occurs would say that it occurs.
# Reasons that stand in no class of nulled cells are plain missing (a code for missing, not done, a failed culture, a right value of
# another time: outside of the window, under transfusion, in a crisis).
_UNREADABLE = ("parse_error", "date_invalid", "encoding", "excel_artifact", "free_text_unmapped")
_CONFLICT = (
    "contradiction",
    "duplicate",
    "ineligible",
    "fish_not_selected",
)
NULLED = {
    "number": {
        "parse_error": (*_UNREADABLE, "code_unknown"),
        "range_hard": ("range_hard",),
        "unit_unknown": ("unit_unknown", "unit_conflict"),
        "date_order": ("date_order",),
        "contradiction": _CONFLICT,
    },
    "flag": {"code_unknown": ("code_unknown", *_UNREADABLE), "date_order": ("date_order",), "contradiction": _CONFLICT},
    "date": {"parse_error": (*_UNREADABLE, "code_unknown"), "date_order": ("date_order",), "contradiction": _CONFLICT},
    "karyotype": {"parse_error": (*_UNREADABLE, "code_unknown"), "contradiction": _CONFLICT},
}
NULLED["category"] = NULLED["flag"]
_GENE = {"not_assayed": ("not_assayed",)}
FLAGGED = {
    "number": {"range_soft": ("range_soft",), "date_order": ("date_order",), "contradiction": _CONFLICT},
    "flag": {"contradiction": _CONFLICT},
    "category": {"contradiction": _CONFLICT},
}
OTHER = "other"  # flagged for any other reason: a partial date, a value below the limit of detection, an inferred unit


def classes_of(spec: dict) -> tuple[dict, dict]:
    """Class -> reasons of a variable's nulled and of its flagged cells; flagged cells of other reasons are `other`."""
    nulled = NULLED[spec["type"]] | (_GENE if spec.get("gene") else {})
    return nulled, FLAGGED.get(spec["type"], {})


def listed_cells(issues: pd.DataFrame, rows: pd.Series) -> dict[str, pd.DataFrame]:
    """Variable -> its listed cells (row, status, reason) of the records that were kept, nulled and flagged ones only."""
    wanted = issues["row"].notna() & issues["status"].isin(["null", "flagged"]) & issues["row"].isin(rows)
    cells = issues.loc[wanted, ["row", "variable", "status", "reason"]]
    return {str(name): part for name, part in cells.groupby("variable", sort=False)}


def count_cells(cells: pd.DataFrame | None, status: str, among: pd.Series, classes: dict) -> dict[str, int]:
    """Cells by class; each cell counts once, under the first of its reasons that has a class, else under `other`.

    among: the rows where the cell ended so: unknown for nulled ones, known for flagged ones.
    """
    names = [*classes, OTHER]
    if cells is None:
        return dict.fromkeys(names, 0)
    rows = cells["row"].to_numpy(dtype=np.int64)
    chosen = (cells["status"] == status).to_numpy() & np.isin(rows, among.to_numpy(dtype=np.int64))
    rows = rows[chosen]
    codes, reasons = pd.factorize(cells["reason"].to_numpy(dtype=object)[chosen], use_na_sentinel=False)
    places = {reason: place for place, known in enumerate(classes.values()) for reason in known}
    found = np.array([places.get(reason, len(classes)) for reason in reasons], dtype=np.int64)[codes]
    # Of a row the first reason that has a class, else its first one.
    order = np.lexsort((found == len(classes), rows))
    first = order[np.flatnonzero(np.diff(rows[order], prepend=-1))]
    sizes = np.bincount(found[first], minlength=len(names))
    return {name: int(size) for name, size in zip(names, sizes, strict=True)}
