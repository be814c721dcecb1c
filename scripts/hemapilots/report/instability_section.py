"""How much single patients' predictions move when the primary model is trained again on resampled patients."""

import pandas as pd

from hemapilots.report.released import Released
from hemapilots.report.words import Labels, interval
from hemapilots.texts import years

__all__ = ["instability_tables"]


def instability_tables(released: Released, labels: Labels) -> dict | None:
    """Mean absolute difference per horizon, and flips at the ends and in the middle of each decision's range; None without refits."""
    rows = released.metrics[released.metrics["metric"].isin(["mape", "flip_share"])]
    if rows["estimate"].notna().sum() == 0:
        return None
    errors = rows[rows["metric"] == "mape"].sort_values("horizon").to_dict("records")
    return {
        "endpoint": labels.endpoint(released.primary["endpoint"]),
        "errors": [{"label": f"By {years(row['horizon'])}", "cell": interval(row)} for row in errors],
        "flips": [row for decision in released.study["evaluate"]["decisions"] for row in _flips(rows, decision)],
    }


def _flips(rows: pd.DataFrame, decision: dict) -> list[dict]:
    own = rows[rows["decision"] == decision["name"]].sort_values("threshold").to_dict("records")
    kept = [own[place] for place in sorted({0, len(own) // 2, len(own) - 1})] if own else []
    return [
        {"decision": decision["label"], "threshold": f"{100 * row['threshold']:g} %", "cell": interval(row)}
        for row in kept
    ]
