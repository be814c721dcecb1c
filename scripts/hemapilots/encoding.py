"""From variables to columns of numbers."""

import numpy as np
import pandas as pd

__all__ = ["encode", "is_flag"]


def encode(harmonized: pd.DataFrame, columns: list[dict]) -> pd.DataFrame:
    """The design: row and every candidate column as float64, unscaled, missing kept as nan; see study.design."""
    out = {"row": harmonized["row"].to_numpy()}
    for column in columns:
        values = harmonized[column["variable"]]
        missing = values.isna().to_numpy()
        if column["type"] == "missing":
            encoded = missing.astype(float)
        elif column["type"] == "level":
            encoded = np.where(missing, np.nan, (values == column["level"]).to_numpy(dtype=float))
        elif column["type"] == "ordered":
            codes = pd.Categorical(values, categories=column["levels"]).codes
            encoded = np.where(missing, np.nan, codes.astype(float))
        else:
            encoded = values.to_numpy(dtype=float)
        out[column["column"]] = encoded
    return pd.DataFrame(out)


def is_flag(column: dict) -> bool:
    """Whether a design column is 0/1."""
    return column["type"] in ("flag", "level", "missing")
