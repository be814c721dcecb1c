"""What a faulty site did: in which rounds of which federations, and what became of the models, beside the pooled ones it never reached."""

import numpy as np
import pandas as pd

from hemapilots.ledger import FAULTS
from hemapilots.report.performance import figure_of
from hemapilots.report.released import Released
from hemapilots.report.words import Labels, interval, number, signed_interval

__all__ = ["absence_rows", "fault_rows", "margin_of"]


def fault_rows(released: Released, labels: Labels) -> list[dict]:
    """Per federation of the primary endpoint: rounds with the fault, C, C less the same model pooled, slope, and whether it held.

    The pooled models see the patients of all sites and no message, so no fault reaches them. None without a fault.
    """
    if released.contest is None:
        return []
    endpoint, struck, margin = released.primary["endpoint"], _struck(released), margin_of(released)
    first = min(released.study["evaluate"]["horizons"][endpoint])
    rows = released.contest[released.contest["metric"] == released.primary["metric"]]
    rows = rows[rows["regime"].str.startswith("federated/") & ~rows["regime"].str.contains("+", regex=False)]
    against = rows[rows["reference_regime"] == "pooled"].set_index(["model", "regime"])
    out = []
    for row in rows[rows["reference_model"].isna()].to_dict("records"):
        key = (row["model"], row["regime"])
        # Where the pooled model reaches too few patients there is nothing to hold against.
        less = against[["estimate", "lower", "upper"]].reindex([key]).iloc[0]
        slope = figure_of(released, endpoint, key, "calibration_slope", horizon=first)
        out.append(
            {
                "model": row["model"],
                "label": labels.regime(row["regime"]),
                "struck": struck.get(key, "none"),
                "figure": interval(row),
                "difference": signed_interval(*less),
                "slope": number(slope["estimate"], 2),
                "word": _word(less, margin),
            }
        )
    return out


def absence_rows(released: Released, labels: Labels) -> list[dict]:
    """The answers that federations went without, as their cards say: model, site, round, times, reason, consequence."""
    rows = []
    for endpoint in released.endpoints:
        for (of, model, regime), card in released.cards.items():
            if of != endpoint:
                continue
            found = card.get("absences", []) + card.get("competing", {}).get("absences", [])
            for one in found:
                told = {key: one[key] for key in ("site", "times", "consequence")}
                told |= {"what": one["task"].replace("_", " "), "round": one["round"] or "outside rounds"}
                told["reason"] = one["reason"].removeprefix(f"site {one['site']}: ")
                rows.append({"endpoint": labels.endpoint(endpoint), "label": labels.method(model, regime)} | told)
    return rows


def margin_of(released: Released) -> float | None:
    """By how much the protocol lets a federation rank less well than pooling; None where no criterion says so."""
    criteria = released.protocol["protocol"]["criteria"]
    margins = [one["margin"] for one in criteria if one["test"] == "non_inferior" and one["against"] == "pooled"]
    return margins[0] if margins else None


def _struck(released: Released) -> dict[tuple[str, str], str]:
    """By (model, regime): each faulty site, its rounds with the fault and how many rounds there were; from the ledgers."""
    endpoint, found = released.primary["endpoint"], {}
    for site, fault in released.study["varies"]["faults"].items():
        mine = released.ledger[
            (released.ledger["site"] == site) & released.ledger["reason"].str.contains(FAULTS[fault["kind"]])
        ]
        for stage, part in mine.groupby("stage", sort=False):
            regime, model, of = (stage.split() + ["", ""])[:3]
            if of == endpoint:
                card = released.card(endpoint, model, regime)
                text = f"{site}, {_rounds(part['round'])} of {card['rounds']}"
                found.setdefault((model, regime), []).append(text)
    return {key: "; ".join(texts) for key, texts in found.items()}


def _rounds(rounds: pd.Series) -> str:
    """Rounds as a reader counts them: how many, and from which to which."""
    known = sorted(set(rounds[rounds > 0]))
    if len(known) < 2:
        return f"round {known[0]}" if known else "outside rounds"
    return f"{len(known)} rounds ({known[0]} to {known[-1]})"


def _word(less: pd.Series, margin: float | None) -> str:
    """Whether a federation held, by the protocol's margin of non-inferiority to pooling; nothing without one."""
    if margin is None or not np.isfinite(less["lower"]):
        return ""
    if less["upper"] < -margin:
        return "fails"
    return "holds" if less["lower"] > -margin else "not decided"
