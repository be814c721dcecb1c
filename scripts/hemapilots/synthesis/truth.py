"""What a recipe makes true, as JSON-ready numbers: the file that stands beside every synthetic cohort."""

import numpy as np

from hemapilots.expressions import parse
from hemapilots.synthesis.cohort import draw_complete
from hemapilots.synthesis.hazards import hazard, linear_predictor
from hemapilots.synthesis.outcomes import concordance
from hemapilots.synthesis.sites import PLAIN, site_constants
from hemapilots.synthesis.variables import class_of

__all__ = ["covariates", "eligible", "is_exact", "truth"]


def truth(recipe: dict, sites: dict[str, dict] | None = None) -> dict:
    """Laws, sites and reachable concordance of a recipe; the same recipe gives the same values.

    sites: site -> {profile, index, seed}, whose drawn constants are told. Per endpoint: `status` is "exact" (one process, which
    no other cuts short in a way that a Cox model cannot see, with `coefficients` its own) or "derived" (`limit` then holds the
    large-sample Cox coefficients, where the recipe stores them). `concordance` is that of the true linear predictor (of the
    limit, where derived) on uncensored times to event 1, overall and for events before each horizon, in a fresh sample of
    `sample.patients` of the plain law from `sample.seed`; `incidence`: the share with event 1 by each horizon; both of those whom the
    endpoint speaks of (`among`).
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
    patients, that never changes, and that shares no latent with what it competes with.
    """
    outcomes = recipe["outcomes"]
    spec, processes = outcomes["endpoints"][endpoint], outcomes["processes"]
    process = processes[spec["events"][0]]
    rivals = [processes[name] for name in (*spec.get("competing", []), *process.get("until", []))]
    shared = any(set(process.get("loading", {})) & set(rival.get("loading", {})) for rival in rivals)
    return len(spec["events"]) == 1 and not shared and "after" not in process and _common(recipe, process)


def _common(recipe: dict, process: dict) -> bool:
    """Whether the baseline of a process, its factor and its change are the same for some patients of the plain law."""
    table = draw_complete(recipe, 10**6, 200, 1)
    made = hazard(
        {key: value for key, value in process.items() if key != "coefficients"}, table, class_of(recipe, table), ""
    )
    parts = [value for key, value in made.parameters.items() if key not in ("age", "from")] + [made.log_hazard]
    return all(np.ptp(part, axis=0).max() == 0 for part in parts) and (made.change is None or not made.change.any())


def eligible(spec: dict, table) -> np.ndarray:
    """Of whom an endpoint speaks (n,): everybody, or those of its `among`."""
    return parse(spec["among"]).evaluate(table) == 1 if "among" in spec else np.ones(len(table), dtype=bool)


def _endpoint(recipe: dict, name: str, table) -> dict:
    outcomes, sample, exact = recipe["outcomes"], recipe["truth"], is_exact(recipe, name)
    spec = outcomes["endpoints"][name]
    table = table[eligible(spec, table)]
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
