"""How close figures without pooling come to pooled ones: `python tests/nightly/splits.py [--mirror FOLDER]`.

One score, made a probability by a Cox model on it alone, is judged on one cohort that is dealt to three sites of 60, 30 and 10 % in
40 seeded ways: C over all pairs, C within sites weighted by pairs, and C from histograms with and without suppression. With a folder
of public cohorts on the IPSS-M study, else on patients of a simple law. Exits with 1 where a limit is passed.
"""

import argparse
import os
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests" / "unit")]

import hemapilots  # noqa: E402, F401  pins linear algebra to one thread before numpy is loaded
from hemapilots.evaluation.censoring import weigh  # noqa: E402
from hemapilots.evaluation.discrimination import Fold  # noqa: E402
from hemapilots.evaluation.grouped import Grouped  # noqa: E402
from hemapilots.evaluation.histograms import added, plane_of, told  # noqa: E402

SPLITS, SHARES = 40, (0.6, 0.3, 0.1)
PILOT, ENDPOINT, SCORE = "mds-ipssm", "os", "ipss_m_score"
# Limits of the differences from C over all pairs; what suppression costs is stated, not judged.
MEAN = {"harrell_c within": 0.002, "uno_c within": 0.002}
LARGEST = {"harrell_c within": 0.012, "uno_c within": 0.012, "uno_c histogram, cells of 0 or more": 0.003}
EDGES = [*(k / 100 for k in range(1, 10)), *(k / 50 for k in range(5, 44)), 0.92]
GRID = [0.25 * k for k in range(1, 21)]
SPEC = {"tau": 5.0, "grid": GRID, "risk_edges": EDGES}


def invented(patients: int = 2700) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Time, event and probability by two years of patients whose log hazard is normal."""
    rng = np.random.default_rng([5, patients])
    linear = rng.normal(size=patients)
    death, limit = rng.exponential(6 * np.exp(-linear)), rng.uniform(0, 9, patients)
    return np.minimum(death, limit), (death <= limit).astype(int), -np.expm1(-2 / 6 * np.exp(linear))


def study(mirror: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same of the study's patients with the score; the probability by a Cox model on the score."""
    from lifelines import CoxPHFitter

    from real_cohorts import harmonized

    os.environ["COHORT_MIRROR"] = mirror
    with tempfile.TemporaryDirectory() as folder:
        table = harmonized(PILOT, Path(folder))[0]
    table = table[[f"{ENDPOINT}_time", f"{ENDPOINT}_event", SCORE]].astype(float).dropna()
    table.columns = ["time", "event", "score"]
    fitted = CoxPHFitter().fit(table, "time", "event")
    risk = 1 - fitted.predict_survival_function(table, times=[2.0]).to_numpy()[0]
    return table["time"].to_numpy(), table["event"].to_numpy(int), risk


def concordance(time: np.ndarray, event: np.ndarray, risk: np.ndarray, parts: list[np.ndarray]) -> dict[str, float]:
    """Harrell's and Uno's C of all pairs within each of the parts, weighted by pairs."""
    ratios = {"harrell_c": [], "uno_c": []}
    for part in parts:
        outcomes = weigh(time[part], event[part], np.ones((1, len(part))))
        for name, ratio in Fold(outcomes, np.arange(len(part)), SPEC["tau"]).concordance(risk[part]).items():
            ratios[name].append(ratio)
    return {
        name: float(sum(num[0] for num, _ in found) / sum(den[0] for _, den in found)) for name, found in ratios.items()
    }


def from_histograms(
    time: np.ndarray, event: np.ndarray, risk: np.ndarray, parts: list[np.ndarray], spec: dict
) -> float:
    """Uno's C of all pairs from what each part tells."""
    tables = (pd.DataFrame(told(plane_of(risk[part], time[part], event[part], spec), spec, [2.0])) for part in parts)
    plane = added(tables, spec)
    return float(Grouped(plane.count[None], plane, len(spec["grid"])).uno_c()[0])


def measured(time: np.ndarray, event: np.ndarray, risk: np.ndarray, splits: int = SPLITS) -> pd.DataFrame:
    """One row per split: differences from C over all pairs."""
    everybody = concordance(time, event, risk, [np.arange(len(time))])
    rows = []
    for seed in range(splits):
        order = np.random.default_rng([seed, 60, 30, 10]).permutation(len(time))
        cuts = np.round(np.cumsum(SHARES[:-1]) * len(time)).astype(int)
        parts = np.split(order, cuts)
        within = concordance(time, event, risk, parts)
        row = {f"{name} within": value - everybody[name] for name, value in within.items()}
        for minimum in (0, 5):
            found = from_histograms(time, event, risk, parts, SPEC | {"minimum_cell": minimum})
            row[f"uno_c histogram, cells of {minimum} or more"] = found - everybody["uno_c"]
        rows.append(row)
    return pd.DataFrame(rows)


def kept(table: pd.DataFrame) -> bool:
    """Whether the differences stay within the limits."""
    near = all(abs(table[name].mean()) < limit for name, limit in MEAN.items())
    return bool(near and all(table[name].abs().max() < limit for name, limit in LARGEST.items()))


def main(arguments: list[str] | None = None) -> int:
    """Print mean, largest and standard deviation of each difference; 0, or 1 where a limit is passed."""
    parser = argparse.ArgumentParser(description="C without pooling beside C over all pairs, over 40 splits.")
    parser.add_argument("--mirror", default=os.environ.get("COHORT_MIRROR", ""), help="folder with the public cohorts")
    mirror = parser.parse_args(arguments).mirror
    warnings.simplefilter("ignore")
    table = measured(*(study(mirror) if mirror else invented()))
    print(f"{SPLITS} splits of {'the study' if mirror else 'invented patients'}")
    for name, values in table.items():
        print(f"{name}: mean {values.mean():+.5f}, largest {values.abs().max():.5f}, sd {values.std():.5f}")
    passed = kept(table)
    print("within the limits" if passed else "a limit is passed")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
