"""A protocol against its use case: models with their predictors and strategies, and strategies with their options."""

from collections.abc import Sequence

from hemapilots.config.shapes import nearest
from hemapilots.cross_checks.combinations import PERSONAL, goes_on_from, refusal
from hemapilots.cross_checks.predictors import endpoints_of
from hemapilots.cross_checks.source import Source

__all__ = ["refusals", "resolve_models", "resolve_strategies"]


def resolve_models(protocol: Source, use_case: dict, use_case_source: Source, cohort, sites: int) -> dict[str, dict]:
    """The protocol's models and the fitted comparators, with their predictors, strategies and settings."""
    models = {}
    for name, model in protocol.value.models.items():
        if model.predictors not in use_case["predictor_sets"]:
            raise protocol.fault(
                ("models", name, "predictors"),
                f"no such set in {use_case_source.path}; {nearest(model.predictors, use_case['predictor_sets'])}",
            )
        predictors = use_case["predictor_sets"][model.predictors]
        endpoints = endpoints_of(use_case["endpoints"], predictors["known_by"])
        _check_endpoints(protocol, name, predictors["known_by"], endpoints, use_case)
        models[name] = {
            "kind": model.kind,
            "predictors": predictors["variables"],
            "supported_only": model.supported_only,
            "comparator": False,
            "required": [],
            "endpoints": _learnable(protocol, name, model, endpoints, use_case),
            "strategies": _strategies_of(protocol, name, model, cohort, sites),
            "settings": model.settings(),
        }
    for name, comparator in use_case["comparators"].items():
        if name in models or name == "score":
            raise use_case_source.fault(
                ("comparators", name), "a model of the protocol has this name; rename the comparator"
            )
        if comparator["predictors"]:
            models[name] = {
                "kind": "cox",
                "predictors": comparator["predictors"],
                "supported_only": False,
                "comparator": True,
                "required": comparator["required"],
                "endpoints": comparator["endpoints"],
                "strategies": ["newton"],
                "settings": {},
            }
    primary = protocol.value.primary
    if primary.model not in protocol.value.models:
        raise protocol.fault(("primary", "model"), f"no such model; {nearest(primary.model, protocol.value.models)}")
    return models


def _learnable(protocol: Source, name: str, model, endpoints: list[str], use_case: dict) -> list[str]:
    """Of the endpoints those that the model's kind can learn: not every one can with late entry.

    None where nothing competes for a kind that is for competing events; the primary model needs the primary endpoint.
    """
    facts, primary = use_case["endpoints"], name == protocol.value.primary.model
    meant = [end for end in endpoints if not model.competing_only or facts[end]["competing"]]
    if primary and use_case["primary_endpoint"] not in meant:
        raise protocol.fault(
            ("models", name, "kind"),
            f"{model.kind} is for endpoints with a competing event; use cox for the primary model",
        )
    if model.endpoints == "primary":
        meant = [end for end in meant if end == use_case["primary_endpoint"]]
    able = [end for end in meant if model.late_entry or not facts[end]["entry"]]
    if (able or not meant) and (not primary or use_case["primary_endpoint"] in able):
        return able
    raise protocol.fault(
        ("models", name, "kind"),
        f"{model.kind} cannot learn from patients who come under observation late; use cox, deepsurv or boosting",
    )


def _strategies_of(protocol: Source, name: str, model, cohort, sites: int) -> list[str]:
    """The strategies that train a model: those that it names, else each of the protocol's that can."""
    declared = protocol.value.strategies.model_dump(exclude_none=True)
    refused = {strategy: _refused(model, strategy, declared, cohort, sites) for strategy in declared}
    if model.strategies is None:
        able = [strategy for strategy, reason in refused.items() if not reason]
        if not able:
            why = min(refused.values(), key=_misfit)
            raise protocol.fault(("models", name), f"no strategy of the protocol can train it: {why}")
        return _in_order(able)
    for at, strategy in enumerate(model.strategies):
        if strategy not in declared:
            hint = nearest(strategy, declared)
            raise protocol.fault(
                ("models", name, "strategies", at), f"it is not among the protocol's strategies; {hint}"
            )
        if refused[strategy]:
            raise protocol.fault(("models", name, "strategies", at), refused[strategy])
    return _in_order(model.strategies)


def _in_order(strategies: Sequence[str]) -> list[str]:
    """What goes on from another strategy's model comes after it."""
    return sorted(strategies, key=PERSONAL.__eq__)


def _refused(model, strategy: str, declared: dict[str, dict], cohort, sites: int) -> str | None:
    """Why a model cannot be trained by a strategy of the protocol here; a personal step needs the strategy that it begins with."""
    reason = refusal(model, strategy, declared[strategy], cohort.sharing, sites, cohort.allow)
    if reason or strategy != PERSONAL:
        return reason
    first = goes_on_from(model.kind, declared[PERSONAL])
    named = model.strategies is None or first in model.strategies
    if first == PERSONAL or first not in declared or not named or _refused(model, first, declared, cohort, sites):
        return f"it goes on from the model of `{first}`, which does not train this one; name another one under `of`"
    return None


def _misfit(reason: str) -> bool:
    """Whether a strategy is for other models altogether: such a reason helps least."""
    return reason.startswith("not allowed for")


def _check_endpoints(protocol: Source, name: str, known_by: float, endpoints: list[str], use_case: dict) -> None:
    """A model predicts an endpoint at least, and the primary one the primary endpoint."""
    primary = name == protocol.value.primary.model and use_case["primary_endpoint"] not in endpoints
    if primary or not endpoints:
        wanted = f"the primary endpoint {use_case['primary_endpoint']}" if primary else "every endpoint of the pilot"
        problem = f"its variables are known {known_by:g} years after the index date, later than the origin of {wanted}"
        raise protocol.fault(("models", name, "predictors"), f"{problem}; use a set that is known earlier")


def refusals(protocol: Source, cohort, sites: int) -> list[dict]:
    """model, strategy, reason of the combinations of the protocol that do not exist here."""
    declared = protocol.value.strategies.model_dump(exclude_none=True)
    return [
        {"model": name, "strategy": strategy, "reason": reason}
        for name, model in protocol.value.models.items()
        for strategy in declared
        if (model.strategies is None or strategy in model.strategies)
        and (reason := _refused(model, strategy, declared, cohort, sites))
    ]


def resolve_strategies(protocol: Source, models: dict[str, dict], cohort, sites: int) -> dict[str, dict]:
    """The strategies by name with their options; each trains one of the models or comparators at least."""
    out, declared = {}, protocol.value.strategies.model_dump(exclude_none=True)
    for name, options in declared.items():
        trained = [model for model in models.values() if not model["comparator"] and name in model["strategies"]]
        asked = protocol.value.models.values()
        reasons = [_refused(model, name, declared, cohort, sites) for model in asked]
        # Newton trains the fitted comparators, if nothing else.
        if not trained and name != "newton" and protocol.value.refused == "list":
            continue
        if not trained and name != "newton":
            why = "no model names it under `strategies`; remove it" if None in reasons else reasons[0]
            raise protocol.fault(("strategies", name), why)
        if "max_rounds" in options:
            options["rounds"] = options.pop("max_rounds")
        out[name] = {"name": name, **options}
    if "newton" not in out:
        raise protocol.fault(("strategies",), "`newton` is needed: fitted comparators are trained by it; add it")
    return out
