"""Out-of-fold predictions inside a site: every model that reached it, on patients that the fold's model has not seen."""

from dataclasses import dataclass
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
            frame = apply_model(tables, endpoint, *read_model(folder, endpoint, model, regime), spec)
            own = regime == f"local/{site}"
            if own:
                _write(out, endpoint, model, "local/own", absolute_risk(frame, endpoint, spec))
            if not own or spec["sharing"] != "private":
                _write(out, endpoint, model, regime, frame)
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
) -> pd.DataFrame:
    """A model's out-of-fold predictions: replicate, fold, row, risk, and survival_<t>, the probability of no event by t, for the
    times of the protocol's grid, years since the index date.

    With late entry it is conditional on being there at entry, S(entry + t) / S(entry); with a competing event it is 1 - CIF(t).
    risk is the log relative hazard where that orders the probabilities, else 1 - survival at the endpoint's first horizon: with late
    entry (patients start at different points of the baseline), with a competing event, and of models without relative hazards.
    Where no baseline came with the model, the site's own is used, from the rows that the fold's model was trained on (each as often
    as `counts` says, by row); survival is missing where the site has no events in them, or where the baseline ends.
    """
    patients, frames = _patients(tables, endpoint, card["columns"]), []
    grid, late, competes = np.asarray(spec["grid"]), endpoint in spec["entry"], endpoint in spec["competing"]
    often = np.ones(len(patients.row), int) if counts is None else counts.loc[patients.row].to_numpy()
    for replicate, fold in np.ndindex(arrays["chosen"].shape[:2]):
        tested = patients.folds[:, replicate] == fold
        if tested.any():
            learned = np.repeat(np.flatnonzero(~tested), often[~tested])
            part = (patients, np.flatnonzero(tested), learned, (replicate, fold), grid, late)
            risk, gained = _cause(*part, arrays, card, cause=1)
            other = _competing(*part, arrays, card) if competes else None
            frames.append(_frame(replicate, fold, patients.row[tested], risk, event_free(gained, other), grid))
    frame = pd.concat(frames, ignore_index=True)
    relative = model_of(card["kind"]).PROPORTIONAL and not late and not competes
    return frame if relative else absolute_risk(frame, endpoint, spec)


def event_free(gained: np.ndarray, competing: np.ndarray | None = None) -> np.ndarray:
    """The probability (n, T) of no event by each time, from the cumulative hazards (n, T) of the event and of a competing one.

    1 - CIF; between two times of the grid the hazards keep their ratio: the event's share of those who leave in a cell is its share
    of the hazard, dH1 / (dH1 + dH2), which is exact where each cell holds one event time (a step of a matrix exponential).
    """
    if competing is None:
        return np.exp(-gained)
    total = gained + competing
    first, both = (np.diff(hazard, axis=1, prepend=0.0) for hazard in (gained, total))
    share = np.divide(first, both, out=np.zeros_like(both), where=both != 0)
    there = np.exp(-(total - both))
    return 1 - np.cumsum(there * share * -np.expm1(-both), axis=1)


def absolute_risk(frame: pd.DataFrame, endpoint: str, spec: dict) -> pd.DataFrame:
    """The frame with the probability of the event as risk: by the endpoint's first horizon, or, where a fold's baseline ends before,
    by the last time of the grid that every fold reaches.

    With late entry single patients are out of a baseline's reach (older than anybody seen); up to a tenth of them go without a risk.
    Where no time will do, a model without a competing event and late entry keeps its risk, which orders patients within a site.
    """
    late = endpoint in spec["entry"]
    names = [name for name in frame if name.startswith("survival_")]
    within = [name for name in names if float(name.removeprefix("survival_")) <= spec["horizons"][endpoint]]
    known = [name for name in within if frame[name].notna().mean() >= (0.9 if late else 1)]
    if known:
        return frame.assign(risk=1 - frame[known[-1]])
    return frame.assign(risk=np.nan) if late or endpoint in spec["competing"] else frame


@dataclass(frozen=True)
class _Patients:
    """Of one endpoint: design columns (n, p), entry, time and event (n, 3), row (n,), folds (n, R)."""

    x: np.ndarray
    outcome: np.ndarray
    row: np.ndarray
    folds: np.ndarray


def _patients(tables: dict[str, pd.DataFrame], endpoint: str, columns: list[str]) -> _Patients:
    design, known = tables["design"], _known(tables["harmonized"], endpoint)
    names = [f"{endpoint}_{part}" for part in ("entry", "time", "event")]
    rows = design.loc[known, "row"].to_numpy()
    return _Patients(
        design.loc[known, columns].to_numpy(dtype=float),
        tables["harmonized"].loc[known, names].to_numpy(dtype=float),
        rows,
        tables["folds"].reindex(rows).to_numpy(),
    )


def _cause(
    patients: _Patients, tested, learned, at, grid, late, arrays: dict, card: dict, cause: int
) -> tuple[np.ndarray, np.ndarray]:
    """Risk (n,) and cumulative hazard (n, T) of one cause between entry and the grid's times after it, of the tested rows."""
    model = model_of(card["kind"])
    state = {name: arrays[name][at][arrays["chosen"][at]] for name in card["state"]}
    parts = (arrays[name][at][np.newaxis] for name in ("fill", "location", "scale"))
    z = Preprocessing(*parts, np.zeros(1), np.zeros(1)).apply(patients.x, 0)
    if not model.PROPORTIONAL:
        survival = model.survival(state, z[tested], grid, card["settings"])
        with np.errstate(divide="ignore"):
            return 1 - survival[:, -1], -np.log(survival)
    risk = model.risk(state, z[tested], card["settings"])
    there = model.risk(state, z[learned], card["settings"])
    return risk, _gained(risk, there, patients.outcome, tested, learned, at, grid, late, arrays, card["ties"], cause)


def _competing(patients: _Patients, tested, learned, at, grid, late, arrays: dict, card: dict) -> np.ndarray:
    """Cumulative hazard (n, T) of the competing event; where too few had it to train on covariates, the same for all patients.

    0 where nobody had it: where follow-up ends is told by the hazard of the event itself.
    """
    if "competing" in card:
        others = {
            name.removeprefix("competing_"): array for name, array in arrays.items() if name.startswith("competing_")
        }
        hazard = _cause(patients, tested, learned, at, grid, late, others, card["competing"], cause=2)[1]
    else:
        nothing = (np.zeros(len(tested)), np.zeros(len(learned)))
        hazard = _gained(*nothing, patients.outcome, tested, learned, at, grid, late, {}, card["ties"], cause=2)
    return np.nan_to_num(hazard, nan=0.0)


def _gained(risk, there, outcome, tested, learned, at, grid, late, arrays, ties, cause) -> np.ndarray:
    """Cumulative hazard (n, T) between entry and the grid's times after it. there: risks of the rows that the model learned from."""
    entry = outcome[tested, 0]
    if "baseline" in arrays:

        def baseline(times):
            return np.interp(times, arrays["grid"], arrays["baseline"][at], left=np.nan, right=np.nan)

    else:
        # The site's own baseline, from the rows that the fold's model was trained on: computed and used here, never released.
        order = np.argsort(outcome[learned, 1], kind="stable")
        begins, ends, event = outcome[learned[order]].T

        def baseline(times):
            return cox.baseline_on(times, there[order], begins, ends, event == cause, ties)

    if not late:
        return cox.gained(risk, baseline(grid))
    return cox.gained(risk, baseline(entry[:, None] + grid), baseline(entry))


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
