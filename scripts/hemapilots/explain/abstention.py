"""When a prediction is not given: what a use case demands of an input, of its distance from the training patients, of certainty where
something is decided, and of the patients among whom the model was judged."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hemapilots.explain.decisions import concerns, crossed, decisions_at, straddled
from hemapilots.explain.flagged import flags_of
from hemapilots.explain.foretell import Portable

__all__ = [
    "FEWEST_EVENTS",
    "FEWEST_PATIENTS",
    "Foretold",
    "abstentions",
    "missing_inputs",
    "of_the_patients",
    "of_the_place",
    "undecided",
]

# With fewer patients or events of its own a site cannot check the model's calibration.
FEWEST_PATIENTS, FEWEST_EVENTS = 50, 10


@dataclass(frozen=True)
class Foretold:
    """Risks (m, T) of new patients by each horizon; limits of their intervals, None of a model without; best and worst, nan where nothing
    is missing."""

    risk: np.ndarray
    limits: tuple[np.ndarray, np.ndarray] | None
    best: np.ndarray
    worst: np.ndarray


def missing_inputs(model: Portable, table: pd.DataFrame) -> list[list[str]]:
    """Per patient the variables of the model that are missing."""
    names = model.card["variables"]
    gone = table[names].isna().to_numpy()
    return [[name for name, absent in zip(names, row, strict=True) if absent] for row in gone]


def abstentions(model: Portable, table: pd.DataFrame, x: np.ndarray, foretold: Foretold) -> list[list[list[str]]]:
    """Per patient and horizon the reasons why no risk is given, none where one is. table: the inputs; x (m, p) the model's columns."""
    common, flagged, place = of_the_patients(model, table, x), flags_of(model.card, table), of_the_place(model)
    found: list[list[list[str]]] = [[] for _ in range(len(table))]
    for at, horizon in enumerate(model.card["horizons"]):
        open_ones = undecided(model.card, table, foretold, at)
        for row, reasons in enumerate(found):
            own = [why for when, why in flagged[row] if when in (None, horizon)]
            why = [*common[row], *place, *own, *open_ones[row]]
            ended = np.isnan(foretold.risk[row, at]) and not why
            reasons.append([*why, *(["beyond the follow-up here"] if ended else [])])
    return found


def of_the_patients(model: Portable, table: pd.DataFrame, x: np.ndarray) -> list[list[str]]:
    """Per patient the reasons that lie in the inputs, for every horizon.

    A number counts as far away by its distance from the training patients' mean, which alone of their values left the sites.
    """
    rules, labels = model.card["abstention"], {name: one["label"] for name, one in model.card["inputs"].items()}
    reasons = [[] for _ in range(len(table))]
    for name in rules["required"]:
        for row in np.flatnonzero(table[name].isna()):
            reasons[row].append(f"required input missing: {labels[name]}")
    count, share = len(model.card["variables"]), rules["missing"]
    for row, gone in enumerate(missing_inputs(model, table)):
        if len(gone) > share * count:
            reasons[row].append(f"{len(gone)} of {count} inputs missing, more than the {100 * share:g} % that may be")
    for row, column in zip(*np.nonzero(model.far(x)), strict=True):
        label = labels[model.card["encoding"][column]["variable"]]
        far = f"more than {rules['deviations']:g} standard deviations from their mean"
        reasons[row].append(f"outside the training patients: {label} ({far})")
    return reasons


def of_the_place(model: Portable) -> list[str]:
    """What holds for every patient of a place."""
    if not model.has_baseline:
        return ["no baseline hazard: the model ranks patients here and tells no risk"]
    if model.own is not None and (len(model.own.x) < FEWEST_PATIENTS or model.own.events < FEWEST_EVENTS):
        return [f"the site has fewer than {FEWEST_PATIENTS} patients or {FEWEST_EVENTS} events"]
    return []


def undecided(card: dict, table: pd.DataFrame, foretold: Foretold, at: int) -> list[list[str]]:
    """Per patient what keeps a risk by one horizon from deciding: a wide interval, one around a threshold, missing inputs."""
    found: list[list[str]] = [[] for _ in range(len(table))]
    limits = foretold.limits and tuple(limit[:, at] for limit in foretold.limits)
    width = card["abstention"]["width"]

    def say(where: np.ndarray, text: str) -> None:
        for row in np.flatnonzero(where):
            found[row].append(text)

    if limits:
        say(limits[1] - limits[0] > width, f"interval wider than {100 * width:g} percentage points")
    for decision in decisions_at(card, card["horizons"][at]):
        meant = concerns(decision, table)
        if limits:
            on_both = meant & straddled(decision, *limits)
            say(on_both, f"interval lies on both sides of a threshold of “{decision['label']}”")
        open_ = meant & crossed(decision, foretold.best[:, at], foretold.worst[:, at])
        say(open_, f"best and worst of the missing inputs decide differently about “{decision['label']}”")
    return found
