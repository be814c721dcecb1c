"""A protocol against its use case: models, strategies, and which of them go together under which sharing."""

from hemapilots.config import nearest
from hemapilots.cross_checks.source import Source
from hemapilots.cross_checks.use_case import known_at

__all__ = ["resolve_models", "resolve_strategies"]

# Which model and strategy go together, and under which sharing; what is not here is refused with the reason beside it.
COMBINATIONS = {
    ("cox", "newton", "site"): ("private", "public", "synthetic"),
    ("cox", "newton", "shared"): ("public", "synthetic"),
    ("cox", "fedavg", None): ("private", "public", "synthetic"),
}
REASONS = {("cox", "newton", "shared"): "risk-set sums at every death time reveal patients; use `baseline: site`"}


def resolve_models(protocol: Source, use_case: dict, use_case_source: Source) -> dict[str, dict]:
    """The protocol's models and the fitted comparators, with their predictors; regime_model is what predictions are filed under."""
    models = {}
    for name, model in protocol.value.models.items():
        if model.predictors not in use_case["predictor_sets"]:
            raise protocol.fault(
                ("models", name, "predictors"),
                f"no such set in {use_case_source.path}; {nearest(model.predictors, use_case['predictor_sets'])}",
            )
        predictors = use_case["predictor_sets"][model.predictors]
        models[name] = {
            "kind": model.kind,
            "predictors": predictors,
            "supported_only": model.supported_only,
            "comparator": False,
            "scores": [],
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
                "scores": [part for part in comparator["predictors"] if known_at(use_case_source.value, part)[1]],
            }
    primary = protocol.value.primary
    if primary.model not in protocol.value.models:
        raise protocol.fault(("primary", "model"), f"no such model; {nearest(primary.model, protocol.value.models)}")
    return models


def resolve_strategies(protocol: Source, sharing: str) -> dict[str, dict]:
    """The strategies by name with their options, each allowed with every model under this sharing."""
    out = {}
    for name, options in protocol.value.strategies.model_dump(exclude_none=True).items():
        for model in protocol.value.models.values():
            key = (model.kind, name, options.get("baseline"))
            if sharing not in COMBINATIONS.get(key, ()):
                reason = REASONS.get(key, "they do not go together")
                raise protocol.fault(("strategies", name), f"not allowed with a {sharing} cohort: {reason}")
        rounds = options.pop("max_rounds", None) or options.pop("rounds")
        out[name] = {"name": name, "rounds": rounds, **options}
    if "newton" not in out:
        raise protocol.fault(("strategies",), "`newton` is needed: fitted comparators are trained by it; add it")
    return out
