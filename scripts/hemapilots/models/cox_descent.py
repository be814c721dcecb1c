"""Gradient steps of a site on Cox models: all training sets and penalties at once."""

import numpy as np

from hemapilots.models.batch import batches_of
from hemapilots.models.control import correction, renewed
from hemapilots.models.data import TrainingData
from hemapilots.models.side_by_side import Stacked


@np.errstate(over="ignore", divide="ignore", invalid="ignore")
def descent(state: dict, data: TrainingData, config: dict) -> dict[str, np.ndarray]:
    """Coefficients (F, p) after `local_steps` gradient steps on the site's mean loss, with the site's share of the penalty.

    SCAFFOLD's control variates are added where the state has them. `examples` (F,) are the site's patients in each fit's training set. A
    training set has as many fits as any other, side by side.
    """
    preprocessing, sets, (fits, p) = state["preprocessing"], np.unique(state["fit_set"]), state["coefficients"].shape
    shape = (sets.size, -1, p)
    shrink = state["penalties"].reshape(sets.size, -1, 1) / preprocessing.patients[sets][:, None, None]
    usable = (preprocessing.scale > 0)[sets][:, None]
    extra = (correction(state) + np.zeros((fits, p))).reshape(shape)
    begun, size = state["coefficients"].reshape(shape), np.zeros(sets.size, dtype=int)
    after = begun.copy()
    for places, stacked in data.kept("descent", _stacked, data, state, config["ties"]):
        size[places] = stacked.ranks.member.sum(axis=1)
        after[places] = _steps(
            stacked, begun[places], shrink[places], usable[places], extra[places], size[places], config
        )
    # Where the site has nobody, it has nothing to say.
    after = np.where(size[:, None, None] > 0, after, begun).reshape(fits, p)
    examples = np.repeat(size, fits // sets.size).astype(float)
    return {"coefficients": after, "examples": examples} | renewed(state, state["coefficients"], after, config)


def _steps(
    stacked: Stacked,
    begun: np.ndarray,
    shrink: np.ndarray,
    usable: np.ndarray,
    extra: np.ndarray,
    size: np.ndarray,
    config: dict,
) -> np.ndarray:
    """Coefficients (B, L, p) of training sets of like length after the steps.

    The penalty's part of a step is taken implicitly, b <- (b + rate * gradient) / (1 + rate * penalty / n), so that it cannot diverge.
    So is FedProx's pull to where the round began.
    """
    rate, proximal, patients = config["learning_rate"], config.get("proximal-mu", 0.0), np.maximum(size, 1)
    local = begun
    for _ in range(config["local_steps"]):
        residuals = stacked.residuals(stacked.x @ local.transpose(0, 2, 1))
        pull = residuals.transpose(0, 2, 1) @ stacked.x / patients[:, None, None] + proximal * begun - extra
        local = usable * (local + rate * pull) / (1 + rate * (shrink + proximal))
    return local


def _stacked(data: TrainingData, state: dict, ties: str) -> list[tuple[np.ndarray, Stacked]]:
    """The site's part of every training set of the state, those of like length together."""
    sets = np.unique(state["fit_set"])
    return [(places, Stacked.of(data, batch, ties)) for places, batch in batches_of(data, state, sets, sets)]
