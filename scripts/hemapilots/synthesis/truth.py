"""What a recipe makes true, as JSON-ready numbers: the file that stands beside every synthetic cohort."""

import numpy as np

from hemapilots.expressions import parse
from hemapilots.synthesis.cohort import draw_complete
from hemapilots.synthesis.hazards import LAWS, linear_predictor
from hemapilots.synthesis.outcomes import concordance
from hemapilots.synthesis.sites import PLAIN, site_constants

__all__ = ["covariates", "is_exact", "truth"]


def truth(recipe: dict, sites: dict[str, dict] | None = None) -> dict:
    """Laws, sites and reachable concordance of a recipe; the same recipe gives the same values.

    sites: site -> {profile, index, seed}, whose drawn constants are told. Per endpoint: `status` is "exact" (one process, which
    no other cuts short in a way that a Cox model cannot see, with `coefficients` its own) or "derived" (`limit` then holds the
    large-sample Cox coefficients, where the recipe stores them). `concordance` is that of the true linear predictor (of the
    limit, where derived) on uncensored times to event 1, overall and for events before each horizon, in a fresh sample of
    `sample.patients` of the plain law from `sample.seed`; `incidence`: the share with event 1 by each horizon.
    """
    sample, outcomes = recipe["truth"], recipe["outcomes"]
    # A site index apart from those of any cohort, so that the sample shares no patient with it.
    table = draw_complete(recipe, 10**6, sample["patients"], sample["seed"])
    used = {name for endpoint in outcomes["endpoints"] for name in covariates(outcomes, endpoint)}
    definitions = {
        name: spec["expression"].strip()
        for name, spec in recipe["variables"].items()
        if name in used and spec["kind"] == "expression"
    }
    return {
        "recipe": recipe["name"],
        "use_case": recipe.get("use_case"),
        "model": "S(t | x) = exp(-H(t) exp(b.x)), x uncentred, t in years; H by process",
        "covariates": definitions,
        "sample": {"patients": sample["patients"], "seed": sample["seed"]},
        "processes": outcomes["processes"],
        "recurrent": outcomes.get("recurrent", {}),
        "endpoints": {name: _endpoint(recipe, name, table) for name in outcomes["endpoints"]},
        "censoring": outcomes["censoring"],
        "sites": {
            site: site_constants(recipe, draw.get("profile", PLAIN), draw["index"], draw["seed"])
            for site, draw in (sites or {}).items()
        },
    }


def covariates(outcomes: dict, endpoint: str) -> list[str]:
    """The covariates of an endpoint's processes, those of its own events first."""
    processes = [outcomes["processes"][name] for name in outcomes["endpoints"][endpoint]["events"]]
    return list(dict.fromkeys(name for process in processes for name in process.get("coefficients", {})))


def is_exact(recipe: dict, endpoint: str) -> bool:
    """Whether, in the plain law, event 1 of an endpoint follows one proportional hazards law on the recipe's covariates.

    It does where it comes of one process that starts at the index date, whose baseline and `factor` are the same for all
    patients of a site, and that shares no latent with what it competes with. A `change` is taken to be off.
    """
    outcomes = recipe["outcomes"]
    spec, processes = outcomes["endpoints"][endpoint], outcomes["processes"]
    process = processes[spec["events"][0]]
    rivals = [processes[name] for name in (*spec.get("competing", []), *process.get("until", []))]
    shared = any(set(process.get("loading", {})) & set(rival.get("loading", {})) for rival in rivals)
    constants = set((recipe.get("sites") or {}).get("plain", {}))
    baseline = [
        process.get("factor"),
        *(process[key] for key in LAWS[process["law"]].keys if key not in ("age", "from")),
    ]
    return len(spec["events"]) == 1 and not shared and "after" not in process and _common(baseline, constants)


def _common(parameters: list, constants: set[str]) -> bool:
    """Whether parameters are numbers, or expressions over the constants of the site."""
    for value in parameters:
        if isinstance(value, dict) or (isinstance(value, str) and not set(parse(value).names) <= constants):
            return False
        if isinstance(value, list) and not _common(value, constants):
            return False
    return True


def _endpoint(recipe: dict, name: str, table) -> dict:
    outcomes, sample, exact = recipe["outcomes"], recipe["truth"], is_exact(recipe, name)
    spec = outcomes["endpoints"][name]
    own = dict(outcomes["processes"][spec["events"][0]].get("coefficients", {})) if exact else {}
    limit = spec.get("limit")
    weights = own if exact else (limit or {}).get("coefficients", {})
    times = np.where(table[f"{name}_cause"] == 1, table[f"{name}_true"], np.inf)
    told = {
        "status": "exact" if exact else "derived",
        "events": spec["events"],
        "competing": spec.get("competing", []),
        "coefficients": own,
        "limit": limit,
        "incidence": {f"{horizon:g}": float((times <= horizon).mean()) for horizon in sample["horizons"]},
        "event_share": float((table[spec["event"]] == 1).mean()),
    }
    if not weights:
        return told | {"concordance": None}
    risk = linear_predictor(weights, table)
    reached = {f"{horizon:g}": concordance(risk, times, horizon) for horizon in sample["horizons"]}
    return told | {"concordance": {"all": concordance(risk, times), "before": reached}}
