"""The training jobs: one site alone, all sites together, or all rows in one place; the same driver with other clients."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from flwr.app import Context, RecordDict

from hemapilots.federation.client import client_app, support_of
from hemapilots.federation.grid import LocalGrid
from hemapilots.federation.release import Exit
from hemapilots.federation.server import Fitted, Plan, server_app
from hemapilots.models.data import TrainingData
from hemapilots.models.files import write_model
from hemapilots.models.training_sets import NO_FOLD
from hemapilots.site_tables import read_site

NORMAL_95 = 1.959963984540054


def training_data(
    site: dict[str, pd.DataFrame], endpoint: str, columns: list[dict], counts: pd.Series | None = None
) -> TrainingData:
    """The rows of a site with a known outcome, for one endpoint and predictor set; each as often as `counts` says, by row."""
    harmonized, design = site["harmonized"], site["design"]
    known = harmonized[f"{endpoint}_event"].notna().to_numpy()
    outcome = harmonized.loc[known, [f"{endpoint}_{part}" for part in ("entry", "time", "event")]].to_numpy(dtype=float)
    folds = site["folds"].reindex(harmonized.loc[known, "row"]).to_numpy().T
    x = design.loc[known, [column["column"] for column in columns]].to_numpy(dtype=float)
    if counts is not None:
        drawn = np.repeat(np.arange(len(x)), counts.loc[harmonized.loc[known, "row"]].to_numpy())
        x, outcome, folds = x[drawn], outcome[drawn], folds[:, drawn]
    return TrainingData(x, *outcome.T, folds, np.array([column["flag"] for column in columns], dtype=bool))


def train_local(site: str, folder: Path, agreed: dict, spec: dict, out: Path, gate: str) -> list[dict]:
    """Every model of the protocol at one site alone; returns the ledger of what the site released (nothing where gate is `private`)."""
    tables, entries = read_site(folder), []
    out.mkdir(parents=True, exist_ok=True)
    for endpoint, name in _tasks(spec, agreed, comparators=False):
        if site not in agreed["sites"][endpoint]:
            continue
        fitted, columns = _fit(
            {site: tables},
            endpoint,
            name,
            agreed,
            spec,
            spec["strategies"]["newton"] | {"baseline": "site"},
            "local",
            "off",
            True,
        )
        arrays, card = describe(fitted, endpoint, name, f"local/{site}", columns, spec)
        if gate != "private":
            data = training_data(tables, endpoint, columns)
            # A local model is released only where rows may be pooled anyway, so the gate does not refuse it there, but says it would.
            lenient = "report" if gate == "enforce" else gate
            exit_ = Exit(site, "train_local", lenient, support_of(data, fitted.plan.sets, fitted.plan.columns))
            flat = np.concatenate([np.asarray(value, dtype=float).ravel() for value in arrays.values()])
            exit_.release("local_model", {"arrays": flat, "card": json.dumps(card)})
            entries += exit_.entries
        write_model(out, endpoint, name, f"local/{site}", arrays, card)
    return entries


def train_federated(folders: dict[str, Path], name: str, agreed: dict, spec: dict, out: Path) -> dict[str, list[dict]]:
    """One model by every strategy over all training sites; returns each site's ledger."""
    tables = {site: read_site(folder) for site, folder in folders.items()}
    ledger: dict[str, list[dict]] = {site: [] for site in folders}
    comparator = spec["models"][name]["comparator"]
    strategies = {"newton": spec["strategies"]["newton"]} if comparator else spec["strategies"]
    for endpoint, _ in _tasks(spec, agreed, only=name):
        training = {site: tables[site] for site in agreed["sites"][endpoint]}
        for strategy, options in strategies.items():
            fitted, columns = _fit(
                training, endpoint, name, agreed, spec, options, f"federated/{strategy}", spec["gate"], False, ledger
            )
            model, regime = ("score", f"score/{name}") if comparator else (name, f"federated/{strategy}")
            arrays, card = describe(fitted, endpoint, name, regime, columns, spec)
            write_model(out, endpoint, model, regime, arrays, card)
    return ledger


def train_pooled(folders: dict[str, Path], name: str, agreed: dict, spec: dict, out: Path) -> None:
    """One model on all rows in one place: one client, one baseline. Simulation only."""
    tables = [read_site(folder) for folder in folders.values()]
    out.mkdir(parents=True, exist_ok=True)
    pooled = {
        part: pd.concat([table[part] for table in tables], ignore_index=part != "folds")
        for part in ("harmonized", "design")
    }
    pooled["harmonized"]["row"] = pooled["design"]["row"] = np.arange(len(pooled["design"]))
    pooled["folds"] = pd.concat([table["folds"].reindex(table["design"]["row"]) for table in tables], ignore_index=True)
    for endpoint, _ in _tasks(spec, agreed, only=name):
        options = spec["strategies"]["newton"] | {"baseline": "site"}
        fitted, columns = _fit({"pooled": pooled}, endpoint, name, agreed, spec, options, "pooled", "off", True)
        arrays, card = describe(fitted, endpoint, name, "pooled", columns, spec)
        write_model(out, endpoint, name, "pooled", arrays, card)


def describe(
    fitted: Fitted, endpoint: str, name: str, regime: str, columns: list[dict], spec: dict
) -> tuple[dict, dict]:
    """The model as arrays with leading axes replicate, fold, penalty, and as a card that people read.

    Arrays: coefficients (R, K, L, p); location, scale, fill (R, K, p); chosen (R, K); the same with prefix final_ for the model on
    all patients; baseline (R, K, T) on grid (T,) where it was released; penalties (L,).
    """
    plan, pre = fitted.plan, fitted.preprocessing
    outer = np.flatnonzero((plan.sets[:, 1] != NO_FOLD) & (plan.sets[:, 2] == NO_FOLD))
    shape = (plan.replicates, plan.folds)
    parts = {
        "coefficients": fitted.coefficients,
        "location": pre.location,
        "scale": pre.scale,
        "fill": pre.fill,
        "chosen": fitted.chosen,
    }
    if fitted.baseline is not None:
        parts["baseline"] = fitted.baseline
    arrays = {key: value[outer].reshape(shape + value.shape[1:]) for key, value in parts.items()}
    arrays |= {f"final_{key}": value[0] for key, value in parts.items()}
    arrays |= {"penalties": plan.penalties, "grid": plan.grid}
    best = int(fitted.chosen[0])
    card = {
        "endpoint": endpoint,
        "model": name,
        "kind": spec["models"][name]["kind"],
        "regime": regime,
        "columns": plan.columns,
        "ties": plan.ties,
        "patients": int(pre.patients[0]),
        "events": int(pre.events[0]),
        "rounds": fitted.rounds,
        "fits": int(plan.fit_set.size),
        "unconverged_fits": fitted.unconverged,
        "penalty": float(plan.penalties[best]),
        "cross_validated_loglik": dict(
            zip(map("{:g}".format, plan.penalties), fitted.criterion[0].tolist(), strict=True)
        ),
        "penalties_chosen_in_folds": [float(plan.penalties[k]) for k in fitted.chosen[outer]],
        "standard_errors": "conditional on lambda; intervals are evidence only at lambda = 0",
        "coefficients": coefficient_table(fitted, best),
    }
    return arrays, card


def coefficient_table(fitted: Fitted, best: int) -> list[dict]:
    """Per column of the final model: coefficient per standard deviation, SE, Wald interval, hazard ratio per unit of the column."""
    rows = []
    for at, column in enumerate(fitted.plan.columns):
        scale, beta = float(fitted.preprocessing.scale[0, at]), float(fitted.coefficients[0, best, at])
        error = None if fitted.standard_errors is None else float(fitted.standard_errors[at])
        row = {
            "column": column,
            "coefficient": beta,
            "se": None,
            "lower": None,
            "upper": None,
            "hazard_ratio_per_unit": None,
            "reason": None,
        }
        if scale == 0:
            row |= {"reason": "constant column: dropped"}
        else:
            row["hazard_ratio_per_unit"] = float(np.exp(np.clip(beta / scale, -700, 700)))
            if error is not None:
                row |= {"se": error, "lower": beta - NORMAL_95 * error, "upper": beta + NORMAL_95 * error}
        rows.append(row)
    return rows


def _tasks(spec: dict, agreed: dict, only: str | None = None, comparators: bool = True) -> list[tuple[str, str]]:
    names = (
        [only] if only else [name for name, model in spec["models"].items() if comparators or not model["comparator"]]
    )
    return [(endpoint, name) for endpoint in spec["endpoints"] for name in names if agreed["columns"][endpoint][name]]


def _fit(
    tables, endpoint, name, agreed, spec, options, stage, gate, release_baseline, ledger=None
) -> tuple[Fitted, list[dict]]:
    """Build the sites' apps and run one federation."""
    columns = agreed["columns"][endpoint][name]
    plan = Plan(
        [column["column"] for column in columns],
        np.array([column["flag"] for column in columns], dtype=bool),
        spec["replicates"],
        spec["folds"],
        np.array(spec["penalties"], dtype=float),
        spec["ties"],
        np.array(spec["grid"], dtype=float),
    )
    apps, exits = {}, {}
    for site, table in tables.items():
        data = training_data(table, endpoint, columns)
        support = support_of(data, plan.sets, plan.columns) if gate != "off" else None
        exits[site] = Exit(site, f"{stage} {name} {endpoint}", gate, support)
        apps[site] = client_app(spec["models"][name]["kind"], data, exits[site])
    fitted: list[Fitted] = []
    server_app(plan, options, fitted.append, release_baseline)(LocalGrid(apps), Context(1, 0, {}, RecordDict(), {}))
    for site, exit_ in exits.items():
        if ledger is not None:
            ledger[site] += exit_.entries
    return fitted[0], columns
