"""Performance among parts of the patients, and which of them the rule of fairness flags (UTILITY 2)."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from hemapilots.evaluation.draws import Draws, rankings, undecided
from hemapilots.evaluation.measures import Measure, measures
from hemapilots.evaluation.paired import figure_row
from hemapilots.evaluation.sample import Key, Sample
from hemapilots.evaluation.scope import Scope

__all__ = [
    "FEWEST_EVENTS",
    "FEWEST_PATIENTS",
    "flags",
    "judged_keys",
    "shown_keys",
    "subgroup_rows",
    "tells_small_cells",
]

FEWEST_PATIENTS, FEWEST_EVENTS = 50, 10
# Observed over expected events in between, and a C no more than this much below that of the others.
RATIO, GAP = (0.8, 1.25), 0.05
# The metrics by which a part may be flagged.
RULES = ("oe", "uno_c_gap")


def judged_keys(sample: Sample, spec: Mapping[str, Any]) -> list[Key]:
    """The primary model in its regime, and the comparators of the criteria: who is judged among parts of the patients."""
    primary = spec.get("primary")
    if not primary:
        return []
    keys = [(primary["model"], primary["regime"])]
    keys += [tuple(criterion["against"]) for criterion in spec["criteria"] if criterion["against"]]
    scores = [key for key in dict.fromkeys(keys[1:]) if key[0] == "score"]
    return [key for key in (keys[0], *scores) if key in sample.risk]


def shown_keys(sample: Sample, spec: Mapping[str, Any]) -> list[Key]:
    """Those, and the pooled twin of the primary model where there is one."""
    judged = judged_keys(sample, spec)
    twin = [(judged[0][0], "pooled")] if judged else []
    return [*judged, *(key for key in twin if key in sample.risk)]


def subgroup_rows(scope: Scope) -> Iterator[dict[str, Any]]:
    """Rows of metrics of every level of the use case's subgroup variables: `subgroup` is <variable>=<level>.

    `uno_c_gap` is the subgroup's C less that of all others, on the same resamples. A part with fewer than 50 patients or 10 events
    has one row, without a figure.
    """
    for variable in scope.spec["subgroups"]:
        levels = scope.sample.groups[variable]
        for level in sorted(set(levels[levels != ""])):
            inside = levels == level
            part, rest = scope.narrowed(inside), scope.narrowed((levels != level) & (levels != ""))
            for key in judged_keys(scope.sample, scope.spec):
                for measure, one in _figures(part, rest, key).items():
                    yield figure_row(scope, key, measure, one) | {"subgroup": f"{variable}={level}"}


def _figures(part: Scope, rest: Scope, key: Key) -> dict[Measure, Draws]:
    tau = float(part.spec["tau"])
    if part.n < FEWEST_PATIENTS or part.events < FEWEST_EVENTS:
        return {Measure("uno_c", tau): Draws(np.full(part.samples, np.nan), np.nan, part.n, part.events)}
    drawn = undecided(part, [key])[key]
    found = {measure: drawn[measure] for measure in measures(part.endpoint, part.spec) if measure.decision is None}
    if rest.n >= FEWEST_PATIENTS and rest.events >= FEWEST_EVENTS:
        other = rankings(rest, [key])[key][Measure("uno_c", tau)]
        own = found[Measure("uno_c", tau)]
        found[Measure("uno_c_gap", tau)] = Draws(own.values - other.values, own.weight, own.n, own.events)
    return found


def tells_small_cells(scope: Scope, variable: str, minimum: int) -> bool:
    """Whether counts of the variable's levels, or of those without one, give away a cell below the minimum, by subtraction too."""
    levels = scope.sample.groups[variable]
    for level in set(levels) | {""}:
        case = scope.sample.case[levels == level]
        counts = (np.count_nonzero(case), np.count_nonzero(~case))
        if any(0 < count < minimum for count in counts):
            return True
    return False


def flags(metrics: pd.DataFrame, key: Key) -> pd.DataFrame:
    """The parts and sites where a regime is flagged: endpoint, evaluated_on, subgroup, metric, horizon, estimate, lower, upper, reason.

    O/E outside of 0.8 to 1.25, or a C lower than that of the others by more than 0.05 with an interval below 0.
    """
    own = metrics[(metrics["model"] == key[0]) & (metrics["regime"] == key[1])]
    parts = own[(own["subgroup"] != "all") | (own["evaluated_on"] != "all")]
    ratio = parts[(parts["metric"] == "oe") & ~parts["estimate"].between(*RATIO) & parts["estimate"].notna()]
    gap = parts[(parts["metric"] == "uno_c_gap") & (parts["estimate"] < -GAP) & (parts["upper"] < 0)]
    columns = ["endpoint", "evaluated_on", "subgroup", "metric", "horizon", "estimate", "lower", "upper", "n", "events"]
    found = [
        ratio.assign(reason="observed over expected"),
        gap.assign(reason="discrimination below that of the others"),
    ]
    return pd.concat(found)[[*columns, "reason"]].reset_index(drop=True)
