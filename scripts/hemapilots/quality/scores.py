"""Computed scores as they may leave a site: for how many there is one, why not for the others, and whether it is the delivered one."""

import numpy as np
import pandas as pd

from hemapilots.harmonize.scores import reason_column
from hemapilots.harmonize.suppression import Draw, hide

__all__ = ["AGREEMENT", "COMPUTED", "scores_record"]

# Closed lists: a class that appears only where it occurs would say that it occurs.
COMPUTED = ("computed", "category_only", "range_too_wide", "not_applicable", "inputs_unknown")
AGREEMENT = ("agree", "differ", "only_computed", "only_delivered", "neither")


def scores_record(harmonized: pd.DataFrame, use_case: dict, minimum: int, draw: Draw) -> dict:
    """Per score of the use case: label, counts of COMPUTED, counts of AGREEMENT where a delivered score is named (else None).

    Counts are suppressed as in `quality`. harmonized: of the site.
    """
    return {
        name: _record(harmonized, spec, use_case, minimum, draw.of(f"scores/{name}"))
        for name, spec in (use_case.get("scores") or {}).items()
    }


def _record(harmonized: pd.DataFrame, spec: dict, use_case: dict, minimum: int, draw: Draw) -> dict:
    counts = hide(_counted(_classes(harmonized, spec), COMPUTED), minimum, draw.of("computed"))
    agreement = None
    if spec["delivered"]:
        agreement = hide(_counted(_agreement(harmonized, spec, use_case), AGREEMENT), minimum, draw.of("agreement"))
    hidden = None in (*counts.values(), *(agreement or {}).values())
    return {"label": spec["label"], "counts": counts, "agreement": agreement, "suppressed": hidden}


def _counted(classes: np.ndarray, names: tuple[str, ...]) -> dict[str, int]:
    return {name: int((classes == name).sum()) for name in names}


def _classes(harmonized: pd.DataFrame, spec: dict) -> np.ndarray:
    """One of COMPUTED per patient."""
    reason = harmonized[reason_column(spec)].fillna("").to_numpy(dtype=object)
    wide = np.array([text.startswith("range above limit") for text in reason], dtype=bool)
    elsewhere = np.isin(reason, [rule["reason"] for rule in spec["table"]["applies"]])
    category = _category(harmonized, spec)
    known = np.zeros(len(reason), dtype=bool) if category is None else category.notna().to_numpy()
    score = harmonized[spec["column"]].notna().to_numpy()
    return np.select([score, wide & known, wide, elsewhere], COMPUTED[:4], COMPUTED[4])


def _agreement(harmonized: pd.DataFrame, spec: dict, use_case: dict) -> np.ndarray:
    """One of AGREEMENT per patient: numbers within the tolerance, categories by their label."""
    delivered = harmonized[spec["delivered"]]
    if use_case["variables"][spec["delivered"]]["type"] == "category":
        computed = _category(harmonized, spec)
        same = (computed == delivered).to_numpy()
    else:
        computed = harmonized[spec["column"]]
        # The slack keeps a difference of exactly the tolerance from falling to the last binary digit.
        same = ((computed - delivered).abs() <= spec["tolerance"] + 1e-9).to_numpy()
    ours, theirs = computed.notna().to_numpy(), delivered.notna().to_numpy()
    return np.select([ours & theirs & same, ours & theirs, ours, theirs], AGREEMENT[:4], AGREEMENT[4])


def _category(harmonized: pd.DataFrame, spec: dict) -> pd.Series | None:
    return harmonized.get(spec["column"].removesuffix("_score") + "_category")
