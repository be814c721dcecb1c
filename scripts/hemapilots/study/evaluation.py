"""What is computed from predictions: horizons, grid, comparisons in full, criteria with what they are against."""

from hemapilots.config.shapes import nearest
from hemapilots.cross_checks import Source
from hemapilots.cross_checks.combinations import PERSONAL, goes_on_from
from hemapilots.study.design import design_columns
from hemapilots.support import MINIMUM_SUPPORT

__all__ = [
    "SCENARIO",
    "evaluation_spec",
    "late_endpoints",
    "personal_steps",
    "recalibrations",
    "scale_grid",
    "score_categories",
]

SCENARIO = "base"
# What net benefit is compared with besides regimes and comparators.
TREATED = ("treat/all", "treat/none")
# Years: the end of an endpoint's own scale, such as age.
LONGEST = 120


def evaluation_spec(protocol: Source, use_case: dict, cohort, sites: list[str], models: dict) -> dict:
    """The evaluation of a pilot. cohort: as configured; raises HemaPilotsError where the protocol and the use case do not fit."""
    times, primary, bootstrap = protocol.value.times, protocol.value.primary, protocol.value.bootstrap
    federated = [f"federated/{name}" for name in models[primary.model]["strategies"]]
    if primary.regime not in federated:
        raise protocol.fault(
            ("primary", "regime"), f"it is one of the model's strategies; {nearest(primary.regime, federated)}"
        )
    if primary.regime == f"federated/{PERSONAL}":
        raise protocol.fault(
            ("primary", "regime"),
            "every site keeps a model of its own there, so that there is none to hand on; name the strategy that it goes on from",
        )
    recalibrated = recalibrations(protocol, models, cohort.sharing)
    scores = {name: ("score", f"score/{name}") for name in use_case["comparators"]}
    return {
        "scenario": SCENARIO,
        "sharing": cohort.sharing,
        # Sites that are random parts of one cohort; natural ones stand on their own.
        "split": cohort.split is not None and cohort.split.by is None,
        "endpoints": list(use_case["endpoints"]),
        "primary_endpoint": use_case["primary_endpoint"],
        "horizons": {name: endpoint["horizons"] for name, endpoint in use_case["endpoints"].items()},
        "decisions": use_case["decisions"],
        "subgroups": use_case["subgroups"],
        "distributions": _usual_ranges(use_case),
        "recurrent": {name: _recurrent(one, use_case) for name, one in use_case["recurrent"].items()},
        "categories": score_categories(use_case),
        "competing": {name: end["competing"] for name, end in use_case["endpoints"].items() if end["competing"]},
        "entry": late_endpoints(use_case),
        "scale_grid": scale_grid(times),
        "tau": times.tau,
        "grid": _grid(protocol, use_case),
        "risk_edges": list(protocol.value.risk_edges),
        "bootstrap": bootstrap.model_dump(),
        "sensitivity": _sensitivity(use_case),
        "minimum_cell": MINIMUM_SUPPORT,
        # Under an enforced gate counts leave rounded, so that small ones cannot be had by subtraction.
        "rounding": MINIMUM_SUPPORT if cohort.effective_gate == "enforce" else 1,
        "comparisons": _comparisons(
            protocol,
            use_case,
            models,
            [
                *((primary.model, regime) for regime in _regimes(federated, cohort.sharing, sites)),
                *((primary.model, regime) for parts in recalibrated.values() for regime in parts),
                *scores.values(),
            ],
        ),
        "criteria": _criteria(protocol, use_case, scores, [*federated, "local/own", "pooled"], cohort.sharing),
        "primary": {
            "endpoint": use_case["primary_endpoint"],
            "model": primary.model,
            "regime": primary.regime,
            "metric": primary.metric,
            "refits": bootstrap.refits,
            "seed": bootstrap.seed,
        },
    }


def _sensitivity(use_case: dict) -> dict:
    """Treatments that may end follow-up, columns on which censoring may depend, and the time from which the primary endpoint counts."""
    declared, end = use_case["sensitivity"], use_case["endpoints"][use_case["primary_endpoint"]]
    bar = next((one["predictors"] for one in use_case["comparators"].values() if one["bar"]), None)
    named = declared["covariates"] if declared["covariates"] is not None else bar or []
    columns = design_columns(use_case, {"censoring": {"predictors": named}})
    return {"covariates": columns, "treatments": declared["treatments"], "origin": end["landmark"] or 0.0}


def _recurrent(one: dict, use_case: dict) -> dict:
    """Horizons of a recurrent event, and the levels of what is compared, the one that the others are compared with first."""
    known = use_case["variables"] | use_case["derived"]
    levels = {name: [0, 1] if known[name]["type"] == "flag" else known[name]["levels"] for name in one["compare"]}
    return {"horizons": sorted(one["horizons"]), "levels": levels}


def _regimes(federated: list[str], sharing: str, sites: list[str]) -> list[str]:
    """Where the primary model learned; what needs pooling exists where it is allowed."""
    pooling = ["pooled", *(f"local/{site}" for site in sites)] if sharing != "private" else []
    return [*federated, "local/own", *pooling]


def score_categories(use_case: dict) -> dict[str, str]:
    """By comparator that is a computed score with categories, their column."""
    columns = {
        name: str(one["score"]).removesuffix("_score") + "_category" for name, one in use_case["comparators"].items()
    }
    return {name: column for name, column in columns.items() if column in (use_case.get("computed") or {})}


def recalibrations(protocol: Source, models: dict, sharing: str) -> dict[str, dict[str, str]]:
    """By "<model> <regime>" of a Cox model that the sites may fit to themselves: the new regimes, and what is estimated anew.

    A federated model has each site's own baseline already, so that its slope is left; of the pooled one baseline, or both. A slope
    needs the fits without pairs of folds, which exist where a penalty is chosen.
    """
    primary, protocol = protocol.value.primary, protocol.value
    if models[primary.model]["kind"] != "cox":
        return {}
    regimes, found = [primary.regime] + ["pooled"] * (sharing != "private"), {}
    for regime in regimes:
        parts = {f"{regime}+recalibrated": "baseline"} if regime == "pooled" else {}
        parts |= {f"{regime}+recalibrated-slope": "slope"} if len(protocol.penalties) > 1 else {}
        found |= {f"{primary.model} {regime}": parts} if parts else {}
    return found


def personal_steps(protocol: Source, models: dict, strategies: dict) -> dict[str, dict]:
    """By model that sites fit further for themselves: the strategy `of` whose model they begin with, and what the step needs."""
    return {
        name: {
            "of": goes_on_from(model["kind"], strategies[PERSONAL]),
            "local_steps": strategies[PERSONAL]["local_steps"],
            "penalties": sorted(protocol.value.penalties),
        }
        for name, model in models.items()
        if PERSONAL in model["strategies"]
    }


def _usual_ranges(use_case: dict) -> dict[str, list[float]]:
    """The usual range of each number in Table 1 that has one: what its distribution is counted over."""
    listed = {name: use_case["variables"].get(name) or {} for name in use_case.get("table_one") or []}
    return {name: list(spec["soft"]) for name, spec in listed.items() if spec.get("soft")}


def _grid(protocol: Source, use_case: dict) -> list[float]:
    times = protocol.value.times
    farthest = max(horizon for endpoint in use_case["endpoints"].values() for horizon in endpoint["horizons"])
    count = round(times.tau / times.step)
    if abs(count * times.step - times.tau) > 1e-9 or count < 2:
        raise protocol.fault(("times",), "tau must be a multiple of step, at least twice as large")
    if farthest > times.tau:
        raise protocol.fault(("times", "tau"), f"the use case's horizon {farthest:g} lies beyond tau; raise tau")
    return [round((k + 1) * times.step, 10) for k in range(count)]


def late_endpoints(use_case: dict) -> list[str]:
    """The endpoints for which patients come under observation late."""
    return [name for name, endpoint in use_case["endpoints"].items() if endpoint["entry"]]


def scale_grid(times) -> list[float]:
    """Times of an endpoint's own scale, in the protocol's steps: baselines with late entry leave on it, and its curves are drawn on it."""
    return [round(k * times.step, 10) for k in range(round(LONGEST / times.step) + 1)]


def _comparisons(protocol: Source, use_case: dict, models: dict, references: list[tuple[str, str]]) -> list[dict]:
    """The primary model and regime against every other regime, comparator and model, at each endpoint that both predict.

    Other models by the primary's strategy, or, where that cannot train them, by the first that can.
    """
    primary = protocol.value.primary
    references = [pair for pair in references if pair != (primary.model, primary.regime)]
    for name in protocol.value.models:
        regimes = [f"federated/{strategy}" for strategy in models[name]["strategies"]]
        if name != primary.model:
            references.append((name, primary.regime if primary.regime in regimes else regimes[0]))
    judged = {"model": primary.model, "regime": primary.regime}
    return [
        {"endpoint": endpoint, **judged, "reference_model": model, "reference_regime": regime}
        for endpoint in models[primary.model]["endpoints"]
        for model, regime in references
        if endpoint in _predicted(model, regime, use_case, models)
    ]


def _predicted(model: str, regime: str, use_case: dict, models: dict) -> list[str]:
    """The endpoints that a model or comparator predicts."""
    if model == "score":
        return use_case["comparators"][regime.removeprefix("score/")]["endpoints"]
    return models[model]["endpoints"]


def _criteria(protocol: Source, use_case: dict, scores: dict, regimes: list[str], sharing: str) -> list[dict]:
    """The protocol's criteria, each with the model and regime that it is against; none where the use case marks no bar."""
    bar = next((name for name, comparator in use_case["comparators"].items() if comparator["bar"]), None)
    known = {None: None, "bar": scores.get(bar), **scores}
    known |= {regime: (protocol.value.primary.model, regime) for regime in regimes}
    out = []
    for at, criterion in enumerate(protocol.value.criteria):
        name = criterion.against
        possible = known | {treated: ("treat", treated) for treated in TREATED if criterion.test == "useful"}
        if name not in possible:
            hint = nearest(name, [one for one in possible if one])
            raise protocol.fault(("criteria", at, "against"), f"no such regime or score; {hint}")
        if name == "pooled" and sharing == "private":
            problem = "a private cohort has no pooled model, because its patients stay at their sites"
            raise protocol.fault(
                ("criteria", at, "against"),
                f"{problem}; compare with local/own or a score, or leave this criterion out",
            )
        against = possible[name]
        out.append(criterion.model_dump() | {"against": list(against) if against else None, "against_name": name})
    return out
