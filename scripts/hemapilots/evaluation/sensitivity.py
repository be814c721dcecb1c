"""What the primary figures become where censoring is judged otherwise (METHODS 14): the same predictions, on the same patients.

`site`: a censoring curve for each site; `covariates`: a Cox model of censoring, stratified by
site; `competing <treatment>` and
`censored <treatment>`: follow-up ends at a treatment, as a competing event or as a censoring, where it is otherwise ignored.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from hemapilots.encoding import encode, is_flag
from hemapilots.evaluation.censoring_model import CensoringModel, by_covariates, by_stratum
from hemapilots.evaluation.draws import Draws, averaged
from hemapilots.evaluation.frames import COUNT_COLUMNS, frame, released
from hemapilots.evaluation.measures import Measure
from hemapilots.evaluation.paired import figure_row
from hemapilots.evaluation.sample import Key, Sample, SiteData, outcomes_of
from hemapilots.evaluation.scope import EVENTS_FOR_C, Scope, Scopes, scope_of
from hemapilots.evaluation.weighted_pairs import concordances

__all__ = ["BY_COVARIATES", "BY_SITE", "PRIMARY", "TREATED", "sensitivity_table"]

PRIMARY, BY_SITE, BY_COVARIATES = "primary", "site", "covariates"
# What a treatment is where it ends follow-up, by the code of the event.
TREATED = {2: "competing", 0: "censored"}
# Censorings for each covariate, and carriers and others of a 0/1 covariate, without which it is left out.
FEWEST = 10
# Pairs times resamples; larger cohorts have fewer resamples, 50 at least.
AFFORDABLE, FEWEST_SAMPLES = 1.5e9, 50
HALF_DAY = 0.5 / 365.25

Found = dict[Key, dict[Measure, Draws]]


def sensitivity_table(where: str, scopes: Scopes) -> pd.DataFrame:
    """Uno's C, Brier score and O/E of the primary model at the primary endpoint under each analysis, of one site or of all together.

    kind: "metric", the figure; "change", how far it lies from the primary analysis, "difference" (C alone), the primary model minus
    what a criterion holds it against. `changed`: patients whose follow-up a treatment ends; `undated`: those said to have had it,
    nobody knows when, who are judged as without it. n and events are those of the primary analysis.
    """
    scope, spec = _affordable(scopes), scopes.spec
    keys = _judged(scope, spec)
    rows: list[dict[str, Any]] = []
    if keys and scope.events >= EVENTS_FOR_C:
        first = _figures(scope, keys, None)
        for analysis, found, counts in _analyses(scopes.sites, scope, keys, first, spec):
            size = {"n": float(scope.n), "events": float(scope.events)}
            rows += [
                {"site": where, "analysis": analysis} | row | size | counts for row in _rows(scope, keys, found, first)
            ]
    table = frame(rows, COUNT_COLUMNS)
    for name, kind in (("undated", float), ("changed", float), ("analysis", object)):
        table.insert(0, name, pd.Series([row.get(name) for row in rows], dtype=kind))
    return table if where == "all" else _guarded(table, int(spec["minimum_cell"]))


def _guarded(table: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Blank where few patients stand behind a figure, or behind how far it moved."""
    table = released(table, minimum)
    few = (table["changed"] > 0) & (table["changed"] < minimum)
    table.loc[few, ["estimate", "lower", "upper", "se", "weight", "changed"]] = np.nan
    table.loc[(table["undated"] > 0) & (table["undated"] < minimum), "undated"] = np.nan
    return table


def _affordable(scopes: Scopes) -> Scope:
    """The patients at the primary endpoint, with fewer resamples where there are many."""
    spec, scope = scopes.spec, scopes.of(scopes.spec["primary_endpoint"])
    judged = [outcomes[outcomes["row"].isin(folds["row"])] for outcomes, folds, _ in scopes.sites.values()]
    events = pd.concat(judged)[f"{scope.endpoint}_event"].to_numpy(float)
    replicate, fold = (next(iter(scopes.sites.values()))[1][name].max() + 1 for name in ("replicate", "fold"))
    pairs = max(1.0, np.count_nonzero(events == 1) * len(events) * replicate / fold)
    samples = min(spec["bootstrap"]["samples"], max(FEWEST_SAMPLES, int(AFFORDABLE / pairs)))
    if samples == spec["bootstrap"]["samples"]:
        return scope
    return scope_of(scope.endpoint, scope.sample, {**spec, "bootstrap": spec["bootstrap"] | {"samples": samples}})


def _judged(scope: Scope, spec: Mapping[str, Any]) -> list[Key]:
    """The primary model, and what the criteria on C hold it against; none where the primary model is not judged."""
    primary = spec["primary"]["model"], spec["primary"]["regime"]
    tested = [one for one in spec["criteria"] if one["test"] in ("non_inferior", "superior")]
    keys = dict.fromkeys([primary, *(tuple(one["against"]) for one in tested if one["against"])])
    return [key for key in keys if key in scope.sample.risk] if primary in scope.sample.risk else []


def _analyses(
    sites: Mapping[str, SiteData], scope: Scope, keys: list[Key], first: Found, spec: Mapping[str, Any]
) -> Iterator[tuple[str, Found, dict[str, float]]]:
    """Name, figures and counts of each analysis; figures are empty where it cannot be done."""
    wanted, sample = spec["sensitivity"], scope.sample
    outcomes = sample.time, sample.event, scope.outcomes.weights
    stratum = np.unique(sample.site, return_inverse=True)[1]
    yield PRIMARY, first, {}
    if len(sites) > 1:
        yield BY_SITE, _figures(scope, keys, by_stratum(*outcomes, stratum)), {}
    if wanted["covariates"]:
        x = _covariates(sites, sample, wanted["covariates"])
        model = by_covariates(*outcomes, stratum, x) if x.shape[1] else None
        yield BY_COVARIATES, _figures(scope, keys, model) if model else {}, {}
    for name, treatment in wanted["treatments"].items():
        for code, how in TREATED.items():
            altered = {site: _ended(data[0], treatment, code, spec) for site, data in sites.items()}
            other = scope.with_outcomes(*outcomes_of(sample, altered, scope.endpoint))
            changed = np.count_nonzero((other.sample.time != sample.time) | (other.sample.event != sample.event))
            undated = sum(_undated(data[0], sample.row[sample.site == site], treatment) for site, data in sites.items())
            found = _figures(other, keys, None) if changed and other.events >= EVENTS_FOR_C else {}
            yield f"{how} {name}", found, {"changed": float(changed), "undated": float(undated)}


def _rows(scope: Scope, keys: list[Key], found: Found, first: Found) -> Iterator[dict[str, Any]]:
    """Rows of one analysis."""
    primary, *references = keys
    for measure, before in first[primary].items():
        draws = found.get(primary, {}).get(measure)
        yield {"kind": "metric"} | figure_row(scope, primary, measure, draws)
        if found is not first:
            yield {"kind": "change"} | figure_row(scope, primary, measure, _minus(draws, before))
        if measure.metric == "uno_c":
            for key in references:
                reference = found.get(key, {}).get(measure)
                names = {"kind": "difference", "reference_model": key[0], "reference_regime": key[1]}
                yield names | figure_row(scope, primary, measure, _minus(draws, reference))


def _minus(draws: Draws | None, other: Draws | None) -> Draws | None:
    if draws is None or other is None:
        return None
    return Draws(draws.values - other.values, draws.weight, draws.n, draws.events)


def _figures(scope: Scope, keys: list[Key], model: CensoringModel | None) -> Found:
    """C, Brier score and O/E under a model of censoring; under the scope's own curve where there is none."""
    ranked = _concordance(scope, keys, model)
    return {key: {Measure("uno_c", float(scope.spec["tau"])): ranked[key]} | _errors(scope, key, model) for key in keys}


def _concordance(scope: Scope, keys: list[Key], model: CensoringModel | None) -> dict[Key, Draws]:
    ratios: dict[Key, list] = {key: [] for key in keys}
    for number, folds in enumerate(scope.folds):
        parts = []
        for fold in folds:
            risks = {key: scope.sample.risk[key][number][fold.members] for key in keys}
            if model is None:
                parts.append({key: fold.concordance(risk)["uno_c"] for key, risk in risks.items()})
            else:
                parts.append(concordances(fold, model, risks))
        for key in keys:
            ratios[key].append(tuple(sum(part[key][side] for part in parts) for side in (0, 1)))
    return {key: averaged(scope, found) for key, found in ratios.items()}


def _errors(scope: Scope, key: Key, model: CensoringModel | None) -> dict[Measure, Draws]:
    """Brier score and observed over expected events at the horizons that are reportable."""
    found = {}
    for horizon in map(float, scope.spec["horizons"][scope.endpoint]):
        status = scope.status(key, horizon)
        if status is None:
            continue
        members, weights = scope.members(horizon), status.outcomes.weights
        mass = status.mass if model is None else _mass(status, members, model, scope)
        risks = 1 - scope.sample.survival[key][:, members, scope.reach.place(horizon)]
        observed = mass @ status.event
        brier = np.mean([mass @ (status.event - risk) ** 2 / status.total for risk in risks], axis=0)
        ratio = np.mean([observed / (weights @ risk) for risk in risks], axis=0)
        for name, values in (("brier", brier), ("oe", ratio)):
            weight = float(len(members)) * (float(np.mean(risks)) if name == "oe" else 1.0)
            found[Measure(name, horizon)] = Draws(values, weight, len(members), int(status.event.sum()))
    return found


def _mass(status, members: np.ndarray, model: CensoringModel, scope: Scope) -> np.ndarray:
    """Patient weights times the inverse probability of being seen (batch, m), which add up to the patient weights as under one curve."""
    outcomes = status.outcomes
    gone = (outcomes.event != 0) & (outcomes.time <= status.horizon)
    alive = model.at(status.horizon)[:, members] * (outcomes.time > status.horizon)
    mass = outcomes.weights * np.where(gone, model.own(scope.sample.time)[:, members], alive)
    return mass * (status.total / mass.sum(axis=1))[:, None]


def _covariates(sites: Mapping[str, SiteData], sample: Sample, columns: list[dict]) -> np.ndarray:
    """Covariates (n, p) of the sample's patients, the median where one is unknown; as many as the censorings allow."""
    parts = []
    for site, (outcomes, _, _) in sorted(sites.items()):
        design = encode(outcomes, columns).set_index("row").loc[sample.row[sample.site == site]]
        parts.append(design.to_numpy(float))
    x = np.concatenate(parts)
    x = np.where(np.isnan(x), np.nanmedian(np.where(np.isnan(x).all(axis=0), 0.0, x), axis=0), x)
    few = np.minimum((x == 1).sum(axis=0), (x == 0).sum(axis=0)) < FEWEST
    few = few & [is_flag(column) for column in columns] | (np.ptp(x, axis=0) == 0)
    kept = np.flatnonzero(~few)
    return x[:, kept[: np.count_nonzero(sample.event == 0) // FEWEST]]


def _ended(outcomes: pd.DataFrame, treatment: Mapping[str, Any], code: int, spec: Mapping[str, Any]) -> pd.DataFrame:
    """Outcomes whose follow-up ends at the treatment, with this code; also of those whom the use case censors there already."""
    time, entry, event = (f"{spec['primary_endpoint']}_{part}" for part in ("time", "entry", "event"))
    at = outcomes[treatment["time"]].astype(float) - spec["sensitivity"]["origin"]
    end = outcomes[time] - outcomes[entry]
    there = (at - end).abs() < HALF_DAY
    ended = (at >= 0) & outcomes[event].notna() & ((at < end) & ~there | there & (outcomes[event] == 0))
    moved = (outcomes[entry] + at.clip(lower=HALF_DAY)).mask(there, outcomes[time])
    return outcomes.assign(**{time: outcomes[time].mask(ended, moved), event: outcomes[event].mask(ended, float(code))})


def _undated(outcomes: pd.DataFrame, judged: np.ndarray, treatment: Mapping[str, Any]) -> int:
    """Patients among the judged rows (n,) who are said to have had the treatment at an unknown time."""
    if not treatment["done"]:
        return 0
    own = outcomes[outcomes["row"].isin(judged)]
    return int(np.count_nonzero((own[treatment["done"]] == 1) & own[treatment["time"]].isna()))
