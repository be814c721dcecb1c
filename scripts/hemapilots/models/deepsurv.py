"""DeepSurv (Katzman et al. 2018): a network in place of the Cox model's linear predictor, Efron's or Breslow's partial likelihood.

A state holds parameters (F, m). A site's loss is its own partial likelihood per patient, so baselines differ between sites.
"""

import numpy as np

from hemapilots.models import cox
from hemapilots.models.data import Preprocessing, TrainingData
from hemapilots.models.layers import Layers

ALONE, STEPS, CONTROLLED_STEPS, PROPORTIONAL = "fedavg", "local_training", "controlled_training", True


def layers(columns: int, settings: dict) -> Layers:
    """One output, without bias: the partial likelihood does not know its level."""
    return Layers.of(columns, settings, 1, output_bias=False)


def initial(plan, preprocessing: Preprocessing) -> dict[str, np.ndarray]:
    """The same parameters (F, m) for every fit and regime."""
    start = layers(len(plan.columns), plan.settings).initial(plan.settings["seed"])
    return {"parameters": np.tile(start, (plan.fit_set.size, 1))}


def update(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """What the site answers to `config["task"]`; arrays keyed by name."""
    if config["task"] == "baselines":
        return baselines(state, data, config)
    # What trains it builds on this module.
    from hemapilots.models.deepsurv_loss import NETWORK

    return NETWORK.update(state, data, config)


def baselines(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """Cumulative baseline hazard of each fit on the protocol's grid (F, T), nan beyond the site's last follow-up."""
    grid, found = np.asarray(config["grid"], float), []
    for parameters, s in zip(state["parameters"], state["fit_set"], strict=True):
        subset = data.subset(state["sets"], s, state["preprocessing"])
        hazard = np.exp(risk({"parameters": parameters}, subset.x, config))
        found.append(
            cox.on_grid(grid, hazard, subset.risk_sets, data.entry[subset.rows], data.time[subset.rows], config["ties"])
        )
    return {"baseline": np.array(found)}


def risk(state: dict, x: np.ndarray, settings: dict) -> np.ndarray:
    """Log relative hazard (n,) of preprocessed columns."""
    return layers(x.shape[1], settings).outputs(state["parameters"], x)[:, 0]
