"""The checks of each site's data as tables: failed ones first, those that passed in a line per kind."""

from hemapilots.report.words import NOT_SHOWN, count

__all__ = ["check_tables"]

# So many sites are named where the same is said of them.
NAMED = 4
CATEGORIES = {"conformance": "Conformance", "completeness": "Completeness", "plausibility": "Plausibility"}


def check_tables(quality: dict[str, dict]) -> dict:
    """`heads`: category and context of each kind of check; `overview`: what became of them, a row per site; `sites`: what failed, what
    could not be judged, and what passed. Sites alike share a row. quality: the released record of each site."""
    checks = {site: record.get("checks") or [] for site, record in quality.items()}
    kinds = [(category, context) for category in CATEGORIES for context in ("verification", "validation")]
    kinds = [kind for kind in kinds if any(_of(rows, *kind) for rows in checks.values())]
    overview: list[dict] = []
    for site, rows in checks.items():
        cells = [_cell(_of(rows, *kind)) for kind in kinds]
        same = next((row for row in overview if row["cells"] == cells), None)
        if same:
            same["names"].append(site)
        elif rows:
            overview.append({"names": [site], "cells": cells})
    return {
        "heads": [f"{CATEGORIES[category]}, {context}" for category, context in kinds],
        "overview": [_named(row) for row in overview],
        "sites": _alike([_site(site, rows) for site, rows in checks.items() if rows]),
    }


def _alike(sites: list[dict]) -> list[dict]:
    """Sites of which the same is said, and at which nothing failed, under one heading."""
    out: list[dict] = []
    for one in sites:
        same = next((other for other in out if not one["failed"] and _said(other) == _said(one)), None)
        if same:
            same["names"] += one["names"]
        else:
            out.append(one)
    return [_named(one) for one in out]


def _named(row: dict) -> dict:
    """With the sites of a row by name, or how many they are."""
    names = row["names"]
    return row | {"site": ", ".join(names) if len(names) <= NAMED else f"{len(names)} sites"}


def _said(site: dict) -> dict:
    return {name: value for name, value in site.items() if name != "names"}


def _of(rows: list[dict], category: str, context: str) -> list[dict]:
    return [row for row in rows if row["category"] == category and row["context"] == context]


def _cell(rows: list[dict]) -> dict:
    return {name: sum(row["pass"] is value for row in rows) for name, value in _RESULTS.items()}


_RESULTS = {"passed": True, "failed": False, "open": None}


def _site(site: str, rows: list[dict]) -> dict:
    failed = sorted((row for row in rows if row["pass"] is False), key=lambda row: -(row["percent"] or 0))
    judged = sum(row["pass"] is not None for row in rows)
    return {
        "names": [site],
        "judged": judged,
        "failed": [_shown(row) for row in failed],
        "kinds": _kinds([row for row in rows if row["pass"] is not False]),
    }


def _shown(row: dict) -> dict:
    limit = row["threshold"]
    return {
        "what": row["description"],
        "who": row["label"] or "all records",
        "category": _category(row),
        "n_checked": count(row["n_checked"]),
        "n_failed": count(row["n_failed"]) if isinstance(limit, int | float) else "",
        "percent": NOT_SHOWN if row["percent"] is None else f"{row['percent']:g} %",
        "limit": f"{limit:g} %" if isinstance(limit, int | float) else "{:g} to {:g} %".format(*limit),
    }


def _category(row: dict) -> str:
    return ", ".join(filter(None, (row["category"], row["subcategory"], row["context"])))


def _kinds(rows: list[dict]) -> list[dict]:
    """One line per kind of check: how many passed, and of which nothing can be said and why."""
    kinds: dict[tuple, list[dict]] = {}
    for row in rows:
        kinds.setdefault((row["description"], _category(row)), []).append(row)
    lines = []
    for (what, category), found in kinds.items():
        passed = [row for row in found if row["pass"]]
        notes: dict[str, list[str]] = {}
        for row in found:
            if row["pass"] is None:
                notes.setdefault(row["note"], []).append(row["label"] or "")
        said = [f"{', '.join(filter(None, names))}: {note}" if any(names) else note for note, names in notes.items()]
        lines.append({"what": what, "category": category, "passed": len(passed), "notes": said})
    return lines
