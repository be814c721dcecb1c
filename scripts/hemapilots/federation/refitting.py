"""Bootstrap with refitting: the primary model trained again on resampled patients, for an interval that includes its own variation.

Every refit would send as much as the fit itself, so this is done where rows may be pooled, as part of the simulation, and in no ledger.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.federation.cards import describe, with_competing
from hemapilots.federation.client import client_app
from hemapilots.federation.faults import FaultyGrid, mods_of
from hemapilots.federation.plan import Plan
from hemapilots.federation.release import Exit
from hemapilots.federation.server import train
from hemapilots.federation.training import options_of, plan_of, strategy_times, training_data
from hemapilots.models.files import read_model
from hemapilots.predict import apply_model
from hemapilots.site_tables import read_site

Refit = dict[str, pd.DataFrame]


def refit(folders: dict[str, Path], models: Path, agreed: dict, spec: dict, primary: dict) -> list[Refit]:
    """Per refit and site a frame: replicate, fold, row, risk, survival_<t>, and count, how often the row stands in the resample.

    Patients are drawn with replacement within site and fold of the first replicate; each training set keeps its chosen penalty.
    spec: what training and prediction receive, together.
    """
    endpoint, original = (
        primary["endpoint"],
        read_model(models, *(primary[key] for key in ("endpoint", "model", "regime"))),
    )
    tables, refits = {site: read_site(folder) for site, folder in folders.items()}, []
    for number in range(primary["refits"]):
        seeds = {site: [primary["seed"], number, *site.encode()] for site in tables}
        counts = {site: _resample(table["folds"], seeds[site]) for site, table in tables.items()}
        model = refitted(tables, counts, agreed, spec, primary, original)
        refits.append({site: predicted(model, table, endpoint, spec, counts[site]) for site, table in tables.items()})
    return refits


def refitted(tables, counts, agreed: dict, spec: dict, primary: dict, original: tuple[dict, dict]) -> tuple[dict, dict]:
    """Arrays and card of the primary model on resampled rows, with the hazard of a competing event where the original has it."""
    endpoint, name, fits = primary["endpoint"], primary["model"], []
    columns, strategy = agreed["columns"][endpoint][name], primary["regime"].removeprefix("federated/")
    for cause, prefix, sites in ((1, "", agreed["sites"]), (2, "competing_", agreed.get("competing", {}))):
        if cause == 2 and "competing" not in original[1]:
            continue
        card = original[1] if cause == 1 else original[1]["competing"]
        apps, exits, faults = {}, {}, spec.get("faults", {})
        plan = _plan(plan_of(spec, endpoint, name, columns), original[0], prefix, anew=bool(faults))
        options = options_of(spec, name, spec["strategies"][strategy]) | _rounds(card)
        for site in sites[endpoint]:
            data = training_data(tables[site], endpoint, columns, counts[site], cause, plan.kind)
            data = strategy_times(data, spec, spec["strategies"][strategy])
            exits[site] = Exit(site, "refit", "off")
            apps[site] = client_app(plan.kind, data, exits[site], *mods_of(faults, site, exits[site]))
        fitted = train(FaultyGrid(apps, exits, faults), plan, options, test_proportionality=False)
        fits.append(describe(fitted, endpoint, name, primary["regime"]))
    return with_competing(*fits)


def _plan(plan: Plan, arrays: dict[str, np.ndarray], prefix: str, anew: bool) -> Plan:
    """The plan of the outer folds alone, each with the penalty (and its share on absolute values) chosen for it; nothing is chosen anew.

    anew: from zeros, as where sites are faulty: one that fails in a round must meet the fit where it met the original, which was then
    on its way from there.
    """
    chosen = np.concatenate([[arrays[f"{prefix}final_chosen"].item()], arrays[f"{prefix}chosen"].ravel()])
    own = {"own_penalty": arrays[f"{prefix}penalties"][chosen]}
    if plan.l1_ratios is not None:
        own["l1_ratios"] = arrays[f"{prefix}l1_ratios"][chosen]
    if f"{prefix}coefficients" in arrays and not anew:
        # The optimum is the same from wherever Newton's method starts, and near where the original ended.
        final, folds = arrays[f"{prefix}final_coefficients"], arrays[f"{prefix}coefficients"]
        fits = np.concatenate([final[None], folds.reshape(-1, *folds.shape[2:])])
        own["start"] = fits[np.arange(chosen.size), chosen]
    settings = {name: value for name, value in plan.settings.items() if name != "patience"}
    return replace(plan, penalties=np.zeros(1), settings=settings, **own)


def _rounds(card: dict) -> dict[str, int]:
    """Where rounds were chosen by early stopping, as many for every training set as the middle one kept."""
    return {"rounds": int(np.median(card["rounds_kept"]))} if "rounds_kept" in card else {}


def predicted(
    model: tuple[dict, dict], table: dict[str, pd.DataFrame], endpoint: str, spec: dict, counts: pd.Series
) -> pd.DataFrame:
    """Out-of-fold predictions of a site's patients under a refitted model."""
    frame = apply_model(table, endpoint, *model, spec, counts)
    return frame.assign(count=counts.loc[frame["row"]].to_numpy())


def _resample(folds: pd.DataFrame, seed: list[int]) -> pd.Series:
    """How often each row is drawn, by row; every fold of the first replicate keeps its size."""
    rng = np.random.default_rng(seed)
    counts = np.zeros(len(folds), dtype=int)
    for fold in np.unique(folds[0]):
        members = np.flatnonzero(folds[0] == fold)
        counts[members] = np.bincount(rng.integers(members.size, size=members.size), minlength=members.size)
    return pd.Series(counts, index=folds.index)
