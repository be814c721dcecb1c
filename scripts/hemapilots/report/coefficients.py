"""The final model: its largest coefficients, its penalties, and, for invented patients, the truth beside the estimates."""

import math
import re

import pandas as pd

from hemapilots.report.figures import Drawn, forest
from hemapilots.report.released import Released
from hemapilots.report.style import colour_of
from hemapilots.report.words import Labels, number

__all__ = [
    "coefficient_forest",
    "coefficient_rows",
    "left_out_rows",
    "penalty_rows",
    "shift_from_pooled",
    "true_coefficients",
    "truth_figure",
]

TOP = 15


def coefficient_rows(released: Released, labels: Labels, endpoint: str) -> list[dict]:
    """The columns of the final primary model by falling |coefficient|, with hazard ratios per unit; `pooled` and `truth` where known."""
    primary = released.primary
    card = released.card(endpoint, primary["model"], primary["regime"])
    pooled = released.card(endpoint, primary["model"], "pooled")
    beside = {row["column"]: row for row in pooled.get("coefficients", [])} if pooled else {}
    truth = true_coefficients(released, endpoint)
    if card is None or "coefficients" not in card:
        return []
    kept = [row for row in card["coefficients"] if row["reason"] is None]
    rows = []
    for row in sorted(kept, key=lambda row: -abs(row["coefficient"])):
        lower, upper = _per_unit(row)
        rows.append(
            row
            | {
                "label": labels.column(row["column"]),
                "unit": labels.unit(row["column"]),
                "hr": row["hazard_ratio_per_unit"],
                "hr_lower": lower,
                "hr_upper": upper,
                "text": _ratio(row["hazard_ratio_per_unit"], lower, upper),
                "pooled": _ratio(beside.get(row["column"], {}).get("hazard_ratio_per_unit"), None, None),
                "truth": truth.get(row["column"]),
                "true_text": _ratio(math.exp(truth[row["column"]]), None, None) if row["column"] in truth else "",
            }
        )
    return rows


def _per_unit(row: dict) -> tuple[float | None, float | None]:
    """The Wald interval of the hazard ratio per unit; the card holds it per standard deviation."""
    if row["se"] is None or not row["coefficient"]:
        return None, None
    per_unit = math.log(row["hazard_ratio_per_unit"]) / row["coefficient"]
    return math.exp(row["lower"] * per_unit), math.exp(row["upper"] * per_unit)


def _ratio(value: float | None, lower: float | None, upper: float | None) -> str:
    if value is None:
        return ""
    # A ratio per small unit lies close to 1 and needs a third decimal.
    digits = 3 if abs(value - 1) < 0.1 else 2
    return (
        number(value, digits)
        if lower is None
        else f"{number(value, digits)} ({number(lower, digits)} to {number(upper, digits)})"
    )


def coefficient_forest(rows: list[dict], endpoint: str, label: str) -> Drawn:
    """The largest coefficients per standard deviation, which makes columns comparable."""
    colour, marker = colour_of("federated")
    drawn = []
    for row in rows[:TOP]:
        lower, upper = (row["lower"], row["upper"]) if row["se"] is not None else (math.nan, math.nan)
        figures = {"estimate": row["coefficient"], "lower": lower, "upper": upper}
        drawn.append(figures | {"label": row["label"], "text": row["text"], "colour": colour, "marker": marker})
    title = f"{label}: the {len(drawn)} largest coefficients of the final model"
    return forest(
        drawn, f"coefficients_{endpoint}", title, "Log hazard ratio per SD", 0.0, heading="Hazard ratio per unit"
    )


def penalty_rows(released: Released, labels: Labels) -> list[dict]:
    """Per endpoint, model and regime: size, columns, penalty of the final model, penalties chosen in folds, rounds, fits that failed."""
    rows = []
    for endpoint in released.endpoints:
        for (of, model, regime), card in released.cards.items():
            if of == endpoint and "penalty" in card:
                folds = pd.Series(card["penalties_chosen_in_folds"]).value_counts().sort_index()
                rows.append(
                    {
                        "endpoint": labels.endpoint(endpoint),
                        "label": labels.method(model, regime),
                        "patients": card["patients"],
                        "events": card["events"],
                        "columns": len(card["columns"]),
                        "penalty": f"{card['penalty']:g}" + _ratio_text(card),
                        "folds": ", ".join(f"{penalty:g} ({times} ×)" for penalty, times in folds.items()),
                        "rounds": card["rounds"],
                        "unconverged": card["unconverged_fits"],
                        "edge": card["penalty"] in _ends(released),
                    }
                )
    return rows


def _ratio_text(card: dict) -> str:
    """The share of an elastic net's penalty on absolute values."""
    return f", L1 ratio {card['l1_ratio']:g}" if "l1_ratio" in card else ""


def shift_from_pooled(released: Released, endpoint: str) -> float | None:
    """The largest difference of a coefficient per standard deviation between the primary model and its pooled counterpart."""
    primary = released.primary
    cards = [released.card(endpoint, primary["model"], regime) for regime in (primary["regime"], "pooled")]
    if not all(card and "coefficients" in card for card in cards):
        return None
    ours, pooled = ({row["column"]: row["coefficient"] for row in card["coefficients"]} for card in cards)
    return max((abs(value - pooled[name]) for name, value in ours.items() if name in pooled), default=None)


def _ends(released: Released) -> tuple[float, float]:
    grid = sorted(released.protocol["protocol"]["penalties"])
    return grid[0], grid[-1]


def true_coefficients(released: Released, endpoint: str) -> dict[str, float]:
    """True log hazard ratio per unit of each design column that is a covariate of the recipe, up to its origin and scale."""
    if released.truth is None or endpoint not in released.truth["endpoints"]:
        return {}
    spec = released.truth["endpoints"][endpoint]
    derived = {_plain(one["expression"]): name for name, one in released.study["harmonize"]["derived"].items()}
    found = {}
    for name, value in ((spec.get("limit") or {}).get("coefficients") or spec["coefficients"]).items():
        column, scale = _column(released.truth["covariates"].get(name, name), derived)
        found[column] = value / scale
    return found


def _plain(expression: str) -> str:
    return re.sub(r"\s+", "", expression)


def _column(expression: str, derived: dict[str, str]) -> tuple[str, float]:
    """(design column, units of it per unit of the covariate) of a level, a variable or a shifted and scaled one."""
    text = _plain(expression)
    if match := re.fullmatch(r'(\w+)=="(\w+)"', text):
        return f"{match[1]}_{match[2]}", 1.0
    scale = 1.0
    if match := re.fullmatch(r"(.+)/([\d.]+)", text):
        text, scale = match[1], float(match[2])
        if match := re.fullmatch(r"\((\w+)[-+][\d.]+\)", text):
            text = match[1]
    return derived.get(text, text), scale


def truth_figure(rows: list[dict], endpoint: str, label: str) -> Drawn | None:
    """Estimated (filled) and true (hollow) coefficients per standard deviation, for the columns that both have."""
    known = [row for row in rows if row["truth"] is not None and row["se"] is not None and row["coefficient"]]
    if len(known) < 3:
        return None
    colour, marker = colour_of("federated")
    drawn = []
    for row in known:
        # The card holds the coefficient per standard deviation and the ratio per unit; their quotient is the deviation.
        true = row["truth"] * row["coefficient"] / math.log(row["hr"])
        row = {
            "label": row["label"],
            "estimate": row["coefficient"],
            "lower": row["lower"],
            "upper": row["upper"],
            "true": true,
        }
        text = f"{number(row['estimate'], 2)}, truth {number(true, 2)}"
        drawn.append(row | {"text": text, "second": (true, true, true), "colour": colour, "marker": marker})
    drawn.sort(key=lambda row: -abs(row["true"]))
    title = f"{label}: true and estimated coefficients"
    return forest(drawn, f"truth_{endpoint}", title, "Log hazard ratio per SD", 0.0, heading="Estimate and truth")


def left_out_rows(released: Released, labels: Labels) -> list[dict]:
    """Columns that no site's model uses, primary endpoint, grouped by model, reason and sites."""
    groups: dict[tuple, list[str]] = {}
    for row in released.agreed.get("left_out", []):
        if row["endpoint"] == released.primary["endpoint"]:
            groups.setdefault((row["model"], row["reason"], tuple(row["sites"])), []).append(
                labels.column(row["column"])
            )
    return [
        {"model": model, "reason": reason, "sites": sites, "columns": names}
        for (model, reason, sites), names in groups.items()
    ]
