"""Whether there are patients enough for the primary model, from counts that were known before any training."""

import math

import pandas as pd

from hemapilots.evaluation.sample_size import ANTICIPATED, expected_shrinkage, largest_r_squared, needed
from hemapilots.report.released import Released
from hemapilots.report.survival_curves import everyone
from hemapilots.report.words import Labels, count, number
from hemapilots.texts import years

__all__ = ["sample_size_rows", "sample_size_sentence"]

# Where no shrinkage factor solves the criterion: far too few patients.
NOT_TOLD = "not told"


def sample_size_rows(released: Released, labels: Labels) -> list[dict]:
    """Per endpoint of the primary model: all sites together (federated, pooled), then each site alone (its local model)."""
    rows, primary = [], released.primary
    for endpoint in released.endpoints:
        card = released.card(endpoint, primary["model"], primary["regime"])
        if card is None:
            continue
        own = released.curves[released.curves["endpoint"] == endpoint]
        # Pooled counts are whole where sites' own end early, to hide small ones.
        whole = own if released.pooled_curves is None else everyone(released, endpoint)
        parts = {"All sites: federated, pooled": whole} | {
            f"{site} alone": part for site, part in own.groupby("site", sort=True)
        }
        horizon = released.study["evaluate"]["horizons"][endpoint][0]
        scale = released.study["harmonize"]["endpoints"][endpoint].get("scale")
        for who, part in parts.items():
            row = _row(labels.endpoint(endpoint), who, part, len(card["columns"]), horizon) if len(part) else {}
            rows += [row | {"reach": _reach(part, scale)}] if row else []
    return rows


def _row(endpoint: str, who: str, cells: pd.DataFrame, parameters: int, horizon: float) -> dict:
    """Counts from the cells of the curves; nobody's follow-up is used beyond their end."""
    patients = float(cells.groupby("site")["at_risk"].first().sum() + cells["entered"].sum())
    events, observed = float(cells["events"].sum()), _years(cells)
    if not patients or not 0 < events < patients or not observed:
        return {}
    rate, follow_up = events / observed, observed / patients
    r_squared = ANTICIPATED * largest_r_squared(rate, follow_up)
    shrinkage = expected_shrinkage(patients, parameters, r_squared)
    wanted = needed(parameters, r_squared, rate, follow_up, horizon)
    return {
        "endpoint": endpoint,
        "who": who,
        "patients": count(patients),
        "events": count(events),
        "parameters": count(parameters),
        "per_parameter": number(events / parameters, 1),
        "needed": {name: count(value) for name, value in wanted.items()},
        "shrinkage": number(shrinkage, 2) if math.isfinite(shrinkage) else NOT_TOLD,
        "enough": patients >= max(wanted.values()),
        "most": count(max(wanted.values())),
    }


def _reach(cells: pd.DataFrame, scale: str | None) -> str:
    """How far the counts go, in words that follow the events; scale: of an endpoint with late entry, such as age."""
    ends = cells.groupby("site")["end"].max()
    if ends.nunique() > 1:
        return ", as far as each site’s counts go,"
    return f" to {scale.lower()} {ends.max():g}" if scale else f" within {years(float(ends.max()))}"


def _years(cells: pd.DataFrame) -> float:
    """Person-years: given with late entry, else those who leave count for half a cell."""
    left = cells[["events", "competing", "censored"]].sum(axis=1)
    halves = (cells["end"] - cells["start"]) * (cells["at_risk"] - left / 2)
    return float(cells["years"].where(cells["years"].notna(), halves).sum())


def sample_size_sentence(rows: list[dict]) -> str:
    """What the criteria say of the primary endpoint, over all sites."""
    if not rows:
        return "Not told: counts are too small to be released."
    row = rows[0]
    verdict = "which suffices" if row["enough"] else "which does not suffice: the penalty has to do the shrinking"
    return (
        f"{row['patients']} patients with {row['events']} events{row['reach']} for {row['parameters']} candidate columns "
        f"({row['per_parameter']} events for each); Riley’s criteria ask for {row['most']}, {verdict}. "
        f"The shrinkage that an unpenalised fit would have to expect: {row['shrinkage']}."
    )
