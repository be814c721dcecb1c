"""Predictions for new patients: a table with a risk or a reason for each patient, endpoint and horizon."""

from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.errors import HemaPilotsError
from hemapilots.explain.abstention import Foretold, abstentions, missing_inputs, of_the_place
from hemapilots.explain.best_worst import best_and_worst
from hemapilots.explain.foretell import Own, Portable
from hemapilots.explain.new_rows import checked, design_of, entry_of, names_of, sources
from hemapilots.explain.portable import read_portable
from hemapilots.tables import read_parquet

__all__ = ["COLUMNS", "drivers", "foretold_of", "models_of", "own_patients", "predict_patients"]

COLUMNS = [
    "patient",
    "endpoint",
    "horizon",
    "risk",
    "lower",
    "upper",
    "best",
    "worst",
    "answer",
    "reasons",
    "missing",
    "drivers",
]
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

    table: harmonized columns, one row per patient; where: its file, for errors. patient: as `names_of` calls it; missing: columns of
    the file.
    """
    names = names_of(table, where)
    frames = [_of_model(model, table, names, where) for model in models]
    order = pd.concat(frames, ignore_index=True)
    return order.sort_values("place", kind="stable")[COLUMNS].reset_index(drop=True)


def _of_model(model: Portable, table: pd.DataFrame, names: np.ndarray, where: str) -> pd.DataFrame:
    inputs, removed = checked(table, model.card["inputs"], where)
    x = design_of(inputs, model.card["encoding"])
    told = foretold_of(model, inputs, x)
    reasons, gone = abstentions(model, inputs, x, told), missing_inputs(model, inputs)
    absent, said = _not_given(model.card, inputs, gone), drivers(model, x, gone)
    lower, upper = told.limits or (np.full(told.risk.shape, np.nan),) * 2
    # Between which risks a patient lies is told also where that is why no risk is given; not of one whom the model does not know.
    unknown = model.far(x).any(axis=1) | bool(of_the_place(model))
    rows = []
    for at, place in np.ndindex(told.risk.shape):
        why = reasons[at][place]
        figures = {"risk": told.risk, "lower": lower, "upper": upper}
        bounds = {"best": told.best, "worst": told.worst}
        rows.append(
            {
                "place": at,
                "patient": names[at],
                "endpoint": model.card["endpoint"],
                "horizon": model.card["horizons"][place],
            }
            | {name: np.nan if why else values[at, place] for name, values in figures.items()}
            | {name: np.nan if unknown[at] else values[at, place] for name, values in bounds.items()}
            | {"answer": "abstained" if why else "given", "reasons": "; ".join([*why, *removed[at]])}
            | {"missing": ", ".join(absent[at]), "drivers": said[at]}
        )
    return pd.DataFrame(rows)


def _not_given(card: dict, table: pd.DataFrame, gone: list[list[str]]) -> list[list[str]]:
    """Per patient the columns of the file that are missing behind missing variables of the model; what is derived of known ones
    and unknown all the same goes by its own name. gone: per patient the variables."""
    behind = {name: sources(name, card["inputs"]) for name in card["variables"]}
    empty = table.isna().to_dict("list")
    found = []
    for at, names in enumerate(gone):
        wanted = [[one for one in behind[name] if empty[one][at]] or [name] for name in names]
        found.append(list(dict.fromkeys(one for part in wanted for one in part)))
    return found


def foretold_of(model: Portable, inputs: pd.DataFrame, x: np.ndarray) -> Foretold:
    """Risks with their limits, and what missing inputs leave open."""
    entry = entry_of(model.card, inputs)
    risk = model.risk(x, entry)
    return Foretold(risk, model.interval(x, entry), *best_and_worst(model, inputs, risk))


def drivers(model: Portable, x: np.ndarray, gone: list[list[str]]) -> list[str]:
    """Per patient the given variables that add most, with what they add: to the log hazard, or to the risk; and what those of `gone`,
    which were not given, add together by what stands in for them."""
    parts = model.contributions(x)
    names, values = [*parts], np.column_stack([*parts.values()])
    out = []
    for row, missing in zip(values, gone, strict=True):
        given = [at for at in np.argsort(-np.abs(row), kind="stable") if names[at] not in missing]
        said = [f"{names[at]} {row[at]:+.3f}" for at in given[:MOST_DRIVERS] if abs(row[at]) > 5e-4]
        rest = sum(row[at] for at, name in enumerate(names) if name in missing)
        out.append("; ".join([*said, *([f"not given, imputed ({len(missing)}) {rest:+.3f}"] if missing else [])]))
    return out
