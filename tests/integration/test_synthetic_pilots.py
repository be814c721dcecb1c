"""What each invented site delivers harmonizes to its clean table, cell by cell.

The exceptions are declared: cells made unreadable are unknown and stand in the issues with their reason; values beyond what the
assay tells become half the lower limit, or the upper one; the use case's checks take away what says nothing of a patient, such as
fractions of haemoglobin after a transfusion.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from extracts import clean, cohorts
from extracts.compare import differences
from hemapilots.config.habits import Habits
from hemapilots.expressions import parse
from hemapilots.harmonize.engine import harmonize
from hemapilots.harmonize.reading.units import load_factors
from hemapilots.ingest.readers import ingest
from hemapilots.paths import RESOURCES
from hemapilots.study import load_study
from hemapilots.synthesis.cohort import draw_site
from hemapilots.synthesis.extracts.write import write_extract
from hemapilots.synthesis.recipe import load_recipe

CONFIG = Path(__file__).parents[2] / "config"
FACTORS = load_factors(RESOURCES / "units" / "factors.csv")
PATIENTS = 250
PILOTS = [path.stem for path in sorted((CONFIG / "pilots").glob("*-synthetic.yaml"))]
SITES = [
    (pilot, site)
    for pilot in PILOTS
    for site in yaml.safe_load((CONFIG / "pilots" / f"{pilot}.yaml").read_text(encoding="utf-8"))["cohort"]["sites"]
]


@pytest.fixture(scope="module")
def studies() -> dict:
    return {pilot: load_study(pilot, CONFIG, RESOURCES) for pilot in PILOTS}


def as_told(table: pd.DataFrame, habits: Habits) -> pd.DataFrame:
    """Values beyond the limits of an assay as they can be known."""
    table = table.copy()
    for name, (low, high) in habits.limits.items():
        below = table[name] < (-np.inf if low is None else low)
        table[name] = (
            table[name].mask(below, low and low / 2).mask(table[name] > (np.inf if high is None else high), high)
        )
    return table


def without(table: pd.DataFrame, corrupt: pd.DataFrame) -> pd.DataFrame:
    """The table with the corrupt cells unknown."""
    table = table.set_index("patient_id")
    for patient, name in corrupt[["patient_id", "variable"]].itertuples(index=False):
        table.loc[patient, name] = None if table[name].dtype == object else np.nan
    return table.reset_index()


def checked(table: pd.DataFrame, use_case: dict, given: set[str]) -> pd.DataFrame:
    """The table without the values that a check of the use case takes away, as far as the source can decide it."""
    columns = {name: table[name].to_numpy() for name in table}
    for name, spec in use_case["variables"].items():
        if name not in given or name not in table:
            text = spec["type"] in ("category", "karyotype")
            columns[name] = np.full(len(table), None, dtype=object) if text else np.full(len(table), np.nan)
    out = table.copy()
    for check in use_case["checks"]:
        if check["action"] == "null":
            true = np.broadcast_to(parse(check["expression"]).evaluate(columns) == 1, (len(table),))
            for name in {*check["variables"]} & {*table}:
                out[name] = out[name].mask(true, None if out[name].dtype == object else np.nan)
    return out


def with_outcomes(table: pd.DataFrame, use_case: dict) -> pd.DataFrame:
    """The table with the outcomes that its dates tell of and that were not drawn; unknown where the flag beside them is."""
    table, follow_up = table.copy(), use_case["follow_up"]
    for entry in follow_up["outcomes"].values():
        if entry["time"] not in table:
            told = table[entry["known"]].notna() if entry.get("known") else True
            for name, values in zip(
                (entry["time"], entry["status"]), clean.outcome(table, follow_up, entry), strict=True
            ):
                table[name] = np.where(told, values, np.nan)
    return table


@pytest.mark.parametrize(("pilot", "site"), SITES)
def test_a_site_s_extract_harmonizes_to_its_clean_table(pilot, site, studies, tmp_path):
    study = studies[pilot]
    mapping, use_case, made = study["mappings"][site], study["harmonize"], study["generate"][site]
    habits = Habits(**made["habits"]).model_copy(update={"corrupt": 0.01})
    recipe = load_recipe(RESOURCES / "recipes" / f"{made['recipe']}.yaml")
    drawn = draw_site(recipe, made["index"], PATIENTS, made["seed"], made["profile"])
    corrupt = write_extract(drawn, mapping, use_case, FACTORS, tmp_path, habits, (made["seed"], made["index"], 1))
    harmonized, issues, flow = harmonize(ingest(tmp_path, mapping), use_case, mapping, FACTORS)

    assert flow["steps"][-1]["records_out"] == PATIENTS
    assert harmonized["row"].tolist() == list(range(PATIENTS))
    given = cohorts.delivered(use_case, mapping)
    known = with_outcomes(checked(without(as_told(drawn, habits), corrupt), use_case, given), use_case)
    # What nobody drew but the source tells, such as the number of changes of a karyotype, has nothing to be compared with.
    beyond = [name for name in given - set(known) if name in harmonized]
    wanted = clean.expected(known, use_case, given & set(known)).drop(columns=beyond)
    assert differences(harmonized.drop(columns=beyond), wanted, relative=1e-12) == []

    rows = dict(zip(drawn["patient_id"], range(PATIENTS), strict=True))
    nulled = issues[issues["status"] == "null"]
    said = set(zip(nulled["row"].fillna(-1).astype(int), nulled["variable"], nulled["reason"], strict=True))
    assert len(corrupt) > 0
    missed = [
        cell
        for cell in corrupt.itertuples(index=False)
        if (rows[cell.patient_id], cell.variable, cell.reason) not in said
    ]
    assert missed == []
