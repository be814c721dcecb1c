"""The samples of a cBioPortal study: whose they are, and which of a patient's are read."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hemapilots.delivered import Remark
from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.gather import blank, renamed, trimmed
from hemapilots.texts import BLANKS

__all__ = ["Samples", "samples_of"]

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_NUMBER = re.compile(r"[+-]?\d{1,9}(?:\.\d{1,9})?")
# The first 15 signs of a TCGA barcode name the sample, what follows the portion and the plate.
_BARCODE = 15


@dataclass
class Samples:
    """patients: whose each sample is, by its id, or None for a sample that is left out; kept: rows of the sample file."""

    patients: dict[str, str | None]
    kept: np.ndarray
    several: int

    def patients_of(self, samples: pd.Categorical) -> tuple[pd.Categorical, int]:
        """The patient of each row (none where its sample is not read), and how many rows have a sample that is not listed."""
        names = [str(text).strip(BLANKS) for text in samples.categories]
        names = [name[:_BARCODE] if name not in self.patients and name.startswith("TCGA-") else name for name in names]
        unknown = np.array([*(name not in self.patients for name in names), True])[samples.codes]
        return renamed(samples, [self.patients.get(name) for name in names]), int(unknown.sum())


def samples_of(
    where: str, patients: pd.Categorical, samples: pd.Categorical, dates: pd.Categorical | None, missing: set[str]
) -> tuple[Samples, list[Remark]]:
    """The samples of the sample file; with `dates` the earliest of each patient, and all of them where none has a date.

    where: file and column of the dates, for errors. missing: texts that mean that there is none.
    """
    samples = trimmed(samples)
    void = int(blank(samples).sum())
    doubled = int(pd.Series(np.asarray(samples.codes)).duplicated(keep=False).sum())
    if void or doubled:
        problem = f"{doubled} rows share their sample id with another row"
        if void:
            problem = "1 row has no sample id" if void == 1 else f"{void} rows have no sample id"
        raise HemaPilotsError(f"{where}: {problem}; keep one row per sample, each with its id")
    codes = np.asarray(patients.codes, dtype=np.int64)
    kept = np.ones(len(codes), dtype=bool)
    remarks = []
    if dates is not None:
        day = _days(where, trimmed(dates), missing)
        kept = day == pd.Series(day).groupby(codes).transform("min").to_numpy()
        if not kept.all():
            detail = "samples later than the first of their patient"
            remarks.append(Remark(None, "rejected", "duplicate", detail, int((~kept).sum())))
    whose = np.where(kept, np.asarray(patients, dtype=object), None)
    found = dict(zip(np.asarray(samples, dtype=object).tolist(), whose.tolist(), strict=True))
    return Samples(found, kept, int((np.bincount(codes[kept]) > 1).sum())), remarks


def _days(where: str, dates: pd.Categorical, missing: set[str]) -> np.ndarray:
    """The order of the dates of samples, float64; infinite where there is none."""
    texts = [str(text) for text in dates.categories]
    known = [text for text in texts if text and text not in missing]
    try:
        if all(_NUMBER.fullmatch(text) for text in known):
            number = {text: float(text) for text in known}
        elif all(_ISO.fullmatch(text) for text in known):
            number = {text: float(np.datetime64(text, "D").astype(np.int64)) for text in known}
        else:
            raise ValueError
    except ValueError:
        raise HemaPilotsError(
            f"{where}: the dates of samples are neither all numbers nor all YYYY-MM-DD; write them so, or leave `date` out"
        ) from None
    return np.array([*(number.get(text, np.inf) for text in texts), np.inf])[np.asarray(dates.codes, dtype=np.int64)]
