"""The episodes that an invented site delivers in its own format harmonize to the true ones, whatever stands beside them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from hemapilots.config.habits import Habits
from hemapilots.harmonize.engine import harmonize
from hemapilots.harmonize.episodes import episodes
from hemapilots.harmonize.reading.units import load_factors
from hemapilots.ingest.readers import ingest
from hemapilots.paths import RESOURCES
from hemapilots.study import load_study
from hemapilots.synthesis.cohort import Drawn, draw
from hemapilots.synthesis.extracts.write import write_extract
from hemapilots.synthesis.recipe import load_recipe

CONFIG = Path(__file__).parents[2] / "config"
FACTORS = load_factors(RESOURCES / "units" / "factors.csv")
PATIENTS = 250
PILOT = "scd-synthetic"
SITES = list(yaml.safe_load((CONFIG / "pilots" / f"{PILOT}.yaml").read_text(encoding="utf-8"))["cohort"]["sites"])
DAY = 1 / 365.25


@pytest.fixture(scope="module")
def study() -> dict:
    return load_study(PILOT, CONFIG, RESOURCES)


def truth(drawn: Drawn, name: str, terminal: str) -> pd.DataFrame:
    """row, stop and event of what was drawn, up to the end of observation of the terminal endpoint."""
    events = drawn.events[drawn.events["outcome"] == name]
    row = pd.Index(drawn.clean["patient_id"]).get_indexer(events["patient_id"])
    end = drawn.clean[f"{terminal}_years"].to_numpy()
    seen = pd.DataFrame({"row": row, "stop": events["stop"], "event": events["event"]})
    seen = seen[(seen["event"] == 1) & (seen["stop"] <= end[row] + DAY / 2)]
    died = drawn.clean[f"{terminal}_status"].to_numpy() == 1
    last = pd.DataFrame({"row": range(len(end)), "stop": end, "event": np.where(died, 2.0, 0.0)})
    return pd.concat([seen, last]).sort_values(["row", "stop", "event"], ignore_index=True)


@pytest.mark.parametrize("site", SITES)
def test_episodes_come_back_from_every_format(site, study, tmp_path):
    mapping, use_case, made = study["mappings"][site], study["harmonize"], study["generate"][site]
    recipe = load_recipe(RESOURCES / "recipes" / f"{made['recipe']}.yaml")
    drawn = draw(recipe, made["index"], PATIENTS, made["seed"], made["profile"])
    seed = (made["seed"], made["index"], 1)
    write_extract(drawn.clean, mapping, use_case, FACTORS, tmp_path, Habits(**made["habits"]), seed, drawn.events)
    delivered = ingest(tmp_path, mapping)
    harmonized, _, _ = harmonize(delivered, use_case, mapping, FACTORS)
    found, issues = episodes(delivered, use_case, mapping, FACTORS, harmonized)

    (name, spec), *_ = use_case["recurrent"].items()
    wanted = truth(drawn, name, spec["terminal"])
    assert (wanted["event"] == 1).sum() > 100
    assert found["row"].tolist() == wanted["row"].tolist()
    assert found["event"].tolist() == wanted["event"].tolist()
    assert np.abs(found["stop"] - wanted["stop"]).max() < 1e-9
    # Intervals follow each other from the index date on.
    assert np.array_equal(found["start"], found.groupby("row")["stop"].shift(fill_value=0.0))
    reasons = set(issues["reason"].dropna())
    assert {"duplicate", "outside_window"} <= reasons
    assert ("date_invalid" in reasons) == (mapping["reader"] not in ("fhir", "omop"))
    assert issues["detail"].str.contains("counted with it").any()
