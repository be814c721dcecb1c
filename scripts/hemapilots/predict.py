"""Out-of-fold predictions inside a site: every model that reached it, on patients that the fold's model has not seen."""

from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.models import cox
from hemapilots.models.data import Preprocessing
from hemapilots.models.files import models_in, read_model
from hemapilots.models.registry import model_of
from hemapilots.tables import write_parquet


def predict_site(site: str, tables: dict[str, pd.DataFrame], folders: list[Path], spec: dict, out: Path) -> None:
    """Write predictions/<endpoint>/<model>/<regime>.parquet for each model in the folders and each delivered score.

    tables: harmonized, folds (row by replicate), design of the site. A model of the site itself is filed as local/own, and,
    where other sites may use it, under the site's name as well.
    """
    for folder in folders:
        for endpoint, model, regime in models_in(folder):
            arrays, card = read_model(folder, endpoint, model, regime)
            frame = apply_model(tables, endpoint, arrays, card)
            if not model_of(card["kind"]).PROPORTIONAL:
                frame = absolute_risk(frame, spec["horizons"][0])
            own = regime == f"local/{site}"
            if own:
                _write(out, endpoint, model, "local/own", absolute_risk(frame, spec["horizons"][0]))
            if not own or spec["sharing"] != "private":
                _write(out, endpoint, model, regime, frame)
    for name, comparator in spec["comparators"].items():
        if comparator["score"]:
            for endpoint in comparator["endpoints"]:
                _write(
                    out, endpoint, "score", f"score/{name}", score(tables, endpoint, comparator["score"], spec["grid"])
                )


def apply_model(
    tables: dict[str, pd.DataFrame], endpoint: str, arrays: dict[str, np.ndarray], card: dict
) -> pd.DataFrame:
    """A model's out-of-fold predictions: replicate, fold, row, risk (log relative hazard, of models without one 1 - S at the grid's
    end), survival_<t> on the protocol's grid.

    Where no baseline came with the model, the site's own is used, from the rows that the fold's model was trained on; survival is
    missing where the site has no events in them, or where the baseline ends.
    """
    design = tables["design"]
    known = _known(tables["harmonized"], endpoint)
    x = design.loc[known, card["columns"]].to_numpy(dtype=float)
    outcome = (
        tables["harmonized"]
        .loc[known, [f"{endpoint}_{part}" for part in ("entry", "time", "event")]]
        .to_numpy(dtype=float)
    )
    rows = design.loc[known, "row"].to_numpy()
    folds = tables["folds"].reindex(rows).to_numpy()
    frames = []
    for replicate in range(arrays["chosen"].shape[0]):
        for fold in range(arrays["chosen"].shape[1]):
            tested = folds[:, replicate] == fold
            if tested.any():
                risk, survival = _predict_fold(x, outcome, tested, arrays, card, replicate, fold)
                frames.append(_frame(replicate, fold, rows[tested], risk, survival, arrays["grid"]))
    return pd.concat(frames, ignore_index=True)


def absolute_risk(frame: pd.DataFrame, horizon: float) -> pd.DataFrame:
    """The frame with 1 - S(t) as risk, t the last time of the grid up to the horizon at which every fold's survival is known.

    Models of different sites have linear predictors on no common scale; within a site and fold the order stays as it was.
    """
    columns = [
        name for name in frame if name.startswith("survival_") and float(name.removeprefix("survival_")) <= horizon
    ]
    known = [name for name in columns if frame[name].notna().all()]
    return frame.assign(risk=1 - frame[known[-1]]) if known else frame


def _predict_fold(x, outcome, tested, arrays, card, replicate, fold) -> tuple[np.ndarray, np.ndarray]:
    at, model = (replicate, fold), model_of(card["kind"])
    state = {name: arrays[name][at][arrays["chosen"][at]] for name in card["state"]}
    pre = Preprocessing(
        *(arrays[name][at][np.newaxis] for name in ("fill", "location", "scale")), np.zeros(1), np.zeros(1)
    )
    z = pre.apply(x, 0)
    if not model.PROPORTIONAL:
        survival = model.survival(state, z[tested], arrays["grid"], card["settings"])
        return 1 - survival[:, -1], survival
    risk = model.risk(state, z[tested], card["settings"])
    if "baseline" in arrays:
        return risk, cox.survival(risk, arrays["baseline"][at])
    # The site's own baseline, from the rows that the fold's model was trained on: computed and used here, never released.
    learned = np.flatnonzero(~tested)[np.argsort(outcome[~tested, 1], kind="stable")]
    there = model.risk(state, z[learned], card["settings"])
    return risk, cox.survival(risk, cox.baseline_on(arrays["grid"], there, *outcome[learned].T, card["ties"]))


def score(tables: dict[str, pd.DataFrame], endpoint: str, variable: str, grid: list[float]) -> pd.DataFrame:
    """A delivered score as a prediction: it ranks, and says nothing of survival; patients without it have no row."""
    harmonized = tables["harmonized"]
    usable = _known(harmonized, endpoint) & harmonized[variable].notna().to_numpy()
    rows = harmonized.loc[usable, "row"].to_numpy()
    values = harmonized.loc[usable, variable].to_numpy(dtype=float)
    folds = tables["folds"].reindex(rows).to_numpy()
    frames = []
    for replicate in range(folds.shape[1]):
        frame = _frame(
            replicate, folds[:, replicate], rows, values, np.full((rows.size, len(grid)), np.nan), np.asarray(grid)
        )
        frames.append(frame.sort_values(["fold", "row"]))
    return pd.concat(frames, ignore_index=True)


def _known(harmonized: pd.DataFrame, endpoint: str) -> np.ndarray:
    return harmonized[f"{endpoint}_event"].notna().to_numpy()


def _frame(replicate, fold, rows, risk, survival, grid) -> pd.DataFrame:
    columns = {"replicate": replicate, "fold": fold, "row": rows, "risk": risk}
    return pd.DataFrame(columns | {f"survival_{time:g}": survival[:, k] for k, time in enumerate(grid)})


def _write(out: Path, endpoint: str, model: str, regime: str, frame: pd.DataFrame) -> None:
    path = out / endpoint / model / f"{regime}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_parquet(path, frame)
