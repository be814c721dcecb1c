"""Folds, the design, and the support of each column: made inside the site; the agreement on columns is central."""

import numpy as np
import pandas as pd

from hemapilots.encoding import is_flag
from hemapilots.errors import HemaPilotsError
from hemapilots.leakage import leakage
from hemapilots.models.training_sets import column_support, training_sets
from hemapilots.periods import sizes
from hemapilots.support import MINIMUM_SUPPORT

MINIMUM_PATIENTS = 20


def assign_folds(harmonized: pd.DataFrame, primary_endpoint: str, resampling: dict, site: str) -> pd.DataFrame:
    """Fold of every row in every replicate, stratified by the primary endpoint's event: columns replicate, fold, row.

    In a split in time fold 0 is that of the patients whom no training set of theirs holds, and `judged` marks those of them who are
    judged: whose index year is known, and late.
    """
    event = harmonized[f"{primary_endpoint}_event"].fillna(-1).to_numpy()
    rows = harmonized["row"].to_numpy()
    frames = []
    for replicate in range(resampling["replicates"]):
        rng = np.random.default_rng([resampling["seed"], replicate, *site.encode()])
        if resampling.get("judge_from"):
            return _in_time(harmonized, event, resampling, site, rng)
        frames.append(
            pd.DataFrame({"replicate": replicate, "fold": _dealt(event, resampling["folds"], rng), "row": rows})
        )
    return pd.concat(frames, ignore_index=True)


def _dealt(event: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """Fold (n,) of each row: dealt in turn within each stratum, so that sizes differ by one at most; strata continue each other's turn."""
    shuffled = rng.permutation(event.size)
    order = shuffled[np.argsort(event[shuffled], kind="stable")]
    start = rng.integers(folds)
    fold = np.empty(event.size, dtype=np.int64)
    fold[order] = (start + np.arange(event.size)) % folds
    return fold


def _in_time(
    harmonized: pd.DataFrame, event: np.ndarray, resampling: dict, site: str, rng: np.random.Generator
) -> pd.DataFrame:
    year = harmonized[resampling["index_year"]].to_numpy(dtype=float)
    earlier, later = year < resampling["judge_from"], year >= resampling["judge_from"]
    if not earlier.any() and not later.any():
        raise HemaPilotsError(
            f"site {site}: no patient's index year is known, so patients cannot be split in time; "
            "deliver the index date, or remove `judge_from` from the protocol"
        )
    fold = np.zeros(year.size, dtype=np.int64)
    fold[earlier] = 1 + _dealt(event[earlier], resampling["folds"] - 1, rng)
    return pd.DataFrame({"replicate": 0, "fold": fold, "row": harmonized["row"].to_numpy(), "judged": later})


def support(harmonized: pd.DataFrame, design: pd.DataFrame, folds: pd.DataFrame, spec: dict) -> dict:
    """What the site says of its support, per endpoint: yes or no to each question, and of a split in time the sizes of its parts.

    patients, events, competing (events): enough in the smallest training set; any_event, any_competing: at least one in all;
    trains: enough patients and events in all to take part where the gate is enforced; columns: enough carriers and
    non-carriers, or observed values of other columns, in every training set; incomplete: columns with enough missing values
    to tell; constant: columns that do not vary; leakage: columns that give the outcome away, and those that could be assessed;
    periods: see `periods.sizes`.
    """
    sets = training_sets(spec["resampling"]["replicates"], spec["resampling"]["folds"], tune=True)
    wide = folds.pivot(index="row", columns="replicate", values="fold").reindex(design["row"]).to_numpy()
    names = [column["column"] for column in spec["columns"]]
    flags = np.array([is_flag(column) for column in spec["columns"]], dtype=bool)
    out = {}
    for endpoint in spec["endpoints"]:
        known = harmonized[f"{endpoint}_event"].notna().to_numpy()
        entry, time, codes = (
            harmonized.loc[known, f"{endpoint}_{part}"].to_numpy() for part in ("entry", "time", "event")
        )
        event, other = codes == 1, codes == 2
        x, fold = design.loc[known, names].to_numpy(), wide[known]
        members = [
            np.ones(len(x), bool) if r < 0 else (fold[:, r] != first) & (fold[:, r] != second)
            for r, first, second in sets
        ]
        columns = np.min([column_support(x[rows], flags) for rows in members], axis=0)
        missing = np.isnan(x).sum(axis=0)
        out[endpoint] = {
            "patients": bool(min(rows.sum() for rows in members) >= MINIMUM_SUPPORT),
            "events": bool(min(event[rows].sum() for rows in members) >= MINIMUM_SUPPORT),
            "any_event": bool(event.any()),
            "competing": bool(min(other[rows].sum() for rows in members) >= MINIMUM_SUPPORT),
            "any_competing": bool(other.any()),
            "trains": bool(known.sum() >= MINIMUM_PATIENTS and event.sum() >= MINIMUM_SUPPORT),
            "columns": {name: bool(count >= MINIMUM_SUPPORT) for name, count in zip(names, columns, strict=True)},
            "leakage": leakage(x, names, time - entry, event),
            "periods": sizes(folds[known], event, spec["gate"]) if "judged" in folds else None,
            "incomplete": [name for name, count in zip(names, missing, strict=True) if count >= MINIMUM_SUPPORT],
            "constant": [
                name for name, values in zip(names, x.T, strict=True) if np.unique(values[~np.isnan(values)]).size < 2
            ],
        }
    return out


def agree(supports: dict[str, dict], columns: list[dict], spec: dict) -> dict:
    """From every site's support: per endpoint the sites that train, those that train the hazard of a competing event as well, per
    model its columns, and what was left out and why.

    A column that is constant everywhere is left out; an indicator of missing values stays where some site has enough of them. Where
    the gate is enforced, and in a `supported_only` model, a column that falls short at any training site is left out for all.
    leakage: the columns that give an endpoint away, of those that a model of it learns from; leakage_assessed: by endpoint and
    site, whether each of these columns could be assessed there.
    """
    out = {"sites": {}, "competing": {}, "evaluated_only": {}, "columns": {}, "left_out": []}
    out |= {"leakage": [], "leakage_assessed": {}, "periods": {}}
    for endpoint in spec["endpoints"]:
        by_site = {site: supports[site][endpoint] for site in sorted(supports)}
        if not any(found["any_event"] for found in by_site.values()):
            raise HemaPilotsError(
                f"endpoint {endpoint}: no site has an event, so nothing can be learned; "
                "check the event column and its `values` in the mappings"
            )
        training = [site for site, found in by_site.items() if spec["gate"] != "enforce" or _may_train(found)]
        training = [site for site in training if site != spec.get("leave_out")]
        if not training:
            raise HemaPilotsError(
                f"endpoint {endpoint}: no site reaches {MINIMUM_PATIENTS} patients and {MINIMUM_SUPPORT} events in every training "
                "set, so none may train under an enforced gate; enlarge the cohort or use fewer folds"
            )
        out["sites"][endpoint] = training
        enough = "competing" if spec["gate"] == "enforce" else "any_competing"
        out["competing"][endpoint] = [site for site in training if by_site[site][enough]]
        out["periods"][endpoint] = {site: found["periods"] for site, found in by_site.items() if found["periods"]}
        out["evaluated_only"][endpoint] = [site for site in by_site if site not in training]
        able = [site for site in training if _may_train(by_site[site])]
        objections = _objections(by_site, training, able, columns)
        out["columns"][endpoint] = {}
        out["columns"][endpoint] |= {name: [] for name in spec["models"]}
        for name, model in _models_of(endpoint, spec["models"]):
            strict = spec["gate"] == "enforce" or model["supported_only"]
            kept, left = _columns_of(model, columns, objections, strict)
            out["columns"][endpoint][name] = kept
            out["left_out"] += [{"endpoint": endpoint, "model": name, **row} for row in left]
        used = {column["column"] for kept in out["columns"][endpoint].values() for column in kept}
        out["leakage"] += [{"endpoint": endpoint, **row} for row in _leaks(by_site, used)]
        out["leakage_assessed"][endpoint] = {
            site: {name: name in found["leakage"]["assessed"] for name in sorted(used)}
            for site, found in by_site.items()
        }
    return out


def _leaks(by_site: dict[str, dict], used: set[str]) -> list[dict]:
    """The columns in use that give an endpoint away, and the sites where they do."""
    sites: dict[str, list[str]] = {}
    for site, found in by_site.items():
        for name in found["leakage"]["columns"]:
            sites.setdefault(name, []).append(site)
    return [{"column": name, "sites": where} for name, where in sites.items() if name in used]


def _models_of(endpoint: str, models: dict) -> list[tuple[str, dict]]:
    """The models that predict an endpoint."""
    return [(name, model) for name, model in models.items() if endpoint in model["endpoints"]]


def _may_train(support_: dict) -> bool:
    return support_["trains"] and support_["patients"] and support_["events"]


def _columns_of(model: dict, columns: list[dict], objections: dict, strict: bool) -> tuple[list[dict], list[dict]]:
    """The columns that a model keeps, and those left out with reason; none are kept of a comparator that loses a predictor."""
    wanted = [
        one for one in columns if one["variable"] in model["predictors"] and one["column"] not in objections["idle"]
    ]
    left = [{"column": one["column"], **found} for one in wanted if (found := _refused(one, objections, strict))]
    gone = {row["column"] for row in left}
    if gone & set(model["required"]):
        return [], left
    return [{"column": one["column"], "flag": is_flag(one)} for one in wanted if one["column"] not in gone], left


def _objections(by_site: dict[str, dict], training: list[str], able: list[str], columns: list[dict]) -> dict:
    """idle: indicators of variables that are nowhere incomplete; constant: columns that vary nowhere; short: sites by column, among
    those that an enforced gate would let train."""
    supports = [by_site[site] for site in training]
    incomplete = {name for found in supports for name in found["incomplete"]}
    variables = {column["variable"] for column in columns if column["column"] in incomplete}
    constant = set.intersection(*(set(found["constant"]) for found in supports))
    indicators = [column for column in columns if column["type"] == "missing" and column["variable"] not in variables]
    short = {one["column"]: [site for site in able if not by_site[site]["columns"][one["column"]]] for one in columns}
    return {
        "idle": {column["column"] for column in indicators},
        "constant": dict.fromkeys(sorted(constant), training),
        "short": {name: sites for name, sites in short.items() if sites},
    }


def _refused(column: dict, objections: dict, strict: bool) -> dict | None:
    """Why a column is left out, and at which sites."""
    name = column["column"]
    if name in objections["constant"]:
        return {"reason": "constant", "sites": objections["constant"][name]}
    if strict and name in objections["short"]:
        reason = f"fewer than {MINIMUM_SUPPORT} carriers, non-carriers or observed values in a training set"
        return {"reason": reason, "sites": objections["short"][name]}
    return None
