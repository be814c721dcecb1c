"""Exact federated Cox regression, ten sites, Efron, against lifelines stratified by site."""

from federations import difference, federate, lifelines_fit, lifelines_frame, site_data
from table import Row, agree, best_of, yes_no

TITLE = "Exact federated Cox against lifelines"
SITES, GOAL, FULL = 10, 5.0, 100_000


def run(quick: bool, patients: int | None = None, columns: int | None = None) -> list[Row]:
    """Daily times with the goal; continuous and monthly times without."""
    patients, columns = patients or (10_000 if quick else FULL), columns or (20 if quick else 50)
    return [compare(times, patients, columns, 1 if quick else 2) for times in ("daily", "continuous", "monthly")]


def compare(times: str, patients: int, columns: int, repeats: int) -> Row:
    """One kind of times."""
    sites = [site_data([1, k], patients // SITES, columns, times) for k in range(SITES)]
    federate(sites)
    ours, fitted = best_of(repeats + 1, lambda: federate(sites))
    frame = lifelines_frame(sites, fitted)
    theirs, peer = best_of(repeats, lambda: lifelines_fit(frame))
    name = f"{patients:,} patients x {columns} columns, {SITES} sites, {times} times over ten years"
    agreement = agree(f"cox, {name}", difference(fitted, peer), 1e-8)
    with_goal = times == "daily"
    return Row(
        name,
        ours,
        "lifelines, strata=site",
        theirs,
        theirs / ours,
        f"{GOAL:g} x faster" if with_goal else "",
        yes_no(theirs / ours >= GOAL) if with_goal and patients >= FULL else "",
        agreement,
        f"{fitted.rounds} rounds; scaling, messages and standard errors included; coefficients and standard errors compared",
    )
