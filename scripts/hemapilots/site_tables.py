"""A site's own tables as its jobs read them; only rules of that site, the simulated federation and pooled rules may."""

from pathlib import Path

import pandas as pd

from hemapilots.tables import read_parquet


def read_site(folder: Path) -> dict[str, pd.DataFrame]:
    """harmonized; folds, one column per replicate, by row; design; judged, of a split in time: who is judged, by row."""
    dealt = read_parquet(folder / "folds.parquet")
    tables = {
        "harmonized": read_parquet(folder / "harmonized.parquet"),
        "folds": dealt.pivot(index="row", columns="replicate", values="fold"),
        "design": read_parquet(folder / "design.parquet"),
    }
    return tables | ({"judged": dealt.set_index("row")[["judged"]]} if "judged" in dealt else {})


def read_evaluation(
    folder: Path, only: str = "*"
) -> tuple[pd.DataFrame, pd.DataFrame, dict[tuple[str, str, str], pd.DataFrame]]:
    """Outcomes, folds of those who are judged, and predictions by (endpoint, model, regime), of one endpoint only where it is named."""
    predictions, folds = {}, read_parquet(folder / "folds.parquet")
    if "judged" in folds:
        folds = folds[folds["judged"]].drop(columns="judged").reset_index(drop=True)
    for path in sorted((folder / "predictions").glob(f"{only}/**/*.parquet")):
        endpoint, model, *regime = path.relative_to(folder / "predictions").with_suffix("").parts
        predictions[endpoint, model, "/".join(regime)] = read_parquet(path)
    return read_parquet(folder / "harmonized.parquet"), folds, predictions
