"""The true probability of each endpoint for given patients, from the recipe's hazards: what predictions can be held against."""

from functools import reduce

import numpy as np
from scipy.special import ndtri

from hemapilots.errors import HemaPilotsError
from hemapilots.synthesis.hazards import Hazard, hazard
from hemapilots.synthesis.variables import class_of

__all__ = ["true_survival"]

# Steps of the integrals over time, and patients at a time.
_STEPS, _CHUNK = 400, 4000


def true_survival(recipe: dict, table, times) -> dict[str, np.ndarray]:
    """Per endpoint 1 - P(event 1 by t), shape (n, times): survival, or 1 - cumulative incidence where something competes.

    table: rows of `draw_complete`, whose hidden variables and site constants are known to the law; times: years > 0. Absolute
    error below 5e-4. Raises HemaPilotsError for competing processes that share a latent.
    """
    classes = class_of(recipe, table)
    found: dict[str, list[np.ndarray]] = {name: [] for name in recipe["outcomes"]["endpoints"]}
    for start in range(0, len(table), _CHUNK):
        rows = slice(start, start + _CHUNK)
        columns = {name: table[name].to_numpy()[rows] for name in table}
        hazards = {
            name: hazard(spec, columns, classes[rows], f"outcomes.processes.{name}")
            for name, spec in recipe["outcomes"]["processes"].items()
            if spec["law"] != "given"
        }
        for name, parts in found.items():
            parts.append(np.column_stack([1.0 - _risk(recipe["outcomes"], name, hazards, float(t)) for t in times]))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _risk(outcomes: dict, endpoint: str, hazards: dict[str, Hazard], time: float) -> np.ndarray:
    """P(event 1 by `time`), shape (n,)."""
    spec, processes = outcomes["endpoints"][endpoint], outcomes["processes"]
    named = [*spec["events"], *spec.get("competing", [])]
    named += [processes[name]["after"] for name in named if "after" in processes[name]]
    named += [other for name in named for other in processes[name].get("until", [])]
    leaving = [name for name in dict.fromkeys(named) if "after" not in processes[name]]
    rho = _correlation(processes, leaving)
    if rho is not None:
        if len(leaving) > 2 or set(leaving) != set(spec["events"]):
            raise HemaPilotsError(
                f"outcomes.endpoints.{endpoint}: competing processes share a latent; no true risk is known"
            )
        return 1.0 - _both_later(
            *(np.exp(-hazards[name].cumulative(np.array([[time]])))[:, 0] for name in leaving), rho
        )
    # Cosine steps are short at both ends, where shapes below 1 are steep.
    grid = time * (1.0 - np.cos(np.linspace(0.0, np.pi, _STEPS + 1)))[None, :] / 2.0
    cumulative = {name: hazards[name].cumulative(grid) for name in leaving}
    total = reduce(np.add, cumulative.values())
    left = -np.diff(np.exp(-total), axis=1)
    with np.errstate(invalid="ignore"):
        shares = {name: np.nan_to_num(np.diff(cumulative[name], axis=1) / np.diff(total, axis=1)) for name in leaving}
    risk = sum((left * shares[name]).sum(axis=1) for name in spec["events"] if name in shares)
    remaining = time - (grid[:, 1:] + grid[:, :-1]) / 2.0
    for name in spec["events"]:
        if name not in shares:
            gone = -np.expm1(-hazards[name].cumulative(remaining))
            risk = risk + (left * shares[processes[name]["after"]] * gone).sum(axis=1)
    return risk


def _correlation(processes: dict, names: list[str]) -> float | None:
    """That of the normal scores of processes which share latents, None where none do."""
    pairs = [(processes[a].get("loading", {}), processes[b].get("loading", {})) for a in names for b in names if a < b]
    shared = [sum(one[z] * two[z] for z in one if z in two) for one, two in pairs if set(one) & set(two)]
    return shared[0] if shared else None


def _both_later(first: np.ndarray, second: np.ndarray, rho: float) -> np.ndarray:
    """P(both later) from the two survival probabilities under a Gaussian copula (Plackett's integral over the correlation)."""
    if rho >= 1.0:
        return np.minimum(first, second)
    h, k = -ndtri(first), -ndtri(second)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    r = rho * (nodes + 1.0) / 2.0
    square = 1.0 - r**2
    exponent = -(h[:, None] ** 2 - 2.0 * r * h[:, None] * k[:, None] + k[:, None] ** 2) / (2.0 * square)
    return first * second + (np.exp(exponent) / (2.0 * np.pi * np.sqrt(square))) @ weights * rho / 2.0
