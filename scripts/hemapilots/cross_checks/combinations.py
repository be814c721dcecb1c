"""Which model, strategy and sharing go together; what is not here is refused, with the reason where one is given."""

__all__ = ["COMBINATIONS", "refusal"]

ALL, OPEN = ("private", "public", "synthetic"), ("public", "synthetic")

# (kind of model, strategy, baseline of newton): the sharing under which it exists.
COMBINATIONS = {
    ("cox", "newton", "site"): ALL,
    ("cox", "newton", "shared"): OPEN,
    ("cox", "fedavg", None): ALL,
    ("cox", "fedprox", None): ALL,
    ("deepsurv", "fedavg", None): ALL,
    ("deepsurv", "fedprox", None): ALL,
    ("discrete_hazard", "fedavg", None): ALL,
    ("discrete_hazard", "fedprox", None): ALL,
    ("forest", "forest_sampling", None): ALL,
}
REASONS = {
    ("forest", "fedavg", None): "trees cannot be averaged; use `forest_sampling`",
    ("forest", "fedprox", None): "trees cannot be averaged; use `forest_sampling`",
    ("cox", "newton", "shared"): "risk-set sums at every death time reveal patients; use `baseline: site`",
    **{
        (kind, "newton", baseline): "Newton's method is for linear models"
        for kind in ("deepsurv", "discrete_hazard", "forest")
        for baseline in ("site", "shared")
    },
}


def refusal(kind: str, strategy: str, options: dict, sharing: str) -> str | None:
    """Why a model of this kind cannot be trained by this strategy under this sharing, or None."""
    key = (kind, strategy, options.get("baseline"))
    if sharing in COMBINATIONS.get(key, ()):
        return None
    return f"not allowed for {kind} with a {sharing} cohort: {REASONS.get(key, 'they do not go together')}"
