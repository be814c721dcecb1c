"""The explanation of the primary model at one site: two tables of aggregates over its patients."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hemapilots.explain.importance import importances
from hemapilots.explain.subject import Subject, subject_of
from hemapilots.explain.survshap import shapley
from hemapilots.models.files import models_in, read_model

__all__ = ["IMPORTANCE_COLUMNS", "SURVSHAP_COLUMNS", "explain_site"]

IMPORTANCE_COLUMNS = ["site", "endpoint", "variable", "metric", "estimate", "lower", "upper", "se", "weight", "n"]
SURVSHAP_COLUMNS = ["site", "endpoint", "variable", "time", "size", "se", "share", "direction", "n"]


def explain_site(
    site: str, tables: dict[str, pd.DataFrame], folder: Path, spec: dict
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(importance, SurvSHAP) of the primary model in the folder, for each of its endpoints.

    tables: those of `read_site`; spec: see `study.explain_spec`. A figure leaves only where at least `minimum_cell`
    patients, events, and carriers and non-carriers of each of a variable's 0/1 columns stand behind it; under an enforced
    gate sizes on the scale of survival stay too, for with the model they tell the site's baseline hazard, and shares leave.
    """
    importance, shapes = [], []
    for endpoint, model, regime in models_in(folder):
        if (model, regime) != (spec["model"], spec["regime"]):
            continue
        subject = subject_of(tables, endpoint, *read_model(folder, endpoint, model, regime), spec)
        if min(len(subject.x), subject.events) < spec["minimum_cell"]:
            continue
        groups, head = groups_of(subject, spec), {"site": site, "endpoint": endpoint}
        seed = [spec["seed"], *endpoint.encode(), *site.encode()]
        importance += [head | row for row in _importance(subject, groups, spec, seed)]
        shapes += [head | row for row in _survshap(subject, groups, spec, seed)]
    return pd.DataFrame(importance, columns=IMPORTANCE_COLUMNS), pd.DataFrame(shapes, columns=SURVSHAP_COLUMNS)


def groups_of(subject: Subject, spec: Mapping[str, Any]) -> dict[str, list[int]]:
    """The places of each variable's columns in the model."""
    groups: dict[str, list[int]] = {}
    for place, column in enumerate(subject.model.card["columns"]):
        groups.setdefault(spec["variables"][column], []).append(place)
    return groups


def _importance(subject: Subject, groups: dict, spec: dict, seed: list[int]) -> list[dict[str, Any]]:
    x, event = subject.x[subject.judged], subject.outcome[subject.judged, 2] == 1
    enough = min(len(x), np.count_nonzero(event)) >= spec["minimum_cell"]
    told = _supported(subject, x, groups, spec["minimum_cell"]) if enough else []
    chosen = {name: groups[name] for name in told}
    rows = importances(subject, chosen, spec, seed) if chosen else []
    return [{"metric": spec["metric"], "n": float(len(x))} | row for row in rows if row["weight"] > 0]


def _survshap(subject: Subject, groups: dict, spec: dict, seed: list[int]) -> list[dict[str, Any]]:
    """Per variable and time over the explained patients: mean size with its standard error, share of all sizes, direction."""
    rng, times = np.random.default_rng([*seed, 1]), np.asarray(spec["times"][_name(subject)], float)
    explained = np.sort(rng.permutation(len(subject.x))[: spec["patients"]])
    reference = subject.x[rng.permutation(len(subject.x))[: spec["background"]]]
    x = subject.x[explained]
    found = shapley(
        lambda rows, whose: subject.survival(rows, explained[whose], times), x, reference, [*groups.values()], rng
    )
    told, rows = _supported(subject, x, groups, spec["minimum_cell"]), []
    for place, (name, columns) in enumerate(groups.items()):
        for at, time in enumerate(times):
            values = found[:, :, at]
            known = np.isfinite(values).all(axis=1)
            if name in told and known.sum() >= spec["minimum_cell"]:
                row = {"variable": name, "time": time, "n": float(known.sum())}
                rows.append(row | _moved(values[known], place, x[known][:, columns[0]], len(columns), spec))
    return rows


def _moved(values: np.ndarray, place: int, column: np.ndarray, columns: int, spec: dict) -> dict[str, float]:
    """values (n, G); direction: correlation of a variable of one column (and its sign of being missing) with what it adds to survival."""
    size, everything = np.abs(values[:, place]), np.abs(values).sum(axis=1).mean()
    found = {"share": float(size.mean() / everything) if everything > 0 else np.nan}
    seen = np.isfinite(column)
    varies = seen.sum() >= spec["minimum_cell"] and np.ptp(column[seen]) > 0 and np.ptp(values[seen, place]) > 1e-12
    found["direction"] = (
        float(np.corrcoef(column[seen], values[seen, place])[0, 1]) if varies and columns <= 2 else np.nan
    )
    if spec["gate"] == "enforce":
        return found
    return found | {"size": float(size.mean()), "se": float(size.std(ddof=1) / np.sqrt(len(size)))}


def _name(subject: Subject) -> str:
    return subject.model.card["endpoint"]


def _supported(subject: Subject, x: np.ndarray, groups: Mapping[str, list[int]], minimum: int) -> list[str]:
    """The variables of which each 0/1 column has enough carriers and non-carriers among x (n, p), and each other enough values.

    A level that is absent tells nothing and is passed over; so is the sign that a value is missing, since figures are of the
    variable as a whole and do not tell how often it is.
    """
    told, names = [], subject.model.card["columns"]
    for variable, columns in groups.items():
        enough = []
        for column in (column for column in columns if names[column] != f"{variable}_missing"):
            values = x[~np.isnan(x[:, column]), column]
            flag = np.isin(values, (0, 1)).all()
            counts = [np.count_nonzero(values == one) for one in (0, 1)] if flag else [len(values)]
            enough.append(len(values) >= minimum and (0 in counts or min(counts) >= minimum))
        if all(enough):
            told.append(variable)
    return told
