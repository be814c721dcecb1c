"""Invented survival data and the federations that the benchmarks run."""

import numpy as np

from hemapilots.federation.client import client_app
from hemapilots.federation.grid import LocalGrid
from hemapilots.federation.plan import Fitted, Plan
from hemapilots.federation.release import Exit
from hemapilots.federation.server import train
from hemapilots.models.data import TrainingData

NEWTON = {"name": "newton", "baseline": "site", "tolerance": 1e-10, "rounds": 40}
UNITS = {"daily": 365.25, "monthly": 12, "continuous": None}


def site_data(seed: list[int], patients: int, columns: int, times: str) -> TrainingData:
    """One site over ten years, about 45 % events: every other column is 0/1. times: daily, monthly or continuous."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(patients, columns))
    x[:, ::2] = x[:, ::2] > 0.5
    effects = np.random.default_rng(7).normal(0, 0.2, columns)
    hazard = np.exp((x - np.where(np.arange(columns) % 2, 0.0, 0.31)) @ effects)
    death, censoring = rng.exponential(8 / hazard), rng.uniform(0, 10, patients)
    time = np.minimum(death, censoring)
    if UNITS[times]:
        time = np.ceil(time * UNITS[times]) / UNITS[times]
    flags = np.arange(columns) % 2 == 0
    return TrainingData(
        x, np.zeros(patients), time, (death <= censoring).astype(float), np.zeros((1, patients), dtype=int), flags
    )


def plan_of(data: TrainingData, penalty: float = 0.0) -> Plan:
    """One fit on everybody (no folds), Efron."""
    columns = [f"x{j}" for j in range(data.x.shape[1])]
    return Plan(columns, data.flags, 0, 1, np.array([penalty]), "efron", np.array([1.0]))


def grid_of(sites: list[TrainingData], gate: str = "off") -> LocalGrid:
    """The sites' apps in one process."""
    names = [f"site-{k:04d}" for k in range(len(sites))]
    return LocalGrid(
        {name: client_app("cox", data, Exit(name, "bench", gate)) for name, data in zip(names, sites, strict=True)}
    )


def federate(sites: list[TrainingData]) -> Fitted:
    """Exact federated Cox over the sites, one baseline each."""
    for data in sites:
        data.forget()
    return train(grid_of(sites), plan_of(sites[0]), NEWTON)


def lifelines_frame(sites: list[TrainingData], fitted: Fitted):
    """All rows with the federation's scaling, for lifelines."""
    import pandas as pd

    z = fitted.preprocessing.apply(np.concatenate([data.x for data in sites]), 0)
    frame = pd.DataFrame(z, columns=fitted.plan.columns)
    frame["time"] = np.concatenate([data.time for data in sites])
    frame["event"] = np.concatenate([data.event for data in sites])
    frame["site"] = np.repeat(np.arange(len(sites)), [data.time.size for data in sites])
    return frame


def lifelines_fit(frame):
    """lifelines' Cox regression, stratified by site, converged as far as the federation."""
    from lifelines import CoxPHFitter

    return CoxPHFitter().fit(
        frame, "time", "event", strata=["site"], fit_options={"precision": 1e-15, "step_size": 1.0}
    )


def difference(fitted: Fitted, peer) -> float:
    """The largest difference in coefficients and standard errors from a lifelines fit."""
    apart = (
        np.abs(fitted.coefficients[0, 0] - peer.params_.to_numpy()),
        np.abs(fitted.standard_errors - peer.standard_errors_.to_numpy()),
    )
    return float(max(part.max() for part in apart))
