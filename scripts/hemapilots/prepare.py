"""Folds, the design, and the support of each column: made inside the site; the agreement on columns is central."""

import numpy as np
import pandas as pd

from hemapilots.federation.release import MINIMUM_SUPPORT
from hemapilots.models.training_sets import training_sets

MINIMUM_PATIENTS = 20


def assign_folds(harmonized: pd.DataFrame, primary_endpoint: str, resampling: dict, site: str) -> pd.DataFrame:
    """Fold of every row in every replicate, stratified by the primary endpoint's event: columns replicate, fold, row.

    Rows are dealt in turn within each stratum, so that fold sizes differ by one at most; the strata continue each other's turn.
    """
    event = harmonized[f"{primary_endpoint}_event"].fillna(-1).to_numpy()
    rows = harmonized["row"].to_numpy()
    frames = []
    for replicate in range(resampling["replicates"]):
        rng = np.random.default_rng([resampling["seed"], replicate, *site.encode()])
        shuffled = rng.permutation(rows.size)
        order = shuffled[np.argsort(event[shuffled], kind="stable")]
        start = rng.integers(resampling["folds"])
        fold = np.empty(rows.size, dtype=np.int64)
        fold[order] = (start + np.arange(rows.size)) % resampling["folds"]
        frames.append(pd.DataFrame({"replicate": replicate, "fold": fold, "row": rows}))
    return pd.concat(frames, ignore_index=True)


def encode(harmonized: pd.DataFrame, columns: list[dict]) -> pd.DataFrame:
    """The design: row and every candidate column as float64, unscaled, missing kept as nan; see study.design_columns."""
    out = {"row": harmonized["row"].to_numpy()}
    for column in columns:
        values = harmonized[column["variable"]]
        missing = values.isna().to_numpy()
        if column["type"] == "missing":
            encoded = missing.astype(float)
        elif column["type"] == "level":
            encoded = np.where(missing, np.nan, (values == column["level"]).to_numpy(dtype=float))
        elif column["type"] == "ordered":
            codes = pd.Categorical(values, categories=column["levels"]).codes
            encoded = np.where(missing, np.nan, codes.astype(float))
        else:
            encoded = values.to_numpy(dtype=float)
        out[column["column"]] = encoded
    return pd.DataFrame(out)


def is_flag(column: dict) -> bool:
    """Whether a design column is 0/1."""
    return column["type"] in ("flag", "level", "missing")


def support(harmonized: pd.DataFrame, design: pd.DataFrame, folds: pd.DataFrame, spec: dict) -> dict:
    """What the site says of its support, per endpoint: whether each value reaches the minimum in every training set, never a count.

    patients, events: enough in the smallest training set; trains: enough patients and events in all to take part where the gate is
    enforced; columns: for 0/1 columns enough carriers and non-carriers; incomplete: columns with enough missing values to tell;
    constant: columns that do not vary.
    """
    sets = training_sets(spec["resampling"]["replicates"], spec["resampling"]["folds"], tune=True)
    wide = folds.pivot(index="row", columns="replicate", values="fold").reindex(design["row"])
    names = [column["column"] for column in spec["columns"]]
    flags = [column["column"] for column in spec["columns"] if is_flag(column)]
    out = {}
    for endpoint in spec["endpoints"]:
        known = harmonized[f"{endpoint}_event"].notna().to_numpy()
        event = harmonized.loc[known, f"{endpoint}_event"].to_numpy() == 1
        x, fold = design.loc[known, flags].to_numpy(), wide[known].to_numpy()
        least, patients, events = np.full(len(flags), np.inf), np.inf, np.inf
        for replicate, first, second in sets:
            rows = slice(None) if replicate < 0 else (fold[:, replicate] != first) & (fold[:, replicate] != second)
            part = x[rows]
            least = np.minimum(least, np.minimum((part == 1).sum(axis=0), (part == 0).sum(axis=0)))
            patients, events = min(patients, len(part)), min(events, event[rows].sum())
        values = design.loc[known, names]
        out[endpoint] = {
            "patients": bool(patients >= MINIMUM_SUPPORT),
            "events": bool(events >= MINIMUM_SUPPORT),
            "trains": bool(known.sum() >= MINIMUM_PATIENTS and event.sum() >= MINIMUM_SUPPORT),
            "columns": {name: bool(count >= MINIMUM_SUPPORT) for name, count in zip(flags, least, strict=True)},
            "incomplete": [name for name in names if values[name].isna().sum() >= MINIMUM_SUPPORT],
            "constant": [name for name in names if values[name].nunique() < 2],
        }
    return out


def agree(supports: dict[str, dict], columns: list[dict], spec: dict) -> dict:
    """From every site's support: per endpoint the sites that train, per model its columns, and what was left out and why.

    A column that is constant everywhere is left out; an indicator of missing values stays where some site has enough of them. Where
    the gate is enforced, and in a `supported_only` model, a column that falls short at any training site is left out for all.
    """
    enforced = spec["gate"] == "enforce"
    out = {"sites": {}, "evaluated_only": {}, "columns": {}, "left_out": []}
    for endpoint in spec["endpoints"]:
        by_site = {site: supports[site][endpoint] for site in sorted(supports)}
        able = [site for site, found in by_site.items() if found["trains"] and found["patients"] and found["events"]]
        training = able if enforced else list(by_site)
        out["sites"][endpoint] = training
        out["evaluated_only"][endpoint] = [site for site in by_site if site not in training]
        short = {}
        for column in columns:
            if is_flag(column):
                short[column["column"]] = [site for site in training if not by_site[site]["columns"][column["column"]]]
        incomplete = {name for site in training for name in by_site[site]["incomplete"]}
        constant = set.intersection(*(set(by_site[site]["constant"]) for site in training)) if training else set()
        out["columns"][endpoint] = {}
        for name, model in spec["models"].items():
            kept = []
            for column in columns:
                if column["variable"] not in model["predictors"]:
                    continue
                key = column["column"]
                if column["type"] == "missing" and column["variable"] not in incomplete | _level_variables(columns, incomplete):
                    continue
                reason = None
                if key in constant:
                    reason, where = "constant", training
                elif (enforced or model["supported_only"]) and short.get(key):
                    reason, where = f"fewer than {MINIMUM_SUPPORT} carriers or non-carriers in a training set", short[key]
                if reason:
                    out["left_out"].append({"endpoint": endpoint, "model": name, "column": key, "reason": reason, "sites": where})
                else:
                    kept.append({"column": key, "flag": is_flag(column)})
            out["columns"][endpoint][name] = kept
    return out


def _level_variables(columns: list[dict], incomplete: set[str]) -> set[str]:
    """Variables with a design column among the incomplete ones: a category's levels are missing together."""
    return {column["variable"] for column in columns if column["column"] in incomplete}
