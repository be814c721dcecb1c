"""What a Cox model tends to where it is not the law of the draw: `python -m hemapilots.synthesis.limits RECIPE`.

Prints, per endpoint that is derived, the coefficients in a large sample of the plain law as YAML for the recipe's `limit`.
"""

import sys
from pathlib import Path

import numpy as np

from hemapilots.models import partial_likelihood as pl
from hemapilots.synthesis.cohort import draw_complete
from hemapilots.synthesis.recipe import load_recipe
from hemapilots.synthesis.truth import covariates, eligible, is_exact

__all__ = ["cox", "limits"]

PATIENTS, SEED, CHUNK = 1_000_000, 7, 50_000


def limits(recipe: dict, patients: int = PATIENTS, seed: int = SEED) -> dict[str, dict[str, float]]:
    """Coefficients per derived endpoint: Cox on the observed times, event 1, everything else censored."""
    derived = {name: spec for name, spec in recipe["outcomes"]["endpoints"].items() if not is_exact(recipe, name)}
    columns = {name: covariates(recipe["outcomes"], name) for name in derived}
    parts: dict[str, list[np.ndarray]] = {name: [] for name in derived}
    for at, start in enumerate(range(0, patients, CHUNK)):
        table = draw_complete(recipe, 10**6 + at, min(CHUNK, patients - start), seed)
        for name, spec in derived.items():
            wanted = [spec["time"], spec["event"], *columns[name]]
            parts[name].append(table.loc[eligible(spec, table), wanted].to_numpy(dtype=float))
    found = {}
    for name in derived:
        values = np.concatenate(parts[name])
        estimates, _ = cox(values[:, 2:], values[:, 0], values[:, 1] == 1)
        found[name] = dict(zip(columns[name], estimates, strict=True))
    return found


def cox(x, time, event, entry=None, strata=None) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and standard errors (p,) of an unpenalised Cox model, Efron, by Newton's method; strata: labels (n,)."""
    entry = np.zeros(len(time)) if entry is None else np.asarray(entry, dtype=float)
    strata = np.zeros(len(time)) if strata is None else np.asarray(strata)
    x = np.array(x, dtype=float)
    x -= x.mean(axis=0)
    groups = []
    for label in np.unique(strata):
        rows = np.flatnonzero(strata == label)
        rows = rows[np.argsort(time[rows], kind="stable")]
        groups.append((x[rows], pl.RiskSets.build(entry[rows], time[rows], event[rows])))
    b = np.zeros(x.shape[1])
    for _ in range(50):
        terms = [pl.statistics(part, b[None], sets, "efron") for part, sets in groups]
        gradient = sum(term.gradient[0] for term in terms)
        information = sum(term.information[0] for term in terms)
        step = np.linalg.solve(information, gradient)
        b = b + step
        if np.abs(step).max() < 1e-10:
            break
    return b, np.sqrt(np.diag(np.linalg.inv(information)))


if __name__ == "__main__":
    for endpoint, coefficients in limits(load_recipe(Path(sys.argv[1]))).items():
        pairs = ", ".join(f"{name}: {value:.4f}" for name, value in coefficients.items())
        print(f"{endpoint}: {{patients: {PATIENTS}, seed: {SEED}, coefficients: {{{pairs}}}}}")
