"""The protocol's success criteria, tested in their fixed sequence on paired differences.

Differences are turned so that a positive one favours the primary model, also for errors (Brier scores).
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.evaluation.clinical_criteria import CLINICAL
from hemapilots.evaluation.comparison import LOWER_IS_BETTER, p_text
from hemapilots.evaluation.judgement import MET, NOT_ASSESSABLE, NOT_MET, number, together
from hemapilots.evaluation.measures import ranks_within_sites

__all__ = ["verdict"]


def verdict(comparisons: pd.DataFrame, metrics: pd.DataFrame, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Each criterion of `spec` with interval, margin and outcome, ready for JSON (missing numbers are None).

    non_inferior: lower limit > -margin; superior: lower limit > 0; no_site_harmed: at every site with at
    least `minimum_events` events the lower limit of its own difference is > -margin. Against `local/own` pairs
    within sites count; superiority to local models is not assessable where sites are random parts of one cohort
    (`spec["split"]`), for METHODS 6 allows no such claim. calibrated, useful, fair: see `clinical_criteria`. A criterion is
    confirmatory up to and including the first that is not met, exploratory after it. What cannot be computed
    is "not assessable". Raises HemaPilotsError for an unknown test or a missing margin.
    """
    criteria, confirmatory = [], True
    for criterion in spec["criteria"]:
        judged = _judge(criterion, comparisons, metrics, spec)
        judged["sequence"] = "confirmatory" if confirmatory else "exploratory"
        confirmatory = confirmatory and judged["outcome"] == MET
        criteria.append(judged)
    primary = spec["primary"]
    return {
        "scenario": spec["scenario"],
        "primary": dict(primary) | {"horizon": _horizon(spec)},
        "level": spec["bootstrap"]["level"],
        "favours_model": "positive differences",
        "primary_estimate": _primary_estimate(metrics, spec),
        "criteria": criteria,
        "outcome": together([one["outcome"] for one in criteria]),
    }


def _judge(
    criterion: Mapping[str, Any], comparisons: pd.DataFrame, metrics: pd.DataFrame, spec: Mapping[str, Any]
) -> dict[str, Any]:
    test = criterion["test"]
    margin = criterion.get("margin")
    model, regime = criterion["against"] or (None, None)
    judged = {"name": criterion["name"], "test": test, "against": {"model": model, "regime": regime}}
    if test in CLINICAL:
        found = CLINICAL[test](metrics, comparisons, criterion, spec)
        return judged | dict.fromkeys(("estimate", "lower", "upper")) | {"margin": margin} | found
    if criterion["against"] is None:
        nothing = {"outcome": NOT_ASSESSABLE, "reason": "the use case marks no comparator as the bar"}
        return judged | _figures(comparisons.iloc[:0]) | {"margin": margin} | nothing
    rows = _oriented(_rows(comparisons, criterion, spec), spec)
    if test not in ("non_inferior", "superior", "no_site_harmed"):
        raise HemaPilotsError(
            f"protocol, criteria: test {test!r} is unknown; use non_inferior, superior, no_site_harmed, calibrated, useful or fair."
        )
    if margin is None and test != "superior":
        raise HemaPilotsError(f"protocol, criteria: {criterion['name']!r} has no margin; state one above 0.")
    if test == "no_site_harmed":
        return judged | _no_site_harmed(rows, metrics, criterion, spec["primary"])
    limit = -margin if test == "non_inferior" else 0.0
    figures = _figures(_everywhere(rows, regime))
    outcome = {"margin": margin, "outcome": _outcome(figures["lower"], limit)}
    if test == "superior" and regime.startswith("local/") and spec.get("split"):
        outcome |= {"outcome": NOT_ASSESSABLE, "reason": "the sites are random parts of one cohort"}
    return judged | figures | outcome


def _everywhere(rows: pd.DataFrame, regime: str) -> pd.DataFrame:
    """The row over all sites: pooled where there is one, but within sites against each site's own model.

    There each site is ranked by another model; pairs across sites would compare predictors that are on no common scale.
    """
    everywhere = rows[rows["evaluated_on"] == "all"]
    wanted = everywhere[everywhere["estimand"] == ("within-site" if ranks_within_sites(regime) else "pooled")]
    return wanted if len(wanted) else everywhere


def _rows(comparisons: pd.DataFrame, criterion: Mapping[str, Any], spec: Mapping[str, Any]) -> pd.DataFrame:
    """The rows of the primary metric that compare the primary regime with the criterion's."""
    primary, (model, regime) = spec["primary"], criterion["against"]
    wanted = {
        "endpoint": primary["endpoint"],
        "metric": primary["metric"],
        "model": primary["model"],
        "regime": primary["regime"],
        "reference_model": model,
        "reference_regime": regime,
    }
    chosen = comparisons[list(wanted)].eq(pd.Series(wanted)).all(axis=1)
    horizon = _horizon(spec)
    if horizon is not None:
        chosen &= (comparisons["horizon"] - horizon).abs() < 1e-9
    return comparisons[chosen]


def _horizon(spec: Mapping[str, Any]) -> float | None:
    """The primary metric's horizon: its own if stated, tau where the metric has one, None for Harrell's C."""
    primary = spec["primary"]
    if primary["metric"] == "harrell_c":
        return None
    return float(primary.get("horizon") or spec["tau"])


def _oriented(rows: pd.DataFrame, spec: Mapping[str, Any]) -> pd.DataFrame:
    if spec["primary"]["metric"] not in LOWER_IS_BETTER:
        return rows
    turned = {"difference": -rows["difference"], "lower": -rows["upper"], "upper": -rows["lower"]}
    return rows.assign(**turned)


def _no_site_harmed(
    rows: pd.DataFrame, metrics: pd.DataFrame, criterion: Mapping[str, Any], primary: Mapping[str, Any]
) -> dict[str, Any]:
    """Judges each site; one that has the events but no interval keeps the criterion from being met."""
    margin, minimum = criterion["margin"], criterion.get("minimum_events", 20)
    own = rows[rows["evaluated_on"] != "all"].set_index("evaluated_on")
    names = sorted(set(own.index) | set(metrics["evaluated_on"]) - {"all"})
    sites, required = [], []
    metrics = metrics[metrics["endpoint"] == primary["endpoint"]]
    for name in names:
        figures = _figures(own.loc[[name]] if name in own.index else own.iloc[:0])
        figures["events"] = max(figures["events"] or 0, _events(metrics, name))
        enough = figures["events"] >= minimum
        outcome = _outcome(figures["lower"], -margin) if enough else NOT_ASSESSABLE
        sites.append({"site": name} | figures | {"outcome": outcome})
        required += [sites[-1]] if enough else []
    assessed = [one for one in required if one["lower"] is not None]
    worst = min(assessed, key=lambda one: one["lower"], default={})
    figures = {name: worst.get(name) for name in ("estimate", "lower", "upper", "site")}
    outcome = together([one["outcome"] for one in required])
    return figures | {"margin": margin, "minimum_events": minimum, "outcome": outcome, "sites": sites}


def _events(metrics: pd.DataFrame, site: str) -> int:
    """The most events on which any figure of the site rests: a site cannot drop out of the judgement for want of a comparison."""
    events = metrics.loc[metrics["evaluated_on"] == site, "events"].dropna()
    return int(events.max()) if len(events) else 0


def _figures(rows: pd.DataFrame) -> dict[str, Any]:
    """Estimate and interval of the one row there is; None for what is missing."""
    if rows.empty:
        return dict.fromkeys(("estimate", "lower", "upper", "p", "estimand", "n", "events"))
    row = rows.iloc[0]
    numbers = {new: number(row[old]) for new, old in _NUMBERS.items()}
    p = row["p"] if isinstance(row["p"], str) else p_text(row["p"]) if pd.notna(row["p"]) else None
    counts = {name: None if (value := number(row[name])) is None else int(value) for name in ("n", "events")}
    return numbers | {"p": p, "estimand": row["estimand"]} | counts


_NUMBERS = {"estimate": "difference", "lower": "lower", "upper": "upper"}


def _primary_estimate(metrics: pd.DataFrame, spec: Mapping[str, Any]) -> dict[str, float | None]:
    primary, horizon = spec["primary"], _horizon(spec)
    names = ["endpoint", "model", "regime", "metric"]
    chosen = metrics[names].eq(pd.Series({name: primary[name] for name in names})).all(axis=1)
    chosen &= (metrics["evaluated_on"] == "all") & (metrics["subgroup"] == "all")
    if horizon is not None:
        chosen &= (metrics["horizon"] - horizon).abs() < 1e-9
    rows = metrics[chosen]
    names = ("estimate", "lower", "upper")
    return {name: number(rows[name].iloc[0]) if len(rows) else None for name in names}


def _outcome(lower: float | None, limit: float) -> str:
    if lower is None:
        return NOT_ASSESSABLE
    return MET if lower > limit else NOT_MET
