"""SCAFFOLD's control variates (Karimireddy et al. 2020), option II: what a site adds to its gradients, and what it keeps for next time.

`control` (F, m) is the average over sites, `own_control` (F, m) the site's; a state without them is trained without.
"""

import numpy as np


def correction(state: dict) -> np.ndarray | float:
    """Added to each gradient of the site's loss: the average control less the own one."""
    return state["control"] - state["own_control"] if "control" in state else 0.0


def renewed(state: dict, before: np.ndarray, after: np.ndarray, config: dict) -> dict[str, np.ndarray]:
    """The site's next control: own - control + (before - after) / (steps * rate); nothing without control variates."""
    if "control" not in state:
        return {}
    moved = (before - after) / (config["local_steps"] * config["learning_rate"])
    return {"control": moved - correction(state)}
