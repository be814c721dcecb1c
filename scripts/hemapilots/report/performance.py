"""How well each model ranks and predicts: the headline, regimes, sites, horizons."""

import numpy as np

from hemapilots.evaluation.federated import WITHIN
from hemapilots.evaluation.measures import of_one_site, ranks_within_sites
from hemapilots.report.differences import difference_text
from hemapilots.report.figures import Drawn, forest
from hemapilots.report.released import Released
from hemapilots.report.style import colour_of
from hemapilots.report.words import Labels, interval, number

__all__ = [
    "bar_of",
    "figure_of",
    "headline_table",
    "horizon_tables",
    "methods_of",
    "regime_forest",
    "scores_of",
    "scores_without_figures",
    "site_forest",
    "site_table",
]

RANKING = ("uno_c", "harrell_c")
FIGURE = ("estimate", "lower", "upper", "n", "events")


def figure_of(
    released: Released,
    endpoint: str,
    method: tuple[str, str],
    metric: str,
    where: str = "all",
    horizon: float | None = None,
) -> dict:
    """estimate, lower, upper, n and events of one figure; missing numbers where there is none."""
    for row in released.figures.get((endpoint, *method, metric, where), []):
        if horizon is None or abs(row["horizon"] - horizon) < 1e-9:
            return {name: row[name] for name in FIGURE}
    return dict.fromkeys(FIGURE, np.nan)


def ranking_of(released: Released, endpoint: str, method: tuple[str, str], metric: str) -> dict:
    """C over all sites as `figure_of` gives it; of each site's own model over pairs within one site, for no scale is common to them."""
    apart = released.pooled and ranks_within_sites(method[1])
    return figure_of(released, endpoint, method, metric + WITHIN if apart else metric)


def methods_of(released: Released, endpoint: str, model: str, recalibrated: bool = False) -> list[tuple[str, str]]:
    """(model, regime) of one model: federated ones, the primary first, then pooled, own, single sites.

    recalibrated: with those that sites fitted to themselves, which changes probabilities and hardly the ranking.
    """
    rows = released.metrics
    found = rows.loc[(rows["endpoint"] == endpoint) & (rows["model"] == model), "regime"].unique()
    found = [regime for regime in found if recalibrated or "+" not in regime]
    if not released.pooled or released.many_sites:
        # In private judged at its own site alone, as `local/own` is.
        found = [regime for regime in found if not of_one_site(regime)]
    first, order = released.primary["regime"], {"federated": 1, "pooled": 2, "local/own": 3, "local": 4, "score": 5}

    def place(regime: str) -> tuple:
        learned = regime.partition("+")[0]
        return regime != first, order.get(learned) or order[learned.split("/")[0]], regime

    return [(model, regime) for regime in sorted(found, key=place)]


def scores_of(released: Released, endpoint: str) -> list[tuple[str, str]]:
    """(score, regime) of every comparator that ranks some patients, in the use case's order."""
    rows = released.metrics
    known = (rows["endpoint"] == endpoint) & rows["metric"].isin(RANKING) & rows["estimate"].notna()
    found = set(rows.loc[known & (rows["model"] == "score"), "regime"])
    return [
        ("score", f"score/{name}") for name in released.study["harmonize"]["comparators"] if f"score/{name}" in found
    ]


def scores_without_figures(released: Released, labels: Labels, endpoint: str) -> list[str]:
    """Labels of the comparators that rank nobody, or too few to tell: tables and figures leave them out, a note names them."""
    ranking = scores_of(released, endpoint)
    names = released.study["harmonize"]["comparators"]
    return [labels.regime(f"score/{name}") for name in names if ("score", f"score/{name}") not in ranking]


def headline_table(released: Released, labels: Labels) -> dict:
    """The primary model in every regime beside the scores: C with intervals and the paired difference, primary endpoint."""
    primary = released.primary
    endpoint = primary["endpoint"]
    rows, notes = [], []
    for method in methods_of(released, endpoint, primary["model"]) + scores_of(released, endpoint):
        remark = released.study["in_sample"].get(method[1].partition("/")[2]) if method[0] == "score" else None
        if remark:
            notes.append(f"{labels.regime(method[1])}: {remark}.")
        rows.append(
            {
                "label": labels.regime(method[1]),
                "group": method[1].split("/")[0],
                "mark": len(notes) if remark else None,
                "primary": method[1] == primary["regime"],
                "n": _patients(figure_of(released, endpoint, method, primary["metric"], horizon=primary["horizon"])),
                "difference": "" if method[1] == primary["regime"] else difference_text(released, endpoint, method),
                "apart": released.pooled and ranks_within_sites(method[1]),
                **{metric: interval(ranking_of(released, endpoint, method, metric)) for metric in RANKING},
            }
        )
    size = figure_of(
        released, endpoint, (primary["model"], primary["regime"]), primary["metric"], horizon=primary["horizon"]
    )
    return {
        "rows": rows,
        "notes": notes,
        "unranked": scores_without_figures(released, labels, endpoint),
        "elsewhere": len(released.study["sites"]) if released.pooled and released.many_sites else 0,
        "same": len({row["n"] for row in rows if row["n"] is not None}) < 2,
        "n": size["n"],
        "events": size["events"],
        "model": primary["model"],
        "endpoint": labels.endpoint(endpoint),
    }


def _patients(figure: dict | None) -> int | None:
    """The patients behind a figure; None where it is not estimable."""
    return None if figure is None or figure["n"] != figure["n"] or not figure["n"] else int(figure["n"])


def regime_forest(released: Released, labels: Labels, endpoint: str) -> Drawn:
    """Uno's C (filled) and Harrell's C (hollow): every regime of the primary model, the others' main regimes, the scores."""
    primary, rows = released.primary, []
    models = [primary["model"], *(name for name in released.protocol["protocol"]["models"] if name != primary["model"])]
    for model in models:
        methods = methods_of(released, endpoint, model)
        if model != primary["model"]:
            methods = [method for method in methods if not of_one_site(method[1])]
        rows += _group(released, labels, endpoint, model, methods)
    rows += _group(released, labels, endpoint, "Clinical scores", scores_of(released, endpoint))
    title = f"{labels.endpoint(endpoint)}: concordance of every model and regime"
    return forest(
        rows, f"regimes_{endpoint}", title, "C (filled: Uno, hollow: Harrell)", heading="Uno’s C (95 % interval)"
    )


def _group(released: Released, labels: Labels, endpoint: str, heading: str, methods: list[tuple[str, str]]) -> list:
    """The rows of some methods under their heading; nothing where none predicts the endpoint."""
    rows = [_forest_row(released, labels, endpoint, method) for method in methods]
    return [{"label": heading, "heading": True}, *rows] if rows else []


def _forest_row(released: Released, labels: Labels, endpoint: str, method: tuple[str, str]) -> dict:
    uno, harrell = (ranking_of(released, endpoint, method, metric) for metric in RANKING)
    colour, marker = colour_of(method[1])
    bold = method == (released.primary["model"], released.primary["regime"])
    row = {key: uno[key] for key in ("estimate", "lower", "upper")}
    second = tuple(harrell[key] for key in ("estimate", "lower", "upper"))
    return row | {
        "label": labels.regime(method[1]),
        "text": interval(uno),
        "second": second,
        "colour": colour,
        "marker": marker,
        "bold": bold,
    }


def bar_of(released: Released) -> tuple[str, str] | None:
    """(model, regime) of the score to beat."""
    names = [name for name, score in released.study["harmonize"]["comparators"].items() if score["bar"]]
    return ("score", f"score/{names[0]}") if names else None


def site_forest(released: Released, labels: Labels, endpoint: str) -> Drawn:
    """Uno's C per site: federated, the site's own model, and the score to beat."""
    primary, rows = released.primary, []
    methods = [
        (primary["model"], primary["regime"]),
        (primary["model"], "local/own"),
        *([bar_of(released)] if bar_of(released) else []),
    ]
    for site in released.study["sites"]:
        size = figure_of(released, endpoint, methods[0], "uno_c", site)
        rows.append(
            {"label": f"{site} (n = {number(size['n'], 0)})" if np.isfinite(size["n"]) else site, "heading": True}
        )
        for method in methods:
            figure = figure_of(released, endpoint, method, "uno_c", site)
            colour, marker = colour_of(method[1])
            rows.append(
                {"label": labels.regime(method[1]), "text": interval(figure), "colour": colour, "marker": marker}
                | figure
            )
    title = f"{labels.endpoint(endpoint)}: Uno’s C at each site"
    return forest(rows, f"sites_{endpoint}", title, "Uno’s C at the site", heading="Uno’s C (95 % interval)")


def site_table(released: Released, labels: Labels, endpoint: str) -> dict:
    """Uno's C of every regime of the primary model and every score: a row per regime, a cell per site.

    silent: sites with patients, of whom the primary regime predicts nobody. turned: there are many, and sites better stand in rows.
    """
    methods = methods_of(released, endpoint, released.primary["model"]) + scores_of(released, endpoint)
    names = released.study["sites"]
    figures = {method: [figure_of(released, endpoint, method, "uno_c", site) for site in names] for method in methods}
    sites = [
        {"name": name, "n": figures[methods[0]][at]["n"], "events": figures[methods[0]][at]["events"]}
        for at, name in enumerate(names)
    ]
    rows = [
        {
            "label": labels.regime(method[1]),
            "primary": method[1] == released.primary["regime"],
            "cells": [interval(figure) for figure in found],
        }
        for method, found in figures.items()
    ]
    own = figures.get((released.primary["model"], released.primary["regime"]), [])
    silent = [
        name
        for name, figure in zip(names, own, strict=False)
        if not _predicted(figure) and _has(released, endpoint, name)
    ]
    table = {"endpoint": labels.endpoint(endpoint), "sites": sites, "rows": rows, "silent": silent}
    return table | {"turned": released.many_sites}


def _predicted(figure: dict) -> bool:
    return np.isfinite(figure["n"]) and figure["n"] > 0


def _has(released: Released, endpoint: str, site: str) -> bool:
    """Whether a site tells that it has patients with a known outcome."""
    rows = released.counts
    own = rows[(rows["kind"] == "endpoint") & (rows["endpoint"] == endpoint) & (rows["site"] == site)]
    return bool((own["n"] > 0).any())


def horizon_tables(released: Released, labels: Labels) -> list[dict]:
    """Per endpoint AUC and Brier scores at the horizons, and the integrated Brier score, of the primary model and the scores."""
    tables = []
    for endpoint in released.endpoints:
        horizons = released.study["evaluate"]["horizons"][endpoint]
        wanted = [*((metric, horizon) for metric in ("auc", "brier", "ipa") for horizon in horizons), ("ibs", None)]
        if endpoint not in released.study["evaluate"]["competing"]:
            wanted.append(("d_calibration", None))
        methods = methods_of(released, endpoint, released.primary["model"], recalibrated=True)
        methods = [method for method in methods if not of_one_site(method[1])]
        rows = []
        for method in methods + scores_of(released, endpoint):
            cells = [
                interval(figure_of(released, endpoint, method, metric, horizon=horizon)) for metric, horizon in wanted
            ]
            rows.append(
                {"label": labels.regime(method[1]), "cells": cells, "primary": method[1] == released.primary["regime"]}
            )
        heads = [labels.metric(metric, horizon) for metric, horizon in wanted]
        tables.append({"endpoint": labels.endpoint(endpoint), "heads": heads, "rows": rows})
    return tables
