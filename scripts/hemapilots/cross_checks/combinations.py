"""Which model, strategy and sharing go together; what is not here is refused, with the reason where one is given."""

from hemapilots.federation.least_sites import too_few

__all__ = ["COMBINATIONS", "PERSONAL", "goes_on_from", "refusal"]

ALL, OPEN = ("private", "public", "synthetic"), ("public", "synthetic")
AVERAGING = (
    "fedavg",
    "fedprox",
    "fedadam",
    "fedyogi",
    "fedadagrad",
    "fedavgm",
    "fedmedian",
    "fedtrimmedavg",
    "krum",
    "scaffold",
)

# The strategy that is no federation of its own: what sites make of another one's model for themselves.
PERSONAL = "finetune"

# (kind of model, strategy, baseline of newton): the sharing under which it exists.
COMBINATIONS = {
    ("cox", "newton", "site"): ALL,
    ("cox", "newton", "grid"): OPEN,
    ("cox", "newton", "shared"): OPEN,
    ("fine_gray", "newton", "site"): ALL,
    ("cox", "meta", None): ALL,
    ("cox", "oneshot", "site"): ALL,
    ("cox", "oneshot", "shared"): OPEN,
    ("forest", "forest_sampling", None): ALL,
    ("boosting", "histogram_boosting", None): OPEN,
    **{
        (kind, name, None): ALL
        for kind in ("cox", "deepsurv", "discrete_hazard", "savae")
        for name in (*AVERAGING, PERSONAL)
    },
}
# Strategies that send each site's own model.
OWN_MODELS = ("meta", "oneshot", "forest_sampling")
LINEAR = "it is for linear models"
SHARED = "risk-set sums at every death time reveal patients; use `baseline: site`"
STRATIFIED = "it is fitted exactly, with a baseline and a censoring distribution for each site; use `newton` with `baseline: site`"
GRID = "sums of single patients per cell of the grid may leave only added up in secret, which is not built; use `baseline: site`"
BINS = "a bin of a histogram may hold a single patient; its sums may leave only added up in secret, which is not built"
REASONS = {
    ("boosting", "histogram_boosting", None): BINS,
    **{("boosting", name, None): "trees cannot be averaged; use `histogram_boosting`" for name in AVERAGING},
    ("fine_gray", "newton", "grid"): STRATIFIED,
    ("fine_gray", "newton", "shared"): STRATIFIED,
    ("cox", "newton", "grid"): GRID,
    ("cox", "newton", "shared"): SHARED,
    ("cox", "oneshot", "shared"): SHARED,
    **{("fine_gray", name, None): STRATIFIED for name in (*AVERAGING, "meta", PERSONAL)},
    **{(kind, PERSONAL, None): "trees have no weights that a site could go on from" for kind in ("forest", "boosting")},
    **{("fine_gray", "oneshot", baseline): STRATIFIED for baseline in ("site", "shared")},
    **{("forest", name, None): "trees cannot be averaged; use `forest_sampling`" for name in AVERAGING},
    **{
        (kind, name, baseline): LINEAR
        for kind in ("deepsurv", "discrete_hazard", "savae", "forest", "boosting")
        for name, baseline in (
            ("newton", "site"),
            ("newton", "grid"),
            ("newton", "shared"),
            ("oneshot", "site"),
            ("oneshot", "shared"),
            ("meta", None),
        )
    },
}


def refusal(model, strategy: str, options: dict, sharing: str, sites: int, allow: tuple[str, ...] = ()) -> str | None:
    """Why a model (as configured) cannot be trained by this strategy under this sharing at so many sites, or None.

    allow: what a private cohort lets out beyond the rule.
    """
    key = (model.kind, strategy, options.get("baseline"))
    if sharing not in COMBINATIONS.get(key, ()):
        return f"not allowed for {model.kind} with a {sharing} cohort: {REASONS.get(key, 'they do not go together')}"
    if strategy not in ("newton", PERSONAL) and getattr(model, "l1_ratios", None):
        return "a penalty on absolute values (`l1_ratios`) is fitted by `newton` only; leave it out or name `strategies: [newton]`"
    if sharing == "private" and strategy in OWN_MODELS and "local_models" not in allow:
        return "it sends each site's own model, which reveals the site; a private cohort says so by `allow: [local_models]`"
    if strategy == "scaffold" and getattr(model, "optimizer", "sgd") != "sgd":
        return "control variates are differences of plain gradients; give the network `optimizer: sgd`"
    return too_few(strategy, options, sites)


def goes_on_from(kind: str, options: dict) -> str:
    """The strategy whose model the personal step of a kind of model begins with, by the options of `finetune`."""
    return options.get("of") or ("newton" if kind == "cox" else "fedavg")
