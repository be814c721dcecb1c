"""Out-of-fold predictions inside a site: every model that reached it, on patients that the fold's model has not seen."""

from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.models.data import TrainingData
from hemapilots.models.files import models_in, read_model
from hemapilots.models.hazards import FittedModel, event_free
from hemapilots.models.personal import personalised
from hemapilots.models.subdistribution import coded
from hemapilots.tables import write_parquet


def predict_site(site: str, tables: dict[str, pd.DataFrame], folders: list[Path], spec: dict, out: Path) -> None:
    """Write predictions/<endpoint>/<model>/<regime>.parquet for each model in the folders and each delivered score.

    tables: harmonized, folds (row by replicate), design of the site. A model of the site itself is filed as local/own, and,
    where other sites may use it, under the site's name as well. What the site makes of a federated model for itself (`finetune`) is used
    here and kept nowhere; like local/own it ranks patients of several sites by their probabilities.
    """
    for folder in folders:
        for endpoint, model, regime in models_in(folder):
            again, step = spec["recalibrated"].get(f"{model} {regime}", {}), spec["finetuned"].get(model)
            crossed = () if again or step else ("crossed_",)
            found = read_model(folder, endpoint, model, regime, without=("final_", *crossed))
            frame = apply_model(tables, endpoint, *found, spec)
            own = regime == f"local/{site}"
            if own:
                _write(out, endpoint, model, "local/own", absolute_risk(frame, endpoint, spec))
            if not own or spec["sharing"] != "private":
                _write(out, endpoint, model, regime, frame)
            for name, part in again.items():
                _write(out, endpoint, model, name, apply_model(tables, endpoint, *found, spec, recalibrated=part))
            if step and regime == f"federated/{step['of']}":
                frame = apply_model(tables, endpoint, finetuned(tables, endpoint, *found, step), found[1], spec)
                _write(out, endpoint, model, "federated/finetune", absolute_risk(frame, endpoint, spec))
    for name, comparator in spec["comparators"].items():
        if comparator["score"]:
            for endpoint in comparator["endpoints"]:
                _write(
                    out, endpoint, "score", f"score/{name}", score(tables, endpoint, comparator["score"], spec["grid"])
                )


def apply_model(
    tables: dict[str, pd.DataFrame],
    endpoint: str,
    arrays: dict[str, np.ndarray],
    card: dict,
    spec: dict,
    counts: pd.Series | None = None,
    recalibrated: str | None = None,
) -> pd.DataFrame:
    """A model's out-of-fold predictions: replicate, fold, row, risk, and survival_<t>, the probability of no event by t, for the
    times of the protocol's grid, years since the index date.

    With late entry it is conditional on being there at entry, S(entry + t) / S(entry); with a competing event it is 1 - CIF(t).
    risk is a Cox model's log relative hazard where that orders the probabilities, else 1 - survival at the endpoint's first horizon: of
    every other model, with late entry (patients start at different points of the baseline), and with a competing event.
    Where no baseline came with the model, the site's own is used, from the rows that the fold's model was trained on (each as often
    as `counts` says, by row); survival is missing where the site has no events in them, or where the baseline ends. recalibrated:
    see `FittedModel`. Where nobody's outcome is known there is nothing to judge, and no row.
    """
    late, competes = endpoint in spec["entry"], endpoint in spec["competing"]
    (x, outcome, rows, folds), parts = _learnable(tables, endpoint, card["columns"]), []
    model = FittedModel(arrays, card, np.asarray(spec["grid"], float), late, recalibrated=recalibrated, folds=folds)
    often = np.ones(len(rows), int) if counts is None else counts.loc[rows].to_numpy()
    for at in np.ndindex(arrays["chosen"].shape[:2]):
        tested = folds[:, at[0]] == at[1]
        if tested.any():
            learned = np.repeat(np.flatnonzero(~tested), often[~tested])
            part = (x, outcome, np.flatnonzero(tested), learned, at)
            risk, gained = model.hazard(*part)
            other = model.competing_hazard(*part) if competes else None
            parts.append((*at, rows[tested], risk, event_free(gained, other)))
    frame = _frame(parts, model.grid)
    relative = card["kind"] == "cox" and not late and not competes
    return frame if relative else absolute_risk(frame, endpoint, spec)


def finetuned(
    tables: dict[str, pd.DataFrame], endpoint: str, arrays: dict[str, np.ndarray], card: dict, step: dict
) -> dict[str, np.ndarray]:
    """The arrays of a federated model after the site's own step (see `models.personal`), also of the hazard of a competing event."""
    x, outcome, rows, folds = _learnable(tables, endpoint, card["columns"])
    (entry, time, event), out = outcome.T, dict(arrays)
    if not len(rows):
        return out
    for cause, prefix, told in ((1, "", card), (2, "competing_", card.get("competing"))):
        if told:
            data = TrainingData(x, entry, time, coded(event, cause, False), folds.T, np.zeros(x.shape[1], bool))
            mine = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
            out |= {f"{prefix}{name}": array for name, array in personalised(mine, told, data, step).items()}
    return out


def absolute_risk(frame: pd.DataFrame, endpoint: str, spec: dict) -> pd.DataFrame:
    """The frame with the probability of the event as risk: by the endpoint's first horizon, or, where a fold's baseline ends before,
    by the last time of the grid that every fold reaches.

    With late entry single patients are out of a baseline's reach (older than anybody seen); up to a tenth of them go without a risk.
    Where no time will do, a model without a competing event and late entry keeps its risk, which orders patients within a site.
    """
    if frame.empty:
        return frame
    time = risk_time(frame, endpoint, spec)
    if time:
        return frame.assign(risk=1 - frame[time])
    return frame.assign(risk=np.nan) if endpoint in spec["entry"] or endpoint in spec["competing"] else frame


def risk_time(frame: pd.DataFrame, endpoint: str, spec: dict) -> str | None:
    """The column of a frame of predictions by whose complement `absolute_risk` ranks, None where no time will do."""
    names = [name for name in frame if name.startswith("survival_")]
    within = [name for name in names if float(name.removeprefix("survival_")) <= spec["horizons"][endpoint][0]]
    told = frame[within].notna().to_numpy().mean(axis=0) >= (0.9 if endpoint in spec["entry"] else 1)
    return within[np.flatnonzero(told)[-1]] if told.any() else None


def score(tables: dict[str, pd.DataFrame], endpoint: str, variable: str, grid: list[float]) -> pd.DataFrame:
    """A delivered score as a prediction: it ranks, and says nothing of survival; patients without it have no row."""
    harmonized = tables["harmonized"]
    usable = _known(harmonized, endpoint) & harmonized[variable].notna().to_numpy()
    rows = harmonized.loc[usable, "row"].to_numpy()
    values = harmonized.loc[usable, variable].to_numpy(dtype=float)
    folds = tables["folds"].reindex(rows).to_numpy()
    parts = []
    for replicate, fold in np.ndindex(folds.shape[1], int(folds.max(initial=0)) + 1):
        tested = np.flatnonzero(folds[:, replicate] == fold)
        tested = tested[np.argsort(rows[tested], kind="stable")]
        parts.append((replicate, fold, rows[tested], values[tested], np.full((tested.size, len(grid)), np.nan)))
    return _frame(parts, np.asarray(grid))


def _learnable(tables: dict[str, pd.DataFrame], endpoint: str, columns: list[str]) -> tuple[np.ndarray, ...]:
    """Of the rows (n) with a known outcome: x (n, p), outcome (n, 3) entry, time, event; their numbers (n,), and test folds (n, R)."""
    harmonized, design, known = tables["harmonized"], tables["design"], _known(tables["harmonized"], endpoint)
    outcome = harmonized.loc[known, [f"{endpoint}_{part}" for part in ("entry", "time", "event")]].to_numpy(dtype=float)
    rows = design.loc[known, "row"].to_numpy()
    return design.loc[known, columns].to_numpy(dtype=float), outcome, rows, tables["folds"].reindex(rows).to_numpy()


def _known(harmonized: pd.DataFrame, endpoint: str) -> np.ndarray:
    return harmonized[f"{endpoint}_event"].notna().to_numpy()


def _frame(parts: list[tuple], grid: np.ndarray) -> pd.DataFrame:
    """One frame of parts: replicate, fold, rows (m,), risk (m,), survival (m, T); without parts one without rows."""
    parts = parts or [(0, 0, np.zeros(0, np.int64), np.zeros(0), np.zeros((0, len(grid))))]
    replicate, fold, rows, risk, survival = zip(*parts, strict=True)
    sizes = [len(part) for part in rows]
    columns = {"replicate": np.repeat(replicate, sizes), "fold": np.repeat(fold, sizes)}
    columns |= {"row": np.concatenate(rows), "risk": np.concatenate(risk)}
    times = pd.DataFrame(np.concatenate(survival), columns=[f"survival_{time:g}" for time in grid])
    return pd.concat([pd.DataFrame(columns), times], axis=1)


def _write(out: Path, endpoint: str, model: str, regime: str, frame: pd.DataFrame) -> None:
    path = out / endpoint / model / f"{regime}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_parquet(path, frame, repeats=False)
