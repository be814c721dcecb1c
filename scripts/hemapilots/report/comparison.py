"""The page of `make compare`: every regime of several pilots and variants, how it ranks and what it costs."""

from pathlib import Path

import pandas as pd

from hemapilots.report.page_templates import render
from hemapilots.report.unlike_sites import scenario_facts
from hemapilots.report.words import Labels, count, interval, signed_interval
from hemapilots.tables import write_text

__all__ = ["render_comparison"]

SHOWN = ("federated/", "pooled", "local/own", "score/")


def render_comparison(figures: pd.DataFrame, costs: pd.DataFrame, studies: list[dict], page: Path) -> None:
    """Write the page. figures, costs: of `contest` and `costs` with a column `pilot`; studies: pilot, title, report, refused."""
    parts = [
        _part(study, figures[figures["pilot"] == study["pilot"]], costs[costs["pilot"] == study["pilot"]])
        for study in studies
    ]
    write_text(page, render("comparison.html", parts=parts))


def _part(study: dict, figures: pd.DataFrame, costs: pd.DataFrame) -> dict:
    """What the page says of one pilot or variant."""
    labels, primary = Labels(study["report"]), study["report"]["evaluate"]["primary"]
    rows = figures[figures["metric"] == primary["metric"]]
    alone = rows[rows["reference_model"].isna()]
    mine = (rows["model"] == primary["model"]) & (rows["regime"] == primary["regime"])
    n, events = (int(alone[name].iloc[0]) for name in ("n", "events"))
    return {
        "pilot": study["pilot"],
        "title": study["title"],
        "sharing": study["sharing"],
        "facts": scenario_facts(study["report"]["varies"], labels),
        "endpoint": labels.endpoint(primary["endpoint"]),
        "metric": labels.metric(primary["metric"]),
        "n": count(n),
        "events": count(events),
        "primary": {"name": labels.method(primary["model"], primary["regime"]), "figure": _figure(alone, mine)},
        "against": _against(rows[mine & rows["reference_model"].notna()], labels, study["report"]["in_sample"]),
        "models": _models(alone, rows, costs, labels, primary),
        "scores": _scores(alone, labels, study["report"]["in_sample"]),
        "missed": bool(costs["absences"].any()),
        "refused": _refused(study["refused"]),
    }


def _refused(refusals: list[dict]) -> list[dict]:
    """What the protocol asked for and the table of combinations refuses: a line for each model and reason, its strategies joined."""
    lines: dict[tuple[str, str], list[str]] = {}
    for one in refusals:
        lines.setdefault((one["model"], one["reason"]), []).append(one["strategy"])
    return [
        {"model": model, "strategies": ", ".join(strategies), "reason": reason}
        for (model, reason), strategies in lines.items()
    ]


def _figure(alone: pd.DataFrame, chosen: pd.Series) -> str:
    found = alone[chosen.reindex(alone.index)]
    return interval(found.iloc[0]) if len(found) else "not estimable"


def _against(rows: pd.DataFrame, labels: Labels, in_sample: dict) -> list[dict]:
    """The primary regime less each of what it is held against."""
    return [
        {
            "name": "the same model pooled"
            if row.reference_regime == "pooled"
            else labels.regime(row.reference_regime),
            "figure": signed_interval(row.estimate, row.lower, row.upper, 4),
            "note": in_sample.get(row.reference_regime.removeprefix("score/"), ""),
        }
        for row in rows.itertuples()
    ]


def _models(alone: pd.DataFrame, rows: pd.DataFrame, costs: pd.DataFrame, labels: Labels, primary: dict) -> list[dict]:
    """Per model its regimes, the best C first: figure, difference to the same model pooled, and costs of the federated ones."""
    pooled = rows[rows["reference_regime"] == "pooled"].set_index(["model", "regime"])
    spent = costs.set_index(["model", "regime"])
    models = []
    for model, part in alone[alone["model"] != "score"].groupby("model", sort=False):
        shown = part[part["regime"].str.startswith(SHOWN) & ~part["regime"].str.contains("+", regex=False)]
        regimes = []
        for row in shown.sort_values("estimate", ascending=False).itertuples():
            key = (model, row.regime)
            told = pooled.loc[key] if key in pooled.index else None
            regimes.append(
                {
                    "label": labels.regime(row.regime),
                    "primary": key == (primary["model"], primary["regime"]),
                    "figure": interval(row._asdict()),
                    "difference": ""
                    if told is None
                    else signed_interval(told["estimate"], told["lower"], told["upper"], 4),
                }
                | _cost(spent.loc[key] if key in spent.index else None)
            )
        models.append({"name": model, "regimes": regimes})
    return models


def _cost(row: pd.Series | None) -> dict:
    if row is None:
        return dict.fromkeys(("rounds", "exchanges", "size", "each", "deployed", "absences"), "")
    return {
        "rounds": count(row["rounds"]),
        "exchanges": count(row["exchanges"]),
        "size": f"{row['bytes'] / 1e6:.1f} MB",
        "each": f"{1000 * row['seconds_per_exchange']:.0f} ms",
        "deployed": f"{row['deployed_seconds'] / 60:.1f} min",
        "absences": count(row["absences"]) if row["absences"] else "",
    }


def _scores(alone: pd.DataFrame, labels: Labels, in_sample: dict) -> list[dict]:
    rows = alone[alone["model"] == "score"].sort_values("estimate", ascending=False)
    return [
        {
            "label": labels.regime(row.regime),
            "figure": interval(row._asdict()),
            "note": in_sample.get(row.regime.removeprefix("score/"), ""),
        }
        for row in rows.itertuples()
    ]
