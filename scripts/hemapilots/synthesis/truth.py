"""What a recipe makes true, as JSON-ready numbers: the file that stands beside every synthetic cohort."""

from hemapilots.synthesis.cohort import draw_complete
from hemapilots.synthesis.outcomes import concordance, linear_predictor

__all__ = ["truth"]


def truth(recipe: dict) -> dict:
    """Outcome models, censoring and reachable concordance of a recipe; the same recipe gives the same values.

    Per endpoint: `status` is "exact" (the law is the Weibull model itself) or "derived" (the drawn time was
    cut at another endpoint's, so that the coefficients hold for the draw only; `limit` then holds the large-
    sample Cox coefficients, where the recipe stores them). `concordance` is that of the true linear predictor
    on uncensored times, overall and for events before each horizon, in a fresh sample of `sample.patients`
    from `sample.seed`.
    """
    sample = recipe["truth"]
    # A site index apart from those of any cohort, so that the sample shares no patient with it.
    table = draw_complete(recipe, 10**6, sample["patients"], sample["seed"])
    endpoints = recipe["outcomes"]["endpoints"]
    used = {name for spec in endpoints.values() for name in spec["coefficients"]}
    definitions = {
        name: spec["expression"].strip()
        for name, spec in recipe["variables"].items()
        if name in used and spec["kind"] == "expression"
    }
    return {
        "recipe": recipe["name"],
        "use_case": recipe.get("use_case"),
        "model": "Weibull: S(t | x) = exp(-(t / scale)^shape exp(b.x)), x uncentred, t in years",
        "covariates": definitions,
        "sample": {"patients": sample["patients"], "seed": sample["seed"]},
        "endpoints": {name: _endpoint(name, spec, table, sample) for name, spec in endpoints.items()},
        "censoring": dict(recipe["outcomes"]["censoring"]),
    }


def _endpoint(name: str, spec: dict, table, sample: dict) -> dict:
    risk, times = linear_predictor(spec["coefficients"], table), table[f"{name}_true"].to_numpy()
    reached = {f"{horizon:g}": concordance(risk, times, horizon) for horizon in sample["horizons"]}
    return {
        "status": "derived" if "not_after" in spec else "exact",
        "not_after": spec.get("not_after"),
        "cut_share": float((table[f"{name}_drawn"] > times).mean()),
        "shape": spec["shape"],
        "scale": spec["scale"],
        "coefficients": dict(spec["coefficients"]),
        "limit": spec.get("limit"),
        "concordance": {"all": concordance(risk, times), "before": reached},
        "survival": {f"{horizon:g}": float((times > horizon).mean()) for horizon in sample["horizons"]},
        "event_share": float(table[spec["event"]].mean()),
    }
