"""From a score's number to what is reported: decimals and category."""

import numpy as np

from hemapilots.config.score import Score

__all__ = ["categories", "rounded"]


def rounded(value: np.ndarray, score: Score) -> np.ndarray:
    """Half away from zero, on the decimal that is printed: 0.125 in binary rounding would fall either way."""
    if score.decimals is None:
        return value
    scale = 10.0**score.decimals
    return np.sign(value) * np.floor(np.abs(value) * scale + 0.5 + 1e-9) / scale


def categories(value: np.ndarray, score: Score) -> np.ndarray:
    """Right-closed categories; None where the score is unknown or has no categories."""
    result = np.full(len(value), None, dtype=object)
    if score.categories:
        limits = [category.up_to for category in score.categories[:-1]]
        known = ~np.isnan(value)
        labels = np.array([category.label for category in score.categories], dtype=object)
        result[known] = labels[np.searchsorted(limits, value[known], side="left")]
    return result
