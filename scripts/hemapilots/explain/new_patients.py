"""Predictions for new patients: a table with a risk or a reason for each patient, endpoint and horizon."""

from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.explain.abstention import abstentions, missing_inputs
from hemapilots.explain.foretell import Own, Portable
from hemapilots.explain.new_rows import NAMES, checked, design_of
from hemapilots.explain.portable import read_portable
from hemapilots.expressions import parse
from hemapilots.tables import read_parquet

__all__ = ["COLUMNS", "drivers", "entry_of", "models_of", "own_patients", "predict_patients"]

COLUMNS = ["patient", "endpoint", "horizon", "risk", "lower", "upper", "answer", "reasons", "missing", "drivers"]
MOST_DRIVERS = 5


def models_of(path: Path, site: Path | None) -> list[Portable]:
    """The models of a folder, or of one file, at a place. site: a private folder with harmonized.parquet of the site's patients."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise HemaPilotsError(f"{path}: there is no model in this folder; take it from results/<pilot>/model")
    found = []
    for file in files:
        arrays, card = read_portable(file)
        model = Portable(arrays, card)
        found.append(Portable(arrays, card, own_patients(site, card)) if site and model.proportional else model)
    return found


def own_patients(site: Path, card: dict) -> Own:
    """The patients of a site with a known outcome, of whom its baseline hazard is made."""
    path, endpoint = site / "harmonized.parquet", card["endpoint"]
    try:
        table = read_parquet(path)
    except FileNotFoundError:
        raise HemaPilotsError(
            f"{path}: no such file; --site names the folder that `hemapilots harmonize` wrote"
        ) from None
    names = [f"{endpoint}_{part}" for part in ("entry", "time", "event")]
    if not {*names, *card["variables"]} <= set(table.columns):
        raise HemaPilotsError(
            f"{path}: it lacks columns of endpoint {endpoint} or of the model's inputs; harmonize it for use case {card['use_case']}"
        )
    known = table[table[names[2]].notna()]
    return Own(design_of(known, card["encoding"]), known[names].to_numpy(dtype=float))


def predict_patients(models: list[Portable], table: pd.DataFrame, where: str) -> pd.DataFrame:
    """A row per patient, endpoint and horizon: COLUMNS. Who is abstained from has reasons and no risk.

    table: harmonized columns, one row per patient; where: its file, for errors. patient: its patient_id, patient or row, else its
    number from 1.
    """
    names = next((table[name] for name in NAMES if name in table), pd.Series(np.arange(1, len(table) + 1)))
    frames = [_of_model(model, table, names.to_numpy(), where) for model in models]
    order = pd.concat(frames, ignore_index=True)
    return order.sort_values("place", kind="stable")[COLUMNS].reset_index(drop=True)


def _of_model(model: Portable, table: pd.DataFrame, names: np.ndarray, where: str) -> pd.DataFrame:
    inputs, removed = checked(table, model.card["inputs"], where)
    x, entry = design_of(inputs, model.card["encoding"]), entry_of(model.card, inputs)
    risk, limits = model.risk(x, entry), model.interval(x, entry)
    reasons, gone = abstentions(model, inputs, x, limits), missing_inputs(model, inputs)
    said = drivers(model, x)
    lower, upper = limits or (np.full(risk.shape, np.nan),) * 2
    rows = []
    for at in range(len(x)):
        for place, horizon in enumerate(model.card["horizons"]):
            why = [
                *reasons[at],
                *([] if np.isfinite(risk[at, place]) or reasons[at] else ["beyond the follow-up here"]),
            ]
            given = not why
            rows.append(
                {
                    "place": at,
                    "patient": names[at],
                    "endpoint": model.card["endpoint"],
                    "horizon": horizon,
                    "risk": risk[at, place] if given else np.nan,
                    "lower": lower[at, place] if given else np.nan,
                    "upper": upper[at, place] if given else np.nan,
                    "answer": "given" if given else "abstained",
                    "reasons": "; ".join([*why, *removed[at]]),
                    "missing": ", ".join(gone[at]),
                    "drivers": said[at],
                }
            )
    return pd.DataFrame(rows)


def entry_of(card: dict, inputs: pd.DataFrame) -> np.ndarray:
    """When each patient comes under observation, on the endpoint's own scale."""
    return np.zeros(len(inputs)) if card["entry"] is None else parse(card["entry"]).evaluate(inputs)


def drivers(model: Portable, x: np.ndarray) -> list[str]:
    """Per patient the variables that add most, with what they add: to the log hazard, or to the risk."""
    parts = model.contributions(x)
    names, values = [*parts], np.column_stack([*parts.values()])
    out = []
    for row in values:
        largest = np.argsort(-np.abs(row), kind="stable")[:MOST_DRIVERS]
        out.append("; ".join(f"{names[at]} {row[at]:+.3f}" for at in largest if abs(row[at]) > 5e-4))
    return out
