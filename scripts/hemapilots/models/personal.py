"""A personalised last step: a site goes on from a federated model on its own training folds. What comes of it stays at the site.

Networks take a declared number of further steps (Wang et al. 2019, Federated evaluation of on-device personalization, arXiv:1910.10252).
A Cox model is fitted anew with a ridge centred at the federated coefficients w, the largest l_k(v) - penalty/2 |v - w|^2 (Li, Hu,
Beirami and Smith 2021, Ditto, ICML, with the site's log partial likelihood as its utility): w where the penalty grows without bound, the
site's own unpenalised fit where it vanishes.
"""

import numpy as np

from hemapilots.models import partial_likelihood as pl
from hemapilots.models.cox_alone import centred_fits
from hemapilots.models.data import Preprocessing, Subset, TrainingData
from hemapilots.models.registry import model_of
from hemapilots.models.training_sets import NO_FOLD

__all__ = ["personalised"]

PREPROCESSING = ("fill", "location", "scale")


def personalised(arrays: dict[str, np.ndarray], card: dict, data: TrainingData, options: dict) -> dict[str, np.ndarray]:
    """The arrays of a model of one cause of the event, with the state of each outer fold's model (R, K) after the site's own step.

    data: the site's rows. options: `local_steps` of a network, `penalties` (L,) of a Cox model. A fold in which the site has no event to
    learn from keeps the federated model, as do the models on all patients, which are not the site's.
    """
    chosen, state = arrays["chosen"], {name: arrays[name].copy() for name in card["state"]}
    places = [at for at in np.ndindex(chosen.shape) if data.event[data.members(_set(at))].any()]
    step = _further_fits if card["kind"] == "cox" else _further_steps
    for name, values in (step(arrays, card, data, places, options) if places else {}).items():
        for at, value in zip(places, values, strict=True):
            state[name][at][chosen[at]] = value
    return arrays | state


def _further_steps(arrays: dict, card: dict, data: TrainingData, places: list, options: dict) -> dict[str, np.ndarray]:
    """Parameters (F, m) of the places' networks after `local_steps` more, all side by side; rate and optimizer are the network's own."""
    model, none = model_of(card["kind"]), np.zeros(len(places))
    data.forget()
    state = {name: np.array([arrays[name][at][arrays["chosen"][at]] for at in places]) for name in card["state"]}
    parts = (np.array([arrays[name][at] for at in places]) for name in PREPROCESSING)
    agreed = {"sets": np.array([_set(at) for at in places]), "fit_set": np.arange(len(places))}
    agreed["preprocessing"] = Preprocessing(*parts, none, none)
    config = card["settings"] | {"task": model.STEPS, "ties": card["ties"], "local_steps": options["local_steps"]}
    found = model.update(state | agreed, data, config)
    return {name: found[name] for name in card["state"]}


def _further_fits(arrays: dict, card: dict, data: TrainingData, places: list, options: dict) -> dict[str, np.ndarray]:
    """Coefficients (F, p) of the places' Cox models, the penalty of each chosen inside the site's training folds.

    Of two penalties as good the larger wins; where no penalty holds the coefficients they stay the federated ones.
    """
    penalties, ties = np.asarray(options["penalties"], float), card["ties"]
    found = []
    for at in places:
        subset = _subset(arrays, "", at, data, data.members(_set(at)))
        centre = arrays["coefficients"][at][arrays["chosen"][at]]
        fits, settled = centred_fits(subset, centre, penalties, ties)
        criterion = np.where(settled, _criterion(arrays, at, data, penalties, ties), -np.inf)
        best = penalties.size - 1 - int(np.argmax(criterion[::-1]))
        found.append(fits[best] if np.isfinite(criterion[best]) else centre)
    return {"coefficients": np.array(found)}


def _criterion(arrays: dict, at: tuple[int, int], data: TrainingData, penalties: np.ndarray, ties: str) -> np.ndarray:
    """The cross-validated log-likelihood (Verweij and van Houwelingen 1993) of each penalty (L,) on the site's training folds.

    A fold j is judged by what the site makes, without it, of the federated fit that saw neither j nor the place's test fold. A penalty
    with which coefficients run away has -inf. Nothing is to be chosen from one penalty.
    """
    criterion = np.zeros(penalties.size)
    if penalties.size > 1:
        kept = data.members(_set(at))
        for j in np.unique(data.folds[at[0]][kept]):
            inner, place = kept[data.folds[at[0]][kept] != j], (*at, j)
            own, all_ = (_subset(arrays, "crossed_", place, data, rows) for rows in (inner, kept))
            fits, settled = centred_fits(own, arrays["crossed_coefficients"][place], penalties, ties)
            whole, part = (pl.loglik(one.x, fits[settled], one.risk_sets, ties) for one in (all_, own))
            criterion[settled] += whole - part
            criterion[~settled] = -np.inf
    return criterion


def _subset(arrays: dict, prefix: str, at: tuple, data: TrainingData, rows: np.ndarray) -> Subset:
    """Rows of the site with the preprocessing of one federated fit."""
    none = np.zeros(1)
    preprocessing = Preprocessing(*(arrays[prefix + name][at][np.newaxis] for name in PREPROCESSING), none, none)
    return Subset(preprocessing.apply(data.x[rows], 0), rows, data.risk_sets(rows))


def _set(at: tuple[int, int]) -> tuple[int, int, int]:
    """The training set of replicate and left-out fold."""
    return (*at, NO_FOLD)
