"""When a prediction is not given: what a use case demands of an input, of its distance from the training patients and of certainty."""

import numpy as np
import pandas as pd

from hemapilots.explain.foretell import Portable

__all__ = ["FEWEST_EVENTS", "FEWEST_PATIENTS", "abstentions", "missing_inputs"]

# With fewer patients or events of its own a site cannot check the model's calibration.
FEWEST_PATIENTS, FEWEST_EVENTS = 50, 10


def missing_inputs(model: Portable, table: pd.DataFrame) -> list[list[str]]:
    """Per patient the variables of the model that are missing."""
    names = model.card["variables"]
    gone = table[names].isna().to_numpy()
    return [[name for name, absent in zip(names, row, strict=True) if absent] for row in gone]


def abstentions(
    model: Portable, table: pd.DataFrame, x: np.ndarray, limits: tuple[np.ndarray, np.ndarray] | None
) -> list[list[str]]:
    """Per patient the reasons why no risk is given, none where one is.

    table: the inputs; x (m, p) the model's columns; limits (m, T) of the risks. A number counts as far away by its distance from the
    training patients' mean, which alone of their values left the sites.
    """
    rules, labels = model.card["abstention"], {name: one["label"] for name, one in model.card["inputs"].items()}
    reasons = [[] for _ in range(len(table))]
    for name in rules["required"]:
        for row in np.flatnonzero(table[name].isna()):
            reasons[row].append(f"required input missing: {labels[name]}")
    for row, gone in enumerate(missing_inputs(model, table)):
        if len(gone) > rules["missing"] * len(model.card["variables"]):
            reasons[row].append(f"{len(gone)} of {len(model.card['variables'])} inputs missing")
    for row, name in _far(model, x):
        reasons[row].append(f"outside the training patients: {labels[name]}")
    common = _of_the_place(model)
    wide = None if limits is None else (limits[1] - limits[0] > rules["width"]).any(axis=1)
    for row, found in enumerate(reasons):
        found += common
        if wide is not None and wide[row]:
            found.append(f"interval wider than {100 * rules['width']:g} percentage points")
    return reasons


def _far(model: Portable, x: np.ndarray) -> list[tuple[int, str]]:
    """(row, variable) of numbers too many standard deviations away."""
    numbers = [place for place, column in enumerate(model.card["encoding"]) if column["type"] == "number"]
    distance = np.abs(model.standardised(x)[:, numbers])
    rows, places = np.nonzero(distance > model.card["abstention"]["deviations"])
    return [(int(row), model.card["encoding"][numbers[at]]["variable"]) for row, at in zip(rows, places, strict=True)]


def _of_the_place(model: Portable) -> list[str]:
    """What holds for every patient of a place."""
    if not model.has_baseline:
        return ["no baseline hazard: the model ranks patients here and tells no risk"]
    if model.own is not None and (len(model.own.x) < FEWEST_PATIENTS or model.own.events < FEWEST_EVENTS):
        return [f"the site has fewer than {FEWEST_PATIENTS} patients or {FEWEST_EVENTS} events"]
    return []
