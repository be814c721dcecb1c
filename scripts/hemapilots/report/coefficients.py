"""The final model: its largest coefficients, its penalties, and, for invented patients, the truth beside the estimates."""

import math
import re

import pandas as pd

from hemapilots.report.figures import Drawn, forest
from hemapilots.report.released import Released
from hemapilots.report.style import GREY, LIGHT, colour_of, new_figure, svg_of
from hemapilots.report.words import Labels, number

__all__ = ["coefficient_forest", "coefficient_rows", "penalty_rows", "true_coefficients", "truth_figure"]

TOP = 15


def coefficient_rows(released: Released, labels: Labels, endpoint: str) -> list[dict]:
    """The columns of the final primary model by falling |coefficient|, with hazard ratios per unit; `pooled` and `truth` where known."""
    primary = released.primary
    card = released.card(endpoint, primary["model"], primary["regime"])
    pooled = released.card(endpoint, primary["model"], "pooled")
    beside = {row["column"]: row for row in pooled["coefficients"]} if pooled else {}
    truth = true_coefficients(released, endpoint)
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
                "pooled": beside.get(row["column"], {}).get("hazard_ratio_per_unit"),
                "truth": truth.get(row["column"]),
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
    return number(value, digits) if lower is None else f"{number(value, digits)} ({number(lower, digits)} to {number(upper, digits)})"


def coefficient_forest(rows: list[dict], endpoint: str, label: str) -> Drawn:
    """The largest coefficients per standard deviation, which makes columns comparable."""
    colour, marker = colour_of("federated")
    drawn = []
    for row in rows[:TOP]:
        lower, upper = (row["lower"], row["upper"]) if row["se"] is not None else (math.nan, math.nan)
        figures = {"estimate": row["coefficient"], "lower": lower, "upper": upper}
        drawn.append(figures | {"label": row["label"], "text": row["text"], "colour": colour, "marker": marker})
    title = f"{label}: the {len(drawn)} largest coefficients of the final model"
    return forest(drawn, f"coefficients_{endpoint}", title, "Log hazard ratio per SD", 0.0, heading="Hazard ratio per unit", left=0.42)


def penalty_rows(released: Released, labels: Labels) -> list[dict]:
    """Per endpoint, model and regime: size, columns, penalty of the final model, penalties chosen in folds, rounds, fits that failed."""
    rows = []
    for endpoint in released.endpoints:
        for (of, model, regime), card in released.cards.items():
            if of == endpoint:
                folds = pd.Series(card["penalties_chosen_in_folds"]).value_counts().sort_index()
                rows.append(
                    {
                        "endpoint": labels.endpoint(endpoint),
                        "label": labels.method(model, regime),
                        "patients": card["patients"],
                        "events": card["events"],
                        "columns": len(card["columns"]),
                        "penalty": f"{card['penalty']:g}",
                        "folds": ", ".join(f"{penalty:g} ({times} ×)" for penalty, times in folds.items()),
                        "rounds": card["rounds"],
                        "unconverged": card["unconverged_fits"],
                        "edge": card["penalty"] in _ends(released),
                    }
                )
    return rows


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
    for name, value in (spec.get("limit") or spec["coefficients"]).items():
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
    """Estimated against true log hazard ratios per unit, for the columns that both have."""
    known = [row for row in rows if row["truth"] is not None and row["hr_lower"] is not None]
    if len(known) < 3:
        return None
    table = pd.DataFrame({"column": [row["column"] for row in known], "label": [row["label"] for row in known], "truth": [row["truth"] for row in known]})
    for name, source in (("estimate", "hr"), ("lower", "hr_lower"), ("upper", "hr_upper")):
        table[name] = [math.log(row[source]) for row in known]
    figure = new_figure(4.9, 4.2)
    axes = figure.add_axes([0.14, 0.13, 0.83, 0.84])
    limits = [min(table["truth"].min(), table["lower"].min()) - 0.1, max(table["truth"].max(), table["upper"].max()) + 0.1]
    axes.plot(limits, limits, color=GREY, linewidth=0.8, linestyle="--", zorder=0)
    axes.axhline(0, color=LIGHT, linewidth=0.8, zorder=0)
    axes.axvline(0, color=LIGHT, linewidth=0.8, zorder=0)
    axes.vlines(table["truth"], table["lower"], table["upper"], color=colour_of("federated")[0], linewidth=1.1)
    axes.plot(table["truth"], table["estimate"], "o", color=colour_of("federated")[0], markersize=4.5)
    _name_points(axes, table)
    axes.set(xlim=limits, ylim=limits, xlabel="True log hazard ratio per unit", ylabel="Estimated, final federated model")
    title = f"{label}: true and estimated coefficients"
    return Drawn(f"truth_{endpoint}", title, svg_of(figure, f"truth_{endpoint}", title), table)


def _name_points(axes, table: pd.DataFrame) -> None:
    """Labels beside the points that lie apart from zero, where they do not run into each other."""
    taken = []
    for row in table.assign(size=table["truth"].abs()).sort_values("size", ascending=False).itertuples():
        spot = (row.truth, row.estimate)
        if abs(row.truth) > 0.35 and all(abs(spot[0] - x) > 0.25 or abs(spot[1] - y) > 0.07 for x, y in taken):
            right = row.truth < table["truth"].max() - 0.25
            axes.annotate(row.label, spot, xytext=(5 if right else -5, 3), textcoords="offset points", fontsize=7.5, ha="left" if right else "right")
            taken.append(spot)
