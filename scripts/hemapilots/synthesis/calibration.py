"""Generated against expected figures: the `targets` of a recipe, found in a large sample of its law.

A target has a `group`, a `source`, a `kind` (check: the recipe's own figure, must be met; rate: must be met within 15 %;
published: listed), a `measure`, and `values`: label -> [expression, expected]. Optional: `where` (an expression: among whom),
`at` (years, or the quantile), `endpoint` or `recurrent`, and `profile` (of sites; the plain law by default).
"""

import numpy as np
import pandas as pd

from hemapilots.expressions import parse
from hemapilots.scores import evaluate
from hemapilots.synthesis.cohort import Drawn, draw
from hemapilots.synthesis.sites import PLAIN

__all__ = ["COLUMNS", "PATIENTS", "calibration"]

COLUMNS = ("target", "source", "kind", "expected", "found", "tolerance", "met")
PATIENTS, SEED, SITE = 20_000, 4, 10**6 + 1
# Per kind: tolerance of shares (points), of probabilities, of correlations, and of everything else (relative).
_TOLERANCES = {"check": (1.5, 0.02, 0.05, 0.05), "published": (4.0, 0.04, 0.1, 0.15), "rate": (4.0, 0.04, 0.1, 0.15)}
_PLACE = {"share": 0, "survival": 1, "incidence": 1, "spearman": 2}


def calibration(recipe: dict, use_case: dict | None = None, scores: dict | None = None) -> pd.DataFrame:
    """A row per expected figure: COLUMNS; tolerance in the target's unit, met is true or false.

    use_case: its `variables` and `derived` give what scores need; scores: those of `hemapilots.scores.load_scores` by name,
    evaluated as columns `<name>` and `<name>_category` with "_" for "-".
    """
    samples: dict[str, Drawn] = {}
    rows = []
    for target in recipe.get("targets", []):
        profile = target.get("profile", PLAIN)
        if profile not in samples:
            samples[profile] = _sample(recipe, profile, use_case or {}, scores or {})
        for label, (*expressions, expected) in target["values"].items():
            found = _found(target, expressions, samples[profile])
            tolerance = _tolerance(target, expected)
            named = {"target": f"{target['group']}: {label}", "source": target["source"], "kind": target["kind"]}
            met = bool(abs(found - expected) <= tolerance)
            rows.append(named | {"expected": expected, "found": found, "tolerance": tolerance, "met": met})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _sample(recipe: dict, profile: str, use_case: dict, scores: dict) -> Drawn:
    drawn = draw(recipe, SITE, PATIENTS, SEED, profile)
    table = drawn.complete.copy()
    absent = [name for name in use_case.get("variables", {}) if name not in table]
    table = table.assign(**dict.fromkeys(absent, np.nan))
    for name, spec in use_case.get("derived", {}).items():
        if name not in table:
            expression = parse(spec["expression"])
            give = expression.evaluate_text if spec["type"] == "category" else expression.evaluate
            table[name] = give(table)
    wanted = {name for target in recipe["targets"] for name in target.get("scores", [])}
    for name in sorted(wanted):
        result, column = evaluate(scores[name], table), name.replace("-", "_")
        table[column], table[f"{column}_category"] = result["score"], result["category"]
    return Drawn(drawn.clean, table, drawn.events)


def _tolerance(target: dict, expected: float) -> float:
    place = _PLACE.get(target["measure"], 3)
    value = _TOLERANCES[target["kind"]][place]
    return value if place < 3 else value * abs(expected)


def _found(target: dict, expressions: list[str], drawn: Drawn) -> float:
    among = _true(target["where"], drawn.complete) if "where" in target else np.ones(len(drawn.complete), dtype=bool)
    if target["measure"] in _OF_TIME:
        among = among & _true(expressions[0], drawn.complete)
        return float(_OF_TIME[target["measure"]](target, drawn, among))
    values = [parse(text).evaluate(drawn.complete)[among] for text in expressions]
    return float(_OF_VALUES[target["measure"]](target, *values))


def _true(text: str, table: pd.DataFrame) -> np.ndarray:
    return parse(text).evaluate(table) == 1


def _times(target: dict, drawn: Drawn, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Uncensored time to the first event of an endpoint, and to its event 1."""
    name = target["endpoint"]
    time = drawn.complete[f"{name}_true"].to_numpy()[among]
    return time, np.where(drawn.complete[f"{name}_cause"].to_numpy()[among] == 1, time, np.inf)


def _survival(target: dict, drawn: Drawn, among: np.ndarray) -> float:
    return (_times(target, drawn, among)[0] > target["at"]).mean()


def _incidence(target: dict, drawn: Drawn, among: np.ndarray) -> float:
    return (_times(target, drawn, among)[1] <= target["at"]).mean()


def _median_time(target: dict, drawn: Drawn, among: np.ndarray) -> float:
    return np.median(_times(target, drawn, among)[0])


def _rate(target: dict, drawn: Drawn, among: np.ndarray) -> float:
    """Per 100 person-years of observation for an endpoint, per person-year for a recurrent outcome."""
    if "endpoint" in target:
        spec_time, spec_event = (drawn.complete[name].to_numpy()[among] for name in target["columns"])
        return 100.0 * (spec_event == 1).sum() / spec_time.sum()
    rows = drawn.events[drawn.events["outcome"] == target["recurrent"]]
    rows = rows[rows["patient_id"].isin(drawn.clean["patient_id"][among])]
    return (rows["event"] == 1).sum() / (rows["stop"] - rows["start"]).sum()


def _share(target: dict, values: np.ndarray) -> float:
    return 100.0 * np.nanmean(values == 1)


def _quantile(target: dict, values: np.ndarray) -> float:
    return np.nanquantile(values, target["at"])


def _mean(target: dict, values: np.ndarray) -> float:
    return np.nanmean(values)


def _sd(target: dict, values: np.ndarray) -> float:
    return np.nanstd(values)


def _median(target: dict, values: np.ndarray) -> float:
    return np.nanmedian(values)


def _spearman(target: dict, one: np.ndarray, two: np.ndarray) -> float:
    return pd.Series(one).corr(pd.Series(two), method="spearman")


_OF_TIME = {"survival": _survival, "incidence": _incidence, "median_time": _median_time, "rate": _rate}
_OF_VALUES = {
    "share": _share,
    "mean": _mean,
    "sd": _sd,
    "median": _median,
    "quantile": _quantile,
    "spearman": _spearman,
}
