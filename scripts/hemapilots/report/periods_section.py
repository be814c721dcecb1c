"""The split in time: who learned and who was judged at each site; or why there is none."""

from hemapilots.periods import PARTS
from hemapilots.report.released import Released
from hemapilots.report.words import NOT_SHOWN, Labels, count

__all__ = ["judged_from", "period_tables", "temporal_sentence"]


def judged_from(released: Released) -> int | None:
    """The first index year of the patients who are judged; None where folds are."""
    return released.protocol["protocol"]["resampling"].get("judge_from")


def period_tables(released: Released, labels: Labels) -> dict | None:
    """Patients and events of each side per site and endpoint; None without a split in time."""
    year = judged_from(released)
    if year is None:
        return None
    tables = []
    for endpoint in released.endpoints:
        sites = released.agreed["periods"][endpoint]
        rows = [{"who": site, "cells": _cells([sizes])} for site, sizes in sorted(sites.items())]
        rows.append({"who": "All sites", "cells": _cells([*sites.values()])})
        tables.append({"endpoint": labels.endpoint(endpoint), "rows": rows})
    return {"year": year, "tables": tables, "sentence": temporal_sentence(released)}


def _cells(sites: list[dict]) -> list[str]:
    return [f"{_sum(sites, part, 'patients')} ({_sum(sites, part, 'events')})" for part in PARTS]


def _sum(sites: list[dict], part: str, kind: str) -> str:
    counts = [site[part][kind] for site in sites]
    return NOT_SHOWN if None in counts else count(sum(counts))


def temporal_sentence(released: Released) -> str:
    """What validation in time was done, or why none was."""
    year, dates = judged_from(released), released.study["dates"]
    if year is not None:
        sites = [*released.agreed["periods"][released.primary["endpoint"]].values()]
        sizes = {
            part: f"patients: {_sum(sites, part, 'patients')}, with the event: {_sum(sites, part, 'events')}"
            for part in PARTS[:2]
        }
        return (
            f"Split in time: models learned from patients whose index year is before {year} ({sizes['earlier']}), and are judged on "
            f"those from {year} on ({sizes['later']})."
        )
    if dates["variable"] is None:
        return "No validation in time: the use case knows no index year."
    if dates["undated"]:
        return f"No validation in time: no index dates are delivered by {', '.join(dates['undated'])}."
    return "No validation in time in this run: index years are known at the sites, but the protocol judges by folds."
