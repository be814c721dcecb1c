"""Boxes of REDCap checkboxes: one column of 0 and 1, or Unchecked and Checked, per choice."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hemapilots.delivered import Remark
from hemapilots.ingest.gather import blank, renamed
from hemapilots.ingest.redcap.dictionary import box_code
from hemapilots.texts import BLANKS

__all__ = ["Visits", "checkbox", "read_box", "ticked"]

_WORDS = {"checked": "1", "unchecked": "0"}


def checkbox(header: str) -> tuple[str, str] | None:
    """The checkbox and the choice of a column: `field___code`, or `Label (choice=Text)` under labels."""
    header = header.strip()
    name, mark, code = header.partition("___")
    if mark and name and code and " " not in header:
        return name, code
    label, mark, choice = header.rpartition(" (choice=")
    return (label, choice[:-1].strip("'")) if mark and choice.endswith(")") else None


def ticked(column: pd.Categorical) -> np.ndarray:
    """Which cells are ticked boxes."""
    of_text = [str(text).strip(BLANKS).casefold() in ("1", "checked") for text in column.categories]
    return np.array([*of_text, False], dtype=bool)[np.asarray(column.codes, dtype=np.int64)]


@dataclass(frozen=True)
class Visits:
    """Which rows can be set against each other: the record of each row, which rows repeat, where a date is filled."""

    record: np.ndarray
    repeated: np.ndarray
    dated: np.ndarray


def read_box(
    name: str,
    column: pd.Categorical,
    group: dict[str, pd.Categorical],
    visits: Visits,
    codes: set[str],
    values: dict | None,
) -> tuple[pd.Categorical, list[Remark]]:
    """A box's cells as 1 and 0, without the zeros of forms that nobody filled, and with the codes that mean missing.

    group: the boxes of the same checkbox by choice. codes: the texts that mean missing. values: of the mapping; words that
    it explains stay as they are.
    """
    remarks = []
    by_code = {box_code(choice): cells for choice, cells in group.items()}
    absent = {code: by_code[box_code(code)] for code in sorted(codes) if code and box_code(code) in by_code}
    column = _as_digits(column, values)
    any_ticked = np.any([ticked(cells) for cells in group.values()], axis=0)
    unopened = _unopened(column, any_ticked | visits.dated, visits)
    if unopened.any():
        column = _replaced(column, unopened, "")
        detail = "boxes of forms that nobody filled"
        remarks.append(Remark(name, "rejected", "missing", detail, int(unopened.sum())))
    for code, cells in absent.items():
        column = _replaced(column, ticked(cells) & ~ticked(column), code)
    return column, remarks


def _as_digits(column: pd.Categorical, values: dict | None) -> pd.Categorical:
    keys = {str(key).strip().casefold() for key in values or {}}
    words = {word: digit for word, digit in _WORDS.items() if word not in keys}
    return renamed(column, [words.get(str(text).strip(BLANKS).casefold(), str(text)) for text in column.categories])


def _unopened(column: pd.Categorical, filled: np.ndarray, visits: Visits) -> np.ndarray:
    """Unticked boxes of rows whose form shows no entry, where another row of the record shows one."""
    rows = ~visits.repeated
    records = np.unique(visits.record[rows & filled])
    return rows & ~filled & np.isin(visits.record, records) & ~blank(column) & ~ticked(column)


def _replaced(column: pd.Categorical, which: np.ndarray, text: str) -> pd.Categorical:
    if not which.any():
        return column
    if text not in column.categories:
        column = column.add_categories([text])
    codes = np.array(column.codes, dtype=np.int64)
    codes[which] = column.categories.get_loc(text)
    return pd.Categorical.from_codes(codes, column.categories)
