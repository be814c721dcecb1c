"""The whole evaluation of a pilot of 2,000 patients at five sites: every regime of the standard protocol, three horizons, subgroups.

Measured as the processor time of its jobs (each site, all sites pooled), shared by two cores; no job may be longer than the goal.
scikit-survival gives Harrell's and Uno's C, AUC and Brier score of one regime on the same patients, once; repeated for as many resamples
and regimes it would take what is shown as extrapolated.
"""

import time

import numpy as np
import pandas as pd

from table import Row, agree, yes_no

TITLE = "Evaluation of a pilot"
GOAL, CORES = 60.0, 2
SITES, HORIZONS = ("a", "b", "c", "d", "e"), [1.0, 2.0, 5.0]
GRID = [0.25 * k for k in range(1, 21)]
MODELS = {
    "cox": ("newton", "fedavg"),
    "deepsurv": ("fedavg", "fedprox"),
    "hazard": ("fedavg",),
    "forest": ("forest_sampling",),
}
PRIMARY = ("cox", "federated/newton")


def run(quick: bool, patients: int | None = None, samples: int | None = None) -> list[Row]:
    """One row: ours against scikit-survival, extrapolated."""
    patients, samples = patients or (400 if quick else 2000), samples or (100 if quick else 500)
    sites, spec = cohort(patients), plan(samples)
    jobs = {site: _seconds(lambda site=site: _at_site(site, sites[site], spec)) for site in SITES}
    jobs["pooled"] = _seconds(lambda: _pooled(sites, spec))
    ours = max(sum(seconds for seconds, _ in jobs.values()) / CORES, max(seconds for seconds, _ in jobs.values()))
    _peer(cohort(100))  # imports are not counted
    peer, values = _seconds(lambda: _peer(sites))
    metrics = jobs["pooled"][1]
    row = metrics[(metrics["model"] == PRIMARY[0]) & (metrics["regime"] == PRIMARY[1]) & (metrics["subgroup"] == "all")]
    found = row.set_index("metric")["estimate"]
    same = agree("evaluation, Harrell's C by scikit-survival", abs(found["harrell_c"] - values["harrell_c"]), 1e-10)
    regimes = metrics.loc[metrics["metric"] == "uno_c", ["model", "regime"]].drop_duplicates()
    scaled = peer * len(regimes) * (samples + 1) * 2
    name = f"Evaluation, {patients:,} patients, {len(regimes)} regimes, {samples} resamples"
    longest = max(seconds for seconds, _ in jobs.values())
    note = (
        f"longest job {longest:.1f} s; peer EXTRAPOLATED from {peer:.2f} s for one regime, once, C, AUC and Brier only"
    )
    goal, met = f"{GOAL:g} s on {CORES} cores", "" if quick else yes_no(ours <= GOAL)
    return [Row(name, ours, "scikit-survival, resampled", scaled, scaled / ours, goal, met, same, note)]


def cohort(patients: int) -> dict:
    """Per site outcomes, folds and predictions of every regime; one endpoint."""
    rng, found = np.random.default_rng([8, patients]), {}
    for at, rows in enumerate(np.array_split(np.arange(patients), len(SITES))):
        n, x = len(rows), rng.normal(size=len(rows))
        death, limit = rng.exponential(5 * np.exp(-x)), rng.uniform(0.5, 12, len(rows))
        outcomes = pd.DataFrame({"row": rows, "os_entry": 0.0, "os_time": np.minimum(death, limit)})
        outcomes = outcomes.assign(
            os_event=(death <= limit).astype(float), sex=rng.choice(["F", "M"], n), old=rng.integers(0, 2, n)
        )
        # One fold per replicate: the peer has no other way to judge, and it is the most pairs.
        folds = pd.concat([pd.DataFrame({"replicate": r, "fold": 0, "row": rows}) for r in range(2)], ignore_index=True)
        found[SITES[at]] = outcomes, folds, {("os", *key): _predicted(folds, x, rng, key) for key in keys()}
    return found


def keys() -> list[tuple[str, str]]:
    """Every regime of four models, and a score with its refit."""
    regimes = {model: [f"federated/{name}" for name in names] for model, names in MODELS.items()}
    shared = ["pooled", "local/own", *(f"local/{site}" for site in SITES)]
    return [(model, regime) for model in MODELS for regime in (*regimes[model], *shared)] + [("score", "score/index")]


def _predicted(folds: pd.DataFrame, x: np.ndarray, rng, key: tuple[str, str]) -> pd.DataFrame:
    linear = np.tile(x + rng.normal(scale=0.0 if key == PRIMARY else 0.4, size=len(x)), 2)
    survival = np.exp(-np.exp(linear)[:, None] * np.array(GRID) / 5)
    return folds.assign(risk=linear).join(pd.DataFrame(survival, columns=[f"survival_{t:g}" for t in GRID]))


def plan(samples: int) -> dict:
    """The evaluation's specification, with decisions and criteria as the standard protocol has them."""
    decision = {
        "name": "treat",
        "label": "Treat",
        "endpoint": "os",
        "horizon": 2.0,
        "thresholds": [0.2, 0.6],
        "act": "above",
        "among": None,
    }
    head = {"endpoint": "os", "model": PRIMARY[0], "regime": PRIMARY[1]}
    compared = [head | {"reference_model": key[0], "reference_regime": key[1]} for key in keys() if key != PRIMARY]
    bar = {"name": "better", "test": "superior", "against": ["score", "score/index"], "margin": 0.0}
    return {
        "scenario": "base", "endpoints": ["os"], "primary_endpoint": "os", "horizons": {"os": HORIZONS}, "decisions": [decision],
        "subgroups": ["sex", "old"], "categories": {}, "competing": {}, "entry": [], "tau": 5.0, "grid": GRID, "scale_grid": GRID,
        "risk_edges": [k / 50 for k in range(1, 50)], "bootstrap": {"samples": samples, "seed": 1, "level": 0.95}, "minimum_cell": 5,
        "comparisons": compared, "criteria": [bar], "primary": head | {"metric": "uno_c"},
    }  # fmt: skip


def _seconds(work) -> tuple[float, object]:
    start = time.process_time()
    found = work()
    return time.process_time() - start, found


def _at_site(site: str, data: tuple, spec: dict) -> None:
    from hemapilots.evaluation import evaluate_site
    from hemapilots.evaluation.calibration_curves import calibration_table
    from hemapilots.evaluation.histograms import site_histograms
    from hemapilots.evaluation.scope import Scopes

    scopes = Scopes({site: data}, spec)
    evaluate_site(site, scopes)
    calibration_table(site, scopes)
    site_histograms(site, scopes)


def _pooled(sites: dict, spec: dict) -> pd.DataFrame:
    from hemapilots.evaluation import evaluate_pooled
    from hemapilots.evaluation.calibration_curves import calibration_table
    from hemapilots.evaluation.scope import Scopes

    scopes = Scopes(sites, spec)
    calibration_table("all", scopes)
    return evaluate_pooled(scopes)[0]


def _peer(sites: dict) -> dict[str, float]:
    from sksurv.metrics import brier_score, concordance_index_censored, concordance_index_ipcw, cumulative_dynamic_auc
    from sksurv.util import Surv

    outcomes = pd.concat([one[0] for one in sites.values()])
    table = pd.concat([one[2]["os", *PRIMARY].query("replicate == 0") for one in sites.values()])
    known = Surv.from_arrays(outcomes["os_event"] == 1, outcomes["os_time"])
    risk, survival = table["risk"].to_numpy(), table[[f"survival_{t:g}" for t in HORIZONS]].to_numpy()
    value = concordance_index_censored(known["event"], known["time"], risk)[0]
    concordance_index_ipcw(known, known, risk, tau=5.0)
    cumulative_dynamic_auc(known, known, risk, HORIZONS)
    brier_score(known, known, survival, HORIZONS)
    return {"harrell_c": value}
