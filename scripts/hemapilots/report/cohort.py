"""Who is in the study: flow, endpoints, Table 1 and data quality, from what each site released."""

import math

from hemapilots.quality.doubts import DOUBTS
from hemapilots.report.released import Released
from hemapilots.report.table_one_total import short, shown_levels, total_cells
from hemapilots.report.words import NOT_SHOWN, Labels, count, percent, unit_text

__all__ = ["endpoint_rows", "flow_rows", "quality_rows", "score_rows", "table_one", "totals"]

REASONS = {
    "parse_error": "unreadable",
    "range_hard": "outside possible values",
    "code_unknown": "unknown code",
    "range_soft": "unusual value, kept",
    "unit_unknown": "unit not understood",
    "date_order": "dates out of order",
    "contradiction": "contradicts other data",
    "not_assayed": "gene not assayed",
    "other": "kept with a remark",
}

# What is counted of a computed score, in readers' words; of the comparison with a delivered one these two.
SCORE_WORDS = {
    "computed": "computed",
    "category_only": "category only",
    "range_too_wide": "too much is unknown",
    "not_applicable": "not made for the patient",
    "inputs_unknown": "an input is unknown",
}
AGREEMENT_WORDS = {"agree": "as delivered", "differ": "other than delivered"}


def flow_rows(released: Released) -> list[dict]:
    """Of a source that was dealt to sites, then per site: each step's label, into, lost, out, unknown."""
    rows = []
    flows = {"source": released.source_flow} | {site: record["flow"] for site, record in released.quality.items()}
    for site, steps in flows.items():
        for step in steps:
            counts = {"into": "records_in", "lost": "lost", "out": "records_out", "unknown": "unknown"}
            rows.append(
                {"site": site, "label": step["label"]} | {name: count(step[field]) for name, field in counts.items()}
            )
    return rows


def totals(released: Released) -> dict:
    """Records over all sites where every site's count is shown, and the number of sites."""
    records = [record["records"] for record in released.quality.values()]
    return {"records": None if None in records else sum(records), "sites": len(records)}


def endpoint_rows(released: Released, labels: Labels) -> list[dict]:
    """Per endpoint and site: patients = events + competing + censored, patients + unknown = records; and how many are compared."""
    rows, sizes = [], released.counts[released.counts["kind"] == "endpoint"]
    sizes = {(row.site, row.endpoint): (row.n, row.events) for row in sizes.itertuples()}
    for endpoint in released.endpoints:
        for site, record in released.quality.items():
            found = record["endpoints"][endpoint]
            n, events = sizes.get((site, endpoint), (math.nan, math.nan))
            cells = {
                name: count(found[name])
                for name in ("patients", "events", "competing", "censored", "unknown", "zero_time")
            }
            cells |= {"records": count(record["records"]), "n": count(n), "n_events": count(events)}
            rows.append({"endpoint": labels.endpoint(endpoint), "site": site} | cells)
    return rows


def table_one(released: Released, labels: Labels) -> dict:
    """Table 1, groups: one per variable with its rows, a cell for all sites and one per site; nowhere: variables that nobody has."""
    groups, nowhere = [], []
    first = next(iter(released.quality.values()))["table_one"]
    records = {site: record["records"] for site, record in released.quality.items()}
    for name, spec in first.items():
        found = [record["table_one"][name] for record in released.quality.values()]
        if all(
            _all_absent(one, record["records"]) for one, record in zip(found, released.quality.values(), strict=True)
        ):
            nowhere.append(spec["label"])
            continue
        unit = f", {unit_text(spec['unit'])}" if unit_text(spec["unit"]) else ""
        rows = _number_rows(found) if spec["type"] == "number" else _level_rows(found, name, labels)
        rows.append({"label": "missing", "cells": [count(one["absent"]) for one in found], "missing": True})
        distribution = released.distributions[released.distributions["variable"] == name]
        for row, cell in zip(rows, total_cells(found, distribution, records), strict=True):
            row["cells"].insert(0, cell)
        groups.append({"label": f"{spec['label']}{unit}", "rows": rows})
    return {"groups": groups, "nowhere": nowhere}


def _all_absent(one: dict, records: int | None) -> bool:
    """Whether a variable is missing in every record of a site; a hidden count says no."""
    return one["absent"] is not None and one["absent"] == records


def _number_rows(found: list[dict]) -> list[dict]:
    def cells(one: dict) -> tuple[str, str]:
        mean = NOT_SHOWN if one["mean"] is None else f"{short(one['mean'])} ({short(one['sd'])})"
        quartiles = (one["median"], one["lower_quartile"], one["upper_quartile"])
        return mean, NOT_SHOWN if None in quartiles else "{} [{} to {}]".format(*map(short, quartiles))

    columns = [cells(one) for one in found]
    return [
        {"label": label, "cells": [column[at] for column in columns]}
        for at, label in enumerate(("mean (SD)", "median [quartiles]"))
    ]


def _level_rows(found: list[dict], name: str, labels: Labels) -> list[dict]:
    return [
        {"label": labels.level(name, level), "cells": [_share(one["levels"].get(level), one["n"]) for one in found]}
        for level in shown_levels(found)
    ]


def _share(part: int | None, whole: int | None) -> str:
    if part is None:
        return NOT_SHOWN
    share = percent(part, whole, 0)
    return f"{part} ({share})" if share else str(part)


def quality_rows(released: Released) -> dict:
    """Variables with anything to say, those with the same cells in one row; a cell per site: per cent missing, then what was nulled
    or flagged. By name the complete ones, those that no site delivers, and those of which nothing may be shown (hidden)."""
    sites = list(released.quality)
    rows, complete, nowhere, hidden = {}, [], [], []
    for name, spec in released.quality[sites[0]]["variables"].items():
        found = [released.quality[site]["variables"][name] for site in sites]
        if all(_is_plain(one) for one in found):
            complete.append(spec["label"])
            continue
        if all(
            one["percent_missing"] == 100 and not any(one["nulled"].values()) and not one["doubts"] for one in found
        ):
            nowhere.append(spec["label"])
            continue
        cells = tuple((_missing(one), *_notes(one)) for one in found)
        told = any(cell != (NOT_SHOWN,) for cell in cells)
        (rows.setdefault(cells, []) if told else hidden).append(spec["label"])
    rows = [
        {"label": ", ".join(names), "cells": [{"missing": missing, "notes": notes} for missing, *notes in cells]}
        for cells, names in rows.items()
    ]
    return {"sites": sites, "rows": rows, "complete": complete, "nowhere": nowhere, "hidden": hidden}


def score_rows(quality: dict[str, dict]) -> dict:
    """Computed scores: a row per score with a cell per site, what was counted and whether the delivered score agrees.

    nowhere: scores that no site's patients have; they are no comparators here.
    """
    sites, rows, nowhere = list(quality), [], []
    for name, spec in quality[sites[0]]["scores"].items():
        found = [quality[site]["scores"][name] for site in sites]
        if all(one["counts"]["computed"] == 0 and one["counts"]["category_only"] == 0 for one in found):
            nowhere.append(spec["label"])
            continue
        rows.append({"label": spec["label"], "cells": [_score_cell(one) for one in found]})
    return {"sites": sites, "rows": rows, "nowhere": nowhere}


def _score_cell(one: dict) -> dict:
    counts = [(word, one["counts"][name]) for name, word in SCORE_WORDS.items() if one["counts"][name] != 0]
    agreement = [(word, one["agreement"][name]) for name, word in AGREEMENT_WORDS.items()] if one["agreement"] else []
    if all(value == 0 for _, value in agreement):
        agreement = []
    return {"counts": counts, "agreement": agreement}


def _missing(one: dict) -> str:
    return NOT_SHOWN if one["percent_missing"] is None else f"{one['percent_missing']:g} %"


def _is_plain(one: dict) -> bool:
    """Complete and without remark."""
    return not (one["suppressed"] or one["absent"] or any(one["flagged"].values()) or one["doubts"])


def _notes(one: dict) -> list[str]:
    notes = [f"doubted: {DOUBTS[kind]}" for kind in one["doubts"]]
    for kind, word in (("nulled", "nulled"), ("flagged", "flagged")):
        notes += [f"{value} {word}: {REASONS.get(reason, reason)}" for reason, value in one[kind].items() if value]
    return notes
