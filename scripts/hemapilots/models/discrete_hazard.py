"""Logistic hazards (Gensheimer and Narasimhan 2019): a network gives the hazard of each interval between the cut-points.

A state holds parameters (F, m). The loss is a sum over patients, so averages of single steps weighted by patients are pooled descent.
"""

import numpy as np

from hemapilots.models.data import Preprocessing, TrainingData
from hemapilots.models.layers import Layers

ALONE, STEPS, CONTROLLED_STEPS, PROPORTIONAL = "fedavg", "local_training", "controlled_training", False


def layers(columns: int, settings: dict) -> Layers:
    """One output for each interval, the logit of its hazard."""
    return Layers.of(columns, settings, len(settings["cuts"]), output_bias=True)


def initial(plan, preprocessing: Preprocessing) -> dict[str, np.ndarray]:
    """Parameters (F, m): the same weights for every fit and regime; biases from the events per patient of the fit's training set."""
    shape, intervals = layers(len(plan.columns), plan.settings), len(plan.settings["cuts"])
    parameters = np.tile(shape.initial(plan.settings["seed"]), (plan.fit_set.size, 1))
    rate = (preprocessing.events + 1) / (preprocessing.patients + 2) / intervals
    parameters[:, -intervals:] = np.log(rate / (1 - rate))[plan.fit_set, None]
    return {"parameters": parameters}


def update(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """What the site answers to `config["task"]`; arrays keyed by name."""
    # What trains it builds on this module.
    from hemapilots.models.discrete_hazard_loss import NETWORK

    return NETWORK.update(state, data, config)


def survival(state: dict, x: np.ndarray, times: np.ndarray, settings: dict) -> np.ndarray:
    """S(t | x) as (n, T) for preprocessed columns: a product over intervals, of constant hazard inside one; nan beyond the last cut."""
    cuts = np.concatenate([[0.0], settings["cuts"]])
    # log(1 - hazard) of a logit z is -log(1 + exp z).
    lost = np.logaddexp(0.0, layers(x.shape[1], settings).outputs(state["parameters"], x))
    passed = np.clip((np.asarray(times)[:, None] - cuts[:-1]) / np.diff(cuts), 0, 1)
    return np.where(np.asarray(times) <= cuts[-1], np.exp(-lost @ passed.T), np.nan)
