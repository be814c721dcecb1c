"""The scores of a use case, computed for every patient from the harmonized and derived variables."""

import numpy as np
import pandas as pd

from hemapilots.config.score import Score
from hemapilots.scores import evaluate, terms

__all__ = ["reason_column", "score_columns"]


def score_columns(table: pd.DataFrame, use_case: dict) -> dict[str, pd.Series]:
    """Per score: `<score>_score` (nan unknown), `<score>_category` (None) where it has categories, its terms where a comparator
    weighs them anew, and `<score>_reason`: text where the score is unknown, see `scores.evaluate`.

    table: the included patients with variables and derived variables. Percentiles are those of these patients.
    """
    columns = {}
    for spec in (use_case.get("scores") or {}).values():
        score = Score.model_validate(spec["table"])
        found = evaluate(score, table)
        stem = spec["column"].removesuffix("_score")
        parts = {spec["column"]: found["score"].astype(np.float64)}
        if score.categories:
            parts[f"{stem}_category"] = found["category"].astype(object)
        if spec["terms"]:
            parts |= {f"{stem}_{term}": values for term, values in terms(score, table).items()}
        columns |= parts | {reason_column(spec): found["missing"].astype(object)}
    return {
        name: values.where(values.notna(), None) if values.dtype == object else values
        for name, values in columns.items()
    }


def reason_column(spec: dict) -> str:
    """The column that says why a score is unknown. spec: of the score, resolved."""
    return spec["column"].removesuffix("_score") + "_reason"
