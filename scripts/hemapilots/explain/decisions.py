"""Where a risk that is not known exactly leaves a decision open: thresholds of the use case against best and worst, or an interval."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["concerns", "crossed", "decisions_at", "straddled"]


def decisions_at(card: Mapping[str, Any], horizon: float) -> list[Mapping[str, Any]]:
    """The decisions that rest on a model's endpoint at one of its horizons."""
    return [decision for decision in card["decisions"] if decision["horizon"] == horizon]


def crossed(decision: Mapping[str, Any], best: np.ndarray, worst: np.ndarray) -> np.ndarray:
    """Whether (m,) best < q <= worst for a threshold q of the decision's range, and the two lie further apart than its margin."""
    low, high = decision["thresholds"]
    return (worst - best > decision["margin"]) & (best < high) & (worst >= low)


def straddled(decision: Mapping[str, Any], lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Whether (m,) limits reach beyond a threshold of the decision's range by more than its margin on both sides."""
    (low, high), margin = decision["thresholds"], decision["margin"]
    return (lower + margin < upper - margin) & (lower + margin < high) & (upper - margin > low)


def concerns(decision: Mapping[str, Any], table: pd.DataFrame) -> np.ndarray:
    """For which patients (m,) of a table the decision is; one who may be among them counts."""
    meant = np.ones(len(table), bool)
    for name, levels in decision["among"].items():
        meant &= (table[name].isna() | table[name].isin(list(levels))).to_numpy()
    return meant
