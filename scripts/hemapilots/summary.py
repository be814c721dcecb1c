"""A pilot in one line: its record for the index, and the short table that a run ends with."""

import json
from pathlib import Path

import pandas as pd

from hemapilots.texts import years

__all__ = ["record_of", "summary"]

WIDTH = 110


def record_of(verdict: dict, metrics: pd.DataFrame, quality: dict[str, dict], study: dict) -> dict:
    """The line of a pilot, JSON-ready: title, sharing, patients (None where a site's count is suppressed), sites, the primary metric
    with interval of the federated, pooled, own-site and score-to-beat figures, the verdict."""
    primary = verdict["primary"]
    comparators = study["harmonize"]["comparators"]
    bar = next((name for name, one in comparators.items() if one["bar"]), None)
    methods = {
        "federated": (primary["model"], primary["regime"]),
        "pooled": (primary["model"], "pooled"),
        "own": (primary["model"], "local/own"),
        "score": ("score", f"score/{bar}"),
    }
    figures = {name: _figure(metrics, primary, *method) for name, method in methods.items()}
    # Each site's model ranks on a scale of its own: where all pairs could be counted, those within sites are told.
    figures["own"] = _figure(metrics, primary, *methods["own"], "_within_site") or figures["own"]
    records = [one["records"] for one in quality.values()]
    outcomes = [one["outcome"] for one in verdict["criteria"]]
    return {
        "pilot": study["pilot"],
        "title": study["title"],
        "sharing": study["sharing"],
        "patients": None if None in records else sum(records),
        "sites": len(records),
        "endpoint": study["harmonize"]["endpoints"][primary["endpoint"]]["label"],
        "model": primary["model"],
        "regime": primary["regime"],
        "metric": primary["metric"],
        "horizon": primary["horizon"],
        "score_label": (comparators[bar].get("label") or bar) if bar else None,
        "score_in_sample": (study.get("in_sample") or {}).get(bar),
        "figures": figures,
        "outcome": verdict["outcome"],
        "met": outcomes.count("met"),
        "criteria": len(outcomes),
    }


def _figure(metrics: pd.DataFrame, primary: dict, model: str, regime: str, form: str = "") -> dict | None:
    names = {
        "endpoint": primary["endpoint"],
        "metric": primary["metric"] + form,
        "model": model,
        "regime": regime,
        "evaluated_on": "all",
        "subgroup": "all",
    }
    chosen = metrics[list(names)].eq(pd.Series(names)).all(axis=1)
    if primary["horizon"] is not None:
        chosen &= (metrics["horizon"] - primary["horizon"]).abs() < 1e-9
    rows = metrics.loc[chosen, ["estimate", "lower", "upper"]]
    if rows.empty or rows.iloc[0].isna().any():
        return None
    return {name: float(value) for name, value in rows.iloc[0].items()}


def summary(results: Path, pilots: list[str]) -> str:
    """The terminal table of these pilots, at most 110 columns wide; a pilot without results is named as such."""
    records = {name: _record(results / name / "summary.json") for name in pilots}
    name_width = min(20, max(map(len, [*pilots, "pilot"])))
    heads = ("federated", "pooled*", "own site", "score to beat")
    lines = [
        f"{'pilot':<{name_width}} {'patients':>8} {'sites':>5}  "
        + " ".join(f"{head:<16}" for head in heads)
        + " criteria"
    ]
    for name in pilots:
        lines += _lines(name, records[name], name_width, results)
    known = [record for record in records.values() if record]
    if known:
        lines += ["", *_notes(known)]
    return "\n".join(line[:WIDTH].rstrip() for line in lines)


def _lines(name: str, record: dict | None, width: int, results: Path) -> list[str]:
    if record is None:
        return [f"{name[:width]:<{width}} no result"]
    figures = record["figures"]
    cells = " ".join(f"{_cell(figures[key]):<16}" for key in ("federated", "pooled", "own", "score"))
    patients = "?" if record["patients"] is None else str(record["patients"])
    verdict = f"{record['met']}/{record['criteria']}" + (
        f" {record['outcome']}" if record["outcome"] != "not met" else ""
    )
    return [
        f"{name[:width]:<{width}} {patients:>8} {record['sites']:>5}  {cells} {verdict}",
        f"{'':<{width}} {results / name / 'report.html'}",
    ]


def _notes(records: list[dict]) -> list[str]:
    metrics = sorted(
        {
            f"{_METRICS.get(one['metric'], one['metric'])}" + (f" at {years(one['horizon'])}" if one["horizon"] else "")
            for one in records
        }
    )
    lines = [f"{', '.join(metrics)} of the primary model with its 95 % interval. * simulation only."]
    lines += ["Own site: over pairs of patients of one site, for its model ranks nobody else's."]
    shares = sorted({one["score_label"] for one in records if one["score_label"]})
    return lines + ([f"Score to beat: {', '.join(shares)}."] if shares else [])


_METRICS = {"uno_c": "Uno's C", "harrell_c": "Harrell's C", "ibs": "Integrated Brier score"}


def _cell(figure: dict | None) -> str:
    if figure is None:
        return "-"
    estimate, lower, upper = (f"{figure[name]:.3f}".removeprefix("0") for name in ("estimate", "lower", "upper"))
    return f"{estimate} {lower}-{upper}"


def _record(path: Path) -> dict | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
