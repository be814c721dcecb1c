"""Event times from the processes of a recipe, what follows from several of them, and what is seen before the last contact.

A process has a time from its own hazard (`<process>_drawn`) and a final one (`<process>_at`): never, where one that it only
comes `until` is drawn earlier; counted from another's end, where it comes `after` that. Its exponential variate comes from a
standard normal with `loading` on latents, so that processes which share a latent have a Gaussian copula.
An endpoint is the first of its `events`, or of its `competing` ones: `<endpoint>_true` in years, `<endpoint>_cause` 1 or 2.
"""

import numpy as np
import pandas as pd
from scipy.special import log_ndtr

from hemapilots.synthesis.distributions import draw_scores
from hemapilots.synthesis.hazards import hazard
from hemapilots.synthesis.parameters import parameter
from hemapilots.synthesis.variables import DAYS_PER_YEAR

__all__ = ["concordance", "draw_outcomes", "first", "in_days", "observe"]


def draw_outcomes(outcomes: dict, table: dict, classes: np.ndarray, latents: dict, rng) -> dict[str, np.ndarray]:
    """Uncensored times in years, each of shape (n,), infinite for never: `_drawn`, `_at`, `_true` and `_cause`."""
    processes, drawn, at = outcomes["processes"], {}, {}
    for name, spec in processes.items():
        scores = draw_scores(rng, spec.get("loading", {}), latents, len(classes))
        drawn[name] = hazard(spec, table, classes, f"outcomes.processes.{name}").time_of(-log_ndtr(-scores))
    for name, spec in processes.items():
        earlier = [drawn[other] < drawn[name] for other in spec.get("until", [])]
        at[name] = np.where(np.any(earlier, axis=0), np.inf, drawn[name]) if earlier else drawn[name]
    for name, spec in processes.items():
        if "after" in spec:
            at[name] = at[spec["after"]] + drawn[name]
    times = {f"{name}_drawn": drawn[name] for name in processes} | {f"{name}_at": at[name] for name in processes}
    for name, spec in outcomes["endpoints"].items():
        event, competing = (first(spec.get(group, []), times, len(classes)) for group in ("events", "competing"))
        times[f"{name}_true"] = np.minimum(event, competing)
        times[f"{name}_cause"] = np.where(event <= competing, 1.0, 2.0)
    return times


def first(processes: list[str], table: dict, n: int) -> np.ndarray:
    """Years to the first of some processes, shape (n,); infinite where there is none."""
    return np.min([np.full(n, np.inf), *(table[f"{name}_at"] for name in processes)], axis=0)


def observe(outcomes: dict, table: dict, classes: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What is known at the last contact: time (years, whole days) and event per endpoint, dates, flags, status.

    Also `contact` (years to the last contact if nobody died), `last` (years to the end of observation, contact or death) and
    `died` (whether it was death). Days are at least 1, so that no time is 0.
    """
    n = len(classes)
    death = first(outcomes.get("death", []), table, n)
    contact, lost = _last_contact(outcomes, table, classes, rng)
    last = np.minimum(contact, death)
    seen: dict[str, np.ndarray] = {
        "contact": contact,
        "last": in_days(last) / DAYS_PER_YEAR,
        "died": (death <= contact).astype(float),
    }
    for name, spec in outcomes["endpoints"].items():
        end = np.minimum(contact, first(spec.get("censored_at", []), table, n))
        event = table[f"{name}_true"] <= end
        seen[spec["time"]] = in_days(np.minimum(table[f"{name}_true"], end)) / DAYS_PER_YEAR
        seen[spec["event"]] = np.where(event, table[f"{name}_cause"], 0.0)
    for variable, names in outcomes.get("happened", {}).items():
        seen[variable] = (first(names, table, n) <= last).astype(float)
    if "vital_status" in outcomes:
        seen[outcomes["vital_status"]] = np.where(death <= contact, "dead", np.where(lost, "lost", "alive")).astype(
            object
        )
    return seen | _dates(outcomes, table, last, n)


def in_days(years: np.ndarray) -> np.ndarray:
    """Whole days, at least one."""
    return np.maximum(np.round(years * DAYS_PER_YEAR), 1.0)


def _dates(outcomes: dict, table: dict, last: np.ndarray, n: int) -> dict[str, np.ndarray]:
    """Days since 1970-01-01 of what happened until `last`, nan for what did not."""
    dates = {}
    for variable, names in outcomes.get("dates", {}).items():
        years = first(names, table, n)
        dates[variable] = np.where(years <= last, table[outcomes["index"]] + in_days(np.minimum(years, last)), np.nan)
    if "last_contact" in outcomes:
        dates[outcomes["last_contact"]] = table[outcomes["index"]] + in_days(last)
    return dates


def _last_contact(outcomes: dict, table: dict, classes: np.ndarray, rng) -> tuple[np.ndarray, np.ndarray]:
    """Years until the last contact of those who live to it, and whether they were lost before their time was up."""
    spec, n, where = outcomes["censoring"], len(classes), "outcomes.censoring"
    uniform, exponential = rng.random(n), rng.standard_exponential(n)
    end = np.full(n, np.inf)
    if "quantiles" in spec:
        table_of = spec["quantiles"]
        years = np.interp(uniform, np.asarray(table_of["percent"], dtype=float) / 100, table_of["years"])
        end = years * parameter(table_of.get("stretch", 1.0), table, classes, where)
    if "lock" in spec:
        begin = table[outcomes["index"]] / DAYS_PER_YEAR + 1970.0
        end = np.minimum(end, np.maximum(parameter(spec["lock"], table, classes, where) - begin, 0.0))
    rate = parameter(spec.get("loss_per_year", 0.0), table, classes, where)
    with np.errstate(divide="ignore"):
        loss = exponential / rate
    return np.minimum(end, loss), loss < end


def concordance(risk: np.ndarray, times: np.ndarray, horizon: float | None = None) -> float:
    """Share of comparable pairs whose earlier event has the higher risk, uncensored times, n log n.

    With a `horizon` (years) only pairs whose earlier event precedes it count: the estimand of Uno's C with
    that tau. Infinite times never happen.
    """
    from scipy.stats import kendalltau  # a slow import that drawing patients does not need

    times = times if horizon is None else np.minimum(times, horizon)
    pairs = len(times) * (len(times) - 1) / 2
    comparable = pairs - _tied(times)
    signed = kendalltau(-risk, times).statistic * np.sqrt(comparable) * np.sqrt(pairs - _tied(risk))
    return float((1.0 + signed / comparable) / 2.0)


def _tied(values: np.ndarray) -> float:
    counts = pd.Series(values).value_counts().to_numpy(dtype=float)
    return float((counts * (counts - 1) / 2).sum())
