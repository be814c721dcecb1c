"""Predictions for new patients whose data lie in an extract as a hospital delivers it."""

from pathlib import Path

import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.explain.foretell import Portable
from hemapilots.explain.new_patients import predict_patients
from hemapilots.hospital import harmonize_extract, load_mapping

__all__ = ["predict_extract"]


def predict_extract(models: list[Portable], extract: Path, mapping: str, config: Path) -> pd.DataFrame:
    """What `predict_patients` gives, for an extract that is harmonized and checked by a mapping of the model's use case.

    patient is the number of the record, from 1. Records that the mapping or the use case leaves out have no row. A mapping of patients
    without outcomes names the endpoints under `without`.
    """
    read, use_case = load_mapping(mapping, config)
    wanted = models[0].card["use_case"]
    if read["use_case"] != wanted:
        raise HemaPilotsError(
            f"{mapping}: its use case is {read['use_case']}, the model's is {wanted}; name a mapping of that"
        )
    made = harmonize_extract(extract, read, use_case)
    if made.harmonized.empty:
        raise HemaPilotsError(
            f"{extract}: the mapping and the use case leave out every record; see `hemapilots harmonize`"
        )
    numbered = made.harmonized.assign(row=made.harmonized["row"] + 1).reset_index(drop=True)
    return predict_patients(models, numbered, str(extract))
