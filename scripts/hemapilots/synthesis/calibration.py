"""Generated against expected figures: the `targets` of a recipe, found in a large sample of its law.

A target has a `group`, a `source`, a `kind` (check: the recipe's own figure, must be met; rate: must be met within 15 %;
published: listed), a `measure`, and `values`: label -> [expression, expected]. Optional: `where` (an expression: among whom),
`at` (years, or the quantile), `rounded` (half the last digit of what was expected; the tolerance is so much wider),
`endpoint` or `recurrent`, `age` (the variable at entry), and `profile` (of sites; the plain law by default).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hemapilots.expressions import parse
from hemapilots.harmonize.scores import score_columns
from hemapilots.synthesis.cohort import Drawn, draw
from hemapilots.synthesis.outcomes import draw_outcomes
from hemapilots.synthesis.sites import PLAIN, typical
from hemapilots.synthesis.variables import class_of

__all__ = ["COLUMNS", "PATIENTS", "calibration"]

# Event times are drawn several times for the same patients, so that medians of small groups are not left to chance.
REPEATS = 10
COLUMNS = ("target", "source", "kind", "expected", "found", "tolerance", "met")
# Patients where something must be met, and where figures are only shown.
PATIENTS, FEWER = 60_000, 20_000
SEED, SITE = 4, 10**6 + 1
# Per kind: tolerance of shares (points), of probabilities, of correlations, and of everything else (relative).
_TOLERANCES = {"check": (1.5, 0.02, 0.05, 0.05), "published": (4.0, 0.04, 0.1, 0.15), "rate": (4.0, 0.04, 0.1, 0.15)}
_PLACE = {"share": 0, "survival": 1, "incidence": 1, "survival_to_age": 1, "spearman": 2}


@dataclass(frozen=True)
class Sample:
    """n patients: what is true of them with derived variables and scores, and repeated event times (REPEATS, n)."""

    table: dict[str, np.ndarray]
    n: int
    drawn: Drawn
    times: dict[str, np.ndarray]


def calibration(recipe: dict, use_case: dict | None = None) -> pd.DataFrame:
    """A row per expected figure: COLUMNS; tolerance in the target's unit, met is true or false.

    use_case: resolved; expressions may read its derived variables and the columns of its scores.
    """
    samples: dict[str, Sample] = {}
    rows, recipe = [], typical(recipe)
    for target in recipe.get("targets", []):
        profile = target.get("profile", PLAIN)
        if profile not in samples:
            samples[profile] = _sample(recipe, profile, use_case or {})
        for label, (*expressions, expected) in target["values"].items():
            found = _found(target, expressions, samples[profile])
            tolerance = _tolerance(target, expected) + target.get("rounded", 0.0)
            named = {"target": f"{target['group']}: {label}", "source": target["source"], "kind": target["kind"]}
            met = bool(abs(found - expected) <= tolerance)
            rows.append(named | {"expected": expected, "found": found, "tolerance": tolerance, "met": met})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _sample(recipe: dict, profile: str, use_case: dict) -> Sample:
    must = any(one["kind"] != "published" and one.get("profile", PLAIN) == profile for one in recipe["targets"])
    drawn = draw(recipe, SITE, PATIENTS if must else FEWER, SEED, profile)
    columns = {name: drawn.complete[name].to_numpy() for name in drawn.complete}
    times = _repeated(recipe, columns, class_of(recipe, drawn.complete))
    unknown = np.full(len(drawn.complete), np.nan)
    columns = dict.fromkeys(use_case.get("variables", {}), unknown) | columns
    for name, spec in use_case.get("derived", {}).items():
        if name not in columns:
            expression = parse(spec["expression"])
            give = expression.evaluate_text if spec["type"] == "category" else expression.evaluate
            columns[name] = give(columns)
    scores = score_columns(pd.DataFrame(columns, copy=False), use_case)
    return Sample(columns | {name: values.to_numpy() for name, values in scores.items()}, len(unknown), drawn, times)


def _repeated(recipe: dict, columns: dict[str, np.ndarray], classes: np.ndarray) -> dict[str, np.ndarray]:
    """`<endpoint>_true` and `<endpoint>_cause`, shape (REPEATS, n): latents that no variable rests on are drawn anew as well."""
    specs = recipe["variables"].values()
    fixed = {latent for spec in specs for latent in (*spec.get("loading", {}), *spec.get("slope", {}))}
    rounds = []
    # From 1: a last 0 would give the stream of the patients themselves.
    for repeat in range(1, REPEATS + 1):
        rng = np.random.default_rng([SEED, SITE, repeat])
        latents = {name: rng.standard_normal(len(classes)) for name in recipe.get("latents", [])}
        latents |= {name: columns[name] for name in fixed}
        rounds.append(draw_outcomes(recipe["outcomes"], columns, classes, latents, rng))
    kept = [f"{name}_{part}" for name in recipe["outcomes"]["endpoints"] for part in ("true", "cause")]
    return {name: np.stack([one[name] for one in rounds]) for name in kept}


def _tolerance(target: dict, expected: float) -> float:
    place = _PLACE.get(target["measure"], 3)
    value = _TOLERANCES[target["kind"]][place]
    return value if place < 3 else value * abs(expected)


def _found(target: dict, expressions: list[str], sample: Sample) -> float:
    among = _true(target["where"], sample.table) if "where" in target else np.ones(sample.n, dtype=bool)
    if target["measure"] in _OF_TIME:
        among = among & _true(expressions[0], sample.table)
        return float(_OF_TIME[target["measure"]](target, sample, among))
    values = [parse(text).evaluate(sample.table)[among] for text in expressions]
    return float(_OF_VALUES[target["measure"]](target, *values))


def _true(text: str, table: dict) -> np.ndarray:
    return parse(text).evaluate(table) == 1


def _times(target: dict, sample: Sample, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Uncensored time to the first event of an endpoint, and to its event 1."""
    time, cause = (sample.times[f"{target['endpoint']}_{part}"][:, among] for part in ("true", "cause"))
    return time, np.where(cause == 1, time, np.inf)


def _survival(target: dict, sample: Sample, among: np.ndarray) -> float:
    return (_times(target, sample, among)[0] > target["at"]).mean()


def _incidence(target: dict, sample: Sample, among: np.ndarray) -> float:
    return (_times(target, sample, among)[1] <= target["at"]).mean()


def _median_time(target: dict, sample: Sample, among: np.ndarray) -> float:
    return np.median(_times(target, sample, among)[0])


def _rate(target: dict, sample: Sample, among: np.ndarray) -> float:
    """Per 100 person-years of observation for an endpoint, per person-year for a recurrent outcome."""
    if "endpoint" in target:
        (time, of_interest), contact = _times(target, sample, among), sample.table["contact"][among]
        return 100.0 * (of_interest <= contact).sum() / np.minimum(time, contact).sum()
    rows = sample.drawn.events[sample.drawn.events["outcome"] == target["recurrent"]]
    rows = rows[rows["patient_id"].isin(sample.drawn.clean["patient_id"][among])]
    return (rows["event"] == 1).sum() / (rows["stop"] - rows["start"]).sum()


def _survival_to_age(target: dict, sample: Sample, among: np.ndarray) -> float:
    """Product limit from birth to an age, of patients who come under observation at the variable `age`."""
    (time, _), contact = _times(target, sample, among), sample.table["contact"][among]
    entry = np.tile(sample.table[target["age"]][among], len(time))
    exit_ = entry + np.minimum(time, contact).ravel()
    died = np.sort(exit_[(time <= contact).ravel() & (exit_ <= target["at"])])
    at_risk = np.searchsorted(np.sort(entry), died, side="left") - np.searchsorted(np.sort(exit_), died, side="left")
    return np.exp(np.log1p(-1.0 / np.maximum(at_risk, 2)).sum())


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
    both = pd.DataFrame({"one": one, "two": two}).dropna().rank()
    return both["one"].corr(both["two"])


_OF_TIME = {
    "survival": _survival,
    "incidence": _incidence,
    "median_time": _median_time,
    "survival_to_age": _survival_to_age,
    "rate": _rate,
}
_OF_VALUES = {
    "share": _share,
    "mean": _mean,
    "sd": _sd,
    "median": _median,
    "quantile": _quantile,
    "spearman": _spearman,
}
