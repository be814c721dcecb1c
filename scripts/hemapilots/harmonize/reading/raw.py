"""One column of raw cells by its distinct texts: what `harmonize_column` works on, so that work is done once per text."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hemapilots.texts import BLANKS

__all__ = ["BLANKS", "Raw", "Texts", "as_texts", "objects"]


@dataclass
class Raw:
    """Cells of one column as delivered; all parts have one entry per cell, and a code of -1 means that there is no such cell.

    units: the unit stated beside each value; dates: the day of each value as days since 1970-01-01 (nan unknown);
    uln: the laboratory's upper limit beside each value.
    """

    texts: pd.Categorical
    units: pd.Categorical | None = None
    dates: np.ndarray | None = None
    uln: pd.Categorical | None = None


@dataclass
class Texts:
    """Trimmed distinct texts, as objects and as an Arrow array; `codes` (int64, one per cell, -1 for no cell) point into them."""

    texts: np.ndarray
    codes: np.ndarray
    array: pa.Array

    def spread(self, per_text: np.ndarray, absent) -> np.ndarray:
        """A value per distinct text becomes a value per cell."""
        if len(per_text) == 0:
            return np.full(len(self.codes), absent, dtype=per_text.dtype)
        result = per_text[self.codes]
        result[self.codes < 0] = absent
        return result

    def counts(self) -> np.ndarray:
        """How many cells hold each distinct text."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.texts))


def as_texts(column: pd.Categorical) -> Texts:
    """Distinct texts of a column, trimmed. Texts that differ by white space only keep entries of their own."""
    texts = np.asarray(column.categories, dtype=object)
    try:
        array = pa.array(texts, type=pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # a reader's numbers
        texts = objects([str(text) for text in texts])
        array = pa.array(texts, type=pa.string())
    trimmed = pc.utf8_trim(array, characters=BLANKS)
    if not trimmed.equals(array):
        texts = objects(trimmed.to_pylist())
    return Texts(texts, np.asarray(column.codes, dtype=np.int64), trimmed)


def objects(values: list) -> np.ndarray:
    """A list as a one-dimensional array of objects."""
    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result
