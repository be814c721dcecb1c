"""Bootstrap with refitting: the primary model trained again on resampled patients, for an interval that includes its own variation.

Every refit would send as much as the fit itself, so this is done where rows may be pooled, as part of the simulation, and in no ledger.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.federation.client import client_app
from hemapilots.federation.grid import LocalGrid
from hemapilots.federation.plan import Fitted, Plan
from hemapilots.federation.release import Exit
from hemapilots.federation.server import train
from hemapilots.federation.training import plan_of, training_data
from hemapilots.models.files import read_model
from hemapilots.site_tables import read_site

Refit = dict[str, pd.DataFrame]


def refit(folders: dict[str, Path], models: Path, agreed: dict, spec: dict, primary: dict) -> list[Refit]:
    """Per refit and site a frame: replicate, fold, row, risk, and count, how often the row stands in the resample.

    Patients are drawn with replacement within site and fold of the first replicate; each training set keeps its chosen penalty.
    """
    endpoint, name = primary["endpoint"], primary["model"]
    columns = agreed["columns"][endpoint][name]
    arrays, _ = read_model(models, endpoint, name, primary["regime"])
    strategy = spec["strategies"][primary["regime"].removeprefix("federated/")]
    tables = {site: read_site(folder) for site, folder in folders.items()}
    plan = _plan(plan_of(spec, name, columns), arrays)
    refits = []
    for number in range(primary["refits"]):
        counts = {
            site: _resample(table["folds"], [primary["seed"], number, *site.encode()]) for site, table in tables.items()
        }
        apps = {}
        for site in agreed["sites"][endpoint]:
            data = training_data(tables[site], endpoint, columns, counts[site])
            apps[site] = client_app(spec["models"][name]["kind"], data, Exit(site, "refit", "off"))
        fitted = train(LocalGrid(apps), plan, strategy)
        refits.append(
            {site: _predict(fitted, table, endpoint, columns, counts[site]) for site, table in tables.items()}
        )
    return refits


def _plan(plan: Plan, arrays: dict[str, np.ndarray]) -> Plan:
    """The plan of the outer folds alone, each with the penalty that was chosen for it."""
    chosen = np.concatenate([[arrays["final_chosen"].item()], arrays["chosen"].ravel()])
    return replace(plan, penalties=np.zeros(1), own_penalty=arrays["penalties"][chosen])


def _resample(folds: pd.DataFrame, seed: list[int]) -> pd.Series:
    """How often each row is drawn, by row; every fold of the first replicate keeps its size."""
    rng = np.random.default_rng(seed)
    counts = np.zeros(len(folds), dtype=int)
    for fold in np.unique(folds[0]):
        members = np.flatnonzero(folds[0] == fold)
        counts[members] = np.bincount(rng.integers(members.size, size=members.size), minlength=members.size)
    return pd.Series(counts, index=folds.index)


def _predict(
    fitted: Fitted, table: dict[str, pd.DataFrame], endpoint: str, columns: list[dict], counts: pd.Series
) -> pd.DataFrame:
    """Out-of-fold risks of a site's patients under the refitted models."""
    known = table["harmonized"][f"{endpoint}_event"].notna().to_numpy()
    x = table["design"].loc[known, [column["column"] for column in columns]].to_numpy(dtype=float)
    rows = table["design"].loc[known, "row"].to_numpy()
    folds = table["folds"].reindex(rows).to_numpy()
    frames = []
    for s, (replicate, fold, _) in enumerate(fitted.plan.sets):
        tested = folds[:, replicate] == fold
        if s == 0 or not tested.any():
            continue
        state = {name: value[s, 0] for name, value in fitted.state.items()}
        risk = fitted.plan.model.risk(state, fitted.preprocessing.apply(x[tested], s), fitted.plan.settings)
        frames.append(
            pd.DataFrame(
                {
                    "replicate": replicate,
                    "fold": fold,
                    "row": rows[tested],
                    "risk": risk,
                    "count": counts.loc[rows[tested]].to_numpy(),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)
