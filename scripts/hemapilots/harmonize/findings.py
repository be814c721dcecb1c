"""What harmonization has to say of cells: the closed lists of statuses and reasons, and the findings of one column."""

from dataclasses import dataclass, field

import numpy as np

__all__ = ["CONSTANT_DOUBTED", "CONSTANT_NULLED", "REASONS", "STATUSES", "Finding", "Harmonized", "everywhere"]

STATUSES = ("ok", "converted", "mapped", "inferred", "flagged", "null", "rejected")
REASONS = (
    "missing",
    "not_done",
    "below_lod",
    "above_uloq",
    "range_hard",
    "range_soft",
    "unit_unknown",
    "unit_inferred",
    "unit_conflict",
    "parse_error",
    "date_invalid",
    "date_order",
    "date_partial",
    "code_unknown",
    "duplicate",
    "not_assayed",
    "cyto_failed",
    "fish_not_selected",
    "transfused",
    "not_steady_state",
    "contradiction",
    "consent_withdrawn",
    "ineligible",
    "free_text_unmapped",
    "excel_artifact",
    "encoding",
    "sentinel",
    # Of follow-up: a time of zero that is kept as half a day, and what happened after the administrative lock.
    "zero_time",
    "after_lock",
    # Of repeated measurements: none lies in the window.
    "outside_window",
    # Of numbers and dates: stated as approximate or as a range; a decimal mark or an order of day and month that the column proves.
    "approximate",
    "form_inferred",
)
# What is said of a column of numbers that are all the same.
CONSTANT_DOUBTED = "one value for everybody: perhaps not recorded"
CONSTANT_NULLED = "structurally missing: one value for everybody"


@dataclass(frozen=True)
class Finding:
    """One statement about some cells of a column.

    cells: positions in the column, int64, ascending. whole: one row with a count instead of a row per cell.
    detail states a unit or a rule, never a patient's value.
    """

    status: str
    reason: str | None
    detail: str
    cells: np.ndarray
    whole: bool = False


@dataclass
class Harmonized:
    """A column in canonical form.

    values: float64 for numbers, flags and dates (days since 1970-01-01), nan unknown; object for categories, texts
    and karyotypes, None unknown. negative: numbers below 0 that the hard range took out, else nan; None where there
    are none. Every cell that is unknown, changed or doubted stands in a finding.
    """

    values: np.ndarray
    findings: list[Finding] = field(default_factory=list)
    negative: np.ndarray | None = None


def everywhere(mask: np.ndarray) -> np.ndarray:
    """The positions at which a mask is true."""
    return np.flatnonzero(mask).astype(np.int64)
