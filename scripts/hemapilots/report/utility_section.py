"""What acting on predicted risks would be worth: decision curves over the use case's ranges of thresholds."""

import numpy as np
import pandas as pd

from hemapilots.report.figures import Drawn
from hemapilots.report.performance import bar_of, scores_of
from hemapilots.report.released import Released
from hemapilots.report.style import GREY, INK, LIGHT, colour_of, new_figure, svg_of
from hemapilots.report.words import Labels, interval, number, signed_interval
from hemapilots.texts import years

__all__ = ["decision_figures", "decision_tables"]

ALL, NONE = ("treat", "treat/all"), ("treat", "treat/none")


def _benefit(released: Released, decision: dict, metric: str = "net_benefit") -> pd.DataFrame:
    rows = released.metrics
    chosen = (rows["metric"] == metric) & (rows["decision"] == decision["name"]) & (rows["evaluated_on"] == "all")
    return rows[chosen & (rows["subgroup"] == "all")]


def _of(table: pd.DataFrame, method: tuple[str, str]) -> pd.DataFrame:
    return table[(table["model"] == method[0]) & (table["regime"] == method[1])].sort_values("threshold")


def _compared(released: Released, decision: dict) -> list[tuple[str, str]]:
    """The primary model, its pooled twin and the comparators that give a probability."""
    primary, table = released.primary, _benefit(released, decision)
    methods = [(primary["model"], primary["regime"]), (primary["model"], "pooled")]
    methods += scores_of(released, decision["endpoint"])
    return [method for method in methods if _of(table, method)["estimate"].notna().any()]


def decision_figures(released: Released, labels: Labels) -> list[Drawn]:
    """Per decision the net benefit of the primary model, the comparators, and of treating everybody and nobody."""
    return [_figure(released, labels, decision) for decision in _told(released)]


def _told(released: Released) -> list[dict]:
    """The decisions of which any regime has a net benefit."""
    decisions = released.study["evaluate"]["decisions"]
    return [one for one in decisions if _benefit(released, one)["estimate"].notna().any()]


def _figure(released: Released, labels: Labels, decision: dict) -> Drawn:
    figure = new_figure(4.9, 3.6)
    axes = figure.add_axes([0.15, 0.15, 0.82, 0.82])
    table = _benefit(released, decision)
    primary = released.primary["model"], released.primary["regime"]
    for method in _compared(released, decision):
        rows, colour = _of(table, method), colour_of(method[1])[0]
        dashes = "-" if method == primary or method[0] != "score" else "--"
        width = 1.9 if method == primary else 1.2
        axes.plot(
            rows["threshold"],
            rows["estimate"],
            color=colour,
            linestyle=dashes,
            linewidth=width,
            label=labels.regime(method[1]),
        )
        if method == primary:
            axes.fill_between(rows["threshold"], rows["lower"], rows["upper"], color=colour, alpha=0.15, linewidth=0)
    for method, label, style in (
        (ALL, _everybody(decision), {"color": GREY, "linestyle": ":"}),
        (NONE, _nobody(decision), {"color": INK}),
    ):
        rows = _of(table, method)
        axes.plot(rows["threshold"], rows["estimate"], linewidth=1, label=label, **style)
    top = table["upper"].max()
    axes.set(
        xlabel="Threshold (risk)",
        ylabel="Net benefit",
        ylim=(-0.25 * top, 1.05 * top),
        xlim=tuple(decision["thresholds"]),
    )
    axes.grid(color=LIGHT, linewidth=0.5)
    axes.legend(fontsize=8, frameon=False, loc="best")
    name = f"decision_{decision['name']}"
    columns = ["model", "regime", "threshold", "estimate", "lower", "upper", "n", "events"]
    return Drawn(name, decision["label"], svg_of(figure, name, decision["label"]), table[columns])


def _everybody(decision: dict) -> str:
    return "Everybody" if decision["act"] == "above" else "Everybody less"


def _nobody(decision: dict) -> str:
    return "Nobody" if decision["act"] == "above" else "Nobody less"


def decision_tables(released: Released, labels: Labels) -> list[dict]:
    """Per decision the rows of a few thresholds, what the whole range shows, and why this range; without figures where too few are left."""
    told = [one["name"] for one in _told(released)]
    return [
        _head(labels, decision) | (_body(released, labels, decision) if decision["name"] in told else {"rows": []})
        for decision in released.study["evaluate"]["decisions"]
    ]


def _head(labels: Labels, decision: dict) -> dict:
    low, high = (f"{100 * threshold:g}" for threshold in decision["thresholds"])
    return {
        "name": decision["name"],
        "endpoint": decision["endpoint"],
        "label": decision["label"],
        "event": f"{labels.endpoint(decision['endpoint'])} by {years(decision['horizon'])}",
        "range": f"{low} to {high} %",
        "act": decision["act"],
        "reason": decision["reason"],
        "among": _among(labels, decision),
    }


def _among(labels: Labels, decision: dict) -> str:
    """For whom the decision is, in words; empty for all patients."""
    wanted = (decision.get("among") or {}).items()
    told = [
        f"{labels.variable(name)}: {' or '.join(labels.level(name, str(one)) for one in levels)}"
        for name, levels in wanted
    ]
    return "; ".join(told)


def _body(released: Released, labels: Labels, decision: dict) -> dict:
    best = _reference(released, decision)
    table = _benefit(released, decision)
    own = _of(table, (released.primary["model"], released.primary["regime"])).set_index("threshold")
    standard = _of(
        _benefit(released, decision, "standardised_net_benefit"),
        (released.primary["model"], released.primary["regime"]),
    )
    standard = standard.set_index("threshold")
    against = {method: _differences(released, decision, method) for method in (*best, ALL)}
    rows = []
    for threshold in _few(own.index.to_numpy()):
        row = {
            "threshold": f"{100 * threshold:g} %",
            "odds": _odds(threshold),
            "benefit": interval(own.loc[threshold]),
            "standardised": _shares(standard.loc[threshold]) if threshold in standard.index else "not estimable",
        }
        row["differences"] = [_difference(table, threshold) for table in against.values()]
        row["avoided"] = _avoided(against[ALL], decision, threshold)
        rows.append(row)
    heads = [f"v. {labels.regime(method[1])}" for method in best] + [f"v. {_everybody(decision).lower()}"]
    return {
        "rows": rows,
        "heads": heads,
        "whole": [_range_text(table, labels, decision, method) for method, table in against.items()],
    }


def _few(thresholds: np.ndarray) -> list[float]:
    """The ends of the range and three thresholds between."""
    places = np.unique(np.linspace(0, len(thresholds) - 1, min(5, len(thresholds))).round().astype(int))
    return [float(thresholds[place]) for place in places]


def _odds(threshold: float) -> str:
    """How many unnecessary actions one missed event counts as."""
    worth = (1 - threshold) / threshold
    return f"1 : {worth:.1f}" if worth >= 1 else f"{1 / worth:.1f} : 1"


def _reference(released: Released, decision: dict) -> list[tuple[str, str]]:
    """The score to beat where it gives a probability, else the first comparator that does."""
    table = _benefit(released, decision)
    scores = scores_of(released, decision["endpoint"])
    able = [method for method in scores if _of(table, method)["estimate"].notna().any()]
    bar = bar_of(released)
    return [bar] if bar in able else able[:1]


def _differences(released: Released, decision: dict, method: tuple[str, str]) -> pd.DataFrame:
    rows, primary = released.comparisons, released.primary
    chosen = (
        (rows["metric"] == "net_benefit") & (rows["decision"] == decision["name"]) & (rows["evaluated_on"] == "all")
    )
    chosen &= (rows["model"] == primary["model"]) & (rows["regime"] == primary["regime"])
    chosen &= (rows["reference_model"] == method[0]) & (rows["reference_regime"] == method[1])
    found = rows[chosen]
    pooled = found[found["estimand"] == "pooled"]
    return (pooled if len(pooled) else found).set_index("threshold").sort_index()


def _difference(rows: pd.DataFrame, threshold: float) -> str:
    return signed_interval(*rows.loc[threshold, ["difference", "lower", "upper"]]) if threshold in rows.index else ""


def _avoided(rows: pd.DataFrame, decision: dict, threshold: float) -> str:
    """Unnecessary actions fewer per 100 patients than with acting on everybody (rows), at no more missed events."""
    if decision["act"] != "above" or threshold not in rows.index:
        return ""
    worth = 100 * (1 - threshold) / threshold
    estimate, lower, upper = worth * rows.loc[threshold, ["difference", "lower", "upper"]].astype(float)
    return interval({"estimate": estimate, "lower": lower, "upper": upper}, 1)


def _shares(row: pd.Series) -> str:
    """A share of the largest net benefit with its interval, in per cent."""
    return interval({name: 100 * row[name] for name in ("estimate", "lower", "upper")}, 0)


def _range_text(everywhere: pd.DataFrame, labels: Labels, decision: dict, method: tuple[str, str]) -> str:
    """One sentence on a band that holds at all thresholds together."""
    rows = everywhere.dropna(subset=["band_lower"])
    who = labels.regime(method[1]) if method != ALL else f"acting on {_everybody(decision).lower()}"
    if rows.empty:
        return f"Against {who}: not estimable."
    better = rows.index[rows["band_lower"] > 0]
    worst = rows["band_lower"].min()
    if len(better):
        text = f"better at {len(better)} of {len(rows)} thresholds ({_runs(everywhere.index, better)})"
    else:
        text = "better at no threshold"
    left = len(everywhere) - len(rows)
    more = f"; not estimable at {left} of {len(everywhere)} thresholds" if left else ""
    where = "nowhere" if not left else "where estimable nowhere"
    return f"Against {who}: {text}; {where} {_loss(worst)}{more} (band that holds at all thresholds together)."


def _loss(worst: float) -> str:
    """What happens nowhere, by the band's lowest limit; a loss that rounds to nought is less than the last digit shown."""
    if round(-worst, 3) > 0:
        return f"more than {number(-worst)} worse"
    return "as much as 0.001 worse" if worst < 0 else "worse"


def _runs(thresholds: pd.Index, chosen: pd.Index) -> str:
    """The chosen thresholds in per cent, neighbours joined: 17, 22 to 24 %."""
    places = thresholds.get_indexer(chosen)
    parts = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)
    ends = [(100 * thresholds[part[0]], 100 * thresholds[part[-1]]) for part in parts]
    return ", ".join(f"{low:g}" if low == high else f"{low:g} to {high:g}" for low, high in ends) + " %"
