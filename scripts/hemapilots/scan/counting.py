"""The cells of a column by text and patient: a patient counts once for each text."""

import numpy as np
import pandas as pd

__all__ = ["Cells"]


class Cells:
    """One column. patients: of each cell a number for its patient; None: each cell is a patient of its own."""

    def __init__(self, texts: pd.Categorical, patients: np.ndarray | None):
        names = [str(text).strip() for text in texts.categories]
        # The code -1 of a cell that is missing points at the last one, the blank.
        codes, self._texts = pd.factorize(np.array([*names, ""], dtype=object))
        self._codes = codes[np.asarray(texts.codes)]
        who = np.arange(len(texts)) if patients is None else np.asarray(patients)
        if len(pd.unique(who)) < len(who):
            # In order of appearance, so that the first cell of a patient stays the first.
            pairs = pd.unique(who.astype(np.int64) * len(self._texts) + self._codes)
            who, self._codes = pairs // len(self._texts), pairs % len(self._texts)
        self._who = who
        self.patients = len(pd.unique(who))

    def counts(self) -> dict[str, int]:
        """Text -> patients."""
        return self._by_text(self._codes)

    def with_any(self, texts) -> int:
        """How many patients have one of these texts."""
        return len(pd.unique(self._who[self._are(texts)]))

    def first(self, texts) -> dict[str, int]:
        """Text -> patients whose first cell of these texts it is."""
        chosen = self._are(texts)
        first = ~pd.Series(self._who[chosen]).duplicated().to_numpy()
        return self._by_text(self._codes[chosen][first])

    def _are(self, texts) -> np.ndarray:
        wanted = set(texts)
        return np.array([text in wanted for text in self._texts], dtype=bool)[self._codes]

    def _by_text(self, codes: np.ndarray) -> dict[str, int]:
        sizes = np.bincount(codes, minlength=len(self._texts))
        return {text: int(size) for text, size in zip(self._texts, sizes, strict=True) if size}
