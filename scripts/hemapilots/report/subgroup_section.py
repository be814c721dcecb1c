"""Performance among parts of the patients, and what the rule of fairness flags."""

import numpy as np

from hemapilots.evaluation.subgroups import FEWEST_EVENTS, FEWEST_PATIENTS, flags
from hemapilots.report.figures import Drawn, forest
from hemapilots.report.released import Released
from hemapilots.report.style import colour_of
from hemapilots.report.words import NOT_SHOWN, Labels, count, interval, signed_interval
from hemapilots.texts import years

__all__ = ["any_assessed", "flag_rows", "subgroup_forest", "subgroup_tables"]


def _rows(released: Released, endpoint: str) -> dict[str, dict[tuple, dict]]:
    """Rows of the primary model over all sites, by subgroup and (metric, horizon)."""
    primary, table = released.primary, released.metrics
    chosen = (table["endpoint"] == endpoint) & (table["evaluated_on"] == "all") & (table["subgroup"] != "all")
    chosen &= (table["model"] == primary["model"]) & (table["regime"] == primary["regime"])
    found: dict[str, dict[tuple, dict]] = {}
    for row in table[chosen].to_dict("records"):
        found.setdefault(row["subgroup"], {})[row["metric"], row["horizon"]] = row
    return found


def _part(labels: Labels, subgroup: str) -> tuple[str, str]:
    variable, _, level = subgroup.partition("=")
    return labels.variable(variable), labels.level(variable, level)


def subgroup_tables(released: Released, labels: Labels) -> list[dict]:
    """Per endpoint: patients, events, Uno's C, its gap to the others, and O/E and Brier score at each horizon."""
    tables, tau = [], released.study["evaluate"]["tau"]
    for endpoint in released.endpoints:
        horizons, rows = released.study["evaluate"]["horizons"][endpoint], []
        for subgroup, found in _rows(released, endpoint).items():
            variable, level = _part(labels, subgroup)
            size, gap = found["uno_c", tau], found.get(("uno_c_gap", tau))
            # Nobody is what stands where no site told a part's figures.
            told = {part: count(size[part]) if size["n"] > 0 else NOT_SHOWN for part in ("n", "events")}
            row = {"variable": variable, "level": level} | told
            row["small"] = not np.isfinite(size["estimate"]) and len(found) == 1
            ratios = [interval(found["oe", t], 2) if ("oe", t) in found else "" for t in horizons]
            errors = [interval(found["brier", t]) if ("brier", t) in found else "" for t in horizons]
            row["cells"] = [interval(size), _gap(gap), *ratios, *errors]
            rows.append(row)
        heads = [
            "Uno’s C",
            "Gap to the others",
            *(f"O/E, {t:g} y" for t in horizons),
            *(f"Brier, {t:g} y" for t in horizons),
        ]
        if rows:
            tables.append({"endpoint": labels.endpoint(endpoint), "key": endpoint, "heads": heads, "rows": rows})
    return tables


def any_assessed(tables: list[dict]) -> bool:
    """Whether some part of the patients, of `subgroup_tables`, is large enough for a figure."""
    return any(not row["small"] for table in tables for row in table["rows"])


def _gap(row: dict | None) -> str:
    return signed_interval(row["estimate"], row["lower"], row["upper"]) if row else ""


def subgroup_forest(released: Released, labels: Labels, endpoint: str) -> Drawn | None:
    """Uno's C of the primary model in every part that is large enough."""
    tau, rows, last = released.study["evaluate"]["tau"], [], None
    for subgroup, found in _rows(released, endpoint).items():
        (variable, level), figure = _part(labels, subgroup), found["uno_c", tau]
        if not np.isfinite(figure["estimate"]):
            continue
        if variable != last:
            rows.append({"label": variable, "heading": True})
            last = variable
        colour, marker = colour_of(released.primary["regime"])
        values = {key: figure[key] for key in ("estimate", "lower", "upper")}
        rows.append(values | {"label": level, "text": interval(figure), "colour": colour, "marker": marker})
    title = f"{labels.endpoint(endpoint)}: concordance by part of the patients"
    return forest(rows, f"subgroups_{endpoint}", title, "Uno’s C", heading="Uno’s C (95 % interval)") if rows else None


def flag_rows(released: Released, labels: Labels) -> list[dict]:
    """What the rule flags of the primary model, in words."""
    primary, out = released.primary, []
    for row in flags(released.metrics, (primary["model"], primary["regime"])).to_dict("records"):
        where = "all sites" if row["evaluated_on"] == "all" else row["evaluated_on"]
        part = "all patients" if row["subgroup"] == "all" else ": ".join(_part(labels, row["subgroup"]))
        value = (
            interval(row, 2) if row["metric"] == "oe" else signed_interval(row["estimate"], row["lower"], row["upper"])
        )
        horizon = f" by {years(row['horizon'])}" if row["metric"] == "oe" else ""
        out.append(
            {
                "endpoint": labels.endpoint(row["endpoint"]) + horizon,
                "where": where,
                "part": part,
                "reason": row["reason"],
                "value": value,
                "size": f"{count(row['n'])} patients, {count(row['events'])} events"
                if row["n"] == row["n"]
                else NOT_SHOWN,
            }
        )
    return out


MINIMUM = f"{FEWEST_PATIENTS} patients and {FEWEST_EVENTS} events"
