"""The leakage check as sentences: which predictors give the outcome away, and at which sites nothing can be said."""

from hemapilots.leakage import FEWEST, LIMIT
from hemapilots.report.released import Released
from hemapilots.report.words import Labels

__all__ = ["leakage_lines"]


def leakage_lines(released: Released, labels: Labels) -> dict:
    """`suspects`: a sentence for each predictor and endpoint; `open`: endpoints with the sites that have too few events to tell."""
    suspects = [
        f"{labels.column(row['column'])} alone tells {labels.endpoint(row['endpoint']).lower()} near perfectly at {', '.join(row['sites'])}"
        for row in released.agreed["leakage"]
    ]
    unassessed = [
        {"endpoint": labels.endpoint(endpoint), "sites": sites}
        for endpoint, sites in released.agreed["leakage_unassessed"].items()
        if sites
    ]
    return {"suspects": suspects, "open": unassessed, "limit": LIMIT, "fewest": FEWEST}
