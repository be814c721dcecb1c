"""The three outcomes of a criterion, how several make one, and how a number stands in the verdict (METHODS 12)."""

import math
from typing import Any

__all__ = ["MET", "NOT_ASSESSABLE", "NOT_MET", "number", "together"]

MET, NOT_MET, NOT_ASSESSABLE = "met", "not met", "not assessable"


def together(outcomes: list[str]) -> str:
    """Met only if all are; not met if one is not; else, and of nothing, not assessable."""
    if NOT_MET in outcomes:
        return NOT_MET
    return MET if outcomes and all(one == MET for one in outcomes) else NOT_ASSESSABLE


def number(value: Any) -> float | None:
    """Ten significant digits, as in the tables; None for nan."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.10g}")
