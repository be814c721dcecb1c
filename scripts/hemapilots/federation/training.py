"""The training jobs: one site alone, all sites together, or all rows in one place; the same driver with other clients."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from flwr.app import Context, RecordDict

from hemapilots.federation.cards import describe, with_competing
from hemapilots.federation.client import client_app, support_of
from hemapilots.federation.faults import FaultyGrid, mods_of
from hemapilots.federation.plan import Fitted, Plan
from hemapilots.federation.release import Exit
from hemapilots.federation.server import server_app
from hemapilots.models.data import TrainingData
from hemapilots.models.files import write_model
from hemapilots.models.registry import SUBDISTRIBUTION, model_of
from hemapilots.models.subdistribution import coded
from hemapilots.site_tables import read_site

MOST_CUTS = 50
# Kinds whose penalty is chosen from the protocol's.
LINEAR = ("cox", "fine_gray")


def training_data(
    site: dict[str, pd.DataFrame],
    endpoint: str,
    columns: list[dict],
    counts: pd.Series | None = None,
    cause: int = 1,
    kind: str = "cox",
) -> TrainingData:
    """The rows of a site with a known outcome, for one endpoint and predictor set; each as often as `counts` says, by row.

    cause: 1 the endpoint's event, 2 the competing one; whoever has the other one leaves the risk sets as if censored, or, where the
    kind of model follows the cumulative incidence itself, stays in them.
    """
    harmonized, design = site["harmonized"], site["design"]
    known = harmonized[f"{endpoint}_event"].notna().to_numpy()
    outcome = harmonized.loc[known, [f"{endpoint}_{part}" for part in ("entry", "time", "event")]].to_numpy(dtype=float)
    folds = site["folds"].reindex(harmonized.loc[known, "row"]).to_numpy().T
    x = design.loc[known, [column["column"] for column in columns]].to_numpy(dtype=float)
    if counts is not None:
        drawn = np.repeat(np.arange(len(x)), counts.loc[harmonized.loc[known, "row"]].to_numpy())
        x, outcome, folds = x[drawn], outcome[drawn], folds[:, drawn]
    entry, time, event = outcome.T
    flags = np.array([column["flag"] for column in columns], dtype=bool)
    return TrainingData(x, entry, time, coded(event, cause, kind in SUBDISTRIBUTION), folds, flags)


def strategy_times(data: TrainingData, spec: dict, options: dict) -> TrainingData:
    """The rows with the times that a strategy trains on: original ones, or with `baseline: grid` coarsened to the protocol's steps, which
    go on farther than any patient is followed."""
    return data.coarsened(np.array(spec["scale_grid"])) if options.get("baseline") == "grid" else data


def train_local(site: str, folder: Path, agreed: dict, spec: dict, out: Path, gate: str) -> list[dict]:
    """Every model of the protocol at one site alone; returns the ledger of what the site released (nothing where gate is `private`)."""
    tables, entries = read_site(folder), []
    out.mkdir(parents=True, exist_ok=True)
    for endpoint, name in _tasks(spec, agreed, comparators=False):
        if site not in agreed["sites"][endpoint]:
            continue
        regime = f"local/{site}"
        causes = [{site: tables}] * (1 + (site in _competing(agreed, endpoint, spec, name)))
        arrays, card = _trained(causes, endpoint, name, agreed, spec, alone(spec, name), regime, "off")
        if gate != "private":
            kind = spec["models"][name]["kind"]
            data = training_data(tables, endpoint, agreed["columns"][endpoint][name], kind=kind)
            # A local model is released only where rows may be pooled anyway, so the gate does not refuse it there, but says it would.
            lenient = "report" if gate == "enforce" else gate
            plan = plan_of(spec, endpoint, name, agreed["columns"][endpoint][name])
            exit_ = Exit(site, "train_local", lenient, support_of(data, plan.sets, plan.columns))
            flat = np.concatenate([np.asarray(value, dtype=float).ravel() for value in arrays.values()])
            exit_.release("local_model", {"arrays": flat, "card": json.dumps(card)})
            entries += exit_.entries
        write_model(out, endpoint, name, regime, arrays, card)
    return entries


def train_federated(folders: dict[str, Path], name: str, agreed: dict, spec: dict, out: Path) -> dict[str, list[dict]]:
    """One model by every strategy over all training sites; returns each site's ledger."""
    tables = {site: read_site(folder) for site, folder in folders.items()}
    ledger: dict[str, list[dict]] = {site: [] for site in folders}
    comparator = spec["models"][name]["comparator"]
    for endpoint, _ in _tasks(spec, agreed, only=name):
        by_cause = [agreed["sites"][endpoint], *filter(None, [_competing(agreed, endpoint, spec, name)])]
        causes = [{site: tables[site] for site in sites} for sites in by_cause]
        for strategy in spec["models"][name]["strategies"]:
            regime, options = f"federated/{strategy}", options_of(spec, name, spec["strategies"][strategy])
            arrays, card = _trained(causes, endpoint, name, agreed, spec, options, regime, spec["gate"], ledger)
            filed = ("score", f"score/{name}") if comparator else (name, regime)
            write_model(out, endpoint, *filed, arrays, card | {"regime": filed[1]})
    return ledger


def train_pooled(folders: dict[str, Path], name: str, agreed: dict, spec: dict, out: Path) -> None:
    """One model on all rows in one place: one client, one baseline. Simulation only."""
    tables = [read_site(folder) for site, folder in folders.items() if site != spec.get("leave_out")]
    out.mkdir(parents=True, exist_ok=True)
    pooled = {
        part: pd.concat([table[part] for table in tables], ignore_index=part != "folds")
        for part in ("harmonized", "design")
    }
    pooled["harmonized"]["row"] = pooled["design"]["row"] = np.arange(len(pooled["design"]))
    pooled["folds"] = pd.concat([table["folds"].reindex(table["design"]["row"]) for table in tables], ignore_index=True)
    for endpoint, _ in _tasks(spec, agreed, only=name):
        causes = [{"pooled": pooled}] * (2 if _competing(agreed, endpoint, spec, name) else 1)
        fitted = _trained(causes, endpoint, name, agreed, spec, alone(spec, name), "pooled", "off")
        write_model(out, endpoint, name, "pooled", *fitted)


def options_of(spec: dict, name: str, strategy: dict) -> dict:
    """A strategy's options for one model, whose own settings come first: networks bring their rounds, steps and learning rate."""
    settings = spec["models"][name]["settings"]
    return strategy | {key: settings[key] for key in ("rounds", "local_steps", "learning_rate") if key in settings}


def alone(spec: dict, name: str) -> dict:
    """The options by which a model is trained where all rows are one client's."""
    strategy = model_of(spec["models"][name]["kind"]).ALONE
    if strategy == "newton":
        return spec["strategies"]["newton"] | {"baseline": "site"}
    return options_of(spec, name, {"name": strategy})


def plan_of(spec: dict, endpoint: str, name: str, columns: list[dict]) -> Plan:
    """What is to be trained for one model: only a linear one has penalties to choose from.

    The grid is that of years since the index date, or, with late entry, of the endpoint's own scale.
    """
    model = spec["models"][name]
    penalties, ratios = _penalties(model, spec["penalties"])
    return Plan(
        [column["column"] for column in columns],
        np.array([column["flag"] for column in columns], dtype=bool),
        spec["replicates"],
        spec["folds"],
        penalties,
        spec["ties"],
        np.array(spec["scale_grid"] if endpoint in spec.get("entry", ()) else spec["grid"], dtype=float),
        kind=model["kind"],
        settings=_default_cuts(model["kind"], spec["grid"]) | model["settings"],
        l1_ratios=ratios,
    )


def _penalties(model: dict, declared: list[float]) -> tuple[np.ndarray, np.ndarray | None]:
    """Penalties (L,) of a model and, of an elastic net, the share on absolute values of each (L,): every ratio with every penalty."""
    if model["kind"] not in LINEAR:
        return np.zeros(1), None
    ratios, penalties = model["settings"].get("l1_ratios"), np.array(declared, dtype=float)
    if ratios is None:
        return penalties, None
    return np.tile(penalties, len(ratios)), np.repeat(np.array(ratios, dtype=float), penalties.size)


def _default_cuts(kind: str, grid: list[float]) -> dict:
    """The times of a model that has some of its own: the protocol's grid, at most 50 of it up to its end."""
    every = -(-len(grid) // MOST_CUTS)
    return {"cuts": grid[::-1][::every][::-1]} if kind in ("discrete_hazard", "forest") else {}


def _tasks(spec: dict, agreed: dict, only: str | None = None, comparators: bool = True) -> list[tuple[str, str]]:
    names = (
        [only] if only else [name for name, model in spec["models"].items() if comparators or not model["comparator"]]
    )
    return [(endpoint, name) for endpoint in spec["endpoints"] for name in names if agreed["columns"][endpoint][name]]


def _competing(agreed: dict, endpoint: str, spec: dict, name: str) -> list[str]:
    """The sites that train the hazard of an endpoint's competing event; none where nothing competes, nobody had it, or the model
    follows the cumulative incidence itself."""
    alone_ = spec["models"][name]["kind"] in SUBDISTRIBUTION
    return [] if alone_ else agreed.get("competing", {}).get(endpoint, [])


def _trained(causes, endpoint, name, agreed, spec, options, regime, gate, ledger=None) -> tuple[dict, dict]:
    """Arrays and card of a model. causes: the tables that train the endpoint's event, and those that train a competing one's hazard."""
    fits = [
        _fit(tables, endpoint, name, agreed, spec, options, regime, gate, ledger, cause)
        for cause, tables in enumerate(causes, start=1)
    ]
    return with_competing(*(describe(fitted, endpoint, name, regime) for fitted in fits))


def _fit(tables, endpoint, name, agreed, spec, options, stage, gate, ledger=None, cause=1) -> Fitted:
    """Build the sites' apps and run one federation; without a ledger it is one of a single client, and baselines come with it."""
    columns = agreed["columns"][endpoint][name]
    plan, apps, exits = plan_of(spec, endpoint, name, columns), {}, {}
    # Faults are those of the federation under study: not of one client alone, and not of the scores that it is compared with.
    faults = {} if ledger is None or spec["models"][name]["comparator"] else spec.get("faults", {})
    for site, table in tables.items():
        data = training_data(table, endpoint, columns, cause=cause, kind=plan.kind)
        data = strategy_times(data, spec, options)
        support = support_of(data, plan.sets, plan.columns) if gate != "off" else None
        exits[site] = Exit(site, f"{stage} {name} {endpoint}" + (" competing" if cause == 2 else ""), gate, support)
        apps[site] = client_app(plan.kind, data, exits[site], *mods_of(faults, site, exits[site]))
    fitted: list[Fitted] = []
    grid = FaultyGrid(apps, exits, faults)
    server_app(plan, options, fitted.append, ledger is None)(grid, Context(1, 0, {}, RecordDict(), {}))
    if ledger is not None:
        for site, exit_ in exits.items():
            ledger[site] += exit_.entries
    return fitted[0]
