"""How names and numbers are written for readers."""

import math
import re

from hemapilots.columns import column_specs
from hemapilots.texts import years

__all__ = [
    "METRICS",
    "NOT_SHOWN",
    "Labels",
    "cell_of_time",
    "count",
    "interval",
    "number",
    "p_value",
    "percent",
    "signed",
    "signed_interval",
    "unit_text",
]

NOT_SHOWN = "not shown"
NOT_ESTIMABLE = "not estimable"
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
METRICS = {
    "uno_c": "Uno’s C",
    "harrell_c": "Harrell’s C",
    "auc": "AUC",
    "brier": "Brier score",
    "ibs": "Integrated Brier score",
    "ipa": "IPA",
    "oe": "O/E",
    "calibration_intercept": "Intercept",
    "calibration_slope": "Slope",
    "ici": "ICI",
    "e50": "E50",
    "e90": "E90",
    "d_calibration": "D-calibration",
    "net_benefit": "Net benefit",
    "standardised_net_benefit": "Standardised net benefit",
    "mcf": "Mean number of episodes",
    "rate_ratio": "Rate ratio",
}


def number(value: float | None, digits: int = 3) -> str:
    """A number with so many decimals and a true minus; words where it is missing."""
    if value is None or not math.isfinite(value):
        return NOT_ESTIMABLE
    text = f"{value:.{digits}f}"
    return (text if float(text) else text.removeprefix("-")).replace("-", "−")


def p_value(p: float) -> str:
    """A p value with its sign: = 0.031, or < 0.001."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"


def signed(value: float | None, digits: int = 3) -> str:
    """A difference: always with its sign, save for zero."""
    text = number(value, digits)
    return text if text.startswith(("−", "n")) or not float(text) else f"+{text}"


def interval(row, digits: int = 3) -> str:
    """Estimate with its interval, from a row with estimate, lower and upper."""
    text = number(row["estimate"], digits)
    if text == NOT_ESTIMABLE or row["lower"] is None or not math.isfinite(row["lower"]):
        return text
    return f"{text} ({number(row['lower'], digits)} to {number(row['upper'], digits)})"


def signed_interval(estimate, lower, upper, digits: int = 3) -> str:
    """A difference with its interval."""
    text = signed(estimate, digits)
    if text == NOT_ESTIMABLE or lower is None or not math.isfinite(lower):
        return text
    return f"{text} ({signed(lower, digits)} to {signed(upper, digits)})"


def count(value: float | None) -> str:
    """A count with thousands apart; a suppressed one says so."""
    return NOT_SHOWN if value is None or not math.isfinite(value) else f"{round(value):,}".replace(",", "\u202f")


def cell_of_time(step: float) -> str:
    """One cell of a grid of times in words: `quarter-year`, `half-year`; with an s they are many."""
    return {0.25: "quarter-year", 0.5: "half-year", 1.0: "year"}.get(step, f"{step:g}-year step")


def unit_text(unit: str | None) -> str:
    """A UCUM unit as people write it."""
    if unit in (None, "1"):
        return ""
    return "years" if unit == "a" else re.sub(r"10\*(\d+)", lambda match: "10" + match[1].translate(_RAISED), unit)


def percent(part: float | None, whole: float | None, digits: int = 1) -> str:
    """Part of a whole in per cent, empty where one of them is missing."""
    return "" if part is None or not whole else f"{100 * part / whole:.{digits}f} %"


RECALIBRATED = {"recalibrated": "each site’s baseline", "recalibrated-slope": "each site’s baseline and slope"}


class Labels:
    """Readers' names for a study's endpoints, models, regimes, scores and design columns."""

    def __init__(self, study: dict):
        self.use_case = study["harmonize"]
        self.variables = column_specs(self.use_case)

    def endpoint(self, name: str) -> str:
        """An endpoint's label."""
        return self.use_case["endpoints"][name]["label"]

    def score(self, name: str) -> str:
        """A comparator's label."""
        return self.use_case["comparators"].get(name, {}).get("label") or name

    def regime(self, regime: str) -> str:
        """Where a model learned, and whether a site fitted it to itself."""
        regime, _, anew = regime.partition("+")
        if anew:
            return f"{self.regime(regime)}, {RECALIBRATED[anew]}"
        kind, _, name = regime.partition("/")
        if kind == "score":
            return self.score(name)
        if kind == "treat":
            return {"all": "everybody treated", "none": "nobody treated"}[name]
        if regime == "local/own":
            return "Each site’s own model"
        if kind == "local":
            return f"Model of {name}"
        if regime == "federated/finetune":
            return "Federated (finetune, each site’s own last step)"
        return f"Federated ({name})" if kind == "federated" else "Pooled, simulation only"

    def method(self, model: str, regime: str) -> str:
        """Model and regime in one phrase."""
        return (
            self.regime(regime)
            if model == "score"
            else f"{model}, {self.regime(regime)[0].lower()}{self.regime(regime)[1:]}"
        )

    def subject(self, model: str, regime: str, primary: dict) -> str:
        """A method as the subject of a sentence, short where the model is the primary one."""
        if model == "score":
            return self.regime(regime)
        name = "" if model == primary["model"] else f" {model}"
        kind, _, where = regime.partition("/")
        if regime == "local/own":
            return f"each site’s own{name} model"
        if kind == "local":
            return f"the{name} model of {where}"
        return f"the federated{name} model" if kind == "federated" else f"the pooled{name} model"

    def metric(self, metric: str, horizon: float | None = None) -> str:
        """A metric, with its horizon where it has one."""
        name = METRICS.get(metric, metric)
        return name if horizon is None or not math.isfinite(horizon) else f"{name} at {years(horizon)}"

    def variable(self, name: str) -> str:
        """A variable's label."""
        return self.variables.get(name, {}).get("label") or name

    def column(self, column: str) -> str:
        """A design column: the variable, one of its levels, or the sign that it is missing."""
        if column in self.variables:
            return self.variable(column)
        if column.endswith("_missing") and column.removesuffix("_missing") in self.variables:
            return f"{self.variable(column.removesuffix('_missing'))}: missing"
        for name in self.variables:
            level = self._level_of(name, column)
            if level:
                return f"{self.variable(name)}: {self._level_text(level)}"
        return column

    def _level_of(self, name: str, column: str) -> str | None:
        """The level of a variable that a design column stands for."""
        level = column.removeprefix(f"{name}_")
        return level if level != column and level in (self.variables[name].get("levels") or []) else None

    def _doubles(self, column: str) -> bool:
        """Whether a derived variable is a logarithm to the base of two."""
        derived = self.use_case.get("derived", {}).get(column)
        return bool(derived) and derived["expression"].replace(" ", "").endswith("/ln(2)")

    @staticmethod
    def _level_text(level: str) -> str:
        return level.replace("_", " ")

    def unit(self, column: str) -> str:
        """What one unit of a design column is; of a level of a category, against the one that has no column."""
        spec = self.variables.get(column)
        if spec is None:
            name = next((one for one in self.variables if self._level_of(one, column)), None)
            return f"v. {self._level_text(self.variables[name]['levels'][0])}" if name else "present v. absent"
        if spec["type"] == "flag":
            return "present v. absent"
        if self._doubles(column):
            return "per doubling"
        if spec["type"] == "category":
            return "per level"
        unit = spec.get("unit")
        return {"a": "per year", "%": "per percentage point", "1": "per point", None: "per point"}.get(
            unit, f"per {unit_text(unit)}"
        )

    def level(self, variable: str, level: str) -> str:
        """A level of a flag or category."""
        if self.variables.get(variable, {}).get("type") == "flag":
            return {"1": "yes", "0": "no"}.get(level, level)
        return self._level_text(level)
