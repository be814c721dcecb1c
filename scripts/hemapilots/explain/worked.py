"""An invented patient, worked through: what drives the prediction, when it would not be given, and the risk under each site's baseline."""

from pathlib import Path

import numpy as np
import pandas as pd

from hemapilots.explain.abstention import FEWEST_EVENTS, FEWEST_PATIENTS, missing_inputs, of_the_patients, undecided
from hemapilots.explain.flagged import flags_of
from hemapilots.explain.foretell import Own, Portable
from hemapilots.explain.new_patients import foretold_of
from hemapilots.explain.new_rows import checked, design_of
from hemapilots.explain.portable import portable_card, read_portable
from hemapilots.explain.subject import final_arrays
from hemapilots.federation.release import Exit
from hemapilots.models.files import models_in, read_model
from hemapilots.support import MINIMUM_SUPPORT
from hemapilots.tables import write_csv

__all__ = ["WORKED_COLUMNS", "worked_patients", "worked_risks"]

WORKED_COLUMNS = ["site", "endpoint", "horizon", "risk", "lower", "upper", "best", "worst", "reasons"]


def worked_patients(folder: Path, example: dict) -> list[dict]:
    """Per endpoint of the exported models: what the invented patient brings, what each variable adds, and when the model abstains.

    example: values by variable, null for one that is missing. What it does not name is that of the median training patient.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        model = Portable(*read_portable(path))
        table, x = _patient(model, example)
        parts = {name: float(value[0]) for name, value in model.contributions(x).items()}
        rules = model.card["abstention"]
        found.append(
            {
                "endpoint": model.card["endpoint"],
                "horizons": model.card["horizons"],
                "given": {name: value for name, value in example.items() if name in model.card["inputs"]},
                "scale": "log hazard" if "coefficients" in model.arrays else "risk",
                "contributions": [part for part in _known(parts) if abs(part["value"]) > 5e-4],
                "sum": float(np.nansum([*parts.values()])),
                "missing": missing_inputs(model, table)[0],
                "reasons": _by_itself(model, table, x),
                "rules": rules,
                "decisions": model.card["decisions"],
                "intervals": "covariance" in model.arrays,
                "without": _without(model, example, rules["required"]),
            }
        )
    return found


def _known(parts: dict[str, float]) -> list[dict]:
    """Contributions by falling size."""
    known = [{"variable": name, "value": value} for name, value in parts.items() if np.isfinite(value)]
    return sorted(known, key=lambda part: -abs(part["value"]))


def _by_itself(model: Portable, table: pd.DataFrame, x: np.ndarray) -> list[str]:
    """The reasons that lie in the patient; a site adds its own."""
    return [*of_the_patients(model, table, x)[0], *(why for _, why in flags_of(model.card, table)[0])]


def _without(model: Portable, example: dict, required: list[str]) -> dict | None:
    """What is said of the same patient where the first required input is missing."""
    used = [name for name in required if name in model.card["inputs"]]
    if not used:
        return None
    table, x = _patient(model, example | {used[0]: None})
    return {"variable": used[0], "reasons": _by_itself(model, table, x)}


def _patient(model: Portable, example: dict) -> tuple[pd.DataFrame, np.ndarray]:
    """The inputs and the columns (1, p) of the invented patient."""
    inputs, encoding = model.card["inputs"], model.card["encoding"]
    given = {name: [value] for name, value in example.items() if name in inputs}
    bare = pd.DataFrame(given, index=[0])
    table = checked(bare, inputs, "example")[0] if given else pd.DataFrame({name: [None] for name in inputs})
    x, median = design_of(table, encoding), model.arrays["fill"][0, 0]
    for name in model.card["variables"]:
        if table[name].isna().item() and not _withheld(name, example, inputs):
            places = [at for at, column in enumerate(encoding) if column["variable"] == name]
            for at in places:
                x[0, at] = 0.0 if encoding[at]["type"] == "missing" else median[at]
            table[name] = _median(name, inputs[name], encoding, median)
    for name in model.card["abstention"]["required"]:
        # What only must be known, and is no input of the model, is known of the invented patient unless it says otherwise.
        if name not in model.card["variables"] and not _withheld(name, example, inputs):
            table[name] = table[name].fillna(inputs[name]["levels"][0] if inputs[name]["levels"] else 0.0)
    return table, x


def _withheld(name: str, example: dict, inputs: dict) -> bool:
    """Whether the invented patient is said to lack it, or something that it is derived from."""
    if name in example:
        return example[name] is None
    return any(_withheld(other, example, inputs) for other in inputs[name].get("reads", []))


def _median(name: str, one: dict, encoding: list[dict], median: np.ndarray):
    """The value that the median training patient has; a known one where the model has only the sign of its being missing."""
    own = {
        column.get("level", column["type"]): median[at]
        for at, column in enumerate(encoding)
        if column["variable"] == name
    }
    if "ordered" in own:
        return one["levels"][round(own["ordered"])]
    if one["type"] == "category":
        return next((level for level, value in own.items() if value == 1 and level in one["levels"]), one["levels"][0])
    return own.get("number", own.get("flag", 0.0))


def worked_risks(exit_: Exit, tables: dict[str, pd.DataFrame], folder: Path, spec: dict, path: str) -> None:
    """Write the invented patient's risks at each horizon under the site's own baseline, with 95 % intervals, best and worst of what is
    missing, and what keeps them from deciding.

    They tell the baseline hazard: an enforced gate keeps them, and the file is then empty. tables: harmonized and design.
    """
    rows = [] if exit_.gate == "enforce" else _risks(exit_.site, tables, folder, spec)
    table = pd.DataFrame(rows, columns=WORKED_COLUMNS)
    if rows:
        exit_.release_csv("worked_patient", table, path)
    else:
        write_csv(path, table)


def _risks(site: str, tables: dict[str, pd.DataFrame], folder: Path, spec: dict) -> list[dict]:
    rows = []
    for endpoint, name, regime in models_in(folder):
        if (name, regime) != (spec["model"], spec["regime"]):
            continue
        arrays, card = read_model(folder, endpoint, name, regime)
        known = tables["harmonized"][f"{endpoint}_event"].notna().to_numpy()
        outcome = tables["harmonized"].loc[known, [f"{endpoint}_{part}" for part in ("entry", "time", "event")]]
        own = Own(tables["design"].loc[known, card["columns"]].to_numpy(dtype=float), outcome.to_numpy(dtype=float))
        few = len(own.x) < FEWEST_PATIENTS or own.events < max(FEWEST_EVENTS, MINIMUM_SUPPORT)
        if few:
            continue
        model = Portable(final_arrays(arrays), portable_card(card, spec), own)
        table, x = _patient(model, spec["example"])
        rows += [{"site": site, "endpoint": endpoint} | row for row in _told(model, table, x)]
    return rows


def _told(model: Portable, table: pd.DataFrame, x: np.ndarray) -> list[dict]:
    """The risk by each horizon that the site's follow-up reaches, with its limits and why it would not be given."""
    told = foretold_of(model, table, x)
    limits, rows = told.limits or (np.full(told.risk.shape, np.nan),) * 2, []
    for place, horizon in enumerate(model.card["horizons"]):
        if np.isfinite(told.risk[0, place]):
            figures = {
                "risk": told.risk,
                "lower": limits[0],
                "upper": limits[1],
                "best": told.best,
                "worst": told.worst,
            }
            row = {"horizon": horizon} | {name: values[0, place] for name, values in figures.items()}
            rows.append(row | {"reasons": "; ".join(undecided(model.card, table, told, place)[0])})
    return rows
