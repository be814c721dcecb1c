"""Invented sites as the files that training reads: harmonized records, design and folds."""

from pathlib import Path

import numpy as np
import pandas as pd


def write_site(folder: Path, rng: np.random.Generator, n: int, effect: float = 1.0, spread: float = 1.0) -> None:
    """n patients with a column a that acts by `effect`, a flag b that does not, two replicates of three folds."""
    folder.mkdir()
    a, b = rng.normal(0, spread, n), (rng.random(n) < 0.4).astype(float)
    death, censoring = rng.exponential(3 * np.exp(-effect * a)), rng.uniform(0.5, 6, n)
    rows = np.arange(n)
    outcome = {
        "os_entry": 0.0,
        "os_time": np.minimum(death, censoring),
        "os_event": (death <= censoring).astype(float),
    }
    pd.DataFrame({"row": rows, **outcome}).to_parquet(folder / "harmonized.parquet")
    pd.DataFrame({"row": rows, "a": a, "b": b}).to_parquet(folder / "design.parquet")
    folds = [pd.DataFrame({"replicate": r, "fold": rng.permutation(n) % 3, "row": rows}) for r in range(2)]
    pd.concat(folds).to_parquet(folder / "folds.parquet")
