"""What the primary model owes to each site: trained again without it, in the simulation, where rows may be pooled.

Without a site, subtraction shows what that site told; so this is in no ledger, and not of private cohorts.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.federation.least_sites import too_few
from hemapilots.federation.refitting import Refit, predicted, refitted
from hemapilots.models.files import read_model
from hemapilots.site_tables import read_site

__all__ = ["COLUMNS", "coefficient_change", "without_each_site"]

# Faults by which a site's answers are missed.
SILENT = ("drop", "late", "nan")
COLUMNS = ["site", "metric", "change", "column", "coefficient", "coefficient_without", "root_mean_square"]


def without_each_site(
    folders: dict[str, Path], models: Path, agreed: dict, spec: dict, primary: dict
) -> tuple[list[dict], list[Refit]]:
    """Per training site how the final coefficients change without it, and out-of-fold predictions of all patients; those of the model of
    all sites come first, as site None. Nothing where too few sites are left, and no row of a site without which too few would answer.

    Each training set keeps its chosen penalty. spec: what training and prediction receive, together.
    """
    endpoint, strategy = primary["endpoint"], spec["strategies"][primary["regime"].removeprefix("federated/")]
    training = agreed["sites"][endpoint]
    if len(training) < 3 or too_few(strategy["name"], strategy, len(training) - 1):
        return [], []
    original = read_model(models, *(primary[key] for key in ("endpoint", "model", "regime")))
    tables = {site: read_site(folder) for site, folder in folders.items()}
    once = {site: pd.Series(1, index=table["folds"].index) for site, table in tables.items()}
    rows, predictions, everybody = [], [], None
    for site in (None, *_spared(training, spec.get("faults", {}))):
        left = {
            part: {endpoint: [one for one in agreed.get(part, {}).get(endpoint, []) if one != site]}
            for part in ("sites", "competing")
        }
        model = refitted(tables, once, agreed | left, spec, primary, original)
        everybody = everybody or model[0]
        rows.append({"site": site} | coefficient_change(everybody, model[0], model[1]["columns"]))
        predictions.append({one: predicted(model, table, endpoint, spec, once[one]) for one, table in tables.items()})
    return rows, predictions


def _spared(training: list[str], faults: dict[str, dict]) -> list[str]:
    """The sites without which two others still answer, whatever a scenario lets fall silent."""
    answering = [site for site in training if faults.get(site, {}).get("kind") not in SILENT]
    return [site for site in training if len(set(answering) - {site}) >= 2]


def coefficient_change(all_sites: dict[str, np.ndarray], without: dict[str, np.ndarray], columns: list[str]) -> dict:
    """Of a linear model: the column whose coefficient changes most, both coefficients, and the root mean square of all changes.

    Coefficients are per standard deviation of the column over all sites, whatever scale each model was fitted on.
    """
    if "final_coefficients" not in all_sites:
        return {"column": None, "coefficient": None, "coefficient_without": None, "root_mean_square": None}
    unit, found = all_sites["final_scale"], []
    for arrays in (all_sites, without):
        scale = arrays["final_scale"]
        per_unit = np.divide(arrays["final_coefficients"][0], scale, out=np.zeros_like(scale), where=scale > 0)
        found.append(per_unit * unit)
    moved = found[1] - found[0]
    most = int(np.argmax(np.abs(moved)))
    return {
        "column": columns[most],
        "coefficient": float(found[0][most]),
        "coefficient_without": float(found[1][most]),
    } | {"root_mean_square": float(np.sqrt(np.mean(moved**2)))}
