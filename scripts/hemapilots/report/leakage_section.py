"""The leakage check as sentences: which predictors give the outcome away, and at which sites nothing can be said."""

from hemapilots.leakage import FEWEST, LIMIT
from hemapilots.report.released import Released
from hemapilots.report.words import Labels

__all__ = ["leakage_lines"]


def leakage_lines(released: Released, labels: Labels) -> dict:
    """`suspects`: a sentence for each predictor and endpoint; `passed`: endpoints with the sites where some predictor was assessed;
    `open`: each endpoint with the sites where some could not be, for want of `fewest` patients.
    """
    suspects = [
        f"{labels.column(row['column'])} alone tells {labels.endpoint(row['endpoint']).lower()} near perfectly at {', '.join(row['sites'])}"
        for row in released.agreed["leakage"]
    ]
    passed, unassessed = [], []
    for endpoint, by_site in released.agreed["leakage_assessed"].items():
        label = labels.endpoint(endpoint)
        sites = [site for site, columns in by_site.items() if any(columns.values())]
        passed += [f"{label.lower()} at {', '.join(sites)}"] if sites else []
        missed: dict[str, list[str]] = {}
        for site, columns in by_site.items():
            if not all(columns.values()):
                missed.setdefault(_which(columns, labels), []).append(site)
        unassessed += [f"{label.lower()} at {_places(names, by_site)}{which}" for which, names in missed.items()]
    return {"suspects": suspects, "passed": passed, "open": unassessed, "limit": LIMIT, "fewest": FEWEST}


def _places(names: list[str], by_site: dict) -> str:
    """Sites by name, or any."""
    return "any site" if len(names) == len(by_site) > 1 else ", ".join(names)


def _which(columns: dict[str, bool], labels: Labels) -> str:
    """The predictors that could not be assessed, where others could."""
    left = [labels.column(name) for name, assessed in columns.items() if not assessed]
    return f" for {', '.join(left)}" if len(left) < len(columns) else ""
