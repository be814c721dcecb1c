"""Draws a site's patients from a recipe: constants of the site, variables in order, outcomes, then missing values."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hemapilots.expressions import parse
from hemapilots.synthesis.outcomes import draw_outcomes, observe
from hemapilots.synthesis.parameters import parameter
from hemapilots.synthesis.recurrent import draw_recurrent, episodes_per_patient
from hemapilots.synthesis.sites import PLAIN, site_constants
from hemapilots.synthesis.variables import draw_mixture, draw_variables

__all__ = ["Drawn", "draw", "draw_complete", "draw_site", "site_letter"]


@dataclass(frozen=True)
class Drawn:
    """A site's patients, one row each and in the same order in both tables, and their recurrent events.

    clean: `patient_id` and the visible variables as they are known, of float64 (nan unknown) or object (None unknown), dates
    as days since 1970-01-01. complete: everything, before values go missing; also hidden variables, latents, the constants
    of the site, the uncensored times of `synthesis.outcomes` and `<recurrent>_episodes`, how many were seen. events:
    patient_id, outcome, start, stop (years), event (1 episode, 0 censored, 2 death).
    """

    clean: pd.DataFrame
    complete: pd.DataFrame
    events: pd.DataFrame


def draw(recipe: dict, site_index: int, patients: int, seed: int, profile: str = PLAIN) -> Drawn:
    """The patients of a site. Sites are drawn independently: the same arguments give the same values."""
    rng = np.random.default_rng([seed, site_index])
    table: dict = {
        name: np.full(patients, value, dtype=object if isinstance(value, str) else float)
        for name, value in site_constants(recipe, profile, site_index, seed).items()
    }
    classes = draw_mixture(recipe, table, patients, rng)
    latents = {name: rng.standard_normal(patients) for name in recipe.get("latents", [])}
    table |= latents
    draw_variables(recipe, table, classes, latents, rng)
    outcomes = recipe["outcomes"]
    table |= draw_outcomes(outcomes, table, classes, latents, rng)
    table |= observe(outcomes, table, classes, rng)
    events = draw_recurrent(outcomes, table, classes, rng)
    table |= episodes_per_patient(outcomes, events, patients)
    known = _hide(table, recipe.get("missing", []), classes, rng)
    letter = site_letter(site_index)
    ids = np.array([f"{letter}-{number:05d}" for number in range(1, patients + 1)], dtype=object)
    clean = pd.DataFrame({"patient_id": ids} | {name: known[name] for name in _visible(recipe)})
    events.insert(0, "patient_id", ids[events.pop("row").to_numpy(dtype=int)])
    return Drawn(clean, pd.DataFrame(table), events)


def draw_site(recipe: dict, site_index: int, patients: int, seed: int, profile: str = PLAIN) -> pd.DataFrame:
    """`draw(...).clean`: patient_id and the use case's variables, as the site knows them."""
    return draw(recipe, site_index, patients, seed, profile).clean


def draw_complete(recipe: dict, site_index: int, patients: int, seed: int, profile: str = PLAIN) -> pd.DataFrame:
    """`draw(...).complete`: everything that is true of the patients of `draw_site`."""
    return draw(recipe, site_index, patients, seed, profile).complete


def site_letter(index: int) -> str:
    """0 -> A, 25 -> Z, 26 -> AA: the head of the site's patient ids."""
    return (site_letter(index // 26 - 1) if index >= 26 else "") + chr(ord("A") + index % 26)


def _visible(recipe: dict) -> list[str]:
    """The variables that a site may know, in the recipe's order, then outcomes."""
    outcomes = recipe["outcomes"]
    names = [name for name, spec in recipe["variables"].items() if not spec.get("hidden")]
    for endpoint in outcomes["endpoints"].values():
        names += [endpoint["time"], endpoint["event"]]
    names += [*outcomes.get("happened", {}), *outcomes.get("dates", {})]
    return names + [outcomes[key] for key in ("last_contact", "vital_status") if key in outcomes]


def _hide(table: dict, rules: list[dict], classes: np.ndarray, rng: np.random.Generator) -> dict:
    """The table with values gone: the variables of a rule together, in `percent` of the patients `where` a condition on what
    is true holds (everyone of them, where no percent is given), and wherever one of `with` is unknown."""
    known = dict(table)
    for rule in rules:
        chance = parameter(rule.get("percent", 100.0 if "where" in rule else 0.0), table, classes, "missing") / 100
        gone = rng.random(len(classes)) < chance
        if "where" in rule:
            gone &= parse(rule["where"]).evaluate(table) == 1
        for name in rule.get("with", []):
            gone |= pd.isna(known[name])
        for name in rule["variables"]:
            known[name] = np.where(gone, None if known[name].dtype == object else np.nan, known[name])
    return known
