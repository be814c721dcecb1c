"""How sites differ: the constants of a site's profile, which every expression of the recipe may read."""

from collections.abc import Mapping

import numpy as np

from hemapilots.errors import HemaPilotsError
from hemapilots.synthesis.distributions import NUMBERS

__all__ = ["PLAIN", "profile_in_turn", "site_constants", "typical"]

# The profile under which every site follows the plain law: no frailty, no shift, no effect of treatment.
PLAIN = "plain"
# Keeps the draws of a site's constants apart from those of its patients.
_STREAM = 977


def profile_in_turn(recipe: dict, site_index: int) -> str:
    """The profile of the nth site of a cohort that names none: the recipe's profiles one after the other."""
    profiles = list((recipe.get("sites") or {}).get("profiles", {})) or [PLAIN]
    return profiles[site_index % len(profiles)]


def site_constants(recipe: dict, profile: str, site_index: int, seed: int) -> dict[str, float | str]:
    """`profile` and the constants of the recipe's `sites`: the profile's, else those of the plain law.

    A constant that is written as a distribution (`{distribution: normal, mean: 0, sd: 0.15}`) is drawn once per site; the
    same seed and site index give the same value. Raises HemaPilotsError where the recipe has no such profile.
    """
    sites = recipe.get("sites") or {}
    profiles = {PLAIN: {}} | sites.get("profiles", {})
    if profile not in profiles:
        raise HemaPilotsError(
            f'recipe {recipe["name"]}: there is no profile "{profile}" of sites; use one of {", ".join(profiles)}'
        )
    rng = np.random.default_rng([seed, site_index, _STREAM])
    given = sites.get("plain", {}) | profiles[profile]
    scores = dict(zip(sorted(given), rng.standard_normal(len(given)), strict=True))
    return {"profile": profile} | {name: _value(value, scores[name]) for name, value in given.items()}


def typical(recipe: dict) -> dict:
    """The recipe with every constant that is drawn at its median: each profile's site in the middle."""
    sites = recipe.get("sites") or {}
    profiles = {
        name: {constant: _value(value, 0.0) for constant, value in given.items()}
        for name, given in sites.get("profiles", {}).items()
    }
    return recipe | {"sites": sites | {"profiles": profiles}} if sites else recipe


def _value(value, score: float) -> float | str:
    if not isinstance(value, Mapping):
        return value
    transform, names = NUMBERS[value["distribution"]]
    return float(transform(np.array([score]), *(np.array([float(value[name])]) for name in names))[0])
